"""Mistral's own vocabulary: its special tokens are the first ids."""

import pytest

from genfix.json_types import JsonValue
from genfix.model import Model
from genfix.model.tekken import Tekken, tekken_of
from tests.support.folders import MemoryFolder, dump


def listed(*entries: JsonValue) -> bytes:
    return dump({"config": {"version": "v11"}, "vocab": [], "special_tokens": [*entries]})


START: JsonValue = {"rank": 0, "token_str": "<s>", "is_control": True}
END: JsonValue = {"rank": 1, "token_str": "</s>", "is_control": True}
LATE: JsonValue = {"rank": 7, "token_str": "</s>", "is_control": True}


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (listed(START, END), Tekken({"<s>": 0, "</s>": 1})),
        (listed(END, START), Tekken({"</s>": 1, "<s>": 0})),
        (listed(START, LATE), Tekken({"<s>": 0, "</s>": 7}, has_gap=True)),
        (listed(), Tekken({})),
        (listed(START, START), None),
        (listed({"rank": "0", "token_str": "<s>"}), None),
        (listed("<s>"), None),
        (dump({"config": {}, "vocab": [], "special_tokens": {}}), None),
        (dump({"config": [], "vocab": []}), None),
        (dump({"config": {}}), None),
        (b"{", None),
        (b"[" * 100_000, None),
    ],
)
def test_what_a_file_says(content: bytes, found: Tekken | None) -> None:
    assert tekken_of(content) == found


def test_an_older_file_means_the_tokens_that_are_known() -> None:
    found = tekken_of(dump({"config": {"version": "v3"}, "vocab": []}))
    assert found is not None
    assert (found.lists, found.tokens["</s>"], found.tokens["[TOOL_CONTENT]"]) == (False, 2, 19)


def test_its_ids_count_where_no_tokenizer_json_is() -> None:
    files = {"tekken.json": listed(START, END), "tokenizer_config.json": dump({"eos_token": "</s>"})}
    assert Model(MemoryFolder(files)).tokenizer.eos_token_id == 1
    fast = {"tokenizer.json": dump({"added_tokens": [{"id": 9, "content": "</s>"}], "model": {}})}
    assert Model(MemoryFolder(files | fast)).tokenizer.eos_token_id == 9
