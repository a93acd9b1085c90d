"""Which sizes of config.json the shapes of the tensors contradict, and what they should be.

Sizes are tried: a value is right that makes every tensor fit. The class itself tells which tensors a size
shapes, so nothing here knows a name of either.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Final, NamedTuple

from genfix.json_types import JsonObject
from genfix.rules.weights.class_fit import ClassFit, changed

__all__ = ["SizeFound", "sizes_found"]

_MOST: Final = 4
"""Sizes that are wrong at once."""
_TRIED: Final = 24


class SizeFound(NamedTuple):
    """One size."""

    pointer: str
    current: int
    expected: int
    is_only: bool
    """Whether no other size explains the same shapes."""


def sizes_found(found: ClassFit) -> tuple[SizeFound, ...]:
    """The sizes with which all tensors fit; empty where none do."""
    sizes: list[SizeFound] = []
    before = len(found.lacks)
    while found.fit.mismatched:
        if len(sizes) == _MOST:
            return ()
        tries = [*_tries(found)]
        best: list[tuple[int, SizeFound, ClassFit]] = []
        for pointer, current, expected in tries:
            again = found.again(changed(found.config, [(pointer, expected)]))
            if again is not None and len(again.lacks) <= before:
                best.append(
                    (len(again.fit.mismatched), SizeFound(pointer, current, expected, is_only=True), again)
                )
        best.sort(key=lambda each: each[0])
        if not best or best[0][0] >= len(found.fit.mismatched):
            return ()
        is_only = len(best) == 1 or best[1][0] > best[0][0]
        sizes.append(best[0][1]._replace(is_only=is_only))
        found = best[0][2]
    return tuple(sizes)


def _tries(found: ClassFit) -> Iterator[tuple[str, int, int]]:
    """Sizes that may be wrong, those that most shapes speak for first."""
    ratios: Counter[tuple[int, int]] = Counter()
    for mismatch in found.fit.mismatched:
        if len(mismatch.shape) == len(mismatch.wanted):
            pairs = zip(mismatch.wanted, mismatch.shape, strict=True)
            ratios.update({(wanted, own) for wanted, own in pairs if wanted and wanted != own})
    seen: Counter[tuple[str, int, int]] = Counter()
    for pointer, value in _numbers(found.config, ""):
        for (wanted, own), count in ratios.items():
            if (wanted % value == 0 or value % wanted == 0) and value * own % wanted == 0:
                seen[pointer, value, value * own // wanted] += count
    for (pointer, value, expected), _ in seen.most_common(_TRIED):
        if expected > 0:
            yield pointer, value, expected


def _numbers(config: JsonObject, start: str) -> Iterator[tuple[str, int]]:
    for key, value in config.items():
        if type(value) is int and value > 0 and not key.endswith(("_id", "_ids", "_index")):
            yield f"{start}/{key}", value
        elif isinstance(value, dict) and start.count("/") < 2:
            yield from _numbers(value, f"{start}/{key}")
