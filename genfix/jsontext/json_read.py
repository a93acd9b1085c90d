"""Strict reading of a model folder's JSON files.

Stricter than `json.loads`, which takes the last of two equal keys, a byte order mark and UTF-16, and leaves
through `RecursionError` or a bare `ValueError` on hostile input. One parse for a good file; where a problem
is, is only worked out once there is one.
"""

import codecs
import json
import re
import sys
from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from genfix.errors import GenfixError
from genfix.json_types import JsonValue
from genfix.message import Message, text

MAX_DEPTH = 64
"""Objects and lists inside each other; real configs stay below 10."""

STRING = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
"""A JSON string as a regular expression for text that is known to parse (compile with `re.DOTALL`)."""

_SHORT_INTEGER = 640
"""Digits that Python reads whatever its limit (``sys.int_info.str_digits_check_threshold``)."""

_SPACE = " \t\r\n"
_WIDE_ENCODINGS = (
    (codecs.BOM_UTF32_LE, "UTF-32"),  # before UTF-16: its mark starts with the one of UTF-16
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)
_TYPE_NAMES: dict[type, Message | str] = {
    type(None): "null",
    bool: text("a boolean"),
    int: text("a number"),
    float: text("a number"),
    str: text("a string"),
    list: text("a list"),
}


class JsonProblemKind(StrEnum):
    """What is wrong with a JSON file."""

    SYNTAX = "syntax"
    """Not JSON, or an integer too long for Python to read."""
    DUPLICATE_KEY = "duplicate-key"
    ENCODING = "encoding"
    """Not UTF-8, or a ``\\ud800``-like escape that stands for no character."""
    BOM = "bom"
    """A UTF-8 byte order mark: transformers opens with ``encoding="utf-8"``, and `json` then refuses it."""
    NOT_AN_OBJECT = "not-an-object"
    TOO_DEEP = "too-deep"
    EMPTY = "empty"
    """Nothing but white space or NUL bytes: what a full disk or a crash leaves behind."""


class JsonProblem(NamedTuple):
    """The first problem found in a JSON file, and where.

    Line and column count from 1, the column in characters.
    """

    kind: JsonProblemKind
    line: int
    column: int
    detail: Message | str
    """The duplicate key, the parser's short message, the encoding or the type found: what is no message
    is from the file or the parser, so not safe to print.
    """

    def __str__(self) -> str:
        return str(self.said)

    @property
    def said(self) -> Message:
        """What is wrong, in one sentence."""
        where = text("line {line}, column {column}", line=self.line, column=self.column)
        why = self.detail
        match self.kind:
            case JsonProblemKind.SYNTAX:
                return text("not valid JSON at {where}: {why}", where=where, why=why)
            case JsonProblemKind.DUPLICATE_KEY:
                key = str(why)
                shown = json.dumps(key if len(key) <= 80 else key[:77] + "...")
                return text("the key {key} is given a second time at {where}", key=shown, where=where)
            case JsonProblemKind.ENCODING:
                return text("not valid UTF-8 text at {where}: {why}", where=where, why=why)
            case JsonProblemKind.BOM:
                return text(
                    "a {encoding} byte order mark at {where}, which the readers of this file refuse",
                    encoding=why,
                    where=where,
                )
            case JsonProblemKind.NOT_AN_OBJECT:
                return text("a JSON object was expected at {where}, not {found}", where=where, found=why)
            case JsonProblemKind.TOO_DEEP:
                return text("nested more than {most} levels deep at {where}", most=MAX_DEPTH, where=where)
            case JsonProblemKind.EMPTY:
                return text("no JSON value before {where}: {why}", where=where, why=why)


class JsonError(GenfixError):
    """Bytes that are not the JSON they should be: `problem` says what and where."""

    def __init__(self, problem: JsonProblem) -> None:
        super().__init__(problem.said)
        self.problem = problem

    @classmethod
    def at(cls, kind: JsonProblemKind, source: str, offset: int, detail: Message | str) -> "JsonError":
        """Make the error for the character at ``offset`` of ``source``."""
        return cls(JsonProblem(kind, *line_and_column(source, offset), detail))


def line_and_column(source: str, offset: int) -> tuple[int, int]:
    """Where the character at ``offset`` stands: both count from 1, the column in characters."""
    return source.count("\n", 0, offset) + 1, offset - source.rfind("\n", 0, offset)


def read_json(data: bytes) -> JsonValue:
    """Return the value of a JSON file. ``NaN`` and ``Infinity`` are accepted, as transformers writes them.

    Raises `JsonError`.
    """
    return parsed(decoded(data))


def read_json_object(data: bytes) -> dict[str, JsonValue]:
    """Return the value of a JSON file whose top level must be an object. Raises `JsonError`."""
    source = decoded(data)
    value = parsed(source)
    if isinstance(value, dict):
        return value
    start = len(source) - len(source.lstrip(_SPACE))
    raise JsonError.at(JsonProblemKind.NOT_AN_OBJECT, source, start, _TYPE_NAMES[type(value)])


def decoded(data: bytes) -> str:
    """Return the text of a JSON file, UTF-8 and nothing else. Raises `JsonError` (encoding, BOM, empty)."""
    if not data.strip(b" \t\r\n\0"):
        detail = text("only NUL bytes") if b"\0" in data else text("the file is empty")
        raise JsonError(JsonProblem(JsonProblemKind.EMPTY, 1, 1, detail))
    if data.startswith(codecs.BOM_UTF8):
        raise JsonError(JsonProblem(JsonProblemKind.BOM, 1, 1, "UTF-8"))
    wide = next((name for mark, name in _WIDE_ENCODINGS if data.startswith(mark)), None)
    if wide is None and b"\0" in data[:4]:  # the first two characters of JSON are ASCII
        wide = "UTF-32" if b"\0\0" in data[:4] else "UTF-16"
    if wide is not None:
        raise JsonError(JsonProblem(JsonProblemKind.ENCODING, 1, 1, wide))
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        good = data[: error.start].decode()
        raise JsonError.at(
            JsonProblemKind.ENCODING, good, len(good), text("byte {byte}", byte=f"0x{data[error.start]:02x}")
        ) from None


def parsed(source: str, *, unique_keys: bool = True) -> JsonValue:
    """Return the value of a JSON text.

    Raises `JsonError`; with ``unique_keys=False`` the last of two equal keys counts, as in `json.loads`.
    """
    if not unique_keys:
        return _loaded(source, json.JSONDecoder())
    repeated = False

    # Noted here and raised later, so that a file that is also broken is called broken.
    def to_dict(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
        nonlocal repeated
        value = dict(pairs)
        if len(value) != len(pairs):
            repeated = True
        return value

    value = _loaded(source, json.JSONDecoder(object_pairs_hook=to_dict))
    if repeated:
        raise _first_problem(source, JsonProblemKind.DUPLICATE_KEY)
    return value


def spelled(source: str) -> object:
    """Return the value of a JSON text with every number as the bytes that spell it; the last of two equal
    keys counts.

    Such values are equal where every number is spelled the same, so 1, 1.0 and true are three things, and NaN
    is one. Raises `JsonError`.
    """
    return _loaded(
        source, json.JSONDecoder(parse_int=_integer, parse_float=str.encode, parse_constant=str.encode)
    )


def _integer(digits: str) -> bytes:
    if len(digits) > _SHORT_INTEGER:
        int(digits)
    return digits.encode()


def _loaded(source: str, decoder: json.JSONDecoder) -> JsonValue:
    try:
        value: JsonValue = decoder.decode(source)
    except json.JSONDecodeError as error:
        raise JsonError.at(JsonProblemKind.SYNTAX, source, error.pos, error.msg) from None
    except RecursionError:
        raise _first_problem(source, JsonProblemKind.TOO_DEEP) from None
    except ValueError:  # int() refuses thousands of digits
        raise _long_integer(source) from None
    if _is_too_deep(value):
        raise _first_problem(source, JsonProblemKind.TOO_DEEP)
    if "\\ud" in source or "\\uD" in source:
        _refuse_lone_surrogates(source)
    return value


def _is_too_deep(value: JsonValue) -> bool:
    level: list[dict[str, JsonValue] | list[JsonValue]] = [value] if isinstance(value, dict | list) else []
    for _ in range(MAX_DEPTH):
        level = list(_containers_in(level))
        if not level:
            return False
    return True


def _containers_in(
    level: list[dict[str, JsonValue] | list[JsonValue]],
) -> Iterator[dict[str, JsonValue] | list[JsonValue]]:
    for node in level:
        for child in node.values() if isinstance(node, dict) else node:
            if isinstance(child, (dict, list)):  # a tuple: twice as fast as a union, and this is the hot loop
                yield child


def _first_problem(source: str, kind: JsonProblemKind) -> JsonError:
    """Say where ``source`` first nests too deep (`TOO_DEEP`) or first repeats a key (`DUPLICATE_KEY`)."""
    open_keys: list[set[str]] = []
    # The lone quote ends the search in a text that is broken further on.
    for token in re.finditer(rf'({STRING})([{_SPACE}]*:)?|[\[{{\]}}"]', source, re.DOTALL):
        first = token[0][0]
        if first in "[{":
            open_keys.append(set())
            if kind is JsonProblemKind.TOO_DEEP and len(open_keys) > MAX_DEPTH:
                return JsonError.at(kind, source, token.start(), "")
        elif first in "]}":
            open_keys.pop()
        elif token[1] is None:
            break
        elif kind is JsonProblemKind.DUPLICATE_KEY and token[2]:
            key: str = json.loads(token[1])
            if key in open_keys[-1]:
                return JsonError.at(kind, source, token.start(), key)
            open_keys[-1].add(key)
    return JsonError(JsonProblem(kind, 1, 1, ""))  # the caller's own stack was nearly used up


def _long_integer(source: str) -> JsonError:
    limit = sys.get_int_max_str_digits()
    for token in re.finditer(rf"{STRING}|-?(\d++)([.eE][\d.eE+-]*+)?", source, re.DOTALL):
        if token[1] and not token[2] and len(token[1]) > limit:
            return JsonError.at(
                JsonProblemKind.SYNTAX,
                source,
                token.start(),
                text("an integer of {digits} digits", digits=len(token[1])),
            )
    return JsonError(JsonProblem(JsonProblemKind.SYNTAX, 1, 1, text("a number that cannot be read")))


def _refuse_lone_surrogates(source: str) -> None:
    # A backslash only occurs inside strings, and matching every escape in turn steps over escaped ones.
    # Its being the literal start of the pattern makes the search fast.
    for escape in re.finditer(r"\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|(u[dD][89a-fA-F]..)|.)", source):
        if escape[1]:
            raise JsonError.at(
                JsonProblemKind.ENCODING,
                source,
                escape.start(),
                text("the lone surrogate {escape}", escape=f"\\{escape[1]}"),
            )
