"""A probe as one HTML page: whole without its script, and closed to everything from outside.

What a model or a server wrote is shown as text: control and bidirectional characters by `show`, the rest by
Jinja's escaping; the page's policy allows its own style and script and nothing else.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from genfix.api.probing import ProbeReport, ProbeRun
from genfix.language import Language
from genfix.message import Message, text
from genfix.probe.figures import number, percent
from genfix.report.html.page import render_page
from genfix.report.likelihood_part import LikelihoodPart, likelihood_part
from genfix.report.probe_answers import Row, answer_rows
from genfix.report.probe_plots import Histogram, RateRow, histogram, rate_rows
from genfix.report.probe_words import seen_in, tool_calls
from genfix.report.quality_html import QualityPart, by_prompt, passes_said, quality_part
from genfix.report.style import Style
from genfix.report.tasks_report import task_rows
from genfix.show import show

_EXAMPLES: Final = 8
_GOOD: Final = 0.9
"""The share of answers that stop, from which on the verdict is good."""


_Facts = tuple[tuple[str, str], ...]
"""Labels and values."""


@dataclass(frozen=True, slots=True)
class _Page:
    """All that the page shows."""

    verdict: str
    tone: str
    """``good`` or ``bad``."""
    diagnosis: tuple[str, ...]
    comparison: tuple[str, ...]
    run: _Facts
    against: _Facts
    """Empty where one model was asked."""
    rates: tuple[RateRow, ...]
    lengths: Histogram | None
    limit: int
    leaks: tuple[Row, ...]
    rows: tuple[Row, ...]
    """Of prompts without a check."""
    quality: QualityPart | None
    notes: tuple[str, ...]
    prompts: str | Message
    interrupted: bool
    likelihood: LikelihoodPart | None
    """How likely texts are."""
    tasks: tuple[Message, ...]
    """What tasks of lm-evaluation-harness gave."""


def probe_html(report: ProbeReport, lang: Language = Language.ENGLISH, *, is_part: bool = False) -> str:
    """The page, or a part of one."""
    style = Style(language=lang)
    run, against, limit = report.run, report.against, report.limits.max_tokens
    others = against.measures if against is not None else ()
    verdicts = by_prompt(run.passes), by_prompt(against.passes if against is not None else None)
    rows = tuple(answer_rows(run.measures, others, verdicts, style))
    checked = {one.prompt.id for one in run.measures if one.prompt.check is not None}
    page = _Page(
        verdict=style.words(_verdict(run)),
        tone="good" if (run.summary.stop_rate or 0) >= _GOOD or not run.summary.asked else "bad",
        diagnosis=_sentences((*passes_said(run.passes), *run.diagnosis), style),
        comparison=_sentences(report.verdict, style),
        run=tuple(_facts(run, style)),
        against=tuple(_facts(against, style)) if against is not None else (),
        rates=rate_rows(run.summary.rates, against.summary.rates if against is not None else None),
        lengths=histogram(run.measures, against.measures if against is not None else (), limit),
        limit=limit,
        leaks=tuple(row for row in rows if any(piece.leak for piece in row.run.pieces))[:_EXAMPLES],
        rows=tuple(row for row in rows if row.id not in checked),
        quality=quality_part(report, tuple(row for row in rows if row.id in checked)),
        notes=_sentences(report.notes, style),
        prompts=report.prompts,
        interrupted=report.interrupted,
        likelihood=likelihood_part(report.likelihood, style) if report.likelihood is not None else None,
        tasks=tuple(task_rows(report.tasks)) if report.tasks is not None else (),
    )
    return render_page("probe", lang, page, is_part=is_part)


def _verdict(run: ProbeRun) -> Message:
    total, rate = run.summary.answered, run.summary.stop_rate
    if rate is None:
        return text("No prompt was answered") if run.summary.asked else text("No prompts were put to it")
    count = round(rate * total)
    if count == total:
        return text("All {total} answers stopped by themselves", total=total)
    if count == 0:
        return text("None of {total} answers stopped by themselves", total=total)
    return text("{count} of {total} answers stopped by themselves", count=count, total=total)


def _sentences(messages: Iterable[Message], style: Style) -> tuple[str, ...]:
    said = map(style.words, messages)
    return tuple(style.text("{sentence}.", sentence=words[:1].upper() + words[1:]) for words in said)


def _facts(run: ProbeRun, style: Style) -> Iterator[tuple[str, str]]:
    summary = run.summary
    yield style.text("target"), show(run.label)
    yield (
        style.text("answered"),
        style.text("{answered} of {asked}", answered=summary.answered, asked=summary.asked),
    )
    if run.model:
        yield style.text("model"), show(run.model)
    if run.engine:
        yield style.text("engine"), show(run.engine)
    yield from _spreads(run, style)
    listed = [*seen_in(summary), (text("tool calls"), tool_calls(summary))]
    for label, items in listed:
        if items:
            yield style.words(label), style.text(", ").join(map(style.words, items))
    if summary.failed:
        share = percent(summary.failed / summary.asked)
        yield style.text("failed"), style.text("{count} ({share})", count=summary.failed, share=share)


def _spreads(run: ProbeRun, style: Style) -> Iterator[tuple[str, str]]:
    tokens, seconds, speed = run.summary.tokens, run.summary.seconds, run.summary.tokens_per_second
    if tokens is not None:
        median, most = number(tokens.median), number(tokens.most)
        value = style.text("median {median}, at most {most}", median=median, most=most)
        yield style.text("tokens per answer"), value
    if seconds is not None:
        median, p95 = number(seconds.median), number(seconds.p95)
        value = style.text("median {median}, 95 % below {p95}", median=median, p95=p95)
        yield style.text("seconds per answer"), value
    if speed is not None:
        yield style.text("tokens per second"), style.text("median {median}", median=number(speed.median))
