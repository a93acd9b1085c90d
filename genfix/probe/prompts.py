"""The prompts of a probe: the set that ships with genfix, or a file of the user's own."""

import json
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Final

from genfix.errors import InputError
from genfix.json_types import JsonObject, JsonValue
from genfix.message import Message, text
from genfix.probe.values import Prompt

__all__ = ["PROMPTS_VERSION", "built_in_prompts", "read_prompts"]

PROMPTS_VERSION: Final = 1
"""Raised with every change of the built-in set: rates of different sets do not compare."""
_MAX_BYTES: Final = 4 * 1024 * 1024
_MAX_PROMPTS: Final = 2000
_ROLES: Final = ("system", "developer", "user", "assistant", "tool")
_KEYS: Final = frozenset({"id", "group", "language", "messages", "tools", "prompt"})
_SHAPE: Final = text(
    'a line is {{"prompt": "..."}} or {{"messages": [{{"role": "user", "content": "..."}}]}}, '
    "with id, group and tools if you like"
)


def built_in_prompts() -> tuple[Prompt, ...]:
    """The prompts that ship with genfix: English and Chinese, short, long, several turns, tool calls."""
    file = resources.files("genfix.probe").joinpath("data", f"prompts-v{PROMPTS_VERSION}.jsonl")
    return tuple(_parsed(file.read_bytes(), text("the built-in prompts")))


def read_prompts(path: Path) -> tuple[Prompt, ...]:
    """The prompts in a JSON Lines file. Raises `InputError`, which names the line, for one that is none."""
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise InputError(
            text("cannot read the prompts {path}: {why}", path=path, why=why),
            text("check the path of --prompts"),
        ) from error
    if len(content) > _MAX_BYTES:
        raise InputError(
            text("the prompts {path} are larger than {most} MiB", path=path, most=_MAX_BYTES // 2**20),
            text("probe with fewer prompts"),
        )
    prompts = tuple(_parsed(content, str(path)))
    if not prompts:
        raise InputError(text("there are no prompts in {path}", path=path), _SHAPE)
    if len(prompts) > _MAX_PROMPTS:
        raise InputError(
            text("there are {count} prompts in {path}", count=len(prompts), path=path),
            text("at most {most} are put to a model", most=_MAX_PROMPTS),
        )
    return prompts


def _parsed(content: bytes, label: Message | str) -> Iterator[Prompt]:
    try:
        lines = content.decode("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise InputError(text("{file} is not UTF-8 text", file=label), text("save it as UTF-8")) from error
    seen: set[str] = set()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        where = text("{file}: line {line}", file=label, line=number)
        prompt = _prompt(_object(line, where), f"prompt-{number:03}", where)
        if prompt.id in seen:
            raise InputError(
                text("{where} has the id {id} of a line before it", where=where, id=prompt.id),
                text("give every prompt an id of its own"),
            )
        seen.add(prompt.id)
        yield prompt


def _object(line: str, where: Message) -> JsonObject:
    try:
        value: JsonValue = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError(text("{where} is not JSON", where=where), _SHAPE) from error
    if not isinstance(value, dict):
        raise InputError(text("{where} is not a JSON object", where=where), _SHAPE)
    unknown = sorted(value.keys() - _KEYS)
    if unknown:
        raise InputError(
            text("{where} has the key '{key}', which means nothing here", where=where, key=unknown[0]),
            _SHAPE,
        )
    return value


def _prompt(value: JsonObject, default_id: str, where: Message) -> Prompt:
    labels = {"id": default_id, "group": "own", "language": ""}
    for key, default in labels.items():
        label = value.get(key, default)
        if not isinstance(label, str) or len(label) > 100:
            raise InputError(text("{where}: {key} is no short text", where=where, key=key), _SHAPE)
        labels[key] = label
    tools = value.get("tools")
    if tools is not None and not (isinstance(tools, list) and all(isinstance(tool, dict) for tool in tools)):
        raise InputError(text("{where}: tools is no list of objects", where=where), _SHAPE)
    return Prompt(
        **labels,
        messages=_messages(value, where),
        tools=tuple(tool for tool in tools or () if isinstance(tool, dict)),
    )


def _messages(value: JsonObject, where: Message) -> tuple[JsonObject, ...]:
    asked, messages = value.get("prompt"), value.get("messages")
    if ("prompt" in value) == ("messages" in value):
        raise InputError(text("{where} must have either prompt or messages", where=where), _SHAPE)
    if messages is None and isinstance(asked, str) and asked:
        return ({"role": "user", "content": asked},)
    if not isinstance(messages, list) or not messages:
        raise InputError(text("{where}: there is no text to ask", where=where), _SHAPE)
    found: list[JsonObject] = []
    for message in messages:
        if not isinstance(message, dict) or message.get("role") not in _ROLES:
            raise InputError(text("{where}: a message has no role that servers know", where=where), _SHAPE)
        if not isinstance(message.get("content"), str | list) and "tool_calls" not in message:
            raise InputError(text("{where}: a message has no content", where=where), _SHAPE)
        found.append(message)
    return tuple(found)
