"""Tasks of lm-evaluation-harness put to a server, in a child process; their numbers with standard errors.

The harness is not part of genfix: `genfix[lm-eval]` brings it, here or in another interpreter. Without
consent it is offline, so that nothing is downloaded by the way.
"""

import contextlib
import json
import math
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from genfix.errors import InputError, ProbeError
from genfix.json_types import JsonObject, JsonValue
from genfix.probe.endpoint import Endpoint
from genfix.probe.probe_values import Limits

_CHILD: Final = Path(__file__).with_name("tasks_child.py")
_KEYS: Final = frozenset({"GENFIX_API_KEY", "OPENAI_API_KEY"})
_TOKENS: Final = frozenset({"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "MODELSCOPE_API_TOKEN"})
_OFFLINE: Final = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
_STDERR: Final = "_stderr"
_Z: Final = 1.959963984540054


class TaskScore(NamedTuple):
    """One metric of one task."""

    task: str
    metric: str
    """With its filter, where it has one: ``exact_match,strict-match``."""
    value: float
    error: float | None
    """The standard error, as the harness gives it; `None` where it gives none."""
    questions: int


@dataclass(frozen=True, slots=True)
class TaskRun:
    """All tasks of one model."""

    scores: tuple[TaskScore, ...]
    version: str
    """Of the harness."""


class TaskDifference(NamedTuple):
    """One metric of two models: the second minus the first."""

    task: str
    metric: str
    value: float
    low: float
    high: float
    """With 95 % confidence, as if the models had been asked different questions; so it is rather too wide."""


@dataclass(frozen=True, slots=True)
class Tasks:
    """What is to be run."""

    names: tuple[str, ...]
    include: str | None = None
    """A folder with tasks of the user's own."""
    limit: int | None = None
    """Questions a task."""
    download: bool = False
    """Whether the harness may fetch their data."""
    python: str | None = None
    """The interpreter that has it; `None`: this one."""


def run_tasks(tasks: Tasks, place: Endpoint, model: str, limits: Limits) -> TaskRun:
    """Put the tasks to the server.

    Raises `InputError` for an interpreter that is not there, `ProbeError` where the harness cannot do it, or
    is not done in time.
    """
    python = tasks.python or sys.executable
    job: JsonObject = {
        "url": f"{place.label}/chat/completions",
        "model": model,
        "tasks": [*tasks.names],
        "include": tasks.include,
        "limit": tasks.limit,
        "concurrency": limits.concurrency,
        "seconds": limits.request_seconds,
    }
    said, last = _run(python, job, _environment(tasks, place), limits.total_seconds)
    try:
        value: JsonValue = json.loads(said)
    except (ValueError, RecursionError):
        value = None
    match value:
        case {"error": str(kind), "detail": str(why)}:
            raise _problem(kind, python, place.secrets.text(why))
        case {"version": str(version), "results": dict(results), "counts": dict(counts)}:
            return TaskRun(tuple(_scores(results, counts)), version)
        case _:
            raise _problem("failed", python, place.secrets.text(last))


def _problem(kind: str, python: str, why: str) -> ProbeError:
    match kind:
        case "no-lm-eval":
            return ProbeError(
                "{python} has no lm-evaluation-harness: {why}",
                "pip install 'genfix[lm-eval]', or name a Python that has it with --python",
                python=python,
                why=why,
            )
        case "missing":
            return ProbeError(
                "a part that the task needs is missing: {why}",
                "install it beside lm-eval; some tasks have extras of their own, such as lm-eval[ifeval]",
                why=why,
            )
        case "no-task":
            return ProbeError(
                "lm-evaluation-harness has no such task: {why}",
                "`lm-eval ls tasks` lists them; --include-tasks names a folder with your own",
                why=why,
            )
        case "data":
            return ProbeError(
                "the data of a task cannot be had: {why}",
                "genfix downloads none by itself: add --download-tasks, or fetch it once with lm-eval",
                why=why,
            )
        case "loglikelihood":
            return ProbeError(
                "a task asks for log probabilities, which chat completions have not: {why}",
                "take tasks that generate, such as gsm8k or ifeval; --likelihood is for texts",
                why=why,
            )
        case _:
            return ProbeError(
                "lm-evaluation-harness failed: {why}",
                "run lm-eval by itself to see more; does the server answer?",
                why=why,
            )


def _environment(tasks: Tasks, place: Endpoint) -> dict[str, str]:
    """The harness takes the key from the environment; what it does not need is not there."""
    kept_back = _KEYS if tasks.download else _KEYS | _TOKENS
    found = {name: value for name, value in os.environ.items() if name not in kept_back}
    found["TOKENIZERS_PARALLELISM"] = "false"
    return found | ({"OPENAI_API_KEY": place.key} if place.key else {}) | ({} if tasks.download else _OFFLINE)


def _run(python: str, job: JsonObject, environment: dict[str, str], seconds: float) -> tuple[bytes, str]:
    """What the child says, and the last line of what it prints."""
    try:
        child = subprocess.Popen(  # noqa: S603 - our own script, in the interpreter the user named
            [python, "-I", str(_CHILD)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            start_new_session=True,
        )
    except OSError as error:
        raise InputError(
            "cannot start {path}: {why}",
            "name a Python with --python",
            path=python,
            why=error.strerror or str(error),
        ) from error
    try:
        said, errors = child.communicate(json.dumps(job).encode(), timeout=seconds)
    except subprocess.TimeoutExpired as error:
        raise ProbeError(
            "the tasks were not done in {seconds:g} seconds",
            "raise --time-limit, or ask fewer questions: --task-limit 50",
            seconds=round(seconds, 1),
        ) from error
    finally:
        if child.poll() is None:
            with contextlib.suppress(OSError):
                os.killpg(child.pid, signal.SIGKILL)
            child.communicate()
    lines = errors.decode("utf-8", "replace").split("\n")
    return said, next((line.strip() for line in reversed(lines) if line.strip()), "")[:300]


def _scores(results: JsonObject, counts: JsonObject) -> list[TaskScore]:
    found: list[TaskScore] = []
    for task, values in results.items():
        questions = counts.get(task)
        for name, value in values.items() if isinstance(values, dict) else ():
            metric, _, rest = name.partition(",")
            if metric.endswith(_STDERR) or not _is_finite(value):
                continue
            error = values.get(f"{metric}{_STDERR},{rest}") if isinstance(values, dict) else None
            known = float(error) if isinstance(error, int | float) and _is_finite(error) else None
            number = float(value) if isinstance(value, int | float) else 0.0
            count = questions if isinstance(questions, int) else 0
            found.append(TaskScore(task, name.removesuffix(",none"), number, known, count))
    return found


def _is_finite(value: JsonValue) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def compare_tasks(first: TaskRun, second: TaskRun) -> tuple[TaskDifference, ...]:
    """The second minus the first, where both have a number with a standard error."""
    others = {(one.task, one.metric): one for one in second.scores}
    found: list[TaskDifference] = []
    for one in first.scores:
        other = others.get((one.task, one.metric))
        if other is None or one.error is None or other.error is None:
            continue
        half = _Z * math.hypot(one.error, other.error)
        difference = other.value - one.value
        found.append(TaskDifference(one.task, one.metric, difference, difference - half, difference + half))
    return tuple(found)


def named_tasks(words: Sequence[str]) -> tuple[str, ...]:
    """Task names as people give them, with commas."""
    return tuple(name.strip() for word in words for name in word.split(",") if name.strip())
