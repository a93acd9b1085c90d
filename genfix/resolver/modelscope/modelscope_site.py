"""Requests to a ModelScope, bounded in time, size and tries.

How it asks is that of ModelScope's own client (modelscope_hub 0.5.1: config.py for ``MODELSCOPE_ENDPOINT``,
``MODELSCOPE_DOMAIN`` and ``MODELSCOPE_API_TOKEN``; _legacy_api.py for the header and the cookie that carry
the token). The login that client saves is a pickle, which genfix does not read.
"""

import http.client
import json
import os
import re
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from genfix.errors import BaseModelError
from genfix.message import Message, text
from genfix.web.bodies import ByteRange, limited
from genfix.web.exchange import HttpError, RedirectError, Response, opened
from genfix.web.failures import OutageError, TooLargeError, is_passing, network_reason, retried
from genfix.web.patience import Got, within
from genfix.web.strangers import strangers_ask

_ENDPOINT: Final = "https://modelscope.cn"
_TOKEN: Final = "MODELSCOPE_API_TOKEN"  # noqa: S105 - the name of a variable
_TIMEOUT: Final = 10.0
"""Seconds without a byte."""
_LONGEST: Final = 60.0
"""Seconds for a whole exchange, its head included, and for each of its bytes what `_SLOWEST` gives."""
_SLOWEST: Final = 16 * 1024
"""Bytes a second."""
_PAUSES: Final = (0.5, 2.0)
"""Seconds before what a busy server or a broken line spoiled is asked for again."""
_MOST_OF_AN_ERROR: Final = 64 * 1024


class TransferError(Exception):
    """The line broke, or what came is not what was announced: another try may help."""

    def __init__(self, said: Message | str) -> None:
        super().__init__(str(said))
        self.said = said


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
        """The one that the environment names.

        Raises `BaseModelError` where it names none that can be asked.
        """
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
                "{variable} is not the plain web address of a ModelScope",
                "set it to {address}",
                variable=variable,
                address=_ENDPOINT,
            )
        token = "" if strangers_ask() else os.environ.get(_TOKEN, "").strip()
        if re.fullmatch(r"[!#-+\--:<-\[\]-~]*", token) is None:  # what a cookie can hold
            raise BaseModelError(
                "{variable} holds no access token",
                "set it to a token of your ModelScope account, or unset it",
                variable=_TOKEN,
            )
        return cls(endpoint, token)

    def get(self, path: str, most: int, part: ByteRange | None = None) -> bytes:
        """The body at ``path``, of at most ``most`` bytes, or a ``part`` of it; asked for again where the
        server is busy. ModelScope's own client asks for parts in the same way (modelscope 1.30.0,
        hub/file_download.py).

        Raises `StatusError` where the answer is no, `OutageError` where there is none, `TransferError` where
        no try brought a whole one, `ForeignAnswerError` where no part can be had.
        """
        return self._asked(_Question(path, most, part))

    def put(self, path: str, content: bytes, most: int) -> bytes:
        """The body of the answer to ``content``, JSON that asks and changes nothing. Raises as `get`."""
        return self._asked(_Question(path, most, content=content))

    def _asked(self, question: "_Question") -> bytes:
        def ask() -> bytes:
            try:
                return within(lambda got: self._answer(question, got), _LONGEST, _SLOWEST)
            except TimeoutError as error:
                raise OutageError(text("timed out")) from error

        try:
            return retried(ask, _may_pass, _PAUSES)
        except StatusError as error:
            if _may_pass(error):
                raise OutageError(str(error)) from error
            raise

    def _answer(self, question: "_Question", got: Got) -> bytes:
        path, most, part, content = question
        headers = {"User-Agent": "genfix"}
        if content is not None:
            headers["Content-Type"] = "application/json"
        if part is not None:
            headers |= {"Range": f"bytes={part.start}-{part.end - 1}", "Accept-Encoding": "identity"}
        request = urllib.request.Request(  # noqa: S310 - http(s) only
            self.endpoint + path, content, headers, method="GET" if content is None else "PUT"
        )
        if self.token:
            request.add_header("Authorization", f"Bearer {self.token}")
            request.add_header("Cookie", f"m_session_id={self.token}")
        try:
            with opened(request, _TIMEOUT, redirects=True, proxies=True) as response:
                if not 200 <= response.status < 300:
                    raise StatusError(response.status, _code(response))
                if part is not None:
                    return _part(response, part, got)
                return _body(response, most, got)
        except RedirectError as error:
            raise OutageError(text("it redirects to an address that is not the web's")) from error
        except HttpError as error:
            words = _words(error.cause)
            raise (TransferError(words) if _is_cut(error.cause) else OutageError(words)) from error


class _Question(NamedTuple):
    """What is asked for."""

    path: str
    most: int
    part: ByteRange | None = None
    content: bytes | None = None


def _part(response: Response, part: ByteRange, got: Got) -> bytes:
    """A part of a body. Raises `ForeignAnswerError` for another answer, `TransferError` for a cut one."""

    def counted() -> Iterator[bytes]:
        for piece in response.blocks():
            got(len(piece))
            yield piece

    try:
        return part.read(response.status, response.headers.get("Content-Range", ""), counted())
    except ConnectionError as error:
        raise TransferError(text("the connection was closed")) from error


def _body(response: Response, most: int, got: Got) -> bytes:
    """The whole body.

    Raises `TransferError` where it is longer than ``most`` or cut.
    """
    body = bytearray()
    try:
        for piece in limited(response.blocks(), most=most):
            body += piece
            got(len(piece))
    except TooLargeError as error:
        raise TransferError(text("it sends more than the {most:,} bytes it can have", most=most)) from error
    if response.announced is not None and len(body) != response.announced:
        raise TransferError(
            text("it sent {size:,} of {announced:,} bytes", size=len(body), announced=response.announced)
        )
    return bytes(body)


def _code(response: Response) -> int:
    """ModelScope's own code in the body of an error, or 0."""
    try:
        body: object = json.loads(response.beginning(_MOST_OF_AN_ERROR))
    except (HttpError, ValueError, RecursionError):
        return 0
    code = body.get("Code") if isinstance(body, dict) else None
    return code if isinstance(code, int) else 0


def _may_pass(error: Exception) -> bool:
    return isinstance(error, TransferError) or (isinstance(error, StatusError) and is_passing(error.status))


def _is_cut(error: Exception) -> bool:
    """Whether a line that stood broke off, which one more try often mends."""
    return isinstance(
        error, (ConnectionResetError, BrokenPipeError, http.client.IncompleteRead, http.client.BadStatusLine)
    )


def _words(error: Exception) -> Message | str:
    """Why there is no answer, in words that name no address and no token."""
    reason = network_reason(error)
    if reason is not None:
        return reason
    if isinstance(error, http.client.RemoteDisconnected):
        return text("the connection was closed")
    if isinstance(error, http.client.HTTPException):
        return text("the answer is not one of ModelScope")
    return text("the connection failed")
