"""What an engine says of a text, token by token: what is believed of it, and what is not.

The first token of a text is context only: engines differ in whether they score it (with a BOS before it they
can, and llama-cpp-python leaves it out all the same).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeGuard

from genfix.json_types import JsonValue
from genfix.message import Message, text
from genfix.probe.endpoint import ExchangeError
from genfix.probe.likelihood.scored_texts import Text
from genfix.probe.probe_values import FailureKind

_ROUNDING: Final = 0.01
"""Logarithms that are above 0 by less are 0, inexactly."""
_COVERED: Final = 0.9
_BITS: Final = 1 / math.log(2)


class Token(NamedTuple):
    """One token of a text."""

    text: str
    """As the engine spells it."""
    start: int
    """The character of the text at which it begins, as far as the engine tells."""
    bits: float | None
    """Minus the binary logarithm of its probability; `None`: not given."""
    top: Mapping[str, float] = {}
    """The most likely tokens in its place, with the natural logarithms of their probabilities."""


@dataclass(frozen=True, slots=True)
class ScoredText:
    """A text with the tokens that it is cut into, a BOS before it not included."""

    text: Text
    tokens: tuple[Token, ...]
    bos: bool | None
    """Whether the engine put a token before it; `None`: not known."""

    @property
    def counted(self) -> tuple[Token, ...]:
        """The tokens that are scored: all but the first."""
        return self.tokens[1:]

    @property
    def characters(self) -> int:
        """How many Unicode characters they have."""
        return len(self.text.text) - self.tokens[1].start

    @property
    def bits(self) -> float:
        """How many bits they take."""
        return sum(token.bits or 0.0 for token in self.counted)


def refused(said: Message) -> ExchangeError:
    """The error for a server that gives no log probabilities of a prompt: no fault of the model's."""
    return ExchangeError(FailureKind.UNSUPPORTED, said)


def broken(said: Message) -> ExchangeError:
    """The error for log probabilities that are none."""
    return ExchangeError(FailureKind.GARBAGE, said)


def scored(one: Text, tokens: Sequence[Token], *, bos: bool | None) -> ScoredText:
    """The text with its tokens. Raises `ExchangeError` where they are not those of the whole text."""
    size = len(one.text)
    if len(tokens) < 2 or any(token.bits is None for token in tokens[1:]):
        raise broken(text("tokens of {text} have no log probability", text=one.id))
    if tokens[1].start == 0:  # the first token is a part of a character
        tokens = [tokens[0], *(token._replace(start=max(1, token.start)) for token in tokens[1:])]
    last = tokens[-1]
    reached = max(last.start + len(last.text), sum(len(token.text) for token in tokens))
    if reached < size * _COVERED or not 0 < tokens[1].start < size:
        raise broken(
            text(
                "the tokens of {text} end after {count} of its {total} characters",
                text=one.id,
                count=min(reached, size),
                total=size,
            )
        )
    return ScoredText(one, tuple(tokens), bos)


def bits_of(logarithm: float) -> float:
    """Bits for a natural logarithm of a probability. Raises `ExchangeError` for what is none."""
    if not math.isfinite(logarithm) or logarithm > _ROUNDING:
        raise broken(text("{value} is no logarithm of a probability", value=f"{logarithm:g}"))
    return max(0.0, -logarithm * _BITS)


def is_number(value: JsonValue) -> TypeGuard[float]:
    """Whether it is a number one can reckon with; ``true`` is none."""
    return isinstance(value, float) or (type(value) is int and abs(value) < 2**53)


def top_of(value: JsonValue) -> dict[str, float]:
    """The most likely tokens in one place. Raises `ExchangeError` for what is not a table of logarithms."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise broken(text("the most likely tokens are no table"))
    found: dict[str, float] = {}
    for name, logarithm in value.items():
        if not is_number(logarithm):
            raise broken(text("a log probability is no number"))
        bits_of(logarithm)
        found[name] = logarithm
    return found
