"""A server that genfix starts for a probe and ends behind it, and one that the user restarts."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from genfix.errors import InputError, ProbeError
from genfix.probe.endpoint import Endpoint, ExchangeError, exchange
from genfix.probe.probe_values import FailureKind
from genfix.probe.watch import Watch

_GUARD: Final = Path(__file__).with_name("serve_child.py")
_ANSWER: Final = 5.0
"""Seconds for one look at whether it is there."""
_TICK: Final = 0.25
_ENDING: Final = 30.0
_LAST_WORDS: Final = 4096
_BUSY: Final = 503
"""What a server says while it loads its model."""


@contextmanager
def served(command: Sequence[str], place: Endpoint, seconds: float) -> Iterator[None]:
    """Run a server while the block runs; it is up when the block begins, and has ended behind it.

    Raises `InputError` where something answers there already, `ProbeError` where the server ends early, or is
    not up within ``seconds``.
    """
    if is_up(place):
        raise InputError(
            "something answers at {server} already",
            "stop it, since --serve starts the server itself, or leave --serve out",
            server=place.label,
        )
    # A session of its own: Ctrl-C of a terminal reaches us alone, and closing its stdin ends all of it.
    guard = subprocess.Popen(  # noqa: S603 - what the user asked to be run
        [sys.executable, "-I", str(_GUARD), *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    said = bytearray()
    reader = threading.Thread(target=_keep_last, args=(guard, said), daemon=True)
    reader.start()
    try:
        _wait(place, seconds, lambda: _refuse_dead(guard, reader, said))
        yield
    finally:
        _end(guard)


def wait_for_restart(place: Endpoint, seconds: float) -> None:
    """Wait until the server is gone and there again.

    Raises `ProbeError` where that does not happen in time.
    """
    until = time.monotonic() + seconds
    while is_up(place):
        if time.monotonic() >= until:
            raise ProbeError(
                "{server} was not restarted in {seconds:g} seconds, so nothing is known of the repair",
                "restart it and probe again, or let genfix do it: --serve 'COMMAND'",
                server=place.label,
                seconds=seconds,
            )
        time.sleep(_TICK)
    _wait(place, max(_TICK, until - time.monotonic()), lambda: None)


def is_up(place: Endpoint) -> bool:
    """Whether a server answers there, and has loaded its model."""
    until = time.monotonic() + _ANSWER
    with Watch(until) as watch:
        try:
            with exchange(place, "/models", None, watch, until, 4 * 1024 * 1024):
                return True
        except ExchangeError as error:
            # No list of models is an answer all the same.
            return error.failure.kind not in _ABSENT and error.status != _BUSY


_ABSENT: Final = frozenset(
    {FailureKind.UNREACHABLE, FailureKind.TIMEOUT, FailureKind.BROKEN_STREAM, FailureKind.NOT_ASKED}
)


def _wait(place: Endpoint, seconds: float, check: Callable[[], None]) -> None:
    until = time.monotonic() + seconds
    while not is_up(place):
        check()
        if time.monotonic() >= until:
            raise ProbeError(
                "{server} was not up in {seconds:g} seconds",
                "does the command serve at that address? raise --serve-timeout",
                server=place.label,
                seconds=round(seconds, 1),
            )
        time.sleep(_TICK)
    check()


def _refuse_dead(guard: "subprocess.Popen[bytes]", reader: threading.Thread, said: bytearray) -> None:
    """Raise `ProbeError` where the server has ended."""
    code = guard.poll()
    if code is None:
        return
    reader.join(1)
    lines = said.decode("utf-8", "replace").split("\n")
    raise ProbeError(
        "the server ended with exit code {code}: {why}",
        "run the command of --serve by itself to see more",
        code=code,
        why=next((line.strip() for line in reversed(lines) if line.strip()), "")[:300],
    )


def _keep_last(guard: "subprocess.Popen[bytes]", said: bytearray) -> None:
    stream = guard.stdout
    if stream is None:
        raise AssertionError("started with pipes")
    with stream, contextlib.suppress(OSError, ValueError):
        while block := os.read(stream.fileno(), 65536):
            said += block
            del said[:-_LAST_WORDS]


def _end(guard: "subprocess.Popen[bytes]") -> None:
    if guard.stdin is not None:
        guard.stdin.close()
    try:
        guard.wait(_ENDING)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(OSError):
            os.killpg(guard.pid, signal.SIGKILL)
        guard.wait()
