"""Checkers of one fact: a number, a word, words that have to be there or must not."""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal, NamedTuple

from genfix.message import text
from genfix.probe.figures import number
from genfix.probe.quality.final_number import Number, final_number, unit_of
from genfix.probe.quality.given import Fault, Given
from genfix.probe.quality.plain_text import (
    ASIDE,
    after_marker,
    bold,
    folded,
    plain,
    sentences,
    without_offers,
)

_NEAR: Final = 1e-9
_DENIED: Final = re.compile(
    r"(?:\bnot|n't|\bnever|\bno longer|不是|并非|不叫|而非)\s*(?:(?:the|a|an|it's|is|called)\s+)?[\"'“‘《]?$",
    re.IGNORECASE,
)
_CLAUSE: Final = re.compile(r"[,;.!。]|\b(?:and|while|but)\b|而")
_ENDS: Final = re.compile(r"\W*?(?:[.!\n。]|$)")
"""Behind a word that is an answer of its own."""
_NEUTRAL: Final = re.compile(r"是否|是不是|对不对|yes or no|true or false", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class NumberCheck:
    """The answer gives this number, in figures or words, of either language."""

    kind: Literal["number"]
    value: float
    unit: tuple[str, ...] = ()
    """Units it may have; empty: any. No unit is right as well."""

    def fault(self, given: Given) -> Fault | None:
        """As `Check.fault`."""
        found = final_number(given.text, given.asked, self.unit)
        if found is None:
            return Fault(text("no single number is given"))
        if abs(found.value - self.value) > _NEAR * max(1.0, abs(self.value)):
            why = text("the number is {found}, not {wanted}", found=shown(found), wanted=_written(self.value))
            return Fault(why, found.written)
        unit = unit_of(without_offers(plain(given.text)), found)
        if self.unit and unit and unit not in self.unit:
            return Fault(text("the unit is {found}", found=unit), unit)
        return None


def shown(found: Number) -> str:
    """A number as the answer has it, with its value where it is in words."""
    return found.written if found.written[:1].isdigit() else f"{found.written} ({_written(found.value)})"


def _written(value: float) -> str:
    return str(int(value)) if math.isfinite(value) and value == int(value) else number(value)


class _Found(NamedTuple):
    start: int
    word: str
    right: bool


@dataclass(frozen=True, slots=True)
class AnswerCheck:
    """The answer is one of some words, and none of those that would be wrong."""

    kind: Literal["answer"]
    right: tuple[str, ...]
    wrong: tuple[str, ...] = ()
    about: tuple[str, ...] = ()
    """Words for what was asked, where the answer may speak of something else as well."""

    def fault(self, given: Given) -> Fault | None:
        """As `Check.fault`."""
        words = folded(given.text)
        found = self._found(ASIDE.sub(" ", words)) or self._found(words)
        if not any(one.right for one in found):
            wrong = next((one.word for one in found), "")
            return Fault(text("the answer is not {wanted}", wanted=self.right[0]), wrong)
        last = self._decided(given.text, ASIDE.sub(" ", words), found)
        if last is None:
            return Fault(text("the answer is not decided"))
        if not last.right:
            return Fault(text("the answer is not {wanted}", wanted=self.right[0]), last.word)
        return None

    def _found(self, words: str) -> list[_Found]:
        words = _NEUTRAL.sub(lambda found: "\0" * len(found[0]), words)
        known = {folded(word): True for word in self.right} | {folded(word): False for word in self.wrong}
        return [
            _Found(start, word, known[word])
            for start, word in occurrences(words, [*known])
            if not _DENIED.search(words[max(0, start - 24) : start])
        ]

    def _decided(self, written: str, words: str, found: Sequence[_Found]) -> _Found | None:
        """The word that is the answer; `None` where right and wrong ones stand side by side."""
        readings = (one for one in self._readings(written, words, found) if _is_of_one_mind(one))
        return next(readings, [None])[0]

    def _readings(self, written: str, words: str, found: Sequence[_Found]) -> Iterator[Sequence[_Found]]:
        """What may be the answer, the surest first: all that is there, what is announced, a first sentence
        of one word, the clause about what was asked, the first word, what is in bold, the last sentence, the
        first clause, and the last.
        """
        yield found
        announced = after_marker(plain(written))
        yield self._found(folded(announced))[:1] if announced is not None else ()
        first = found[:1] if not re.search(r"\w", words[: found[0].start]) else ()
        yield first if _ENDS.match(words, found[0].start + len(found[0].word)) else ()
        clauses = [part for part in _CLAUSE.split(words) if any(word in part for word in self.about)]
        yield [one for part in clauses for one in self._found(part)]
        if _are_alternatives(words, found):
            return
        yield first
        yield [one for part in bold(written) for one in self._found(folded(part))]
        parts = sentences(plain(written))
        yield self._found(folded(parts[-1]))
        yield self._found(folded(re.split("[,;]", parts[0])[0]))
        yield self._found(folded(re.split("[,;]", parts[-1])[-1]))


def _is_of_one_mind(found: Sequence[_Found]) -> bool:
    return len({one.right for one in found}) == 1


def _are_alternatives(words: str, found: Sequence[_Found]) -> bool:
    """Whether right and wrong are offered side by side: ``Rome or Milan``."""
    return any(
        one.right != other.right
        and re.fullmatch(r"\W*(?:or|或者?|还是|/)\W*", words[one.start + len(one.word) : other.start])
        for one, other in pairwise(found)
    )


def occurrences(words: str, known: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Where some words stand in a folded text: whole ones, the longest first; Chinese has no borders."""
    if not known:
        return
    one_of = "|".join(map(_bounded, sorted(known, key=len, reverse=True)))
    for found in re.finditer(one_of, words):
        yield found.start(), found[0]


def _bounded(word: str) -> str:
    before = r"(?<![a-z0-9])" if word[:1].isascii() and word[:1].isalnum() else ""
    after = r"(?![a-z0-9])" if word[-1:].isascii() and word[-1:].isalnum() else ""
    return f"{before}{re.escape(word)}{after}"


@dataclass(frozen=True, slots=True)
class ContainsCheck:
    """Some words are in the answer and some are not."""

    kind: Literal["contains"]
    all: tuple[tuple[str, ...], ...] = ()
    """Of each group one word has to be there."""
    none: tuple[str, ...] = ()

    def fault(self, given: Given) -> Fault | None:
        """As `Check.fault`."""
        words = folded(given.text)
        for group in self.all:
            if not any(_has(words, word) for word in group):
                return Fault(text("{word} is not in the answer", word=group[0]))
        unwanted = next((word for word in self.none if _has(words, word)), None)
        if unwanted is not None:
            return Fault(text("{word} is in the answer", word=unwanted), unwanted)
        return None if re.search(r"\w", words) else Fault(text("the answer is empty"))


def _has(words: str, word: str) -> bool:
    """Whether a word is there, or its English plural."""
    bare = folded(word)
    return next(occurrences(words, [bare, f"{bare}s", f"{bare}es", f"{bare}'s"]), None) is not None


@dataclass(frozen=True, slots=True)
class SequenceCheck:
    """Words in an order, and nothing of what would come behind them: a list that ends where it was to."""

    kind: Literal["sequence"]
    items: tuple[tuple[str, ...], ...]
    """In order; of each group one word."""
    beyond: tuple[str, ...]
    """What the list must not go on with."""

    def fault(self, given: Given) -> Fault | None:
        """As `Check.fault`."""
        words, place = "\n".join(map(folded, plain(given.text).split("\n"))), 0
        for group in self.items:
            bare = [folded(word) for word in group]
            found = next(((at, word) for at, word in occurrences(words[place:], bare)), None)
            if found is None:
                return Fault(text("{word} is missing in the list", word=group[0]))
            place += found[0] + len(found[1])
        rest, in_a_row, last = words[place:], 0, 0
        for at, word in occurrences(rest, [folded(word) for word in self.beyond]):
            in_a_row = in_a_row + 1 if in_a_row and not _prose(rest[last:at]) else 1
            last = at + len(word)
            if in_a_row >= _A_LIST:
                return Fault(text("the list goes on with {word}", word=word), word)
            line = rest[rest.rfind("\n", 0, at) + 1 :].partition("\n")[0]
            if not _prose(rest[:at]) or ("\n" in rest[:at] and not _prose(line.replace(word, ""))):
                return Fault(text("the list goes on with {word}", word=word), word)
        return None


_A_LIST: Final = 3
"""So many words in a row go on with a list, whatever is said before them."""


def _prose(between: str) -> str:
    """What is more than the marks and little words of a list."""
    return re.sub(r"\b(?:and|then|finally)\b|[\W\d_]|和|然后|接着|以及", "", between)
