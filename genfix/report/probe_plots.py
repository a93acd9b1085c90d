"""Plots of a probe as numbers: the page draws them as SVG, with no script and nothing from outside."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from genfix.message import Message
from genfix.probe.figures import RATE_NAMES, number
from genfix.probe.measuring import RATES
from genfix.probe.probe_values import Measure
from genfix.probe.statistics import Interval
from genfix.report.probe_words import share

_BINS: Final = 16


@dataclass(frozen=True, slots=True)
class Bar:
    """One rate; all places are in percent of the plot's width."""

    series: str
    """``run`` or ``against``."""
    value: float
    low: float
    high: float
    label: Message


@dataclass(frozen=True, slots=True)
class RateRow:
    """One measure, of one or two models."""

    name: Message
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class Bin:
    """Answers of similar length; heights are in percent of the plot's."""

    low: int
    high: int
    """The lengths it holds, in tokens."""
    run: int
    against: int
    run_height: float
    against_height: float
    at: float
    width: float


@dataclass(frozen=True, slots=True)
class Histogram:
    """How long the answers are."""

    bins: tuple[Bin, ...]
    ticks: tuple[tuple[float, str], ...]
    most: int
    """Answers in the fullest bin."""
    limit_at: float
    """Where the limit stands."""


def rate_rows(run: Mapping[str, Interval], against: Mapping[str, Interval] | None) -> tuple[RateRow, ...]:
    """A row per measure; the model that was compared with comes first, as before comes before after."""
    series = [("run", run)] if against is None else [("against", against), ("run", run)]
    return tuple(
        RateRow(
            RATE_NAMES[name], tuple(rate_bar(label, rates[name]) for label, rates in series if name in rates)
        )
        for name in RATES
    )


def rate_bar(series: str, rate: Interval) -> Bar:
    """A rate as a bar; ``series`` is ``run`` or ``against``."""
    return Bar(
        series, round(rate.value * 100, 2), round(rate.low * 100, 2), round(rate.high * 100, 2), share(rate)
    )


def histogram(run: Sequence[Measure], against: Sequence[Measure], limit: int) -> Histogram | None:
    """Answers by length in tokens; `None` where no engine reports lengths."""
    lengths, others = _lengths(run), _lengths(against)
    if not lengths and not others:
        return None
    longest = max([*lengths, *others, limit])
    step = _step(longest)
    count = math.ceil((longest + 1) / step)
    mine, theirs = _counted(lengths, step, count), _counted(others, step, count)
    most = max(mine + theirs)
    width = 100 / count
    bins = tuple(
        Bin(
            low=place * step,
            high=(place + 1) * step - 1,
            run=mine[place],
            against=theirs[place],
            run_height=round(mine[place] / most * 100, 2),
            against_height=round(theirs[place] / most * 100, 2),
            at=round(place * width, 3),
            width=round(width, 3),
        )
        for place in range(count)
    )
    every = max(1, math.ceil(count / 8))
    ticks = tuple((round(place * width, 3), number(place * step)) for place in range(0, count + 1, every))
    return Histogram(bins, ticks, most, round(limit / (count * step) * 100, 3))


def _lengths(measures: Sequence[Measure]) -> list[int]:
    return [one.answer.tokens for one in measures if one.answered and one.answer.tokens is not None]


def _step(longest: int) -> int:
    """A round width, so that some sixteen bins cover the longest answer."""
    rough = max(1.0, longest / _BINS)
    power = 10 ** math.floor(math.log10(rough))
    return next(int(factor * power) for factor in (1, 2, 4, 5, 10) if factor * power >= rough)


def _counted(lengths: Sequence[int], step: int, count: int) -> list[int]:
    counts = [0] * count
    for length in lengths:
        counts[length // step] += 1
    return counts
