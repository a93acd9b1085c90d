"""Where in the text of a JSON file objects and their members stand."""

import json
from collections.abc import Sequence
from typing import NamedTuple

from genfix.jsontext.json_read import JsonError, JsonProblemKind

_scan = json.JSONDecoder().raw_decode


class Member(NamedTuple):
    """A key of an object, and where in the text it and its value start and end."""

    key: str
    key_start: int
    key_end: int
    start: int
    end: int


class ObjectSpan(NamedTuple):
    """Where in the text an object starts and ends, and its members."""

    start: int
    end: int
    members: Sequence[Member]
    expanded: bool
    """Whether the members stand on lines of their own; in an empty object: whether they would."""

    def resized(self, index: int, by: int) -> "ObjectSpan":
        """The same object after the value of one member got ``by`` characters longer."""
        changed = self.members[index]
        later = [
            Member(m.key, m.key_start + by, m.key_end + by, m.start + by, m.end + by)
            for m in self.members[index + 1 :]
        ]
        members = [*self.members[:index], changed._replace(end=changed.end + by), *later]
        return self._replace(end=self.end + by, members=members)


def object_at(text: str, keys: Sequence[str]) -> ObjectSpan:
    """Find the object that ``keys`` lead to, in a text that is known to parse and to have it.

    Raises `JsonError` where an object on the way has a key twice.
    """
    found = _object_from(text, _after_space(text, 0), expanded=True)
    for key in keys:
        start = next(member.start for member in found.members if member.key == key)
        found = _object_from(text, start, expanded=found.expanded)
    return found


def _object_from(text: str, start: int, *, expanded: bool) -> ObjectSpan:
    """Scan the object at ``start``; ``expanded`` says how the one around it is written."""
    members: list[Member] = []
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
        members.append(Member(key, key_start, key_end, value_start, gap_start))
        gap_end = _after_space(text, gap_start)
        if text[gap_end] == ",":
            gap_end = _after_space(text, gap_end + 1)
        own_lines = own_lines or "\n" in text[gap_start:gap_end]
    return ObjectSpan(start, gap_end + 1, members, own_lines if members else expanded)


def _after_space(text: str, offset: int) -> int:
    while text[offset] in " \t\r\n":
        offset += 1
    return offset
