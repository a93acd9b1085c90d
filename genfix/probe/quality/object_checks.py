"""Checkers of what programs read: JSON with given keys and types, tool calls; and of thinking blocks."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from genfix.json_types import JsonObject, JsonValue
from genfix.message import text
from genfix.probe.probe_values import ToolCall
from genfix.probe.quality.given import Fault, Given, NotJudgedError
from genfix.probe.quality.plain_text import folded
from genfix.probe.tool_calls import CALL_TAG, call_fault, signatures

_FENCE: Final = re.compile(r"(?:```|~~~)[\w+-]*[ \t]*\n?(.*?)(?:```|~~~)", re.DOTALL)
_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
    "null": (type(None),),
}


class _TwiceError(ValueError):
    """A key stands twice."""


@dataclass(frozen=True, slots=True)
class JsonCheck:
    """The answer is one JSON object with these keys and no others, alone or in a fence."""

    kind: Literal["json"]
    keys: dict[str, str]
    """Types by key, as JSON Schema names them; ``array of string`` is a list of them."""
    values: dict[str, str | float | bool | list[str | float] | None] = field(default_factory=dict)
    """What some of them have to be; case of strings does not count."""

    lengths: dict[str, int] = field(default_factory=dict)
    """How many entries lists have to have."""

    def __post_init__(self) -> None:
        """Raises `ValueError` for a type that JSON has not."""
        unknown = [name for name in self.keys.values() if name.removeprefix("array of ") not in _TYPES]
        if unknown:
            raise ValueError(f"{unknown[0]} is no type of JSON")

    def fault(self, given: Given) -> Fault | None:
        """As `Check.fault`."""
        found = json_in(given.text)
        if found is None:
            return Fault(text("there is no single JSON value"))
        if not isinstance(found, dict):
            return Fault(text("the JSON is no object"))
        for key, wanted in self.keys.items():
            if key not in found:
                return Fault(text("the key '{key}' is missing", key=key))
            if not _is(found[key], wanted):
                return Fault(text("the value of '{key}' is no {type}", key=key, type=wanted), f'"{key}"')
            if key in self.lengths and len(_entries(found[key])) != self.lengths[key]:
                return Fault(
                    text("the value of '{key}' has the wrong number of entries", key=key), f'"{key}"'
                )
            if key in self.values and not same(found[key], self.values[key]):
                return Fault(text("the value of '{key}' is wrong", key=key), f'"{key}"')
        more = next((key for key in found if key not in self.keys), None)
        return (
            Fault(text("the key '{key}' was not asked for", key=more), f'"{more}"')
            if more is not None
            else None
        )


def json_in(written: str) -> JsonValue:
    """The one JSON value of an answer: all of it, the one fenced block, or the one object in the text.

    `None` where there is none, or several that differ.
    """
    fenced = [found[1] for found in _FENCE.finditer(written)]
    parsed: list[JsonValue] = [
        value for part in (fenced or [written]) if (value := _parsed(part)) is not None
    ]
    if not parsed and not fenced:
        parsed = [dict(value) for value in _objects(written)]
    return parsed[0] if parsed and all(value == parsed[0] for value in parsed) else None


def _parsed(part: str) -> JsonValue:
    try:
        value: JsonValue = json.loads(part.strip(), object_pairs_hook=_object, parse_constant=_refused)
    except (ValueError, RecursionError):
        return None
    return value


def _object(pairs: list[tuple[str, JsonValue]]) -> JsonObject:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _TwiceError
    return found


def _refused(name: str) -> JsonValue:
    raise ValueError(name)


def _objects(written: str) -> Iterator[JsonObject]:
    """JSON objects amid other text."""
    decoder, place = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_refused), 0
    for _ in range(64):  # a brace that opens nothing costs a look at the rest
        place = written.find("{", place)
        if place < 0:
            return
        try:
            value, place = decoder.raw_decode(written, place)
        except (ValueError, RecursionError):
            place += 1
        else:
            yield value


def _entries(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else []


def _is(value: JsonValue, wanted: str) -> bool:
    if wanted.startswith("array of "):
        inner = wanted.removeprefix("array of ")
        return isinstance(value, list) and bool(value) and all(_is(one, inner) for one in value)
    if wanted == "integer" and isinstance(value, float):
        return value.is_integer()  # as JSON Schema has it
    return isinstance(value, _TYPES[wanted]) and (not isinstance(value, bool) or wanted == "boolean")


def same(value: JsonValue, wanted: object) -> bool:
    """Whether a value is the wanted one: numbers by value, strings by their words."""
    if isinstance(value, str) and isinstance(wanted, str):
        return folded(value).rstrip(".。") == folded(wanted).rstrip(".。")
    if isinstance(value, list) and isinstance(wanted, list):
        return len(value) == len(wanted) and all(map(same, value, wanted))
    return value == wanted and isinstance(value, bool) == isinstance(wanted, bool)


@dataclass(frozen=True, slots=True)
class ToolCheck:
    """One call of this tool with these arguments; without a name: no call."""

    kind: Literal["tool"]
    name: str | None
    arguments: dict[str, tuple[str | float | bool, ...]] = field(default_factory=dict)
    """Of each argument the values that are right; ``*`` stands for any."""

    def fault(self, given: Given) -> Fault | None:
        """As `Check.fault`."""
        calls = given.calls or (tuple(written_calls(given.text)) if given.calls_in_text else ())
        if not calls and given.calls_in_text and CALL_TAG.search(given.text):
            raise NotJudgedError  # a notation of this model's own
        if self.name is None:
            if calls:
                return Fault(text("it calls {name}, and nothing was to be called", name=calls[0].name))
            return None if given.text.strip() else Fault(text("the answer is empty"))
        if not calls:
            in_text = CALL_TAG.search(given.text) or next(iter(written_calls(given.text)), None)
            return Fault(
                text("the call stands in the text of the answer; the server did not parse it")
                if in_text
                else text("it calls no tool")
            )
        if len({*calls}) > 1:
            return Fault(text("it makes {calls} calls, not one", calls=len(calls)))
        return self._fault(calls[0], given.tools)

    def _fault(self, call: ToolCall, tools: Sequence[JsonObject]) -> Fault | None:
        if call.name != self.name:
            return Fault(text("it calls {name}, not {wanted}", name=call.name, wanted=self.name or ""))
        offered = signatures(tools)
        if (wrong := call_fault(call, offered)) is not None:
            return Fault(wrong)
        arguments: JsonObject = json.loads(call.arguments)
        properties = offered[call.name].get("properties")
        known = properties if isinstance(properties, dict) else {}
        more = next((name for name in arguments if name not in known), None)
        if more is not None:
            return Fault(text("there is no argument '{name}'", name=more))
        for name, right in self.arguments.items():
            if name not in arguments:
                return Fault(text("the argument '{name}' is missing", name=name))
            if "*" not in right and not any(same(arguments[name], one) for one in right):
                return Fault(text("the argument '{name}' is wrong", name=name))
        return None


def written_calls(written: str) -> Iterator[ToolCall]:
    """Tool calls in the text of an answer, as most templates have them: JSON with a name and arguments."""
    for value in _objects(written):
        arguments = value.get("arguments", value.get("parameters"))
        match value:
            case {"name": str(name)} if isinstance(arguments, dict | str):
                yield ToolCall(name, arguments if isinstance(arguments, str) else json.dumps(arguments))
            case _:
                continue


@dataclass(frozen=True, slots=True)
class ThinkingCheck:
    """A thinking block that is opened is closed, and an answer follows it."""

    kind: Literal["thinking"]

    def fault(self, given: Given) -> Fault | None:
        """As `Check.fault`."""
        if not given.thoughts.seen:
            raise NotJudgedError
        if not given.thoughts.closed:
            return Fault(text("the thinking block is not closed"))
        return None if given.text.strip() else Fault(text("nothing follows the thinking block"))
