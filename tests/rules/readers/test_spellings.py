"""What genfix says about spellings that only newer readers know, and what it writes in their place."""

import json

import pytest

from genfix.json_types import JsonValue
from genfix.rules import Applicability, Severity
from tests.support.folders import (
    CHATML_TOKENS,
    Files,
    added_tokens,
    chatml_files,
    vlm_files,
    with_head,
    with_json,
    with_token_list,
    without,
)
from tests.support.judging import find, only, plan, repaired

FAST, TOK = "tokenizer.json", "tokenizer_config.json"

FLAGS = {"lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": True}
LIST = ["<|im_start|>", "<|im_end|>"]


def with_class(files: Files, name: object, **values: object) -> Files:
    return with_json(files, TOK, tokenizer_class=name, **values)


def config(files: Files) -> dict[str, JsonValue]:
    value: dict[str, JsonValue] = json.loads(files[TOK])
    return value


GENERIC = with_class(chatml_files(), "PreTrainedTokenizerFast", model_input_names=["input_ids"])
"""A base of the generic class, as GLM-4 and Llama 3 are."""
LLAMA = with_class(chatml_files(), "LlamaTokenizerFast")
SAVED_BY_5 = with_class(LLAMA, "TokenizersBackend", backend="tokenizers")

# -- the class -----------------------------------------------------------------------------------------------


def test_the_class_of_transformers_5_gets_its_older_name() -> None:
    merged = with_class(GENERIC, "TokenizersBackend", backend="tokenizers")
    finding = only(find(merged, GENERIC, "GF701"), Applicability.SAFE)
    assert (finding.severity, finding.pointer) == (Severity.WARNING, "/tokenizer_class")
    assert repaired(merged, GENERIC) == with_class(merged, "PreTrainedTokenizerFast")


BYTES: dict[str, JsonValue] = {"type": "ByteLevel", "add_prefix_space": False, "use_regex": True}
METASPACE: dict[str, JsonValue] = {
    "type": "Metaspace",
    "replacement": "\u2581",
    "prepend_scheme": "first",
    "split": False,
}


def cut_by(files: Files, cutter: JsonValue) -> Files:
    return with_head(files, normalizer=None, pre_tokenizer=cutter)


@pytest.mark.parametrize(
    ("name", "cutter"),
    [("GPT2Tokenizer", BYTES), ("RobertaTokenizerFast", BYTES), ("LlamaTokenizerFast", METASPACE)],
)
def test_it_gets_the_bases_class_where_that_cuts_text_as_the_file_does(name: str, cutter: JsonValue) -> None:
    """Processors of transformers 4 refuse the general class."""
    base = with_class(cut_by(chatml_files(), cutter), name)
    merged = with_class(base, "TokenizersBackend", backend="tokenizers")
    only(find(merged, base, "GF701"), Applicability.SAFE)
    assert repaired(merged, base) == with_class(merged, name)


def test_the_inputs_that_go_with_the_bases_class_come_with_it() -> None:
    base = with_class(cut_by(chatml_files(), BYTES), "GPT2Tokenizer", model_input_names=["input_ids"])
    merged = with_class(base, "TokenizersBackend", model_input_names=...)
    assert config(repaired(merged, base)) == config(base)


@pytest.mark.parametrize(
    "changes",
    [{"add_bos_token": True}, {"pre_tokenizer": BYTES | {"use_regex": False}}, {"added": "<mine>"}],
    ids=["bos", "cutter", "tokens"],
)
def test_another_tokenizer_than_the_bases_gets_the_general_class(changes: dict[str, object]) -> None:
    base = with_class(cut_by(chatml_files(), BYTES), "GPT2Tokenizer")
    merged = with_class(base, "TokenizersBackend")
    if "added" in changes:
        merged = with_token_list(merged, CHATML_TOKENS | {"<mine>": 1003})
    elif "pre_tokenizer" in changes:
        merged = with_head(merged, **changes)
    else:
        merged = with_json(merged, TOK, **changes)
    assert config(repaired(merged, base))["tokenizer_class"] == "PreTrainedTokenizerFast"


@pytest.mark.parametrize("name", ["TokenizersBackend", "TokenizersBackendFast", "PythonBackend"])
def test_it_is_not_given_the_bases_class_which_cuts_text_in_another_way(name: str) -> None:
    """And no ``token_type_ids``, which the older version would return."""
    base = cut_by(LLAMA, BYTES)
    merged = with_class(base, name, backend="tokenizers")
    result = config(repaired(merged, base))
    assert result == config(merged) | {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_input_names": ["input_ids", "attention_mask"],
    }


def test_another_prefix_space_in_the_older_version_makes_it_unsafe() -> None:
    cutter = {"type": "ByteLevel", "add_prefix_space": True}
    merged = with_head(SAVED_BY_5, pre_tokenizer=cutter)
    only(find(merged, LLAMA, "GF701"), Applicability.UNSAFE)
    told = with_json(merged, TOK, add_prefix_space=True)
    only(find(told, LLAMA, "GF701"), Applicability.SAFE)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("LLaMATokenizer", "LlamaTokenizer"),
        ("CodeLLaMATokenizer", "CodeLlamaTokenizer"),
        ("LlamaTokenizerFastFast", "LlamaTokenizerFast"),
    ],
)
def test_a_misspelt_class_gets_the_name_that_was_meant(name: str, meant: str) -> None:
    merged = with_class(LLAMA, name)
    only(find(merged, LLAMA, "GF701"), Applicability.UNSAFE)
    assert repaired(merged, LLAMA)[TOK] == merged[TOK]
    assert repaired(merged, LLAMA, unsafe=True) == with_class(LLAMA, meant)


def test_a_class_of_its_own_may_become_the_bases() -> None:
    merged = with_class(LLAMA, "SentencePieceBackend")
    only(find(merged, LLAMA, "GF701"), Applicability.UNSAFE)
    assert repaired(merged, LLAMA, unsafe=True) == LLAMA


def test_nothing_is_done_where_no_older_class_is_known() -> None:
    base = with_class(LLAMA, "OwnTokenizer", auto_map={"AutoTokenizer": ["own.OwnTokenizer", None]})
    merged = with_class(LLAMA, "SentencePieceBackend")
    only(find(merged, base, "GF701"), Applicability.MANUAL)


def test_without_a_base_the_class_is_that_of_the_models_type_where_it_cuts_text_so() -> None:
    merged = with_class(chatml_files(), "TokenizersBackend")
    assert config(repaired(merged, None, unsafe=True))["tokenizer_class"] == "Qwen2Tokenizer"
    other = cut_by(merged, METASPACE)
    assert config(repaired(other, None, unsafe=True))["tokenizer_class"] == "PreTrainedTokenizerFast"


def test_without_a_base_the_class_is_information() -> None:
    finding = only(find(SAVED_BY_5, None, "GF701"), Applicability.UNSAFE)
    assert finding.severity is Severity.INFO
    assert plan(SAVED_BY_5, None).changes == ()
    assert find(with_class(LLAMA, "BrandNewTokenizer"), None, "GF701") == []


@pytest.mark.parametrize(
    ("merged", "base"),
    [
        (SAVED_BY_5, SAVED_BY_5),
        (SAVED_BY_5, with_class(LLAMA, "BrandNewTokenizer")),
        (with_class(LLAMA, "LlamaTokenizer"), LLAMA),
        (with_class(LLAMA, "PreTrainedTokenizer"), LLAMA),
        (with_class(LLAMA, ...), LLAMA),
        (with_class(LLAMA, "OwnTokenizer", auto_map={"AutoTokenizer": ["own.OwnTokenizer", None]}), LLAMA),
        (with_class(LLAMA, "OwnTokenizer", auto_map=["own.OwnTokenizer", None]), LLAMA),
    ],
    ids=["base too", "base newer still", "slow", "generic", "from the model type", "own code", "old map"],
)
def test_a_class_that_is_known_or_no_worse_than_the_bases_is_nothing(merged: Files, base: Files) -> None:
    assert find(merged, base, "GF701") == []


# -- the list of special tokens ------------------------------------------------------------------------------

BASE = with_json(chatml_files(), TOK, additional_special_tokens=LIST)
KEYS = ("additional_special_tokens", "extra_special_tokens")
RENAMED = with_json(chatml_files(), TOK, extra_special_tokens=LIST, backend="tokenizers")


def test_a_list_of_extra_tokens_gets_its_older_name_in_the_same_place() -> None:
    finding = only(find(RENAMED, BASE, "GF702"), Applicability.SAFE)
    assert (finding.severity, finding.pointer) == (Severity.WARNING, "/extra_special_tokens")
    result = repaired(RENAMED, BASE)
    assert result[TOK] == RENAMED[TOK].replace(b"extra_special_tokens", b"additional_special_tokens")


def test_an_empty_list_is_taken_out() -> None:
    merged = with_json(chatml_files(), TOK, extra_special_tokens=[])
    assert repaired(merged, chatml_files()) == chatml_files()
    both = with_json(BASE, TOK, extra_special_tokens=[])
    assert repaired(both, BASE) == BASE


def test_of_two_lists_the_one_that_was_read_stays() -> None:
    merged = with_json(
        chatml_files(), TOK, additional_special_tokens=["<|im_end|>"], extra_special_tokens=LIST
    )
    assert repaired(merged, BASE)[TOK] == BASE[TOK]


def test_one_list_is_left_where_it_was_shortened_too() -> None:
    base, renamed = (with_token_list(files, CHATML_TOKENS, special=False) for files in (BASE, RENAMED))
    short = with_json(renamed, TOK, extra_special_tokens=["<|im_end|>"])
    assert {f.code for f in find(short, base, "GF")} >= {"GF305", "GF702"}
    safe, both = config(repaired(short, base)), config(repaired(short, base, unsafe=True))
    assert [safe[key] for key in KEYS if key in safe] == [["<|im_end|>"]]
    assert [(key, both[key]) for key in KEYS if key in both] == [("additional_special_tokens", LIST)]


def test_class_and_list_are_repaired_together() -> None:
    merged = with_class(RENAMED, "TokenizersBackend")
    result = config(repaired(merged, BASE))
    assert (result["tokenizer_class"], result["additional_special_tokens"]) == (
        config(BASE)["tokenizer_class"],
        LIST,
    )
    assert find(repaired(merged, BASE), BASE, "GF70") == []


def test_without_a_base_the_list_is_information() -> None:
    finding = only(find(RENAMED, None, "GF702"), Applicability.UNSAFE)
    assert finding.severity is Severity.INFO
    assert plan(RENAMED, None).changes == ()


@pytest.mark.parametrize(
    ("value", "base"),
    [(LIST, RENAMED), ([], RENAMED), ({}, BASE), ({"image_token": "<|image|>"}, BASE), (None, BASE)],
)
def test_an_object_or_a_list_the_base_has_too_is_nothing(value: object, base: Files) -> None:
    assert find(with_json(chatml_files(), TOK, extra_special_tokens=value), base, "GF702") == []


# -- the list of added tokens --------------------------------------------------------------------------------

SLOW_TOO = with_token_list(chatml_files() | {"tokenizer.model": b""}, CHATML_TOKENS, **FLAGS)
LISTED = with_json(SLOW_TOO, TOK, added_tokens_decoder=added_tokens(CHATML_TOKENS))


@pytest.mark.parametrize("base", [LISTED, SLOW_TOO | {"added_tokens.json": b"{}"}])
def test_added_tokens_are_listed_again_beside_a_sentencepiece_vocabulary(base: Files) -> None:
    finding = only(find(SLOW_TOO, base, "GF704"), Applicability.SAFE)
    assert (finding.severity, finding.pointer) == (Severity.WARNING, "/added_tokens_decoder")
    result = repaired(SLOW_TOO, base)
    assert config(result)["added_tokens_decoder"] == {
        str(token_id): {"content": text, **FLAGS} for text, token_id in CHATML_TOKENS.items()
    }
    assert result[FAST] == SLOW_TOO[FAST]


def test_the_list_is_the_folders_own_not_the_bases() -> None:
    merged = with_token_list(SLOW_TOO, CHATML_TOKENS | {"<mine>": 1003}, **FLAGS)
    table = config(repaired(merged, LISTED))["added_tokens_decoder"]
    assert isinstance(table, dict)
    assert table["1003"] == {"content": "<mine>", **FLAGS}


@pytest.mark.parametrize(
    ("merged", "base"),
    [
        (without(SLOW_TOO, "tokenizer.model"), LISTED),
        (SLOW_TOO, SLOW_TOO),
        (SLOW_TOO, without(LISTED, "tokenizer.model")),
        (LISTED, LISTED),
        (SLOW_TOO | {"added_tokens.json": b"{}"}, LISTED),
        (with_token_list(SLOW_TOO, {"<|im_end|>": 1002}, **FLAGS), LISTED),
        (without(SLOW_TOO, TOK), LISTED),
        (with_json(SLOW_TOO, TOK, auto_map={"AutoTokenizer": ["own.Own", None]}), LISTED),
    ],
    ids=["no slow one", "base too", "base fast", "listed", "other file", "only eos", "no config", "own code"],
)
def test_added_tokens_that_no_reader_misses_are_nothing(merged: Files, base: Files) -> None:
    assert find(merged, base, "GF704") == []


@pytest.mark.parametrize("base", [vlm_files(), None], ids=["base", "alone"])
def test_the_name_a_trainer_gave_a_class_goes(base: Files | None) -> None:
    merged = with_json(
        vlm_files(), "preprocessor_config.json", processor_class="_Unsloth_Patched_Qwen2VLProcessor"
    )
    fixed = with_json(vlm_files(), "preprocessor_config.json", processor_class="Qwen2VLProcessor")
    assert repaired(merged, base) == fixed
    assert find(fixed, base, "GF705") == []


NAMED: dict[str, JsonValue] = {"image_token": "<|image_pad|>", "boi_token": "<|vision_start|>"}


def test_named_tokens_are_put_where_older_readers_look_too() -> None:
    base = with_json(vlm_files(), TOK, extra_special_tokens=NAMED)
    merged = with_json(vlm_files(), TOK, model_specific_special_tokens=NAMED)
    assert only(find(merged, base, "GF706"), Applicability.SAFE).severity is Severity.WARNING
    result = config(repaired(merged, base))
    assert result["extra_special_tokens"] == result["model_specific_special_tokens"] == NAMED
    assert only(find(merged, None, "GF706"), Applicability.UNSAFE).severity is Severity.INFO
    assert find(merged, merged, "GF706") == []


def test_named_tokens_take_the_place_of_a_list_under_the_same_key() -> None:
    base = with_json(vlm_files(), TOK, extra_special_tokens=NAMED)
    merged = with_json(vlm_files(), TOK, model_specific_special_tokens=NAMED, extra_special_tokens=LIST)
    result = config(repaired(merged, base))
    assert (result["extra_special_tokens"], result["additional_special_tokens"]) == (NAMED, LIST)
