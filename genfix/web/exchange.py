"""One request and its answer, by the standard library; the connection closes when the answer is left."""

import http.client
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from functools import partial
from typing import IO, Final, cast
from urllib.parse import urlsplit

from genfix.web.bodies import limited
from genfix.web.waiting import awaiting

_BLOCK: Final = 64 * 1024
_ERROR_SECONDS: Final = 10.0
"""What the body of an answer that says no may take, however steadily it drips."""
_NOT_HTTP: Final = (OSError, http.client.HTTPException, ValueError)
"""What the standard library raises; `ValueError` for no address, as a host name of 100 letters."""


class HttpError(Exception):
    """There is no answer, or it broke off: ``cause`` is what the standard library raised."""

    def __init__(self, cause: Exception, *, connecting: bool = False) -> None:
        super().__init__(str(cause))
        self.cause = cause
        self.connecting = connecting
        """Whether there was never a connection."""


class RedirectError(Exception):
    """The answer is a redirect to an address that is not the web's."""


class Response:
    """The head of an answer of any status, and its body as far as it is read."""

    def __init__(self, answer: http.client.HTTPResponse) -> None:
        self.status = answer.status
        self.headers = answer.headers
        self.announced = answer.length
        """How many bytes the body has, where the head tells."""
        self._answer = answer

    def blocks(self) -> Iterator[bytes]:
        """The body as it comes; a closed line is taken for its end. Raises `HttpError`."""
        try:
            while block := self._answer.read1(_BLOCK):
                yield block
        except _NOT_HTTP as error:
            raise HttpError(error) from error

    def beginning(self, most: int) -> bytes:
        """The body up to ``most`` bytes, as far as it comes within some seconds. Raises `HttpError`."""
        content = bytearray()
        try:
            for block in limited(self.blocks(), until=time.monotonic() + _ERROR_SECONDS):
                content += block
                if len(content) >= most:
                    break
        except TimeoutError:
            pass
        return bytes(content[:most])


@contextmanager
def opened(
    request: urllib.request.Request,
    timeout: float,
    *,
    redirects: bool = False,
    proxies: bool = False,
    guard: Callable[[socket.socket], AbstractContextManager[object]] = nullcontext,
) -> Iterator[Response]:
    """Send ``request``, with ``timeout`` seconds to connect and then without a byte.

    A few ``redirects`` are followed to http and https only, with a token to the same host only; ``proxies``
    are those of the environment. ``guard`` is entered with each connection before anything is sent, and left
    with the answer.

    Raises `HttpError` where there is no answer, `RedirectError` for one that leads out of the web.
    """
    with ExitStack() as stack:
        opener = urllib.request.OpenerDirector()  # of http and https, and nothing else (no files, no ftp)
        for handler in (
            *([urllib.request.ProxyHandler()] if proxies else []),
            urllib.request.UnknownHandler(),
            _Sender(lambda line: stack.enter_context(guard(line))),
            urllib.request.HTTPDefaultErrorHandler(),
            *([_Redirects()] if redirects else []),
            urllib.request.HTTPErrorProcessor(),
        ):
            opener.add_handler(handler)
        try:
            with awaiting(request.full_url):
                answer = stack.enter_context(opener.open(request, timeout=timeout))
        except urllib.error.HTTPError as error:
            stack.callback(error.close)
            answer = cast("http.client.HTTPResponse", error.fp)
        except urllib.error.URLError as error:
            raise HttpError(error.reason if isinstance(error.reason, Exception) else error) from error
        except _NOT_HTTP as error:
            raise HttpError(error) from error
        yield Response(answer)


class _Sender(urllib.request.AbstractHTTPHandler):
    """Sends by connections that are shown to ``on_connect``."""

    def __init__(self, on_connect: Callable[[socket.socket], object]) -> None:
        super().__init__()
        self._on_connect = on_connect

    def http_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(partial(_Shown, self._on_connect), request)

    def https_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(partial(_ShownTls, self._on_connect), request)

    http_request = https_request = urllib.request.AbstractHTTPHandler.do_request_


class _Shown(http.client.HTTPConnection):
    """Tells a connection that fails from one that breaks off: urllib wraps every `OSError` alike."""

    def __init__(self, on_connect: Callable[[socket.socket], object], host: str, timeout: float) -> None:
        super().__init__(host, timeout=timeout)
        self._on_connect = on_connect

    def connect(self) -> None:
        try:
            super().connect()
        except OSError as error:
            raise HttpError(error, connecting=True) from error
        self._on_connect(self.sock)


class _ShownTls(_Shown, http.client.HTTPSConnection):
    pass


class _Redirects(urllib.request.HTTPRedirectHandler):
    max_redirections = 5

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        target = origin(newurl)
        following = super().redirect_request(req, fp, code, msg, headers, newurl)
        fp.close()  # or else urllib reads the body first, which may have no end
        if target[0] not in {"http", "https"}:
            raise RedirectError
        if following is not None and target != origin(req.full_url):
            for header in ("Authorization", "Cookie"):
                following.remove_header(header)
        return following


def origin(address: str) -> tuple[str, str | None, int | None]:
    """Scheme, host and port; the scheme is empty where the address is none."""
    try:
        url = urlsplit(address)
        port = url.port
    except ValueError:  # no number, an open bracket
        return "", None, None
    return url.scheme, url.hostname, port
