"""GF418 and GF433 to GF437: tensors against the class that config.json names."""

import json
import re
from collections.abc import Callable

import pytest

from genfix.rules import Applicability, Finding, Severity
from tests.support.folders import Files, with_json
from tests.support.judging import find, repaired
from tests.support.weight_files import SINGLE, sharded, weight_file
from tests.support.whole_models import MIXED, OWN_CODE, WHOLE, Tensors, lost, stacked, whole, whole_but

CONFIG = "config.json"
CODES = ("GF418", "GF433", "GF434", "GF435", "GF436")


def config(files: Files, **values: object) -> Files:
    return with_json(files, CONFIG, **values)


def about(files: Files, base: Files | None = None) -> list[Finding]:
    return [finding for finding in find(files, base) if finding.code in CODES]


def under(prefix: str) -> Callable[[Tensors], Tensors]:
    return lambda tensors: {f"{prefix}{name}": shape for name, shape in tensors.items()}


def renamed(old: str, new: str) -> Callable[[Tensors], Tensors]:
    return lambda tensors: {name.replace(old, new): shape for name, shape in tensors.items()}


HEALTHY: dict[str, Files] = {
    "one file": WHOLE,
    "shards": WHOLE | sharded(whole(), 3),
    "experts one by one": MIXED,
    "experts in one tensor": MIXED | {SINGLE: weight_file(stacked())},
    "the trunk's own names under the head's class": whole_but(renamed("model.", "")),
    "a tied head": config(whole_but(lambda t: lost(t, "lm_head.weight")), tie_word_embeddings=True),
    "a doubled prefix, which transformers takes off": whole_but(under("model.")),
    "a tied head that was saved": config(WHOLE, tie_word_embeddings=True),
    "more layers, and said so": config(WHOLE, num_hidden_layers=5) | {SINGLE: weight_file(whole(5))},
    "a vocabulary that was cut": config(
        whole_but(lambda t: {n: (200, *s[1:]) if s[0] == 1024 else s for n, s in t.items()}), vocab_size=200
    ),
    "a buffer of older releases": whole_but(lambda t: {**t, "model.layers.0.rotary_emb.inv_freq": (8,)}),
    "a class that no table has": config(WHOLE, architectures=["SomeForCausalLM"], model_type="some"),
    "code of its own": OWN_CODE,
    "quantised by a method with names of its own": config(
        whole_but(
            lambda t: {
                (f"{n.removesuffix('weight')}{part}" if "_proj." in n else n): shape
                for n, shape in t.items()
                for part in ("codes", "codebooks.0")
            }
        ),
        quantization_config={"quant_method": "some"},
    ),
}


@pytest.mark.parametrize("name", HEALTHY)
def test_what_the_class_takes_is_healthy_with_a_base_and_without(name: str) -> None:
    assert about(HEALTHY[name]) == []
    assert about(HEALTHY[name], HEALTHY[name]) == []


BROKEN: dict[str, Callable[[Tensors], Tensors]] = {
    "a norm of one layer": lambda t: lost(t, "layers.1.input_layernorm.weight"),
    "a norm of all layers": lambda t: lost(t, "q_norm.weight"),
    "the last norm": lambda t: lost(t, "model.norm.weight"),
    "a layer's attention": lambda t: {n: s for n, s in t.items() if "layers.1.self_attn" not in n},
    "the embedding": lambda t: lost(t, "embed_tokens.weight"),
    "a prefix too many": under("model.model."),
    "a wrapper": under("module."),
    "a renamed module": renamed("self_attn", "attention"),
    "renamed modules of all layers": lambda t: {
        re.sub(r"(gate|up|down)_proj", r"\1_lin", n): s for n, s in t.items()
    },
    "all norms of all layers": lambda t: {n: s for n, s in t.items() if "norm" not in n},
    "attention and norms of all layers": lambda t: {
        n: s for n, s in t.items() if ".mlp." in n or "norm" in n
    },
    "the MLP of all layers": lambda t: {n: s for n, s in t.items() if ".mlp." not in n},
    "most of it": lambda t: dict([*t.items()][:3]),
    "an unknown prefix before all": under("policy.actor."),
    "every other tensor and one more": lambda t: dict([*t.items()][::2][:-3]),
    "two prefixes": lambda t: {(f"language.{n}" if ".mlp." in n else n): s for n, s in t.items()},
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_the_class_makes_up_is_an_error_with_a_base_and_without(name: str) -> None:
    merged = whole_but(BROKEN[name])
    for base in (None, WHOLE):
        (finding,) = find(merged, base, "GF433")
        assert finding.severity is Severity.ERROR
        assert re.search(r"makes up \d+ of the \d+ tensors of Qwen3ForCausalLM", str(finding.message))


def test_the_message_counts_forms_and_names_the_prefix() -> None:
    (finding,) = find(whole_but(BROKEN["two prefixes"]), None, "GF433")
    assert "model.layers.*.mlp.gate_proj.weight (2)" in str(finding.message)
    assert any("6 of them are there under the prefix language." in str(said) for said in finding.evidence)


def test_what_the_base_lacks_too_is_information() -> None:
    merged = whole_but(BROKEN["a norm of all layers"])
    assert [finding.severity for finding in about(merged, merged)] == [Severity.INFO]


def test_biases_that_no_layer_has_are_another_makers_layout() -> None:
    """The weights of Qwen3 under Qwen2's name, say: who wrote them may have a reader."""
    merged = config(WHOLE, architectures=["Qwen2ForCausalLM"], model_type="qwen2")
    (finding,) = find(merged, None, "GF433")
    assert finding.severity is Severity.INFO


@pytest.mark.parametrize(("lost_too", "severity"), [("", None), ("q", "error"), ("qkv", "info")])
def test_biases_are_lost_where_others_of_their_kind_are_there(lost_too: str, severity: str | None) -> None:
    """Of queries, keys and values all have them or none has."""
    qwen2 = whole_but(
        lambda t: (
            {n: s for n, s in t.items() if "_norm.weight" not in n or "self_attn" not in n}
            | {
                n.replace("weight", "bias"): s[:1]
                for n, s in t.items()
                if re.search(r"[qkv]_proj\.weight$", n) and n.split("_proj")[0][-1] not in lost_too
            }
        )
    )
    found = find(config(qwen2, architectures=["Qwen2ForCausalLM"], model_type="qwen2"), None, "GF433")
    assert [finding.severity.value for finding in found] == [*filter(None, [severity])]


LARGE = config(WHOLE, hidden_size=4096, intermediate_size=8192, num_hidden_layers=2, head_dim=None)
NORMS = {
    "model.norm.weight": (4096,),
    **{
        f"model.layers.{n}.{part}_layernorm.weight": (4096,)
        for n in (0, 1)
        for part in ("input", "post_attention")
    },
}
STAND_INS: dict[str, Tensors] = {
    "a small model of the class": whole(),
    "its embedding": {"model.embed_tokens.weight": (1024, 4)},
    "a tensor a layer": {f"model.layers.{n}.self_attn.q_proj.weight": (8, 8) for n in (0, 1)},
    "single numbers": {"model.norm.weight": (1,), "lm_head.weight": (1, 1)},
    "one real norm among them": {**whole(), "model.norm.weight": (4096,)},
}
REMAINS: dict[str, Tensors] = {
    "norms": NORMS,
    "one norm": {"model.norm.weight": (4096,)},
    "norms of heads": {
        f"model.layers.{n}.self_attn.{part}_norm.weight": (1024,) for n in (0, 1) for part in "qk"
    },
    "norms and what another program has beside": {**NORMS, "epoch": (1,), "steps.count": (1,)},
    "norms under a wrapper": {f"module.{name}": shape for name, shape in NORMS.items()},
    "a small model under other names": {f"policy.{name}": shape for name, shape in whole().items()},
}


@pytest.mark.parametrize("name", STAND_INS)
def test_of_a_stand_in_for_weights_nothing_is_said(name: str) -> None:
    merged = LARGE | {SINGLE: weight_file(STAND_INS[name])}
    assert about(merged) == about(merged, merged) == []


@pytest.mark.parametrize("name", REMAINS)
def test_what_is_left_of_a_save_is_no_stand_in(name: str) -> None:
    (finding,) = find(LARGE | {SINGLE: weight_file(REMAINS[name])}, None, "GF433")
    assert finding.severity is Severity.ERROR


def test_expert_by_expert_and_one_is_lost() -> None:
    merged = MIXED | {SINGLE: weight_file(lost(whole(experts=4), "layers.1.mlp.experts.2.up_proj.weight"))}
    (finding,) = find(merged, MIXED, "GF433")
    assert "model.layers.*.mlp.experts.gate_up_proj" in str(finding.message)


def test_the_class_of_the_base_is_copied_where_all_tensors_are_its() -> None:
    named = config(WHOLE, architectures=["Qwen3ForSequenceClassification"])
    (finding,) = find(named, WHOLE, "GF433")
    assert finding.fix is not None
    assert finding.fix.applicability is Applicability.SAFE
    assert json.loads(repaired(named, WHOLE)[CONFIG])["architectures"] == ["Qwen3ForCausalLM"]


@pytest.mark.parametrize(
    ("key", "wrong", "right"),
    [("intermediate_size", 48, 96), ("num_key_value_heads", 4, 2), ("hidden_size", 32, 64)],
)
def test_a_size_that_every_tensor_contradicts(key: str, wrong: int, right: int) -> None:
    merged = config(WHOLE, **{key: wrong})
    assert json.loads(repaired(merged, WHOLE)[CONFIG])[key] == right
    assert about(repaired(merged, WHOLE), WHOLE) == []


def test_a_hidden_size_that_the_base_has_too_is_for_a_person_to_change() -> None:
    """Safe without that base, of which the repaired folder would be no more."""
    merged = config(WHOLE, hidden_size=32)
    (finding,) = find(merged, merged, "GF418")
    assert finding.fix is not None
    assert finding.fix.applicability is Applicability.UNSAFE
    assert repaired(merged, merged) == merged
    assert json.loads(repaired(merged, None)[CONFIG])["hidden_size"] == 64


def test_two_sizes_at_once() -> None:
    merged = config(WHOLE, intermediate_size=192, num_key_value_heads=1)
    found = find(merged, None, "GF418")
    assert {finding.pointer for finding in found} == {"/intermediate_size", "/num_key_value_heads"}


def test_a_transposed_matrix_is_no_size() -> None:
    merged = whole_but(lambda t: {**t, "model.layers.0.mlp.up_proj.weight": (64, 96)})
    (finding,) = about(merged, WHOLE)
    assert (finding.code, finding.severity) == ("GF434", Severity.ERROR)


def test_stubs_without_data_need_no_base() -> None:
    merged = whole_but(lambda t: {n: (0,) if "layers.1" in n else s for n, s in t.items()})
    assert [(f.code, f.severity) for f in about(merged)] == [("GF435", Severity.ERROR)]


def test_code_of_its_own_is_held_against_the_base() -> None:
    merged = OWN_CODE | {SINGLE: weight_file(lost(whole(), "k_norm.weight"))}
    (finding,) = about(merged, OWN_CODE)
    assert (finding.code, finding.severity) == ("GF436", Severity.ERROR)
    assert about(OWN_CODE | {SINGLE: weight_file(renamed("model.", "")(whole()))}, OWN_CODE) == []
