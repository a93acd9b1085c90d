"""The words of a page in one language: its own labels, and the catalogue of the findings' sentences."""

from collections.abc import Mapping
from typing import NamedTuple

from genfix.language import Language, catalogue
from genfix.message import Message
from genfix.report.html.labels import LABELS
from genfix.report.messages import words
from genfix.report.sentences import translated
from genfix.show import show

__all__ = ["Words", "words_in"]


class Words(NamedTuple):
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

    def note(self, text: str) -> str:
        """A note that was written in English."""
        return show(translated(text, Language(self.code)))

    def say(self, message: Message) -> str:
        """A sentence of the catalogue."""
        return words(message, self.catalogue)


def words_in(language: Language) -> Words:
    """The words of a page in that language."""
    return Words(language.value, LABELS[language.value], catalogue(language))
