"""Digests and sizes as listings and manifests spell them."""

import re
from typing import Final

from genfix.json_types import JsonValue

SHA1: Final = re.compile(r"[0-9a-f]{40}")
COMMIT_START: Final = re.compile(r"[0-9a-f]{7,40}")
"""The first digits of a commit, or all."""
SHA256: Final = re.compile(r"[0-9a-f]{64}")


def matching(pattern: re.Pattern[str], value: JsonValue) -> str | None:
    """``value`` where it is a text of that form, else `None`."""
    return value if isinstance(value, str) and pattern.fullmatch(value) else None


_LARGEST: Final = 2**53
"""No file is larger, and every program that reads JSON has this number exactly."""


def size_of(value: JsonValue) -> int | None:
    """``value`` where it can be the size of a file, else `None`."""
    return value if type(value) is int and 0 <= value <= _LARGEST else None
