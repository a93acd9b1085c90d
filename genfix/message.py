"""A message without its words: an id in the report's catalogue and the values that go into it.

Findings, traces and notes carry messages; the report gives them words, in the reader's language.
"""

from collections.abc import Mapping
from typing import NamedTuple

from genfix.json_types import JsonValue

__all__ = ["Message", "message"]


class Message(NamedTuple):
    """One thing to say: ``id`` names the sentence, ``args`` fill its blanks."""

    id: str
    args: Mapping[str, JsonValue]


def message(message_id: str, **args: JsonValue) -> Message:
    """Build a `Message`."""
    return Message(message_id, args)
