"""Colour, or none."""

from typing import NamedTuple

from genfix.rules import Severity

__all__ = ["Style"]

_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "blue": "34"}
_SEVERITIES = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "blue"}


class Style(NamedTuple):
    """Marks text for a terminal; with `colour` off it changes nothing."""

    colour: bool = False
    width: int = 80
    """Columns to wrap at."""

    def mark(self, text: str, *names: str) -> str:
        """``text`` in the named colours or weights."""
        if not self.colour or not text:
            return text
        return f"\x1b[{';'.join(_CODES[name] for name in names)}m{text}\x1b[0m"

    def severity(self, severity: Severity, text: str) -> str:
        """``text`` in the colour of a severity."""
        return self.mark(text, "bold", _SEVERITIES[severity])
