"""A probe before and after a repair: the server restarted by the user or by genfix, and ended in any case."""

import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.places import ROOT
from tests.support.probe_stub import Said, Stub, always
from tests.support.running import Run

EXAMPLE = ROOT / "examples" / "glm4"
SERVER = ROOT / "tests" / "support" / "chat_server.py"
needs_signals = pytest.mark.skipif(os.name == "nt", reason="signals and process groups")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A merged folder that lost its generation config, its base, and two prompts."""
    for name in ("base", "merged"):
        shutil.copytree(EXAMPLE / name, tmp_path / name)
    (tmp_path / "merged" / "generation_config.json").unlink()
    lines = [{"prompt": "What is the capital of Norway?"}, {"prompt": "挪威的首都在哪里？"}]  # noqa: RUF001
    (tmp_path / "two.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    return tmp_path


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def command(port: int, folder: Path, *more: Path) -> list[str]:
    return [sys.executable, str(SERVER), str(port), str(folder), *map(str, more)]


def options(place: Path, port: int) -> list[str]:
    repair = ["--repair", str(place / "merged"), "--base", str(place / "base")]
    return ["probe", f"http://127.0.0.1:{port}", *repair, "--prompts", str(place / "two.jsonl")]


def answers(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


def is_running(pid: int) -> bool:
    """Whether a process is there and not a zombie."""
    for _ in range(250):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
            return False
        time.sleep(0.02)
    return True


def both(out: str) -> tuple[float, float]:
    """The stop rates before and after."""
    document: dict[str, Any] = json.loads(out)
    found = [document[name]["summary"]["rates"]["stopped"]["value"] for name in ("against", "run")]
    assert document["comparison"]["pairs"] == 2
    assert document["against"]["target"].endswith("(before)")
    return found[0], found[1]


def test_genfix_restarts_the_server(run: Run, place: Path, port: int) -> None:
    serve = shlex.join(command(port, place / "merged"))
    result = run(*options(place, port), "--serve", serve, "--output-format", "json")
    assert result.code == 0, result.err
    assert both(result.out) == (0.0, 1.0)
    assert "repaired in" in result.err
    assert not answers(port)
    again = run(*options(place, port), "--serve", serve, "--max-bits-increase", "1")
    assert again.code == 0, again.err
    assert "there is nothing to repair" in again.err
    assert "more answers stop" not in again.out


def test_the_user_restarts_the_server(run: Run, place: Path, port: int) -> None:
    servers = [subprocess.Popen(command(port, place / "merged"))]

    def restart() -> None:
        while not (place / "merged" / "generation_config.json").exists():
            time.sleep(0.02)
        servers[0].kill()
        servers[0].wait()
        time.sleep(1)
        servers.append(subprocess.Popen(command(port, place / "merged")))

    restarting = threading.Thread(target=restart, daemon=True)
    try:
        while not answers(port):
            time.sleep(0.02)
        restarting.start()
        result = run(*options(place, port), "--output-format", "json")
        restarting.join(10)
    finally:
        for server in servers:
            server.kill()
            server.wait()
    assert result.code == 0, result.err
    assert both(result.out) == (0.0, 1.0)
    assert "now restart the server" in result.err


def test_a_server_that_is_not_restarted_says_so_in_time(run: Run, place: Path) -> None:
    with Stub(always(Said())) as stub:
        result = run(*options(place, stub.port), "--serve-timeout", "1")
    assert result.code == 2
    assert "was not restarted in 1 seconds" in result.err
    assert "2 of 2 prompts answered" in result.out  # the first probe is not lost
    assert (place / "merged" / "generation_config.json").exists()


@pytest.mark.parametrize(
    ("words", "seconds", "said"),
    [
        (["-c", "import sys; sys.exit('no memory left')"], "60", "exit code 1: no memory left"),
        (["-c", "import time; time.sleep(600)"], "1", "was not up in 1 seconds"),
    ],
)
def test_a_server_that_does_not_come_up(
    run: Run, port: int, words: list[str], seconds: str, said: str
) -> None:
    serve = shlex.join([sys.executable, *words])
    result = run("probe", f"http://127.0.0.1:{port}", "--serve", serve, "--serve-timeout", seconds)
    assert (result.code, result.out) == (2, "")
    assert said in result.err
    assert result.err.count("\n") == 2


def test_what_means_nothing_is_refused_before_anything_starts(run: Run, place: Path) -> None:
    with Stub(always(Said())) as stub:
        for words, said in (
            ([stub.url, "--serve", "sleep 600"], "something answers at"),
            ([stub.url, "--serve", "'"], "--serve is no command"),
            ([stub.url, "--serve", " "], "--serve names no command"),
            (["merged", "--engine", "mlx-lm", "--serve", "sleep 600"], "is a folder"),
            ([stub.url, "--repair", "merged", "--against", stub.url], "leave one of them out"),
        ):
            result = run("probe", *words)
            assert (result.code, result.out) == (2, "")
            assert said in result.err
        assert not stub.asked


@needs_signals
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_the_server_never_outlives_genfix(place: Path, port: int, number: int) -> None:
    pids = place / "pids"
    serve = shlex.join(command(port, place / "merged", pids))
    prompts = place / "many.jsonl"
    prompts.write_text(json.dumps({"prompt": "Hi"}) + "\n")
    hangs = ["probe", f"http://127.0.0.1:{port}", "--serve", serve, "--prompts", str(prompts)]
    process = subprocess.Popen(
        [sys.executable, "-c", WAITING, *hangs],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    until = time.monotonic() + 60
    while not (pids.exists() and pids.read_text().count(" ") and answers(port)):
        assert time.monotonic() < until
        assert process.poll() is None
        time.sleep(0.02)
    time.sleep(0.3)
    process.send_signal(number)
    process.communicate(timeout=60)
    for pid in pids.read_text().split():
        assert not is_running(int(pid))


WAITING = """
import sys, time
import genfix.cli.probe_around as around
from genfix.cli.main import main
asked = around.asked_with_server
around.asked_with_server = lambda target, serving, measure, out: asked(
    target, serving, lambda: time.sleep(600), out
)
sys.exit(main(sys.argv[1:]))
"""
"""genfix whose probe takes for ever."""


def test_a_merge_ends_with_a_probe(run: Run, place: Path, port: int) -> None:
    out = place / "out"
    serve = shlex.join(command(port, out))
    result = run(
        "run", "--output", out, "--base", place / "base", "--probe", f"http://127.0.0.1:{port}", "--serve",
        serve, "--", "cp", "-r", place / "merged", out,
    )  # fmt: skip
    assert result.code == 0, result.err
    assert "more answers stop by themselves: +100 points" in " ".join(result.out.split())
    assert not answers(port)
    alone = run("run", "--output", out, "--probe", "http://127.0.0.1:9", "--", "true")
    assert alone.code == 2
    assert "--probe and --serve go together" in alone.err
