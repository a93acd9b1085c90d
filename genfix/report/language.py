"""The languages of reports: which one a reader wants, and its sentences."""

from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from types import MappingProxyType
from typing import Final, TypeAlias

__all__ = ["Catalogue", "Language", "catalogue", "language_of"]

Catalogue: TypeAlias = Mapping[str, str]
"""Sentences by id. Their blanks are those of `genfix.report.messages.words`."""

_LOCALE: Final = ("LC_ALL", "LC_MESSAGES", "LANG")


class Language(StrEnum):
    """A language that reports are written in."""

    ENGLISH = "en"
    CHINESE = "zh"


def language_of(told: str | None, environ: Mapping[str, str]) -> Language:
    """The language that was told, else that of ``GENFIX_LANG``, else the locale's; English where none is ours."""
    wanted = told or environ.get("GENFIX_LANG") or next(filter(None, map(environ.get, _LOCALE)), "")
    return Language.CHINESE if wanted.lower().startswith("zh") else Language.ENGLISH


@cache
def catalogue(language: Language) -> Catalogue:
    """All sentences in ``language``, a new one in English until it is translated; Chinese is loaded only when asked for."""
    from genfix.report import messages, phrases, symptoms  # noqa: PLC0415 - reports for machines need less

    english = {**messages.ENGLISH, **phrases.ENGLISH, **symptoms.ENGLISH}
    if language is Language.ENGLISH:
        return MappingProxyType(english)
    from genfix.report import messages_zh, phrases_zh, symptoms_zh  # noqa: PLC0415 - see above

    return MappingProxyType({**english, **messages_zh.CHINESE, **phrases_zh.CHINESE, **symptoms_zh.CHINESE})
