"""What a checker gets, and what it gives back."""

from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

from genfix.json_types import JsonObject
from genfix.message import Message
from genfix.probe.probe_values import ToolCall
from genfix.probe.quality.thoughts import NO_THOUGHTS, Thoughts

MOST: Final = 8192
"""Characters of an answer that are looked at: no right one is near that, and checkers stay quick."""


@dataclass(frozen=True, slots=True)
class Given:
    """An answer, and what of its prompt a checker needs."""

    text: str
    """Without its thoughts and its turn end."""
    asked: str = ""
    """The user's last message."""
    thoughts: Thoughts = NO_THOUGHTS
    calls: tuple[ToolCall, ...] = ()
    tools: tuple[JsonObject, ...] = ()
    calls_in_text: bool = False
    """Whether nothing took calls out of the text, as an engine without a server does not."""


class Fault(NamedTuple):
    """Why an answer is wrong."""

    why: Message
    where: str = ""
    """The part of the answer that is wrong, as it stands there; empty: none in particular."""


class NotJudgedError(Exception):
    """The answer shows nothing that this checker could judge."""


class Check(Protocol):
    """What a prompt's answer has to be."""

    def fault(self, given: Given) -> Fault | None:
        """Why the answer is wrong; `None` where it is right. May raise `NotJudgedError`."""
        ...
