"""What config.json says about quantized weights, and what is no contradiction."""

import pytest

from genfix.json_types import JsonValue
from genfix.rules import Applicability, Severity
from tests.support.judging import find, repaired
from tests.support.weight_files import SINGLE
from tests.support.weighted import FOUR_BITS, PACKED, QWEN, WEIGHTED, config, only, packed, silent, value


@pytest.mark.parametrize("method", PACKED)
def test_a_quantised_copy_stays_as_it_is(method: str) -> None:
    declared: JsonValue = {"quant_method": method, "config_groups": {"g": {}}}
    copy = config(QWEN, quantization_config=declared) | {SINGLE: packed(method)}
    assert silent(copy, WEIGHTED)
    assert silent(copy, copy)
    assert silent(copy, None)


@pytest.mark.parametrize("method", PACKED)
def test_what_a_quantised_base_left_in_a_plain_merge(method: str) -> None:
    declared: JsonValue = {"quant_method": method, "config_groups": {"g": {}}}
    base = config(QWEN, quantization_config=declared) | {SINGLE: packed(method)}
    merged = config(WEIGHTED, quantization_config=declared)
    assert only(merged, "GF421", base).severity is Severity.ERROR
    assert value(repaired(merged, base), "quantization_config") is None
    assert silent(WEIGHTED, base)


def test_quantising_on_loading_is_the_bases_choice_or_the_authors() -> None:
    base = config(WEIGHTED, quantization_config=FOUR_BITS)
    assert find(base, base, "GF421") == []
    alone = only(base, "GF421", None)
    assert alone.fix is not None
    assert (alone.severity, alone.fix.applicability) == (Severity.INFO, Applicability.UNSAFE)


def test_methods_that_nobody_knows_are_left_alone() -> None:
    assert silent(config(WEIGHTED, quantization_config={"quant_method": "quark"}))
    assert silent(
        config(WEIGHTED, quantization_config={"quant_method": "compressed-tensors", "format": "dense"})
    )


@pytest.mark.parametrize("method", PACKED)
def test_quantised_weights_get_their_declaration_back(method: str) -> None:
    declared: JsonValue = {"quant_method": method, "bits": 4}
    base = config(QWEN, quantization_config=declared) | {SINGLE: packed(method)}
    merged = QWEN | {SINGLE: packed(method)}
    assert value(repaired(merged, base), "quantization_config") == declared
    fix = only(merged, "GF422", WEIGHTED).fix
    assert fix is not None
    assert fix.applicability is Applicability.MANUAL


@pytest.mark.parametrize("name", ["quantize_config.json", "hf_quant_config.json"])
def test_a_declaration_in_a_file_of_its_own_is_one(name: str) -> None:
    assert find(QWEN | {SINGLE: packed("gptq"), name: b"{}"}, None, "GF422") == []
