"""What genfix says about added tokens, their flags, and how text is cut, and what it does about it."""

import json

import pytest

from genfix.rules import Applicability, Severity
from tests.support.folders import (
    CHATML,
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

FAST, TOK, MAP = "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"


BASE = chatml_files()
TRAINED = with_token_list(BASE, CHATML_TOKENS | {"<tool>": 1003})
RESERVED = CHATML_TOKENS | {"<|reserved_0|>": 1003, "<|reserved_1|>": 1004}
WITH_RESERVED = with_token_list(BASE, RESERVED)


# -- the trained tokenizer -----------------------------------------------------------------------------------


def test_the_trained_tokenizer_takes_the_place_of_the_bases() -> None:
    finding = only(find(BASE, BASE, "GF302", TRAINED), Applicability.SAFE)
    assert (finding.file, finding.severity) == (FAST, Severity.ERROR)
    assert repaired(BASE, BASE, TRAINED) == BASE | {FAST: TRAINED[FAST]}


@pytest.mark.parametrize("base", [BASE, None], ids=["base", "alone"])
def test_a_tokenizer_that_was_not_saved_comes_from_the_adapter(base: Files | None) -> None:
    merged = without(BASE, FAST, TOK)
    assert repaired(merged, base, TRAINED) == TRAINED | {name: merged[name] for name in merged}
    small = merged | {"model.safetensors": safetensors(1003)}
    finding = only(find(small, base, "GF302", TRAINED), Applicability.MANUAL)
    assert finding.message.id == "tokenizer-lost"


def test_it_does_so_without_the_base_where_no_token_is_lost() -> None:
    assert repaired(BASE, None, TRAINED) == BASE | {FAST: TRAINED[FAST]}


@pytest.mark.parametrize("adapter", [TRAINED, BASE, without(TRAINED, FAST, TOK)])
def test_a_folder_with_the_trained_tokenizer_is_left_alone(adapter: Files) -> None:
    assert find(TRAINED, BASE, "GF30", adapter) == []


def test_tokens_beyond_the_embedding_need_another_merge() -> None:
    small = BASE | {"model.safetensors": safetensors(1003)}
    only(find(small, BASE, "GF302", TRAINED), Applicability.MANUAL)
    assert FAST not in {change.name for change in plan(small, BASE, TRAINED, unsafe=True).changes}


def test_tokens_of_nobody_and_unknown_rows_make_it_unsafe() -> None:
    mine = with_token_list(BASE, CHATML_TOKENS | {"<mine>": 1004})
    only(find(mine, BASE, "GF302", TRAINED), Applicability.UNSAFE)
    rowless = with_json(BASE, "config.json", vocab_size=...)
    only(find(rowless, BASE, "GF302", TRAINED), Applicability.UNSAFE)
    assert repaired(rowless, BASE, TRAINED, unsafe=True)[FAST] == TRAINED[FAST]


def test_the_files_of_two_tokenizers_are_not_mixed() -> None:
    slow = without(TRAINED, FAST) | {"added_tokens.json": dump({"<|im_end|>": 1009})}
    only(find(BASE, BASE, "GF302", slow), Applicability.MANUAL)


def test_the_trained_template_comes_with_it() -> None:
    own = CHATML + "<tool>"
    config = json.loads(TRAINED[TOK]) | {"chat_template": own}
    inline = TRAINED | {TOK: dump(config)}
    assert repaired(BASE, BASE, inline) == BASE | {name: inline[name] for name in (FAST, TOK)}
    as_file = with_json(inline, TOK, chat_template=...) | {"chat_template.jinja": own.encode()}
    assert repaired(BASE, BASE, as_file) == BASE | {
        name: as_file[name] for name in (FAST, TOK, "chat_template.jinja")
    }
    base = with_json(BASE, TOK, chat_template=...) | {"chat_template.jinja": CHATML.encode()}
    assert repaired(base, base, inline)["chat_template.jinja"] == own.encode()


def test_a_template_survives_an_adapter_without_one() -> None:
    bare = with_json(TRAINED, TOK, chat_template=..., model_max_length=9)
    result = repaired(BASE, BASE, bare)
    assert json.loads(result[TOK]) == json.loads(bare[TOK]) | {"chat_template": CHATML}


def test_the_trained_eos_wins_over_the_bases() -> None:
    base = with_json(BASE, TOK, eos_token="<|endoftext|>") | {MAP: dump({"eos_token": "<|endoftext|>"})}
    finding = only(find(base, base, "GF302", BASE), Applicability.SAFE)
    assert (finding.file, finding.pointer, finding.expected) == (TOK, "/eos_token", "<|im_end|>")
    result = repaired(base, base, BASE)
    assert json.loads(result[TOK])["eos_token"] == json.loads(result[MAP])["eos_token"] == "<|im_end|>"


def test_an_eos_that_ends_the_turns_stays() -> None:
    assert find(BASE, BASE, "GF302", with_json(BASE, TOK, eos_token="<|endoftext|>")) == []


# -- the base's tokens ---------------------------------------------------------------------------------------


def test_a_lost_token_that_the_template_writes_is_an_error() -> None:
    lost = with_token_list(BASE, {"<|endoftext|>": 1000, "<|im_end|>": 1002})
    finding = only(find(lost, BASE, "GF303"), Applicability.UNSAFE)
    assert finding.severity is Severity.ERROR
    assert repaired(lost, BASE)[FAST] == lost[FAST]
    assert repaired(lost, BASE, unsafe=True) == BASE


def test_a_lost_token_that_nothing_writes_is_a_warning() -> None:
    finding = only(find(BASE, WITH_RESERVED, "GF303"), Applicability.UNSAFE)
    assert finding.severity is Severity.WARNING


def test_a_moved_token_comes_back_in_every_file() -> None:
    base = with_json(WITH_RESERVED, TOK, added_tokens_decoder=added_tokens(RESERVED))
    moved = RESERVED | {"<|im_start|>": 1003, "<|reserved_0|>": 1001}
    merged = with_json(with_token_list(base, moved), TOK, added_tokens_decoder=added_tokens(moved))
    assert only(find(merged, base, "GF303"), Applicability.UNSAFE).severity is Severity.ERROR
    result = repaired(merged, base, unsafe=True)
    assert (json.loads(result[TOK]), result[FAST]) == (json.loads(base[TOK]), base[FAST])


def test_added_tokens_are_not_thrown_away_for_a_lost_one() -> None:
    merged = with_token_list(BASE, {"<|endoftext|>": 1000, "<|im_end|>": 1002, "<mine>": 1003})
    only(find(merged, BASE, "GF303"), Applicability.MANUAL)


@pytest.mark.parametrize(
    "merged",
    [
        with_token_list(BASE, {t: i for t, i in RESERVED.items() if i < 1003} | {"<a>": 1003, "<b>": 1004}),
        with_token_list(BASE, RESERVED | {"<new>": 1024}) | {"model.safetensors": safetensors(1088)},
        with_json(WITH_RESERVED, TOK, pad_token="<|reserved_0|>"),
        without(WITH_RESERVED, FAST),
        WITH_RESERVED | {FAST: b"{"},
        with_json(WITH_RESERVED, FAST, added_tokens=[]) | {"added_tokens.json": dump(RESERVED)},
    ],
    ids=["reserved-renamed", "resized", "pad-changed", "lost", "torn", "told-elsewhere"],
)
def test_what_was_meant_or_is_told_elsewhere_is_no_finding(merged: Files) -> None:
    assert find(merged, WITH_RESERVED, "GF303") == []


def test_a_token_that_training_did_not_have_is_not_missed() -> None:
    assert find(BASE, WITH_RESERVED, "GF303", BASE) == []


# -- flags ---------------------------------------------------------------------------------------------------


def flagged(**flags: bool) -> Files:
    return with_token_list(BASE, CHATML_TOKENS, **flags)


@pytest.mark.parametrize(
    ("ours", "theirs", "severity"),
    [
        ({"rstrip": True}, {"rstrip": False}, Severity.WARNING),
        ({"special": False}, {"special": True}, Severity.WARNING),
        ({"single_word": True}, {"single_word": False}, Severity.INFO),
    ],
)
def test_a_changed_flag_is_found(ours: dict[str, bool], theirs: dict[str, bool], severity: Severity) -> None:
    finding = only(find(flagged(**ours), flagged(**theirs), "GF304"), Applicability.UNSAFE)
    assert finding.severity is severity
    assert find(flagged(**ours), flagged(**theirs), "GF304", flagged(**ours)) == []
    assert repaired(flagged(**ours), flagged(**theirs), unsafe=True) == flagged(**theirs)


def test_a_flag_that_is_told_once_or_does_nothing_is_no_finding() -> None:
    assert find(flagged(lstrip=True), BASE, "GF304") == []
    assert find(flagged(normalized=True), flagged(normalized=False), "GF304") == []
    decoder = {str(i): {"content": t, "special": True, "lstrip": True} for t, i in CHATML_TOKENS.items()}
    assert (
        find(
            flagged(lstrip=True), with_json(flagged(lstrip=False), TOK, added_tokens_decoder=decoder), "GF304"
        )
        == []
    )


def test_normalized_counts_where_there_is_a_normalizer() -> None:
    merged, base = (with_head(flagged(normalized=v), normalizer={"type": "NFC"}) for v in (True, False))
    assert only(find(merged, base, "GF304"), Applicability.UNSAFE).severity is Severity.WARNING


def test_flags_do_not_cost_added_tokens() -> None:
    merged = with_token_list(BASE, CHATML_TOKENS | {"<mine>": 1003}, lstrip=True)
    only(find(merged, flagged(lstrip=False), "GF304"), Applicability.MANUAL)


# -- the list of special tokens ------------------------------------------------------------------------------

LISTED = with_json(with_token_list(BASE, RESERVED, special=False), TOK, additional_special_tokens=[*RESERVED])
"""The list alone makes the tokens special."""


def test_a_shrunk_list_gets_the_bases_tokens_and_keeps_its_own() -> None:
    merged = with_token_list(LISTED, RESERVED | {"<mine>": 1005}, special=False)
    merged = with_json(
        merged, TOK, additional_special_tokens=..., extra_special_tokens=["<mine>", "<|im_start|>"]
    )
    finding = only(find(merged, LISTED, "GF305"), Applicability.UNSAFE)
    assert finding.severity is Severity.WARNING
    safe = json.loads(repaired(merged, LISTED)[TOK])
    assert safe["additional_special_tokens"] == ["<mine>", "<|im_start|>"]  # renamed, for transformers 4
    result = json.loads(repaired(merged, LISTED, unsafe=True)[TOK])
    assert result["additional_special_tokens"] == [*RESERVED, "<mine>"]
    assert "extra_special_tokens" not in result


def test_a_lost_list_comes_back() -> None:
    lost = with_json(LISTED, TOK, additional_special_tokens=...)
    assert repaired(lost, LISTED, unsafe=True)[TOK] == LISTED[TOK]


@pytest.mark.parametrize("rest", [..., [], ["<|im_start|>"]])
def test_a_list_is_not_missed_where_the_tokenizer_marks_the_tokens_itself(rest: object) -> None:
    """Ids and decode(skip_special_tokens=True) are the same with the list and without."""
    base = with_json(WITH_RESERVED, TOK, additional_special_tokens=[*RESERVED])
    assert find(with_json(base, TOK, additional_special_tokens=rest), base, "GF305") == []


@pytest.mark.parametrize(
    "values",
    [
        {"auto_map": {"AutoTokenizer": ["tokenization_mine.MineTokenizer", None]}},
        {"added_tokens_decoder": {"1003": {"content": "<|reserved_0|>", "special": False}}},
    ],
    ids=["code of its own", "its config says otherwise"],
)
def test_the_list_counts_where_the_tokenizers_own_marks_may_not(values: dict[str, object]) -> None:
    base = with_json(WITH_RESERVED, TOK, additional_special_tokens=[*RESERVED], **values)
    merged = with_json(base, TOK, additional_special_tokens=["<|im_start|>"])
    assert only(find(merged, base, "GF305"), Applicability.UNSAFE).severity is Severity.WARNING


def test_only_the_tokens_that_need_the_list_are_missed() -> None:
    tokens = json.loads(LISTED["tokenizer.json"])["added_tokens"]
    marked = [token | {"special": token["content"] != "<|reserved_1|>"} for token in tokens]
    base = with_json(LISTED, "tokenizer.json", added_tokens=marked)
    [finding] = find(with_json(base, TOK, additional_special_tokens=...), base, "GF305")
    assert finding.message.args["tokens"] == ["<|reserved_1|>"]


@pytest.mark.parametrize("key", ["additional_special_tokens", "extra_special_tokens"])
def test_a_list_in_another_order_or_under_another_name_is_whole(key: str) -> None:
    rest = [text for text in reversed(RESERVED) if text != "<|im_end|>"]  # that one is the EOS
    merged = with_json(with_json(LISTED, TOK, additional_special_tokens=...), TOK, **{key: rest})
    assert find(merged, LISTED, "GF305") == []


# -- normalizer and pre-tokenizer ----------------------------------------------------------------------------

SPLIT = {"type": "Split", "pattern": {"Regex": r"\p{N}"}, "behavior": "Isolated", "invert": False}
BYTES = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}


def cut(pre_tokenizer: object, normalizer: object = None, tokens: dict[str, int] = CHATML_TOKENS) -> Files:
    return with_head(with_token_list(BASE, tokens), pre_tokenizer=pre_tokenizer, normalizer=normalizer)


CUT = cut({"type": "Sequence", "pretokenizers": [SPLIT, BYTES]}, {"type": "NFC"})


@pytest.mark.parametrize(
    "merged", [cut(BYTES, {"type": "NFC"}), cut({"type": "Sequence", "pretokenizers": [SPLIT, BYTES]})]
)
def test_another_cut_is_a_warning(merged: Files) -> None:
    finding = only(find(merged, CUT, "GF311"), Applicability.UNSAFE)
    assert finding.severity is Severity.WARNING
    assert find(merged, CUT, "GF311", merged) == []
    assert repaired(merged, CUT)[FAST] == merged[FAST]
    assert repaired(merged, CUT, unsafe=True) == CUT


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ({"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
         {"trim_offsets": True, "add_prefix_space": False, "type": "ByteLevel"}),
        ({"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True},
         {"type": "Metaspace", "replacement": "▁", "add_prefix_space": True, "str_rep": "▁"}),
        ({"type": "Metaspace", "replacement": "▁", "prepend_scheme": "never", "split": True},
         {"type": "Metaspace", "replacement": "▁", "add_prefix_space": False}),
        ({"type": "Sequence", "pretokenizers": [BYTES]}, BYTES),
        ({"type": "Sequence", "pretokenizers": [{"type": "Sequence", "pretokenizers": [SPLIT, BYTES]}]},
         {"type": "Sequence", "pretokenizers": [SPLIT, BYTES]}),
        ({"type": "Sequence", "pretokenizers": []}, None),
        (None, ...),
    ],
)  # fmt: skip
def test_another_spelling_of_the_same_cut_is_nothing(ours: object, theirs: object) -> None:
    assert find(cut(ours), cut(theirs), "GF311") == []
    assert find(cut(theirs), cut(ours), "GF311") == []


def test_added_tokens_make_it_manual_and_resized_rows_silent() -> None:
    merged = cut(BYTES, {"type": "NFC"}, CHATML_TOKENS | {"<mine>": 1003})
    only(find(merged, CUT, "GF311"), Applicability.MANUAL)
    assert find(merged | {"model.safetensors": safetensors(1088)}, CUT, "GF311") == []


def test_a_named_token_that_saving_made_special_is_as_it_was_loaded() -> None:
    """deepseek-coder's EOS is not special in its tokenizer.json, and becomes so by being named."""
    tokens = {**CHATML_TOKENS}
    base = with_token_list(BASE, tokens, special=False, lstrip=False)
    merged = with_token_list(BASE, tokens, special=False, lstrip=False)
    entries = json.loads(merged[FAST])["added_tokens"]
    for entry in entries:
        entry["special"] = entry["content"] == "<|im_end|>"
    merged = with_json(merged, FAST, added_tokens=entries)
    assert find(merged, base, "GF304") == []
    for entry in entries:
        entry["special"] = entry["content"] == "<|im_start|>"
    assert find(with_json(merged, FAST, added_tokens=entries), base, "GF304") != []


def test_where_tokens_began_in_the_text_is_no_difference() -> None:
    def cut(trim: bool) -> Files:  # noqa: FBT001
        steps = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": trim, "use_regex": False}
        return with_head(BASE, pre_tokenizer=steps)

    assert find(cut(True), cut(False), "GF311") == []
