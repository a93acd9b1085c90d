"""Whether the calls below are made for somebody else than the user of this machine: bound for them alone.

What decides is far below the caller: where a token is sent, and where a name in a model's file is looked up.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

_ASK: Final[ContextVar[bool]] = ContextVar("genfix_strangers", default=False)


@contextmanager
def for_strangers() -> Iterator[None]:
    """Do the calls of the block as a service does them for its visitors.

    No access token of this machine is sent, so that only public models can be read. Paths that a model's
    files name are not looked up here, and no model that lies on this machine is proposed as a base. What the
    caches have is read all the same: give a service caches of its own (``HF_HOME``, ``XDG_CACHE_HOME``).
    """
    before = _ASK.set(True)
    try:
        yield
    finally:
        _ASK.reset(before)


def strangers_ask() -> bool:
    """Whether it is a stranger who asks."""
    return _ASK.get()
