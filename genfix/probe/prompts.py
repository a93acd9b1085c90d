"""The prompts of a probe: the set that ships with genfix, or a file of the user's own."""

from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path
from typing import Final

from genfix.errors import InputError
from genfix.folder.user_file import read_user_text
from genfix.json_types import JsonObject, JsonValue
from genfix.message import Message, text
from genfix.probe.own_lines import MOST_BYTES, json_lines
from genfix.probe.probe_values import Prompt
from genfix.probe.quality.given import Check

PROMPTS_VERSION: Final = 1
"""Raised with every change of the built-in set: rates of different sets do not compare."""
QUALITY_VERSION: Final = 1
"""The same of those whose answers can be checked."""
_MAX_PROMPTS: Final = 2000
_ROLES: Final = ("system", "developer", "user", "assistant", "tool")
_KEYS: Final = frozenset({"id", "group", "language", "messages", "tools", "prompt", "check"})
_SHAPE: Final = text(
    'a line is {{"prompt": "..."}} or {{"messages": [{{"role": "user", "content": "..."}}]}}, '
    "with id, group and tools if you like"
)


def built_in_prompts() -> tuple[Prompt, ...]:
    """The prompts that ship with genfix: English and Chinese, short, long, several turns, tool calls."""
    file = resources.files("genfix.probe").joinpath("data", f"prompts-v{PROMPTS_VERSION}.jsonl")
    return tuple(_parsed(file.read_text("utf-8"), text("the built-in prompts")))


def quality_prompts(kinds: Sequence[str] = ()) -> tuple[Prompt, ...]:
    """The prompts that ship with genfix and whose answers can be checked, of some kinds or of all.

    Raises `InputError` for a kind that is none.
    """
    file = resources.files("genfix.probe").joinpath("data", f"quality-v{QUALITY_VERSION}.jsonl")
    prompts = tuple(_parsed(file.read_text("utf-8"), text("the built-in prompts")))
    known = list(dict.fromkeys(prompt.group for prompt in prompts))
    unknown = [kind for kind in kinds if kind not in known]
    if unknown:
        raise InputError(
            "there is no kind '{kind}' of quality prompts",
            "known are {kinds}",
            kind=unknown[0],
            kinds=[*known],
        )
    return tuple(prompt for prompt in prompts if not kinds or prompt.group in kinds)


def chosen_prompts(
    path: Path | None, kinds: Sequence[str], *, quality: bool
) -> tuple[tuple[Prompt, ...], Message | str]:
    """The prompts of a run and what they are called: the built-in set or a file, and with ``quality`` or
    ``kinds`` `quality_prompts` behind it.

    Raises `InputError` for an id that both have.
    """
    prompts = built_in_prompts() if path is None else read_prompts(path)
    label = text("built-in version {version}", version=PROMPTS_VERSION) if path is None else str(path)
    if not quality and not kinds:
        return prompts, label
    more = quality_prompts(kinds)
    taken = {prompt.id for prompt in prompts}
    again = next((prompt.id for prompt in more if prompt.id in taken), None)
    if again is not None:
        raise InputError(
            "the id {id} is that of a built-in prompt as well", "give every prompt an id of its own", id=again
        )
    both = text("{prompts} and quality version {version}", prompts=label, version=QUALITY_VERSION)
    return (*prompts, *more), both


def read_prompts(path: Path) -> tuple[Prompt, ...]:
    """The prompts in a JSON Lines file. Raises `InputError`, which names the line, for one that is none."""
    content = read_user_text(path, text("the file of prompts"), MOST_BYTES)
    prompts = tuple(_parsed(content, str(path)))
    if not prompts:
        raise InputError("there are no prompts in {path}", _SHAPE, path=path)
    if len(prompts) > _MAX_PROMPTS:
        raise InputError(
            "there are {count} prompts in {path}",
            "at most {most} are put to a model",
            count=len(prompts),
            path=path,
            most=_MAX_PROMPTS,
        )
    return prompts


def _parsed(content: str, label: Message | str) -> Iterator[Prompt]:
    seen: set[str] = set()
    for number, (where, value) in enumerate(json_lines(content, label, _SHAPE), 1):
        unknown = sorted(value.keys() - _KEYS)
        if unknown:
            raise InputError(
                "{where} has the key '{key}', which means nothing here", _SHAPE, where=where, key=unknown[0]
            )
        prompt = _prompt(value, f"prompt-{number:03}", where)
        if prompt.id in seen:
            raise InputError(
                "{where} has the id {id} of a line before it",
                "give every prompt an id of its own",
                where=where,
                id=prompt.id,
            )
        seen.add(prompt.id)
        yield prompt


def _prompt(value: JsonObject, default_id: str, where: Message) -> Prompt:
    labels = {"id": default_id, "group": "own", "language": ""}
    for key, default in labels.items():
        label = value.get(key, default)
        if not isinstance(label, str) or len(label) > 100:
            raise InputError("{where}: {key} is no short text", _SHAPE, where=where, key=key)
        labels[key] = label
    tools = value.get("tools")
    if tools is not None and not (isinstance(tools, list) and all(isinstance(tool, dict) for tool in tools)):
        raise InputError("{where}: tools is no list of objects", _SHAPE, where=where)
    return Prompt(
        id=labels["id"],
        group=labels["group"],
        language=labels["language"],
        messages=_messages(value, where),
        tools=tuple(tool for tool in tools or () if isinstance(tool, dict)),
        check=_check(value["check"], where) if "check" in value else None,
    )


def _check(value: JsonValue, where: Message) -> Check:
    from genfix.probe.quality.check_form import CheckError, read_check  # noqa: PLC0415 - brings pydantic

    try:
        return read_check(value)
    except CheckError as error:
        raise InputError(
            "{where}: check is none that genfix knows: {why}",
            "docs/probe.md lists the kinds of checks",
            where=where,
            why=str(error),
        ) from error


def _messages(value: JsonObject, where: Message) -> tuple[JsonObject, ...]:
    asked, messages = value.get("prompt"), value.get("messages")
    if ("prompt" in value) == ("messages" in value):
        raise InputError("{where} must have either prompt or messages", _SHAPE, where=where)
    if messages is None and isinstance(asked, str) and asked:
        return ({"role": "user", "content": asked},)
    if not isinstance(messages, list) or not messages:
        raise InputError("{where}: there is no text to ask", _SHAPE, where=where)
    found: list[JsonObject] = []
    for message in messages:
        if not isinstance(message, dict) or message.get("role") not in _ROLES:
            raise InputError("{where}: a message has no role that servers know", _SHAPE, where=where)
        if not isinstance(message.get("content"), str | list) and "tool_calls" not in message:
            raise InputError("{where}: a message has no content", _SHAPE, where=where)
        found.append(message)
    return tuple(found)
