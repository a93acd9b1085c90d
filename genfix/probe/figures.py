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
