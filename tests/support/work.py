"""How much work a call is, in steps of a plain loop: the same on a fast machine and on a slow or busy one."""

import time
from collections.abc import Callable

__all__ = ["steps"]

_LOOP = 300_000


def steps(action: Callable[[], object]) -> float:
    """The CPU time of ``action``, as the number of turns that an empty loop takes in it."""
    before = _turn()
    start = time.process_time()
    action()
    taken = time.process_time() - start
    return taken / max(before, _turn())


def _turn() -> float:
    start = time.process_time()
    for _ in range(_LOOP):
        pass
    return (time.process_time() - start) / _LOOP
