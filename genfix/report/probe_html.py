"""A probe as one HTML page: self-contained, without script, and closed to everything from outside.

What a model or a server wrote is shown as text: control and bidirectional characters by `show`, the rest by Jinja's
escaping; the page's policy allows its own style and nothing else.
"""

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

import jinja2

from genfix.api.probing import ProbeReport, ProbeRun
from genfix.probe.values import Measure
from genfix.report.probe_plots import histogram, rate_rows
from genfix.report.probe_words import number, percent, probe_words, state
from genfix.show import show

__all__ = ["probe_html"]

_EXAMPLES: Final = 8
_LONGEST: Final = 4000


@dataclass(frozen=True, slots=True)
class _Piece:
    """A run of text; ``leak`` where it is a marker."""

    text: str
    leak: bool


@dataclass(frozen=True, slots=True)
class _Shown:
    """One answer as the page shows it."""

    state: str
    pieces: tuple[_Piece, ...]
    cut: int
    """Characters that are left out."""
    good: bool
    tokens: str


@dataclass(frozen=True, slots=True)
class _Row:
    """One prompt and its answers."""

    id: str
    question: str
    run: _Shown
    against: _Shown | None


def probe_html(report: ProbeReport) -> str:
    """The page."""
    style = _read("probe.css")
    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    rows = list(_rows(report))
    against = report.against
    return environment.from_string(_read("probe.html.jinja")).render(
        style=style,
        policy=f"default-src 'none'; style-src 'sha256-{_digest(style)}'; base-uri 'none'; form-action 'none'",
        title=_title(report.run),
        run=_facts(report.run),
        against=_facts(against) if against is not None else None,
        diagnosis=[probe_words(told) for told in report.run.diagnosis],
        verdict=[probe_words(told) for told in report.verdict],
        rates=rate_rows(report.run.summary.rates, against.summary.rates if against is not None else None),
        lengths=histogram(
            report.run.measures, against.measures if against is not None else (), report.limits.max_tokens
        ),
        limit=report.limits.max_tokens,
        leaks=[row for row in rows if any(piece.leak for piece in row.run.pieces)][:_EXAMPLES],
        rows=rows,
        prompts=show(report.prompts),
        interrupted=report.interrupted,
    )


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _read(name: str) -> str:
    return (files("genfix.report") / "probe_page" / name).read_text("utf-8")


def _title(run: ProbeRun) -> str:
    stopped = run.summary.rates.get("stopped")
    if stopped is None:
        return "No prompt was answered"
    count = round(stopped.value * run.summary.answered)
    if count == run.summary.answered:
        return f"All {count} answers stopped by themselves"
    return f"{count or 'None'} of {run.summary.answered} answers stopped by themselves"


def _facts(run: ProbeRun) -> dict[str, str]:
    summary = run.summary
    facts = {"target": show(run.label), "answered": f"{summary.answered} of {summary.asked}"}
    if run.model:
        facts["model"] = show(run.model)
    if run.engine:
        facts["engine"] = show(run.engine)
    if summary.tokens is not None:
        facts["tokens per answer"] = (
            f"median {number(summary.tokens.median)}, at most {number(summary.tokens.most)}"
        )
    if summary.seconds is not None:
        facts["seconds per answer"] = (
            f"median {number(summary.seconds.median)}, 95 % below {number(summary.seconds.p95)}"
        )
    if summary.tokens_per_second is not None:
        facts["tokens per second"] = f"median {number(summary.tokens_per_second.median)}"
    for label, counts in (("turn ends seen", summary.turn_ends), ("leaked", summary.leaked_markers)):
        if counts:
            facts[label] = ", ".join(f"{show(token)} in {count}" for token, count in list(counts.items())[:6])
    if summary.tools:
        facts["tool calls"] = ", ".join(f"{count} {verdict}" for verdict, count in summary.tools.items())
    if summary.failed:
        facts["failed"] = f"{summary.failed} ({percent(summary.failed / summary.asked)})"
    return facts


def _rows(report: ProbeReport) -> Iterator[_Row]:
    others = {one.prompt.id: one for one in report.against.measures} if report.against is not None else {}
    for one in report.run.measures:
        other = others.get(one.prompt.id)
        last = one.prompt.messages[-1].get("content")
        yield _Row(
            show(one.prompt.id),
            show(last)[:400] if isinstance(last, str) else "",
            _shown(one),
            _shown(other) if other is not None else None,
        )


def _shown(one: Measure) -> _Shown:
    good = one.answered and one.stopped and not (one.leaks or one.loop or one.empty)
    text = one.answer.text
    tokens = f"{one.answer.tokens} tokens" if one.answer.tokens is not None else ""
    return _Shown(
        state(one), tuple(_pieces(one, text[:_LONGEST])), max(0, len(text) - _LONGEST), good, tokens
    )


def _pieces(one: Measure, text: str) -> Iterator[_Piece]:
    """The text with its leaked markers told apart."""
    place = 0
    for leak in one.leaks:
        start = text.find(leak.marker, max(place, leak.at))
        if start < 0:
            continue
        yield _Piece(_lines(text[place:start]), leak=False)
        place = start + len(leak.marker)
        yield _Piece(show(leak.marker), leak=True)
    yield _Piece(_lines(text[place:]), leak=False)
    calls = "".join(f"\n[{show(call.name)}({show(call.arguments)})]" for call in one.answer.tool_calls)
    if calls:
        yield _Piece(calls[:_LONGEST], leak=False)


def _lines(text: str) -> str:
    """Text on lines of its own, all else that hides made visible."""
    return "\n".join(show(line) for line in text.split("\n"))
