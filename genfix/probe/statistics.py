"""The few statistics a probe needs, exact and without dependencies.

Every interval has 95 % confidence and takes the prompts for a sample of prompts like them. Sources: E. B.
Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927), for one rate;
R. G. Newcombe, "Improved confidence intervals for the difference between binomial proportions based on paired
data", Statistics in Medicine 17 (1998) 2635-2650, method 10, for two rates on the same prompts; order
statistics and the binomial distribution for a median (W. J. Conover, "Practical Nonparametric Statistics",
3.2).
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

_Z: Final = 1.959963984540054
"""The 0.975 quantile of the normal distribution."""
_ALPHA: Final = 0.05


class Interval(NamedTuple):
    """A value, and between what it lies with 95 % confidence."""

    value: float
    low: float
    high: float


class Paired(NamedTuple):
    """How often two models agree, on the same prompts."""

    both: int
    first_only: int
    second_only: int
    neither: int

    @classmethod
    def of(cls, pairs: Iterable[tuple[bool, bool]]) -> "Paired":
        """Count pairs of (first, second)."""
        counts = Counter(pairs)
        return cls(counts[True, True], counts[True, False], counts[False, True], counts[False, False])

    @property
    def total(self) -> int:
        """How many pairs there are."""
        return sum(self)


def wilson(hits: int, total: int) -> Interval | None:
    """The rate ``hits / total`` with Wilson's score interval; `None` of nothing."""
    if total == 0:
        return None
    rate = hits / total
    square = _Z * _Z
    middle = (hits + square / 2) / (total + square)
    half = _Z * math.sqrt(rate * (1 - rate) * total + square / 4) / (total + square)
    # At the edges the formula is 0 or 1 up to rounding; say it exactly.
    return Interval(rate, 0.0 if hits == 0 else middle - half, 1.0 if hits == total else middle + half)


def paired_difference(pairs: Paired) -> Interval | None:
    """The second rate minus the first, by Newcombe's method 10; `None` of nothing."""
    a, b, c, d = pairs
    total = pairs.total
    first, second = wilson(a + b, total), wilson(a + c, total)
    if first is None or second is None:
        return None
    phi = _phi(a, b, c, d)
    low_1, high_1 = first.value - first.low, first.high - first.value
    low_2, high_2 = second.value - second.low, second.high - second.value
    difference = second.value - first.value
    down = math.sqrt(max(0.0, low_2**2 - 2 * phi * low_2 * high_1 + high_1**2))
    up = math.sqrt(max(0.0, high_2**2 - 2 * phi * high_2 * low_1 + low_1**2))
    return Interval(difference, max(-1.0, difference - down), min(1.0, difference + up))


def _phi(a: int, b: int, c: int, d: int) -> float:
    """Newcombe's correlation: with a correction for continuity where it is positive, 0 where it is
    undefined.
    """
    product = (a + b) * (c + d) * (a + c) * (b + d)
    if product == 0:
        return 0.0
    excess: float = a * d - b * c
    if excess > 0:
        excess = max(excess - (a + b + c + d) / 2, 0.0)
    return excess / math.sqrt(product)


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which ``share`` of ``values`` lie, with linear interpolation between neighbours."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def median_interval(values: Sequence[float]) -> Interval | None:
    """The median with the narrowest pair of order statistics that covers it in 95 % of samples.

    Of fewer than six values no such pair exists: then the interval is from the least to the greatest, and has
    less confidence. `None` of nothing.
    """
    if not values:
        return None
    ordered = sorted(values)
    total = len(ordered)
    rank, tail = 0, 0.5**total
    # The median is below the value of rank k (from 0) in as many samples as a fair coin shows at most k
    # heads.
    while rank + 1 <= (total - 1) // 2:
        more = tail + math.comb(total, rank + 1) * 0.5**total
        if more > _ALPHA / 2:
            break
        rank, tail = rank + 1, more
    return Interval(quantile(ordered, 0.5), ordered[rank], ordered[total - 1 - rank])
