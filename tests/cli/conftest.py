"""Running genfix as a user does, and pictures of a disk from before and after."""

import hashlib
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import pytest

from genfix.cli.main import main
from tests.folders import Files, chatml_files, glm_files, vlm_files

if TYPE_CHECKING:
    from tests.cli.hub_machine import Machine

__all__ = [
    "FAMILIES",
    "ROOT",
    "Entry",
    "Picture",
    "Result",
    "Run",
    "picture",
    "runner",
    "spawn",
    "tree",
    "user_files",
]

ROOT = Path(__file__).resolve().parents[2]
FAMILIES: Mapping[str, Callable[[], Files]] = {"glm": glm_files, "chatml": chatml_files, "vlm": vlm_files}


class Result(NamedTuple):
    """What a command gave back."""

    code: int
    out: str
    err: str


Run: TypeAlias = Callable[..., Result]


class Entry(NamedTuple):
    """One entry of a directory tree."""

    kind: str
    content: str
    mode: int
    mtime_ns: int


Picture: TypeAlias = dict[str, Entry]


def runner(capsys: pytest.CaptureFixture[str]) -> Run:
    """What runs one command in this process: ``run("check", folder, "--base", base)``."""

    def call(*args: str | Path) -> Result:
        capsys.readouterr()
        before = signal.getsignal(signal.SIGTERM)
        try:
            code = main([str(arg) for arg in args])
        finally:
            signal.signal(signal.SIGTERM, before)
        return Result(code, *capsys.readouterr())

    return call


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(capsys)


def spawn(*args: str | Path, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> Result:
    """Run one command in a process of its own, with ``env`` on top of this process's environment."""
    done = subprocess.run(
        [sys.executable, "-m", "genfix", *map(str, args)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", **(env or {})},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    return Result(done.returncode, done.stdout, done.stderr)


def tree(root: Path) -> Picture:
    """Everything at and below ``root``, hidden or not: kind, SHA-256 or link target, mode, modification time."""
    paths = [root, *sorted(root.rglob("*"))]
    return {os.fspath(path.relative_to(root)): _entry(path) for path in paths}


def user_files(root: Path) -> Picture:
    """The files below ``root`` that are the user's: all but those in ``.cache``."""
    return {
        name: entry
        for name, entry in tree(root).items()
        if entry.kind != "directory" and name.partition("/")[0] != ".cache"
    }


def picture(*roots: Path) -> Picture:
    """Several trees in one."""
    return {f"{root}/{name}": entry for root in roots for name, entry in tree(root).items()}


def _entry(path: Path) -> Entry:
    status = path.lstat()
    mode, mtime = stat.S_IMODE(status.st_mode), status.st_mtime_ns
    if stat.S_ISLNK(status.st_mode):
        return Entry("link", os.fspath(path.readlink()), mode, mtime)
    if stat.S_ISDIR(status.st_mode):
        return Entry("directory", "", mode, mtime)
    if stat.S_ISREG(status.st_mode):
        return Entry("file", hashlib.sha256(path.read_bytes()).hexdigest(), mode, mtime)
    return Entry("other", "", mode, mtime)


@pytest.fixture
def machine(tmp_path: Path) -> "Iterator[Machine]":
    """A machine that uses a fake Hub."""
    from tests.cli.hub_machine import Machine, environment  # noqa: PLC0415 - it takes its words from here
    from tests.fakehub import FakeHub  # noqa: PLC0415

    with FakeHub() as hub:
        yield Machine(tmp_path, hub, environment(tmp_path, hub))
