"""A limit on how long a piece of work may take, in whichever thread of a process it runs.

It ends Python between two of its steps; what waits for a disk or a network ends by limits of its own.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from genfix.errors import GenfixError
from genfix.message import text

_AGAIN: Final = 5.0
"""Seconds until an alarm is given once more: what a destructor or a callback is told is lost."""


class TimeIsUpError(GenfixError):
    """A folder took longer than one folder may (exit 2)."""


class _Alarm(BaseException):
    """What the work is told; no `Exception`, which the work may take for its own."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise `TimeIsUpError` in the block after so many ``seconds``."""
    is_first = threading.current_thread() is threading.main_thread()
    clock = _by_signal if is_first and hasattr(signal, "setitimer") else _by_thread
    try:
        with clock(seconds):
            yield
    except _Alarm as alarm:
        raise TimeIsUpError(
            text("not judged after {count} second", "not judged after {count} seconds", count=round(seconds)),
            "judge it alone, with more --seconds",
        ) from alarm


@contextmanager
def _by_signal(seconds: float) -> Iterator[None]:
    """By the clock of the system: a process's first thread alone gets signals."""

    def stop(number: int, frame: object) -> None:
        del number, frame
        raise _Alarm

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds, _AGAIN)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def _by_thread(seconds: float) -> Iterator[None]:
    """By another thread, which has the interpreter raise the alarm in this one."""
    worker, done = threading.get_ident(), threading.Event()

    def watch() -> None:
        wait = seconds
        while not done.wait(wait):
            _alarm(worker)
            wait = _AGAIN

    watcher = threading.Thread(target=watch, name="time-limit", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        _leave(done, watcher)


def _leave(done: threading.Event, watcher: threading.Thread) -> None:
    """End the watch; an alarm that comes now is too late to be one."""
    while True:
        try:
            done.set()
            watcher.join()
            for _ in range(2):  # one that was given and has not come comes at the end of a turn
                pass
        except _Alarm:
            continue
        return


def _alarm(worker: int) -> None:
    import ctypes  # noqa: PLC0415 - where no signal can come

    # Never with NULL, which takes an alarm back: CPython 3.11 then looks for one at every step ever after.
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(worker), ctypes.py_object(_Alarm))
