"""The conversations a chat template is tried on: words that occur nowhere else, in every shape engines send."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Final

from genfix.json_types import JsonObject, JsonValue
from genfix.model.template_render import Conversation

__all__ = [
    "ASKED",
    "ASK_1",
    "ASK_2",
    "BASIC",
    "BEFORE",
    "BOS",
    "CALL",
    "CALLS",
    "CHAT",
    "EOS",
    "GIVEN",
    "GROUPS",
    "IMAGE",
    "PARTS",
    "PROMPTED",
    "REASONING",
    "REPLY_1",
    "REPLY_2",
    "RESULT",
    "SENTINELS",
    "SHORT",
    "SYSTEM",
    "TAGS",
    "THOUGHT",
    "TOOL_TURNS",
    "VARIABLES",
    "WITH_SYSTEM",
    "conversations",
    "tool_conversations",
]

SYSTEM, ASK_1, REPLY_1, ASK_2, REPLY_2 = "Qzsystem", "Qzaskone", "Qzreplyone", "Qzasktwo", "Qzreplytwo"
THOUGHT, BEFORE, CALL, GIVEN, RESULT = "Qzthought", "Qzbefore", "Qzcall", "Qzgiven", "Qzresult"
"""Letters only, and a capital first: they survive trim, capitalize, strip and JSON."""

EOS, BOS, _PAD, _UNK = "\ue0e5", "\ue0b0", "\ue0ad", "\ue0c5"
SENTINELS: Final = frozenset([EOS, BOS, _PAD, _UNK])
"""Private-use characters: templates strip and split with these variables, which must not eat other text."""
VARIABLES: Final[JsonObject] = {"eos_token": EOS, "bos_token": BOS, "pad_token": _PAD, "unk_token": _UNK}

CHAT, WITH_SYSTEM, SHORT, ASKED, PROMPTED = "chat", "with-system", "short", "asked", "prompted"
REASONING, TAGS, IMAGE = "reasoning", "think-tags", "image"
TOOL_TURNS: Final = ("tool", "observation")
"""Roles of a tool's result; GLM-4 names it in its templates by the second."""
CALLS: Final = ("call-object", "call-string", "call-alone", "call-alone-string")
BASIC: Final = (CHAT, WITH_SYSTEM, SHORT, ASKED, PROMPTED)

_TEXT, PARTS, _MODEL_ROLE = "text", "parts", "model-role"
GROUPS: Final = (_TEXT, PARTS, _MODEL_ROLE)
"""Content as a string, as a list of parts (vision models), and the assistant called ``model``."""

_TOOL: Final[JsonObject] = {
    "type": "function",
    "function": {
        "name": CALL,
        "description": "Qzdescription",
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
    shapes: dict[str, Conversation] = {}
    for group in GROUPS:
        wrap = _as_parts if group == PARTS else _as_text
        named = _shapes_of(wrap, "model" if group == _MODEL_ROLE else "assistant")
        shapes |= {f"{group}/{name}": shape for name, shape in named.items()}
    seeing: JsonObject = {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": ASK_1}]}
    shapes[f"{PARTS}/{IMAGE}"] = Conversation((seeing,), add_generation_prompt=True)
    return shapes


@cache
def tool_conversations() -> Mapping[str, Conversation]:
    """The plain chats again, with a tool in each and names that nobody gives left empty."""
    named = _shapes_of(_as_text, "assistant")
    return {
        f"{_TEXT}/{name}": shape._replace(tools=(_TOOL,), lenient=True)
        for name, shape in named.items()
        if name in (*BASIC, REASONING, *CALLS)
    }


def _as_text(text: str) -> JsonValue:
    return text


def _as_parts(text: str) -> JsonValue:
    return [{"type": "text", "text": text}]


def _shapes_of(wrap: Callable[[str], JsonValue], assistant: str) -> dict[str, Conversation]:
    def say(role: str, text: str, **more: JsonValue) -> JsonObject:
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
