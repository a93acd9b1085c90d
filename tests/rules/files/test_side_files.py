"""What comes back of the files that stand beside a model."""

import pytest

from genfix.rules import Applicability
from tests.support.folders import CHATML, chatml_files, with_json, without
from tests.support.judging import find, repaired
from tests.support.weighted import EMBEDDER, POOLING

TOOL_USE = "additional_chat_templates/tool_use.jinja"
CHAT = chatml_files() | {TOOL_USE: b"{{ messages }}", "chat_template.jinja": CHATML.encode()}


def test_a_template_for_tools_comes_back() -> None:
    lost = without(CHAT, TOOL_USE)
    assert repaired(lost, CHAT) == CHAT


def test_it_stays_away_from_another_default_template() -> None:
    own = without(CHAT, TOOL_USE) | {"chat_template.jinja": b"{{ mine }}"}
    assert find(own, CHAT, "GF505") == []


@pytest.mark.parametrize(
    "lost", [("modules.json",), (POOLING,), ("modules.json", "sentence_bert_config.json", POOLING)]
)
def test_pooling_comes_back(lost: tuple[str, ...]) -> None:
    assert repaired(without(EMBEDDER, *lost), EMBEDDER) == EMBEDDER


def test_a_generating_model_made_from_an_embedder_needs_no_pooling() -> None:
    merged = with_json(without(EMBEDDER, "modules.json"), "config.json", architectures=["Qwen2Model"])
    assert find(merged, EMBEDDER, "GF505") == []


def test_a_module_whose_weights_are_gone_is_for_a_person() -> None:
    base = EMBEDDER | {"1_Pooling/model.safetensors": b""}
    (finding,) = find(without(base, "1_Pooling/model.safetensors", POOLING), base, "GF505")
    assert finding.fix is not None
    assert finding.fix.applicability is Applicability.MANUAL


def test_a_modules_file_that_is_no_list_names_no_directory() -> None:
    base = EMBEDDER | {"modules.json": b"{}"}
    assert find(without(base, POOLING), base, "GF505") == []
