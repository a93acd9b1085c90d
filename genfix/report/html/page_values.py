"""A JSON file compared value by value: the base's, the one now, and the one after the change."""

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from genfix.json_types import JsonValue, Missing
from genfix.jsontext.json_diff import child_pointer, same_value
from genfix.jsontext.json_read import JsonError, parsed
from genfix.message import Message, text
from genfix.report.html.lines import Line, diff_lines
from genfix.show import show, show_value

_MAX_TEXT: Final = 300
_MAX_ROWS: Final = 300
_MAX_ITEMS: Final = 24
_MAX_SIZE: Final = 4 * 1024 * 1024


class Item(NamedTuple):
    """One entry of a short list."""

    text: str
    note: str
    """The token of an id."""
    is_new: bool
    """Whether the side it is compared with lacks it."""


class Cell(NamedTuple):
    """A value as it is shown."""

    absent: bool
    text: str
    cut: int
    """Length of the whole value in characters, where `text` is only its beginning; else 0."""
    items: tuple[Item, ...]
    """In place of `text`: the entries of a short list."""
    note: str


class Mark(StrEnum):
    """What becomes of a value."""

    CHANGED = "changed"
    ADDED = "added"
    REMOVED = "removed"

    @property
    def label(self) -> Message:
        """The mark in words."""
        return _MARKS[self]


_MARKS: Final[Mapping[Mark, Message]] = {
    Mark.CHANGED: text("changed"),
    Mark.ADDED: text("added"),
    Mark.REMOVED: text("removed"),
}


class Row(NamedTuple):
    """One value in the three versions of a file."""

    field: str
    base: Cell
    now: Cell
    after: Cell
    mark: Mark | None
    """`None` where it stays."""
    lines: tuple[Line, ...]
    """What changes in a text of several lines, such as a chat template."""


class Values(NamedTuple):
    """All values of a file, by what becomes of them."""

    changed: tuple[Row, ...]
    kept: tuple[Row, ...]
    """Not the base's, and left so."""
    same: tuple[Row, ...]
    more: int
    """Rows that are not shown, because there are very many."""


def compare(
    base: bytes | None, now: bytes | None, after: bytes | None, tokens: Mapping[int, str]
) -> Values | None:
    """Compare three versions of a JSON file; `None` where one is too large or is no readable object."""
    if any(len(data) > _MAX_SIZE for data in (base, now, after) if data is not None):
        return None
    read = [_leaves_of(data) for data in (base, now, after)]
    if any(found is None and data is not None for found, data in zip(read, (base, now, after), strict=True)):
        return None
    theirs, ours, then = (found or {} for found in read)
    groups: dict[str, list[Row]] = {"changed": [], "kept": [], "same": []}
    more = 0
    for pointer in _order(_order(list(then), list(ours)), list(theirs)):
        values = [side.get(pointer, Missing.MISSING) for side in (theirs, ours, then)]
        group = _group(values, has_base=base is not None)
        if len(groups[group]) < _MAX_ROWS:
            groups[group].append(_row(pointer, values, tokens))
        else:
            more += 1
    return Values(tuple(groups["changed"]), tuple(groups["kept"]), tuple(groups["same"]), more)


def one_cell(value: JsonValue | Missing, tokens: Mapping[int, str], *, pointer: str = "") -> Cell:
    """A value that is compared with nothing."""
    return _cell(value, value, pointer, tokens)


def _leaves_of(data: bytes | None) -> dict[str, JsonValue] | None:
    try:
        value = parsed(data.decode("utf-8")) if data is not None else None
    except (JsonError, UnicodeDecodeError):
        return None
    return dict(_leaves(value, "")) if isinstance(value, dict) else None


def _leaves(value: JsonValue, pointer: str) -> Iterator[tuple[str, JsonValue]]:
    if isinstance(value, dict) and (value or not pointer):
        for key, child in value.items():
            yield from _leaves(child, child_pointer(pointer, key))
    else:
        yield pointer, value


def _order(first: Sequence[str], second: Sequence[str]) -> list[str]:
    """All of both, in the first one's order; what only the second has comes where it stands there."""
    known = set(first)
    follows: dict[str, list[str]] = {}
    last = ""
    for pointer in second:
        if pointer in known:
            last = pointer
        else:
            follows.setdefault(last, []).append(pointer)
    ordered = (each for pointer in first for each in (pointer, *follows.get(pointer, [])))
    return [*follows.get("", []), *ordered]


def _group(values: Sequence[JsonValue | Missing], *, has_base: bool) -> str:
    base, now, after = values
    if not _same(now, after):
        return "changed"
    return "kept" if has_base and not _same(base, after) else "same"


def _same(left: JsonValue | Missing, right: JsonValue | Missing) -> bool:
    if isinstance(left, Missing) or isinstance(right, Missing):
        return left is right
    return same_value(left, right)


def _row(pointer: str, values: Sequence[JsonValue | Missing], tokens: Mapping[int, str]) -> Row:
    base, now, after = values
    mark = None
    lines: tuple[Line, ...] = ()
    if not _same(now, after):
        mark = Mark.REMOVED if after is Missing.MISSING else Mark.CHANGED
        if now is Missing.MISSING:
            mark = Mark.ADDED
        if isinstance(now, str) and isinstance(after, str) and "\n" in now + after:
            lines = diff_lines(now, after)
    return Row(
        show(pointer.removeprefix("/")),
        _cell(base, base, pointer, tokens),
        _cell(now, after, pointer, tokens),
        _cell(after, now, pointer, tokens),
        mark,
        lines,
    )


def _cell(
    value: JsonValue | Missing, other: JsonValue | Missing, pointer: str, tokens: Mapping[int, str]
) -> Cell:
    if isinstance(value, Missing):
        return Cell(absent=True, text="", cut=0, items=(), note="")
    names = tokens if pointer.endswith(("_token_id", "_token_ids")) else {}
    if isinstance(value, list) and 0 < len(value) <= _MAX_ITEMS and all(map(_is_scalar, value)):
        there = other if isinstance(other, list) else [other]
        items = tuple(
            Item(_text(entry)[0], _token(entry, names), not any(_same(entry, each) for each in there))
            for entry in value
        )
        return Cell(absent=False, text="", cut=0, items=items, note="")
    shown, cut = _text(value)
    return Cell(absent=False, text=shown, cut=cut, items=(), note=_token(value, names))


def _is_scalar(value: JsonValue) -> bool:
    return len(value) <= 80 if isinstance(value, str) else not isinstance(value, list | dict)


def _text(value: JsonValue) -> tuple[str, int]:
    whole = show_value(value, limit=10**9)
    return (whole, 0) if len(whole) <= _MAX_TEXT else (whole[:_MAX_TEXT], len(whole))


def _token(value: JsonValue, names: Mapping[int, str]) -> str:
    return show(names.get(value, "")) if isinstance(value, int) and not isinstance(value, bool) else ""
