"""Whether one answer is right."""

from dataclasses import dataclass
from typing import Final

from genfix.message import text
from genfix.probe.probe_values import Answer, LeakKind, Measure, Prompt
from genfix.probe.quality.given import MOST, Fault, Given, NotJudgedError
from genfix.probe.quality.object_checks import ThinkingCheck
from genfix.probe.quality.thoughts import Thoughts, split_thoughts

_LEAKS: Final = frozenset({LeakKind.TOKEN, LeakKind.NEXT_TURN})


@dataclass(frozen=True, slots=True)
class Setting:
    """What is known of the model, beside its answers."""

    opens_thinking: bool = False
    """Whether its prompt ends in an opened thinking block, so that answers begin inside it."""
    calls_in_text: bool = False
    """Whether nothing takes tool calls out of its text, as an engine without a server does not."""


ON_A_SERVER: Final = Setting()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a checker says of one answer."""

    prompt: Prompt
    fault: Fault | None
    """`None`: the answer is right."""

    @property
    def passed(self) -> bool:
        """Whether the answer is right."""
        return self.fault is None


def judge(prompt: Prompt, answer: Answer, written: str, setting: Setting = ON_A_SERVER) -> Verdict | None:
    """Whether an answer is right; ``written`` is its text without the turn end.

    `None` where there is nothing to judge: the prompt has no check, the server gave no answer or takes no
    such prompt, or the answer shows nothing of what is checked.
    """
    if prompt.check is None or answer.failure is not None:
        return None
    try:
        return Verdict(prompt, _fault(prompt, answer, written, setting))
    except NotJudgedError:
        return None


def judge_measure(one: Measure, written: str, setting: Setting) -> Verdict | None:
    """As `judge`; an answer that loops or has the chat template inside is wrong whatever else it says."""
    found = judge(one.prompt, one.answer, written, setting)
    if found is not None and found.passed and one.loop is not None:
        return Verdict(one.prompt, Fault(text("it repeats itself"), one.loop.unit))
    leak = next((leak for leak in one.leaks if leak.kind in _LEAKS), None)
    if found is None or not found.passed or leak is None:
        return found
    return Verdict(one.prompt, Fault(text("{marker} is inside the answer", marker=leak.marker), leak.marker))


def _fault(prompt: Prompt, answer: Answer, written: str, setting: Setting) -> Fault | None:
    if prompt.check is None:
        raise NotJudgedError
    thoughts = _thoughts(answer, written, setting)
    is_thinking = isinstance(prompt.check, ThinkingCheck)
    if not thoughts.closed and not is_thinking:
        return Fault(text("the thinking block is not closed"))
    if answer.at_limit and thoughts.closed:
        return Fault(text("it ran to the limit of tokens"))
    if len(thoughts.answer) > MOST:
        return Fault(text("it is far too long"))
    last = prompt.messages[-1].get("content")
    given = Given(
        text=thoughts.answer.strip(),
        asked=last if isinstance(last, str) else "",
        thoughts=thoughts,
        calls=answer.tool_calls,
        tools=prompt.tools,
        calls_in_text=setting.calls_in_text,
    )
    return prompt.check.fault(given)


def _thoughts(answer: Answer, written: str, setting: Setting) -> Thoughts:
    """The thinking block of the text, or the one that the server has taken out of it."""
    if answer.reasoning:
        found = split_thoughts(written)
        is_closed = bool(found.answer.strip() or answer.tool_calls)
        return Thoughts(found.answer, seen=True, closed=found.closed and is_closed)
    return split_thoughts(written, opened=setting.opens_thinking)
