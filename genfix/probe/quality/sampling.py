"""Whether a server does what it is asked about sampling: the seed, and the temperature.

A few short requests follow the prompts: two that are equal, one with another seed, and two at
temperature 0. What they show is said; a server that keeps none of it gives other answers in every run.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from genfix.errors import GenfixError
from genfix.json_types import JsonObject
from genfix.message import Message, text
from genfix.probe.probe_run import ask_all
from genfix.probe.probe_values import Answer, Limits, Prompt
from genfix.probe.server import Server

_QUESTION: Final = "Invent a name for a spaceship, and describe its crew in two sentences."
_SHORT: Final = 48
"""Tokens: enough for two samples to part."""
_SECONDS: Final = 30.0
"""Per request: it is no reason to wait long."""
_ASKED: Final[Mapping[str, JsonObject]] = {
    "sampling-first": {"temperature": 1.0, "seed": 7},
    "sampling-equal": {"temperature": 1.0, "seed": 7},
    "sampling-other-seed": {"temperature": 1.0, "seed": 8},
    "sampling-greedy": {"temperature": 0.0, "seed": 7},
    "sampling-greedy-other-seed": {"temperature": 0.0, "seed": 8},
}


@dataclass(frozen=True, slots=True)
class Sampling:
    """How answers were sampled, and whether the server did as it was asked; `None`: not known."""

    temperature: float | None
    """`None`: the server's own."""
    seed: int | None
    """`None`: the server takes none."""
    keeps_seed: bool | None = None
    """Whether two equal requests gave the same answer."""
    keeps_zero: bool | None = None
    """Whether two requests at temperature 0 gave the same answer."""
    has_temperature: bool | None = None
    """Whether any of temperature and seed made a difference."""


def ask_about_sampling(server: Server, limits: Limits, temperature: float | None) -> tuple[Sampling, bool]:
    """Ask a server that has answered before, and whether Ctrl-C ended that. Nothing is known where a request
    fails.
    """
    known = Sampling(temperature, server.seed)
    messages: tuple[JsonObject, ...] = ({"role": "user", "content": _QUESTION},)
    prompts = tuple(
        Prompt(name, "sampling", "en", messages, settings={**settings, "max_tokens": _SHORT})
        for name, settings in _ASKED.items()
    )
    short = replace(limits, request_seconds=min(limits.request_seconds, _SECONDS), retries=0)
    try:
        outcome = ask_all(server, prompts, short, lambda _: None)
    except GenfixError:
        return known, False
    return _judged(outcome.answers, known), outcome.interrupted


def _judged(answers: Sequence[Answer], known: Sampling) -> Sampling:
    said = [(one.reasoning, one.text) for one in answers if one.failure is None]
    if known.seed is None or len(said) < len(_ASKED):
        return known
    first, equal, _, greedy, greedy_other = said
    return replace(
        known, keeps_seed=first == equal, keeps_zero=greedy == greedy_other, has_temperature=len({*said}) > 1
    )


def sampling_remarks(server: str, found: Sampling) -> list[Message]:
    """What is to be said of a server that does not do as it is asked."""
    if found.keeps_seed is None:
        if found.seed is None:
            return [text("{server} takes no seed: another run may give other answers", server=server)]
        return []
    remarks = []
    if not found.keeps_seed:
        remarks.append(
            text(
                "{server} does not keep the seed: two equal requests gave different answers, and so may "
                "another run",
                server=server,
            )
        )
    if not found.keeps_zero:
        remarks.append(
            text(
                "{server} does not keep temperature 0: two such requests gave different answers",
                server=server,
            )
        )
    if not found.has_temperature:
        remarks.append(
            text(
                "{server} gave the same answer at temperature 0 and 1 and with another seed: it ignores "
                "both, or samples among too few tokens",
                server=server,
            )
        )
    return remarks
