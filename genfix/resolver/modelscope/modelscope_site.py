"""Plain HTTP for ModelScope, with the standard library: bounded in time, size and tries.

How it asks is that of ModelScope's own client (modelscope_hub 0.5.1: config.py for ``MODELSCOPE_ENDPOINT``,
``MODELSCOPE_DOMAIN`` and ``MODELSCOPE_API_TOKEN``; _legacy_api.py for the header and the cookie that carry the
token). The login that client saves is a pickle, which genfix does not read.
"""

import http.client
import json
import os
import re
import socket
import ssl
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import IO, Final
from urllib.parse import urlsplit

from genfix.errors import BaseModelError

__all__ = ["OutageError", "Site", "StatusError", "TransferError"]

_ENDPOINT: Final = "https://modelscope.cn"
_TOKEN: Final = "MODELSCOPE_API_TOKEN"  # noqa: S105 - the name of a variable
_TIMEOUT: Final = 10.0
"""Seconds without a byte."""
_LONGEST: Final = 60.0
_SLOWEST: Final = 16 * 1024
"""Bytes a second that a transfer must keep up, after its first seconds (`_LONGEST`)."""
_PAUSES: Final = (0.5, 2.0)
"""Seconds before what a busy server or a broken line spoiled is asked for again."""
_PASSING: Final = frozenset({408, 429})
_REDIRECTS: Final = 5
_CHUNK: Final = 256 * 1024
_MOST_OF_AN_ERROR: Final = 64 * 1024


class OutageError(Exception):
    """There was no answer: what is cached may stand in."""


class TransferError(Exception):
    """The line broke, or what came is not what was announced: another try may help."""


class StatusError(Exception):
    """An answer with an HTTP status that says no; ``code`` is ModelScope's own, or 0."""

    def __init__(self, status: int, code: int = 0) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status
        self.code = code


@dataclass(frozen=True, slots=True)
class Site:
    """A ModelScope: its address, and the token for it."""

    endpoint: str
    token: str = ""

    @classmethod
    def from_environment(cls) -> "Site":
        """The one that the environment names. Raises `BaseModelError` where it names none that can be asked."""
        named = os.environ.get("MODELSCOPE_ENDPOINT", "").strip()
        variable = "MODELSCOPE_ENDPOINT" if named else "MODELSCOPE_DOMAIN"
        endpoint = (named or os.environ.get(variable, "").strip() or _ENDPOINT).rstrip("/")
        if not endpoint.lower().startswith(("http://", "https://")):
            endpoint = f"https://{endpoint}"
        try:
            url = urlsplit(endpoint)
            valid = bool(url.hostname) and url.port != 0 and endpoint.isascii() and endpoint.isprintable()
        except ValueError:  # a port that is no number, an open bracket
            valid = False
        if not valid or " " in endpoint or not {"@", "?", "#"}.isdisjoint(endpoint):
            raise BaseModelError(
                f"{variable} is not the plain web address of a ModelScope", f"set it to {_ENDPOINT}"
            )
        token = os.environ.get(_TOKEN, "").strip()
        if re.fullmatch(r"[!#-+\--:<-\[\]-~]*", token) is None:  # what a cookie can hold
            raise BaseModelError(
                f"{_TOKEN} holds no access token", "set it to a token of your ModelScope account, or unset it"
            )
        return cls(endpoint, token)

    def get(self, path: str, most: int) -> bytes:
        """The body at ``path``, of at most ``most`` bytes; asked for again where the server is busy.

        Raises `StatusError` where the answer is no, `OutageError` where there is none, `TransferError` where
        no try brought a whole one.
        """
        for pause in (*_PAUSES, None):
            try:
                return self._get(path, most)
            except StatusError as error:
                if error.status not in _PASSING and error.status < 500:
                    raise
                if pause is None:
                    raise OutageError(str(error)) from error
            except TransferError:
                if pause is None:
                    raise
            time.sleep(pause)
        raise AssertionError("unreachable")

    def _get(self, path: str, most: int) -> bytes:
        request = urllib.request.Request(self.endpoint + path, headers={"User-Agent": "genfix"})  # noqa: S310 - http(s), see above
        if self.token:
            request.add_header("Authorization", f"Bearer {self.token}")
            request.add_header("Cookie", f"m_session_id={self.token}")
        try:
            with _opener().open(request, timeout=_TIMEOUT) as answer:
                return _body(answer, most)
        except urllib.error.HTTPError as error:
            with error:
                raise StatusError(error.code, _code(error)) from None
        except urllib.error.URLError as error:
            reason = error.reason
            raise (
                TransferError(_words(reason)) if _is_cut(reason) else OutageError(_words(reason))
            ) from error
        except (OSError, http.client.HTTPException) as error:
            raise (TransferError(_words(error)) if _is_cut(error) else OutageError(_words(error))) from error
        except ValueError as error:  # an address that is none, as a host name of 100 letters
            raise OutageError("the connection failed") from error


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows to http and https only, and takes the token to no other host."""

    max_redirections = _REDIRECTS

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        """The request that follows, without the token where the host is another one."""
        target = _origin(newurl)
        if target[0] not in {"http", "https"}:
            fp.close()
            raise OutageError("it redirects to an address that is not the web's")
        following = super().redirect_request(req, fp, code, msg, headers, newurl)
        if following is not None and target != _origin(req.full_url):
            for header in ("Authorization", "Cookie"):
                following.remove_header(header)
        return following


def _opener() -> urllib.request.OpenerDirector:
    """What opens http and https, by the proxies of the environment, and nothing else (no files, no ftp)."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.UnknownHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        _Redirects(),
        urllib.request.HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    return opener


def _origin(address: str) -> tuple[str, str | None, int | None]:
    """Scheme, host and port; the scheme is empty where the address is none."""
    url = urlsplit(address)
    try:
        port = url.port
    except ValueError:  # no number
        return "", None, None
    return url.scheme, url.hostname, port


def _body(answer: http.client.HTTPResponse, most: int) -> bytes:
    """The whole body. Raises `TransferError` where it is longer than ``most``, cut, or comes too slowly."""
    announced = answer.length
    started = time.monotonic()
    pieces: list[bytes] = []
    size = 0
    while piece := answer.read1(_CHUNK):
        pieces.append(piece)
        size += len(piece)
        if size > most:
            raise TransferError(f"it sends more than the {most} bytes it can have")
        if time.monotonic() - started > _LONGEST + size / _SLOWEST:
            raise OutageError("timed out")
    # http.client takes a closed line for the end of the body.
    if announced is not None and size != announced:
        raise TransferError(f"it sent {size} of {announced} bytes")
    return b"".join(pieces)


def _code(error: urllib.error.HTTPError) -> int:
    """ModelScope's own code in the body of an error, or 0."""
    try:
        body: object = json.loads(error.read(_MOST_OF_AN_ERROR))
    except (OSError, ValueError, RecursionError, http.client.HTTPException):
        return 0
    code = body.get("Code") if isinstance(body, dict) else None
    return code if isinstance(code, int) else 0


def _is_cut(error: object) -> bool:
    """Whether a line that stood broke off, which one more try often mends."""
    return isinstance(
        error, (ConnectionResetError, BrokenPipeError, http.client.IncompleteRead, http.client.BadStatusLine)
    )


def _words(error: object) -> str:
    """Why there is no answer, in words that name no address and no token."""
    if isinstance(error, TimeoutError):
        return "timed out"
    if isinstance(error, socket.gaierror):
        return "its host name is not known"
    if isinstance(error, ssl.SSLCertVerificationError):
        return "its TLS certificate is not trusted"
    if isinstance(error, http.client.RemoteDisconnected):
        return "the connection was closed"
    if isinstance(error, http.client.HTTPException):
        return "the answer is not one of ModelScope"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return "the connection failed"
