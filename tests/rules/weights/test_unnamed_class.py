"""GF438: a config.json that names no class."""

import json

import pytest

from genfix.rules import Applicability, Severity
from tests.support.folders import Files, with_json
from tests.support.judging import find, repaired
from tests.support.weight_files import SINGLE, weight_file
from tests.support.whole_models import OWN_CODE, WHOLE, lost, whole, whole_but

CONFIG = "config.json"
CLASS = json.loads(WHOLE[CONFIG])["architectures"]


def unnamed(files: Files, **values: object) -> Files:
    return with_json(files, CONFIG, **({"architectures": ...} | values))


@pytest.mark.parametrize("value", [..., [], None])
def test_the_class_that_has_exactly_these_tensors_is_named(value: object) -> None:
    files = unnamed(WHOLE, architectures=value)
    [finding] = [found for found in find(files) if found.code == "GF438"]
    assert (finding.severity, finding.expected) == (Severity.WARNING, CLASS)
    assert finding.fix is not None
    assert finding.fix.applicability is Applicability.SAFE
    assert {"sglang", "llama.cpp"} <= {*finding.engines}
    assert not [found for found in find(files) if found.code == "GF513"]
    assert json.loads(repaired(files, None)[CONFIG]) == json.loads(WHOLE[CONFIG])


def test_nothing_is_told_twice_where_the_base_names_it() -> None:
    found = [each for each in find(unnamed(WHOLE), WHOLE) if each.pointer == "/architectures"]
    assert [each.code for each in found] == ["GF402"]


def test_a_base_without_it_is_a_fault_of_the_base() -> None:
    [finding] = [each for each in find(unnamed(WHOLE), unnamed(WHOLE)) if each.code == "GF438"]
    assert (finding.severity, finding.fix is None or finding.fix.operations) == (Severity.INFO, ())


@pytest.mark.parametrize(
    "files",
    [
        {**whole_but(lambda t: {n.removeprefix("model."): s for n, s in lost(t, "lm_head.weight").items()})},
        WHOLE | {SINGLE: weight_file(lost(whole(), "layers.1.input_layernorm.weight"))},
        WHOLE | {SINGLE: weight_file(whole() | {"score.weight": (2, 64)})},
        {**OWN_CODE},
        {name: content for name, content in WHOLE.items() if name != SINGLE},
        WHOLE | {"modules.json": b"[]"},
    ],
    ids=["a trunk", "a norm is lost", "a head more", "own code", "no weights", "an embedding model"],
)
def test_where_the_tensors_do_not_tell_nothing_is_said(files: Files) -> None:
    assert not [found for found in find(unnamed(files)) if found.code == "GF438"]


def test_a_type_whose_encoder_has_the_same_tensors_is_left_alone() -> None:
    assert not [found for found in find(unnamed(WHOLE, model_type="roberta")) if found.code == "GF438"]
