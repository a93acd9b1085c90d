"""Requests to a real server in a thread: what is followed, what is read, and how a failed line is seen."""

import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from genfix.web.bodies import ByteRange, limited
from genfix.web.exchange import HttpError, RedirectError, opened
from genfix.web.failures import ForeignAnswerError, TooLargeError, network_reason, retried
from genfix.web.patience import Got, within
from genfix.web.secrets import Secrets


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        target = {"/loop": "/loop", "/endless": "/fine", "/mail": "ftp://host/x"}.get(self.path)
        self.send_response(200 if target is None else 302)
        if target is not None:
            self.send_header("Location", target)
        self.end_headers()
        try:
            while self.path == "/endless":
                self.wfile.write(bytes(65536))
        except OSError:
            return
        self.wfile.write(b"fine")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the library
        pass


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def get(address: str, *, redirects: bool = True) -> tuple[int, bytes]:
    with opened(urllib.request.Request(address), 5, redirects=redirects) as response:
        return response.status, b"".join(response.blocks())


def test_an_answer_of_any_status_is_one(site: str) -> None:
    assert get(site + "/fine") == (200, b"fine")
    assert get(site + "/loop", redirects=False) == (302, b"fine")


def test_redirects_have_an_end(site: str) -> None:
    assert get(site + "/loop")[0] == 302
    with pytest.raises(RedirectError):
        get(site + "/mail")


def test_the_body_of_a_redirect_is_not_read(site: str) -> None:
    assert get(site + "/endless") == (200, b"fine")


def test_a_guard_is_left_with_the_answer(site: str) -> None:
    seen: list[str] = []

    @contextmanager
    def guard(_line: object) -> Iterator[None]:
        seen.append("in")
        yield
        seen.append("out")

    with opened(urllib.request.Request(site + "/fine"), 5, guard=guard) as response:
        assert seen == ["in"]
        assert response.beginning(2) == b"fi"
    assert seen == ["in", "out"]


@pytest.mark.parametrize(
    ("address", "connecting", "reason"),
    [
        ("http://127.0.0.1:1", True, "connection refused"),
        (f"http://{'a' * 100}.com", False, None),
        ("file:///etc/passwd", False, None),
    ],
)
def test_no_answer(address: str, reason: str | None, *, connecting: bool) -> None:
    with pytest.raises(HttpError) as caught:
        get(address)
    assert (caught.value.connecting, network_reason(caught.value.cause)) == (connecting, reason)


def test_a_body_is_bounded_in_size_and_time() -> None:
    assert b"".join(limited([b"ab", b"c"], most=3)) == b"abc"
    with pytest.raises(TooLargeError):
        list(limited([b"ab", b"cd"], most=3))
    with pytest.raises(TimeoutError):
        list(limited([b"ab"], until=time.monotonic() - 1))


def test_an_exchange_is_bounded_in_time_as_a_whole() -> None:
    assert within(lambda _: "answer", 60, 1) == "answer"
    with pytest.raises(KeyError):
        within(lambda _: dict[str, int]()["none"], 60, 1)
    more, ended = threading.Event(), threading.Event()

    def drip(got: Got) -> None:
        try:
            more.wait()
            got(1)
        except TimeoutError:
            ended.set()

    with pytest.raises(TimeoutError):
        within(drip, 0.01, 1000)
    more.set()
    assert ended.wait(60)  # the next byte ends it

    def steady(got: Got) -> str:
        got(60)  # worth a minute
        time.sleep(0.05)
        return "all"

    assert within(steady, 0.01, 1) == "all"


def test_a_range_is_taken_from_nothing_but_that_range() -> None:
    wanted = ByteRange(2, 5, 9)
    assert wanted.read(206, "bytes 2-4/9", [b"a", b"bcd"]) == b"abc"
    for status, told in ((200, "bytes 2-4/9"), (206, "bytes 2-5/9"), (206, "bytes 2-4/*"), (206, "")):
        with pytest.raises(ForeignAnswerError):
            wanted.read(status, told, [b"abc"])
    with pytest.raises(ConnectionError, match="2 of 3 bytes came"):
        wanted.read(206, "bytes 2-4/9", [b"ab"])


def test_retries_end_with_the_last_error() -> None:
    tries: list[int] = []

    def ask() -> None:
        tries.append(1)
        raise ValueError(str(len(tries)))

    with pytest.raises(ValueError, match="3"):
        retried(ask, lambda _: True, (0.0, 0.0))
    with pytest.raises(ValueError, match="4"):
        retried(ask, lambda _: False, (0.0, 0.0))


SECRET = "hf_a/1"


@pytest.mark.parametrize(
    "content",
    [
        b'{"a": "hf_a/1"}',
        b"hf_a%2F1",
        rb'{"a": "\u0068f_a\/1"}',
        rb'{"a": "{{ \"\\x68f\\137a/\\u0031\" }}"}',
        rb"'\x68\x66\x5F\u{0061}/\U00000031'",
        b'"hf_\\\n' + b'a/1"',
        '{"a": "hf_a/1"}'.encode("utf-16"),
        '{"a": "\\u0068f_a/1"}'.encode("utf-16-be"),
    ],
)
def test_a_secret_is_found_behind_escapes(content: bytes) -> None:
    assert Secrets.of(SECRET).are_in(content)
    assert not Secrets.of("hf_another").are_in(content)
    assert not Secrets.of(None).are_in(content)
