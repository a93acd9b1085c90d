"""A model folder run by an engine in a child process, with limits and without a server."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, Generic, TypeVar

from genfix.errors import InputError, ProbeError
from genfix.json_types import JsonObject, JsonValue
from genfix.message import text
from genfix.probe.probe_run import AnswerRun, OnAnswer, in_order
from genfix.probe.probe_values import Answer, Failure, FailureKind, Limits, Prompt

T = TypeVar("T")
"""What is asked for."""

LOCAL_ENGINES: Final = ("transformers", "mlx-lm")
LOCAL_SEED: Final = 0
"""Set anew before every prompt."""
_CHILD: Final = Path(__file__).with_name("child.py")
_KEPT_BACK: Final = frozenset(
    {"GENFIX_API_KEY", "OPENAI_API_KEY", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "MODELSCOPE_API_TOKEN"}
)
_OFFLINE: Final = {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "TOKENIZERS_PARALLELISM": "false"}
_MAX_LINE: Final = 16 * 1024 * 1024
_MAX_STDERR: Final = 4096
_GRACE: Final = 30.0
"""Beyond a prompt's time, which the child keeps itself."""
_TICK: Final = 0.2


@dataclass(frozen=True, slots=True)
class LocalEngine:
    """What runs a folder."""

    name: str
    """One of `LOCAL_ENGINES`."""
    python: str | None = None
    """The interpreter that has it; `None`: this one."""
    temperature: float | None = None

    @property
    def interpreter(self) -> str:
        """The interpreter's path."""
        return self.python or sys.executable


def run_folder(
    engine: LocalEngine, folder: Path, prompts: Sequence[Prompt], limits: Limits, progress: OnAnswer
) -> tuple[AnswerRun, str]:
    """Put all prompts to the folder; also gives the engine's version. Ctrl-C ends the run and the child.

    Raises `InputError` for an engine or interpreter that is not there, `ProbeError` for a folder it cannot
    run.
    """
    asked: list[JsonValue] = [
        {
            "id": prompt.id,
            "messages": [dict(message) for message in prompt.messages],
            "tools": [dict(tool) for tool in prompt.tools] or None,
        }
        for prompt in prompts
    ]
    job = request_of(engine, folder, limits) | {"prompts": asked}

    def take(value: JsonObject) -> tuple[str, Answer] | None:
        answer = _answer(value)
        if answer is None:
            return None
        progress(answer)
        return answer.prompt, answer

    heard = ask_child(engine, job, len(prompts), limits, take)
    if heard.interrupted:
        answers = in_order(prompts, heard.found, text("interrupted"))
        return AnswerRun(answers, interrupted=True), heard.version
    answers = in_order(prompts, heard.found, text("the time for the run was up"))
    return AnswerRun(answers, out_of_time=heard.late), heard.version


@dataclass(frozen=True, slots=True)
class Heard(Generic[T]):
    """What a child said, and how it ended."""

    found: dict[str, T]
    """By id."""
    version: str
    """Of the engine."""
    interrupted: bool = False
    late: bool = False
    """Whether the time was up before all was said."""


def ask_child(
    engine: LocalEngine,
    job: JsonObject,
    count: int,
    limits: Limits,
    take: Callable[[JsonObject], tuple[str, T] | None],
) -> Heard[T]:
    """Run ``job`` in a child process until it has said ``count`` things; ``take`` reads one line of it, or
    gives `None` for one that it does not know.

    Raises `InputError` and `ProbeError` as `run_folder`.
    """
    if engine.name not in LOCAL_ENGINES:
        raise InputError(
            "genfix cannot run a folder with '{name}'",
            "known are {engines}",
            name=engine.name,
            engines=[*LOCAL_ENGINES],
        )
    child = _start(engine)
    talk = _Talk(engine, child, limits, take)
    try:
        return talk.run(job, count)
    finally:
        _end(child)
        talk.close()


def request_of(engine: LocalEngine, folder: Path, limits: Limits) -> dict[str, JsonValue]:
    """What every job has: the engine, the folder and the limits."""
    return {
        "engine": engine.name,
        "folder": str(folder.absolute()),
        "max_tokens": limits.max_tokens,
        "seconds": limits.request_seconds,
        "temperature": engine.temperature,
        "seed": LOCAL_SEED,
    }


def _start(engine: LocalEngine) -> "subprocess.Popen[bytes]":
    environment = {name: value for name, value in os.environ.items() if name not in _KEPT_BACK}
    try:
        # A session of its own: Ctrl-C reaches us alone, and we end the child with all it has started.
        return subprocess.Popen(  # noqa: S603 - our own script, in the interpreter the user named
            [engine.interpreter, "-I", str(_CHILD)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment | _OFFLINE,
            start_new_session=True,
        )
    except OSError as error:
        raise InputError(
            "cannot start {path}: {why}",
            "name a Python with --python",
            path=engine.interpreter,
            why=error.strerror or str(error),
        ) from error


def _end(child: "subprocess.Popen[bytes]") -> None:
    if child.poll() is None:
        if hasattr(os, "killpg"):
            os.killpg(child.pid, signal.SIGKILL)
        else:
            child.kill()
    child.wait()


class _Talk(Generic[T]):
    """The lines a child writes, read by a thread, so that the limits hold."""

    def __init__(
        self,
        engine: LocalEngine,
        child: "subprocess.Popen[bytes]",
        limits: Limits,
        take: Callable[[JsonObject], tuple[str, T] | None],
    ) -> None:
        self.engine, self.child, self.limits, self.take = engine, child, limits, take
        self.lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self.stderr = bytearray()
        self.threads = [
            threading.Thread(target=read, daemon=True) for read in (self._read, self._read_errors)
        ]
        self.version = ""
        self.found: dict[str, T] = {}

    def run(self, request: JsonObject, count: int) -> Heard[T]:
        until = time.monotonic() + self.limits.total_seconds
        # A thread as well: an interpreter that hangs when it starts reads nothing.
        self.threads.append(threading.Thread(target=self._send, args=(request,), daemon=True))
        for thread in self.threads:
            thread.start()
        try:
            stuck = self._collect(count, until)
        except KeyboardInterrupt:
            return Heard(self.found, self.version, interrupted=True)
        late = stuck and len(self.found) < count
        if late and not self.found:
            raise ProbeError(
                "{engine} gave no answer in time",
                "raise --timeout or --time-limit, or lower --max-tokens",
                engine=self.engine.name,
            )
        return Heard(self.found, self.version, late=late)

    def close(self) -> None:
        """Wait for the readers, who close the pipes; the child has ended."""
        for thread in self.threads:
            if thread.is_alive():
                thread.join(_TICK)

    def _send(self, request: JsonObject) -> None:
        try:
            with _pipe(self.child.stdin) as stdin:
                stdin.write(json.dumps(request).encode())
        except OSError:
            pass  # it died first: `_collect` finds out

    def _read(self) -> None:
        with _pipe(self.child.stdout) as stdout:
            while line := stdout.readline(_MAX_LINE):
                self.lines.put(line)
        self.lines.put(None)

    def _read_errors(self) -> None:
        with _pipe(self.child.stderr) as stderr:
            while line := stderr.readline(_MAX_STDERR):
                self.stderr += line
                del self.stderr[:-_MAX_STDERR]

    def _collect(self, count: int, until: float) -> bool:
        """Take answers until all are there; whether time ran out before."""
        deadline = until
        while len(self.found) < count:
            if time.monotonic() >= min(deadline, until):
                return True
            try:
                line = self.lines.get(timeout=_TICK)
            except queue.Empty:
                continue
            if line is None:
                raise self._died()
            self._take(line)
            deadline = time.monotonic() + self.limits.request_seconds + _GRACE
        return False

    def _take(self, line: bytes) -> None:
        """Keep what a line says: that the model is loaded, or one thing that was asked for."""
        try:
            value: JsonValue = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise self._died() from error
        if not isinstance(value, dict):
            raise self._died()
        match value:
            case {"ready": str(version)}:
                self.version = version
            case {"error": str(kind), "detail": str(detail)}:
                raise self._refused(kind, detail)
            case _:
                found = self.take(value)
                if found is None:
                    raise self._died()
                self.found[found[0]] = found[1]

    def _refused(self, kind: str, detail: str) -> ProbeError:
        if kind == "no-engine":
            return ProbeError(
                "{python} has no {engine}: {why}",
                "pip install 'genfix[{engine}]', or name a Python that has it with --python",
                python=self.engine.interpreter,
                engine=self.engine.name,
                why=detail,
            )
        if kind == "custom-code":
            return ProbeError(
                "the folder needs code of its own, and genfix runs none: {why}",
                "start a server that you trust with it, and probe that",
                why=detail,
            )
        return ProbeError(
            "{engine} cannot run the folder: {why}",
            "does the folder load? see genfix engines",
            engine=self.engine.name,
            why=detail,
        )

    def _died(self) -> ProbeError:
        _end(self.child)
        self.close()  # its last words may still be in the pipe
        lines = self.stderr.decode("utf-8", "replace").split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), "")
        engine = self.engine.name
        return ProbeError(
            text("{engine} ended before it had answered: {why}", engine=engine, why=last[:300])
            if last
            else text("{engine} ended before it had answered", engine=engine),
            "is there enough memory for the model?",
        )


def _answer(value: JsonObject) -> Answer | None:
    match value:
        case {"id": str(name), "unsupported": str(why)}:
            said = text("the chat template takes no such prompt: {why}", why=why)
            return Answer(name, failure=Failure(FailureKind.UNSUPPORTED, said))
        case {"id": str(name), "text": str(written), "finish_reason": str(end), "token_ids": list(ids)}:
            tokens = tuple(token for token in ids if isinstance(token, int))
            return _written(value, name, written, end, tokens)
        case _:
            return None


def _written(value: JsonObject, name: str, written: str, reason: str, ids: tuple[int, ...]) -> Answer:
    stop, seconds, first = value.get("stop_reason"), value.get("seconds"), value.get("first_seconds")
    late = reason not in {"stop", "length"}
    return Answer(
        prompt=name,
        text=written,
        finish_reason=reason,
        stop_reason=stop if isinstance(stop, int) else None,
        token_ids=ids,
        tokens=len(ids),
        seconds=seconds if isinstance(seconds, float) else 0.0,
        first_seconds=first if isinstance(first, float) else None,
        failure=Failure(FailureKind.TIMEOUT, text("the answer was not done in time")) if late else None,
    )


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    if stream is None:
        raise AssertionError("started with pipes")
    return stream
