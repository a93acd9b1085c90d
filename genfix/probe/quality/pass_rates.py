"""How many answers are right, by kind, and whether two models differ in that.

Rates have Wilson's interval and differences Newcombe's, as all rates of a probe. Whether a difference is more
than chance is McNemar's exact test: of the prompts that one model answers right and the other wrong, a fair
coin would give either side as many (Q. McNemar, "Note on the sampling error of the difference between
correlated proportions or percentages", Psychometrika 12 (1947); the exact form is the sign test of those
pairs). Kinds are many tests at once: Holm's method keeps the chance of one false alarm among them at 5 %
(S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6
(1979)).
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Final, TypeAlias, TypeVar

from genfix.message import Arg, Message, message
from genfix.probe.figures import kind_name, signed
from genfix.probe.leakage import split_turn_end
from genfix.probe.markers import Markers
from genfix.probe.probe_values import Measure
from genfix.probe.quality.answer_verdict import Setting, Verdict, judge_measure
from genfix.probe.statistics import Interval, Paired, paired_difference, wilson

_ALPHA: Final = 0.05
_LEAST_CHANGED: Final = 6
"""So many prompts have to change, all one way, before McNemar's test can say anything: 2 / 2**6 < 0.05."""


@dataclass(frozen=True, slots=True)
class PassRates:
    """The answers of one model that could be judged."""

    verdicts: tuple[Verdict, ...]
    total: Interval | None
    """`None` where nothing could be judged."""
    kinds: dict[str, Interval]
    """By group of the prompts, in their order."""
    not_judged: int
    """Prompts with a check whose answer is not there, or shows nothing of what is checked."""

    @property
    def passed(self) -> int:
        """How many answers are right."""
        return sum(verdict.passed for verdict in self.verdicts)


@dataclass(frozen=True, slots=True)
class Difference:
    """Two models on the same prompts: the second minus the first."""

    counts: Paired
    difference: Interval
    p: float
    """McNemar's exact test, two-sided."""


@dataclass(frozen=True, slots=True)
class PassComparison:
    """What changed in how many answers are right."""

    total: Difference
    kinds: dict[str, Difference]
    told: tuple[str, ...]
    """The kinds whose difference is more than chance, by Holm's method."""


def rate_answers(measures: Sequence[Measure], markers: Markers, setting: Setting) -> PassRates | None:
    """The rates of one model; `None` where no prompt has a check."""
    checked = [one for one in measures if one.prompt.check is not None]
    if not checked:
        return None
    written = (split_turn_end(one.answer, markers)[0] for one in checked)
    return pass_rates(map(judge_measure, checked, written, repeat(setting)), len(checked))


def pass_rates(verdicts: Iterable[Verdict | None], asked: int) -> PassRates:
    """The rates of some verdicts; ``asked`` is the number of prompts with a check."""
    judged = tuple(verdict for verdict in verdicts if verdict is not None)
    kinds = {kind: _rate(group) for kind, group in _by_kind(judged, lambda one: one.prompt.group).items()}
    return PassRates(
        judged,
        _rate(judged),
        {kind: rate for kind, rate in kinds.items() if rate is not None},
        asked - len(judged),
    )


def _rate(verdicts: Sequence[Verdict]) -> Interval | None:
    return wilson(sum(one.passed for one in verdicts), len(verdicts))


_Pair: TypeAlias = tuple[Verdict, Verdict]
_T = TypeVar("_T")


def _kind_of_pair(pair: _Pair) -> str:
    return pair[0].prompt.group


def _by_kind(items: Iterable[_T], kind_of: Callable[[_T], str]) -> dict[str, list[_T]]:
    groups: dict[str, list[_T]] = {}
    for item in items:
        groups.setdefault(kind_of(item), []).append(item)
    return groups


def compare_passes(first: PassRates | None, second: PassRates | None) -> PassComparison | None:
    """Compare two models over the prompts that were judged for both; `None` where there are none."""
    if first is None or second is None:
        return None
    others = {one.prompt.id: one for one in second.verdicts}
    pairs = [(one, others[one.prompt.id]) for one in first.verdicts if one.prompt.id in others]
    total = _difference(pairs)
    if total is None:
        return None
    found = {kind: _difference(group) for kind, group in _by_kind(pairs, _kind_of_pair).items()}
    kinds = {kind: one for kind, one in found.items() if one is not None}
    return PassComparison(total, kinds, holm({kind: one.p for kind, one in kinds.items()}))


def _difference(pairs: Sequence[_Pair]) -> Difference | None:
    counts = Paired.of((one.passed, other.passed) for one, other in pairs)
    interval = paired_difference(counts)
    return None if interval is None else Difference(counts, interval, mcnemar(counts))


def mcnemar(counts: Paired) -> float:
    """The two-sided p-value of McNemar's exact test; 1 where no prompt changed."""
    changed = counts.first_only + counts.second_only
    fewer = min(counts.first_only, counts.second_only)
    tail = sum(math.comb(changed, hits) for hits in range(fewer + 1))
    every: int = 2**changed
    return min(1.0, 2 * tail / every)  # whole numbers: no power underflows


def holm(tests: Mapping[str, float]) -> tuple[str, ...]:
    """The tests that stay significant at 5 % among all of them, the smallest p-value first."""
    ordered = sorted(tests, key=lambda name: tests[name])
    told: list[str] = []
    for place, name in enumerate(ordered):
        if tests[name] > _ALPHA / (len(ordered) - place):
            break
        told.append(name)
    return tuple(told)


def judge_passes(comparison: PassComparison) -> tuple[Message, ...]:
    """What the comparison can tell, and what it cannot."""
    total = comparison.total
    return (
        _overall(total),
        *(_kind(kind, comparison.kinds[kind]) for kind in comparison.told),
        message(
            "probe-passes-sample",
            "{pairs} prompts were judged for both; a change of fewer than {least} of them shows nothing, and "
            "of a single kind there are few: these are easy prompts, which find what is broken and not which "
            "of two good models is better",
            pairs=total.counts.total,
            least=_LEAST_CHANGED,
        ),
    )


def _overall(found: Difference) -> Message:
    low, high = signed(found.difference.low), signed(found.difference.high)
    changed: dict[str, Arg] = {
        "lost": found.counts.first_only,
        "gained": found.counts.second_only,
        "p": shown_p(found.p),
    }
    if found.p > _ALPHA:
        return message(
            "probe-passes-cannot-tell",
            "no difference is shown in how many answers are right: it may lie anywhere from {low} to {high} "
            "points; {lost} are right of the other model only and {gained} of this one only (McNemar's exact "
            "test: p = {p})",
            low=low,
            high=high,
            **changed,
        )
    points = signed(found.difference.value)
    if found.difference.value < 0:
        return message(
            "probe-passes-fell",
            "fewer answers are right: {points} points ({low} to {high}); {lost} are right of the other model "
            "only and {gained} of this one only (McNemar's exact test: p = {p})",
            points=points,
            low=low,
            high=high,
            **changed,
        )
    return message(
        "probe-passes-rose",
        "more answers are right: {points} points ({low} to {high}); {lost} are right of the other model "
        "only and {gained} of this one only (McNemar's exact test: p = {p})",
        points=points,
        low=low,
        high=high,
        **changed,
    )


def _kind(kind: str, found: Difference) -> Message:
    return message(
        "probe-passes-kind",
        "of the kind {kind} alone, {lost} are right of the other model only and {gained} of this one only, "
        "which is more than chance (p = {p}, Holm's method over all kinds)",
        kind=kind_name(kind),
        lost=found.counts.first_only,
        gained=found.counts.second_only,
        p=shown_p(found.p),
    )


def shown_p(p: float) -> str:
    """A p-value as reports have it."""
    return f"{p:.2g}" if p >= 0.001 else f"{p:.0e}"
