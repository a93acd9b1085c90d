"""The lines that the parts of a probe's text report are made of."""

from collections.abc import Iterable, Iterator
from typing import Final

from genfix.message import Message
from genfix.probe.statistics import Interval
from genfix.report.layout import pad, wrap
from genfix.report.probe_words import share
from genfix.report.style import Style

_BAR: Final = 24
_LABEL: Final = 22


def label(name: Message, style: Style) -> str:
    """A name in the column of names."""
    return pad(style.words(name), _LABEL)


def rate_line(name: Message, rate: Interval, good: float, style: Style) -> str:
    """A rate as a bar; ``good`` is how good it is, from 0 to 1."""
    color = "green" if good > 0.95 else "yellow" if good > 0.5 else "red"
    filled = round(rate.value * _BAR)
    bar = style.mark("█" * filled, color) + style.mark("·" * (_BAR - filled), "dim")
    return f"    {label(name, style)} {bar} {style.words(share(rate))}"


def sentences(messages: Iterable[Message], style: Style, bullet: str) -> Iterator[str]:
    """Each sentence behind a bullet."""
    for said in messages:
        yield from wrapped(style.words(said), style, bullet)


def wrapped(line: str, style: Style, bullet: str = "") -> list[str]:
    """A long line as several."""
    return wrap(line, style.room, "    " + bullet, "    " + " " * len(bullet))
