"""Edits of small JSON files that change nothing but the key they are about.

A value is replaced, inserted or cut out as a span of the text, so key order, indent, float spelling, big
integers, escapes, line ends and the last newline of everything else stay as they are, byte for byte. What
comes out of any number of edits is read back and compared with the value it was meant to have, to the
spelling of each number.
"""

import json
import re
from bisect import bisect
from collections.abc import Sequence
from typing import NamedTuple

from genfix.errors import PlanError
from genfix.json_types import JsonValue
from genfix.jsontext.json_diff import pointer_keys, same_json
from genfix.jsontext.json_layout import (
    comma_of,
    drop_indent,
    find_layout,
    indent_unit,
    line_indent,
    newline_of,
)
from genfix.jsontext.json_read import JsonError, decoded, parsed, spelled
from genfix.jsontext.json_spans import Member, ObjectSpan, object_at

_blank_lines = r"(?:\r?\n[ \t]*)+(?=\r?\n)"


class Raw(NamedTuple):
    """A JSON value as text, to keep a spelling that a Python value loses: ``1.0e-5``, ``1e+30``, an escape.

    The lines of a longer value end in a line feed and are indented relative to the line it starts on, which
    is how `json.dumps` writes them too.
    """

    text: str


class _Place(NamedTuple):
    """What a pointer points to, in the text and in the value."""

    parents: Sequence[str]
    key: str
    """The pointer's last key; `parents` are those before it."""
    holder: dict[str, object]
    """The part of the value that the key belongs to."""
    object: ObjectSpan
    """The same in the text."""
    member: int | None
    """Which member the key is, or `None` where it is absent."""


class JsonEditor:
    """A file that is edited: parsed once before and once after, however many edits there are between.

    Raises `JsonError` for a file that cannot be read. A method that raises leaves the file as it was.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._text = decoded(data)
        self._value = spelled(self._text)
        """The value that the text is meant to have."""
        self._latest: tuple[Sequence[str], ObjectSpan] | None = None
        """Keys and place of the object looked at last, to scan a large file once for several edits of it."""

    def set(self, pointer: str, value: JsonValue | Raw, *, key_order: Sequence[str] = ()) -> None:
        """Replace the value at an RFC 6901 pointer, or insert it where its key is absent.

        A new key goes right after the nearest earlier key of ``key_order`` that is there, else right before
        the nearest later one, else to its place among sorted keys, else to the end. Setting an equal value
        changes nothing.

        Raises `KeyError` where what should hold the key is absent or no object; `ValueError` for NaN,
        Infinity, a lone surrogate, or text that is no pointer to a key; `JsonError` for a `Raw` that cannot
        be read or an object on the way with duplicate keys.
        """
        new = _spelled_new(value)
        place = self._find(pointer)
        source, found = self._text, place.object
        if place.member is None:
            position = _position(found, place.key, key_order)
            self._text = _with_member(source, found, place.key, value, position)
            self._latest = None
        else:
            member = found.members[place.member]
            if not isinstance(value, Raw) and same_json(json.loads(source[member.start : member.end]), value):
                return
            colon = source[member.key_end : member.start]
            piece = _written(source, found, value, line_indent(source, member.key_start), colon, member)
            self._text = source[: member.start] + piece + source[member.end :]
            longer = len(piece) - (member.end - member.start)
            self._latest = (place.parents, found.resized(place.member, longer))
        place.holder[place.key] = new

    def remove(self, pointer: str) -> None:
        """Cut out the key at an RFC 6901 pointer.

        Raises `KeyError` where it is absent, the others as `set` does.
        """
        place = self._find(pointer)
        if place.member is None:
            raise KeyError(pointer)
        start, end = _span_to_remove(self._text, place.object, place.member)
        self._text = self._text[:start] + self._text[end:]
        self._latest = None
        del place.holder[place.key]

    def raw(self, pointer: str) -> Raw:
        """The value at an RFC 6901 pointer as it is written. Raises as `remove` does."""
        place = self._find(pointer)
        if place.member is None:
            raise KeyError(pointer)
        source, member = self._text, place.object.members[place.member]
        return Raw(drop_indent(source[member.start : member.end], line_indent(source, member.key_start)))

    def content(self) -> bytes:
        """The edited file. Raises `PlanError` if it does not read back as intended."""
        data = self._text.encode()
        if data == self._data:
            return data
        try:
            same = spelled(decoded(data)) == self._value
        except JsonError as error:
            raise PlanError("an edited JSON file does not read back: {error}", error=error.said) from error
        if not same:
            raise PlanError("an edited JSON file does not read back as the value it was meant to have")
        return data

    def _find(self, pointer: str) -> _Place:
        *parents, key = _keys(pointer)
        holder = self._value
        for parent in parents:
            if not isinstance(holder, dict) or parent not in holder:
                raise KeyError(pointer)
            holder = holder[parent]
        if not isinstance(holder, dict):
            raise KeyError(pointer)
        if self._latest is None or self._latest[0] != parents:
            self._latest = (parents, object_at(self._text, parents))
        found = self._latest[1]
        index = next((index for index, member in enumerate(found.members) if member.key == key), None)
        return _Place(parents, key, holder, found, index)


def raw_value(data: bytes, pointer: str) -> Raw:
    """Return the value at an RFC 6901 pointer as it is written; the pointer ``""`` means all of the file.

    Raises `JsonError` for a file that cannot be read, and as `JsonEditor.raw`.
    """
    if not pointer:
        source = decoded(data)
        parsed(source, unique_keys=False)
        return Raw(drop_indent(source.strip(" \t\r\n"), ""))
    return JsonEditor(data).raw(pointer)


def _keys(pointer: str) -> list[str]:
    pointer.encode()  # ValueError: a lone surrogate
    if not pointer.startswith("/") or re.search(r"~(?![01])", pointer):
        raise ValueError(f"{pointer!r} is not a JSON pointer to a key")
    return pointer_keys(pointer)


def _position(found: ObjectSpan, key: str, key_order: Sequence[str]) -> int:
    index_of = {member.key: index for index, member in enumerate(found.members)}
    if key in key_order:
        at = key_order.index(key)
        for earlier in reversed(key_order[:at]):
            if earlier in index_of:
                return index_of[earlier] + 1
        for later in key_order[at + 1 :]:
            if later in index_of:
                return index_of[later]
    *ranks, rank = _ranks([*index_of, key])
    return bisect(ranks, rank) if ranks == sorted(ranks) else len(ranks)


def _ranks(keys: Sequence[str]) -> list[tuple[int, str]]:
    """Return what ``keys`` are sorted by: token ids, which are numbers in quotes, by number."""
    numbers = all(key.isdecimal() for key in keys)
    return [(len(key) if numbers else 0, key) for key in keys]


def _with_member(source: str, found: ObjectSpan, key: str, value: JsonValue | Raw, position: int) -> str:
    """Return ``source`` with a new member at ``position``, written and set apart as the members beside it."""
    if not found.members:
        return _with_only_member(source, found, key, value)
    neighbour = found.members[max(position - 1, 0)]
    colon = source[neighbour.key_end : neighbour.start]
    separator = _separator(source, found, position, colon)
    if "\n" in separator:
        indent = line_indent(separator, len(separator))
    else:
        indent = line_indent(source, neighbour.key_start)
    name = json.dumps(key, ensure_ascii=source.isascii())
    member = f"{name}{colon}{_written(source, found, value, indent, colon)}"
    if position == 0:
        return f"{source[: neighbour.key_start]}{member}{separator}{source[neighbour.key_start :]}"
    return f"{source[: neighbour.end]}{separator}{member}{source[neighbour.end :]}"


def _with_only_member(source: str, found: ObjectSpan, key: str, value: JsonValue | Raw) -> str:
    root = object_at(source, [])
    colon = source[root.members[0].key_end : root.members[0].start] if root.members else ": "
    outer, inner, newline = "", "", ""
    if found.expanded:
        newline = newline_of(source)
        outer = line_indent(source, found.start)
        inner = outer + indent_unit(source)
    name = json.dumps(key, ensure_ascii=source.isascii())
    member = f"{name}{colon}{_written(source, found, value, inner, colon)}"
    return f"{source[: found.start]}{{{newline}{inner}{member}{newline}{outer}}}{source[found.end :]}"


def _separator(source: str, found: ObjectSpan, position: int, colon: str) -> str:
    """Return what stands between members here: the comma and the white space around it."""
    members = found.members
    if len(members) > 1:
        left = min(max(position - 1, 0), len(members) - 2)
        return re.sub(_blank_lines, "", source[members[left].end : members[left + 1].key_start])
    lead = re.sub(_blank_lines, "", source[found.start + 1 : members[0].key_start])
    if "\n" in lead:
        return f",{lead.lstrip(' ')}"
    return comma_of((source[found.start : found.end], source), colon)


def _written(
    source: str,
    found: ObjectSpan,
    value: JsonValue | Raw,
    indent: str,
    colon: str,
    replaced: Member | None = None,
) -> str:
    """Return the text for a value in the object ``found``, on a line that starts with ``indent``."""
    if not isinstance(value, Raw | dict | list):
        return json.dumps(value, ensure_ascii=source.isascii())
    bracket = "" if isinstance(value, Raw) else "{" if isinstance(value, dict) else "["
    layout = find_layout(
        source,
        bracket,
        colon=colon,
        expanded=found.expanded,
        replaced=source[replaced.start : replaced.end] if replaced else "",
        siblings=[
            source[m.start : m.end] for m in found.members if m is not replaced and source[m.start] in "[{"
        ],
    )
    if isinstance(value, Raw):
        return layout.fit(value.text.strip(" \t\r\n"), indent)
    return layout.write(value, indent)


def _span_to_remove(source: str, found: ObjectSpan, index: int) -> tuple[int, int]:
    members = found.members
    member = members[index]
    if len(members) == 1:
        return found.start + 1, found.end - 1
    if index == len(members) - 1:
        return members[index - 1].end, member.end
    following = members[index + 1].key_start
    starts_line = index and "\n" in source[members[index - 1].end : member.key_start]
    if index == 0 or (starts_line and "\n" not in source[member.end : following]):
        return member.key_start, following
    return members[index - 1].end, member.end


def _spelled_new(value: JsonValue | Raw) -> object:
    """What ``value`` will read as. Raises `ValueError` or `JsonError` where it cannot be written."""
    if isinstance(value, Raw):
        parsed(value.text)
        return spelled(value.text)
    # Both raise ValueError: the first for NaN and Infinity, the second for lone surrogates.
    source = json.dumps(value, allow_nan=False, ensure_ascii=False)
    source.encode()
    return spelled(source)
