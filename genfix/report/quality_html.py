"""How many answers are right, as a part of a probe's page."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from genfix.api.probing import ProbeReport
from genfix.message import Message, text
from genfix.probe.figures import kind_name
from genfix.probe.quality.answer_verdict import Verdict
from genfix.probe.quality.pass_rates import PassRates
from genfix.probe.statistics import Interval
from genfix.report.probe_answers import Row
from genfix.report.probe_plots import RateRow, rate_bar


@dataclass(frozen=True, slots=True)
class QualityPart:
    """What the page shows of right and wrong answers."""

    rates: tuple[RateRow, ...]
    """Of all, then by kind; before and after."""
    changed: tuple[Row, ...]
    """Right before and wrong now, then the other way."""
    wrong: tuple[Row, ...]
    """Wrong, and not among those."""
    right: tuple[Row, ...]
    """All others: right, or not judged."""


def by_prompt(passes: PassRates | None) -> dict[str, Verdict]:
    """The verdicts by the prompts' ids."""
    return {one.prompt.id: one for one in passes.verdicts} if passes is not None else {}


def passes_said(passes: PassRates | None) -> Iterator[Message]:
    """How many answers are right, as a sentence."""
    if passes is not None:
        yield text(
            "{passed} of {judged} answers are right", passed=passes.passed, judged=len(passes.verdicts)
        )


def quality_part(report: ProbeReport, rows: Sequence[Row]) -> QualityPart | None:
    """The part; ``rows`` are those of prompts with a check."""
    run, against = report.run.passes, report.against.passes if report.against is not None else None
    if run is None:
        return None
    now = {name: one.passed for name, one in by_prompt(run).items()}
    before = {name: one.passed for name, one in by_prompt(against).items()}
    lost = [row for row in rows if now.get(row.id) is False and before.get(row.id) is True]
    gained = [row for row in rows if now.get(row.id) is True and before.get(row.id) is False]
    changed = {row.id for row in (*lost, *gained)}
    rest = [row for row in rows if row.id not in changed]
    return QualityPart(
        tuple(_rates(run, against)),
        (*lost, *gained),
        tuple(row for row in rest if now.get(row.id) is False),
        tuple(row for row in rest if now.get(row.id) is not False),
    )


def _rates(run: PassRates, against: PassRates | None) -> Iterator[RateRow]:
    models = [("run", run)] if against is None else [("against", against), ("run", run)]
    yield _row(text("right answers"), [(series, one.total) for series, one in models])
    for kind in run.kinds:
        name = kind_name(kind)
        shown = name if isinstance(name, Message) else Message("", "{kind}", {"kind": name})
        yield _row(shown, [(series, one.kinds.get(kind)) for series, one in models])


def _row(name: Message, rates: Sequence[tuple[str, Interval | None]]) -> RateRow:
    return RateRow(name, tuple(rate_bar(series, rate) for series, rate in rates if rate is not None))
