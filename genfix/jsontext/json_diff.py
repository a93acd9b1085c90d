"""What differs between two JSON values, by meaning and not by spelling."""

import json
from collections.abc import Iterator
from typing import NamedTuple

from genfix.json_types import JsonValue, Missing


class Difference(NamedTuple):
    """One place where two JSON values differ, as an RFC 6901 pointer and what either side has there."""

    pointer: str
    left: JsonValue | Missing
    right: JsonValue | Missing


def diff_values(left: JsonValue, right: JsonValue, pointer: str = "") -> Iterator[Difference]:
    """Yield where two values differ: objects key by key (the left one's order, then keys only the right has).

    Lists are compared whole, since a stop list that lost one id is another list and not an edit at index 2.
    ``pointer`` is where the two values stand.
    """
    if not (isinstance(left, dict) and isinstance(right, dict)):
        if not same_value(left, right):
            yield Difference(pointer, left, right)
        return
    for key, value in left.items():
        child = child_pointer(pointer, key)
        if key in right:
            yield from diff_values(value, right[key], child)
        else:
            yield Difference(child, value, Missing.MISSING)
    for key, value in right.items():
        if key not in left:
            yield Difference(child_pointer(pointer, key), Missing.MISSING, value)


def same_value(left: JsonValue, right: JsonValue) -> bool:
    """Whether two values mean the same: 1 and 1.0 do, NaN and NaN do, 1 and true do not, key order is
    nothing.
    """
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(
            same_value(value, right[key]) for key, value in left.items()
        )
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same_value, left, right))
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, float) and isinstance(right, float) and left != left:  # noqa: PLR0124
        return right != right  # noqa: PLR0124
    return left == right


def same_json(left: JsonValue, right: JsonValue) -> bool:
    """Whether two values are the same to the type of each number, which 1 and 1.0 are not."""
    return json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)


def pointer_keys(pointer: str) -> list[str]:
    """The keys that ``pointer`` (RFC 6901) goes through; none for the whole value."""
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]


def value_at(value: JsonValue, pointer: str) -> JsonValue | Missing:
    """What stands at ``pointer`` in ``value``, below objects only."""
    for key in pointer_keys(pointer):
        if not isinstance(value, dict) or key not in value:
            return Missing.MISSING
        value = value[key]
    return value


def child_pointer(pointer: str, key: str) -> str:
    """Return the pointer to ``key`` of the object at ``pointer``."""
    return f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}"
