"""Exact bytes before and after; the files are written here, in the shapes that trainers and people leave."""

import json
from collections.abc import Sequence

import pytest

from genfix.errors import PlanError
from genfix.json_types import JsonValue
from genfix.jsontext import json_edit
from genfix.jsontext.json_edit import Raw, raw_value
from genfix.jsontext.json_read import JsonError, JsonProblemKind
from tests.support.json_edits import remove_value, set_value

GENERATION = b"""{
  "_from_model_config": true,
  "bos_token_id": 151643,
  "eos_token_id": 151645,
  "temperature": 0.10,
  "transformers_version": "4.51.0"
}
"""

STOPS = b"""{
  "eos_token_id": [
    151329,
    151336,
    151338
  ],
  "pad_token_id": 151329,
  "do_sample": true
}"""

LLAMA = b"""{
  "architectures": [
    "LlamaForCausalLM"
  ],
  "rms_norm_eps": 1.0e-05,
  "rope_scaling": {
    "factor": 8.0,
    "low_freq_factor": 1E+0,
    "rope_type": "llama3"
  },
  "rope_theta": 500000.0,
  "vocab_size": 128256
}
"""

TOKENIZER = b"""{
  "auto_map": {
    "AutoTokenizer": ["tokenization_x.XTokenizer", null]
  },
  "added_tokens_decoder": {
    "9": {"content": "<a>", "special": true},
    "10": {"content": "<b>", "special": true}
  },
  "additional_special_tokens": ["<a>", "[MASK]", "<sop>",
                               "<b>", "<|c\\/d|>"],
  "model_max_length": 1000000000000000019884624838656,
  "note": "\\u00e9",
  "sp_model_kwargs": {}
}
"""

ONE_LINE = b'{"bos_token_id": 1, "eos_token_id": [2, 3], "x": {"y": 1}}\n'
COMPACT = b'{"bos_token_id":1,"x":{"y":1}}'
TABS = b'{\n\t"a": {\n\t\t"b": 1\n\t},\n\t"c": []\n}\n'
CRLF = b'{\r\n  "b": 1,\r\n  "d": [\r\n    1,\r\n    2\r\n  ]\r\n}\r\n'
FOUR = '{\n    "chat_template": "x.jinja",\n    "stop_token_ids": [2],\n    "system_prompt": "é"\n}'.encode()


def replaced(data: bytes, old: str, new: str) -> bytes:
    assert data.count(old.encode()) == 1
    return data.replace(old.encode(), new.encode())


@pytest.mark.parametrize(
    ("data", "pointer", "value", "old", "new"),
    [
        (GENERATION, "/eos_token_id", 7, "151645", "7"),
        (GENERATION, "/eos_token_id", [1, 2], "151645", "[\n    1,\n    2\n  ]"),
        (GENERATION, "/eos_token_id", [], "151645", "[]"),
        (GENERATION, "/temperature", 0.1, "0.10", "0.10"),  # equal already: the spelling stays
        (GENERATION, "/temperature", 1e-05, "0.10", "1e-05"),
        (GENERATION, "/bos_token_id", 151643.0, "151643", "151643.0"),
        (GENERATION, "/_from_model_config", 1, "true", "1"),
        (GENERATION, "/transformers_version", "日本\n", '"4.51.0"', '"\\u65e5\\u672c\\n"'),
        (STOPS, "/eos_token_id", 5, "[\n    151329,\n    151336,\n    151338\n  ]", "5"),
        (STOPS, "/eos_token_id", [5], "\n    151329,\n    151336,\n    151338\n", "\n    5\n"),
        (LLAMA, "/rope_scaling/factor", 32.0, "8.0", "32.0"),
        (LLAMA, "/rope_scaling/rope_type", {"a": [1], "b": {}}, '"llama3"',
            '{\n      "a": [\n        1\n      ],\n      "b": {}\n    }'),
        (LLAMA, "/rope_theta", Raw("5.0E+5"), "500000.0", "5.0E+5"),
        (LLAMA, "/rope_theta", Raw(" Infinity\n"), "500000.0", "Infinity"),
        (LLAMA, "/architectures", Raw('[\n    "A",\n    [\n        "B"\n    ]\n]'),
            '[\n    "LlamaForCausalLM"\n  ]', '[\n    "A",\n    [\n      "B"\n    ]\n  ]'),
        (TOKENIZER, "/note", "ü", "\\u00e9", "\\u00fc"),
        (TOKENIZER, "/note", "é", "\\u00e9", "\\u00e9"),
        (TOKENIZER, "/auto_map/AutoTokenizer", ["a", "b" * 150], '"tokenization_x.XTokenizer", null',
            f'"a", "{"b" * 150}"'),
        (TOKENIZER, "/additional_special_tokens", ["<a>"],
            '["<a>", "[MASK]", "<sop>",\n                               "<b>", "<|c\\/d|>"]', '["<a>"]'),
        (TOKENIZER, "/added_tokens_decoder/9", {"content": "x"}, '{"content": "<a>", "special": true}',
            '{"content": "x"}'),
        (TOKENIZER, "/added_tokens_decoder/9/content", ["x", {"y": 1}], '"<a>", "special"',
            '["x", {"y": 1}], "special"'),
        (TOKENIZER, "/note", Raw('[\n  "x",\n  [\n    1\n  ]\n]'), '"\\u00e9"',
            '[\n    "x",\n    [\n      1\n    ]\n  ]'),
        (ONE_LINE, "/eos_token_id", [7, {"a": [1]}], "[2, 3]", '[7, {"a": [1]}]'),
        (ONE_LINE, "/bos_token_id", Raw('[\n  1,\n  {\n    "a, b": {},\n    "c": ":"\n  }\n]'), '_id": 1',
            '_id": [1, {"a, b": {}, "c": ":"}]'),
        (COMPACT, "/x/y", [7, {"a": [1]}], '"y":1', '"y":[7,{"a":[1]}]'),
        (TABS, "/a/b", [1], "1", "[\n\t\t\t1\n\t\t]"),
        (TABS, "/c", {"x": [2]}, "[]", '{\n\t\t"x": [\n\t\t\t2\n\t\t]\n\t}'),
        (CRLF, "/b", [3], '1,\r\n  "d"', '[\r\n    3\r\n  ],\r\n  "d"'),
        (CRLF, "/b", Raw("[\n  3\n]"), '1,\r\n  "d"', '[\r\n    3\r\n  ],\r\n  "d"'),
        (FOUR, "/system_prompt", "ü", "é", "ü"),
        (FOUR, "/chat_template", [1, 2], '"x.jinja"', "[1, 2]"),
        (FOUR, "/chat_template", list(range(40)), '"x.jinja"',
            "[\n        " + ",\n        ".join(map(str, range(40))) + "\n    ]"),
        (FOUR, "/chat_template", {"a": [1], "b": {"c": 1}}, '"x.jinja"',
            '{\n        "a": [1],\n        "b": {\n            "c": 1\n        }\n    }'),
        (b'{"a~b": {"c/d": {"": 1}}}', "/a~0b/c~1d/", 2, "1", "2"),
        (LLAMA, "/rope_theta", Raw("[\n\n  1\n]"), "500000.0", "[\n\n    1\n  ]"),
        (b'{\n "a": [1],\n "b": [2],\n "c": [\n  3\n ]\n}', "/c", [4], "  3", "  4"),
        (b'{"a": [\n  1\n]}', "/a", [2], "1", "2"),
        (b'{"a":\n  1}', "/a", {"b": 2}, "1", '{"b": 2}'),
    ],
)  # fmt: skip
def test_replace(data: bytes, pointer: str, value: JsonValue | Raw, old: str, new: str) -> None:
    assert set_value(data, pointer, value) == replaced(data, old, new)


@pytest.mark.parametrize(
    ("data", "pointer", "value", "old", "new"),
    [
        # Sorted keys: to the sorted place.
        (GENERATION, "/do_sample", True, '  "eos_', '  "do_sample": true,\n  "eos_'),
        (GENERATION, "/eos_token", "x", '  "eos_', '  "eos_token": "x",\n  "eos_'),
        (GENERATION, "/A", 1, '  "_from', '  "A": 1,\n  "_from'),
        (GENERATION, "/z", [1], '"4.51.0"\n', '"4.51.0",\n  "z": [\n    1\n  ]\n'),
        (LLAMA, "/rope_scaling/original", Raw("8192"), '    "rope_type',
            '    "original": 8192,\n    "rope_type'),
        # Unsorted keys: to the end.
        (STOPS, "/a", 1, "true\n}", 'true,\n  "a": 1\n}'),
        # Token ids sort as numbers, and siblings show how to write one.
        (TOKENIZER, "/added_tokens_decoder/11", {"content": "é", "special": False}, '"<b>", "special": true}',
            '"<b>", "special": true},\n    "11": {"content": "\\u00e9", "special": false}'),
        (TOKENIZER, "/added_tokens_decoder/5", {}, '    "9"', '    "5": {},\n    "9"'),
        # One key: the member's own line shows the way.
        (LLAMA.replace(b'500000.0,\n  "vocab_size": 128256', b'{\n    "x": 1\n  }'), "/rope_theta/z", 2,
            '"x": 1\n', '"x": 1,\n    "z": 2\n'),
        (TOKENIZER, "/auto_map/AutoConfig", [1, 2], '    "AutoTokenizer"',
            '    "AutoConfig": [1, 2],\n    "AutoTokenizer"'),
        (ONE_LINE, "/x/z", [1], '"y": 1', '"y": 1, "z": [1]'),
        (COMPACT, "/x/a", {"b": [1]}, '"y":1', '"a":{"b":[1]},"y":1'),
        (b'{"a": 1}', "/b", 2, "1", '1, "b": 2'),
        (b'{"a":1}', "/b", 2, "1", '1,"b":2'),
        # No key: the file's indent.
        (TOKENIZER, "/sp_model_kwargs/enable_sampling", True, "{}", '{\n    "enable_sampling": true\n  }'),
        (b"{}\n", "/eos_token_id", [1, 2], "{}", '{\n  "eos_token_id": [\n    1,\n    2\n  ]\n}'),
        (b'{"a":{}}', "/a/b", [1], "{}", '{"b":[1]}'),
        (b'{\r\n\t"a": { }\r\n}', "/a/b", 1, "{ }", '{\r\n\t\t"b": 1\r\n\t}'),
        # Neighbours' separators.
        (TABS, "/d", None, "[]\n", '[],\n\t"d": null\n'),
        (CRLF, "/a", 0, '  "b"', '  "a": 0,\r\n  "b"'),
        (CRLF, "/c", 0, '  "d"', '  "c": 0,\r\n  "d"'),
        (FOUR, "/z", "日", '"é"\n', '"é",\n    "z": "日"\n'),
        (b'{ "a" : 1 , "b" : 2 }', "/c", 3, "2", '2 , "c" : 3'),
        (b'{\n  "a": 1\n, "b": 2\n}', "/c", 3, "2", '2\n, "c": 3'),
        (b'{\n  "a": 1,\n\n  "b": 2\n}', "/c", 3, "2", '2,\n  "c": 3'),
        (b'{\n\n  "a": 1\n}', "/b", 3, "1", '1,\n  "b": 3'),
        (b'{"a": 1,\n "b": 2}', "/c", [3], "2", '2,\n "c": [\n  3\n ]'),
        (b'{\n "a": [1],\n "b": [\n  2\n ]\n}', "/c", [3], "2\n ]", '2\n ],\n "c": [\n  3\n ]'),
        (b'{\n"a": 1,\n"b": 2\n}', "/c", [3], "2", '2,\n"c": [\n3\n]'),
    ],
)  # fmt: skip
def test_insert_without_key_order(
    data: bytes, pointer: str, value: JsonValue | Raw, old: str, new: str
) -> None:
    after = set_value(data, pointer, value)
    assert after == replaced(data, old, new)


@pytest.mark.parametrize(
    ("order", "keys"),
    [
        (["a", "new", "z"], "p b x new"),  # neither is there, and the keys are not sorted
        (["b", "new", "x"], "p b new x"),
        (["p", "new", "x"], "p new b x"),
        (["p", "nope", "new", "x"], "p new b x"),
        (["x", "p", "new", "b"], "p new b x"),
        (["x", "new"], "p b x new"),
        (["new", "p"], "new p b x"),
        (["new", "nope", "x"], "p b new x"),
        (["p", "b"], "p b x new"),  # the order says nothing about the new key
    ],
)
def test_key_order_says_where(order: Sequence[str], keys: str) -> None:
    for data in (b'{"p": 1, "b": 2, "x": 3}', b'{\n "p": 1,\n "b": 2,\n "x": 3\n}\n'):
        after = set_value(data, "/new", 0, key_order=order)
        assert list(json.loads(after)) == keys.split()
        assert remove_value(after, "/new") == data


def test_a_new_line_between_members_is_indented_as_the_second_of_them() -> None:
    after = set_value(b'{"a": 1,\n "b": 2}', "/n", [3], key_order=["a", "n"])
    assert after == b'{"a": 1,\n "n": [\n  3\n ],\n "b": 2}'


@pytest.mark.parametrize(
    ("data", "pointer", "old", "new"),
    [
        (GENERATION, "/_from_model_config", '  "_from_model_config": true,\n', ""),
        (GENERATION, "/eos_token_id", '  "eos_token_id": 151645,\n', ""),
        (GENERATION, "/transformers_version", ',\n  "transformers_version": "4.51.0"', ""),
        (STOPS, "/eos_token_id", '  "eos_token_id": [\n    151329,\n    151336,\n    151338\n  ],\n', ""),
        (LLAMA, "/rope_scaling/low_freq_factor", '    "low_freq_factor": 1E+0,\n', ""),
        (TOKENIZER, "/added_tokens_decoder/10", ',\n    "10": {"content": "<b>", "special": true}', ""),
        (TOKENIZER, "/added_tokens_decoder/10/special", '"<b>", "special": true', '"<b>"'),
        (TOKENIZER, "/auto_map/AutoTokenizer",
            '{\n    "AutoTokenizer": ["tokenization_x.XTokenizer", null]\n  }', "{}"),
        (ONE_LINE, "/eos_token_id", '"eos_token_id": [2, 3], ', ""),
        (ONE_LINE, "/x", ', "x": {"y": 1}', ""),
        (COMPACT, "/bos_token_id", '"bos_token_id":1,', ""),
        (TABS, "/a/b", '{\n\t\t"b": 1\n\t}', "{}"),
        (CRLF, "/b", '  "b": 1,\r\n', ""),
        (FOUR, "/system_prompt", ',\n    "system_prompt": "é"', ""),
        (b'{"a": 1}\n', "/a", '"a": 1', ""),
        (b'{\n "a": 1,\n "b": 2, "c": 3\n}', "/b", '"b": 2, ', ""),
        (b'{\n "a": 1, "b": 2,\n "c": 3\n}', "/b", ', "b": 2', ""),
        (b'{\n  "a": 1\n, "b": 2\n, "c": 3\n}', "/b", '\n, "b": 2', ""),
    ],
)  # fmt: skip
def test_remove(data: bytes, pointer: str, old: str, new: str) -> None:
    assert remove_value(data, pointer) == replaced(data, old, new)


@pytest.mark.parametrize(
    ("data", "pointer", "text"),
    [
        (TOKENIZER, "/model_max_length", "1000000000000000019884624838656"),
        (LLAMA, "/rms_norm_eps", "1.0e-05"),
        (LLAMA, "/rope_scaling/low_freq_factor", "1E+0"),
        (TOKENIZER, "/note", '"\\u00e9"'),
        (STOPS, "/eos_token_id", "[\n  151329,\n  151336,\n  151338\n]"),
        (CRLF, "/d", "[\n  1,\n  2\n]"),
        (TABS, "/a", '{\n\t"b": 1\n}'),
        (b" [\r\n 1]\n", "", "[\n 1]"),
        (b'{"a~b": {"c/d": {"": 1}}}', "/a~0b/c~1d/", "1"),
    ],
)  # fmt: skip
def test_raw_value(data: bytes, pointer: str, text: str) -> None:
    assert raw_value(data, pointer) == Raw(text)


def test_a_hand_aligned_list_moves_as_it_is() -> None:
    raw = raw_value(TOKENIZER, "/additional_special_tokens")
    emptied = set_value(TOKENIZER, "/additional_special_tokens", [])
    assert set_value(emptied, "/additional_special_tokens", raw) == TOKENIZER
    assert (
        set_value(STOPS, "/pad_token_id", raw).count(b'"<sop>",\n                               "<b>"') == 1
    )


def test_raw_keeps_its_spelling_on_the_way_between_files() -> None:
    after = set_value(GENERATION, "/model_max_length", raw_value(TOKENIZER, "/model_max_length"))
    assert b'\n  "model_max_length": 1000000000000000019884624838656,\n' in after
    stops = set_value(GENERATION, "/eos_token_id", raw_value(STOPS, "/eos_token_id"))
    assert raw_value(stops, "/eos_token_id") == raw_value(STOPS, "/eos_token_id")


@pytest.mark.parametrize("pointer", ["", "eos", "/a~2", "/a~", "#/a", "/\ud800"])
def test_not_a_pointer(pointer: str) -> None:
    with pytest.raises(ValueError, match=r"is not a JSON pointer|surrogates"):
        set_value(b"{}", pointer, 1)
    with pytest.raises(ValueError, match=r"is not a JSON pointer|surrogates"):
        remove_value(b"{}", pointer)


@pytest.mark.parametrize(
    ("data", "pointer"),
    [(b'{"a": 1}', "/a/b"), (b'{"a": [{}]}', "/a/0"), (b"[1]", "/0"), (b'{"a": 1}', "/b/c"), (b"1", "/a")],
)
def test_a_parent_that_is_no_object(data: bytes, pointer: str) -> None:
    with pytest.raises(KeyError):
        set_value(data, pointer, 1)
    with pytest.raises(KeyError):
        remove_value(data, pointer)
    with pytest.raises(KeyError):
        raw_value(data, pointer)


def test_an_absent_key() -> None:
    with pytest.raises(KeyError):
        raw_value(ONE_LINE, "/nope")
    with pytest.raises(KeyError):
        remove_value(ONE_LINE, "/x/nope")


def test_duplicate_keys_on_the_way_are_refused() -> None:
    data = b'{"a": {"x": 1,\n "x": 2}, "b": {"y": 1}}'
    assert set_value(data, "/b/y", 2) == data.replace(b'"y": 1', b'"y": 2')
    assert set_value(data, "/a", 2) == b'{"a": 2, "b": {"y": 1}}'
    for pointer in ("/a/x", "/a/new"):
        with pytest.raises(JsonError) as caught:
            set_value(data, pointer, 3)
        assert caught.value.problem.kind is JsonProblemKind.DUPLICATE_KEY
        assert (caught.value.problem.line, caught.value.problem.column) == (2, 2)
    with pytest.raises(JsonError):
        remove_value(data, "/a/x")
    with pytest.raises(JsonError):
        raw_value(data, "/a/x")
    with pytest.raises(JsonError):
        raw_value(b'{"a": {}, "a": {"x": 1}}', "/a/x")


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), [{"a": -float("inf")}], "\ud800", {"\udfff": 1}]
)
def test_what_is_never_written(value: JsonValue) -> None:
    with pytest.raises(ValueError, match=r"JSON compliant|surrogates not allowed"):
        set_value(b'{"a": 1}', "/a", value)


@pytest.mark.parametrize("text", ["", "1 2", "{", '{"a": 1, "a": 2}', "[1],", '"\\ud800"'])
def test_a_raw_that_is_no_value(text: str) -> None:
    with pytest.raises(JsonError):
        set_value(b'{"a": 1}', "/a", Raw(text))


@pytest.mark.parametrize(
    "data", [b"", b'\xef\xbb\xbf{"a": 1}', b'{"a": 1', b'{"a": "\xff"}', b"[" * 70 + b"]" * 70]
)
def test_a_file_that_cannot_be_read(data: bytes) -> None:
    with pytest.raises(JsonError):
        set_value(data, "/a", 1)
    with pytest.raises(JsonError):
        remove_value(data, "/a")
    with pytest.raises(JsonError):
        raw_value(data, "/a")


def test_nan_elsewhere_in_the_file_is_no_obstacle() -> None:
    assert set_value(b'{"a": NaN, "b": Infinity}', "/c", 1) == b'{"a": NaN, "b": Infinity, "c": 1}'


def test_a_wrong_result_is_never_returned(monkeypatch: pytest.MonkeyPatch) -> None:
    def too_much(*_: object) -> tuple[int, int]:
        return 0, 8

    def another(*_: object) -> tuple[int, int]:
        return 9, 17

    monkeypatch.setattr(json_edit, "_span_to_remove", too_much)
    with pytest.raises(PlanError, match="does not read back: "):
        remove_value(b'{"a": 1, "b": 2, "c": 3}', "/a")
    monkeypatch.setattr(json_edit, "_span_to_remove", another)
    with pytest.raises(PlanError, match="does not read back as the value"):
        remove_value(b'{"a": 1, "b": 2, "c": 3}', "/a")


@pytest.mark.parametrize("other", [b"1.0", b"true", b"1e0", b'"1"', b"01"])
def test_a_number_that_changed_its_type_on_the_way_is_noticed(
    other: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor = json_edit.JsonEditor(b'{"a": 1, "b": 2}')
    editor.set("/b", 3)
    monkeypatch.setattr(editor, "_text", editor._text.replace("1", other.decode()))
    with pytest.raises(PlanError, match="does not read back"):
        editor.content()
