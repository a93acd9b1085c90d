"""GF433 over configs in the spelling of older releases, which the class reads as its own."""

import json

from genfix.engines.modeling.module_configs import ConfigView
from genfix.engines.modeling.module_nodes import wanted
from genfix.engines.modeling.module_programs import Builder
from genfix.json_types import JsonObject
from genfix.rules import Severity
from tests.support.folders import Files
from tests.support.judging import find
from tests.support.weight_files import SINGLE, weight_file

T5 = "T5ForConditionalGeneration"
T5_SIZES: JsonObject = {
    "model_type": "t5",
    "vocab_size": 96,
    "d_model": 32,
    "d_kv": 8,
    "d_ff": 64,
    "num_layers": 2,
    "num_heads": 4,
}
GRANITE = "GraniteMoeHybridForCausalLM"
GRANITE_SIZES: JsonObject = {
    "model_type": "granitemoehybrid",
    "vocab_size": 96,
    "hidden_size": 32,
    "intermediate_size": 64,
    "shared_intermediate_size": 64,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "num_local_experts": 0,
    "mamba_n_heads": 8,
    "mamba_d_head": 8,
    "mamba_d_state": 8,
    "tie_word_embeddings": True,
}
OLD_KINDS: JsonObject = {"layer_types": ["mamba", "attention", "mamba"]}
NEW_KINDS: JsonObject = {"layer_types": ["linear_attention", "full_attention", "linear_attention"]}


def folder(owner: str, sizes: JsonObject, stated: JsonObject, *, without: tuple[str, ...] = ()) -> Files:
    """Weights of the class by ``sizes``, less some, beside a config.json that states more."""
    root = Builder().model(owner, ConfigView({**sizes, **NEW_KINDS}, str(sizes["model_type"])))
    assert root is not None
    tensors = {
        name: tuple(size or 1 for size in parameter.shape or ())
        for name, parameter in wanted(root).tensors.items()
        if parameter.is_needed and name not in without
    }
    config = {"architectures": [owner], **sizes, **stated}
    return {"config.json": json.dumps(config).encode(), SINGLE: weight_file(tensors)}


def test_a_tie_that_the_class_makes_whatever_the_file_says_loses_nothing() -> None:
    embeddings = ("encoder.embed_tokens.weight", "decoder.embed_tokens.weight")
    merged = folder(T5, T5_SIZES, {"tie_word_embeddings": False}, without=embeddings)
    assert find(merged, None, "GF433") == []
    assert find(merged, merged, "GF433") == []


def test_beside_such_a_tie_a_lost_tensor_is_an_error() -> None:
    gone = ("encoder.embed_tokens.weight", "decoder.embed_tokens.weight", "encoder.final_layer_norm.weight")
    (finding,) = find(folder(T5, T5_SIZES, {"tie_word_embeddings": False}, without=gone), None, "GF433")
    assert finding.severity is Severity.ERROR
    assert "encoder.final_layer_norm.weight" in str(finding.message)


def test_older_names_of_kinds_of_layers_are_those_kinds() -> None:
    for kinds in (OLD_KINDS, NEW_KINDS):
        assert find(folder(GRANITE, GRANITE_SIZES, kinds), None, "GF433") == []


def test_another_kind_than_the_layer_has_is_an_error() -> None:
    swapped: JsonObject = {"layer_types": ["mamba", "mamba", "attention"]}
    (finding,) = find(folder(GRANITE, GRANITE_SIZES, swapped), None, "GF433")
    assert finding.severity is Severity.ERROR
