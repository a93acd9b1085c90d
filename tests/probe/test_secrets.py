"""What a server sends back of the key it was given: nowhere, in no format."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from genfix.message import text
from genfix.web.secrets import Secrets
from tests.support.probe_stub import Exchange, Reply, Said, Status, Stub, always, chunk
from tests.support.running import runner

KEY = "sk-canary-0123/456="
SPELLED = ("canary-0123", "sk-canary")
ECHO = f"Incorrect API key provided: {KEY}"


def streamed(*pieces: dict[str, Any], **last: Any) -> Callable[[Exchange], None]:
    def answer(exchange: Exchange) -> None:
        exchange.begin()
        for piece in pieces:
            exchange.wfile.write(chunk(piece))
        exchange.wfile.write(chunk({}, **({"finish_reason": "stop"} | last)))
        exchange.wfile.write(b"data: [DONE]\n\n")

    return answer


def raw(content_type: str, content: bytes, code: int = 200, **headers: str) -> Callable[[Exchange], None]:
    def answer(exchange: Exchange) -> None:
        exchange.begin(content_type, code, **headers)
        exchange.wfile.write(content)

    return answer


def call(name: str, *arguments: str) -> list[dict[str, Any]]:
    first = {"index": 0, "function": {"name": name, "arguments": ""}}
    return [{"tool_calls": [{"index": 0, "function": {"arguments": part}}]} for part in arguments] or [
        {"tool_calls": [first]}
    ]


ERROR = json.dumps({"error": {"message": ECHO}}).encode()
ESCAPED = ERROR.replace(b"canary", b"\\u0063anary")
ANSWERS: dict[str, Reply] = {
    "error in a stream": raw("text/event-stream", b"data: " + ERROR + b"\n\n"),
    "error with 200": raw("application/json", ERROR),
    "escaped": raw("application/json", ESCAPED),
    "escaped, in an error": raw("application/json", ESCAPED, 400),
    "error as text": raw("text/plain", ECHO.encode(), 500),
    "error 401": Status(401, ECHO),
    "error 404": Status(404, f"no model {KEY}"),
    "cut in the middle of the key": Status(500, "x" * 290 + KEY),
    "redirect": Status(302, "", {"Location": f"https://login.example/?key={KEY}"}),
    "redirect, quoted": Status(302, "", {"Location": "https://login.example/?key=sk-canary-0123%2F456%3D"}),
    "answer": Said(f"\n\nuser\n<|user|>{KEY} " * 9),
    "answer in pieces": streamed({"content": KEY[:7]}, {"content": KEY[7:] + " <|user|> hello"}),
    "reasoning": streamed({"reasoning": KEY[:5]}, {"reasoning": KEY[5:]}, {"content": "a"}),
    "name of a tool": streamed(*call(KEY)),
    "arguments of a tool": streamed(*call("get_weather"), *call("", KEY[:6], KEY[6:])),
    "why it ended": streamed({"content": "a"}, finish_reason=KEY),
    "where it ended": streamed({"content": "a"}, stop_reason=KEY),
}


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENFIX_API_KEY", KEY)


@pytest.mark.parametrize("where", ANSWERS)
def test_a_key_that_comes_back_is_not_shown(
    where: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = runner(capsys)
    for form in ("text", "json", "html"):
        report = tmp_path / f"report.{form}"
        with Stub(always(ANSWERS[where])) as server:
            done = run("probe", server.url, "--output-format", form, "-v", "--max-tokens", "32", "-o", report)
        told = done.out + done.err + (report.read_text() if report.exists() else "")
        assert told, (where, form)
        assert not [part for part in SPELLED if part in told], (where, form)
        assert "bug in genfix" not in told


def test_nor_by_the_list_of_models(capsys: pytest.CaptureFixture[str]) -> None:
    lists: list[list[dict[str, Any]]] = [
        [{"id": KEY, "owned_by": KEY}],
        [{"id": KEY}, {"id": f"x{KEY}", "owned_by": "vllm"}],
    ]
    for models in lists:
        with Stub(always(Said()), models=models) as server:
            done = runner(capsys)("probe", server.url, "-v")
        assert not [part for part in SPELLED if part in done.out + done.err]


def test_a_stand_in_for_a_key_is_no_secret() -> None:
    assert Secrets.of("x", "", None).text("x marks the spot") == "x marks the spot"
    assert Secrets.of("EMPTY").text("the key EMPTY") == "the key ***"


def test_sentences_in_sentences_are_searched_too() -> None:
    said = text("{what}: {why}", what=text("it says {a}", a=KEY), why=[{KEY: KEY}])
    assert "canary" not in repr(Secrets.of(KEY).message(said))


NUMBERS = ("9" * 400, "-1", "true", '"5"', "1e999", "5.5", "null", "[]")


@pytest.mark.parametrize("number", NUMBERS)
def test_a_count_that_is_none_is_not_counted(number: str, capsys: pytest.CaptureFixture[str]) -> None:
    body = (
        '{"choices":[{"message":{"content":"a"},"finish_reason":"stop","stop_reason":N,"token_ids":[N]}],'
        '"usage":{"completion_tokens":N}}'
    )
    answer = raw("application/json", body.replace("N", number).encode())
    with Stub(always(answer)) as server:
        done = runner(capsys)("probe", server.url, "--output-format", "json")
    assert done.code == 0, done.err
    assert json.loads(done.out)


def test_an_answer_that_is_all_turn_ends_is_measured_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    """Quadratic, as it was, this took hours."""
    with Stub(always(Said("<|user|>\nuser\nUser: " * 10_000, "length"))) as server:
        done = runner(capsys)("probe", server.url, "--max-tokens", "4096", "--output-format", "json")
    assert done.code == 1, done.err


def test_more_text_than_the_tokens_asked_for_can_have_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with Stub(always(Said("x" * 2**17))) as server:
        done = runner(capsys)("probe", server.url, "--max-tokens", "32")
    assert done.code == 2
    assert "characters for one answer" in done.err
