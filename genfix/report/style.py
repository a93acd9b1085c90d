"""How a reader gets a report: in which colours, columns and language."""

from typing import NamedTuple

from genfix.json_types import JsonValue
from genfix.message import Message
from genfix.report.language import Catalogue, Language, catalogue
from genfix.report.messages import words
from genfix.rules import Severity

__all__ = ["Style"]

_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "blue": "34"}
_SEVERITIES = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "blue"}


class Style(NamedTuple):
    """Marks text for a terminal; with `colour` off it changes nothing."""

    colour: bool = False
    width: int = 80
    """Columns to wrap at."""
    language: Language = Language.ENGLISH

    @property
    def room(self) -> int:
        """Columns to fill; a terminal that is narrower breaks lines itself."""
        return max(self.width, 40)

    @property
    def catalogue(self) -> Catalogue:
        """The sentences of the reader's language."""
        return catalogue(self.language)

    def words(self, message: Message) -> str:
        """The message in the reader's language."""
        return words(message, self.catalogue)

    def phrase(self, phrase_id: str, **args: JsonValue) -> str:
        """A sentence of the report itself."""
        return words(Message(phrase_id, args), self.catalogue)

    def mark(self, text: str, *names: str) -> str:
        """``text`` in the named colours or weights."""
        if not self.colour or not text:
            return text
        return f"\x1b[{';'.join(_CODES[name] for name in names)}m{text}\x1b[0m"

    def severity(self, severity: Severity, text: str) -> str:
        """``text`` in the colour of a severity."""
        return self.mark(text, "bold", _SEVERITIES[severity])
