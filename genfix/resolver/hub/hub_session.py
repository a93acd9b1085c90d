"""A part of a file over HTTP, by the session of whichever library huggingface_hub has.

huggingface_hub 0.34 speaks through requests, 1.x through httpx, 2.x through httpx2; neither is imported here.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Final, Protocol, TypeAlias, cast

from genfix.web.bodies import ByteRange

_PIECE: Final = 64 * 1024


class _Requests(Protocol):
    """A session of requests (huggingface_hub before 1.0)."""

    def get(
        self, url: str, *, headers: Mapping[str, str], timeout: float, stream: bool
    ) -> "AbstractContextManager[_Response]": ...


class _Httpx(Protocol):
    """A client of httpx (1.x) or httpx2 (2.x)."""

    def stream(
        self, method: str, url: str, *, headers: Mapping[str, str], timeout: float, follow_redirects: bool
    ) -> "AbstractContextManager[_Response]": ...


class _Response(Protocol):
    status_code: int
    headers: Mapping[str, str]


_Pieces: TypeAlias = Callable[[int], Iterator[bytes]]


class HubResponse:
    """What all three libraries answer alike; the body is read in pieces, as far as it is wanted."""

    def __init__(self, response: _Response, pieces: _Pieces) -> None:
        self.response: object = response
        self._status = response.status_code
        self._headers = response.headers
        self._pieces = pieces

    def is_whole(self, size: int) -> bool:
        """Whether this is the whole file, of ``size`` bytes, where a part of it was asked for."""
        return self._status == 200 and self._headers.get("content-length") == str(size)

    def part(self, wanted: ByteRange) -> bytes:
        """The part that was asked for. Raises as `ByteRange.read`."""
        return wanted.read(self._status, self._headers.get("content-range", ""), self._pieces(_PIECE))


@contextmanager
def hub_get(session: object, url: str, headers: Mapping[str, str], timeout: float) -> Iterator[HubResponse]:
    """Send the request; all three follow redirects, to another host without the token."""
    # getattr: the libraries call what reads a body by different names
    if callable(getattr(session, "stream", None)):
        client = cast("_Httpx", session)
        with client.stream("GET", url, headers=headers, timeout=timeout, follow_redirects=True) as response:
            yield HubResponse(response, cast("_Pieces", getattr(response, "iter_bytes")))  # noqa: B009
        return
    with cast("_Requests", session).get(url, headers=headers, timeout=timeout, stream=True) as response:
        yield HubResponse(response, cast("_Pieces", getattr(response, "iter_content")))  # noqa: B009
