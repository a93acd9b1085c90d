"""Who is told that a server is being waited for: bound for the calls below, and for no others.

A request is sent far below what shows anything, by code that knows no caller.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Final, Protocol
from urllib.parse import urlsplit


class Watch(Protocol):
    """Enters with a request to a host, and leaves with its answer; also from several threads at once."""

    def __call__(self, host: str, /) -> AbstractContextManager[None]:
        """The time of one request."""


_WATCH: Final[ContextVar[Watch | None]] = ContextVar("genfix_watch", default=None)


@contextmanager
def watched(watch: Watch) -> Iterator[None]:
    """Have ``watch`` see all requests of the block."""
    before = _WATCH.set(watch)
    try:
        yield
    finally:
        _WATCH.reset(before)


def awaiting(address: str) -> AbstractContextManager[None]:
    """The time from a request to ``address`` to its answer."""
    watch = _WATCH.get()
    if watch is None:
        return nullcontext()
    try:
        host = urlsplit(address).hostname
    except ValueError:  # an address that is none fails when it is asked
        host = None
    return watch(host or address)
