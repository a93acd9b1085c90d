import json
import math
import sys

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from genfix.errors import GenfixError
from genfix.json_types import JsonValue
from genfix.jsontext.json_read import (
    JsonError,
    JsonProblem,
    JsonProblemKind,
    read_json,
    read_json_object,
    spelled,
)
from tests.support.places import SHARED

REAL = SHARED / "real_configs"


def nested(depth: int) -> bytes:
    return b'{"a":[' * (depth // 2) + b"[" * (depth % 2) + b"]" * (depth % 2) + b"]}" * (depth // 2)


@pytest.mark.parametrize(
    ("data", "kind", "line", "column", "detail"),
    [
        (b"", "empty", 1, 1, "the file is empty"),
        (b" \r\n\t", "empty", 1, 1, "the file is empty"),
        (b"\0" * 4096, "empty", 1, 1, "only NUL bytes"),
        (b'\xef\xbb\xbf{"a": 1}', "bom", 1, 1, "UTF-8"),
        ('{"a": 1}'.encode("utf-16"), "encoding", 1, 1, "UTF-16"),
        ('{"a": 1}'.encode("utf-16-le"), "encoding", 1, 1, "UTF-16"),
        ('{"a": 1}'.encode("utf-16-be"), "encoding", 1, 1, "UTF-16"),
        ('{"a": 1}'.encode("utf-32"), "encoding", 1, 1, "UTF-32"),
        ('{"a": 1}'.encode("utf-32-be"), "encoding", 1, 1, "UTF-32"),
        (b'{\n  "caf\xe9": 1}', "encoding", 2, 7, "byte 0xe9"),
        ('{\n  "é": "\udc80"}'.encode(errors="surrogateescape"), "encoding", 2, 9, "byte 0x80"),
        (b'{"a": "\xed\xa0\x80"}', "encoding", 1, 8, "byte 0xed"),
        (b'{"a": "\\ud83d\\ude00 \\ud83d"}', "encoding", 1, 21, "the lone surrogate \\ud83d"),
        (b'{"a": "\\uDE00"}', "encoding", 1, 8, "the lone surrogate \\uDE00"),
        (b'{"a": "\\ud83d\\u0041"}', "encoding", 1, 8, "the lone surrogate \\ud83d"),
        (b'{"a": 1}\0', "syntax", 1, 9, "Extra data"),
        (b"version https://git-lfs.github.com/spec/v1\n", "syntax", 1, 1, "Expecting value"),
        (b'{"a": 1}\n{"b": 2}', "syntax", 2, 1, "Extra data"),
        (b'{\r\n  "a": 1\r\n  "b": 2}', "syntax", 3, 3, "Expecting ',' delimiter"),
        (b'{"a": tru}', "syntax", 1, 7, "Expecting value"),
        (b'{"a": -' + b"1" * 5000 + b"}", "syntax", 1, 7, "an integer of 5000 digits"),
        (b'{"1":"' + b"2" * 5000 + b'",\n"b": [0.' + b"3" * 5000 + b", " + b"4" * 4301 + b"]}", "syntax", 2,
            5011, "an integer of 4301 digits"),
        (b"[" + b"1" * 5000 + b".5, 2e" + b"0" * 5000 + b",\n" + b"3" * 4301 + b"]", "syntax", 2, 1,
            "an integer of 4301 digits"),
        (nested(65), "too-deep", 1, 193, ""),
        (b"[" * 100_000, "too-deep", 1, 65, ""),
        (b'{"' + b'\\"' * 100_000 + b'":' + b"[" * 100_000, "too-deep", 1, 200_068, ""),
        (b'{"a": 1, "a": 2}', "duplicate-key", 1, 10, "a"),
        (b'{"a": [{"b": 1,\n "b": 1}]}', "duplicate-key", 2, 2, "b"),
        (b'{"a": {"x": 1}, "b": ["a", {"a": "b:"}],\n"\\u0061" : 2}', "duplicate-key", 2, 1, "a"),
        (b'{"a": 1, "a": 2', "syntax", 1, 16, "Expecting ',' delimiter"),
    ],
)  # fmt: skip
def test_problem(data: bytes, kind: str, line: int, column: int, detail: str) -> None:
    with pytest.raises(JsonError) as caught:
        read_json(data)
    problem = caught.value.problem
    assert problem._replace(detail=str(problem.detail)) == JsonProblem(
        JsonProblemKind(kind), line, column, detail
    )
    assert f"line {line}, column {column}" in caught.value.message
    assert isinstance(caught.value, GenfixError)


@pytest.mark.parametrize(
    ("data", "line", "column", "detail"),
    [
        (b"\n [1]", 2, 2, "a list"),
        (b"null", 1, 1, "null"),
        (b"true", 1, 1, "a boolean"),
        (b"1.5", 1, 1, "a number"),
        (b'"x"', 1, 1, "a string"),
    ],
)
def test_not_an_object(data: bytes, line: int, column: int, detail: str) -> None:
    read_json(data)
    with pytest.raises(JsonError) as caught:
        read_json_object(data)
    problem = caught.value.problem
    assert (problem.kind, problem.line, problem.column) == (JsonProblemKind.NOT_AN_OBJECT, line, column)
    assert str(problem.detail) == detail


def test_the_message_of_a_hostile_key_is_short_and_printable() -> None:
    key = "\x1b[31m\u202e" + "x" * 10_000
    data = json.dumps({"a": 0}).replace('"a": 0', f"{json.dumps(key)}: 0, {json.dumps(key)}: 1").encode()
    with pytest.raises(JsonError) as caught:
        read_json(data)
    assert caught.value.problem.detail == key
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 200


@pytest.mark.parametrize(
    "data",
    [
        b'{"a": 1, "b": {"a": 1}, "c": [{"a": 1}, {"a": 1}]}',
        b'{"time_step_limit": [0.0, Infinity], "x": -Infinity, "y": 1e999}',
        b'{"model_max_length": 1000000000000000019884624838656}',
        b'{"a": "\\ud83d\\ude00", "b": "\\\\ud83d", "c": "\\u0000"}',
        nested(64),
        b" {} \r\n",
    ],
)
def test_accepted(data: bytes) -> None:
    assert read_json(data) == read_json_object(data) == json.loads(data)


def test_nan_is_accepted() -> None:
    value = read_json_object(b'{"a": NaN}')["a"]
    assert isinstance(value, float)
    assert math.isnan(value)


def test_a_used_up_stack_is_no_recursion_error() -> None:
    def dig(frames: int) -> JsonProblemKind:
        if frames:
            return dig(frames - 1)
        with pytest.raises(JsonError) as caught:
            read_json(b"[" * 5000 + b"]" * 5000)
        return caught.value.problem.kind

    assert dig(sys.getrecursionlimit() // 2) is JsonProblemKind.TOO_DEEP


PIECES = st.sampled_from(
    [*'{}[]:,"\\ \n0-.eE', '"a"', '"b":', "null", "1", "\\ud800", "\\u", "é", "\ufeff", "NaN", "[[" * 40]
)


@given(st.lists(PIECES, max_size=30).map(lambda parts: "".join(parts).encode()) | st.binary(max_size=60))
@example(b'"\\')
@settings(deadline=None)
def test_any_bytes_give_what_json_gives_or_a_json_error(data: bytes) -> None:
    problem: JsonProblem | None = None
    value: JsonValue = None
    try:
        value = read_json(data)
    except JsonError as error:
        problem = error.problem
    if problem is None:
        assert json.dumps(value) == json.dumps(json.loads(data))
    else:
        lines = data.split(b"\n")
        assert 1 <= problem.line <= len(lines)
        assert 1 <= problem.column <= len(lines[problem.line - 1]) + 1


def test_numbers_that_are_spelled_are_equal_only_to_their_own_spelling() -> None:
    assert spelled('{"a": [1, -2.50, NaN, "1", true]}') == {"a": [b"1", b"-2.50", b"NaN", "1", True]}
    texts = ["1", "1.0", "1.00", "1e0", "true", '"1"', "-0", "0", "-0.0", "NaN", "null"]
    assert [[other for other in texts if spelled(other) == spelled(text)] for text in texts] == [
        [text] for text in texts
    ]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("[" * 65 + "]" * 65, "too-deep"),
        ("[1,]", "syntax"),
        ('"\\ud800"', "encoding"),
        ("7" * 5000, "syntax"),
    ],
)
def test_spelled_numbers_are_read_from_sound_files_only(text: str, kind: str) -> None:
    with pytest.raises(JsonError) as caught:
        spelled(text)
    assert caught.value.problem.kind == kind


@pytest.mark.skipif(not REAL.is_dir(), reason="the collected configs are not on this machine")
def test_real_configs_are_read_as_json_reads_them() -> None:
    paths = [path for path in REAL.rglob("*.json") if path.name not in {"tokenizer.json", "vocab.json"}]
    assert paths
    for path in paths:
        assert read_json(path.read_bytes()) == json.loads(path.read_bytes()), path
