"""What of a conversation a chat template lets through: tools, calls, results, reasoning, parts of a content.

Never judged by itself: most templates lack most of these. What counts is what one template has and another
has not. The conversations are made of words that occur nowhere else (`conversations`).
"""

import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Final

from genfix.model import conversations as talks


class Ability(StrEnum):
    """One thing that reaches the prompt."""

    CHAT = "chat"
    """A question and its answer."""
    SYSTEM = "system"
    """The text of a system turn."""
    TOOLS = "tools"
    """The tools that are declared."""
    CALLS = "calls"
    """The assistant's calls of tools, with their arguments."""
    RESULTS = "results"
    """What a tool gave back."""
    NULL_CONTENT = "null-content"
    """Calls beside a content that is null, as OpenAI's API has it."""
    TEXT_ARGUMENTS = "text-arguments"
    """Calls whose arguments are JSON as text, as OpenAI's API has it."""
    PARTS = "parts"
    """Content as a list of parts."""
    REASONING = "reasoning"
    """The reasoning of an answer, in the last turn."""
    PROMPT = "prompt"
    """A prompt opens the assistant's turn, or ``add_generation_prompt`` does."""


WRITTEN_OUT: Final = re.compile(r"""(['"])type\1: ?(['"])text\2""")
"""A list of parts that was turned into text, by a template that takes strings only."""


def abilities(texts: Mapping[str, str]) -> frozenset[Ability]:
    """What the template lets through; ``texts`` are the rendered conversations, by ``group/name``."""

    def in_any(name: str, is_there: Callable[[str], bool]) -> bool:
        return any(is_there(texts[f"{group}/{name}"]) for group in talks.GROUPS if f"{group}/{name}" in texts)

    as_text = talks.CALLS[1]
    found = {
        Ability.CHAT: in_any(talks.SHORT, lambda text: talks.ASK_1 in text and talks.REPLY_1 in text),
        Ability.SYSTEM: in_any(talks.WITH_SYSTEM, lambda text: talks.SYSTEM in text),
        Ability.TOOLS: _in_own(talks.TOOLS_IN_TURN, texts, talks.DESCRIPTION)
        or any(in_any(name, lambda text: talks.DESCRIPTION in text) for name in talks.CALLS),
        Ability.CALLS: any(in_any(name, lambda text: talks.GIVEN in text) for name in talks.CALLS),
        Ability.RESULTS: any(
            in_any(name, lambda text: talks.RESULT in text) for name in (*talks.CALLS, *talks.TOOL_TURNS)
        ),
        Ability.NULL_CONTENT: _in_own(talks.NULL_CONTENT, texts, talks.GIVEN),
        Ability.TEXT_ARGUMENTS: in_any(as_text, lambda text: talks.GIVEN in text),
        Ability.PARTS: _takes_parts(texts.get(f"{talks.PARTS}/{talks.SHORT}", "")),
        Ability.REASONING: in_any(talks.REASONING, lambda text: talks.THOUGHT in text),
        Ability.PROMPT: not _unopened(texts)
        or any(
            texts.get(f"{group}/{talks.PROMPTED}") != texts.get(f"{group}/{talks.ASKED}")
            for group in talks.GROUPS
        ),
    }
    return frozenset(ability for ability, is_there in found.items() if is_there)


def _in_own(name: str, texts: Mapping[str, str], word: str) -> bool:
    """Whether a conversation that has a group of its own renders with ``word`` in it."""
    return any(word in text for key, text in texts.items() if key.startswith(f"{name}/"))


def _takes_parts(text: str) -> bool:
    return talks.ASK_1 in text and talks.REPLY_1 in text and not WRITTEN_OUT.search(text)


def _unopened(texts: Mapping[str, str]) -> str:
    """What stands before an assistant's words, and not at the end of a prompt for them; empty for nothing."""
    for group in talks.GROUPS:
        short, prompted = (texts.get(f"{group}/{name}") for name in (talks.SHORT, talks.PROMPTED))
        if short is None or prompted is None or talks.ASK_1 not in prompted:
            continue
        _, _, rest = short.rpartition(talks.ASK_1)
        opener, reply, _ = rest.partition(talks.REPLY_1)
        written = prompted.rpartition(talks.ASK_1)[2].rstrip()
        if not reply or not opener.startswith(written):
            return ""
        rest = opener[len(written) :].strip()
        return rest if any(map(str.isalnum, rest)) else ""  # a bracket opens nothing
    return ""
