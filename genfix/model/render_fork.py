"""A child that renders, forked from this process: no Python has to start, and the standard library is there.

It is `render_child.main`, with the same limits, and this process's memory in the place of an empty one. Only
a process of one thread can fork without harm (no thread is made here to watch the clock), and only a small
one in little time: a trainer's is not forked. A template that left the sandbox could read that memory, and
tell nobody but this process.
"""

import gc
import os
import signal
import sys
import time
from pathlib import Path
from selectors import EVENT_READ, EVENT_WRITE, DefaultSelector
from typing import Final, NamedTuple, NoReturn

_STATUS: Final = Path("/proc/self/status")
_ONE_THREAD: Final = b"\nThreads:\t1\n"
_SIZE: Final = b"\nVmSize:"
_OPEN_AFTER: Final = 3
_PIECE: Final = 1 << 16
_MOST_TO_COPY: Final = 1 << 30
"""Bytes of address space: the command line has a tenth of it, a process with a model many times more."""


class Answer(NamedTuple):
    """What became of a child."""

    output: bytes
    code: int
    """Its exit code, or the number of the signal that ended it, negative."""
    expired: bool
    """Whether it took too long."""


def render_in_fork(job: bytes, most: int, seconds: float) -> Answer | None:
    """What a fork makes of ``job``, in so many seconds; it ends where that is more than ``most`` bytes.

    `None` where this process has more than one thread, is a large one, or is not Linux's.

    Raises:
        OSError: Where no process can be made.

    """
    status = _status()
    if _ONE_THREAD not in status:
        return None
    used = int(status.partition(_SIZE)[2].split(maxsplit=1)[0]) * 1024
    if used > _MOST_TO_COPY:
        return None
    (job_out, job_in), (result_out, result_in) = os.pipe(), os.pipe()
    pid = os.fork()
    if pid == 0:
        _render(job_out, result_in, used)
    os.close(job_out)
    os.close(result_in)
    try:
        output, expired = _exchange(job, job_in, result_out, most, time.monotonic() + seconds)
    finally:
        os.kill(pid, signal.SIGKILL)  # nothing to one that has ended, whose number nobody else has yet
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return Answer(output, code, expired)


def _exchange(job: bytes, into: int, out: int, most: int, until: float) -> tuple[bytes, bool]:
    """What comes out, and whether it took too long."""
    left, parts, size = memoryview(job), list[bytes](), 0
    os.set_blocking(into, False)
    with DefaultSelector() as ready:
        ready.register(into, EVENT_WRITE)
        ready.register(out, EVENT_READ)
        try:
            while size <= most:
                found = [key.fd for key, _ in ready.select(max(0.0, until - time.monotonic()))]
                if not found:
                    return b"".join(parts), True
                if into in found:
                    left = left[_written(into, left[:_PIECE]) :]
                    if not left:
                        ready.unregister(into)
                        os.close(into)
                if out in found:
                    parts.append(os.read(out, _PIECE))
                    size += len(parts[-1])
                    if not parts[-1]:
                        break
        finally:
            for open_end in ready.get_map().values():
                os.close(open_end.fd)
    return b"".join(parts), False


def _written(into: int, piece: memoryview) -> int:
    try:
        return os.write(into, piece)
    except BrokenPipeError:
        return sys.maxsize  # it died first: its exit code tells


def _status() -> bytes:
    if sys.platform != "linux":
        return b""
    try:
        return _STATUS.read_bytes()
    except OSError:
        return b""


def _render(job: int, result: int, used: int) -> NoReturn:
    """Be the child. Nothing of this process's is left open or in the environment, and nothing of it is
    finished here.
    """
    code = 1
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        nowhere = os.open(os.devnull, os.O_RDONLY)
        for target, source in enumerate((job, result, nowhere)):
            os.dup2(source, target)
        os.closerange(_OPEN_AFTER, os.sysconf("SC_OPEN_MAX"))
        os.environ.clear()
        gc.disable()
        from genfix.model import render_child  # noqa: PLC0415 - jinja2 is for children only

        render_child.main(used)
        code = 0
    finally:
        os._exit(code)
