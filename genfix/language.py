"""The languages that genfix speaks, and its sentences in them: gettext catalogues, compiled when genfix is
built.

The English stands in the code and the Chinese in ``locale/zh_CN.po``. What is kept outside, such as a plan
file, has a sentence's id only: ``locale/ids.mo`` has the English for each.
"""

from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from genfix.message import Arg, Choose, Message, english, render

if TYPE_CHECKING:
    from gettext import NullTranslations

LOCALE: Final = Path(__file__).parent / "locale"
"""The folder of the catalogues."""

_VARIABLES: Final = ("LC_ALL", "LC_MESSAGES", "LANG")


class Language(StrEnum):
    """A language that genfix speaks."""

    ENGLISH = "en"
    CHINESE = "zh"


def language_of(asked: str | None, environ: Mapping[str, str]) -> Language:
    """The language asked for, else that of ``GENFIX_LANG``, else the locale's; English where none is ours."""
    wanted = asked or environ.get("GENFIX_LANG") or next(filter(None, map(environ.get, _VARIABLES)), "")
    return Language.CHINESE if wanted.lower().startswith("zh") else Language.ENGLISH


def in_language(language: Language) -> Choose:
    """What finds the sentence of a message in ``language``, the English one where it has no other."""
    return english if language is Language.ENGLISH else _chinese()


def say_in(language: Language, said: Message) -> str:
    """A message in words, safe to print."""
    return render(said, in_language(language))


def translated(english: str, language: Language) -> str:
    """A text without blanks in ``language``, such as a paragraph of a rule's page, whose braces are
    its own.
    """
    return in_language(language)(Message("", english, {}))


def remembered(message_id: str, args: Mapping[str, Arg]) -> Message:
    """The message of this id, as it was kept outside; one without words where this version knows no
    such id.
    """
    found = _catalogue("ids")
    one, many = found.gettext(message_id) if message_id else "", found.pgettext("many", message_id)
    return Message(message_id, "" if one == message_id else one, args, "" if many == message_id else many)


@cache
def _chinese() -> Choose:
    found = _catalogue("zh_CN")

    def choose(said: Message) -> str:
        if not said.template:
            return ""
        if said.id and said.many:
            return found.npgettext(said.id, said.template, said.many, said.number)
        if said.id:
            return found.pgettext(said.id, said.template)
        if said.many:
            return found.ngettext(said.template, said.many, said.number)
        return found.gettext(said.template)

    return choose


@cache
def _catalogue(name: str) -> "NullTranslations":
    import gettext  # noqa: PLC0415 - English does without it

    try:
        with (LOCALE / f"{name}.mo").open("rb") as file:
            return gettext.GNUTranslations(file)
    except OSError:  # not installed whole, or a disk that fails just then: an error must be said all the same
        return gettext.NullTranslations()
