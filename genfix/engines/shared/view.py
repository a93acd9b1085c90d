"""What an inference engine will do with a model folder, as far as its config files decide it."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from genfix.json_types import JsonValue
from genfix.message import Message

NO_VOCABULARY: Final = "engine-has-no-vocabulary"
"""The problem of an engine that makes an empty tokenizer, and starts."""


class Effect(StrEnum):
    """What becomes of an engine that meets a problem."""

    NO_START = "no-start"
    NO_ANSWER = "no-answer"
    """It starts, and requests fail."""
    UNCERTAIN = "uncertain"
    """It starts and answers, but perhaps not as meant."""


class Problem(NamedTuple):
    """What an engine cannot take in a folder."""

    message: Message
    effect: Effect = Effect.NO_START

    @property
    def id(self) -> str:
        """Of its message."""
        return self.message.id


class SharedProblem(NamedTuple):
    """A problem, and the engines that have it."""

    problem: Problem
    engines: tuple[str, ...]


class TemplateSource(NamedTuple):
    """The chat template an engine takes: the file, and the SHA-256 of the text."""

    source: str
    sha256: str

    @classmethod
    def of(cls, source: str, text: str) -> "TemplateSource":
        """Of the text as the engine has it."""
        return cls(source, hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest())


class EngineView(NamedTuple):
    """One engine's reading of a folder."""

    engine: str
    version: str
    """The version whose code the view follows."""
    stop_token_ids: tuple[int, ...]
    """Token ids that end generation, in the order in which the engine meets them."""
    sampling: Mapping[str, JsonValue]
    """Defaults for requests that set nothing."""
    chat_template: TemplateSource | None
    context_length: int | None
    """Longest sequence in tokens; `None` where the files alone do not say."""
    problems: tuple[Problem, ...]
    """Why the folder does not load or does not chat."""
    trace: tuple[Message, ...]
    """Where each answer comes from."""
    stop_strings: tuple[str, ...] = ()
    """Texts that end generation too."""

    def __repr__(self) -> str:
        """Short: it has the chat template."""
        return f"<EngineView of {self.engine} {self.version}: stops at {[*self.stop_token_ids]}>"

    @property
    def loads(self) -> bool:
        """Whether the config files let the engine start."""
        return all(problem.effect is not Effect.NO_START for problem in self.problems)

    @property
    def works(self) -> bool:
        """Whether it starts, and knows words: a tokenizer without a vocabulary is none."""
        return self.loads and all(problem.id != NO_VOCABULARY for problem in self.problems)

    @property
    def answers(self) -> bool:
        """Whether they let it answer requests, too."""
        return all(problem.effect is Effect.UNCERTAIN for problem in self.problems)


def shared_problems(views: Iterable[EngineView]) -> tuple[SharedProblem, ...]:
    """What engines cannot take in a folder: each problem once, however many have it."""
    found: dict[str, tuple[Problem, dict[str, None]]] = {}
    for view in views:
        for problem in view.problems:
            found.setdefault(f"{problem.id} {problem.message}", (problem, {}))[1][view.engine] = None
    return tuple(SharedProblem(problem, tuple(engines)) for problem, engines in found.values())


class Reading(NamedTuple):
    """The part of an engine's view that rules judge by: `genfix check` pays for no more."""

    engine: str
    stop_token_ids: tuple[int, ...]
    sampling: Mapping[str, JsonValue]
    trace: tuple[Message, ...]


class StopVerdict(StrEnum):
    """What becomes of an engine's stop set from base to merged."""

    SAME = "same"
    """It has all ids the base's has."""
    NARROWED = "narrowed"
    """Ids are gone, but one that ends this model's turn is still there."""
    LOST = "lost"
    """The base stops and the merged model does not."""


def stop_verdict(
    base: EngineView | Reading, merged: EngineView | Reading, ends: Sequence[int]
) -> StopVerdict:
    """Compare two views of one engine. ``ends`` are the ids that end a turn of the merged model; empty: not
    known.

    A model stops when *any* of its turn ends is in the set. Where no end is known, any lost id may be the
    one.
    """
    had, has = set(base.stop_token_ids), set(merged.stop_token_ids)
    if had <= has:
        return StopVerdict.SAME
    if ends and has.intersection(ends):
        return StopVerdict.NARROWED
    if ends and not had.intersection(ends):
        return StopVerdict.NARROWED
    return StopVerdict.LOST


def is_worse(before: EngineView, after: EngineView, ends: Sequence[int]) -> bool:
    """Whether a planned change makes an engine do worse: it loads no more, stops less, or loses its
    template.
    """
    if before.works and not after.loads:
        return True
    if before.chat_template is not None and after.chat_template is None:
        return True
    known = {problem.id for problem in before.problems}
    if before.works and any(problem.id not in known for problem in after.problems):
        return True
    return stop_verdict(before, after, ends) is not StopVerdict.SAME


def breaks(before: EngineView, after: EngineView, ends: Sequence[int]) -> bool:
    """As `is_worse`, but only where the engine then loads no more, or ends this model's turns no more.

    For engines that no rule judges by: they may take a wrong EOS of the tokenizer for a stop token, and lose
    it with the repair.
    """
    if not before.works:
        return False
    if not after.loads:
        return True
    if before.chat_template is not None and after.chat_template is None:
        return True
    return not set(ends).isdisjoint(before.stop_token_ids) and set(ends).isdisjoint(after.stop_token_ids)
