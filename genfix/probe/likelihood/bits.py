"""Bits per character: added up over texts, and compared between two models on the same texts.

Intervals are bootstrapped over texts (B. Efron, "Bootstrap methods: another look at the jackknife", Annals of
Statistics 7 (1979), percentiles), of both models together, so that what makes a text hard for both cancels.
The seed is fixed: the same answers give the same interval.
"""

import math
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from genfix.probe.likelihood.scored_texts import KINDS, LONG
from genfix.probe.likelihood.token_scores import ScoredText
from genfix.probe.statistics import Interval, quantile

ALL: Final = "all"
_SAMPLES: Final = 1000
_LEAST: Final = 4
"""Texts for an interval."""
_TOP: Final = 5
"""Most likely tokens that engines are asked for."""
_STEP: Final = 100
"""Characters of one piece of a text, where distance is looked at."""
_NEAR: Final = 100
_FAR: Final = 400


class Sum(NamedTuple):
    """Some of the texts in sum."""

    texts: int
    characters: int
    tokens: int
    bits: float

    @property
    def per_character(self) -> float:
        """Bits per Unicode character."""
        return self.bits / self.characters

    @property
    def tokens_per_character(self) -> float:
        """Into how many tokens a character is cut."""
        return self.tokens / self.characters


class Unit(NamedTuple):
    """What is drawn again: of each of two models, a sum and what it is divided by."""

    bits: float
    characters: float
    other_bits: float
    other_characters: float


class Change(NamedTuple):
    """One model minus the other, on the same texts."""

    value: float
    low: float | None
    high: float | None
    """With 95 % confidence; `None` for too few texts."""

    @property
    def is_more(self) -> bool:
        """Whether it is above 0 whatever texts like these are taken."""
        return self.low is not None and self.low > 0

    @property
    def is_less(self) -> bool:
        """Whether it is below 0."""
        return self.high is not None and self.high < 0


@dataclass(frozen=True, slots=True)
class Group:
    """The texts of one kind or language."""

    name: str
    """``all``, a kind or a language."""
    run: Sum
    against: Sum | None
    change: Change | None
    """In bits per character."""


@dataclass(frozen=True, slots=True)
class Place:
    """Pieces of texts that are as far from the beginning."""

    start: int
    """In characters."""
    run: Sum
    against: Sum | None


@dataclass(frozen=True, slots=True)
class Agreement:
    """What two models would write next, in the same places of the same texts."""

    places: int
    same: Change
    """The share of places in which both have the same most likely token."""
    divergence: float
    """The mean Kullback-Leibler divergence of this model's next token from the other's, in bits, of the most
    likely tokens and all others as one: the whole one is at least as large.
    """


def groups_of(run: Sequence[ScoredText], against: Sequence[ScoredText] | None) -> tuple[Group, ...]:
    """All texts, those of each language, and those of each kind; the long ones are in none. With ``against``,
    only texts that both have.
    """
    others = None if against is None else {one.text.id: one for one in against}
    texts = [one for one in run if one.text.kind != LONG and (others is None or one.text.id in others)]
    names = {
        ALL: texts,
        **{name: [one for one in texts if one.text.language == name] for name in ("en", "zh")},
        **{name: [one for one in texts if one.text.kind == name] for name in KINDS},
    }
    return tuple(_group(name, found, others) for name, found in names.items() if found)


def _group(name: str, run: Sequence[ScoredText], others: Mapping[str, ScoredText] | None) -> Group:
    mine = [_sum_of(one) for one in run]
    if others is None:
        return Group(name, _total(mine), None, None)
    theirs = [_sum_of(others[one.text.id]) for one in run]
    change = bootstrapped([*map(_unit, mine, theirs)])
    return Group(name, _total(mine), _total(theirs), change)


def _sum_of(one: ScoredText) -> Sum:
    return Sum(1, one.characters, len(one.counted), one.bits)


def _total(sums: Iterable[Sum]) -> Sum:
    found = [*sums]
    return Sum(
        sum(one.texts for one in found),
        sum(one.characters for one in found),
        sum(one.tokens for one in found),
        sum(one.bits for one in found),
    )


def _unit(run: Sum, against: Sum) -> Unit:
    return Unit(run.bits, run.characters, against.bits, against.characters)


def _difference(units: Iterable[Unit]) -> float:
    bits, characters, other_bits, other_characters = map(sum, zip(*units, strict=True))
    return float(bits / characters - other_bits / other_characters)


def bootstrapped(units: Sequence[Unit]) -> Change:
    """The difference of two ratios, with an interval over ``units``, of which there is at least one."""
    value = _difference(units)
    if len(units) < _LEAST:
        return Change(value, None, None)
    drawn = random.Random(0)  # noqa: S311 - a sample, not a secret
    found = [_difference(drawn.choices(units, k=len(units))) for _ in range(_SAMPLES)]
    return Change(value, quantile(found, 0.025), quantile(found, 0.975))


def places_of(run: Sequence[ScoredText], against: Sequence[ScoredText] | None) -> tuple[Place, ...]:
    """Bits by how far into its text a character stands: 0, 100, 200, 400, 800 ... characters."""
    pieces = _pieces(run, against)
    far = max((start for _, start in pieces), default=0)
    bounds = [0, *(_STEP * 2**power for power in range(12) if _STEP * 2**power <= far)]
    found: list[Place] = []
    for low, high in zip(bounds, [*bounds[1:], math.inf], strict=True):
        pairs = [pair for (_, start), pair in pieces.items() if low <= start < high]
        other = _total(theirs for _, theirs in pairs) if against is not None else None
        if pairs:
            found.append(Place(low, _total(mine for mine, _ in pairs), other))
    return tuple(found)


def growth_of(run: Sequence[ScoredText], against: Sequence[ScoredText]) -> tuple[Interval, Interval] | None:
    """The difference between the models at the beginning of texts, and far into them; `None` where no text is
    long enough.
    """
    pieces = _pieces(run, against)
    near = [pair for (_, start), pair in pieces.items() if start < _NEAR]
    far = [pair for (_, start), pair in pieces.items() if start >= _FAR]
    first, last = (bootstrapped([_unit(*pair) for pair in some]) if some else None for some in (near, far))
    if first is None or last is None or None in {first.low, first.high, last.low, last.high}:
        return None
    return (
        Interval(first.value, first.low or 0.0, first.high or 0.0),
        Interval(last.value, last.low or 0.0, last.high or 0.0),
    )


def _pieces(
    run: Sequence[ScoredText], against: Sequence[ScoredText] | None
) -> dict[tuple[str, int], tuple[Sum, Sum]]:
    """Pieces of 100 characters, by text and beginning; a token belongs to the piece in which it begins."""
    mine = {key: one for text in run for key, one in _pieces_of(text).items()}
    if against is None:
        return {key: (one, one) for key, one in mine.items()}
    theirs = {key: one for text in against for key, one in _pieces_of(text).items()}
    return {key: (one, theirs[key]) for key, one in mine.items() if key in theirs}


def _pieces_of(scored: ScoredText) -> dict[tuple[str, int], Sum]:
    found: dict[int, list[float]] = {}
    for token in scored.counted:
        found.setdefault(token.start // _STEP * _STEP, []).append(token.bits or 0.0)
    size = len(scored.text.text)
    return {
        (scored.text.id, start): Sum(1, min(_STEP, size - start), len(bits), sum(bits))
        for start, bits in found.items()
        if size - start >= _STEP // 2
    }


def agreement_of(run: Sequence[ScoredText], against: Sequence[ScoredText]) -> Agreement | None:
    """How far both would write the same, where they cut texts alike; `None` where that is nowhere, or one of
    them does not say.
    """
    others = {one.text.id: one for one in against}
    by_text: list[Unit] = []
    divergences: list[float] = []
    for one in run:
        other = others.get(one.text.id)
        if other is None or [token.text for token in one.tokens] != [token.text for token in other.tokens]:
            continue
        tops = [(mine.top, theirs.top) for mine, theirs in zip(one.counted, other.counted, strict=True)]
        known = [(mine, theirs) for mine, theirs in tops if mine and theirs]
        if known:
            same = sum(_likeliest(mine) == _likeliest(theirs) for mine, theirs in known)
            by_text.append(Unit(same, len(known), 0.0, 1))
            divergences += [divergence(theirs, mine) for mine, theirs in known]
    if not by_text:
        return None
    return Agreement(len(divergences), bootstrapped(by_text), sum(divergences) / len(divergences))


def _likeliest(top: Mapping[str, float]) -> str:
    return max(top, key=lambda name: top[name])


def divergence(base: Mapping[str, float], other: Mapping[str, float]) -> float:
    """The Kullback-Leibler divergence of ``other`` from ``base`` in bits, or less: of the tokens that
    ``base`` names and all the rest as one.

    What ``other`` does not name is less likely than what it does. The last of those may be the text's own
    token, which is named whatever its rank, so the last but one is taken.
    """
    named = sorted((math.exp(number) for number in other.values()), reverse=True)
    at_most = named[:_TOP][max(0, min(len(named), _TOP) - 2)]
    pairs = [
        (math.exp(number), math.exp(other[name]) if name in other else at_most)
        for name, number in base.items()
    ]
    rest = 1 - sum(math.exp(other[name]) for name in base.keys() & other.keys())
    pairs.append((1 - sum(one for one, _ in pairs), rest))
    least = 1e-12
    return max(0.0, sum(one * math.log2(one / max(two, least)) for one, two in pairs if one > least))


def letters_need(texts: Iterable[str]) -> float:
    """Bits per character of a reader that only knows how often each character of these texts occurs."""
    counts: dict[str, int] = {}
    for letter in "".join(texts):
        counts[letter] = counts.get(letter, 0) + 1
    total = sum(counts.values())
    return -sum(count / total * math.log2(count / total) for count in counts.values())
