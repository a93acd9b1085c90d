"""Tables of data with one JSON list a line: an entry is found by its name, and no other is parsed."""

import json
from collections.abc import Sequence

from genfix.json_types import JsonValue


def line_at(lines: bytes, start: int) -> Sequence[JsonValue]:
    """The list in the line that begins at ``start``."""
    found: list[JsonValue] = json.loads(lines[start : lines.index(b"\n", start)])
    return found


def entry(lines: bytes, name: str, first: int = 0) -> Sequence[JsonValue] | None:
    """What stands behind ``name`` in its line, at ``first`` or after it; `None` where there is none.

    A line is found by the end of that before it.
    """
    start = lines.find(f"\n[{json.dumps(name)},".encode("ascii"), first)
    return None if start < 0 else line_at(lines, start + 1)[1:]
