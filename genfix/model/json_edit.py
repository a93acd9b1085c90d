"""Edits of small JSON files that change nothing but the key they are about.

A value is replaced, inserted or cut out as a span of the text, so key order, indent, float spelling, big
integers, escapes, line ends and the last newline of everything else stay as they are, byte for byte. Each
edit is read back and compared with the value it was meant to have before it is returned.
"""

import json
import re
from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass

from genfix.errors import PlanError
from genfix.json_types import JsonValue
from genfix.model.json_layout import comma_of, drop_indent, find_layout, indent_unit, line_indent, newline_of
from genfix.model.json_read import JsonError, JsonProblemKind, decoded, parsed

__all__ = ["Raw", "raw_value", "remove_value", "set_value"]

_scan = json.JSONDecoder().raw_decode
_blank_lines = re.compile(r"(?:\r?\n[ \t]*)+(?=\r?\n)")


@dataclass(frozen=True, slots=True)
class Raw:
    """A JSON value as text, to keep a spelling that a Python value loses: ``1.0e-5``, ``1e+30``, an escape.

    The lines of a longer value end in a line feed and are indented relative to the line it starts on, which
    is how `json.dumps` writes them too.
    """

    text: str


@dataclass(frozen=True, slots=True)
class _Member:
    """A key of an object, and where in the text it and its value start and end."""

    key: str
    key_start: int
    key_end: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Object:
    """Where in the text an object starts and ends, and its members."""

    start: int
    end: int
    members: Sequence[_Member]
    expanded: bool
    """Whether the members stand on lines of their own; in an empty object: whether they would."""


@dataclass(frozen=True, slots=True)
class _Place:
    """What a pointer points to, in the text and in the value."""

    text: str
    value: JsonValue
    """The value of the whole file."""
    key: str
    """The pointer's last key."""
    holder: dict[str, JsonValue]
    """The part of `value` the key belongs to."""
    object: _Object
    """The same in the text."""
    index: int | None
    """Which member the key is, or `None` where it is absent."""


def raw_value(data: bytes, pointer: str) -> Raw:
    """Return the value at an RFC 6901 pointer as it is written; the pointer ``""`` means all of the file.

    Raises `KeyError` where it is absent, `ValueError` for text that is no pointer, `JsonError` for a file
    that cannot be read or an object on the way with duplicate keys.
    """
    if not pointer:
        text = decoded(data)
        parsed(text, unique_keys=False)
        return Raw(drop_indent(text.strip(" \t\r\n"), ""))
    place = _find(data, pointer)
    if place.index is None:
        raise KeyError(pointer)
    text, member = place.text, place.object.members[place.index]
    return Raw(drop_indent(text[member.start : member.end], line_indent(text, member.key_start)))


def set_value(data: bytes, pointer: str, value: JsonValue | Raw, *, key_order: Sequence[str] = ()) -> bytes:
    """Return the file with the value at an RFC 6901 pointer replaced, or inserted where its key is absent.

    A new key goes right after the nearest earlier key of ``key_order`` that is there, else right before the
    nearest later one, else to its place among sorted keys, else to the end. Setting an equal value changes nothing.

    Raises `KeyError` where what should hold the key is absent or no object; `ValueError` for NaN, Infinity, a
    lone surrogate, or text that is no pointer to a key; `JsonError` for a file or a `Raw` that cannot be read
    or an object on the way with duplicate keys; `PlanError` if the result does not read back as intended.
    """
    new = parsed(value.text) if isinstance(value, Raw) else _writable(value)
    place = _find(data, pointer)
    text, found = place.text, place.object
    if place.index is None:
        position = _position(found, place.key, key_order)
        text = _with_member(text, found, place.key, value, position)
    elif isinstance(value, Raw) or not _same(place.holder[place.key], value):
        member = found.members[place.index]
        colon = text[member.key_end : member.start]
        piece = _written(text, found, value, line_indent(text, member.key_start), colon, member)
        text = text[: member.start] + piece + text[member.end :]
    place.holder[place.key] = new
    return _verified(text, place.value)


def remove_value(data: bytes, pointer: str) -> bytes:
    """Return the file without the key at an RFC 6901 pointer.

    Raises `KeyError` where it is absent, `ValueError` for text that is no pointer to a key, `JsonError` and
    `PlanError` as `set_value` does.
    """
    place = _find(data, pointer)
    if place.index is None:
        raise KeyError(pointer)
    start, end = _span_to_remove(place.text, place.object, place.index)
    del place.holder[place.key]
    return _verified(place.text[:start] + place.text[end:], place.value)


def _find(data: bytes, pointer: str) -> _Place:
    pointer.encode()  # ValueError: a lone surrogate
    if not pointer.startswith("/") or re.search(r"~(?![01])", pointer):
        raise ValueError(f"{pointer!r} is not a JSON pointer to a key")
    *parents, key = [part.replace("~1", "/").replace("~0", "~") for part in pointer[1:].split("/")]
    text = decoded(data)
    value = holder = parsed(text, unique_keys=False)
    for parent in parents:
        if not isinstance(holder, dict) or parent not in holder:
            raise KeyError(pointer)
        holder = holder[parent]
    if not isinstance(holder, dict):
        raise KeyError(pointer)
    found = _object_at(text, parents)
    index = next((index for index, member in enumerate(found.members) if member.key == key), None)
    return _Place(text, value, key, holder, found, index)


def _object_at(text: str, keys: Sequence[str]) -> _Object:
    found = _object_from(text, _after_space(text, 0), expanded=True)
    for key in keys:
        start = next(member.start for member in found.members if member.key == key)
        found = _object_from(text, start, expanded=found.expanded)
    return found


def _object_from(text: str, start: int, *, expanded: bool) -> _Object:
    """Scan the object at ``start``; ``expanded`` says how the one around it is written."""
    members: list[_Member] = []
    seen: set[str] = set()
    gap_start, gap_end = start + 1, _after_space(text, start + 1)
    own_lines = "\n" in text[gap_start:gap_end]
    while text[gap_end] != "}":
        key_start = gap_end
        key, key_end = _scan(text, key_start)
        if key in seen:
            raise JsonError.at(JsonProblemKind.DUPLICATE_KEY, text, key_start, key)
        seen.add(key)
        value_start = _after_space(text, _after_space(text, key_end) + 1)
        gap_start = _scan(text, value_start)[1]
        members.append(_Member(key, key_start, key_end, value_start, gap_start))
        gap_end = _after_space(text, gap_start)
        if text[gap_end] == ",":
            gap_end = _after_space(text, gap_end + 1)
        own_lines = own_lines or "\n" in text[gap_start:gap_end]
    return _Object(start, gap_end + 1, members, own_lines if members else expanded)


def _after_space(text: str, offset: int) -> int:
    while text[offset] in " \t\r\n":
        offset += 1
    return offset


def _position(found: _Object, key: str, key_order: Sequence[str]) -> int:
    index_of = {member.key: index for index, member in enumerate(found.members)}
    if key in key_order:
        at = key_order.index(key)
        for earlier in reversed(key_order[:at]):
            if earlier in index_of:
                return index_of[earlier] + 1
        for later in key_order[at + 1 :]:
            if later in index_of:
                return index_of[later]
    ranks = _ranks([*index_of, key])
    rank = ranks.pop()
    return bisect(ranks, rank) if ranks == sorted(ranks) else len(ranks)


def _ranks(keys: Sequence[str]) -> list[tuple[int, str]]:
    """Return what ``keys`` are sorted by: token ids, which are numbers in quotes, by number."""
    numbers = all(key.isdecimal() for key in keys)
    return [(len(key) if numbers else 0, key) for key in keys]


def _with_member(text: str, found: _Object, key: str, value: JsonValue | Raw, position: int) -> str:
    """Return ``text`` with a new member at ``position``, written and set apart as the members beside it."""
    if not found.members:
        return _with_only_member(text, found, key, value)
    neighbour = found.members[max(position - 1, 0)]
    colon = text[neighbour.key_end : neighbour.start]
    separator = _separator(text, found, position, colon)
    if "\n" in separator:
        indent = line_indent(separator, len(separator))
    else:
        indent = line_indent(text, neighbour.key_start)
    name = json.dumps(key, ensure_ascii=text.isascii())
    member = f"{name}{colon}{_written(text, found, value, indent, colon)}"
    if position == 0:
        return f"{text[: neighbour.key_start]}{member}{separator}{text[neighbour.key_start :]}"
    return f"{text[: neighbour.end]}{separator}{member}{text[neighbour.end :]}"


def _with_only_member(text: str, found: _Object, key: str, value: JsonValue | Raw) -> str:
    root = _object_at(text, [])
    colon = text[root.members[0].key_end : root.members[0].start] if root.members else ": "
    outer, inner, newline = "", "", ""
    if found.expanded:
        newline = newline_of(text)
        outer = line_indent(text, found.start)
        inner = outer + indent_unit(text)
    name = json.dumps(key, ensure_ascii=text.isascii())
    member = f"{name}{colon}{_written(text, found, value, inner, colon)}"
    return f"{text[: found.start]}{{{newline}{inner}{member}{newline}{outer}}}{text[found.end :]}"


def _separator(text: str, found: _Object, position: int, colon: str) -> str:
    """Return what stands between members here: the comma and the white space around it."""
    members = found.members
    if len(members) > 1:
        left = min(max(position - 1, 0), len(members) - 2)
        return _blank_lines.sub("", text[members[left].end : members[left + 1].key_start])
    lead = _blank_lines.sub("", text[found.start + 1 : members[0].key_start])
    if "\n" in lead:
        return f",{lead.lstrip(' ')}"
    return comma_of((text[found.start : found.end], text), colon)


def _written(
    text: str,
    found: _Object,
    value: JsonValue | Raw,
    indent: str,
    colon: str,
    replaced: _Member | None = None,
) -> str:
    """Return the text for a value in the object ``found``, on a line that starts with ``indent``."""
    if not isinstance(value, Raw | dict | list):
        return json.dumps(value, ensure_ascii=text.isascii())
    bracket = "" if isinstance(value, Raw) else "{" if isinstance(value, dict) else "["
    layout = find_layout(
        text,
        bracket,
        colon=colon,
        expanded=found.expanded,
        replaced=text[replaced.start : replaced.end] if replaced else "",
        siblings=[
            text[m.start : m.end] for m in found.members if m is not replaced and text[m.start] in "[{"
        ],
    )
    if isinstance(value, Raw):
        return layout.fit(value.text.strip(" \t\r\n"), indent)
    return layout.write(value, indent)


def _span_to_remove(text: str, found: _Object, index: int) -> tuple[int, int]:
    members = found.members
    member = members[index]
    if len(members) == 1:
        return found.start + 1, found.end - 1
    if index == len(members) - 1:
        return members[index - 1].end, member.end
    following = members[index + 1].key_start
    starts_line = index and "\n" in text[members[index - 1].end : member.key_start]
    if index == 0 or (starts_line and "\n" not in text[member.end : following]):
        return member.key_start, following
    return members[index - 1].end, member.end


def _writable(value: JsonValue) -> JsonValue:
    # Both raise ValueError: the first for NaN and Infinity, the second for lone surrogates.
    json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    return value


def _same(left: JsonValue, right: JsonValue) -> bool:
    """Whether two values are the same to the type of each number, which 1 and 1.0 are not."""
    return json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)


def _verified(text: str, expected: JsonValue) -> bytes:
    data = text.encode()
    try:
        same = _same(parsed(decoded(data), unique_keys=False), expected)
    except JsonError as error:
        raise PlanError(f"an edited JSON file does not read back: {error}") from error
    if not same:
        raise PlanError("an edited JSON file does not read back as the value it was meant to have")
    return data
