"""The bug and its repair, end to end: a broken checkpoint and a repaired one, each served by the real vLLM.

    python -m dev.conformance.serve_vllm [--python PYTHON] [--record]

Makes two tiny checkpoints (`dev.conformance.tiny`): a base, and a copy of it that lost its
generation_config.json, as merged models do. Serves the copy and asks it over HTTP, repairs it by
``genfix repair``, serves it again, asks again. The first answer has to run to the limit, the second has to
stop. ``--record`` writes what happened to docs/vllm-end-to-end.md.
"""

import argparse
import json
import os
import shlex
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Final, NamedTuple
from urllib.request import Request, urlopen

from dev.conformance.setups import HERE, interpreter
from dev.conformance.tiny import write
from genfix import __version__
from genfix.json_types import JsonObject

__all__ = ["genfix", "main", "serving"]

PAGE: Final = HERE.parents[1] / "docs" / "vllm-end-to-end.md"
ASKED: Final = {"messages": [{"role": "user", "content": "Hello there"}], "max_tokens": 40}
PATIENCE: Final = 300
"""Seconds until the server must be up."""
TOLD: Final = ("Resolved architecture", "Using max model len", "generation_config", "Started server")
"""Server lines that are worth a look have one of these."""


_MODEL: Final = (
    "the model: a GLM-4 of one layer that says `\\nThe cat.<|user|>` for ever (`dev/conformance/tiny.py`); "
    "it was merged without its generation_config.json, so only `<|endoftext|>` is left to stop at"
)


class Served(NamedTuple):
    """One run of the server."""

    command: str
    lines: Sequence[str]
    """What it printed, as far as it matters here."""
    answer: JsonObject

    @property
    def finish_reason(self) -> str:
        """Why the answer ended."""
        choices = self.answer["choices"]
        assert isinstance(choices, list)
        assert isinstance(choices[0], dict)
        return str(choices[0]["finish_reason"])


@contextmanager
def serving(python: Path, folder: Path, log: IO[str]) -> Iterator[tuple[Sequence[str], int]]:
    """The server of a folder on a free port, up and well; gives its command and port, and stops it at the
    end.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    # The module that `vllm serve` runs: the wheel for CPUs has another name, and its `vllm` cannot tell its
    # own version.
    command: list[str] = [
        str(python),
        "-m",
        "vllm.entrypoints.openai.api_server",
        "--model",
        str(folder),
        "--port",
        str(port),
    ]
    command += ["--host", "127.0.0.1", "--served-model-name", "merged", "--enforce-eager"]
    settings = {"VLLM_CPU_KVCACHE_SPACE": "1", "HF_HUB_OFFLINE": "1"}
    server = subprocess.Popen(
        command, stdout=log, stderr=subprocess.STDOUT, env={**os.environ, **settings}, cwd=folder.parent
    )
    try:
        wait(server, port)
        yield command, port
    finally:
        server.terminate()
        server.wait(60)


def serve(python: Path, folder: Path) -> Served:
    """Start the server on a free port, ask it once, and stop it."""
    with tempfile.TemporaryFile("w+") as log:
        with serving(python, folder, log) as (command, port):
            answer = ask(port)
        log.seek(0)
        lines = log.read().splitlines()
    told = [line.strip() for line in lines if any(text in line for text in TOLD)]
    return Served(shlex.join(command), told, answer)


def wait(server: subprocess.Popen[bytes], port: int) -> None:
    """Until the server says that it is well."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if server.poll() is not None:
            sys.exit(f"the server ended with {server.returncode}")
        try:
            with urlopen(f"http://127.0.0.1:{port}/health", timeout=5):
                return
        except OSError:
            time.sleep(1)
    sys.exit(f"the server was not up after {PATIENCE} s")


def ask(port: int) -> JsonObject:
    """One chat request, which sets nothing but a limit."""
    request = Request(
        f"http://127.0.0.1:{port}/v1/chat/completions",
        json.dumps({"model": "merged", **ASKED}).encode(),
        {"Content-Type": "application/json"},
    )
    with urlopen(request, timeout=60) as reply:
        answer: JsonObject = json.load(reply)
    return answer


def genfix(*arguments: str | Path) -> tuple[str, str]:
    """Run the command line, and give it back with what it printed."""
    run = subprocess.run(
        [sys.executable, "-m", "genfix", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=HERE.parents[1],
    )
    return shlex.join(["genfix", *map(str, arguments)]), run.stdout + run.stderr


def main() -> int:
    """Run from the command line; 0 where the broken one runs on and the repaired one stops."""
    parser = argparse.ArgumentParser(prog="python -m dev.conformance.serve_vllm")
    parser.add_argument("--python", type=Path, help="an interpreter that has vLLM")
    parser.add_argument("--record", action="store_true", help=f"write {PAGE.name}")
    arguments = parser.parse_args()
    python: Path = arguments.python or interpreter("vllm")
    with tempfile.TemporaryDirectory(prefix="served-") as place:
        base, merged = Path(place, "base"), Path(place, "merged")
        write(base, "A", "glm4")
        write(merged, "B", "glm4")
        before = serve(python, merged)
        engines = genfix("engines", merged, "--engine", "vllm")
        repair = genfix("repair", merged, "--base", base)
        after = serve(python, merged)
        page = (
            _page(python, before, [engines, repair], after)
            .replace(place, "/tmp/served")
            .replace(str(python), "python")
        )
    print(page)
    if arguments.record:
        PAGE.write_text(page, "utf-8")
    return 0 if (before.finish_reason, after.finish_reason) == ("length", "stop") else 1


def _page(python: Path, before: Served, between: Sequence[tuple[str, str]], after: Served) -> str:
    versions = subprocess.run(
        [
            python,
            "-c",
            "import vllm, transformers, torch\nfor m in (vllm, transformers, torch): print(m.__version__)",
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()[-3:]
    names = ("vLLM", "transformers", "torch")
    parts = [
        "# vLLM, before and after a repair\n",
        (
            "Written by `python -m dev.conformance.serve_vllm --record`, which does all of this for real: "
            "nothing here is typed by hand.\n"
        ),
        f"- date: {datetime.now(UTC).date().isoformat()}",
        f"- genfix {__version__}, " + ", ".join(f"{n} {v}" for n, v in zip(names, versions, strict=True)),
        f"- {_MODEL}\n",
        *_served("## The broken folder", before),
        "## The repair\n",
        *(f"```console\n$ {command}\n{output.rstrip()}\n```\n" for command, output in between),
        *_served("## The repaired folder", after),
    ]
    return "\n".join(parts)


def _served(title: str, run: Served) -> Sequence[str]:
    asked = json.dumps({"model": "merged", **ASKED})
    return [
        f"{title}\n",
        f"```console\n$ {run.command}",
        *run.lines,
        f"$ curl http://127.0.0.1:PORT/v1/chat/completions -H 'Content-Type: application/json' -d '{asked}'",
        f"{json.dumps(run.answer, indent=2)}\n```\n",
        f"It ends by **{run.finish_reason}**.\n",
    ]


if __name__ == "__main__":
    sys.exit(main())
