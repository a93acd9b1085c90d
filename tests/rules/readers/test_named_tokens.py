"""What genfix says where a processor asks its tokenizer for tokens whose names were lost."""

import json

import pytest

from genfix.json_types import JsonValue
from genfix.rules import Applicability, Severity
from tests.support.folders import Files, vlm_files, with_json, without
from tests.support.judging import find, only, repaired

TOK = "tokenizer_config.json"
NAMES: dict[str, JsonValue] = {"boi_token": "<|im_start|>", "eoi_token": "<|im_end|>"}
NAMES["image_token"] = "<|endoftext|>"
GEMMA = with_json(vlm_files(), "config.json", model_type="gemma3")
BASE = with_json(GEMMA, TOK, extra_special_tokens=NAMES)


def config(files: Files) -> dict[str, JsonValue]:
    value: dict[str, JsonValue] = json.loads(files[TOK])
    return value


def test_lost_names_come_back_from_the_base() -> None:
    found = only(find(GEMMA, BASE, "GF707"), Applicability.SAFE)
    assert found.severity is Severity.ERROR
    assert {"transformers5", "vllm"} <= {*found.engines}
    assert find(GEMMA, BASE, "GF513") == []
    assert config(repaired(GEMMA, BASE)) == config(BASE)
    assert find(BASE, BASE, "GF707") == []


def test_only_what_nothing_names_is_added() -> None:
    half = with_json(GEMMA, TOK, boi_token="<|im_start|>", extra_special_tokens={"own_token": "<|im_end|>"})
    named = config(repaired(half, BASE))["extra_special_tokens"]
    assert named == {
        "own_token": "<|im_end|>",
        "eoi_token": NAMES["eoi_token"],
        "image_token": "<|endoftext|>",
    }


def test_beside_a_list_they_get_their_newer_place() -> None:
    base = with_json(GEMMA, TOK, extra_special_tokens=["<|im_end|>"], **NAMES)
    merged = with_json(GEMMA, TOK, extra_special_tokens=["<|im_end|>"])
    result = config(repaired(merged, base))
    assert result["extra_special_tokens"] == ["<|im_end|>"]
    assert result["model_specific_special_tokens"] == NAMES


def test_tokens_that_the_vocabulary_lacks_are_not_named() -> None:
    base = with_json(BASE, TOK, extra_special_tokens={**NAMES, "image_token": "<|elsewhere|>"})
    assert only(find(GEMMA, base, "GF707"), Applicability.MANUAL)


@pytest.mark.parametrize(
    "merged",
    [
        with_json(GEMMA, TOK, **NAMES),
        with_json(GEMMA, TOK, model_specific_special_tokens=NAMES),
        without(GEMMA, "preprocessor_config.json"),
        with_json(GEMMA, TOK, auto_map={"AutoTokenizer": ["own.Own", None]}),
        with_json(GEMMA, "config.json", model_type="qwen2_vl"),
    ],
    ids=["top", "newer", "no processor", "own code", "asks for none"],
)
def test_names_that_nobody_misses_are_nothing(merged: Files) -> None:
    assert find(merged, BASE, "GF707") == []


def test_without_a_base_the_engines_say_it() -> None:
    assert find(GEMMA, None, "GF707") == []
    assert [found.file for found in find(GEMMA, None, "GF513")] == [TOK]
