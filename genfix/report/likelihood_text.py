"""How likely texts are, for people: on a terminal, and in words that the page has too."""

from collections.abc import Mapping
from typing import Final

from genfix.api.likelihood import LikelihoodReport, LikelihoodRun
from genfix.message import Message, text
from genfix.probe.likelihood.bits import Change, Group
from genfix.probe.likelihood.pointers import LANGUAGE_NAMES, signed_bits
from genfix.report.layout import pad, wrap
from genfix.report.style import Style

_LABEL: Final = 22
GROUP_NAMES: Final[Mapping[str, Message]] = {
    "all": text("all texts"),
    **LANGUAGE_NAMES,
    "prose": text("prose"),
    "dialogue": text("dialogues"),
    "code": text("code"),
    "list": text("lists and tables"),
    "own": text("your own texts"),
}


def likelihood_text(report: LikelihoodReport, style: Style) -> list[str]:
    """A line per group of texts, and what they say."""
    title = text("bits per character ({texts})", texts=report.texts)
    lines = [style.mark(style.words(title), "bold")]
    lines += [
        f"    {pad(style.words(GROUP_NAMES[group.name]), _LABEL)} {style.words(row_of(group))}"
        for group in report.groups
    ]
    for said in (*report.verdict, *handled(report)):
        lines += wrap(style.words(said), style.room, "    -> ", "       ")
    return lines


def row_of(group: Group) -> Message:
    """One group's numbers."""
    run = f"{group.run.per_character:.3f}"
    if group.against is None or group.change is None:
        return text("{run} ({count} text)", "{run} ({count} texts)", run=run, count=group.run.texts)
    return text(
        "{run}, against {against}: {change}",
        run=run,
        against=f"{group.against.per_character:.3f}",
        change=change_of(group.change),
    )


def change_of(change: Change) -> Message:
    """A difference, with its interval where there is one."""
    value = signed_bits(change.value)
    if change.low is None or change.high is None:
        return text("{value}", value=value)
    return text(
        "{value} ({low} to {high})", value=value, low=signed_bits(change.low), high=signed_bits(change.high)
    )


def handled(report: LikelihoodReport) -> list[Message]:
    """How texts began: with a BOS, or without one."""
    runs = [one for one in (report.run, report.against) if one is not None and one.scored]
    return [_beginning(one) for one in runs]


def _beginning(run: LikelihoodRun) -> Message:
    args = {"model": run.label}
    if run.bos is None:
        return text(
            "{model}: whether a BOS stood before each text is not told; the first token is not counted",
            **args,
        )
    if run.bos:
        return text("{model}: a BOS stood before each text; the first token behind it is not counted", **args)
    return text("{model}: no BOS stood before the texts; their first token is not counted", **args)
