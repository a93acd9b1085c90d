"""A probe for people, on a terminal."""

from collections.abc import Iterator
from typing import Final

from genfix.api.probing import ProbeReport, ProbeRun
from genfix.language import Language
from genfix.probe.measuring import RATES, Spread
from genfix.report.layout import pad, wrap
from genfix.report.probe_words import RATE_NAMES, number, percent, probe_words, said, share, state
from genfix.report.style import Style
from genfix.show import show

__all__ = ["probe_text", "progress_line"]

_BAR: Final = 24
_EXAMPLES: Final = 3
_EXCERPT: Final = 160


def probe_text(report: ProbeReport, style: Style, *, verbose: bool = False) -> str:
    """The measures, the diagnosis and, where two models were asked, the verdict; all answers with ``verbose``."""
    lines = [*_run(report.run, style)]
    if report.against is not None:
        lines += ["", style.mark(said("against", style.language), "dim"), *_run(report.against, style)]
    if report.verdict:
        lines += ["", style.mark(said("verdict", style.language), "bold")]
        lines += [
            line
            for told in report.verdict
            for line in _wrapped(probe_words(told, style.language), style, "- ")
        ]
    lines += _examples(report.run, style)
    if verbose:
        lines += _answers(report, style)
    return "\n".join(lines)


def _run(run: ProbeRun, style: Style) -> Iterator[str]:
    summary, language = run.summary, style.language
    model = f" {show(run.model)}" if run.model else ""
    engine = f" ({show(run.engine)})" if run.engine else ""
    name = style.mark(show(run.label) + model, "bold") + engine
    yield said("{}: {} of {} prompts answered", language, name, summary.answered, summary.asked)
    for name in RATES:
        rate = summary.rates.get(name)
        if rate is not None:
            good = rate.value if name == "stopped" else 1 - rate.value
            color = "green" if good > 0.95 else "yellow" if good > 0.5 else "red"
            filled = round(rate.value * _BAR)
            bar = style.mark("█" * filled, color) + style.mark("·" * (_BAR - filled), "dim")
            yield f"    {_label(RATE_NAMES[name], style)} {bar} {share(rate, language)}"
    for label, spread, unit in (
        ("tokens per answer", summary.tokens, ""),
        ("seconds per answer", summary.seconds, ""),
        ("to the first word", summary.first_seconds, "s"),
        ("tokens per second", summary.tokens_per_second, ""),
    ):
        if spread is not None:
            yield f"    {_label(label, style)} {_spread(spread, unit, language)}"
    for label, counts in (("turn ends seen", summary.turn_ends), ("leaked", summary.leaked_markers)):
        if counts:
            shown = said(", ", language).join(
                said("{} in {}", language, show(token), count) for token, count in list(counts.items())[:6]
            )
            yield from _wrapped(f"{_label(label, style)} {shown}", style, "")
    if summary.tools:
        shown = ", ".join(f"{count} {verdict}" for verdict, count in summary.tools.items())
        yield f"    {_label('tool calls', style)} {shown}"
    left_out = [one.answer.failure.detail for one in run.measures if one.answer.failure is not None]
    if left_out:
        yield from _wrapped(
            f"{_label('without an answer', style)} {len(left_out)}: {show(left_out[0])}", style, ""
        )
    for told in run.diagnosis:
        yield from _wrapped(probe_words(told, style.language), style, "-> ")


def _label(text: str, style: Style) -> str:
    return pad(said(text, style.language), 22)


def _spread(spread: Spread, unit: str, language: Language) -> str:
    unit = f" {unit}" if unit else ""
    median, below = f"{number(spread.median)}{unit}", f"{number(spread.p95)}{unit}"
    least, most = number(spread.least), number(spread.most)
    return said("median {}, 95 % below {} ({} to {})", language, median, below, least, most)


def _examples(run: ProbeRun, style: Style) -> list[str]:
    """Some of the leaks, from different prompts."""
    leaking = [one for one in run.measures if one.leaks][:_EXAMPLES]
    lines: list[str] = []
    for one in leaking:
        leak = one.leaks[0]
        text = _one_line(leak.excerpt)[:_EXCERPT]
        lines += ["", style.mark(f"{show(one.prompt.id)}: {state(one, style.language)}", "dim")]
        lines += _wrapped(text.replace(show(leak.marker), style.mark(show(leak.marker), "red")), style, "")
    return lines


def _answers(report: ProbeReport, style: Style) -> list[str]:
    others = {one.prompt.id: one for one in report.against.measures} if report.against is not None else {}
    against = said("{}: {}", style.language, said("against", style.language), "")
    lines = ["", style.mark(said("answers", style.language), "bold")]
    for one in report.run.measures:
        lines.append(f"{show(one.prompt.id)}: {state(one, style.language)}")
        lines += _wrapped(_one_line(one.answer.text)[:600], style, "")
        other = others.get(one.prompt.id)
        if other is not None:
            lines.append(style.mark(f"  {against}{state(other, style.language)}", "dim"))
            lines += _wrapped(_one_line(other.answer.text)[:600], style, "")
    return lines


def _one_line(text: str) -> str:
    return r"\n".join(show(line) for line in text.split("\n"))


def _wrapped(text: str, style: Style, bullet: str) -> list[str]:
    return wrap(text, style.room, "    " + bullet, "    " + " " * len(bullet))


def progress_line(done: int, total: int, stopped: int, width: int, language: Language) -> str:
    """A progress bar of one line."""
    size = max(10, min(40, width - 40))
    filled = done * size // total
    bar, share_stopped = "#" * filled + "." * (size - filled), percent(stopped / done) if done else "0 %"
    return said("[{}] {}/{} answered, {} stopped", language, bar, done, total, share_stopped)
