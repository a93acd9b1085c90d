"""The intervals of a probe: published values, and how often they cover the truth they are drawn from."""

import itertools
import math
import random

import pytest

from genfix.probe.statistics import Paired, median_interval, paired_difference, quantile, wilson


@pytest.mark.parametrize(
    ("hits", "total", "low", "high"),
    [
        # Newcombe 1998, "Two-sided confidence intervals for the single proportion", table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_has_the_published_values(hits: int, total: int, low: float, high: float) -> None:
    rate = wilson(hits, total)
    assert rate is not None
    assert [rate.low, rate.high] == pytest.approx([low, high], abs=6e-5)


def test_of_nothing_nothing_is_said() -> None:
    assert wilson(0, 0) is None
    assert paired_difference(Paired(0, 0, 0, 0)) is None
    assert median_interval([]) is None


@pytest.mark.parametrize("total", [1, 5, 64, 2000])
def test_the_interval_holds_its_rate_and_mirrors(total: int) -> None:
    for hits in {0, 1, total // 3, total}:
        rate, mirrored = wilson(hits, total), wilson(total - hits, total)
        assert rate is not None
        assert mirrored is not None
        assert 0 <= rate.low <= rate.value <= rate.high <= 1
        assert rate.low == pytest.approx(1 - mirrored.high)


@pytest.mark.parametrize("truth", [0.02, 0.1, 0.5, 0.9, 0.98])
def test_wilson_covers_the_truth(truth: float) -> None:
    """Exactly, over the whole binomial distribution of 64 prompts."""
    covered = 0.0
    for hits in range(65):
        rate = wilson(hits, 64)
        assert rate is not None
        if rate.low <= truth <= rate.high:
            covered += math.comb(64, hits) * truth**hits * (1 - truth) ** (64 - hits)
    assert 0.92 < covered < 0.995


@pytest.mark.parametrize(
    ("cells", "low", "high"),
    [
        # Newcombe 1998, "... based on paired data", method 10
        (Paired(36, 12, 2, 0), 0.0569, 0.3404),
        (Paired(20, 12, 2, 16), 0.0562, 0.3290),
    ],
)
def test_the_paired_difference_has_the_published_values(cells: Paired, low: float, high: float) -> None:
    difference = paired_difference(Paired(cells.both, cells.second_only, cells.first_only, cells.neither))
    assert difference is not None
    assert difference.value == pytest.approx(0.2)
    assert [difference.low, difference.high] == pytest.approx([low, high], abs=3e-4)


def test_a_difference_turns_with_its_sides() -> None:
    there, back = paired_difference(Paired(20, 3, 17, 24)), paired_difference(Paired(20, 17, 3, 24))
    assert there is not None
    assert back is not None
    assert (there.value, there.low, there.high) == pytest.approx((-back.value, -back.high, -back.low))


def test_the_paired_difference_covers_the_truth() -> None:
    """All 3 pairs of rates, with answers that go together, drawn a thousand times."""
    chance = random.Random(9)
    for first, second, together in [(0.5, 0.7, 0.3), (0.1, 0.1, 0.05), (0.2, 0.9, 0.19)]:
        weights = [together, first - together, second - together, 1 - first - second + together]
        covered = 0
        for _ in range(1000):
            drawn = chance.choices(range(4), weights, k=64)
            difference = paired_difference(Paired(*(drawn.count(cell) for cell in range(4))))
            assert difference is not None
            covered += difference.low <= second - first <= difference.high
        assert 0.925 < covered / 1000 < 0.99


def test_pairs_are_counted() -> None:
    pairs = Paired.of([(True, True), (True, False), (False, True), (False, True), (False, False)])
    assert pairs == (1, 1, 2, 1)
    assert pairs.total == 5


def test_the_median_interval_is_the_narrowest_that_covers() -> None:
    """Of 10 values the second and the ninth; of 64 the 24th and the 41st: P(X <= 23) = 0.0164, P(X <= 24) =
    0.0300.
    """
    assert median_interval([*range(1, 11)]) == (5.5, 2, 9)
    assert median_interval([*range(1, 65)]) == (32.5, 24, 41)
    assert median_interval([7.0]) == (7, 7, 7)


def test_the_median_interval_covers_the_median() -> None:
    chance = random.Random(4)
    covered = 0
    for _ in range(1000):
        found = median_interval([chance.expovariate(1.0) for _ in range(40)])
        assert found is not None
        covered += found.low <= math.log(2) <= found.high
    assert 0.93 < covered / 1000 < 0.99


def test_quantiles_lie_between_their_neighbours() -> None:
    values = [3.0, 1.0, 2.0, 4.0]
    assert [quantile(values, share) for share in (0, 0.5, 1)] == [1, 2.5, 4]
    for low, high in itertools.pairwise(quantile(values, place / 10) for place in range(11)):
        assert low <= high
