"""Real HTTP servers, good and bad: one sentence and a hint for each, within the limits."""

import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from genfix.api.probing import ProbeReport, Subject, probe_model
from genfix.engines.every import EVERY_ENGINE
from genfix.errors import GenfixError, InputError, ProbeError
from genfix.probe.endpoint import endpoint
from genfix.probe.measuring import measure
from genfix.probe.probe_values import FailureKind, Limits, Measure, ToolVerdict
from genfix.probe.server import Server
from genfix.probe.watch import Watch
from tests.support import probe_stub as bad
from tests.support.probe_stub import Exchange, Said, Status, Stub, always

FAST = Limits(
    max_tokens=32, request_seconds=0.6, total_seconds=20, concurrency=8, retries=2, retry_seconds=0.02
)


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GENFIX_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)


def probed(server: Stub, limits: Limits = FAST, **subject: Any) -> ProbeReport:
    return probe_model(Subject(server.url, **subject), limits=limits)


def test_a_good_server_is_measured() -> None:
    with Stub(always(Said("Oslo is the capital.", choice={"stop_reason": 151336}, tokens=6))) as server:
        report = probed(server)
    summary = report.run.summary
    assert (summary.asked, summary.answered, summary.stop_rate) == (64, 64, 1.0)
    assert (report.run.model, report.run.engine) == ("merged", "vllm")
    assert report.run.measures[0].answer.text == "Oslo is the capital."
    assert summary.tokens is not None
    assert summary.tokens.median == 6
    assert summary.turn_ends == {"token 151336": 64}
    assert summary.first_seconds is not None


def test_what_is_asked_is_bounded_and_shows_tokens() -> None:
    with Stub(always(Said())) as server:
        probed(server)
    assert len(server.asked) == 64
    for body in server.asked:
        assert body["model"] == "merged"
        assert body["max_tokens"] == 32
        assert body["skip_special_tokens"] is False
        assert "temperature" not in body
    assert sum("tools" in body for body in server.asked) == 8
    assert not any("Authorization" in headers for _, headers in server.seen)


@pytest.mark.parametrize(
    ("behaviour", "kind", "words"),
    [
        (bad.hangs, "timeout", "did not finish an answer in time"),
        (bad.hangs_in_the_middle, "timeout", "did not finish an answer in time"),
        (bad.drips, "timeout", "did not finish an answer in time"),
        (bad.drips_headers, "timeout", "did not finish an answer in time"),
        (bad.streams_for_ever, "large", "characters for one answer"),
        (bad.one_endless_line, "large", "MiB for one answer"),
        (bad.streams_garbage, "garbage", "not the chat completions API"),
        (bad.streams_broken_json, "garbage", "not the chat completions API"),
        (bad.a_web_page, "garbage", "not the chat completions API"),
        (bad.is_no_http, "broken", "not HTTP"),
        (bad.closes_at_once, "broken", "broke the connection off"),
        (bad.closes_mid_stream, "broken", "ended before the answer did"),
        (bad.closes_in_a_chunk, "broken", "broke the connection off"),
        (bad.fails_mid_stream, "status", "the engine is dead"),
        (Status(500, "CUDA out of memory"), "status", "answers with 500: CUDA out of memory"),
        (Status(401, "no"), "key", "wants an API key (401)"),
        (Status(404, "The model `x` does not exist."), "model", "lacks the model (404)"),
        (Status(404, ""), "status", "answers with 404"),
        (Status(302, "", {"Location": "https://elsewhere.example/v1"}), "status", "redirects to https://elsewhere.example"),
        (Status(503, "loading"), "status", "answers with 503: loading"),
        (Status(400, "context too long"), "status", "answers with 400: context too long"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)  # fmt: skip
def test_a_bad_server_gets_one_sentence_in_time(
    behaviour: Callable[[Exchange], None] | Status, kind: str, words: str
) -> None:
    started = time.monotonic()
    with Stub(always(behaviour)) as server, pytest.raises(ProbeError) as caught:
        probed(server)
    assert words in caught.value.message, kind
    assert "\n" not in caught.value.message
    assert caught.value.hint
    assert caught.value.exit_code == 2
    assert time.monotonic() - started < 15


@pytest.mark.parametrize("behaviour", [bad.hangs, bad.streams_garbage, bad.closes_at_once, bad.drips])
def test_a_bad_list_of_models_is_told_too(behaviour: Callable[[Exchange], None]) -> None:
    with Stub(always(Said()), models=behaviour) as server, pytest.raises(ProbeError):
        probed(server)
    assert server.asked == []


def test_the_run_ends_when_its_time_is_up() -> None:
    limits = FAST.__class__(max_tokens=32, request_seconds=60, total_seconds=0.8)
    started = time.monotonic()
    with (
        Stub(always(bad.hangs)) as server,
        pytest.raises(ProbeError, match=r"answered nothing in 0\.8 seconds"),
    ):
        probed(server, limits)
    assert time.monotonic() - started < 10


def test_measuring_is_in_the_time_of_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a server sends can be much to look through: 64 answers in no time, and a second for each."""

    def slow(*given: Any) -> Measure:
        time.sleep(given[1].failure is None)
        return measure(*given)

    monkeypatch.setattr("genfix.api.probing.measure", slow)
    with Stub(always(Said())) as server:
        report = probed(server, FAST.__class__(total_seconds=3))
    assert report.run.out_of_time
    assert 0 < report.run.summary.answered < 10


def test_a_reply_that_would_take_long_to_parse_is_not_parsed() -> None:
    """Nothing can interrupt a parser, so its work is bounded by size: nobody sees that this is no JSON."""
    heavy = b"{" * 5_000_000

    def whole(exchange: Exchange) -> None:
        exchange.begin("application/json")
        exchange.wfile.write(heavy)

    def event(exchange: Exchange) -> None:
        exchange.begin()
        exchange.wfile.write(b"data: " + heavy + b"\n\n")

    limits = FAST.__class__(max_tokens=8192, concurrency=1, early_failures=1)
    for behaviour in (whole, event):
        with Stub(always(behaviour)) as server, pytest.raises(ProbeError, match="MiB for one answer"):
            probed(server, limits)


def test_pieces_without_letters_come_to_an_end_too() -> None:
    """Calls without a name and ids without a text are kept as well, so they count."""

    def calls(exchange: Exchange) -> None:
        exchange.begin()
        exchange.wfile.write(bad.chunk({"tool_calls": [{"index": n, "function": {}} for n in range(9_000)]}))

    def ids(exchange: Exchange) -> None:
        exchange.begin()
        exchange.wfile.write(bad.chunk({}, token_ids=[7] * 9_000))

    for behaviour in (calls, ids):
        with Stub(always(behaviour)) as server, pytest.raises(ProbeError, match="characters for one answer"):
            probed(server, FAST.__class__(max_tokens=32, total_seconds=20, concurrency=1, early_failures=1))


def test_both_models_share_the_time() -> None:
    limits = FAST.__class__(request_seconds=60, total_seconds=2)
    with Stub(always(Said())) as good, Stub(always(bad.hangs)) as stuck:
        with pytest.raises(ProbeError, match=r"answered nothing in 1 second\n"):
            probe_model(stuck.url, against=good.url, limits=limits)
        with pytest.raises(ProbeError, match=r"answered nothing in (1\.\d|2) seconds"):
            probe_model(good.url, against=stuck.url, limits=limits)


def test_a_name_that_takes_long_to_resolve_does_not_hold_up_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    never = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: never.wait())
    with pytest.raises(ProbeError, match=r"answered nothing in 0\.5 seconds"):
        probe_model("http://model.invalid:8000", limits=FAST.__class__(total_seconds=0.5))


def test_nobody_listens() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(ProbeError, match="cannot be reached: Connection refused"):
            probe_model(f"http://127.0.0.1:{port}", limits=FAST)


def test_tls_against_a_plain_server_is_one_sentence() -> None:
    with Stub(always(Said())) as server, pytest.raises(ProbeError, match="cannot be reached over TLS"):
        probe_model(server.url.replace("http:", "https:"), limits=FAST)


def test_a_busy_server_is_asked_again() -> None:
    turns = iter(range(10_000))

    def now_and_then(body: dict[str, Any]) -> Said | Status:
        return Status(429, "slow down", {"Retry-After": "0"}) if next(turns) % 2 else Said()

    limits = Limits(max_tokens=32, concurrency=1, retries=2, retry_seconds=0.001)
    with Stub(now_and_then) as server:
        report = probed(server, limits)
    assert report.run.summary.answered == 64
    assert len(server.asked) > 64


def test_retries_have_an_end() -> None:
    with Stub(always(Status(429, "slow down"))) as server, pytest.raises(ProbeError, match="429"):
        probed(server, Limits(concurrency=1, retries=2, retry_seconds=0.001, early_failures=1))
    first = server.asked[0]
    assert server.asked.count(first) == 3  # the next may have begun before the run is ended


def test_some_failures_are_told_beside_the_rates() -> None:
    def sometimes(body: dict[str, Any]) -> Said | Status:
        return Status(500, "oops") if "Norway" in str(body["messages"]) else Said()

    with Stub(sometimes) as server:
        report = probed(server)
    assert (report.run.summary.answered, report.run.summary.failed) == (63, 1)
    assert report.failure is not None
    assert "oops" in str(report.failure.detail)


def test_the_key_comes_from_the_environment_and_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "other")
    monkeypatch.setenv("GENFIX_API_KEY", "sk-secret")
    with Stub(always(Status(403, "bad key sk-secret"))) as server, pytest.raises(ProbeError) as caught:
        probed(server)
    assert {headers["Authorization"] for _, headers in server.seen} == {"Bearer sk-secret"}
    assert "refuses the API key (403): bad key ***" in caught.value.message
    assert "sk-secret" not in repr(endpoint(server.url, "sk-secret"))


def test_a_rejected_key_is_asked_with_once_per_worker() -> None:
    with Stub(always(Status(401, "no"))) as server, pytest.raises(ProbeError):
        probed(server, Limits(concurrency=2))
    assert len(server.asked) <= 4


def test_several_models_are_named() -> None:
    models = [{"id": "base"}, {"id": "merged\x1b[2J"}]
    with Stub(always(Said()), models=models) as server:
        with pytest.raises(InputError, match="has 2 models: base") as caught:
            probed(server)
        assert "--model" in caught.value.hint
        assert probed(server, model="base").run.model == "base"
    assert {body["model"] for body in server.asked} == {"base"}


SERVERS = {
    "vllm": "vllm",
    "sglang": "sglang",
    "lmdeploy": "lmdeploy",
    "llamacpp": "llama.cpp",
    "library": "ollama",
}
"""``owned_by`` in a server's list of models, and the engine that writes it."""


@pytest.mark.parametrize(("owner", "engine"), [*SERVERS.items(), ("somebody", ""), ("", "")])
def test_a_server_gives_its_engine_away(owner: str, engine: str) -> None:
    with Stub(always(Said()), models=[{"id": "merged", "owned_by": owner}]) as stub:
        server = Server(stub.url, None, FAST)
        server.find_model(Watch(time.monotonic() + 10))
    assert (server.model, server.engine) == ("merged", engine)


def test_of_every_engine_it_is_known_how_its_server_calls_itself() -> None:
    """`Engine.server` is `None` where a server writes the model's own name there, or nothing."""
    named = {engine.server: engine.id for engine in EVERY_ENGINE.values() if engine.server is not None}
    assert named == {owner: engine for owner, engine in SERVERS.items() if engine != "ollama"}


def test_a_server_without_a_list_is_asked_as_it_is() -> None:
    with Stub(always(Said()), models=None) as server:
        report = probed(server)
    assert report.run.summary.answered == 64
    assert not any("model" in body for body in server.asked)


def test_a_strict_server_gets_only_what_the_standard_has() -> None:
    def strict(body: dict[str, Any]) -> Said | Status:
        unknown = body.keys() - {
            "model",
            "messages",
            "max_tokens",
            "stream",
            "seed",
            "stream_options",
            "tools",
        }
        return Status(422, f"unknown {sorted(unknown)}") if unknown else Said()

    with Stub(strict) as server:
        report = probed(server)
    assert report.run.summary.answered == 64
    assert report.run.summary.tokens is not None


def test_a_server_that_takes_no_tools_is_no_failure() -> None:
    def no_tools(body: dict[str, Any]) -> Said | Status:
        return Status(400, "needs --enable-auto-tool-choice") if "tools" in body else Said()

    with Stub(no_tools) as server:
        report = probed(server)
    assert (report.run.summary.answered, report.run.summary.failed) == (56, 0)
    left_out = [one for one in report.run.measures if not one.answered]
    assert {one.prompt.group for one in left_out} == {"tool"}
    assert {one.answer.failure.kind for one in left_out if one.answer.failure} == {FailureKind.UNSUPPORTED}


def test_tool_calls_are_put_together_from_their_pieces() -> None:
    def pieces(exchange: Exchange) -> None:
        exchange.begin()
        first = {"index": 0, "id": "1", "function": {"name": "set_timer", "arguments": ""}}
        exchange.wfile.write(bad.chunk({"tool_calls": [first]}))
        for piece in ('{"min', 'utes": 12}'):
            exchange.wfile.write(bad.chunk({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}))
        exchange.wfile.write(bad.chunk({}, finish_reason="tool_calls") + b"data: [DONE]\n\n")

    with Stub(lambda body: pieces if "set_timer" in str(body) else Said()) as server:
        report = probed(server)
    assert report.run.summary.tools == {ToolVerdict.WELL_FORMED: 2, ToolVerdict.NONE: 6}
    assert report.run.summary.stop_rate == 1


def test_a_server_that_does_not_stream_is_read_as_well() -> None:
    def whole(exchange: Exchange) -> None:
        message = {"role": "assistant", "content": "Oslo.<|user|>\nAnd Sweden?"}
        exchange.send_json(
            {"choices": [{"message": message, "finish_reason": "length"}], "usage": {"completion_tokens": 9}}
        )

    with Stub(always(whole)) as server:
        report = probed(server)
    assert report.run.summary.leaked_markers == {"<|user|>": 64}
    assert report.run.summary.stop_rate == 0


@pytest.mark.parametrize(
    ("url", "label"),
    [
        ("http://localhost:8000", "http://localhost:8000/v1"),
        ("http://localhost:8000/v1/", "http://localhost:8000/v1"),
        ("HTTPS://api.example.com/v1/chat/completions", "https://api.example.com/v1"),
        ("http://[::1]:11434/v1", "http://[::1]:11434/v1"),
        ("http://host/gateway/v3", "http://host/gateway/v3"),
    ],
)
def test_urls_are_taken_as_people_write_them(url: str, label: str) -> None:
    assert endpoint(url).label == label


@pytest.mark.parametrize(
    "url", ["http://", "http://me:secret@host/v1", "http://host:port", "http://ho st/",
        "http://host/\r\nX: y", "http://[::1"]
)  # fmt: skip
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(GenfixError) as caught:
        endpoint(url)
    assert "secret" not in str(caught.value)


def test_a_key_that_is_no_header_is_refused() -> None:
    with pytest.raises(InputError, match="API key"):
        endpoint("http://host", "a\r\nb")


def test_requests_run_side_by_side_and_no_more_than_asked() -> None:
    busy, most, lock = [0], [0], threading.Lock()

    def counted(exchange: Exchange) -> None:
        with lock:
            busy[0] += 1
            most[0] = max(most[0], busy[0])
        time.sleep(0.03)
        with lock:
            busy[0] -= 1
        exchange.say(Said())

    with Stub(always(counted)) as server:
        probed(server, Limits(max_tokens=32, concurrency=5))
    assert 2 <= most[0] <= 5
