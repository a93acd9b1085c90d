"""The class of the model and the names of its weights."""

import pytest

from genfix.rules import Applicability, Severity
from tests.support.judging import find, repaired
from tests.support.weight_files import SINGLE, causal, weight_file
from tests.support.weighted import QWEN, SCORED, SEEING, TIED, WEIGHTED, config, only, silent, value


def test_a_class_without_its_head() -> None:
    merged = config(WEIGHTED, architectures=["Qwen2Model"])
    assert only(merged, "GF431").severity is Severity.ERROR
    assert value(repaired(merged, WEIGHTED), "architectures") == ["Qwen2ForCausalLM"]


def test_an_embedding_model_made_from_a_generating_one_stays() -> None:
    bare = weight_file(causal(head=False, prefix=""))
    assert silent(config(QWEN | {SINGLE: bare}, architectures=["Qwen2Model"]))
    assert silent(config(WEIGHTED | {"modules.json": b"[]"}, architectures=["Qwen2Model"]))


def test_a_tied_trunk_may_be_an_embedding_model() -> None:
    finding = only(config(TIED, architectures=["Qwen2Model"]), "GF431", TIED)
    assert finding.fix is not None
    assert (finding.severity, finding.fix.applicability) == (Severity.WARNING, Applicability.UNSAFE)


def test_a_reward_model_that_was_saved_as_a_generating_one() -> None:
    merged = QWEN | {SINGLE: weight_file(SCORED)}
    reward = config(merged, architectures=["Qwen2ForSequenceClassification"])
    assert value(repaired(merged, reward), "architectures") == ["Qwen2ForSequenceClassification"]
    fix = only(merged, "GF431", WEIGHTED).fix
    assert fix is not None
    assert fix.applicability is Applicability.MANUAL


def test_classification_and_value_heads_stay() -> None:
    merged = config(QWEN | {SINGLE: weight_file(SCORED)}, architectures=["Qwen2ForSequenceClassification"])
    assert silent(merged)
    assert silent(WEIGHTED | {SINGLE: weight_file({**causal(), "v_head.summary.weight": (1, 4)})})


def test_a_language_model_that_still_calls_itself_seeing() -> None:
    finding = only(SEEING | {SINGLE: weight_file(causal())}, "GF431", SEEING)
    assert finding.message.id == "part-is-gone"
    assert find(SEEING, SEEING, "GF431") == []


def test_a_language_model_taken_out_with_its_own_class_stays() -> None:
    taken = config(SEEING, architectures=["Qwen2ForCausalLM"], vision_config=..., model_type="qwen2_vl_text")
    assert find(taken | {SINGLE: weight_file(causal())}, SEEING, "GF431") == []


@pytest.mark.parametrize(
    "name",
    [
        "base_model.model.model.layers.0.self_attn.q_proj.weight",
        "_orig_mod.model.layers.0.mlp.down_proj.weight",
        "model.layers.0.self_attn.q_proj.base_layer.weight",
        "model.layers.0.self_attn.q_proj.lora_A.default.weight",
    ],
)
def test_names_that_a_trainer_wrapped(name: str) -> None:
    merged = QWEN | {SINGLE: weight_file({**causal(), name: (4, 4)})}
    assert only(merged, "GF432", None).severity is Severity.ERROR
