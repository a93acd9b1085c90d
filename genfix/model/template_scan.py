"""Finds tokens, and texts that look like tokens, in rendered chat templates."""

import re
from collections.abc import Collection, Iterable
from typing import Final


class Scanner:
    """Finds the given tokens in text, the longest first."""

    def __init__(self, *tokens: Collection[str]) -> None:
        """``tokens`` are several collections, of which one may have a million: none is copied."""
        self._tokens = tokens
        self._lengths: dict[str, list[int]] = {}
        # A token of white space closes nothing: it is skipped as white space is.
        sizes = {(token[0], len(token)) for some in tokens for token in some if token and not token.isspace()}
        for first, length in sorted(sizes, key=lambda size: -size[1]):
            self._lengths.setdefault(first, []).append(length)
        # One pass of C over the text instead of one step of Python per character.
        self._start = re.compile("[" + "".join(re.escape(first) for first in sorted(self._lengths)) + "]")

    def at(self, text: str, position: int) -> str | None:
        """The token that starts at ``position``."""
        lengths = self._lengths.get(text[position : position + 1], ())
        pieces = (text[position : position + length] for length in lengths)
        return next((piece for piece in pieces if any(piece in some for some in self._tokens)), None)

    def all_in(self, text: str) -> list[str]:
        """All tokens in the text, in order."""
        found: list[str] = []
        position = 0
        while start := self._start.search(text, position):
            token = self.at(text, start.start())
            if token is not None:
                found.append(token)
            position = start.start() + (len(token) if token is not None else 1)
        return found

    def run(self, text: str) -> list[str]:
        """The tokens the text starts with: white space between them is skipped, other text ends the run."""
        return self._run(text)[0]

    def after_run(self, text: str) -> str:
        """The text behind `run`."""
        return text[self._run(text)[1] :]

    def _run(self, text: str) -> tuple[list[str], int]:
        found: list[str] = []
        position = 0
        while position < len(text):
            token = self.at(text, position)
            if token is not None:
                found.append(token)
                position += len(token)
            elif text[position].isspace():
                position += 1
            else:
                break
        return found, position


_SPECIAL: Final = r"<([|｜])[^\s<>|｜]{1,64}\1>"  # noqa: RUF001 - DeepSeek's are full width
_LOOKALIKES: Final = (
    r"<[|｜][^\s<>|｜]{1,64}[|｜]>"  # noqa: RUF001
    r"|<\|?[^\W_]\w{0,63}\|>|<\|\w{1,64}>"  # a bar on one side: Gemma 4
    r"|\[\|\w{1,64}\|\]"  # EXAONE
    r"|<[a-z]+(?:_[a-z]+){1,4}>"  # Gemma
    r"|\[/?[A-Z]{2,}(?:_[A-Z]+){0,4}\]"  # Mistral
)
"""Without ``</s>`` and tags of one word: those are also markup, and in old folders only the vocabulary has
them."""


def special_texts(text: str) -> list[str]:
    """Texts in the form ``<|...|>``."""
    return [found.group() for found in re.finditer(_SPECIAL, text)]


def token_like_texts(text: str) -> list[str]:
    """Texts in any form in which tokenizers write the tokens around turns; markup and plain words
    are none.
    """
    return [found.group() for found in re.finditer(_LOOKALIKES, text)]


def split_at(text: str, words: tuple[str, ...]) -> list[str] | None:
    """The text between ``words``, found from the end: some templates repeat a question at the start."""
    pieces: list[str] = []
    for word in reversed(words):
        at = text.rfind(word)
        if at < 0:
            return None
        pieces.append(text[at + len(word) :])
        text = text[:at]
    return [text, *reversed(pieces)]


def after_common(tokens: list[str], other: list[str]) -> list[str]:
    """``tokens`` without the start they share with ``other``."""
    same = next(
        (index for index, pair in enumerate(zip(tokens, other, strict=False)) if pair[0] != pair[1]), None
    )
    return tokens[min(len(tokens), len(other)) if same is None else same :]


def unique(items: Iterable[str]) -> tuple[str, ...]:
    """Each item once, in order."""
    return tuple(dict.fromkeys(items))
