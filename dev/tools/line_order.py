"""The order of a table's lines in which a wheel's compression does best: like beside like."""

import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Final

from genfix.json_types import JsonValue

__all__ = ["alike", "compact"]

_LENGTH: Final = 12
"""Of the pieces of text that lines have in common."""
_RARE: Final = 60
"""What more lines have tells nothing of their likeness."""
_SHORT: Final = 50
"""As if every line had so many pieces more: else the shortest would always be likest."""


def compact(value: JsonValue) -> str:
    """JSON without spaces."""
    return json.dumps(value, separators=(",", ":"), sort_keys=True)


def alike(lines: Sequence[str]) -> list[str]:
    """The same lines, each followed by the one that has most in common with it: deflate looks back 32 KiB, a
    hundred lines. Minutes for thousands of lines.
    """
    plain = [line.partition(",")[2] for line in lines]  # what follows the name
    pieces = [{line[at : at + _LENGTH] for at in range(len(line) - _LENGTH + 1)} for line in plain]
    count = Counter(piece for each in pieces for piece in each)
    having: dict[str, list[int]] = defaultdict(list)
    for number, each in enumerate(pieces):
        for piece in each:
            if 1 < count[piece] <= _RARE:
                having[piece].append(number)
    left = dict.fromkeys(range(len(lines)))
    order: list[int] = []
    place: int | None = None
    while left:
        place = next(iter(left)) if place is None else place
        del left[place]
        order.append(place)
        found = (number for piece in pieces[place] for number in having.get(piece, ()))
        shared = Counter(number for number in found if number in left)
        likeness = {number: many / (len(pieces[number]) + _SHORT) for number, many in shared.items()}
        place = max(likeness, key=lambda number: (likeness[number], -number), default=None)
    return [lines[number] for number in order]
