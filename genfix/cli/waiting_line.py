"""A word on stderr where a server says nothing for a while."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock, Timer
from typing import Final

from genfix.cli.streams import write
from genfix.language import Language, say_in
from genfix.message import text

_PATIENCE: Final = 2.0
"""Seconds that nobody wonders about."""


class WaitingLine:
    """Says ``waiting for HOST ...``: on a terminal until there is an answer, elsewhere once, as a line."""

    def __init__(self, language: Language) -> None:
        self._language = language
        self._lock = Lock()
        self._said: set[str] = set()
        self._shown = 0
        """How many requests are on the terminal's line."""

    @contextmanager
    def __call__(self, host: str, /) -> Iterator[None]:
        """See `genfix.web.waiting.Watch`."""
        shown: list[str] = []
        timer = Timer(_PATIENCE, self._say, [host, shown])
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            if shown:
                self._answered()

    def _say(self, host: str, shown: list[str]) -> None:
        stream = sys.stderr
        line = say_in(self._language, text("waiting for {host} ...", host=host))
        with self._lock:
            if stream is not None and stream.isatty():
                shown.append(host)
                self._shown += 1
                write(stream, f"\r\x1b[K{line}")
            elif host not in self._said:
                write(stream, f"{line}\n")
            self._said.add(host)

    def _answered(self) -> None:
        with self._lock:
            self._shown -= 1
            if not self._shown:
                write(sys.stderr, "\r\x1b[K")
