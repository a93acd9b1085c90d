"""A merge replayed on a few numbers: what would stand there, and so what was done.

Tools merge in different number formats and round at different steps; each way is tried. What was done is the
multiple of the update whose replay comes nearest, never the mere distance from one of them: a weak update
differs from none by little. Measured on real merges (docs/merge-proof.md): a right replay leaves at most
0.004 of the update's energy, a wrong one at least 0.25.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from operator import add, mul, sub
from typing import Final, NamedTuple

from genfix.weights.number_formats import HALVES, rounded

_NEAR: Final = 0.05
"""Share of the update's energy that a right replay may leave."""
_EXACT: Final = 0.001
"""A replay that leaves no more is right: no other way of rounding is tried."""
_SAME_SCALE: Final = 0.02
"""Scales that differ by no more are the same."""
MOST_HIDDEN: Final = 7
"""So few numbers that rounding lets change tell nothing."""
_USUAL: Final = (2.0, 0.5, -1.0)
_STEPS: Final = {"BF16": 2.0**-8, "F16": 2.0**-11}
"""Distance of neighboring numbers, of their size; what is F32 was perhaps F16 on its way."""
_SOME: Final = 0.25
"""A scale that leaves a larger share of the difference is none."""


class Kind(StrEnum):
    """What the numbers of one matrix show."""

    HAS = "has"
    """The update is there, once."""
    BASE = "base"
    """They are the base's."""
    SCALED = "scaled"
    """The update is there at another scale."""
    OTHER = "other"
    """They differ from the base by something else."""
    HIDDEN = "hidden"
    """Rounding takes the update away."""
    NOTHING = "nothing"
    """The update is zero, and the numbers are the base's."""


class Row(NamedTuple):
    """A piece of one row."""

    base: Sequence[float]
    merged: Sequence[float]
    update: Sequence[float]
    """What a merge adds, not rounded."""
    length: float | None = None
    """DoRA's length of the row, which then is whole."""


class Sample(NamedTuple):
    """Pieces of one matrix, and the formats that are known."""

    rows: tuple[Row, ...]
    base_type: str
    merged_type: str
    adapter_type: str
    rank: int = 1
    """Of the update: what one row shows of it."""


class Judgement(NamedTuple):
    """What a sample shows."""

    kind: Kind
    scale: float = 1.0
    """By how much the update is there, where it is scaled."""
    residual: float = 0.0
    """Share of the update's energy that the best replay leaves."""
    shown: int = 0
    """Numbers that rounding lets the update change."""
    energy: float = 0.0
    """Sum of squares of the update as it would show."""
    along: float = 0.0
    """Sum of products of the update and the difference from the base."""
    whole: float = 0.0
    """Sum of squares of that difference."""
    freedom: int = 0
    """How many independent numbers it rests on."""


class _Path(NamedTuple):
    """One way of rounding."""

    work: str | None = None
    """The format the merge was made in."""
    update: str | None = None
    """The format the update was rounded to before it was added."""


def judge(sample: Sample, scales: Iterable[float] = ()) -> Judgement:
    """What was done to the matrix; ``scales`` are multiples of the update that errors of tools lead to."""
    rows = [row for row in sample.rows if _is_finite(row)]
    sample = sample._replace(rows=tuple(rows))
    merged = [value for row in rows for value in row.merged]
    noise = _noise(sample, merged)
    best: Judgement | None = None
    for path in _paths(sample):
        with_it = _replay(sample, 1.0, path)
        without = _replay(sample, 0.0, path)
        effect = [*map(sub, with_it, without)]
        difference = [*map(sub, merged, without)]
        energy, whole = _energy(effect), _energy(difference)
        left = _energy(map(sub, merged, with_it))
        without_left = _distance_from_base(sample, merged, path, whole)
        shown = sum(value != 0 for value in effect)
        along = sum(map(mul, effect, difference))
        facts = Judgement(Kind.HIDDEN, 1.0, 0.0, shown, energy, along, whole, len(rows) * max(sample.rank, 1))
        if shown <= MOST_HIDDEN:
            found = _hidden(sample, facts, difference, without_left)
        elif left <= _NEAR * energy and left < without_left and _is_once(facts, left):
            found = facts._replace(kind=Kind.HAS, residual=left / energy)
        elif without_left <= _NEAR * energy and without_left < left:
            found = facts._replace(kind=Kind.BASE, scale=0.0, residual=without_left / energy)
        else:
            found = facts._replace(kind=Kind.OTHER, residual=min(left, without_left) / energy)
        if best is None or _is_better(found, best):
            best = found
        if found.kind is Kind.OTHER:
            if min(left, without_left) > noise:
                break  # no way of rounding explains so much
        elif found.residual <= _EXACT:
            break
    if best is None:
        return Judgement(Kind.HIDDEN)
    if best.kind is not Kind.OTHER or _unexplained(sample) > noise + _SOME * best.whole:
        return best
    return _at_another_scale(sample, merged, best, scales)


def _is_better(found: Judgement, best: Judgement) -> bool:
    order = (Kind.HAS, Kind.BASE, Kind.NOTHING, Kind.HIDDEN, Kind.OTHER)
    ours, theirs = order.index(found.kind) > 2, order.index(best.kind) > 2
    return (ours, found.residual) < (theirs, best.residual)


def _hidden(sample: Sample, facts: Judgement, difference: Sequence[float], without_left: float) -> Judgement:
    """An update that cannot show; a difference that is there all the same is another one."""
    changed = sum(map(bool, difference))
    if without_left and changed > 2 * facts.shown + MOST_HIDDEN:
        return facts._replace(kind=Kind.OTHER, residual=math.inf)
    is_there = any(any(row.update) for row in sample.rows)
    return facts._replace(kind=Kind.HIDDEN if is_there else Kind.NOTHING)


def _is_once(facts: Judgement, left: float) -> bool:
    """Whether the share of the update in the difference is 1, as exactly as the numbers tell."""
    share = facts.along / facts.energy
    return abs(share - 1) <= max(_SAME_SCALE, 3 * math.sqrt(left / facts.energy / facts.shown))


def _distance_from_base(sample: Sample, merged: Sequence[float], path: _Path, plain: float) -> float:
    """How far the numbers are from the base's own; DoRA's rows without update have another length."""
    if sample.rows and sample.rows[0].length is None:
        return plain
    bare = sample._replace(rows=tuple(row._replace(length=None) for row in sample.rows))
    return _energy(map(sub, merged, _replay(bare, 0.0, path)))


def _noise(sample: Sample, merged: Sequence[float]) -> float:
    """More than the energy that rounding to the known formats can leave."""
    kinds = (sample.base_type, sample.merged_type, sample.adapter_type)
    step = max(_STEPS.get(kind, _STEPS["F16"]) for kind in kinds)
    return 4 * step * step * _energy(merged)


def _unexplained(sample: Sample) -> float:
    """The energy that the update leaves at any scale, before rounding."""
    scale = _measured_scale(sample) or 0.0
    left = 0.0
    for row in sample.rows:
        numbers = [value + scale * more for value, more in zip(row.base, row.update, strict=True)]
        along, energy = sum(map(mul, numbers, row.merged)), _energy(numbers)
        factor = along / energy if row.length is not None and energy else 1.0
        left += sum((value - factor * number) ** 2 for value, number in zip(row.merged, numbers, strict=True))
    return left


# -- other scales --------------------------------------------------------------------------------


def _at_another_scale(
    sample: Sample, merged: Sequence[float], found: Judgement, scales: Iterable[float]
) -> Judgement:
    """The multiple of the update that explains the numbers, where one does."""
    best = (math.inf, 0.0)
    measured = _measured_scale(sample)
    tried = dict.fromkeys([*_USUAL, *scales, *([measured] if measured else [])])
    for path in _paths(sample):
        without = _replay(sample, 0.0, path)
        for scale in tried:
            values = _replay(sample, scale, path)
            best = min(best, (_left(merged, values, without), scale))
        once = sample._replace(rows=tuple(_once_more(sample, path)))
        best = min(best, (_left(merged, _replay(once, 1.0, path), without), 2.0))
        if best[0] <= _EXACT:
            break
    if best[0] > _NEAR:
        return found
    return found._replace(kind=Kind.SCALED, scale=best[1], residual=best[0])


def _left(merged: Sequence[float], replayed: Sequence[float], without: Sequence[float]) -> float:
    """The share of a replayed update's own energy that it leaves unexplained."""
    energy = _energy(map(sub, replayed, without))
    return _energy(map(sub, merged, replayed)) / energy if energy else math.inf


def _once_more(sample: Sample, path: _Path) -> Iterator[Row]:
    """The rows with the merged numbers of a first merge as the base of a second."""
    values = iter(_replay(sample, 1.0, path))
    for row in sample.rows:
        yield row._replace(base=[next(values) for _ in row.base])


def _measured_scale(sample: Sample) -> float | None:
    """The multiple by least squares; of DoRA's rows beside that of the base's row."""
    along = energy = 0.0
    for row in sample.rows:
        if row.length is None:
            difference = [*map(sub, row.merged, row.base)]
            along += sum(map(mul, row.update, difference))
            energy += _energy(row.update)
            continue
        bb, dd = _energy(row.base), _energy(row.update)
        bd = sum(map(mul, row.base, row.update))
        bm, dm = sum(map(mul, row.base, row.merged)), sum(map(mul, row.update, row.merged))
        base_share, update_share = bm * dd - dm * bd, dm * bb - bm * bd
        if base_share:
            along += update_share / base_share * dd
            energy += dd
    return along / energy if energy else None


# -- replay --------------------------------------------------------------------------------------


def _paths(sample: Sample) -> Iterator[_Path]:
    """Ways of rounding, the commonest first."""
    halves = dict.fromkeys(kind for kind in (sample.adapter_type, sample.base_type) if kind in HALVES)
    yield _Path()
    for kind in halves:
        yield _Path(update=kind)
    for kind in HALVES:
        yield _Path(kind, kind)
        yield _Path(kind)


def _replay(sample: Sample, scale: float, path: _Path) -> list[float]:
    """The merged numbers of all rows, with ``scale`` times the update."""
    values: list[float] = []
    for row in sample.rows:
        update: Sequence[float] = [value * scale for value in row.update]
        if path.update:
            update = rounded(update, path.update)
        base = rounded(row.base, path.work) if path.work else row.base
        numbers: Sequence[float] = [*map(add, base, update)]
        if path.work:
            numbers = rounded(numbers, path.work)
        if row.length is not None:
            numbers = _lengthened(numbers, row, path, scale)
        values += rounded(numbers, sample.merged_type)
    return values


def _lengthened(numbers: Sequence[float], row: Row, path: _Path, scale: float) -> Sequence[float]:
    """A row with DoRA's length; without the update it keeps the factor that it has with it."""
    measured: Sequence[float] = numbers if scale else [*map(add, row.base, row.update)]
    norm = math.sqrt(_energy(measured))
    if path.work:
        norm = rounded([norm], path.work)[0]
    factor = (row.length or 0.0) / norm if norm else 0.0
    if path.work:
        factor = rounded([factor], path.work)[0]
    return [factor * value for value in numbers]


def _energy(values: Iterable[float]) -> float:
    return sum(value * value for value in values)


def _is_finite(row: Row) -> bool:
    return all(map(math.isfinite, (*row.base, *row.merged, *row.update)))
