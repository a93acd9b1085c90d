"""How likely texts are, as a part of the page of a probe."""

from dataclasses import dataclass

from genfix.api.likelihood import LikelihoodReport
from genfix.message import Message, text
from genfix.report.likelihood_text import GROUP_NAMES, change_of, handled
from genfix.report.style import Style


@dataclass(frozen=True, slots=True)
class LikelihoodRow:
    """One line of a table, with bars; their lengths are in percent of the longest."""

    name: Message
    texts: int
    run: str
    run_length: float
    against: str
    """Empty where one model was asked."""
    against_length: float
    change: str


@dataclass(frozen=True, slots=True)
class LikelihoodPart:
    """All that the page shows of it."""

    sentences: tuple[str, ...]
    groups: tuple[LikelihoodRow, ...]
    places: tuple[LikelihoodRow, ...]
    """By distance from the beginning of a text."""
    texts: str | Message
    compared: bool


def likelihood_part(report: LikelihoodReport, style: Style) -> LikelihoodPart:
    """The part."""
    sums = [(one.run, one.against) for one in report.groups]
    sums += [(one.run, one.against) for one in report.places]
    most = max((one.per_character for pair in sums for one in pair if one is not None), default=1.0)
    groups = tuple(
        LikelihoodRow(
            GROUP_NAMES[group.name],
            group.run.texts,
            f"{group.run.per_character:.3f}",
            _length(group.run.per_character, most),
            "" if group.against is None else f"{group.against.per_character:.3f}",
            0.0 if group.against is None else _length(group.against.per_character, most),
            "" if group.change is None else style.words(change_of(group.change)),
        )
        for group in report.groups
    )
    places = tuple(
        LikelihoodRow(
            text("from character {start}", start=place.start),
            place.run.texts,
            f"{place.run.per_character:.3f}",
            _length(place.run.per_character, most),
            "" if place.against is None else f"{place.against.per_character:.3f}",
            0.0 if place.against is None else _length(place.against.per_character, most),
            "" if place.against is None else f"{place.run.per_character - place.against.per_character:+.3f}",
        )
        for place in report.places
    )
    said = map(style.words, (*report.verdict, *handled(report)))
    sentences = tuple(style.text("{sentence}.", sentence=words[:1].upper() + words[1:]) for words in said)
    return LikelihoodPart(sentences, groups, places, report.texts, report.against is not None)


def _length(value: float, most: float) -> float:
    return round(value / most * 100, 2) if most else 0.0
