"""One file at a web address, of which parts are asked for and never the whole."""

import re
import time
import urllib.request
from collections.abc import Callable
from typing import Final, TypeVar
from urllib.parse import unquote, urlsplit

from genfix.errors import BaseModelError, InputError
from genfix.folder.folder import FileStat, Origin
from genfix.message import Message, text
from genfix.web.bodies import ByteRange, limited
from genfix.web.exchange import HttpError, RedirectError, Response, opened
from genfix.web.failures import ForeignAnswerError, network_reason

_Result = TypeVar("_Result")

_SECONDS: Final = 20.0
"""To connect, and then without a byte."""
_LONGEST: Final = 300.0
"""What one part may take, however steadily it drips."""
_SIZE: Final = re.compile(r"bytes 0-0/(\d{1,18})", re.ASCII)


class WebFile:
    """A folder of one file, which a server gives in parts."""

    def __init__(self, address: str, name: str, size: int) -> None:
        self.origin = Origin("web", address)
        self._name = name
        self._size = size

    def names(self) -> frozenset[str]:
        """The one name."""
        return frozenset([self._name])

    def stat(self, name: str) -> FileStat:
        """Its size, as the server tells it."""
        if name != self._name:
            raise KeyError(name)
        return FileStat(self._size)

    def read(self, name: str) -> bytes:
        """Nothing: what is here is never read whole."""
        raise KeyError(name)

    def read_range(self, name: str, start: int, length: int) -> bytes:
        """At most ``length`` bytes from offset ``start``. Raises `BaseModelError` where they do not come."""
        end = min(start + length, self.stat(name).size)
        wanted = ByteRange(start, end, self._size)

        def read(answer: Response) -> bytes:
            pieces = limited(answer.blocks(), until=time.monotonic() + _LONGEST)
            return wanted.read(answer.status, answer.headers.get("Content-Range", ""), pieces)

        return _asked(self.origin.label, f"bytes={start}-{end - 1}", read) if start < end else b""


def open_web_file(address: str, *, offline: bool) -> WebFile:
    """The file at ``address``. Raises `InputError` or `BaseModelError` where parts of it cannot be had."""
    url = urlsplit(address)
    if "@" in url.netloc:  # never shown, kept or sent on
        raise InputError(
            "an address of {host} must not hold a user's name or token",
            "log in with `hf auth login`, or set HF_TOKEN",
            host=url.hostname,
        )
    if offline:
        raise InputError(
            "{address} is elsewhere, and genfix is offline", "leave --offline out", address=address
        )

    def size(answer: Response) -> int:
        found = _SIZE.fullmatch(answer.headers.get("Content-Range", "")) if answer.status == 206 else None
        if found is None:
            raise _failed(address, text("it answers {status} and no part", status=answer.status))
        return int(found[1])

    return WebFile(address, unquote(url.path).rpartition("/")[2], _asked(address, "bytes=0-0", size))


def _asked(address: str, part: str, read: Callable[[Response], _Result]) -> _Result:
    headers = {"User-Agent": "genfix", "Range": part, "Accept-Encoding": "identity"}
    request = urllib.request.Request(address, headers=headers)  # noqa: S310 - http(s) only
    try:
        with opened(request, _SECONDS, redirects=True, proxies=True) as answer:
            return read(answer)
    except RedirectError as error:
        raise _failed(address, text("it redirects to an address that is not the web's")) from error
    except ForeignAnswerError as error:
        raise _failed(address, text("what came is no part of the file")) from error
    except (HttpError, OSError) as error:
        cause = error.cause if isinstance(error, HttpError) else error
        raise _failed(address, network_reason(cause) or text("the connection failed")) from error


def _failed(address: str, why: Message | str) -> BaseModelError:
    return BaseModelError(
        "cannot read {address}: {why}", "check the address, or download the file", address=address, why=why
    )
