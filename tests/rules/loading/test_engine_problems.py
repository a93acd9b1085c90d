"""What engines say of loading and serving, as findings: each thing once, and nothing left untold."""

import json

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from genfix.engines.every import every_view
from genfix.errors import BaseModelError
from genfix.rules import Severity
from genfix.rules.loading.carried import carriers
from tests.support.damage import damaged
from tests.support.folders import Files, chatml_files, glm_files, vlm_files, with_json, without
from tests.support.judging import context, find, judged
from tests.support.weighted import SHARDS, WEIGHTED

CONFIG, GEN, TOK, FAST = "config.json", "generation_config.json", "tokenizer_config.json", "tokenizer.json"
GLM, QWEN = glm_files(), chatml_files()
WHOLE = {"model.safetensors.index.json": b'{"weight_map": {}}'}
FOLDERS = {
    "glm": GLM,
    "chatml": QWEN,
    "vlm": vlm_files(),
    "weighted": WEIGHTED,
    "shards": SHARDS,
    "pickled": QWEN | {"pytorch_model.bin": b""},
    "gguf": QWEN | {"model.gguf": b"GGUF"},
}


def severities(merged: Files, base: Files | None, code: str) -> list[str]:
    return [str(finding.severity) for finding in find(merged, base, code)]


@pytest.mark.parametrize("name", FOLDERS)
@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_each_problem_of_an_engine_has_a_finding_that_names_the_engine(
    name: str, data: st.DataObject
) -> None:
    """Alone, and against the folder it was made from."""
    merged = data.draw(damaged(FOLDERS[name]))
    base = data.draw(st.sampled_from([None, FOLDERS[name]]))
    made = context(merged, base)
    findings = judged(made)
    for view in every_view(made.merged).values():
        for problem in view.problems:
            assert any(view.engine in finding.engines for finding in carriers(problem, findings)), problem


@pytest.mark.parametrize("name", FOLDERS)
@settings(deadline=None, max_examples=10, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_what_the_base_has_too_is_information(name: str, data: st.DataObject) -> None:
    folder = data.draw(damaged(FOLDERS[name]))
    try:
        told = [finding for code in ("GF511", "GF512", "GF513") for finding in find(folder, folder, code)]
    except BaseModelError:
        assume(False)  # it is no base
    assert {finding.severity for finding in told} <= {Severity.INFO}


@pytest.mark.parametrize("lost", [("tokenizer.json",), ("tokenizer.json", TOK)])
def test_a_merge_without_a_vocabulary_is_told_as_far_as_it_is_a_model(lost: tuple[str, ...]) -> None:
    merged = without(WEIGHTED, *lost)
    [finding] = find(merged, None, "GF511")
    assert finding.severity is Severity.WARNING
    assert {"transformers5", "vllm", "sglang"} <= {*finding.engines}
    assert severities(merged, WEIGHTED, "GF511") == []  # GF301 says it, and can mend it
    assert "error" in severities(merged, WEIGHTED, "GF301")
    assert severities(merged, merged, "GF511") == ["info"]
    assert severities(without(QWEN, *lost), None, "GF511") == ["info"]  # config files only
    assert severities(without(QWEN, *lost) | WHOLE, None, "GF511") == ["warning"]


@pytest.mark.parametrize("kind", ["vit", "detr", "encodec", "patchtst"])
def test_a_model_that_reads_no_words_misses_no_vocabulary(kind: str) -> None:
    sees = {CONFIG: json.dumps({"model_type": kind}).encode(), **WHOLE}
    assert severities(sees, None, "GF511") == []
    # Words beside it, or a class that nobody knows, may want a tokenizer.
    assert severities(with_json(sees, CONFIG, vocab_size=96), None, "GF511") == ["warning"]


@pytest.mark.parametrize("kind", ["clip", "whisper", "vision-encoder-decoder", "bert"])
def test_a_part_that_reads_words_misses_one(kind: str) -> None:
    reads = {CONFIG: json.dumps({"model_type": kind}).encode(), **WHOLE}
    assert severities(reads, None, "GF511") == ["warning"]


def test_a_vocabulary_that_the_class_does_not_read_is_none() -> None:
    merged = without(WEIGHTED, FAST) | {"tokenizer.model.v3": b"mine"}
    [finding] = find(merged, None, "GF511")
    assert "tokenizer.model.v3" in str(finding.evidence[0])


@pytest.mark.parametrize(
    ("names", "engines"),
    [
        (["pytorch_model.bin"], {"mlx-lm"}),
        (["model.onnx"], {*every_view(context(QWEN).merged)}),
        (["onnx/model.onnx"], {*every_view(context(QWEN).merged)}),
        (["model.Q4_K_M.gguf"], {*every_view(context(QWEN).merged)} - {"llama.cpp"}),
    ],
)
def test_weights_in_another_format_are_told_and_are_no_fault(names: list[str], engines: set[str]) -> None:
    merged = QWEN | dict.fromkeys(names, b"")
    [finding] = find(merged, None, "GF512")
    assert (finding.severity, {*finding.engines}) == (Severity.INFO, engines)
    assert finding.file == names[0]


def test_an_export_carries_its_own_vocabulary() -> None:
    assert severities({"model.Q4_K_M.gguf": b"GGUF", "README.md": b""}, None, "GF511") == ["info"]
    assert severities(without(QWEN, FAST) | {"onnx/model.onnx": b""}, None, "GF511") == ["info"]


def test_code_that_is_missing_is_a_warning_in_a_whole_model() -> None:
    merged = without(GLM, "modeling_chatglm.py")
    assert severities(merged, None, "GF502") == ["info"]
    assert severities(merged | WHOLE, None, "GF502") == ["warning"]
    assert severities(merged | WHOLE, GLM, "GF502") == ["error"]
    assert severities(merged | WHOLE, merged, "GF502") == []
    [finding] = [
        found for found in find(merged | WHOLE, merged, "GF513") if found.file.startswith("modeling")
    ]
    assert finding.severity is Severity.INFO


def test_a_value_that_a_judged_engine_refuses_is_a_warning_and_one_that_another_refuses_is_information() -> (
    None
):
    refused = with_json(WEIGHTED, GEN, pad_token_id="<pad>")
    told = [found for found in find(refused, None, "GF513") if found.pointer == "/pad_token_id"]
    assert {finding.severity for finding in told} == {Severity.WARNING}
    assert {"transformers5", "vllm"} <= {name for finding in told for name in finding.engines}
    unnamed = with_json(WEIGHTED, CONFIG, architectures=...)
    assert severities(unnamed, None, "GF513") == ["info"]


def test_what_another_rule_says_is_not_said_again_and_names_all_engines() -> None:
    torn = WEIGHTED | {TOK: b"{"}
    assert [found for found in find(torn, None, "GF513") if found.file == TOK] == []
    [finding] = find(torn, None, "GF901")
    assert {"transformers5", "transformers4", "vllm", "sglang", "lmdeploy"} <= {*finding.engines}
