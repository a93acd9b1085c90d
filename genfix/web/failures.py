"""What can go wrong between a request and the whole of its answer, whichever library sends it."""

import socket
import ssl
import time
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from genfix.message import Message, text

_Result = TypeVar("_Result")

_PASSING: Final = frozenset({408, 429})


class OutageError(Exception):
    """There was no answer: what is cached may stand in. ``said`` is why, in our words or in the system's."""

    def __init__(self, said: Message | str) -> None:
        super().__init__(str(said))
        self.said = said


class ForeignAnswerError(Exception):
    """An answer that no such server gives, though its status is good: of a captive portal, a proxy."""


class TooLargeError(Exception):
    """More came than the answer can have."""


def is_passing(status: int) -> bool:
    """Whether a server that answers so may do better when it is asked again."""
    return status in _PASSING or status >= 500


def network_reason(error: object) -> Message | str | None:
    """Why a connection failed, in words that name no address; `None` where the error does not say."""
    if isinstance(error, TimeoutError):
        return text("timed out")
    if isinstance(error, socket.gaierror):
        return text("its host name is not known")
    if isinstance(error, ssl.SSLCertVerificationError):
        return text("its TLS certificate is not trusted")
    return error.strerror.lower() if isinstance(error, OSError) and error.strerror else None


def retried(
    ask: Callable[[], _Result], may_help: Callable[[Exception], bool], pauses: Sequence[float]
) -> _Result:
    """The answer, asked for again after each of ``pauses`` (seconds) while another try may help."""
    for pause in pauses:
        try:
            return ask()
        except Exception as error:
            if not may_help(error):
                raise
            time.sleep(pause)
    return ask()
