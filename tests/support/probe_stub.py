"""An OpenAI-compatible server in a thread that answers as it is told, well or badly.

with Stub(answers=lambda body: Said("Oslo.")) as stub:
    ...                       # stub.url
    stub.asked                # the bodies, in order
"""

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

__all__ = ["Said", "Status", "Stub", "always", "chunk"]

MODELS = ({"id": "merged", "object": "model", "owned_by": "vllm"},)


@dataclass
class Said:
    """An answer to one prompt."""

    text: str = "Yes."
    finish_reason: str | None = "stop"
    tokens: int = 4
    choice: Mapping[str, Any] = field(default_factory=dict)
    """Further keys of the last choice, such as ``stop_reason``."""
    delta: Mapping[str, Any] = field(default_factory=dict)
    """Further keys of the first delta, such as ``tool_calls``."""


@dataclass
class Status:
    """A reply that is no answer."""

    code: int
    message: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[["Exchange"], None]
"""Takes over a whole exchange, for servers that are broken in ways of their own."""
Reply = Said | Status | Handler


def always(reply: Reply) -> Callable[[dict[str, Any]], Reply]:
    """The same to every prompt."""
    return lambda _: reply


def chunk(delta: Mapping[str, Any], **choice: Any) -> bytes:
    """One server-sent event of a stream."""
    event = {"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": dict(delta), **choice}]}
    return f"data: {json.dumps(event)}\n\n".encode()


class Exchange(BaseHTTPRequestHandler):
    """One request; ``body`` is what was asked."""

    stub: "Stub"
    body: dict[str, Any]

    def log_message(self, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        self.stub.seen.append((self.path, dict(self.headers)))
        if self.stub.models is None:
            self.fail(Status(404, "not found"))
        elif callable(self.stub.models):
            self.body = {}
            self.stub.models(self)
        else:
            self.send_json({"object": "list", "data": [*self.stub.models]})

    def do_POST(self) -> None:
        self.body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.stub.lock:
            self.stub.asked.append(self.body)
            self.stub.seen.append((self.path, dict(self.headers)))
            reply = self.stub.answers(self.body)
        if isinstance(reply, Said):
            self.say(reply)
        elif isinstance(reply, Status):
            self.fail(reply)
        else:
            reply(self)

    def begin(self, content_type: str = "text/event-stream", code: int = 200, **headers: str) -> None:
        self.send_response(code)
        self.send_header("Content-Type", content_type)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def send_json(self, value: object, code: int = 200, headers: Mapping[str, str] | None = None) -> None:
        self.begin("application/json", code, **(headers or {}))
        self.wfile.write(json.dumps(value).encode())

    def fail(self, status: Status) -> None:
        self.send_json({"error": {"message": status.message}}, status.code, status.headers)

    def say(self, said: Said) -> None:
        if "prompt" in self.body:  # of another API than chats
            self.fail(Status(404, "Not Found"))
            return
        if not self.body.get("stream"):
            raise AssertionError("a probe streams")
        self.begin()
        half = len(said.text) // 2
        self.wfile.write(chunk({"role": "assistant", "content": said.text[:half], **said.delta}))
        self.wfile.write(b": ping\n\n")
        self.wfile.write(chunk({"content": said.text[half:]}))
        self.wfile.write(chunk({}, finish_reason=said.finish_reason, **said.choice))
        if self.body.get("stream_options"):
            usage = {"prompt_tokens": 9, "completion_tokens": said.tokens}
            self.wfile.write(f"data: {json.dumps({'choices': [], 'usage': usage})}\n\n".encode())
        self.wfile.write(b"data: [DONE]\n\n")


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, *args: object) -> None:
        """Clients that go away are part of the tests."""


class Stub:
    """The server; a context manager."""

    def __init__(
        self,
        answers: Callable[[dict[str, Any]], Reply],
        models: Sequence[Mapping[str, Any]] | Handler | None = MODELS,
    ) -> None:
        self.answers = answers
        self.models = models
        self.asked: list[dict[str, Any]] = []
        self.seen: list[tuple[str, dict[str, str]]] = []
        self.lock = threading.Lock()
        self.over = threading.Event()
        handler = type("Handler", (Exchange,), {"stub": self})
        self._server = _Server(("127.0.0.1", 0), handler)
        self.port = int(self._server.server_address[1])
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.over.set()
        self._server.shutdown()
        self._server.server_close()


# Ways to be broken ------------------------------------------------------------------------------------------


def hangs(exchange: Exchange) -> None:
    """Takes the request and says nothing."""
    exchange.stub.over.wait(30)


def hangs_in_the_middle(exchange: Exchange) -> None:
    exchange.begin()
    exchange.wfile.write(chunk({"content": "The"}))
    exchange.stub.over.wait(30)


def drips(exchange: Exchange) -> None:
    """A byte now and then, so that no read ever times out."""
    exchange.begin()
    while not exchange.stub.over.wait(0.02):
        exchange.wfile.write(b":")


def drips_headers(exchange: Exchange) -> None:
    exchange.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while not exchange.stub.over.wait(0.02):
        exchange.wfile.write(b"x")


def streams_for_ever(exchange: Exchange) -> None:
    exchange.begin()
    event = chunk({"content": "on and on " * 500})
    while not exchange.stub.over.is_set():
        exchange.wfile.write(event)


def streams_garbage(exchange: Exchange) -> None:
    exchange.begin()
    exchange.wfile.write(b"\x00\xff\x1b[2Jgarbage\n" * 3)


def streams_broken_json(exchange: Exchange) -> None:
    exchange.begin()
    exchange.wfile.write(b'data: {"choices": [\n\n')


def one_endless_line(exchange: Exchange) -> None:
    exchange.begin()
    while not exchange.stub.over.is_set():
        exchange.wfile.write(b"x" * 65536)


def is_no_http(exchange: Exchange) -> None:
    exchange.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n")


def a_web_page(exchange: Exchange) -> None:
    exchange.begin("text/html")
    exchange.wfile.write(b"<html>Welcome to nginx</html>\n")


def closes_at_once(exchange: Exchange) -> None:
    """Reads the request and goes away."""


def closes_mid_stream(exchange: Exchange) -> None:
    exchange.begin()
    exchange.wfile.write(chunk({"content": "The cat"}))


def closes_in_a_chunk(exchange: Exchange) -> None:
    exchange.begin(Transfer_Encoding="chunked")
    exchange.wfile.write(b"ff\r\ndata: {")


def fails_mid_stream(exchange: Exchange) -> None:
    exchange.begin()
    exchange.wfile.write(b'data: {"error": {"message": "the engine is dead"}}\n\n')


def waits(seconds: float, said: Said) -> Handler:
    """Answers late."""

    def late(exchange: Exchange) -> None:
        time.sleep(seconds)
        exchange.say(said)

    return late
