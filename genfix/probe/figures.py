"""How the numbers of a probe are written, and what its rates are called."""

from collections.abc import Mapping
from typing import Final

from genfix.message import Message, text

RATE_NAMES: Final[Mapping[str, Message]] = {
    "stopped": text("stopped by themselves"),
    "leaked": text("leaked the template"),
    "repeated": text("repeated themselves"),
    "empty": text("were empty"),
}
"""By the names of `genfix.probe.measuring.RATES`."""
_KINDS: Final[Mapping[str, Message]] = {
    "number": text("numbers"),
    "answer": text("short answers"),
    "json": text("JSON"),
    "list": text("lists"),
    "language": text("languages"),
    "contains": text("words in and out"),
    "length": text("lengths"),
    "copy": text("copied texts"),
    "tool": text("tool calls"),
    "memory": text("memory of a fact"),
    "stop": text("stops in a list"),
    "thinking": text("thinking blocks"),
}
"""By the groups of the built-in quality prompts."""


def kind_name(kind: str) -> Message | str:
    """What a kind of quality prompts is called; one of the user's own as he calls it."""
    return _KINDS.get(kind, kind)


def percent(value: float) -> str:
    """A share as a person reads it: never 100 % where one is missing, nor 0 % where one is there."""
    shown = value * 100
    return f"{_short(shown if shown in {0.0, 100.0} else min(max(shown, 0.1), 99.9))} %"


def signed(value: float) -> str:
    """A difference of shares in percentage points."""
    return f"{'+' if value > 0 else ''}{_short(value * 100)}"


def number(value: float) -> str:
    """A number without needless digits."""
    return f"{value:.0f}" if abs(value) >= 100 or value == round(value) else f"{value:.2g}"


def _short(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
