"""What genfix says about BOS, padding, truncation and the slow vocabulary, and what it does about it."""

import json

import pytest

from genfix.rules import Applicability, Severity
from tests.support.folders import (
    CHATML_TOKENS,
    Files,
    added_tokens,
    chatml_files,
    dump,
    safetensors,
    with_head,
    with_json,
    with_token_list,
    without,
)
from tests.support.judging import find, only, plan, repaired

CONFIG, GEN = "config.json", "generation_config.json"
FAST, TOK, MAP = "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"

END, IM_START = "<|endoftext|>", "<|im_start|>"
BARE = chatml_files()
BASE = with_json(
    with_json(with_json(BARE, CONFIG, bos_token_id=1000), TOK, bos_token=None, pad_token=END),
    GEN,
    pad_token_id=1000,
)
WEIGHTS = {"model.safetensors": safetensors(1024)}
CUT = {"direction": "Right", "max_length": 64, "strategy": "LongestFirst", "stride": 0}
PAD = {"strategy": {"Fixed": 64}, "direction": "Right", "pad_id": 1000, "pad_token": END}
PIECES = b"\n\x0e\n\x05<unk>\x15\x00\x00\x00\x00\x18\x02"


# -- BOS and padding -----------------------------------------------------------------------------------------


def test_another_padding_token_is_told_once_for_all_files() -> None:
    merged = with_json(BASE, TOK, pad_token=IM_START) | {MAP: dump({"pad_token": {"content": IM_START}})}
    merged = with_json(with_json(merged, GEN, pad_token_id=1001), CONFIG, pad_token_id=1001)
    finding = only(find(merged, BASE, "GF306"), Applicability.UNSAFE)
    assert (finding.severity, finding.file, finding.pointer) == (Severity.INFO, TOK, "/pad_token")
    assert repaired(merged, BASE) == merged
    result = repaired(merged, BASE, unsafe=True)
    assert result == BASE | {MAP: dump({"pad_token": END})}


def test_a_bos_that_training_took_away_is_information() -> None:
    merged = with_json(with_json(BASE, CONFIG, bos_token_id=...), GEN, bos_token_id=...)
    finding = only(find(merged, BASE, "GF306"), Applicability.UNSAFE)
    assert (finding.severity, finding.file, finding.pointer) == (Severity.INFO, CONFIG, "/bos_token_id")
    result = repaired(merged, BASE, unsafe=True)
    assert {name: json.loads(result[name]) for name in (CONFIG, GEN)} == {
        name: json.loads(BASE[name]) for name in (CONFIG, GEN)
    }


def test_an_added_padding_token_needs_nothing() -> None:
    base = with_json(BASE, TOK, pad_token=None)
    only(find(with_json(base, TOK, pad_token=IM_START), base, "GF306"), Applicability.MANUAL)


@pytest.mark.parametrize(
    "merged",
    [
        with_json(BASE, TOK, pad_token="<|im_end|>"),  # GF108 says more
        with_json(BASE, CONFIG, pad_token_id=1000),  # aligned with the base's other files
        with_json(BASE, CONFIG, pad_token_id=None),
        with_json(BASE, CONFIG, bos_token_id=...),  # perhaps the default of the class
        with_json(BASE, TOK, bos_token=...),
        without(BASE, TOK),
        without(BASE, GEN),
        with_json(BASE, TOK, pad_token={"content": END, "special": True}),
        with_json(with_token_list(BASE, {**CHATML_TOKENS, END: 1003}), GEN, pad_token_id=1003),
    ],
)
def test_another_spelling_of_the_same_is_no_change(merged: Files) -> None:
    assert find(merged, BASE, "GF306") == []


def test_what_the_adapter_has_was_trained() -> None:
    merged = with_json(BASE, TOK, pad_token=IM_START)
    assert find(merged, BASE, "GF306", merged) == []


# -- padding without a row -----------------------------------------------------------------------------------


def test_padding_beyond_the_rows_does_not_load_and_becomes_null() -> None:
    merged = with_json(BASE | WEIGHTS, CONFIG, pad_token_id=1024)
    finding = only(find(merged, None, "GF307"), Applicability.SAFE)
    assert (finding.severity, finding.engines) == (Severity.ERROR, ("transformers5",))
    assert repaired(merged, BASE)[CONFIG] == with_json(merged, CONFIG, pad_token_id=None)[CONFIG]


def test_the_bases_padding_comes_back_where_it_has_a_row() -> None:
    base = with_json(BASE, CONFIG, pad_token_id=1001)
    merged = with_json(with_json(base | WEIGHTS, CONFIG, pad_token_id=1030), GEN, pad_token_id=1030)
    assert [finding.severity for finding in find(merged, base, "GF307")] == [Severity.ERROR, Severity.WARNING]
    assert repaired(merged, base) == base | WEIGHTS


def test_a_setting_for_generate_is_removed() -> None:
    merged = with_json(BARE | WEIGHTS, GEN, pad_token_id=1024)
    assert repaired(merged, BARE) == BARE | WEIGHTS


def test_the_text_part_of_a_composite_config_counts() -> None:
    text = {"vocab_size": 1024, "model_type": "qwen2", "pad_token_id": 1024}
    merged = with_json(BASE | WEIGHTS, CONFIG, text_config=text)
    finding = only(find(merged, None, "GF307"), Applicability.SAFE)
    assert (finding.pointer, finding.severity) == ("/text_config/pad_token_id", Severity.ERROR)
    assert json.loads(repaired(merged, None)[CONFIG])["text_config"]["pad_token_id"] is None


def test_a_tokenizer_whose_padding_has_no_row_gets_the_bases() -> None:
    mine = with_token_list(BASE | WEIGHTS, CHATML_TOKENS | {"[PAD]": 1024})
    merged = with_json(mine, TOK, pad_token="[PAD]")
    only(find(merged, None, "GF307"), Applicability.MANUAL)
    assert only(find(merged, BASE, "GF307"), Applicability.SAFE).severity is Severity.WARNING
    assert json.loads(repaired(merged, BASE)[TOK])["pad_token"] == END


def test_a_class_without_a_padding_row_still_loads() -> None:
    merged = with_json(BASE | WEIGHTS, CONFIG, pad_token_id=1024, model_type="gpt_neox")
    assert only(find(merged, None, "GF307"), Applicability.SAFE).severity is Severity.WARNING


def test_a_fault_of_the_base_is_information() -> None:
    base = with_json(BASE | WEIGHTS, CONFIG, pad_token_id=1024)
    assert only(find(base, base, "GF307"), Applicability.MANUAL).severity is Severity.INFO


@pytest.mark.parametrize(
    "merged",
    [
        with_json(BASE | WEIGHTS, CONFIG, pad_token_id=-1),
        with_json(BASE | WEIGHTS, CONFIG, pad_token_id=1023),
        with_json(BASE, CONFIG, pad_token_id=1024),  # no weights to tell
        with_json(BASE | WEIGHTS, CONFIG, pad_token_id=1024, additional_vocab_size=2),
    ],
)
def test_padding_that_torch_takes_is_left_alone(merged: Files) -> None:
    assert find(merged, BASE, "GF307") == []


# -- truncation and padding in tokenizer.json ----------------------------------------------------------------

HEADED = with_head(BASE, truncation=None, padding=None)
LEFT_OVER = with_head(BASE, truncation=CUT, padding=PAD)


def test_what_a_trainer_left_in_the_tokenizer_is_taken_out() -> None:
    finding = only(find(LEFT_OVER, HEADED, "GF308"), Applicability.SAFE)
    assert (finding.severity, finding.pointer, len(finding.evidence)) == (Severity.WARNING, "/truncation", 2)
    assert repaired(LEFT_OVER, HEADED) == HEADED


def test_only_the_values_are_touched() -> None:
    spelled = json.dumps(json.loads(LEFT_OVER[FAST]), separators=(",", ":")).encode()
    wanted = json.dumps(json.loads(HEADED[FAST]), separators=(",", ":")).encode()
    assert repaired(LEFT_OVER | {FAST: spelled}, HEADED)[FAST] == wanted


def test_without_a_base_it_is_asked() -> None:
    assert only(find(LEFT_OVER, None, "GF308"), Applicability.UNSAFE).severity is Severity.INFO
    trained = LEFT_OVER | {"training_args.bin": b""}
    assert only(find(trained, None, "GF308"), Applicability.UNSAFE).severity is Severity.WARNING
    assert repaired(LEFT_OVER, None) == LEFT_OVER
    assert repaired(LEFT_OVER, None, unsafe=True) == HEADED


def test_other_lengths_than_the_bases_are_no_safe_change() -> None:
    base = with_head(BASE, truncation=CUT | {"max_length": 512}, padding=None)
    only(find(with_head(BASE, truncation=CUT, padding=None), base, "GF308"), Applicability.UNSAFE)


@pytest.mark.parametrize(
    "merged",
    [
        LEFT_OVER | {"modules.json": b"[]"},
        LEFT_OVER | {"1_Pooling/config.json": b"{}"},
        with_json(LEFT_OVER, CONFIG, architectures=["Qwen2ForSequenceClassification"]),
        without(with_json(LEFT_OVER, CONFIG, architectures=["BertModel"]), GEN),
    ],
)
def test_embedding_models_and_classifiers_cut_on_purpose(merged: Files) -> None:
    assert find(merged, None, "GF308") == []
    [finding] = find(merged, HEADED, "GF308")
    assert finding.severity is Severity.INFO
    assert finding.fix is not None
    assert finding.fix.applicability is Applicability.UNSAFE


def test_what_the_base_has_too_is_left_alone() -> None:
    assert find(LEFT_OVER, LEFT_OVER, "GF308") == []


# -- padding side --------------------------------------------------------------------------------------------


def test_padding_on_the_right_instead_of_the_left_is_only_told() -> None:
    left = with_json(BASE, TOK, padding_side="left")
    assert only(find(BASE, left, "GF309"), Applicability.MANUAL).severity is Severity.INFO


def test_padding_on_the_left_harms_nothing() -> None:
    assert find(with_json(BASE, TOK, padding_side="left"), BASE, "GF309") == []


@pytest.mark.parametrize(
    "values",
    [
        {"padding_side": "right"},
        {"tokenizer_class": "LlamaTokenizerFast", "padding_side": ...},
        {"tokenizer_class": ...},
        {"auto_map": {"AutoTokenizer": ["code.Mine", None]}},
    ],
)
def test_an_absent_padding_side_is_the_right_or_nobody_knows(values: dict[str, object]) -> None:
    assert find(with_json(BASE, TOK, **values), BASE, "GF309") == []
    assert find(BASE, with_json(BASE, TOK, **values), "GF309") == []


# -- the slow vocabulary -------------------------------------------------------------------------------------

SLOW = with_json(BASE, TOK, added_tokens_decoder=added_tokens(CHATML_TOKENS)) | {"tokenizer.model": PIECES}
BPE = BASE | {"vocab.json": b"{}", "merges.txt": b"#version: 0.2\n"}


def test_a_lost_sentencepiece_vocabulary_comes_back() -> None:
    merged = without(SLOW, "tokenizer.model")
    finding = only(find(merged, SLOW, "GF310"), Applicability.SAFE)
    assert (finding.severity, finding.file) == (Severity.WARNING, "tokenizer.model")
    assert repaired(merged, SLOW) == SLOW


def test_its_readers_find_the_added_tokens_beside_it() -> None:
    base = with_json(SLOW, TOK, added_tokens_decoder=...) | {"added_tokens.json": dump(CHATML_TOKENS)}
    result = repaired(without(base, "tokenizer.model", "added_tokens.json"), base)
    assert json.loads(result[TOK])["added_tokens_decoder"] == added_tokens(CHATML_TOKENS)
    assert without(result, TOK) == without(base, TOK)


def test_vocabulary_files_of_bpe_are_information() -> None:
    finding = only(find(BASE, BPE, "GF310"), Applicability.SAFE)
    assert finding.severity is Severity.INFO
    assert repaired(BASE, BPE) == BPE


def test_a_slow_tokenizer_with_code_of_its_own_needs_its_file() -> None:
    code = {"AutoTokenizer": ["tokenization_mine.Mine", None]}
    base = with_json(BASE, TOK, auto_map=code) | {"qwen.tiktoken": b"IQ== 0\n"}
    assert find(without(base, "qwen.tiktoken"), base, "GF310")[0].severity is Severity.WARNING


@pytest.mark.parametrize(
    "merged",
    [
        with_token_list(BASE, CHATML_TOKENS | {"<mine>": 1003}),
        with_head(BASE, normalizer={"type": "NFC"}),
        BASE | {"model.safetensors": safetensors(1088)},
    ],
)
def test_the_vocabulary_of_a_changed_tokenizer_is_asked_for(merged: Files) -> None:
    base = BASE | {"tokenizer.model": PIECES}
    only(find(merged, base, "GF310"), Applicability.UNSAFE)
    assert "tokenizer.model" not in repaired(merged, base)
    assert repaired(merged, base, unsafe=True)["tokenizer.model"] == PIECES


def test_tokens_of_the_adapter_make_it_unsafe_too() -> None:
    adapter = with_token_list(BASE, CHATML_TOKENS | {"<tool>": 1003})
    merged = with_token_list(BASE, CHATML_TOKENS)
    only(find(merged, BASE | {"tokenizer.model": PIECES}, "GF310", adapter), Applicability.UNSAFE)


@pytest.mark.parametrize(
    ("merged", "base"),
    [
        (SLOW, BASE),
        (BASE, BASE | {"tokenizer.model": b"IQ== 0\n"}),  # tiktoken's, which llama.cpp's converter fails on
        (BASE, BASE | {"qwen.tiktoken": b"IQ== 0\n"}),
        (without(BASE, FAST), SLOW),  # GF301
    ],
)
def test_a_vocabulary_that_nobody_reads_is_not_missed(merged: Files, base: Files) -> None:
    assert find(merged, base, "GF310") == []


@pytest.mark.parametrize("base", [BASE, SLOW, BPE, HEADED, LEFT_OVER])
def test_there_is_nothing_to_do_on_a_base(base: Files) -> None:
    for code in ("GF306", "GF307", "GF309", "GF310"):
        assert find(base, base, code) == find(base, None, code) == []
    assert plan(base, base, unsafe=True).changes == ()


# -- named tokens that no class takes ------------------------------------------------------------------------


def test_a_token_object_without_its_mark_gets_it() -> None:
    broken = with_json(BASE, TOK, eos_token={"content": "<|im_end|>", "lstrip": False})
    for base in (BASE, None):
        finding = only(find(broken, base, "GF312"), Applicability.SAFE)
        assert (finding.severity, finding.pointer) == (Severity.ERROR, "/eos_token")
        result = json.loads(repaired(broken, base)[TOK])
        assert result["eos_token"] == {"__type": "AddedToken", "content": "<|im_end|>", "lstrip": False}


def test_a_token_that_is_no_text_at_all_is_asked_about() -> None:
    broken = with_json(BASE, TOK, eos_token=[1002])
    only(find(broken, BASE, "GF312"), Applicability.UNSAFE)
    assert repaired(broken, BASE, unsafe=True) == BASE
    only(find(broken, None, "GF312"), Applicability.MANUAL)


@pytest.mark.parametrize("value", [{"__type": "AddedToken", "content": "<|im_end|>"}, "<|im_end|>", None])
def test_spellings_that_load_are_none(value: object) -> None:
    assert find(with_json(BASE, TOK, eos_token=value), None, "GF312") == []


def test_the_special_tokens_map_is_laid_over() -> None:
    """transformers reads it where there is no added_tokens_decoder, and never sees the entry below."""
    broken = with_json(BASE, TOK, eos_token={"content": "<|im_end|>"}, added_tokens_decoder=...)
    assert find(broken | {MAP: dump({"eos_token": "<|im_end|>"})}, None, "GF312") == []
    assert find(broken, broken, "GF312") == []
