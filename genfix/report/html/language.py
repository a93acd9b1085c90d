"""The words of a page in one language: its own labels, and the catalogue of the findings' sentences."""

from collections.abc import Mapping
from typing import NamedTuple

from genfix.message import Message
from genfix.report.html.labels import LABELS
from genfix.report.messages import ENGLISH, words

__all__ = ["Language", "language"]


class Language(NamedTuple):
    """What a page is written in."""

    code: str
    """For the ``lang`` attribute."""
    labels: Mapping[str, str]
    catalogue: Mapping[str, str]

    def label(self, key: str, **values: str | int) -> str:
        """One of the page's own words or sentences."""
        return self.labels[key].format_map(values)

    def counted(self, key: str, number: int) -> str:
        """A number of things: ``files-one`` and ``files-many`` are the two forms of ``files``."""
        return self.label(f"{key}-{'one' if number == 1 else 'many'}", number=number)

    def say(self, message: Message) -> str:
        """A sentence of the catalogue."""
        return words(message, self.catalogue)


def language(code: str = "en") -> Language:
    """The language of that code; its sentences are English where there is no other catalogue yet."""
    return Language(code, LABELS[code], ENGLISH)
