"""Chat templates rendered as engines render them, in a child process with limits.

A template is code from a stranger. It is never compiled here: `render_template` hands it to `render_child`
with all conversations at once, since that process is most of the cost, and remembers the results. The process
is a fork of this one where that does no harm, else a Python of its own.
"""

import hashlib
import importlib.util
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Final, NamedTuple

from genfix import cache
from genfix.json_types import JsonObject, JsonValue
from genfix.message import Arg, text
from genfix.model.render_fork import Answer, render_in_fork

_RENDERER_VERSION: Final = "1"
"""Part of every cache key: raise it when `render_child` renders anything differently."""
_CACHE_KIND: Final = "render"
_CHILD: Final = Path(__file__).with_name("render_child.py")
_WALL_SECONDS: Final = 10.0
"""The child's own limit on CPU time comes first wherever there is one."""
_MAX_TEMPLATE: Final = 1024 * 1024
"""Characters; the longest known real template has some forty thousand."""
_MAX_OUTPUT: Final = 16 * 1024 * 1024
_MAX_DETAIL: Final = 300
_PASSED_ON: Final = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT")
"""What an interpreter may need to start at all; the child sees nothing else of our environment."""


class RenderErrorKind(StrEnum):
    """Why a template did not render a conversation."""

    SYNTAX = "syntax"
    """It is not a template: nothing of it renders."""
    SECURITY = "security"
    """It reached for something the sandbox keeps from it."""
    RAISED = "raised"
    """It raised an error: on purpose, over an undefined value, or by changing its input."""
    TIMEOUT = "timeout"
    MEMORY = "memory"
    TOO_LARGE = "too-large"
    """The template, a loop of it or what it renders is larger than any real one."""
    TOO_DEEP = "too-deep"
    """Recursion or nesting without end."""
    OTHER = "other"
    """The child could not be started, or died: the template may or may not be the cause."""


_KINDS: Final = frozenset(kind.value for kind in RenderErrorKind)
_LASTING: Final = frozenset(
    [RenderErrorKind.SYNTAX, RenderErrorKind.SECURITY, RenderErrorKind.RAISED, RenderErrorKind.TOO_DEEP]
)
"""Errors that come out the same on a busy machine: only these are remembered."""


class Conversation(NamedTuple):
    """One way to call a template; `tools` and `add_generation_prompt` as in ``apply_chat_template``."""

    messages: tuple[JsonObject, ...]
    tools: tuple[JsonObject, ...] | None = None
    add_generation_prompt: bool = False
    lenient: bool = False
    """Whether a name that nobody gave is an empty text where it would be an error."""

    def names(self) -> dict[str, JsonValue]:
        """The variables transformers gives a template for this conversation."""
        return {
            "messages": [dict(message) for message in self.messages],
            "tools": None if self.tools is None else [dict(tool) for tool in self.tools],
            "documents": None,
            "add_generation_prompt": self.add_generation_prompt,
        }


class Rendered(NamedTuple):
    """The text of one conversation."""

    text: str


class RenderError(NamedTuple):
    """Why one conversation has no text; `detail` is short, printable and partly the template's own words."""

    kind: RenderErrorKind
    detail: Arg


def render_template(
    template: str, conversations: Sequence[Conversation], variables: JsonObject
) -> tuple[Rendered | RenderError, ...]:
    """Render each conversation; ``variables`` (``bos_token`` ...) are there in all. Never raises for a
    template.

    Takes about 0.04 s of CPU time in a fork, and 0.08 s else, when the results are not in the cache.
    """
    if len(template) > _MAX_TEMPLATE:
        error = RenderError(
            RenderErrorKind.TOO_LARGE, text("the template has {size} characters", size=len(template))
        )
        return (error,) * len(conversations)
    lenient = [index for index, conversation in enumerate(conversations) if conversation.lenient]
    job = json.dumps(
        {
            "template": template,
            "variables": dict(variables),
            "conversations": [conversation.names() for conversation in conversations],
            **({"lenient": lenient} if lenient else {}),
        }
    ).encode("ascii")
    key = hashlib.sha256(_RENDERER_VERSION.encode() + b"\0" + job).hexdigest()
    known = cache.load(_CACHE_KIND, key)
    if known is not None:
        results = _parsed(known)
        if len(results) == len(conversations) and _is_lasting(results):
            return results
    output, end = _run_child(job)
    results = _parsed(output)[: len(conversations)]
    results += (end or _NO_ANSWER,) * (len(conversations) - len(results))
    if end is None and _is_lasting(results):
        cache.store(_CACHE_KIND, key, output)
    return results


_NO_ANSWER: Final = RenderError(RenderErrorKind.OTHER, text("the renderer gave no answer"))


def _is_lasting(results: Sequence[Rendered | RenderError]) -> bool:
    return all(isinstance(result, Rendered) or result.kind in _LASTING for result in results)


def _run_child(job: bytes) -> tuple[bytes, RenderError | None]:
    """The child's output, and why it ended early (then the output may be torn: `_parsed` drops its last
    line).
    """
    paths = _package_directories()
    if paths is None or not sys.executable:
        return b"", RenderError(
            RenderErrorKind.OTHER, text("no Python with jinja2 to render the template with")
        )
    try:
        output, code, expired = render_in_fork(job, _MAX_OUTPUT, _WALL_SECONDS) or _started(paths, job)
    except OSError as error:
        return b"", RenderError(
            RenderErrorKind.OTHER, text("cannot start the renderer: {why}", why=error.strerror or str(error))
        )
    if len(output) > _MAX_OUTPUT:
        return output, RenderError(
            RenderErrorKind.TOO_LARGE, text("more than {most:.3g} MiB of output", most=_MAX_OUTPUT / 2**20)
        )
    return output, _end_of(code, expired=expired)


def _started(paths: list[str], job: bytes) -> Answer:
    """What a Python of its own makes of ``job``."""
    command = [sys.executable, "-I", "-S", str(_CHILD), *paths]
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    process = subprocess.Popen(  # noqa: S603 - our own script; the template goes through a pipe
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
    )
    expired = threading.Event()

    def stop() -> None:
        expired.set()
        process.kill()

    timer = threading.Timer(_WALL_SECONDS, stop)
    timer.daemon = True
    timer.start()
    try:
        output = _exchange(process, job)
        if len(output) > _MAX_OUTPUT:
            process.kill()
        code = process.wait()
    finally:
        timer.cancel()
        process.kill()
        process.wait()
    return Answer(output, code, expired.is_set())


def _exchange(process: "subprocess.Popen[bytes]", job: bytes) -> bytes:
    if process.stdin is None or process.stdout is None:
        return b""
    with process.stdout as stdout:
        try:
            with process.stdin as stdin:
                stdin.write(job)
        except OSError:
            pass  # it died first: its exit code tells
        # The child has read all before it writes, so neither side can wait for the other.
        return stdout.read(_MAX_OUTPUT + 1)


def _end_of(code: int, *, expired: bool) -> RenderError | None:
    if code == 0:
        return None
    if expired:
        return RenderError(
            RenderErrorKind.TIMEOUT, text("not done after {seconds:.0f} seconds", seconds=_WALL_SECONDS)
        )
    if code < 0 and -code == getattr(signal, "SIGXCPU", 0):
        return RenderError(RenderErrorKind.TIMEOUT, text("used up its CPU time"))
    if code < 0:
        return RenderError(
            RenderErrorKind.OTHER, text("the renderer was ended by signal {signal}", signal=-code)
        )
    return RenderError(RenderErrorKind.OTHER, text("the renderer ended with code {code}", code=code))


def _package_directories() -> list[str] | None:
    """Where jinja2 and markupsafe are installed, without importing them (85 ms); `None` where one
    is missing.
    """
    found: list[str] = []
    for package in ("jinja2", "markupsafe"):
        try:
            spec = importlib.util.find_spec(package)
        except (ImportError, ValueError):
            spec = None
        if spec is None or not spec.submodule_search_locations:
            return None
        directory = str(Path(next(iter(spec.submodule_search_locations))).parent)
        if directory not in found:
            found.append(directory)
    return found


def _parsed(output: bytes) -> tuple[Rendered | RenderError, ...]:
    """The results in what a child wrote or the cache kept, up to the first line that is none."""
    results: list[Rendered | RenderError] = []
    for line in output.split(b"\n")[:-1]:
        result = _parsed_line(line)
        if result is None:
            break
        results.append(result)
    return tuple(results)


def _parsed_line(line: bytes) -> Rendered | RenderError | None:
    try:
        value: object = json.loads(line)
    except (ValueError, RecursionError):
        return None
    match value:
        case {"text": str(rendered)}:
            return Rendered(rendered)
        case {"error": str(kind), "detail": str(detail)} if kind in _KINDS:
            shown = "".join(letter if letter.isprintable() else " " for letter in detail[:_MAX_DETAIL])
            return RenderError(RenderErrorKind(kind), shown)
        case _:
            return None
