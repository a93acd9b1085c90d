"""Whether a server does what it is asked about sampling: the seed, and the temperature.

A few short requests go along with the prompts: two that are equal, one with another seed, and two at
temperature 0. What they show is said; a server that keeps none of it gives other answers in every run.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from genfix.json_types import JsonObject
from genfix.message import Message, text
from genfix.probe.probe_values import Answer, Prompt

_QUESTION: Final = "Invent a name for a spaceship, and describe its crew in two sentences."
_SHORT: Final = 48
"""Tokens: enough for two samples to part."""
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


def sampling_prompts() -> tuple[Prompt, ...]:
    """The requests that are asked beside the prompts."""
    messages: tuple[JsonObject, ...] = ({"role": "user", "content": _QUESTION},)
    return tuple(
        Prompt(name, "sampling", "en", messages, settings={**settings, "max_tokens": _SHORT})
        for name, settings in _ASKED.items()
    )


def is_sampling(prompt_id: str) -> bool:
    """Whether an answer is to one of `sampling_prompts`."""
    return prompt_id in _ASKED


def judge_sampling(answers: Sequence[Answer], temperature: float | None, seed: int | None) -> Sampling:
    """What the answers to `sampling_prompts` show; nothing where one of them is missing."""
    said = {one.prompt: (one.reasoning, one.text) for one in answers if one.failure is None}
    if seed is None or said.keys() < _ASKED.keys():
        return Sampling(temperature, seed)
    first, equal, other, greedy, greedy_other = (said[name] for name in _ASKED)
    return Sampling(
        temperature,
        seed,
        keeps_seed=first == equal,
        keeps_zero=greedy == greedy_other,
        has_temperature=len({first, equal, other, greedy, greedy_other}) > 1,
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
