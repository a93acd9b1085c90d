"""How many answers are right, for people, on a terminal."""

from collections.abc import Iterator
from typing import Final

from genfix.message import Message, text
from genfix.probe.figures import kind_name
from genfix.probe.quality.pass_rates import PassRates
from genfix.report.probe_lines import label, rate_line, wrapped
from genfix.report.probe_words import fault_of
from genfix.report.style import Style

_SHOWN: Final = 5


def quality_lines(passes: PassRates, style: Style, *, verbose: bool) -> Iterator[str]:
    """The rates by kind, and some of the wrong answers; all with ``verbose``."""
    if passes.total is None:
        yield f"    {label(text('right answers'), style)} {style.text('none could be judged')}"
        return
    yield rate_line(text("right answers"), passes.total, passes.total.value, style)
    for kind, rate in passes.kinds.items():
        yield rate_line(indented(kind), rate, rate.value, style)
    if passes.not_judged:
        count = style.text("{count} answer", "{count} answers", count=passes.not_judged)
        yield f"    {label(text('not judged'), style)} {count}"
    wrong = [one for one in passes.verdicts if one.fault is not None]
    for one in wrong if verbose else wrong[:_SHOWN]:
        yield from wrapped(
            style.text("wrong: {prompt}: {why}", prompt=one.prompt.id, why=fault_of(one)), style
        )
    if len(wrong) > _SHOWN and not verbose:
        more = style.text("{count} more with -v", "{count} more with -v", count=len(wrong) - _SHOWN)
        yield from wrapped(more, style)


def indented(kind: str) -> Message:
    """The name of a kind as part of the whole."""
    return Message("", "  {kind}", {"kind": kind_name(kind)})
