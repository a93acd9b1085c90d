"""Errors, hints and notes, which are raised as English sentences, in the reader's language.

The English sentence is the key, as in gettext; what was filled into it is found again by matching. So whoever raises
an error writes one plain sentence, and one that has no translation yet is shown in English.
"""

import re
from functools import cache
from typing import Final

from genfix.language import Language

__all__ = ["translated"]

_BLANK: Final = "{}"
_DEEPEST: Final = 3


def translated(sentence: str, language: Language) -> str:
    """``sentence`` in ``language``, and so what is quoted in it; English where no translation is known."""
    if language is Language.ENGLISH:
        return sentence
    return _translated(sentence, _DEEPEST)


def _translated(sentence: str, depth: int) -> str:
    for pattern, chinese in _patterns():
        match = pattern.fullmatch(sentence)
        if match is not None:
            parts = match.groups()
            return chinese.format(*(_translated(part, depth - 1) if depth else part for part in parts))
    return sentence


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    """The sentences that say most by themselves come first: others may match the same text."""
    from genfix.report import commands_zh, notes_zh, sentences_zh  # noqa: PLC0415 - for readers of Chinese

    chinese = {**sentences_zh.CHINESE, **commands_zh.CHINESE, **notes_zh.CHINESE}
    return tuple(
        (_pattern(english), chinese[english]) for english in sorted(chinese, key=_said, reverse=True)
    )


def _said(template: str) -> tuple[int, int]:
    return len(template.replace(_BLANK, "")), -template.count(_BLANK)


def _pattern(template: str) -> re.Pattern[str]:
    return re.compile("(.+)".join(map(re.escape, template.split(_BLANK))), re.DOTALL)
