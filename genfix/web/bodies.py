"""The body of an answer, in pieces as they come: no more, and for no longer, than is good."""

import math
import re
import time
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from genfix.web.failures import ForeignAnswerError, TooLargeError

_CONTENT_RANGE: Final = re.compile(r"bytes (\d+)-(\d+)/(\d+)", re.ASCII)


def limited(pieces: Iterable[bytes], *, most: float = math.inf, until: float = math.inf) -> Iterator[bytes]:
    """The pieces as they come, of ``most`` bytes together.

    Raises `TooLargeError` where there are more, and `TimeoutError` where they take longer than ``until``
    (`time.monotonic`).
    """
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > most:
            raise TooLargeError
        yield piece
        if time.monotonic() > until:
            raise TimeoutError


class ByteRange(NamedTuple):
    """The bytes of a file of ``size`` from ``start`` to ``end``."""

    start: int
    end: int
    size: int

    def read(self, status: int, content_range: str, pieces: Iterable[bytes]) -> bytes:
        """These bytes from an answer, and no byte more of it on the line.

        Raises `ForeignAnswerError` where that is not what is answered, `ConnectionError` where there are
        fewer bytes.
        """
        found = _CONTENT_RANGE.fullmatch(content_range)
        if status != 206 or found is None or found.groups() != self._answered:
            raise ForeignAnswerError
        wanted = self.end - self.start
        content = bytearray()
        for piece in pieces:
            content += piece
            if len(content) >= wanted:
                return bytes(content[:wanted])
        raise ConnectionError(f"{len(content)} of {wanted} bytes came")

    @property
    def _answered(self) -> tuple[str, str, str]:
        return str(self.start), str(self.end - 1), str(self.size)
