"""Running genfix as a user does."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple, TypeAlias

import pytest
import typer.main

from genfix.cli.main import main
from tests.support.places import ROOT

__all__ = ["Result", "Run", "run_command", "runner", "spawn"]


class Result(NamedTuple):
    """What a command gave back."""

    code: int
    out: str
    err: str

    @property
    def told(self) -> str:
        """What is on stderr, on one line: notes are wrapped."""
        return " ".join(self.err.split())


Run: TypeAlias = Callable[..., Result]


_command_of = cache(typer.main.get_command)


def run_command(args: Sequence[str]) -> int:
    """`main` with a command line that is built once: typer builds it for every call."""
    if any(word.endswith("-completion") for word in args):  # it asks for the shell while it builds
        return main(args)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("typer.main.get_command", _command_of)
        return main(args)


def runner(capsys: pytest.CaptureFixture[str]) -> Run:
    """What runs one command in this process: ``run("check", folder, "--base", base)``."""

    def call(*args: str | Path) -> Result:
        capsys.readouterr()
        before = signal.getsignal(signal.SIGTERM)
        try:
            code = run_command([str(arg) for arg in args])
        finally:
            signal.signal(signal.SIGTERM, before)
        return Result(code, *capsys.readouterr())

    return call


def spawn(*args: str | Path, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> Result:
    """Run one command in a process of its own, with ``env`` on top of this process's environment."""
    done = subprocess.run(
        [sys.executable, "-m", "genfix", *map(str, args)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), **(env or {})},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    return Result(done.returncode, done.stdout, done.stderr)
