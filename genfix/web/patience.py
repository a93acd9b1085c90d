"""Time for a whole exchange: a socket's own limit begins anew with every byte, of the head as of the body."""

import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import TypeAlias, TypeVar

_Result = TypeVar("_Result")
Got: TypeAlias = Callable[[int], object]
"""Is told how many bytes have come."""


def within(ask: Callable[[Got], _Result], seconds: float, slowest: float) -> _Result:
    """What ``ask`` returns, in ``seconds`` and the time that its bytes need at the ``slowest`` rate (bytes a
    second).

    Raises what ``ask`` raises, and `TimeoutError` where it takes longer. It is left to itself then, in a
    thread that keeps nobody from ending, and ends with the next bytes that it tells of.
    """
    started = time.monotonic()
    done: SimpleQueue[_Result | _Raised] = SimpleQueue()
    received, is_late = 0, False

    def got(size: int) -> None:
        nonlocal received
        received += size
        if is_late:
            raise TimeoutError

    def run() -> None:
        try:
            done.put(ask(got))
        except BaseException as error:  # noqa: BLE001 - raised again below, in the thread that waits
            done.put(_Raised(error))

    threading.Thread(target=run, name="exchange", daemon=True).start()
    while (left := started + seconds + received / slowest - time.monotonic()) > 0:
        try:
            found = done.get(timeout=left)
        except Empty:  # more bytes came meanwhile, and with them more time
            continue
        if isinstance(found, _Raised):
            raise found.error
        return found
    is_late = True
    raise TimeoutError


class _Raised:
    def __init__(self, error: BaseException) -> None:
        self.error = error
