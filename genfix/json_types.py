"""JSON values as types, so that nothing in the package is ``Any``."""

import math
import sys
from collections.abc import Mapping
from enum import Enum
from typing import Final, TypeAlias

# The quotes are inside, so that ``JsonValue | Missing`` also works at run time.
JsonValue: TypeAlias = bool | int | float | str | list["JsonValue"] | dict[str, "JsonValue"] | None
JsonObject: TypeAlias = Mapping[str, JsonValue]


_LARGEST: Final = sys.float_info.max
_MOST_DIGITS: Final = 18
"""Of what a 64-bit integer holds in any case."""


def is_finite(value: float) -> bool:
    """Whether one can reckon with ``value``: a whole number in JSON may be greater than any `float`."""
    return -_LARGEST <= value <= _LARGEST


def all_finite(value: JsonValue | JsonObject) -> bool:
    """Whether no number in ``value`` is NaN or infinite: Python writes and reads these, JSON has none."""
    if isinstance(value, dict):
        return all(map(all_finite, value.values()))
    if isinstance(value, list):
        return all(map(all_finite, value))
    return not isinstance(value, float) or math.isfinite(value)


def decimal(text: str) -> int | None:
    """The number that ``text`` spells in ASCII digits, where it can be an id, a count or a size."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS else None


class Missing(Enum):
    """The value of a key that is not there, as distinct from ``null``."""

    MISSING = "missing"
