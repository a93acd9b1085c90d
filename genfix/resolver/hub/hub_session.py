"""One request over HTTP, by the session of whichever library huggingface_hub has, within limits both ways.

huggingface_hub 0.34 speaks through requests, 1.x through httpx, 2.x through httpx2; neither is imported here.
Redirects are followed by hand: all three read the body of one to its end, which it need not have.
"""

import io
import re
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Final, NamedTuple, Protocol, TypeAlias, TypeVar, cast
from urllib.parse import urljoin, urlsplit

from genfix.json_types import decimal
from genfix.web.bodies import ByteRange, limited
from genfix.web.exchange import RedirectError, origin
from genfix.web.failures import ForeignAnswerError
from genfix.web.patience import Got, within
from genfix.web.waiting import awaiting

_Result = TypeVar("_Result")
_PIECE: Final = 64 * 1024
_MOST_REDIRECTS: Final = 5
_LONGEST: Final = 60.0
"""Seconds for a whole exchange, its head included, and for each of its bytes what `_SLOWEST` gives."""
_SLOWEST: Final = 16 * 1024
"""Bytes a second."""
_ENCODINGS: Final = frozenset({"", "identity", "gzip"})
"""How a body may be packed: of others a piece may have any size when it is unpacked."""
_SAME_AGAIN: Final = frozenset({307, 308})
"""The redirects that ask for the same request at another address: all that one which writes may follow."""
_LOCATION: Final = "location"
_NEXT: Final = re.compile(r"""<([^<>]{1,4096})>\s*;\s*rel="?next""")
_PUT_BY: Final = "x-genfix-location"


class _Requests(Protocol):
    """A session of requests (huggingface_hub before 1.0)."""

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        data: io.BytesIO | None,
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
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        content: io.BytesIO | None,
        timeout: float,
        follow_redirects: bool,
    ) -> "AbstractContextManager[_Response]": ...


class _Response(Protocol):
    status_code: int
    headers: MutableMapping[str, str]


_Pieces: TypeAlias = Callable[[int], Iterator[bytes]]


class Sent(NamedTuple):
    """What is sent."""

    url: str
    headers: Mapping[str, str]
    method: str = "GET"
    content: bytes | None = None
    """The body of a request that writes."""


class HubStatusError(Exception):
    """An answer with a status that says no; ``code`` and ``said`` are the Hub's own words, or empty."""

    def __init__(self, status: int, code: str = "", said: str = "", wait: int = 0) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status
        self.code = code
        self.said = said
        self.wait = wait
        """The seconds after which the Hub wants to be asked again (``Retry-After``); 0: it does not say."""


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
            wait = decimal(get("retry-after", "")) or 0  # it may be a date, which is left alone
            raise HubStatusError(self.status, get("x-error-code", ""), get("x-error-message", ""), wait)

    @property
    def etag(self) -> str:
        """The tag of what was stored; empty where there is none."""
        return self._headers.get("etag", "")

    @property
    def next_query(self) -> str:
        """The query of a list's next page (``Link: <address>; rel="next"``, RFC 8288); empty on the last.

        Of the address nothing else is taken: a mirror may hand on the Hub's own.
        """
        found = _NEXT.search(self._headers.get("link", ""))
        return urlsplit(found[1]).query if found else ""

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


def hub_send(session: object, sent: Sent, timeout: float, read: Callable[[HubResponse], _Result]) -> _Result:
    """Send the request, follow a few redirects, to another host without the token, and ``read`` the answer.

    What writes is sent again only to the host that it was meant for: its body is nobody else's.

    Raises `RedirectError` for a redirect that leads elsewhere, or on and on, and `TimeoutError` where all of
    it takes too long, however steadily it drips; bytes that are sent give time as those that come.
    """
    with awaiting(sent.url):
        return within(
            lambda got: _follow(partial(_answer, session, timeout, got), sent, read), _LONGEST, _SLOWEST
        )


def _follow(
    ask: Callable[[Sent], AbstractContextManager[HubResponse]],
    sent: Sent,
    read: Callable[[HubResponse], _Result],
) -> _Result:
    for _ in range(_MOST_REDIRECTS):
        with ask(sent) as answer:
            if not answer.location:
                return read(answer)
            target, status = urljoin(sent.url, answer.location), answer.status
        there = origin(target)
        if there[0] not in {"http", "https"}:
            raise RedirectError
        is_elsewhere = there != origin(sent.url)
        if sent.method != "GET" and (is_elsewhere or status not in _SAME_AGAIN):
            raise RedirectError
        headers = sent.headers
        if is_elsewhere:
            headers = {name: headers[name] for name in headers if name.lower() != "authorization"}
        sent = sent._replace(url=target, headers=headers)
    raise RedirectError


class _Body(io.BytesIO):
    """A body whose bytes are told of as they go."""

    def __init__(self, content: bytes, got: Got) -> None:
        super().__init__(content)
        self._got = got

    def read(self, size: int | None = -1, /) -> bytes:
        piece = super().read(size)
        self._got(len(piece))
        return piece


@contextmanager
def _answer(session: object, timeout: float, got: Got, sent: Sent) -> Iterator[HubResponse]:
    body = None if sent.content is None else _Body(sent.content, got)
    # getattr: the libraries call what reads a body by different names
    if callable(getattr(session, "stream", None)):
        client = cast("_Httpx", session)
        with client.stream(
            sent.method, sent.url, headers=sent.headers, content=body, timeout=timeout, follow_redirects=False
        ) as response:
            yield HubResponse(response, cast("_Pieces", getattr(response, "iter_bytes")), got)  # noqa: B009
        return
    plain = cast("_Requests", session)
    with plain.request(
        sent.method,
        sent.url,
        headers=sent.headers,
        data=body,
        timeout=timeout,
        stream=True,
        allow_redirects=False,
        hooks={"response": _put_location_by},
    ) as response:
        yield HubResponse(response, cast("_Pieces", getattr(response, "iter_content")), got)  # noqa: B009


def _put_location_by(response: _Response, **settings: object) -> None:  # noqa: ARG001 - requests gives them
    """Requests reads the body of what it takes for a redirect even where it does not follow it (2.34.2,
    sessions.py ``Session.send``).
    """
    if _LOCATION in response.headers:
        response.headers[_PUT_BY] = response.headers.pop(_LOCATION)
