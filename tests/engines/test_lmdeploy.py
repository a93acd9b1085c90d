"""LMDeploy's view, where folders are odd; the conformance harness has the same by the real engine."""

import pytest

from genfix.engines.every import engine_view
from genfix.engines.shared.view import EngineView
from genfix.model import Model
from tests.support.engine_folders import QWEN, TOKENS, inline
from tests.support.folders import Files, MemoryFolder, dump

NO_EOS = dump(
    {"added_tokens_decoder": TOKENS, "tokenizer_class": "PreTrainedTokenizerFast", "eos_token": None}
)


def of(files: Files, version: str = "") -> EngineView:
    """The view."""
    return engine_view("lmdeploy", Model(MemoryFolder(files)), version)


def problems(files: Files) -> list[str]:
    """Their ids."""
    return [problem.id for problem in of(files).problems]


@pytest.mark.parametrize("eos", [258.5, 257.0, [[258]]])
def test_a_request_fails_on_ids_that_no_set_takes(eos: object) -> None:
    assert problems(inline(generation={"eos_token_id": eos})) == ["engine-fails-on-eos"]


@pytest.mark.parametrize(
    ("generation", "problem"),
    [
        ({"eos_token_id": 258}, None),
        ({"eos_token_id": None}, None),
        ({"eos_token_id": [257, 258]}, "engine-cannot-read-value"),
        ({"eos_token_id": "258"}, "engine-cannot-read-value"),
        ({"eos_token_id": -1}, "engine-cannot-read-value"),
        ({}, "engine-cannot-do-without-eos"),
    ],
)
def test_a_tokenizer_without_eos_takes_one_id_of_generation_config(
    generation: object, problem: str | None
) -> None:
    files = inline(generation=generation) | {"tokenizer_config.json": NO_EOS}
    assert problems(files) == ([] if problem is None else [problem])


def test_a_tokenizer_without_eos_wants_generation_config_to_be_json() -> None:
    files = inline() | {"tokenizer_config.json": NO_EOS}
    assert problems(files) == []
    assert problems(files | {"generation_config.json": b"{"}) == ["engine-cannot-read-generation-config"]


@pytest.mark.parametrize(
    ("values", "tokens"),
    [
        ({"max_position_embeddings": 5000, "seq_length": 3000}, 3000),
        ({"max_position_embeddings": 5000, "rope_scaling": {"type": "linear", "factor": 4.0}}, 5000),
        ({}, 32768),
    ],
)
def test_context_is_the_smallest_length(values: dict[str, object], tokens: int) -> None:
    assert of(inline({**QWEN, **values})).context_length == tokens


def test_versions() -> None:
    files = inline({**QWEN, "eos_token_id": 258})
    assert of(files, "0.17.0").stop_token_ids == (257,)
    assert of(files, "0.18.0").stop_token_ids == (257, 258)
    settings = inline(generation={"eos_token_id": 257, "temperature": 0.5})
    assert of(settings, "0.14.0").sampling == {}
    assert of(settings, "0.15.0").sampling == {"temperature": 0.5}
