"""Ends connections that have had their time, and all of them at once when the run is over.

A time limit of a socket starts anew with every byte, so a server that sends one byte a second would never
meet it.
"""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import Final, Self

_TICK: Final = 0.05


class Watch:
    """Watches open sockets; a context manager, used by many threads."""

    def __init__(self, until: float) -> None:
        """Every socket is ended at ``until`` (`time.monotonic`) at the latest."""
        self.until = until
        self.turn = threading.Lock()
        """Held while a reply is parsed: many large ones at once would hold up the end of the run."""
        self._lock = threading.Lock()
        self._open: dict[int, tuple[socket.socket, float]] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="probe-watch", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    @property
    def over(self) -> bool:
        """Whether no request is to be started any more."""
        return self._over.is_set() or time.monotonic() >= self.until

    def stop(self) -> None:
        """End all connections, now and from now on."""
        self._over.set()
        with self._lock:
            for opened, _ in self._open.values():
                _end(opened)

    def pause(self, seconds: float) -> None:
        """Wait, but not longer than the run lasts."""
        self._over.wait(max(0.0, min(seconds, self.until - time.monotonic())))

    @contextlib.contextmanager
    def guard(self, opened: socket.socket, deadline: float) -> Iterator[None]:
        """End a socket at ``deadline`` (`time.monotonic`) where it is still in use."""
        opened.settimeout(max(0.1, deadline - time.monotonic()))
        with self._lock:
            self._open[id(opened)] = (opened, min(deadline, self.until))
            if self._over.is_set():
                _end(opened)
        try:
            yield
        finally:
            with self._lock:
                self._open.pop(id(opened), None)

    def _run(self) -> None:
        while not self._over.wait(_TICK):
            now = time.monotonic()
            with self._lock:
                for opened, deadline in self._open.values():
                    if now >= deadline:
                        _end(opened)


def _end(opened: socket.socket) -> None:
    # Of the plain socket also where it carries TLS: that layer belongs to the thread that reads.
    with contextlib.suppress(OSError):
        socket.socket.shutdown(opened, socket.SHUT_RDWR)
