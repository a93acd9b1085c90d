"""The words of a probe: names of measures, and one sentence per message id."""

from collections.abc import Mapping
from typing import Final

from genfix.json_types import JsonValue
from genfix.language import Language
from genfix.message import Message
from genfix.probe.statistics import Interval
from genfix.probe.values import LeakKind, Measure
from genfix.report.messages import words
from genfix.show import show

__all__ = [
    "PROBE_ENGLISH",
    "RATE_NAMES",
    "number",
    "percent",
    "probe_words",
    "said",
    "share",
    "signed",
    "state",
]

RATE_NAMES: Final[Mapping[str, str]] = {
    "stopped": "stopped by themselves",
    "leaked": "leaked the template",
    "repeated": "repeated themselves",
    "empty": "were empty",
}
_CHANGES: Final[Mapping[str, tuple[str, str]]] = {
    "stopped": ("more answers stop by themselves", "fewer answers stop by themselves"),
    "leaked": ("more answers leak the template", "fewer answers leak the template"),
    "repeated": ("more answers repeat themselves", "fewer answers repeat themselves"),
    "empty": ("more answers are empty", "fewer answers are empty"),
}
_LEAKS: Final[Mapping[LeakKind, str]] = {
    LeakKind.TOKEN: "token inside the answer",
    LeakKind.ROLE: "role name inside the answer",
    LeakKind.NEXT_TURN: "the user's next turn",
}

PROBE_ENGLISH: Final[Mapping[str, str]] = {
    "probe-no-answers": "no prompt was answered, so nothing is known",
    "probe-all-stop": "it stops: {count} of {total} answers ended by themselves, and none ran to the limit",
    "probe-ran-past": "{count} of {total} answers go on behind {token}, where a turn ends: the engine does not stop there; name the folder"
    " with --folder to see whether its files are the cause",
    "probe-files-lack": "{count} of {total} answers go on behind {token} ({id}): the model ends its turn, and {engine} does not stop, since"
    " the folder's files do not list that id; genfix check and genfix repair are for this",
    "probe-files-right-server-old": "{count} of {total} answers go on behind {token}, although the folder's files make {engine} stop: the server"
    " was started before a repair, with other settings or from another folder; restart it",
    "probe-role-text": "{count} of {total} answers go on with the next turn ({role} on a line of its own); the server hides special tokens, so the"
    " token before it cannot be named",
    "probe-limit-low": "{count} of {total} answers were cut off, all of them long ones: raise --max-tokens before you judge",
    "probe-sometimes": "{count} of {total} answers ran to the limit and {stopped} stopped: the turn end is known to the model; the limit may be"
    " too low, or the training too short",
    "probe-hidden": "{count} of {total} answers ran to the limit; the server hides special tokens, so whether the model wrote its turn end"
    " cannot be told; probe the folder itself (--engine), or a server that takes skip_special_tokens",
    "probe-never-ends": "{count} of {total} answers ran to the limit without any turn end in them; name the folder with --folder to see whether"
    " its files are right",
    "probe-never-ends-files-wrong": "{count} of {total} answers ran to the limit without a turn end in them, and {engine} would not stop at one:"
    " repair the folder first (genfix check), then probe again",
    "probe-not-trained": "files are right but it still never emits {token} ({id}): {count} of {total} answers ran to the limit without it, and"
    " {engine} would stop there; the end of turn was not trained, and config cannot fix that: train again with it in the labels",
    "probe-leak-and-stop": "{count} answers stopped and have template text inside, {token} for one: the model writes further turns before it stops",
    "probe-tool-text": "{count} tool calls stand in the text of the answer: the server has no parser for this model's calls, or the model writes"
    " another format",
    "probe-sample": "of other prompts like these {answered}, between {low} and {high} would stop, with 95 % confidence",
    "probe-no-pairs": "no prompt was answered by both, so nothing can be compared",
    "probe-differs": "{change}: {value} points ({low} to {high})",
    "probe-cannot-tell": "no difference is shown in how many {rate}: it may lie anywhere from {low} to {high} points",
    "probe-length": "the median change in length is {value} tokens ({low} to {high})",
    "probe-pairs": "{pairs} prompts were answered by both; the intervals have 95 % confidence and are about prompts like these, and"
    " whether an answer is true or well written is for a person to read",
}
"""Every sentence, without a final full stop."""


def said(text: str, language: Language, *filled: str | int) -> str:
    """A short text in ``language``, with what fills its blanks; the English one is its key."""
    if language is Language.CHINESE:
        from genfix.report.probe_zh import SAID  # noqa: PLC0415 - only for readers of Chinese

        text = SAID.get(text, text)
    return text.format(*filled)


def probe_words(told: Message, language: Language = Language.ENGLISH) -> str:
    """A message of a diagnosis or a verdict in words, safe to print."""
    args: dict[str, JsonValue] = dict(told.args)
    if told.id in {"probe-differs", "probe-cannot-tell"}:
        name, value = str(args["rate"]), args["value"]
        more, fewer = _CHANGES[name]
        args |= {
            "rate": said(RATE_NAMES[name], language),
            "change": said(more if isinstance(value, float) and value > 0 else fewer, language),
        }
    style = {
        "probe-differs": signed,
        "probe-cannot-tell": signed,
        "probe-sample": percent,
        "probe-length": number,
    }
    shaped = style.get(told.id)
    if shaped is not None:
        args = {key: shaped(value) if isinstance(value, float) else value for key, value in args.items()}
    return words(Message(told.id, args), _sentences(language))


def _sentences(language: Language) -> Mapping[str, str]:
    if language is Language.ENGLISH:
        return PROBE_ENGLISH
    from genfix.report.probe_zh import CHINESE  # noqa: PLC0415 - only for readers of Chinese

    return {**PROBE_ENGLISH, **CHINESE}


def percent(value: float) -> str:
    """A share as a person reads it: never 100 % where one is missing, nor 0 % where one is there."""
    shown = value * 100
    return f"{_short(shown if shown in {0.0, 100.0} else min(max(shown, 0.1), 99.9))} %"


def signed(value: float) -> str:
    """A difference of shares in percentage points."""
    return f"{'+' if value > 0 else ''}{_short(value * 100)}"


def _short(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def number(value: float) -> str:
    """A number without needless digits."""
    return f"{value:.0f}" if abs(value) >= 100 or value == round(value) else f"{value:.2g}"


def share(rate: Interval, language: Language = Language.ENGLISH) -> str:
    """A rate with its interval."""
    return said("{} ({} to {})", language, percent(rate.value), percent(rate.low), percent(rate.high))


def state(one: Measure, language: Language = Language.ENGLISH) -> str:
    """What is to be said of one answer, in a few words."""
    failure = one.answer.failure
    if failure is not None:
        return show(failure.detail)
    end = "stopped" if one.stopped else "ran to the limit" if one.answer.at_limit else "ended"
    parts = [said(end, language)]
    if one.turn_end is not None:
        parts[0] = said("{} at {}", language, parts[0], show(one.turn_end))
    if one.leaks:
        leak = one.leaks[0]
        parts.append(said("{}: {}", language, said(_LEAKS[leak.kind], language), show(leak.marker)))
    if one.loop is not None:
        times = one.loop.times
        parts.append(said("repeats itself {} times" if times else "repeats itself", language, times))
    if one.empty:
        parts.append(said("empty", language))
    if one.tool is not None:
        called = said("tool call {}", language, one.tool)
        parts.append(called + (f" ({show(one.tool_detail)})" if one.tool_detail else ""))
    return said(", ", language).join(parts)
