"""Which few numbers are read of each matrix: pieces of rows, spread over matrices by fixed fractions.

Nothing is random: the same folders give the same answer.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple, TypeVar

_GOLDEN: Final = 0.6180339887498949
"""Multiples of it, modulo 1, lie as evenly as any."""
LEVELS: Final = ((2, 64), (4, 128), (8, 256))
"""Rows and columns of a sample: what is doubtful is looked at again with more."""
_FAR: Final = (2, 128)
"""Neighboring rows, which one request brings."""

Item = TypeVar("Item")


class Piece(NamedTuple):
    """A window of columns in some rows."""

    rows: tuple[int, ...]
    column: int
    width: int


def piece(rows: int, columns: int, seed: int, level: int, *, whole_rows: bool, is_far: bool) -> Piece:
    """What is read of a matrix of this size."""
    many, count = _FAR if is_far else LEVELS[level]
    many, count = min(many, rows), columns if whole_rows else min(count, columns)
    start = int(fraction(seed, 7 + level) * (columns - count + 1))
    if is_far:
        first = int(fraction(seed, level) * (rows - many + 1))
        return Piece(tuple(range(first, first + many)), start, count)
    chosen = {int((fraction(seed, level) + number / many) % 1 * rows) for number in range(many)}
    return Piece(tuple(sorted(chosen)), start, count)


def fraction(seed: int, salt: int = 0) -> float:
    """A number in [0, 1) that belongs to the seed."""
    return (seed * _GOLDEN + salt * 0.3819660112501051 + 0.137) % 1


def spread(items: Sequence[Item]) -> list[tuple[int, Item]]:
    """All items with their numbers, so ordered that any first part of them is spread over the whole."""
    return [(number, items[number]) for number in sorted(range(len(items)), key=fraction)]
