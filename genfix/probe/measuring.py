"""From an answer to what is seen in it, and from all of them to the sums."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from genfix.probe.leakage import find_leaks, split_turn_end
from genfix.probe.markers import Markers
from genfix.probe.probe_values import Answer, Measure, Prompt, ToolVerdict
from genfix.probe.repetition import find_loop
from genfix.probe.statistics import Interval, Paired, median_interval, paired_difference, quantile, wilson
from genfix.probe.tool_calls import judge_tool_calls

RATES: Final = ("stopped", "leaked", "repeated", "empty")
"""The yes-or-no measures, in the order of reports."""


@dataclass(frozen=True, slots=True)
class Spread:
    """How a number is spread over the answers."""

    least: float
    median: float
    p95: float
    most: float


@dataclass(frozen=True, slots=True)
class Summary:
    """All answers of one model in sum."""

    asked: int
    answered: int
    failed: int
    """Requests that failed; prompts the server does not take, or that were not asked, are neither."""
    rates: dict[str, Interval]
    """By name of `RATES`; empty where nothing was answered."""
    at_limit: int
    tokens: Spread | None
    seconds: Spread | None
    first_seconds: Spread | None
    tokens_per_second: Spread | None
    turn_ends: dict[str, int]
    """Turn ends seen, with how often."""
    leaked_markers: dict[str, int]
    """Markers inside answers, with in how many."""
    tools: dict[ToolVerdict, int]

    @property
    def stop_rate(self) -> float | None:
        """The share of answers that ended by themselves."""
        stopped = self.rates.get("stopped")
        return stopped.value if stopped is not None else None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two models on the same prompts: the second minus the first."""

    pairs: int
    rates: dict[str, Interval]
    counts: dict[str, Paired]
    tokens: Interval | None
    """The median of the differences in length, in tokens."""


def measure(prompt: Prompt, answer: Answer, markers: Markers) -> Measure:
    """What is seen in one answer."""
    text, turn_end = split_turn_end(answer, markers)
    tool, detail = judge_tool_calls(prompt, answer, text)
    failed = answer.failure is not None
    return Measure(
        prompt=prompt,
        answer=answer,
        turn_end=turn_end,
        leaks=() if failed else find_leaks(text, markers, _hidden(answer, markers)),
        loop=None if failed else find_loop(text),
        empty=not failed and not text.strip() and not answer.tool_calls,
        tool=tool,
        tool_detail=detail,
    )


def _hidden(answer: Answer, markers: Markers) -> tuple[str, ...]:
    """Role tokens among the token ids; the last one of an answer that stopped is its end."""
    ids = answer.token_ids or ()
    inner = ids[:-1] if answer.stopped else ids
    names = markers.ids or {}
    return tuple(names[token] for token in inner if names.get(token) in markers.tokens)


def summarize(measures: Sequence[Measure]) -> Summary:
    """The sums over all answers."""
    answered = [one for one in measures if one.answered]
    answers = [one.answer for one in answered]
    return Summary(
        asked=len(measures),
        answered=len(answered),
        failed=sum(one.answer.failure is not None and one.answer.failure.kind.counts for one in measures),
        rates=_rates(answered),
        at_limit=sum(answer.at_limit for answer in answers),
        tokens=_spread(answer.tokens for answer in answers),
        seconds=_spread(answer.seconds for answer in answers),
        first_seconds=_spread(answer.first_seconds for answer in answers),
        tokens_per_second=_spread(answer.tokens_per_second for answer in answers),
        turn_ends=_counted([one.turn_end] for one in answered),
        leaked_markers=_counted({leak.marker: None for leak in one.leaks} for one in answered),
        tools=_tools(answered),
    )


def _rates(answered: Sequence[Measure]) -> dict[str, Interval]:
    found = {name: wilson(sum(one.flags()[name] for one in answered), len(answered)) for name in RATES}
    return {name: rate for name, rate in found.items() if rate is not None}


def _tools(answered: Sequence[Measure]) -> dict[ToolVerdict, int]:
    counts = Counter(one.tool for one in answered)
    return {verdict: counts[verdict] for verdict in ToolVerdict if counts[verdict]}


def _spread(values: Iterable[float | None]) -> Spread | None:
    known = [value for value in values if value is not None]
    if not known:
        return None
    return Spread(min(known), quantile(known, 0.5), quantile(known, 0.95), max(known))


def _counted(groups: Iterable[Iterable[str | None]]) -> dict[str, int]:
    counts = Counter(name for group in groups for name in group if name is not None)
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def compare(first: Sequence[Measure], second: Sequence[Measure]) -> Comparison:
    """Compare two runs over the prompts that both answered."""
    others = {one.prompt.id: one for one in second if one.answered}
    pairs = [(one, others[one.prompt.id]) for one in first if one.answered and one.prompt.id in others]
    flags = [(one.flags(), other.flags()) for one, other in pairs]
    counts = {name: Paired.of((one[name], other[name]) for one, other in flags) for name in RATES}
    rates = {name: rate for name, both in counts.items() if (rate := paired_difference(both)) is not None}
    tokens = [(one.answer.tokens, other.answer.tokens) for one, other in pairs]
    longer = [after - before for before, after in tokens if before is not None and after is not None]
    return Comparison(len(pairs), rates, counts, median_interval(longer))
