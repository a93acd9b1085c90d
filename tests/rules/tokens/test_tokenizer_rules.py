"""GF3xx: what genfix says about lost tokenizer files."""

import json

import pytest

from genfix.rules import Applicability, RestoreFile, Severity
from tests.support.folders import (
    CHATML_TOKENS,
    Files,
    added_tokens,
    chatml_files,
    dump,
    glm_files,
    safetensors,
    with_json,
    without,
)
from tests.support.judging import find

SLOW = {"vocab.json": b"{}", "merges.txt": b"#version\n", "tokenizer.model": b"spm"}
COMPANIONS = {
    "special_tokens_map.json": dump({"eos_token": "<|im_end|>"}),
    "added_tokens.json": dump(CHATML_TOKENS),
}
FULL = chatml_files() | SLOW | COMPANIONS


@pytest.mark.parametrize(
    ("lost", "found"),
    [
        (["tokenizer_config.json"], {"tokenizer_config.json": Severity.ERROR}),
        (["tokenizer.json"], {"tokenizer.json": Severity.WARNING}),
        (
            ["tokenizer.json", "vocab.json", "merges.txt", "tokenizer.model"],
            dict.fromkeys(["tokenizer.json", "vocab.json", "merges.txt", "tokenizer.model"], Severity.ERROR),
        ),
        (["vocab.json", "merges.txt"], {}),
        (["tokenizer.model"], {}),
        (["special_tokens_map.json", "added_tokens.json"], {}),
        (["vocab.json", "merges.txt", "special_tokens_map.json", "added_tokens.json", "tokenizer.model"], {}),
        (
            ["tokenizer.json", "added_tokens.json"],
            {"tokenizer.json": Severity.WARNING, "added_tokens.json": Severity.WARNING},
        ),
        (
            [name for name in FULL if "token" in name or name in SLOW],
            {
                name: Severity.WARNING if name in COMPANIONS else Severity.ERROR
                for name in FULL
                if "token" in name or name in SLOW
            },
        ),
    ],
)
def test_a_lost_file_is_missed_unless_another_holds_the_same(
    lost: list[str], found: dict[str, Severity]
) -> None:
    findings = find(without(FULL, *lost), FULL, "GF301")
    assert {finding.file: finding.severity for finding in findings} == found
    for finding in findings:
        assert finding.fix is not None
        assert finding.fix.applicability is Applicability.SAFE
        assert finding.fix.operations == (RestoreFile(finding.file),)


def test_added_tokens_are_not_missed_where_tokenizer_config_lists_them() -> None:
    base = with_json(FULL, "tokenizer_config.json", added_tokens_decoder=added_tokens(CHATML_TOKENS))
    base = without(base, "tokenizer.json")
    assert find(without(base, "added_tokens.json", "special_tokens_map.json"), base, "GF301") == []


def test_a_tokenizer_in_another_version_is_nothing() -> None:
    """Merges as pairs or strings, a suffix of null or "": the table of added tokens is what counts."""
    base = with_json(FULL, "tokenizer.json", model={"merges": ["a b"], "continuing_subword_prefix": None})
    merged = with_json(
        base, "tokenizer.json", model={"merges": [["a", "b"]], "continuing_subword_prefix": ""}
    )
    assert find(merged, base) == []


def test_tokenizer_files_that_were_added_are_nothing() -> None:
    assert find(FULL, chatml_files()) == []


def changed(**what: object) -> Files:
    """A folder without its tokenizer_config.json whose tokenizer.json is not the base's."""
    tokens = CHATML_TOKENS | {str(text): token_id for text, token_id in what.items()}
    entries = [{"id": token_id, "content": text} for text, token_id in tokens.items()]
    return without(with_json(FULL, "tokenizer.json", added_tokens=entries), "tokenizer_config.json")


@pytest.mark.parametrize(
    ("merged", "reason"),
    [
        (changed(mine=1003), "why-tokens-differ"),
        (changed(**{"<|im_end|>": 1005}), "why-tokens-differ"),
        (
            without(FULL, "tokenizer_config.json") | {"model.safetensors": safetensors(1032)},
            "why-rows-differ",
        ),
        (
            without(with_json(FULL, "config.json", vocab_size=2000), "tokenizer_config.json"),
            "why-rows-differ",
        ),
        (
            without(FULL, "tokenizer_config.json") | {"model.safetensors": safetensors(1024)},
            "why-tokenizer-lost",
        ),
        (changed(), "why-tokenizer-lost"),
    ],
)
def test_files_of_another_tokenizer_are_mixed_in_only_on_demand(merged: Files, reason: str) -> None:
    [finding] = find(merged, FULL, "GF301")
    assert finding.fix is not None
    assert finding.fix.why.id == reason
    safe = reason == "why-tokenizer-lost"
    assert finding.fix.applicability is (Applicability.SAFE if safe else Applicability.UNSAFE)


def test_another_vocabulary_file_says_that_the_tokenizer_was_changed() -> None:
    base = glm_files()
    merged = without(base, "tokenizer_config.json") | {"tokenizer.model": b"another vocabulary"}
    [finding] = find(merged, base, "GF301")
    assert finding.fix is not None
    assert finding.fix.why.id == "why-vocabulary-differs"


def test_a_resized_vocabulary_with_its_own_tokenizer_is_nothing() -> None:
    """Rows beyond the tokens are padding; rows for more tokens are a tokenizer of its own."""
    base = FULL
    merged = with_json(base, "config.json", vocab_size=1088) | {"model.safetensors": safetensors(1088)}
    tokens = [{"id": i, "content": t} for t, i in {**CHATML_TOKENS, "<|mine|>": 1003}.items()]
    assert find(with_json(merged, "tokenizer.json", added_tokens=tokens), base) == []


def test_a_pad_token_a_padding_side_and_a_class_name_are_nothing() -> None:
    """A pad token added and another padding side change nothing an engine stops or loads by."""
    base = chatml_files()
    merged = with_json(
        base,
        "tokenizer_config.json",
        pad_token="<|endoftext|>",
        padding_side="left",
        is_local=True,
        backend="x",
    )
    assert find(merged, base) == []


@pytest.mark.parametrize("content", [b"", b'{"added', b"[]", b"\xff"])
def test_a_tokenizer_that_does_not_parse_is_an_error(content: bytes) -> None:
    assert [f.severity for f in find(FULL | {"tokenizer.json": content}, FULL)] == [Severity.ERROR]


@pytest.mark.parametrize("name", ["tokenizer_config.json", "added_tokens.json"])
def test_a_broken_file_of_another_tokenizer_is_replaced_only_on_demand(name: str) -> None:
    tokens = json.loads(FULL["tokenizer.json"])["added_tokens"]
    merged = with_json(FULL, "tokenizer.json", added_tokens=[*tokens, {"id": 1003, "content": "<|mine|>"}])
    [finding] = find(merged | {name: b"{"}, FULL, "GF901")
    assert finding.fix is not None
    assert finding.fix.applicability is Applicability.UNSAFE
