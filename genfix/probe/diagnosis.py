"""What the answers mean, and what they cannot tell: the model's behaviour joined with its files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from genfix.engines.every import all_engines, engine_view
from genfix.engines.transformers5 import ENGINE as TRANSFORMERS
from genfix.message import Arg, Message, message, text
from genfix.model import Model
from genfix.probe.figures import RATE_NAMES, number, percent, signed
from genfix.probe.markers import Markers
from genfix.probe.measuring import Comparison, Summary
from genfix.probe.probe_values import Leak, LeakKind, Measure, ToolVerdict
from genfix.probe.statistics import Interval

_DEFAULT_ENGINE: Final = "vllm"
"""Whose view of the files is taken where the server does not say what it is."""
_LONG: Final = "long"
_CHANGES: Final[Mapping[str, tuple[Message, Message]]] = {
    "stopped": (text("more answers stop by themselves"), text("fewer answers stop by themselves")),
    "leaked": (text("more answers leak the template"), text("fewer answers leak the template")),
    "repeated": (text("more answers repeat themselves"), text("fewer answers repeat themselves")),
    "empty": (text("more answers are empty"), text("fewer answers are empty")),
}
"""A rate that rose, and one that fell."""


@dataclass(frozen=True, slots=True)
class Files:
    """What a folder's files make an engine do."""

    engine: str
    stops: dict[int, str]
    """The engine's stop ids, and their tokens."""
    ids: dict[str, int]
    """The turn ends of the template that are one token here."""

    @property
    def right(self) -> bool:
        """Whether the engine stops at a turn end of the template."""
        return any(token_id in self.stops for token_id in self.ids.values())


def files_of(model: Model, engine: str) -> Files:
    """What ``engine`` (empty: not known) reads from a folder."""
    known = {"transformers": TRANSFORMERS.id, "ollama": "llama.cpp"}.get(engine, engine)
    name = known if known in all_engines() else _DEFAULT_ENGINE
    view = engine_view(name, model)
    texts = model.tokenizer.texts
    return Files(
        engine or name, {token: texts.get(token, "") for token in view.stop_token_ids}, dict(model.end_ids)
    )


def diagnose(
    measures: Sequence[Measure],
    summary: Summary,
    markers: Markers,
    files: Files | None,
    *,
    shows_tokens: bool,
) -> tuple[Message, ...]:
    """Why answers did not stop, and whether files can fix it."""
    answered = [one for one in measures if one.answered]
    if not answered:
        return (message("probe-no-answers", "no prompt was answered, so nothing is known"),)
    found = [_stopping(answered, summary, markers, files, shows_tokens=shows_tokens)]
    leaked = [one for one in answered if one.leaks and one.stopped]
    if leaked:
        found.append(
            message(
                "probe-leak-and-stop",
                "{count} answers stopped and have template text inside, {token} for one: the model writes "
                "further turns before it stops",
                count=len(leaked),
                token=leaked[0].leaks[0].marker,
            )
        )
    if summary.tools.get(ToolVerdict.AS_TEXT):
        found.append(
            message(
                "probe-tool-text",
                "{count} tool calls stand in the text of the answer: the server has no parser for this "
                "model's calls, or the model writes another format",
                count=summary.tools[ToolVerdict.AS_TEXT],
            )
        )
    rate = summary.rates["stopped"]
    found.append(
        message(
            "probe-sample",
            "of other prompts like these {answered}, between {low} and {high} would stop, with 95 % "
            "confidence",
            answered=len(answered),
            low=percent(rate.low),
            high=percent(rate.high),
        )
    )
    return tuple(found)


def _stopping(
    answered: Sequence[Measure],
    summary: Summary,
    markers: Markers,
    files: Files | None,
    *,
    shows_tokens: bool,
) -> Message:
    endless = [one for one in answered if one.answer.at_limit]
    total = len(answered)
    if not endless:
        return message(
            "probe-all-stop",
            "it stops: {count} of {total} answers ended by themselves, and none ran to the limit",
            count=sum(one.stopped for one in answered),
            total=total,
        )
    leaking = [one for one in endless if one.leaks]
    leaks = [leak for one in leaking for leak in one.leaks]
    written = _written_end(leaks, markers)
    if written is not None:
        return _ran_past(written, len(leaking), total, files)
    if leaking:
        return message(
            "probe-role-text",
            "{count} of {total} answers go on with the next turn ({role} on a line of its own); the server "
            "hides special tokens, so the token before it cannot be named",
            count=len(leaking),
            total=total,
            role=leaks[0].marker,
        )
    if all(one.prompt.group == _LONG and one.loop is None for one in endless):
        return message(
            "probe-limit-low",
            "{count} of {total} answers were cut off, all of them long ones: raise --max-tokens before "
            "you judge",
            count=len(endless),
            total=total,
        )
    return _never_ended(len(endless), total, summary, files, shows_tokens=shows_tokens)


def _written_end(leaks: Sequence[Leak], markers: Markers) -> str | None:
    """The first turn end inside an answer."""
    ends = set(markers.ends) or set(markers.tokens)
    return next(
        (leak.marker for leak in leaks if leak.kind is not LeakKind.ROLE and leak.marker in ends), None
    )


def _ran_past(token: str, count: int, total: int, files: Files | None) -> Message:
    """The model ends its turn, and the engine does not stop there."""
    args: dict[str, Arg] = {"token": token, "count": count, "total": total}
    if files is None:
        return message(
            "probe-ran-past",
            "{count} of {total} answers go on behind {token}, where a turn ends: the engine does not stop "
            "there; name the folder with --folder to see whether its files are the cause",
            **args,
        )
    token_id = files.ids.get(token)
    if token_id is not None and token_id not in files.stops:
        return message(
            "probe-files-lack",
            "{count} of {total} answers go on behind {token} ({id}): the model ends its turn, and "
            "{engine} does not stop, since the folder's files do not list that id; genfix check and "
            "genfix repair are for this",
            id=token_id,
            engine=files.engine,
            **args,
        )
    return message(
        "probe-files-right-server-old",
        "{count} of {total} answers go on behind {token}, although the folder's files make {engine} stop: "
        "the server was started before a repair, with other settings or from another folder; restart it",
        engine=files.engine,
        **args,
    )


def _never_ended(
    count: int, total: int, summary: Summary, files: Files | None, *, shows_tokens: bool
) -> Message:
    """Answers ran to the limit, and no turn end is in them."""
    args: dict[str, Arg] = {"count": count, "total": total}
    if stopped := round(summary.rates["stopped"].value * total):
        return message(
            "probe-sometimes",
            "{count} of {total} answers ran to the limit and {stopped} stopped: the turn end is known to the "
            "model; the limit may be too low, or the training too short",
            stopped=stopped,
            **args,
        )
    if not shows_tokens:
        return message(
            "probe-hidden",
            "{count} of {total} answers ran to the limit; the server hides special tokens, so whether the "
            "model wrote its turn end cannot be told; probe the folder itself (--engine), or a server "
            "that takes skip_special_tokens",
            **args,
        )
    if files is None:
        return message(
            "probe-never-ends",
            "{count} of {total} answers ran to the limit without any turn end in them; name the folder with "
            "--folder to see whether its files are right",
            **args,
        )
    if not files.right:
        return message(
            "probe-never-ends-files-wrong",
            "{count} of {total} answers ran to the limit without a turn end in them, and {engine} would "
            "not stop at one: repair the folder first (genfix check), then probe again",
            engine=files.engine,
            **args,
        )
    token, token_id = next((name, number) for name, number in files.ids.items() if number in files.stops)
    return message(
        "probe-not-trained",
        "files are right but it still never emits {token} ({id}): {count} of {total} answers ran to the "
        "limit without it, and {engine} would stop there; the end of turn was not trained, and config "
        "cannot fix that: train again with it in the labels",
        token=token,
        id=token_id,
        engine=files.engine,
        **args,
    )


def judge_comparison(comparison: Comparison) -> tuple[Message, ...]:
    """What the sample can tell about the difference between two models, and what it cannot."""
    if comparison.pairs == 0:
        return (message("probe-no-pairs", "no prompt was answered by both, so nothing can be compared"),)
    said = [_rate_message(name, rate) for name, rate in comparison.rates.items()]
    length = comparison.tokens
    if length is not None:
        said.append(
            message(
                "probe-length",
                "the median change in length is {median} tokens ({low} to {high})",
                median=number(length.value),
                low=number(length.low),
                high=number(length.high),
            )
        )
    pairs = message(
        "probe-pairs",
        "{pairs} prompts were answered by both; the intervals have 95 % confidence and are about prompts "
        "like these, and whether an answer is true or well written is for a person to read",
        pairs=comparison.pairs,
    )
    return (*said, pairs)


def _rate_message(name: str, rate: Interval) -> Message:
    low, high = signed(rate.low), signed(rate.high)
    if rate.low > 0 or rate.high < 0:
        rose, fell = _CHANGES[name]
        return message(
            "probe-differs",
            "{change}: {points} points ({low} to {high})",
            change=rose if rate.value > 0 else fell,
            points=signed(rate.value),
            low=low,
            high=high,
        )
    return message(
        "probe-cannot-tell",
        "no difference is shown in how many {rate}: it may lie anywhere from {low} to {high} points",
        rate=RATE_NAMES[name],
        low=low,
        high=high,
    )
