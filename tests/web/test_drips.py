"""A server that sends a byte now and then, of the head or of the body: no limit of a socket ends it."""

import importlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from genfix.resolver.hub import hub_session
from genfix.resolver.modelscope import modelscope_site
from genfix.web.failures import OutageError

HEADS = {
    "head": b"HTTP/1.1 200 OK\r\nX-Long: ",
    "body": b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n",
    "redirect": b"HTTP/1.1 302 Found\r\nContent-Length: 100000\r\nLocation: ",
}


@pytest.fixture(params=[*HEADS])
def site(request: pytest.FixtureRequest) -> Iterator[str]:
    """Where each byte comes 20 ms after the last one."""
    over = threading.Event()

    def answer(line: socket.socket) -> None:
        with suppress(OSError), line:
            line.recv(65536)
            line.sendall(HEADS[request.param])
            while not over.wait(0.02):
                line.sendall(b"x")

    def serve() -> None:
        with suppress(OSError):
            while True:
                line, _ = server.accept()
                threading.Thread(target=answer, args=(line,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        over.set()
        server.shutdown(socket.SHUT_RDWR)


def _new_client(name: str) -> Any:
    made: Callable[[], Any] = getattr(
        importlib.import_module(name), "Session" if name == "requests" else "Client"
    )
    return made()


@pytest.mark.parametrize("library", ["httpx2", "httpx", "requests"])
def test_a_hub_that_drips(site: str, library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip(library, reason="one of the libraries that huggingface_hub speaks through")
    monkeypatch.setattr(hub_session, "_LONGEST", 0.3)
    with pytest.raises(TimeoutError):
        hub_session.hub_send(
            _new_client(library), hub_session.Sent(site, {}), 10, lambda answer: answer.whole(1000)
        )


def test_a_modelscope_that_drips(site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modelscope_site, "_LONGEST", 0.3)
    with pytest.raises(OutageError, match="timed out"):
        modelscope_site.Site(site).get("/", 1000)
