"""Where an OpenAI-compatible API is, and one request to it with limits on time and size.

Redirects and proxies are not followed: the key goes to the host the user named, and nowhere else.
"""

import http.client
import json
import ssl
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from typing import Final
from urllib.parse import SplitResult, urlsplit

from genfix.errors import InputError
from genfix.json_types import JsonObject
from genfix.message import Message, text
from genfix.probe.probe_values import Failure, FailureKind
from genfix.probe.watch import Watch
from genfix.web.bodies import limited
from genfix.web.exchange import HttpError, Response, opened
from genfix.web.failures import TooLargeError
from genfix.web.secrets import Secrets

_CONNECT_SECONDS: Final = 15.0
_MAX_ERROR: Final = 65536
_MAX_MESSAGE: Final = 300
_HINT: Final = text("name it like http://localhost:8000 or https://host/v1")
_TRY_AGAIN: Final = frozenset({429, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where an OpenAI-compatible API is."""

    host: str
    port: int | None
    tls: bool
    path: str
    """The part before ``/models`` and ``/chat/completions``."""
    key: str = field(default="", repr=False)

    @property
    def label(self) -> str:
        """The address as a user would write it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port is None else f":{self.port}"
        return f"http{'s' if self.tls else ''}://{host}{port}{self.path}"

    @property
    def secrets(self) -> Secrets:
        """What nothing that the server says may show."""
        return Secrets.of(self.key)

    @property
    def sends_key_in_the_open(self) -> bool:
        """Whether the key crosses a network without TLS."""
        return bool(self.key) and not self.tls and self.host not in {"localhost", "127.0.0.1", "::1"}


class ExchangeError(Exception):
    """A request without an answer."""

    def __init__(
        self, kind: FailureKind, detail: Message, *, status: int = 0, again: bool = False, wait: float = 0.0
    ) -> None:
        super().__init__(str(detail))
        self.failure = Failure(kind, detail)
        self.status = status
        self.again = again
        """Whether another try may do better."""
        self.wait = wait
        """How long the server asks to wait before it."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The head of a reply with status 200, and its body in blocks as they come."""

    content_type: str
    blocks: Iterator[bytes]
    secrets: Secrets
    """What the server was sent, and what nothing it says may show."""


def is_url(target: str) -> bool:
    """Whether ``target`` names a server rather than a folder."""
    return target.casefold().startswith(("http://", "https://"))


def endpoint(url: str, key: str = "") -> Endpoint:
    """Read a URL: of the server, of its ``/v1``, or of the chat API itself.

    Raises `InputError` for one that is none.
    """
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname
        (host or "").encode("idna")
    except ValueError as error:
        raise InputError("{url} is no URL of a server: {why}", _HINT, url=url, why=str(error)) from error
    if not host or any(not 0x20 < ord(letter) < 0x7F for letter in url):
        raise InputError("{url} is no URL of a server", _HINT, url=url)
    if parts.username is not None or parts.password is not None:
        raise InputError(
            "the URL has a user name or password in it", "give the key as GENFIX_API_KEY in the environment"
        )
    if any(not 0x20 < ord(letter) < 0x7F for letter in key):
        raise InputError(
            "the API key has a character that HTTP cannot carry", "look at GENFIX_API_KEY or OPENAI_API_KEY"
        )
    return Endpoint(host, port, parts.scheme.casefold() == "https", _prefix(parts), key)


def _prefix(parts: SplitResult) -> str:
    path = parts.path.rstrip("/")
    for tail in ("/chat/completions", "/models"):
        path = path.removesuffix(tail)
    return path or "/v1"


@contextmanager
def exchange(
    place: Endpoint, path: str, body: JsonObject | None, watch: Watch, deadline: float, max_bytes: int
) -> Iterator[Reply]:
    """Send one request, POST where it has a body.

    Raises `ExchangeError` for anything but a reply with 200.
    """
    timeout = min(_CONNECT_SECONDS, max(0.1, deadline - time.monotonic()))
    guard = partial(watch.guard, deadline=deadline)
    try:
        with opened(_request(place, path, body), timeout, guard=guard) as response:
            if response.status != HTTPStatus.OK:
                raise _status_error(place, response)
            blocks = limited(response.blocks(), until=deadline, most=max_bytes)
            yield Reply(response.headers.get_content_type(), blocks, place.secrets)
    except (HttpError, TooLargeError, TimeoutError, ExchangeError) as error:
        if isinstance(error, HttpError) and error.connecting:
            raise _unreachable(place, error.cause) from error
        if watch.over:
            raise ExchangeError(FailureKind.NOT_ASKED, text("the run ended before the answer")) from error
        if time.monotonic() >= deadline:  # a connection that the watch has ended looks broken
            raise ExchangeError(
                FailureKind.TIMEOUT, text("{server} did not finish an answer in time", server=place.label)
            ) from error
        if isinstance(error, HttpError):
            raise ExchangeError(
                FailureKind.BROKEN_STREAM,
                text(
                    "{server} broke the connection off: {why}", server=place.label, why=_reason(error.cause)
                ),
                again=isinstance(error.cause, http.client.RemoteDisconnected),
            ) from error
        if isinstance(error, TooLargeError):
            raise ExchangeError(
                FailureKind.TOO_LARGE,
                text("the server sent more than {most:.3g} MiB for one answer", most=max_bytes / 2**20),
            ) from error
        raise


def _unreachable(place: Endpoint, error: Exception) -> ExchangeError:
    if isinstance(error, ssl.SSLError):
        reason = error.reason or str(error)
        return ExchangeError(
            FailureKind.UNREACHABLE,
            text("{server} cannot be reached over TLS: {why}", server=place.label, why=reason),
        )
    why: Message | str = (error.strerror if isinstance(error, OSError) else None) or str(error)
    if isinstance(error, TimeoutError):
        why = text("it did not answer in time")
    return ExchangeError(
        FailureKind.UNREACHABLE,
        text("{server} cannot be reached: {why}", server=place.label, why=why),
        again=isinstance(error, ConnectionRefusedError | ConnectionResetError),
    )


def _request(place: Endpoint, path: str, body: JsonObject | None) -> urllib.request.Request:
    headers = {"Accept": "text/event-stream, application/json", "User-Agent": "genfix"}
    if place.key:
        headers["Authorization"] = f"Bearer {place.key}"
    content = None if body is None else json.dumps(body).encode()
    if content is not None:
        headers["Content-Type"] = "application/json"
    return urllib.request.Request(place.label + path, content, headers)  # noqa: S310 - http(s) only


def _reason(error: Exception) -> Message | str:
    if isinstance(error, http.client.RemoteDisconnected):
        return text("it closed without a reply")
    if isinstance(error, http.client.IncompleteRead):
        return text("the reply ended in the middle")
    if isinstance(error, http.client.HTTPException):
        return text("what it sent is not HTTP")
    return (error.strerror if isinstance(error, OSError) else None) or text("what it sent is not HTTP")


def _status_error(place: Endpoint, response: Response) -> ExchangeError:
    status = response.status
    said = _message(response.beginning(_MAX_ERROR), place.secrets)[:_MAX_MESSAGE]
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return ExchangeError(
            FailureKind.REFUSED_KEY,
            _with_reason(
                text("{server} refuses the API key ({status})", server=place.label, status=status)
                if place.key
                else text("{server} wants an API key ({status})", server=place.label, status=status),
                said,
            ),
            status=status,
        )
    if status == HTTPStatus.NOT_FOUND and "model" in said.casefold():
        return ExchangeError(
            FailureKind.NO_MODEL,
            _with_reason(
                text("{server} lacks the model ({status})", server=place.label, status=status), said
            ),
            status=status,
        )
    if 300 <= status < 400:
        location = place.secrets.text(response.headers.get("Location", ""))[:_MAX_MESSAGE]
        return ExchangeError(
            FailureKind.STATUS,
            text("{server} redirects to {address}", server=place.label, address=location),
            status=status,
        )
    after = response.headers.get("Retry-After", "")
    return ExchangeError(
        FailureKind.STATUS,
        _with_reason(text("{server} answers with {status}", server=place.label, status=status), said),
        status=status,
        again=status in _TRY_AGAIN,
        wait=float(after) if after.isdecimal() and len(after) < 5 else 0.0,
    )


def _with_reason(what: Message, why: str) -> Message:
    """With what the server itself says, where it says something."""
    return text("{what}: {why}", what=what, why=why) if why else what


def _message(content: bytes, secrets: Secrets) -> str:
    """What an error's body says; servers disagree about where."""
    body = secrets.text(content.decode("utf-8", "replace").strip())
    try:
        value = secrets.value(json.loads(body))
    except (ValueError, RecursionError):
        return " ".join(body.split()) if not body.startswith("<") else ""
    match value:
        case (
            {"error": {"message": str(said)}}
            | {"message": str(said)}
            | {"error": str(said)}
            | {"detail": str(said)}
        ):
            return " ".join(said.split())
        case _:
            return ""
