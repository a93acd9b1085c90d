"""A disk or a network that fails while a file is read: one sentence, exit 2; nothing is judged or written.

What `python -m dev.reliability reads` does with a real kernel, here by the classes that read.
"""

import errno
import io
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.folders import dump, glm_files, safetensors, write_folder
from tests.support.running import Run
from tests.support.trees import tree

GENERATION = "generation_config.json"
ERRORS = ("EIO", "EACCES")
COMMANDS: dict[str, Callable[[Path], tuple[str | Path, ...]]] = {
    "check": lambda home: ("check", home / "merged", "--base", home / "base", "--adapter", home / "adapter"),
    "check alone": lambda home: ("check", home / "merged"),
    "check, html": lambda home: (
        "check", home / "merged", "--base", home / "base", "--output-format", "html"
    ),
    "plan": lambda home: ("plan", home / "merged", "--base", home / "base"),
    "repair": lambda home: ("repair", home / "merged", "--base", home / "base"),
    "engines": lambda home: ("engines", home / "merged"),
    "diff": lambda home: ("diff", home / "merged", "--base", home / "base"),
    "capsule": lambda home: ("capsule", home / "base", home / "capsule"),
    "apply": lambda home: ("apply", home / "plan.json"),
    "configured": lambda home: ("check", home / "merged", "--config", home / "genfix.toml"),
    "baseline": lambda home: ("check", home / "merged", "--baseline", home / "known.json"),
}  # fmt: skip


def build(home: Path, run: Run) -> Path:
    """A folder that lost its stop tokens, its base, its adapter, a plan, and files of the user's."""
    home.mkdir()
    files = glm_files() | {"model.safetensors": safetensors(151552), "README.md": b"---\nlicense: mit\n---\n"}
    write_folder(home / "base", files)
    write_folder(home / "merged", files | {GENERATION: dump({"eos_token_id": 151329})})
    write_folder(home / "adapter", {"adapter_config.json": dump({"peft_type": "LORA"})})
    (home / "genfix.toml").write_text('fail-on = "error"\n')
    run("check", home / "merged", "--write-baseline", home / "known.json")
    plan = run("plan", home / "merged", "--base", home / "base", "-o", home / "plan.json")
    assert plan.code == 1, plan.err
    return home


class Disk:
    """Lets each read of one file fail."""

    def __init__(self) -> None:
        self.path = ""
        self.error = 0
        self.failed = 0
        """How many reads did."""

    def breaks(self, path: Path, error: str) -> None:
        self.path, self.error, self.failed = os.path.realpath(path), getattr(errno, error), 0

    def check(self, fd: int) -> None:
        if self.path and os.path.realpath(f"/proc/self/fd/{fd}") == self.path:
            self.failed += 1
            raise OSError(self.error, os.strerror(self.error))


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    found = Disk()

    class Failing(io.FileIO):
        def read(self, size: int | None = -1) -> Any:
            found.check(self.fileno())
            return super().read(-1 if size is None else size)

        def readall(self) -> Any:
            found.check(self.fileno())
            return super().readall()

        def readinto(self, buffer: Any) -> Any:
            found.check(self.fileno())
            return super().readinto(buffer)

    def fdopen(fd: int, mode: str = "r", buffering: int = -1, **rest: Any) -> Any:
        if mode != "rb":
            return open(fd, mode, buffering, **rest)
        return Failing(fd) if buffering == 0 else io.BufferedReader(Failing(fd))

    monkeypatch.setattr("os.fdopen", fdopen)
    monkeypatch.setattr("genfix.folder.local.FileIO", Failing)
    return found


def files_of(home: Path) -> list[Path]:
    return sorted(path for path in home.rglob("*") if path.is_file() and ".cache" not in path.parts)


NO_BASE = frozenset({"check alone", "engines", "configured", "baseline"})


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="which file is read is asked of Linux")
@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("command", COMMANDS)
def test_each_file_that_fails_is_one_sentence(
    run: Run, tmp_path: Path, disk: Disk, command: str, error: str
) -> None:
    home, kept = build(tmp_path / "home", run), tmp_path / "kept"
    shutil.copytree(home, kept)
    reached: list[Path] = []
    for name in [path.relative_to(home) for path in files_of(home)]:
        disk.path = ""
        shutil.rmtree(home)
        shutil.copytree(kept, home)
        before = tree(home / "merged")
        disk.breaks(home / name, error)
        done = run(*COMMANDS[command](home))
        if not disk.failed:
            continue
        if command in NO_BASE and name.parts[0] == "base":
            assert done.code < 2, (name, done)  # it lies beside, and is only looked at as a possible base
            continue
        reached.append(name)
        assert done.code == 2, (name, done)
        said = [line for line in done.err.splitlines() if not line.startswith(("note: ", "      "))]
        assert [line.partition(" ")[0] for line in said] == ["error:", "hint:"], (name, done.err)
        assert os.strerror(getattr(errno, error)) in done.err, name
        assert name.name in done.err, name
        assert done.out == "", name
        assert tree(home / "merged") == before, name
    assert len(reached) >= (1 if command in {"configured", "baseline", "apply"} else 2), reached
