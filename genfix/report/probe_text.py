"""A probe for people, on a terminal."""

from collections.abc import Iterable, Iterator
from typing import Final

from genfix.api.probing import ProbeReport, ProbeRun
from genfix.message import Message, text
from genfix.probe.figures import RATE_NAMES, number, percent
from genfix.probe.measuring import RATES, Spread, Summary
from genfix.probe.probe_values import Measure
from genfix.report.likelihood_text import likelihood_text
from genfix.report.probe_lines import label, rate_line, sentences, wrapped
from genfix.report.probe_words import one_line, seen_in, state, tool_calls
from genfix.report.quality_text import quality_lines
from genfix.report.style import Style
from genfix.report.tasks_report import tasks_text
from genfix.show import show

_EXAMPLES: Final = 3
_EXCERPT: Final = 160
_ANSWER: Final = 600


def probe_text(report: ProbeReport, style: Style, *, verbose: bool = False) -> str:
    """The measures, the diagnosis, the verdict on two models, and all answers with ``verbose``."""
    lines = [*_run(report.run, style, verbose=verbose)] if report.run.summary.asked else []
    if report.against is not None and lines:
        lines += ["", style.mark(style.text("against"), "dim"), *_run(report.against, style, verbose=verbose)]
    if report.verdict:
        lines += ["", style.mark(style.text("verdict"), "bold"), *sentences(report.verdict, style, "- ")]
    if report.likelihood is not None:
        lines += [""] * bool(lines) + likelihood_text(report.likelihood, style)
    if report.tasks is not None:
        lines += [""] * bool(lines) + tasks_text(report.tasks, style)
    lines += _examples(report.run, style)
    if verbose:
        lines += _answers(report, style)
    return "\n".join(lines)


def probe_counts(report: ProbeReport, style: Style) -> Iterator[str]:
    """How many prompts each model answered, and how many of the answers stopped: a line each."""
    for run in (report.run, report.against):
        if run is not None and run.summary.asked:
            rate = run.summary.stop_rate
            stopped = style.text(", {share} stopped", share=percent(rate)) if rate is not None else ""
            yield _title(run, style) + stopped


def _run(run: ProbeRun, style: Style, *, verbose: bool) -> Iterator[str]:
    yield _title(run, style)
    yield from _rates(run.summary, style)
    yield from _spreads(run.summary, style)
    yield from _counts(run.summary, style)
    if run.passes is not None:
        yield from quality_lines(run.passes, style, verbose=verbose)
    failures = [one.answer.failure for one in run.measures if one.answer.failure is not None]
    if failures:
        why = style.text("{count}: {why}", count=len(failures), why=failures[0].detail)
        yield from wrapped(f"{label(text('without an answer'), style)} {why}", style)
    yield from sentences(run.diagnosis, style, "-> ")


def _title(run: ProbeRun, style: Style) -> str:
    name = f"{run.label} {run.model}" if run.model else run.label
    line = style.text(
        "{model}: {answered} of {asked} prompts answered",
        model=f"{name} ({run.engine})" if run.engine else name,
        answered=run.summary.answered,
        asked=run.summary.asked,
    )
    return line.replace(show(name), style.mark(show(name), "bold"), 1)


def _rates(summary: Summary, style: Style) -> Iterator[str]:
    for name in RATES:
        rate = summary.rates.get(name)
        if rate is not None:
            good = rate.value if name == "stopped" else 1 - rate.value
            yield rate_line(RATE_NAMES[name], rate, good, style)


def _spreads(summary: Summary, style: Style) -> Iterator[str]:
    for name, spread, unit in (
        (text("tokens per answer"), summary.tokens, ""),
        (text("seconds per answer"), summary.seconds, ""),
        (text("to the first word"), summary.first_seconds, " s"),
        (text("tokens per second"), summary.tokens_per_second, ""),
    ):
        if spread is not None:
            yield f"    {label(name, style)} {_spread(spread, unit, style)}"


def _spread(spread: Spread, unit: str, style: Style) -> str:
    return style.text(
        "median {median}, 95 % below {p95} ({least} to {most})",
        median=number(spread.median) + unit,
        p95=number(spread.p95) + unit,
        least=number(spread.least),
        most=number(spread.most),
    )


def _counts(summary: Summary, style: Style) -> Iterator[str]:
    for name, seen in seen_in(summary):
        yield from wrapped(f"{label(name, style)} {_listed(seen, style)}", style)
    if calls := tool_calls(summary):
        yield f"    {label(text('tool calls'), style)} {_listed(calls, style)}"


def _listed(items: Iterable[Message], style: Style) -> str:
    return style.text(", ").join(map(style.words, items))


def _examples(run: ProbeRun, style: Style) -> list[str]:
    """Some of the leaks, from different prompts."""
    lines: list[str] = []
    for one in [one for one in run.measures if one.leaks][:_EXAMPLES]:
        leak = one.leaks[0]
        excerpt = one_line(leak.excerpt)[:_EXCERPT]
        lines += ["", style.mark(_headline(one, style), "dim")]
        lines += wrapped(excerpt.replace(show(leak.marker), style.mark(show(leak.marker), "red")), style)
    return lines


def _answers(report: ProbeReport, style: Style) -> list[str]:
    others = {one.prompt.id: one for one in report.against.measures} if report.against is not None else {}
    lines = ["", style.mark(style.text("answers"), "bold")]
    for one in report.run.measures:
        lines += [_headline(one, style), *wrapped(one_line(one.answer.text)[:_ANSWER], style)]
        other = others.get(one.prompt.id)
        if other is not None:
            lines.append(style.mark("  " + style.text("against: {state}", state=state(other)), "dim"))
            lines += wrapped(one_line(other.answer.text)[:_ANSWER], style)
    return lines


def _headline(one: Measure, style: Style) -> str:
    return style.text("{prompt}: {state}", prompt=one.prompt.id, state=state(one))


def progress_line(done: int, total: int, stopped: int, style: Style) -> str:
    """A progress bar of one line."""
    size = max(10, min(40, style.width - 40))
    filled = done * size // total
    return style.text(
        "[{bar}] {done}/{total} answered, {share} stopped",
        bar="#" * filled + "." * (size - filled),
        done=done,
        total=total,
        share=percent(stopped / done) if done else "0 %",
    )
