"""Versions of engines, as far as it takes to say which behaviour is theirs."""

import re
from functools import cache
from typing import Final, TypeAlias

Release: TypeAlias = tuple[float, ...]
"""The numbers of a version, as many as compare."""

_PARTS: Final = 4
NEWEST: Final[Release] = (float("inf"),) * _PARTS
"""Greater than every version: the newest behaviour known."""

_VERSION: Final = re.compile(r"[vb]?(\d{1,9}(?:\.\d{1,9}){0,3})(?:[.+-]?[A-Za-z][\w.+-]*)?")


@cache
def release(version: str) -> Release:
    """Read ``v0.32.0`` or ``5.24.0.dev0``; of a series such as ``0.6`` the last, and of a build ``b6123`` its
    number.

    Raises:
        ValueError: For text that is no version.

    """
    return _numbers(version, float("inf"))


@cache
def first(version: str) -> Release:
    """As `release`, but of a series the first."""
    return _numbers(version, 0.0)


def _numbers(version: str, rest: float) -> Release:
    found = _VERSION.fullmatch(version)
    if found is None:
        raise ValueError(version)
    numbers = [float(part) for part in found[1].split(".")]
    return (*numbers, *[rest] * (_PARTS - len(numbers)))
