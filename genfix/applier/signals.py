"""SIGINT and SIGTERM while a transaction runs: before its commit point it is discarded, after it is
finished.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import FrameType
from typing import Final

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class InterruptedBySignalError(BaseException):
    """A signal arrived where the transaction may still be given up. Never leaves the applier."""


class Deferred:
    """The signals that arrived and wait."""

    def __init__(self) -> None:
        self.first: int | None = None
        """The signal that arrived first."""

    def note(self, number: int, _frame: FrameType | None) -> None:
        """The handler: only remembers, so that no step of a transaction is cut in two."""
        if self.first is None:
            self.first = number

    def stop_if_asked(self) -> None:
        """Raise where a signal arrived: for the places where giving up leaves nothing behind."""
        if self.first is not None:
            raise InterruptedBySignalError


@contextmanager
def deferred_signals() -> Iterator[Deferred]:
    """Hold SIGINT and SIGTERM back until the block ends, then deliver the first to the caller's own handlers.

    What such a handler does is the caller's: Python's own raises `KeyboardInterrupt` for SIGINT. Only the
    main thread can set handlers; elsewhere, and for a signal that is ignored, nothing is held back.
    """
    deferred = Deferred()
    restore = _install(deferred)
    try:
        yield deferred
    except InterruptedBySignalError:
        _deliver(restore, deferred)
        # The caller's handler chose to go on, but the transaction was given up.
        raise KeyboardInterrupt from None
    except BaseException:
        _deliver(restore, deferred)
        raise
    else:
        _deliver(restore, deferred)


def _install(deferred: Deferred) -> list[Callable[[], object]]:
    restore: list[Callable[[], object]] = []
    if threading.current_thread() is threading.main_thread():
        for number in _SIGNALS:
            previous = signal.getsignal(number)
            # None: a handler that was not set from Python and could not be put back.
            if previous is not None and previous is not signal.SIG_IGN:
                signal.signal(number, deferred.note)
                restore.append(partial(signal.signal, number, previous))
    return restore


def _deliver(restore: list[Callable[[], object]], deferred: Deferred) -> None:
    for put_back in restore:
        put_back()
    if deferred.first is not None:
        signal.raise_signal(deferred.first)
