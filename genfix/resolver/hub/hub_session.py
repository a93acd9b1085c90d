"""One request over HTTP, by the session of whichever library huggingface_hub has.

huggingface_hub 0.34 speaks through requests, 1.x through httpx, 2.x through httpx2; neither is imported here.
Redirects are followed by hand: all three read the body of one to its end, which it need not have.
"""

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Final, Protocol, TypeAlias, TypeVar, cast
from urllib.parse import urljoin

from genfix.web.bodies import ByteRange, limited
from genfix.web.exchange import RedirectError, origin
from genfix.web.failures import ForeignAnswerError
from genfix.web.patience import Got, within

_Result = TypeVar("_Result")
_PIECE: Final = 64 * 1024
_MOST_REDIRECTS: Final = 5
_LONGEST: Final = 60.0
"""Seconds for a whole exchange, its head included, and for each of its bytes what `_SLOWEST` gives."""
_SLOWEST: Final = 16 * 1024
"""Bytes a second."""
_ENCODINGS: Final = frozenset({"", "identity", "gzip"})
"""How a body may be packed: of others a piece may have any size when it is unpacked."""
_LOCATION: Final = "location"
_PUT_BY: Final = "x-genfix-location"


class _Requests(Protocol):
    """A session of requests (huggingface_hub before 1.0)."""

    def get(
        self,
        url: str,
        *,
        headers: Mapping[str, str],
        timeout: float,
        stream: bool,
        allow_redirects: bool,
        hooks: Mapping[str, "_Hook"],
    ) -> "AbstractContextManager[_Response]": ...


class _Hook(Protocol):
    def __call__(self, response: "_Response", **settings: object) -> None: ...


class _Httpx(Protocol):
    """A client of httpx (1.x) or httpx2 (2.x)."""

    def stream(
        self, method: str, url: str, *, headers: Mapping[str, str], timeout: float, follow_redirects: bool
    ) -> "AbstractContextManager[_Response]": ...


class _Response(Protocol):
    status_code: int
    headers: MutableMapping[str, str]


_Pieces: TypeAlias = Callable[[int], Iterator[bytes]]


class HubStatusError(Exception):
    """An answer with a status that says no; ``code`` and ``said`` are the Hub's own words, or empty."""

    def __init__(self, status: int, code: str = "", said: str = "") -> None:
        super().__init__(f"HTTP {status}")
        self.status = status
        self.code = code
        self.said = said


class HubResponse:
    """What all three libraries answer alike; the body is read in pieces, as far as it is wanted."""

    def __init__(self, response: _Response, pieces: _Pieces, got: Got) -> None:
        self.status = response.status_code
        self._headers = response.headers
        self._pieces = pieces
        self._got = got

    @property
    def location(self) -> str:
        """Where a redirect leads; empty for any other answer."""
        get = self._headers.get
        return get(_LOCATION, get(_PUT_BY, "")) if 300 <= self.status < 400 else ""

    def check(self) -> None:
        """Raise `HubStatusError` where the answer is no; its body is not read."""
        if not 200 <= self.status < 300:
            get = self._headers.get
            raise HubStatusError(self.status, get("x-error-code", ""), get("x-error-message", ""))

    def whole(self, most: int) -> bytes:
        """The whole body.

        Raises `TooLargeError` where it has more than ``most`` bytes, `ForeignAnswerError` where it is packed
        in a way that was not asked for.
        """
        if self._headers.get("content-encoding", "") not in _ENCODINGS:
            raise ForeignAnswerError
        return b"".join(limited(self._counted(), most=most))

    def is_whole(self, size: int) -> bool:
        """Whether this is the whole file, of ``size`` bytes, where a part of it was asked for."""
        return self.status == 200 and self._headers.get("content-length") == str(size)

    def part(self, wanted: ByteRange) -> bytes:
        """The part that was asked for. Raises as `ByteRange.read`."""
        return wanted.read(self.status, self._headers.get("content-range", ""), self._counted())

    def _counted(self) -> Iterator[bytes]:
        for piece in self._pieces(_PIECE):
            self._got(len(piece))
            yield piece


def hub_get(
    session: object,
    url: str,
    headers: Mapping[str, str],
    timeout: float,
    read: Callable[[HubResponse], _Result],
) -> _Result:
    """Send the request, follow a few redirects, to another host without the token, and ``read`` the answer.

    Raises `RedirectError` for a redirect that leads out of the web, or on and on, and `TimeoutError` where
    all of it takes too long, however steadily it drips.
    """
    return within(
        lambda got: _follow(partial(_answer, session, timeout, got), url, headers, read), _LONGEST, _SLOWEST
    )


def _follow(
    ask: Callable[[str, Mapping[str, str]], AbstractContextManager[HubResponse]],
    url: str,
    headers: Mapping[str, str],
    read: Callable[[HubResponse], _Result],
) -> _Result:
    for _ in range(_MOST_REDIRECTS):
        with ask(url, headers) as answer:
            if not answer.location:
                return read(answer)
            target = urljoin(url, answer.location)
        there = origin(target)
        if there[0] not in {"http", "https"}:
            raise RedirectError
        if there != origin(url):
            headers = {name: headers[name] for name in headers if name.lower() != "authorization"}
        url = target
    raise RedirectError


@contextmanager
def _answer(
    session: object, timeout: float, got: Got, url: str, headers: Mapping[str, str]
) -> Iterator[HubResponse]:
    # getattr: the libraries call what reads a body by different names
    if callable(getattr(session, "stream", None)):
        client = cast("_Httpx", session)
        with client.stream("GET", url, headers=headers, timeout=timeout, follow_redirects=False) as response:
            yield HubResponse(response, cast("_Pieces", getattr(response, "iter_bytes")), got)  # noqa: B009
        return
    plain = cast("_Requests", session)
    hooks = {"response": _put_location_by}
    with plain.get(
        url, headers=headers, timeout=timeout, stream=True, allow_redirects=False, hooks=hooks
    ) as response:
        yield HubResponse(response, cast("_Pieces", getattr(response, "iter_content")), got)  # noqa: B009


def _put_location_by(response: _Response, **settings: object) -> None:  # noqa: ARG001 - requests gives them
    """Requests reads the body of what it takes for a redirect even where it does not follow it (2.34.2,
    sessions.py ``Session.send``).
    """
    if _LOCATION in response.headers:
        response.headers[_PUT_BY] = response.headers.pop(_LOCATION)
