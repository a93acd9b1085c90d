"""What is said of one answer of a probe, and of one rate."""

from collections.abc import Iterator, Mapping
from functools import reduce
from typing import Final

from genfix.message import Message, message, text
from genfix.probe.figures import percent
from genfix.probe.measuring import Summary
from genfix.probe.probe_values import LeakKind, Measure, ToolVerdict
from genfix.probe.quality.answer_verdict import Verdict
from genfix.probe.statistics import Interval
from genfix.show import show

_MARKERS: Final = 6
_LEAKS: Final[Mapping[LeakKind, Message]] = {
    LeakKind.TOKEN: text("token inside the answer"),
    LeakKind.ROLE: text("role name inside the answer"),
    LeakKind.NEXT_TURN: text("the user's next turn"),
}
TOOL_VERDICTS: Final[Mapping[ToolVerdict, Message]] = {
    ToolVerdict.WELL_FORMED: text("well-formed"),
    ToolVerdict.MALFORMED: text("malformed"),
    ToolVerdict.AS_TEXT: text("as-text"),
    ToolVerdict.NONE: message("probe-no-tool-call", "none"),
}


def seen_in(summary: Summary) -> Iterator[tuple[Message, list[Message]]]:
    """Turn ends and leaked markers, the most frequent ones: a label, and in how many answers each is."""
    for label, counts in (
        (text("turn ends seen"), summary.turn_ends),
        (text("leaked"), summary.leaked_markers),
    ):
        if counts:
            most = list(counts.items())[:_MARKERS]
            yield label, [text("{token} in {count}", token=token, count=count) for token, count in most]


def tool_calls(summary: Summary) -> list[Message]:
    """What became of tool calls, and how often."""
    return [
        text("{count} {verdict}", count=count, verdict=TOOL_VERDICTS[verdict])
        for verdict, count in summary.tools.items()
    ]


def fault_of(verdict: Verdict) -> Message:
    """Why an answer is wrong."""
    return verdict.fault.why if verdict.fault is not None else text("right")


def one_line(written: str, line_break: str = r"\n") -> str:
    """What a model wrote, with all that hides made visible."""
    return line_break.join(map(show, written.split("\n")))


def share(rate: Interval) -> Message:
    """A rate with its interval."""
    low, high = percent(rate.low), percent(rate.high)
    return text("{rate} ({low} to {high})", rate=percent(rate.value), low=low, high=high)


def state(one: Measure) -> Message:
    """What is to be said of one answer, in a few words."""
    failure = one.answer.failure
    if failure is not None:
        return Message("", "{why}", {"why": failure.detail})
    end = (
        text("stopped") if one.stopped else text("ran to the limit") if one.answer.at_limit else text("ended")
    )
    parts = [text("{end} at {token}", end=end, token=one.turn_end) if one.turn_end is not None else end]
    if one.leaks:
        leak = one.leaks[0]
        parts.append(text("{what}: {marker}", what=_LEAKS[leak.kind], marker=leak.marker))
    if one.loop is not None:
        times = one.loop.times
        parts.append(text("repeats itself {times} times", times=times) if times else text("repeats itself"))
    if one.empty:
        parts.append(text("empty"))
    if one.tool is not None:
        call, fault = text("tool call {verdict}", verdict=TOOL_VERDICTS[one.tool]), one.tool_detail
        parts.append(text("{call} ({fault})", call=call, fault=fault) if fault is not None else call)
    return reduce(lambda said, more: text("{said}, {more}", said=said, more=more), parts)
