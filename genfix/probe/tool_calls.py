"""Whether a tool call is one that a client can make."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from genfix.json_types import JsonObject, JsonValue
from genfix.message import Message, text
from genfix.probe.probe_values import Answer, Prompt, ToolCall, ToolVerdict

_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}
CALL_TAG: Final = re.compile(
    r"<\|?(tool_calls?|function_call|python_tag|tool_call_begin|tool▁calls▁begin)\|?>|\[TOOL_CALLS\]"
)


def judge_tool_calls(
    prompt: Prompt, answer: Answer, written: str
) -> tuple[ToolVerdict | None, Message | None]:
    """What became of the tools that ``prompt`` offers, and in words what is wrong."""
    if not prompt.tools or answer.failure is not None:
        return None, None
    offered = signatures(prompt.tools)
    if answer.tool_calls:
        wrong = next((fault for call in answer.tool_calls if (fault := call_fault(call, offered))), None)
        return (ToolVerdict.MALFORMED if wrong else ToolVerdict.WELL_FORMED), wrong
    named = [
        name
        for name in offered
        if f'"{name}"' in written and ('"arguments"' in written or '"parameters"' in written)
    ]
    if CALL_TAG.search(written) or named:
        return ToolVerdict.AS_TEXT, text(
            "the call stands in the text of the answer; the server did not parse it"
        )
    return ToolVerdict.NONE, None


def signatures(tools: Sequence[JsonObject]) -> dict[str, JsonObject]:
    """The tools that are offered: their parameters, by name."""
    return {name: schema for tool in tools for name, schema in _signature(tool)}


def _signature(tool: JsonObject) -> Iterator[tuple[str, JsonObject]]:
    match tool:
        case {"function": {"name": str(name), "parameters": dict(schema)}}:
            yield name, schema
        case {"function": {"name": str(name)}}:
            yield name, {}
        case _:
            return


def call_fault(call: ToolCall, offered: Mapping[str, JsonObject]) -> Message | None:
    """What is wrong with a call; `None` where nothing is."""
    if call.name not in offered:
        return text("there is no tool '{name}'", name=call.name)
    try:
        arguments: JsonValue = json.loads(call.arguments)
    except (ValueError, RecursionError):
        return text("the arguments are not JSON")
    if not isinstance(arguments, dict):
        return text("the arguments are not a JSON object")
    return _mismatch(arguments, offered[call.name])


def _mismatch(arguments: JsonObject, schema: JsonObject) -> Message | None:
    """The first difference from the part of JSON Schema that tools use: required, type and enum."""
    required, properties = schema.get("required"), schema.get("properties")
    missing = [name for name in required if name not in arguments] if isinstance(required, list) else []
    if missing:
        return text("the argument '{name}' is missing", name=missing[0])
    for name, value in arguments.items():
        wanted = properties.get(name) if isinstance(properties, dict) else None
        if not isinstance(wanted, dict):
            continue
        types = _TYPES.get(str(wanted.get("type")))
        if types and (not isinstance(value, types) or (isinstance(value, bool) and bool not in types)):
            return text("the argument '{name}' is no {type}", name=name, type=wanted["type"])
        choices = wanted.get("enum")
        if isinstance(choices, list) and value not in choices:
            return text("the argument '{name}' is none of the values allowed", name=name)
    return None
