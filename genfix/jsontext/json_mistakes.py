"""JSON as people write it: a reader that takes mistakes with one meaning, and notes how to put each right."""

import json
import re
from enum import StrEnum
from typing import Final, NamedTuple

from genfix.json_types import JsonValue
from genfix.jsontext.json_diff import same_json
from genfix.jsontext.json_read import MAX_DEPTH, STRING, line_and_column
from genfix.message import Message

_STRICT_WORDS: Final[dict[str, JsonValue]] = {
    "true": True,
    "false": False,
    "null": None,
    "NaN": float("nan"),
    "Infinity": float("inf"),
    "-Infinity": float("-inf"),
}
_PYTHON_WORDS: Final = {"True": "true", "False": "false", "None": "null"}

_double = re.compile(STRING, re.DOTALL)
_single = re.compile(r"'[^'\\\0-\x1f]*+(?:\\[^\0-\x1f][^'\\\0-\x1f]*+)*+'")
_single_part = re.compile(r'\\x([0-9a-fA-F]{2})|\\(["\\nrtbfu])|\\(\')|(")|(\\)')
_bare_key = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*+|0|[1-9][0-9]{0,18}+")
_word = re.compile(r"""[^\s,:{}\[\]"'/#\u200b\ufeff]++""")
_number = re.compile(r"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?")
_no_zero = re.compile(r"-?\.[0-9]++(?:[eE][+-]?[0-9]++)?")
_skipped = re.compile(
    r"[ \t\r\n]++|(?P<comment>(?://|\#)[^\n\r]*+|/\*(?:[^*]|\*(?!/))*+\*/)|(?P<space>[\u00a0\u3000\u200b\ufeff]++)"
)
_control = re.compile(r"[\0-\x1f]")
_quote = re.compile(r"""\\.|["']""", re.DOTALL)
_is_float = re.compile(r"[.eE]")
_rest_of_line = re.compile(r"[ \t]*+(?:\r?\n|\Z)")
_lone_return = re.compile(r"\r(?!\n)")
_line_ends_elsewhere = re.compile("\r(?!\n)|[\x0b\x0c\x85\u2028\u2029]")


class MistakeKind(StrEnum):
    """What a person did to the file."""

    COMMENT = "comment"
    TRAILING_COMMA = "trailing-comma"
    MISSING_COMMA = "missing-comma"
    """Between two members of an object that stand on lines of their own."""
    SINGLE_QUOTES = "single-quotes"
    BARE_KEY = "bare-key"
    PYTHON_WORD = "python-word"
    """``True``, ``False`` or ``None``."""
    NO_ZERO = "no-zero"
    """``.7`` for ``0.7``."""
    RAW_TEXT = "raw-text"
    """A tab or a line break as itself inside a string."""
    SPACE = "space"
    """White space that JSON does not know, such as U+00A0."""
    EQUAL_KEY = "equal-key"
    """A key given twice, with equal values."""
    ENCODING = "encoding"
    """UTF-16, UTF-32, or a byte order mark."""


class Mistake(NamedTuple):
    """One kind of mistake: where it is met first, and how often. Line and column count from 1."""

    kind: MistakeKind
    line: int
    column: int
    text: Message | str
    """The key, word or encoding: from the file, so not safe to print, where it is no message."""
    times: int


class NoSingleReadingError(Exception):
    """The text could mean two things, or nothing."""


class Edit(NamedTuple):
    """A piece of the text, and what takes its place."""

    start: int
    end: int
    text: str


class TolerantReader:
    """Reads one text with human mistakes; raises `NoSingleReadingError` where it is not certain what
    is meant.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.edits: list[Edit] = []
        self.first: dict[MistakeKind, tuple[int, Message | str]] = {}
        self._count: dict[MistakeKind, int] = {}
        self._odd_comments = ""
        """Quotes that some comment has an odd number of: part of a string may have been taken for it."""
        self._broken_string = False

    def read(self) -> JsonValue:
        """The object that is the whole text."""
        self._skip()
        if not self._next_is("{"):
            raise NoSingleReadingError
        value = self._object(1)
        self._skip()
        if self._next_is(","):  # the object was cut out of a larger one
            self._mend(MistakeKind.TRAILING_COMMA, self.at, self.at + 1)
            self.at += 1
            self._skip()
        if self.at < len(self.text):
            raise NoSingleReadingError
        # A quote that was forgotten turns strings inside out. What is left over has to go somewhere: it is no
        # JSON, but it may look like the rest of a comment, or like a string that goes on in the next line.
        single = MistakeKind.SINGLE_QUOTES in self.first
        if '"' in self._odd_comments or (single and "'" in self._odd_comments):
            raise NoSingleReadingError
        if self._broken_string and (single or MistakeKind.COMMENT in self.first):
            raise NoSingleReadingError
        return value

    def mistakes(self) -> tuple[Mistake, ...]:
        """All kinds of mistakes met, in the order of their first places."""
        kinds = sorted(self.first, key=lambda kind: (self.first[kind][0], kind))
        found = ((kind, *self.first[kind]) for kind in kinds)
        return tuple(
            Mistake(kind, *line_and_column(self.text, offset), said, self._count[kind])
            for kind, offset, said in found
        )

    def note(self, kind: MistakeKind, offset: int, said: Message | str = "") -> None:
        """Count a mistake."""
        self._count[kind] = self._count.get(kind, 0) + 1
        if kind not in self.first or offset < self.first[kind][0]:
            self.first[kind] = (offset, said)

    def _mend(self, kind: MistakeKind, start: int, end: int, text: str = "", said: str = "") -> None:
        self.note(kind, start, said)
        self.edits.append(Edit(start, end, text))

    def _next_is(self, character: str) -> bool:
        return self.text.startswith(character, self.at)

    def _skip(self) -> None:
        """Step over white space and comments."""
        while match := _skipped.match(self.text, self.at):
            self.at = match.end()
            if match["comment"]:
                self._comment(match.start(), match.end())
            elif match["space"]:
                blank = " " if match["space"].strip("\u200b\ufeff") else ""
                self._mend(MistakeKind.SPACE, match.start(), match.end(), blank)

    def _comment(self, start: int, end: int) -> None:
        body = self.text[start:end]
        if _line_ends_elsewhere.search(body) or _lone_return.match(self.text, end):
            raise NoSingleReadingError  # readers disagree on whether a comment ends there
        quotes = _quote.findall(body)
        self._odd_comments += "".join(quote for quote in "\"'" if quotes.count(quote) % 2)
        self.note(MistakeKind.COMMENT, start)
        blank = start
        while blank and self.text[blank - 1] in " \t":
            blank -= 1
        rest = _rest_of_line.match(self.text, end)
        if rest and (not blank or self.text[blank - 1] == "\n"):
            self.edits.append(Edit(blank, rest.end(), ""))  # nothing else stands on its lines
        else:
            self.edits.append(Edit(blank if rest else start, end, ""))

    def _value(self, depth: int) -> JsonValue:
        """The value at the next place that is neither space nor comment."""
        self._skip()
        if self._next_is("{"):
            return self._object(depth + 1)
        if self._next_is("["):
            return self._list(depth + 1)
        if self._next_is('"') or self._next_is("'"):
            return self._string()
        return self._plain()

    def _object(self, depth: int) -> JsonValue:
        members: dict[str, JsonValue] = {}
        comma: int | None = None
        self._open(depth)
        end = 0
        while True:
            self._skip()
            if self._next_is("}"):
                self._close(comma)
                return members
            if members and comma is None:
                if "\n" not in self.text[end : self.at]:
                    raise NoSingleReadingError
                self._mend(MistakeKind.MISSING_COMMA, end, end, ",")
            start, key = self.at, self._key()
            self._skip()
            if not self._next_is(":"):
                raise NoSingleReadingError
            self.at += 1
            value = self._value(depth)
            if key not in members:
                members[key] = value
            elif same_json(members[key], value):
                self.note(MistakeKind.EQUAL_KEY, start, key)
                self.edits.append(Edit(end, self.at, ""))
            else:
                raise NoSingleReadingError
            end = self.at
            comma = self._comma()

    def _list(self, depth: int) -> JsonValue:
        items: list[JsonValue] = []
        comma: int | None = None
        self._open(depth)
        while True:
            self._skip()
            if self._next_is("]"):
                self._close(comma)
                return items
            if items and comma is None:
                raise NoSingleReadingError
            items.append(self._value(depth))
            comma = self._comma()

    def _open(self, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise NoSingleReadingError
        self.at += 1

    def _close(self, comma: int | None) -> None:
        if comma is not None:
            self._mend(MistakeKind.TRAILING_COMMA, comma, comma + 1)
        self.at += 1

    def _comma(self) -> int | None:
        """Step over the comma that comes next, and say where it is."""
        self._skip()
        if not self._next_is(","):
            return None
        self.at += 1
        return self.at - 1

    def _key(self) -> str:
        if self._next_is('"') or self._next_is("'"):
            return self._string()
        match = _bare_key.match(self.text, self.at)
        if match is None or match[0] in _STRICT_WORDS or match[0] in _PYTHON_WORDS:
            raise NoSingleReadingError  # the word for nothing, as a key, is "null" or "None"
        self._mend(MistakeKind.BARE_KEY, match.start(), match.end(), f'"{match[0]}"', match[0])
        self.at = match.end()
        return match[0]

    def _string(self) -> str:
        quote = self.text[self.at]
        match = (_double if quote == '"' else _single).match(self.text, self.at)
        if match is None:
            raise NoSingleReadingError
        self.at = match.end()
        token = match[0]
        if quote == "'":
            token = f'"{_single_part.sub(_in_double_quotes, token[1:-1])}"'
            self._mend(MistakeKind.SINGLE_QUOTES, match.start(), match.end(), token)
        elif _control.search(token):
            self._raw_text(match.start(), token)
        if "\\" not in token:
            return token[1:-1]
        value: str = json.loads(token, strict=False)
        return value

    def _raw_text(self, start: int, token: str) -> None:
        self.note(MistakeKind.RAW_TEXT, start)
        for found in _control.finditer(token):
            # A carriage return is perhaps an editor's line end and perhaps meant; others are no mistake.
            if found[0] not in "\t\n":
                raise NoSingleReadingError
            self._broken_string = self._broken_string or found[0] == "\n"
            place = start + found.start()
            self.edits.append(Edit(place, place + 1, "\\t" if found[0] == "\t" else "\\n"))

    def _plain(self) -> JsonValue:
        """A number, or the word for a value."""
        match = _word.match(self.text, self.at)
        if match is None:
            raise NoSingleReadingError
        word, start = match[0], self.at
        self.at = match.end()
        if word in _STRICT_WORDS:
            return _STRICT_WORDS[word]
        if word in _PYTHON_WORDS:
            self._mend(MistakeKind.PYTHON_WORD, start, self.at, _PYTHON_WORDS[word], word)
            return _STRICT_WORDS[_PYTHON_WORDS[word]]
        if _no_zero.fullmatch(word):
            point = start + word.index(".")
            self._mend(MistakeKind.NO_ZERO, point, point, "0", word)
            return float(word)
        if not _number.fullmatch(word):
            raise NoSingleReadingError
        return float(word) if _is_float.search(word) else int(word)


def _in_double_quotes(part: re.Match[str]) -> str:
    """A part of a string in single quotes as it stands in one in double quotes."""
    code, escape, single, double, other = part.groups()
    if other:  # Python, JavaScript and JSON do not agree on it
        raise NoSingleReadingError
    if code:
        return f"\\u00{code}"
    if escape:
        return f"\\{escape}"
    return "'" if single else f"\\{double}"
