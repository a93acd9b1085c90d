"""How a reader gets a report: in which colors, columns and language."""

from typing import Final, NamedTuple

from genfix.language import Language, say_in
from genfix.message import Arg, Message
from genfix.rules import Severity

_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "blue": "34"}
_SEVERITIES = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "blue"}


COLORS: Final = {"+": "green", "-": "red", "~": "yellow"}
"""Of what comes, goes and changes."""


class Style(NamedTuple):
    """Marks text for a terminal; with `color` off it changes nothing."""

    color: bool = False
    width: int = 80
    """Columns to wrap at."""
    language: Language = Language.ENGLISH

    @property
    def room(self) -> int:
        """Columns to fill; a terminal that is narrower breaks lines itself."""
        return max(self.width, 40)

    def words(self, said: Message) -> str:
        """The message in the reader's language."""
        return say_in(self.language, said)

    def text(self, template: str, many: str = "", /, **args: Arg) -> str:
        """A sentence of the report itself, in the reader's language."""
        return self.words(Message("", template, args, many))

    def mark(self, text: str, *names: str) -> str:
        """``text`` in the named colors or weights."""
        if not self.color or not text:
            return text
        return f"\x1b[{';'.join(_CODES[name] for name in names)}m{text}\x1b[0m"

    def severity(self, severity: Severity, text: str) -> str:
        """``text`` in the color of a severity."""
        return self.mark(text, "bold", _SEVERITIES[severity])
