"""Added and special tokens, from whichever of four files tells them."""

import json

import pytest

from genfix.json_types import JsonValue
from genfix.model import Model
from genfix.model.tokenizer import TokenTable, read_tokenizer_head
from tests.support.folders import Files, MemoryFolder, dump


def table(files: Files) -> TokenTable:
    return Model(MemoryFolder(files)).tokenizer


def tokenizer_json(*tokens: tuple[JsonValue, JsonValue], **more: JsonValue) -> bytes:
    return dump(
        {"added_tokens": [{"id": i, "content": t} for t, i in tokens], **more, "model": {"vocab": {"a": 0}}}
    )


FAST = {"tokenizer.json": tokenizer_json(("<a>", 1), ("<b>", 2))}
DECODER = {
    "tokenizer_config.json": dump(
        {"added_tokens_decoder": {"1": {"content": "<x>"}, "3": {"content": "<c>"}}}
    )
}
ADDED = {"added_tokens.json": dump({"<a>": 9, "<d>": 4})}


@pytest.mark.parametrize(
    ("files", "ids"),
    [
        ({}, {}),
        (FAST, {"<a>": 1, "<b>": 2}),
        (DECODER, {"<x>": 1, "<c>": 3}),
        (ADDED, {"<a>": 9, "<d>": 4}),
        (FAST | DECODER | ADDED, {"<a>": 1, "<b>": 2, "<x>": 1, "<c>": 3, "<d>": 4}),
        ({"tokenizer.json": b"{"} | ADDED, {"<a>": 9, "<d>": 4}),
        ({"tokenizer.json": b""}, {}),
        ({"tokenizer.json": b"[]"}, {}),
        ({"tokenizer.json": b"[" * 100_000}, {}),
    ],
)
def test_the_token_table_joins_all_files_and_the_first_one_wins(files: Files, ids: dict[str, int]) -> None:
    found = table(files)
    assert found.ids == ids
    assert found.is_known is bool(ids)


def test_the_text_of_an_id_is_the_first_files() -> None:
    found = table(FAST | DECODER)
    assert (found.text(1), found.text(3), found.text(99)) == ("<a>", "<c>", None)


@pytest.mark.parametrize(
    "entry",
    [{"id": "1", "content": "<a>"}, {"id": True, "content": "<a>"}, {"id": 1}, {"content": "<a>"}, "<a>",
     None, {"id": 1, "content": 5}],
)  # fmt: skip
def test_an_entry_that_is_none_is_left_out(entry: JsonValue) -> None:
    assert table({"tokenizer.json": dump({"added_tokens": [entry], "model": {}})}).ids == {}


@pytest.mark.parametrize(
    "decoder",
    [{"x": {"content": "<a>"}}, {"-1": {"content": "<a>"}}, {"1": {}}, {"1": None}, {"1": 5}, [], None],
)
def test_a_decoder_entry_that_is_none_is_left_out(decoder: JsonValue) -> None:
    assert table({"tokenizer_config.json": dump({"added_tokens_decoder": decoder})}).ids == {}


@pytest.mark.parametrize(
    ("config", "special", "token"),
    [
        (None, "<b>", "<b>"),
        (None, {"content": "<b>"}, "<b>"),
        ("<a>", "<b>", "<b>"),
        ("<a>", None, None),
        (None, None, None),
        (5, None, None),
    ],
)
def test_the_map_is_laid_over_tokenizer_config(
    config: JsonValue, special: JsonValue, token: str | None
) -> None:
    files = FAST | {
        "tokenizer_config.json": dump({"eos_token": config}),
        "special_tokens_map.json": dump({"eos_token": special}),
    }
    found = table(files)
    assert found.eos_token == token
    assert found.eos_token_id == {"<a>": 1, "<b>": 2, None: None}[token]


@pytest.mark.parametrize("stated", ["<a>", {"content": "<a>", "lstrip": False}])
def test_beside_a_list_of_added_tokens_the_map_is_not_read(stated: JsonValue) -> None:
    plain = {"tokenizer_config.json": dump({"eos_token": stated})}
    assert table(FAST | plain).eos_token == "<a>"
    listed = {"tokenizer_config.json": dump({"eos_token": stated, "added_tokens_decoder": {}})}
    assert table(FAST | listed | {"special_tokens_map.json": dump({"eos_token": "<b>"})}).eos_token == "<a>"


def test_an_eos_token_that_is_no_added_token_has_no_known_id() -> None:
    assert table(FAST | {"tokenizer_config.json": dump({"eos_token": "</s>"})}).eos_token_id is None


class Counting(MemoryFolder):
    """A folder that counts the bytes it hands out."""

    handed_out = 0

    def read(self, name: str) -> bytes:
        self.handed_out += len(self.files[name])
        return super().read(name)

    def read_range(self, name: str, start: int, length: int) -> bytes:
        part = super().read_range(name, start, length)
        self.handed_out += len(part)
        return part


VOCABULARY: JsonValue = {f"token{number}": number for number in range(60_000)}


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")])
@pytest.mark.parametrize("indent", [None, 2])
def test_the_vocabulary_of_a_large_file_is_not_read(separators: tuple[str, str], indent: int | None) -> None:
    value = {
        "version": "1.0",
        "added_tokens": [{"id": 1, "content": '"model": {'}],
        "model": {"vocab": VOCABULARY},
    }
    content = json.dumps(value, separators=separators, indent=indent).encode()
    folder = Counting({"tokenizer.json": content})
    head = read_tokenizer_head(folder)
    assert head == {"version": "1.0", "added_tokens": [{"id": 1, "content": '"model": {'}]}
    assert folder.handed_out < len(content) / 5


@pytest.mark.parametrize(
    "value",
    [
        {"model": {"vocab": VOCABULARY}, "added_tokens": [{"id": 1, "content": "<a>"}]},
        {
            "added_tokens": [{"id": 1, "content": "<a>"}],
            "note": ["x" * 200_000],
            "model": {"vocab": VOCABULARY},
        },
        {
            "pre_tokenizer": {"model": {}},
            "added_tokens": [{"id": 1, "content": "<a>"}],
            "model": {"vocab": VOCABULARY},
        },
        {
            "added_tokens": [{"id": 1, "content": "<a>"}],
            "model": {"vocab": VOCABULARY},
            "pre_tokenizer": {"type": "ByteLevel"},
            "version": "1.0",
        },
    ],
    ids=["model first", "long head", "another model before", "sorted keys"],
)
def test_a_file_with_another_layout_is_read_all_the_same(value: JsonValue) -> None:
    assert table({"tokenizer.json": json.dumps(value).encode()}).ids == {"<a>": 1}


def test_what_stands_behind_the_vocabulary_is_read_too() -> None:
    value: JsonValue = {
        "added_tokens": [],
        "model": {"vocab": VOCABULARY},
        "pre_tokenizer": {"type": "Split"},
    }
    for indent in (None, 2):
        content = json.dumps(value, indent=indent).encode()
        head = read_tokenizer_head(MemoryFolder({"tokenizer.json": content}))
        assert head["pre_tokenizer"] == {"type": "Split"}


def test_ids_and_texts_come_from_files_in_other_scripts_too() -> None:
    text = "<｜end▁of▁sentence｜>"  # noqa: RUF001 - DeepSeek's own
    for ascii_only in (True, False):
        content = json.dumps(
            {"added_tokens": [{"id": 1, "content": text}], "model": {}}, ensure_ascii=ascii_only
        )
        assert table({"tokenizer.json": content.encode()}).text(1) == text
