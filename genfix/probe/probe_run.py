"""All prompts put to a server, several at a time, within the limits."""

import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass, replace
from typing import Final

from genfix.message import Message, text
from genfix.probe.probe_values import Answer, Failure, FailureKind, Limits, Prompt
from genfix.probe.server import Server
from genfix.probe.watch import Watch

OnAnswer = Callable[[Answer], None]
"""Called with every answer as it comes, in the caller's thread."""

FATAL: Final = frozenset({FailureKind.REFUSED_KEY, FailureKind.NO_MODEL})
"""Failures that no further request would escape."""
_TICK: Final = 0.2
"""How long an interrupt may wait where the platform does not deliver it to a waiting thread."""


@dataclass(frozen=True, slots=True)
class AnswerRun:
    """The answers in the order of the prompts, and how the run ended."""

    answers: tuple[Answer, ...]
    interrupted: bool = False
    out_of_time: bool = False
    gave_up: Failure | None = None
    """Why the run was ended early: nothing but failures, or one that no further request would escape."""

    @property
    def ended_early(self) -> bool:
        """Whether there were prompts that nobody asked."""
        return self.interrupted or self.out_of_time or self.gave_up is not None


def ask_all(server: Server, prompts: Sequence[Prompt], limits: Limits, progress: OnAnswer) -> AnswerRun:
    """Put all prompts to a server. Ctrl-C ends the run, and what is there by then is given back."""
    until = time.monotonic() + limits.total_seconds
    found: dict[str, Answer] = {}
    with Watch(until) as watch:
        try:
            find_model(server, watch)
            gave_up = _collect(server, prompts, limits, watch, found, progress)
        except KeyboardInterrupt:
            return AnswerRun(in_order(prompts, found, text("interrupted")), interrupted=True)
    late = time.monotonic() >= until and len(found) < len(prompts)
    why = text("the time for the whole run was up") if late else text("the run was ended early")
    return AnswerRun(in_order(prompts, found, why), out_of_time=late, gave_up=gave_up)


def in_order(prompts: Sequence[Prompt], found: Mapping[str, Answer], why: Message) -> tuple[Answer, ...]:
    """An answer for every prompt; ``why`` is said of those that have none."""
    missing = Answer("", failure=Failure(FailureKind.NOT_ASKED, why))
    return tuple(found.get(prompt.id) or replace(missing, prompt=prompt.id) for prompt in prompts)


def find_model(server: Server, watch: Watch) -> None:
    """Learn the model's name, as `Server.find_model` does and raises.

    In a thread: a name that does not resolve cannot be interrupted, and the run ends all the same.
    """
    found: Future[None] = Future()

    def find() -> None:
        try:
            server.find_model(watch)
            found.set_result(None)
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            found.set_exception(error)

    threading.Thread(target=find, name="probe-model", daemon=True).start()
    while not watch.over and not found.done():
        wait([found], _TICK)
    if found.done():
        found.result()


def _collect(
    server: Server,
    prompts: Sequence[Prompt],
    limits: Limits,
    watch: Watch,
    found: dict[str, Answer],
    progress: OnAnswer,
) -> Failure | None:
    waiting: queue.SimpleQueue[Prompt] = queue.SimpleQueue()
    ready: queue.SimpleQueue[Answer] = queue.SimpleQueue()
    for prompt in prompts:
        waiting.put(prompt)
    # Daemons: a name that does not resolve cannot be interrupted, and must not hold up the exit.
    for number in range(min(limits.concurrency, len(prompts))):
        threading.Thread(
            target=_work, args=(server, waiting, ready, watch), name=f"probe-{number}", daemon=True
        ).start()
    failures = 0
    while len(found) < len(prompts) and not watch.over:
        try:
            answer = ready.get(timeout=_TICK)
        except queue.Empty:
            continue
        failure = answer.failure
        if failure is not None and failure.kind is FailureKind.NOT_ASKED:
            continue
        found[answer.prompt] = answer
        progress(answer)
        failures += failure is not None and failure.kind.counts
        if failure is not None and (
            failure.kind in FATAL
            or (failures >= min(limits.early_failures, len(prompts)) and failures == len(found))
        ):
            return failure
    return None


def _work(
    server: Server, waiting: "queue.SimpleQueue[Prompt]", ready: "queue.SimpleQueue[Answer]", watch: Watch
) -> None:
    while not watch.over:
        try:
            prompt = waiting.get_nowait()
        except queue.Empty:
            return
        ready.put(server.ask(prompt, watch))
