"""What a user brings to a probe: a text, or JSON Lines."""

import json
from collections.abc import Iterator
from typing import Final

from genfix.errors import InputError
from genfix.json_types import JsonObject, JsonValue
from genfix.message import Message, text

MOST_BYTES: Final = 4 * 1024 * 1024
"""Of a file of prompts or texts."""


def json_lines(content: str, label: Message | str, shape: Message) -> Iterator[tuple[Message, JsonObject]]:
    """The object on each line, with where it stands: ``label`` and the number of the line.

    Raises `InputError` for a line that has none; ``shape`` says there what a line is.
    """
    for number, line in enumerate(content.split("\n"), 1):
        if not line.strip():
            continue
        where = text("{file}: line {line}", file=label, line=number)
        try:
            value: JsonValue = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InputError("{where} is not JSON", shape, where=where) from error
        if not isinstance(value, dict):
            raise InputError("{where} is not a JSON object", shape, where=where)
        yield where, value
