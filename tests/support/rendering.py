"""Chat templates rendered by the forks of one process that has loaded jinja2 already.

`genfix.model.template_render` starts a Python for each template that is new, which costs 0.15 s. A process that is
ready forks instead: the fork runs the same `render_child.main` under the same limits, in a few milliseconds.
"""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Sequence
from functools import cache
from typing import Final, Self

from genfix.model import template_render
from genfix.model.template_render import RenderError
from genfix.model.turn_ends import TemplateFailure, TurnEnds, find_turn_ends
from tests.support.places import ROOT

__all__ = ["Renderer", "own_child", "turn_ends_once"]

_SERVE: Final = "from tests.support.rendering import serve; serve()"
_SECONDS: Final = 10.0


own_child: Final = template_render._run_child
"""As it is without this module."""


def turn_ends_once(
    template: str, added_tokens: Collection[str], additional: Sequence[str] = ()
) -> TurnEnds | TemplateFailure:
    """`find_turn_ends`, which says the same of the same."""
    return _turn_ends(template, frozenset(added_tokens), tuple(additional))


@cache
def _turn_ends(
    template: str, added: frozenset[str], additional: tuple[str, ...]
) -> TurnEnds | TemplateFailure:
    return find_turn_ends(template, added, additional)


class Renderer:
    """What `template_render._run_child` is, with one process to fork for all calls; started when first called."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._process is not None:
            self._process.communicate()

    def __call__(self, job: bytes) -> tuple[bytes, RenderError | None]:
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _SERVE], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(b"%d\n" % len(job) + job)
        stdin.flush()
        size, code, expired = map(int, stdout.readline().split())
        return stdout.read(size), template_render._end_of(code, expired=bool(expired))


def serve() -> None:
    """Fork a child for every job on stdin, and write what became of it."""
    from genfix.model import render_child  # noqa: PLC0415 - loads jinja2, which no other process of a test may

    render_child._render(render_child._environment().from_string(render_child._WARM_UP), {})
    while size := sys.stdin.buffer.readline():
        output, code, expired = _forked(render_child.main, sys.stdin.buffer.read(int(size)))
        sys.stdout.buffer.write(b"%d %d %d\n" % (len(output), code, expired) + output)
        sys.stdout.buffer.flush()


def _forked(main: Callable[[], None], job: bytes) -> tuple[bytes, int, bool]:
    """What ``main`` writes in a fork that has ``job`` on stdin, its exit code, and whether its time was up."""
    (job_out, job_in), (result_out, result_in) = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(job_out, 0)
        os.dup2(result_in, 1)
        os.closerange(3, 16)
        try:
            main()
        finally:
            os._exit(0 if sys.exc_info()[0] is None else 1)
    os.close(job_out)
    os.close(result_in)
    with os.fdopen(job_in, "wb") as stdin:
        stdin.write(job)
    with os.fdopen(result_out, "rb") as stdout:
        output, expired = _read(stdout.fileno())
    if expired:
        os.kill(child, signal.SIGKILL)
    return output, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), expired


def _read(fd: int) -> tuple[bytes, bool]:
    """All that is written there, and whether the writer took too long."""
    parts: list[bytes] = []
    until = time.monotonic() + _SECONDS
    while select.select([fd], [], [], max(0.0, until - time.monotonic()))[0]:
        part = os.read(fd, 1 << 16)
        if not part:
            return b"".join(parts), False
        parts.append(part)
    return b"".join(parts), True
