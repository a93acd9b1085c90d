"""The conversations a chat template is tried on: words that occur nowhere else, in every shape
engines send.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Final

from genfix.json_types import JsonObject, JsonValue
from genfix.model.template_render import Conversation

SYSTEM, ASK_1, REPLY_1, ASK_2, REPLY_2 = "Qzsystem", "Qzaskone", "Qzreplyone", "Qzasktwo", "Qzreplytwo"
THOUGHT, BEFORE, CALL, GIVEN, RESULT = "Qzthought", "Qzbefore", "Qzcall", "Qzgiven", "Qzresult"
DESCRIPTION: Final = "Qzdescription"
"""Letters only, and a capital first: they survive trim, capitalize, strip and JSON."""

EOS, BOS, _PAD, _UNK = "\ue0e5", "\ue0b0", "\ue0ad", "\ue0c5"
SENTINELS: Final = frozenset([EOS, BOS, _PAD, _UNK])
"""Private-use characters: templates strip and split with these variables, which must not eat other text."""
VARIABLES: Final[JsonObject] = {"eos_token": EOS, "bos_token": BOS, "pad_token": _PAD, "unk_token": _UNK}

CHAT, WITH_SYSTEM, SHORT, ASKED, PROMPTED = "chat", "with-system", "short", "asked", "prompted"
REASONING, TAGS, IMAGE, UNANSWERED = "reasoning", "think-tags", "image", "unanswered"
TOOL_TURNS: Final = ("tool", "observation")
"""Roles of a tool's result; GLM-4 names it in its templates by the second."""
CALLS: Final = ("call-object", "call-string", "call-alone", "call-alone-string")
NULL_CONTENT, TOOLS_IN_TURN = "call-null", "tools-in-turn"
"""A call beside a content that is null, and tools as a part of the system turn (GLM-4): groups of their own,
from which only abilities are read."""
BASIC: Final = (CHAT, WITH_SYSTEM, SHORT, ASKED, PROMPTED)

_TEXT, PARTS, _MODEL_ROLE, _MIXED = "text", "parts", "model-role", "mixed"
GROUPS: Final = (_TEXT, PARTS, _MODEL_ROLE, _MIXED)
"""Content as a string, as a list of parts (vision models), the assistant called ``model``, and parts for the
user's content only."""

_TOOL: Final[JsonObject] = {
    "type": "function",
    "function": {
        "name": CALL,
        "description": DESCRIPTION,
        "parameters": {
            "type": "object",
            "properties": {"qzname": {"type": "string", "description": "Qzvalue"}},
            "required": ["qzname"],
        },
    },
}


@cache
def conversations() -> Mapping[str, Conversation]:
    """Every conversation by ``group/name``."""
    shapes = {
        **_named(_TEXT, _shapes_of("assistant", _as_text, _as_text)),
        **_named(PARTS, _shapes_of("assistant", _as_parts, _as_parts)),
        **_named(_MODEL_ROLE, _shapes_of("model", _as_text, _as_text)),
    }
    seeing: JsonObject = {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": ASK_1}]}
    for group in GROUPS:
        calling = shapes.get(f"{group}/{CALLS[2]}")
        if calling is not None:
            asked, call, *rest = calling.messages
            messages = (asked, {**call, "content": None}, *rest)
            shapes[f"{NULL_CONTENT}/{group}"] = calling._replace(messages=messages)
            told: JsonObject = {"role": "system", "content": SYSTEM, "tools": [dict(_TOOL)]}
            shapes[f"{TOOLS_IN_TURN}/{group}"] = Conversation((told, asked))
    shapes[f"{PARTS}/{IMAGE}"] = Conversation((seeing,), add_generation_prompt=True)
    return shapes


@cache
def rarer_conversations() -> Mapping[str, Conversation]:
    """What is left to try: a tool in every chat, names that nobody gives left empty, no answer at the end."""
    shapes = {
        **_named(_TEXT, _shapes_of("assistant", _as_text, _as_text)),
        **_named(_MIXED, _shapes_of("assistant", _as_parts, _as_text)),
    }
    for name, (ask, reply, ask_again, _) in {
        name: shape.messages for name, shape in shapes.items() if name.endswith(f"/{CHAT}")
    }.items():
        group = name.removesuffix(CHAT)
        shapes[group + UNANSWERED] = Conversation((ask, reply, ask_again), add_generation_prompt=True)
    return {name: shape._replace(tools=(_TOOL,), lenient=True) for name, shape in shapes.items()}


def _named(group: str, shapes: Mapping[str, Conversation]) -> dict[str, Conversation]:
    return {f"{group}/{name}": shape for name, shape in shapes.items()}


def _as_text(text: str) -> JsonValue:
    return text


def _as_parts(text: str) -> JsonValue:
    return [{"type": "text", "text": text}]


def _shapes_of(
    assistant: str, asked: Callable[[str], JsonValue], answered: Callable[[str], JsonValue]
) -> dict[str, Conversation]:
    def say(role: str, text: str, **more: JsonValue) -> JsonObject:
        wrap = asked if role == "user" else answered
        return {"role": role, "content": wrap(text), **more}

    ask, reply = say("user", ASK_1), say(assistant, REPLY_1)
    chat = (ask, reply, say("user", ASK_2), say(assistant, REPLY_2))
    shapes = {
        CHAT: Conversation(chat),
        WITH_SYSTEM: Conversation((say("system", SYSTEM), *chat)),
        SHORT: Conversation((ask, reply)),
        ASKED: Conversation((ask,)),
        PROMPTED: Conversation((ask,), add_generation_prompt=True),
        # Both names under which transformers 5.23 passes reasoning on.
        REASONING: Conversation((ask, say(assistant, REPLY_1, reasoning_content=THOUGHT, thinking=THOUGHT))),
        TAGS: Conversation((ask, say(assistant, f"<think>\n{THOUGHT}\n</think>\n\n{REPLY_1}"))),
    }
    for role in TOOL_TURNS:
        shapes[role] = Conversation((ask, reply, say(role, RESULT, name=CALL, tool_call_id=_CALL_ID)))
    texts = (BEFORE, BEFORE, "", "")
    arguments: tuple[JsonValue, ...] = ({"qzname": GIVEN}, f'{{"qzname": "{GIVEN}"}}')
    for name, text, argument in zip(CALLS, texts, arguments * 2, strict=True):
        call: JsonValue = {
            "id": _CALL_ID,
            "type": "function",
            "function": {"name": CALL, "arguments": argument},
        }
        calling = say(assistant, text, tool_calls=[call])
        result = say("tool", RESULT, name=CALL, tool_call_id=_CALL_ID)
        shapes[name] = Conversation((ask, calling, result, reply), tools=(_TOOL,))
    return shapes


_CALL_ID: Final = "Qzcallid1"
"""Nine letters and digits: what Mistral's templates ask for."""
