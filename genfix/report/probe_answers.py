"""The answers of a probe as its page shows them: side by side, with what is wrong in them set apart."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from genfix.message import text
from genfix.probe.probe_values import Measure
from genfix.probe.quality.answer_verdict import Verdict
from genfix.report.probe_words import one_line, state
from genfix.report.style import Style
from genfix.show import show

_LONGEST: Final = 4000
_LONGEST_QUESTION: Final = 400


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of text; ``leak`` where it is a marker."""

    text: str
    leak: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """One answer as the page shows it."""

    state: str
    pieces: tuple[Piece, ...]
    cut: int
    """Characters that are left out."""
    good: bool
    tokens: int | None


@dataclass(frozen=True, slots=True)
class Row:
    """One prompt and its answers."""

    id: str
    question: str
    run: Shown
    against: Shown | None


Verdicts = Mapping[str, Verdict]
"""By the prompts' ids."""


def answer_rows(
    run: Iterable[Measure], against: Iterable[Measure], verdicts: tuple[Verdicts, Verdicts], style: Style
) -> Iterator[Row]:
    """A row per prompt; ``verdicts`` are of this model and of the one it is compared with."""
    others = {one.prompt.id: one for one in against}
    for one in run:
        other = others.get(one.prompt.id)
        last = one.prompt.messages[-1].get("content")
        yield Row(
            show(one.prompt.id),
            show(last)[:_LONGEST_QUESTION] if isinstance(last, str) else "",
            _shown(one, verdicts[0].get(one.prompt.id), style),
            _shown(other, verdicts[1].get(one.prompt.id), style) if other is not None else None,
        )


def _shown(one: Measure, verdict: Verdict | None, style: Style) -> Shown:
    written = one.answer.text
    said = state(one)
    if verdict is not None:
        right = text("right") if verdict.fault is None else text("wrong: {why}", why=verdict.fault.why)
        said = text("{said}, {more}", said=said, more=right)
    wrong = verdict.fault.where if verdict is not None and verdict.fault is not None else ""
    return Shown(
        state=style.words(said),
        pieces=tuple(_pieces(one, written[:_LONGEST], wrong)),
        cut=max(0, len(written) - _LONGEST),
        good=one.answered
        and one.stopped
        and not (one.leaks or one.loop or one.empty)
        and (verdict is None or verdict.passed),
        tokens=one.answer.tokens,
    )


def _pieces(one: Measure, written: str, wrong: str) -> Iterator[Piece]:
    """The text with its leaked markers set apart, or else what is wrong in it."""
    marks = [(leak.marker, leak.at) for leak in one.leaks]
    if not marks and wrong:
        marks = [(wrong, max(0, written.casefold().rfind(wrong.casefold())))]
    place = 0
    for marker, at in marks:
        start = written.casefold().find(marker.casefold(), max(place, at))
        if start < 0:
            continue
        yield Piece(one_line(written[place:start], "\n"), leak=False)
        place = start + len(marker)
        yield Piece(show(written[start:place]), leak=True)
    yield Piece(one_line(written[place:], "\n"), leak=False)
    calls = "".join(f"\n[{show(call.name)}({show(call.arguments)})]" for call in one.answer.tool_calls)
    if calls:
        yield Piece(calls[:_LONGEST], leak=False)
