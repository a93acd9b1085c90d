"""Every read of every file that a command reads, failing.

A read that fails must end the command with exit 2 and one sentence, or not matter at all: what is told is
then what was told with a healthy disk, or without the file where it is one of the cache. One that is
interrupted (EINTR) never matters.

``python -m dev.reliability.reads`` runs commands in forks (`dev.reliability.forks`).
"""

import errno
import gc
import os
import pkgutil
import re
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import genfix
from dev.reliability.forks import MEMORY, Call, Forker, Played, Watch, error_number, forker, serve
from genfix.applier import Write, apply, recover
from genfix.cli import main
from genfix.folder import content_digest
from tests.support.disks import STATE, DiesAtRename, SimulatedCrash
from tests.support.folders import dump, glm_files, safetensors, write_folder

_ERRORS: Final = ("EIO", "ESTALE", "EINTR", "EACCES")
COMMANDS: Final[Mapping[str, Sequence[str]]] = {
    "check": ("check", "merged", "--base", "base", "--adapter", "adapter", "--config", "genfix.toml"),
    "known": ("check", "merged", "--base", "base", "--baseline", "known.json"),
    "engines": ("engines", "merged"),
    "workarounds": ("workarounds", "merged", "--base", "base", "--engine", "vllm"),
    "weights": ("weights", "merged", "--base", "base"),
    "modelfile": ("modelfile", "merged"),
    "base": ("base", "merged"),
    "diff": ("diff", "merged", "--base", "base"),
    "at": ("diff", "repaired", "--at", "SNAPSHOT"),
    "plan": ("plan", "merged", "--base", "base"),
    "repair": ("repair", "merged", "--base", "base"),
    "copy": ("repair", "merged", "--base", "base", "--output", "copy"),
    "apply": ("apply", "plan.json"),
    "run": ("run", "--output", "merged", "--base", "base", "--", "touch", "merged/config.json"),
    "snapshot": ("snapshot", "merged"),
    "restore": ("restore", "repaired", "SNAPSHOT"),
    "prune": ("backups", "prune", "repaired", "--keep", "0", "--snapshots"),
    "log": ("log", "repaired"),
    "undo": ("undo", "repaired"),
    "capsule": ("capsule", "base", "capsule"),
    "from-capsule": ("check", "merged", "--base", "kept"),
    "again": ("repair", "half", "--base", "base"),
}
"""All that read anything of a model or of the user's, but `sweep`, which notes per folder what failed, and
`probe`, which asks a server.
"""
_CHANGED: Final = "generation_config.json"
_ID: Final = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6}")


class _Reads:
    """Notes which files are read, and lets the reads of one of them fail."""

    def __init__(self, broken: Path | None = None, error: int = 0) -> None:
        self.broken = broken
        self.error = error
        self.files: set[Path] = set()
        self.failed = 0

    def __call__(self, call: Call) -> int:
        with suppress(OSError):
            path = Path(f"/proc/{call.process}/fd/{call.first}").readlink()
            self.files.add(path)
            if path == self.broken and not (self.failed and self.error == errno.EINTR):
                self.failed += 1
                return self.error
        return 0


def run(only: Sequence[str] = ()) -> int:
    """Sweep all commands, or ``only`` these; 1 where one is told wrongly, or nothing failed."""
    wrong = 0
    with TemporaryDirectory(prefix="reads-", dir=MEMORY) as place, forker("dev.reliability.reads") as forks:
        # Made where the copies will be: an undo goes by the path.
        scene = _scene(forks, Path(place) / "home").rename(Path(place) / "scene")
        taken = min((scene / "repaired" / STATE / "log").glob("*.json")).stem
        for name in only or COMMANDS:
            command = [taken if word == "SNAPSHOT" else word for word in COMMANDS[name]]
            found = list(_sweep(forks, scene, command))
            told = [line for line in found if line]
            print(f"{name}: {len(found)} reads failed, {len(told)} wrong", flush=True)
            print("".join(f"    {line}\n" for line in told), end="", flush=True)
            wrong += len(told) + (not found)
    return 1 if wrong else 0


def _scene(forks: Forker, home: Path) -> Path:
    """What the commands read: folders, a plan, settings, a baseline, receipts and this machine's cache."""
    files = glm_files() | {"model.safetensors": safetensors(151552), "README.md": b"---\nlicense: mit\n---\n"}
    narrowed = files | {_CHANGED: dump({"eos_token_id": 151329})}
    home.mkdir()
    for name, content in {"base": files, "merged": narrowed, "repaired": narrowed, "half": narrowed}.items():
        write_folder(home / name, content)
    write_folder(home / "adapter", {"adapter_config.json": dump({"peft_type": "LORA"})})
    (home / "genfix.toml").write_text('fail-on = "error"\n')
    for command in (
        ("plan", "merged", "--base", "base", "-o", "plan.json"),
        ("check", "merged", "--base", "base", "--write-baseline", "known.json"),
        ("snapshot", "repaired"),
        ("repair", "repaired", "--base", "base"),
        ("capsule", "base", "kept"),
    ):
        _genfix(forks, command, home, _Reads())
    _interrupt(home / "half")
    return home


def _interrupt(folder: Path) -> None:
    """A repair of the folder that dies once it is committed, before its file is replaced."""
    wanted = Write(_CHANGED, content_digest((folder / _CHANGED).read_bytes()), dump({"eos_token_id": 151336}))
    with suppress(SimulatedCrash):
        apply(folder, [wanted], inputs={}, note={}, fs=DiesAtRename(_CHANGED))


def _genfix(forks: Forker, command: Sequence[str], home: Path, reads: _Reads) -> Played:
    return forks.play([str(home), *command], home.parent, ("read", "pread64"), reads)


def _worker(words: Sequence[str], watch: Watch) -> int:
    """A command in a home, as `genfix.__main__` runs it."""
    home = Path(words[0])
    os.chdir(home)
    os.environ |= {
        "XDG_CACHE_HOME": str(home / "cache"),
        "HF_HOME": str(home / "cache"),
        "HF_HUB_OFFLINE": "1",
    }
    sys.argv = ["genfix", *words[1:]]
    gc.disable()
    watch()
    return main(words[1:])


def _sweep(forks: Forker, scene: Path, command: Sequence[str]) -> Iterator[str]:
    """For each file that is read and each error: what is wrong with how it was told, or an empty text."""
    home = _copy(scene)
    before = _files(home)
    recover(home / "half")
    recovered = _files(home)
    home = _copy(scene)
    reads = _Reads()
    healthy = _genfix(forks, command, home, reads)
    if healthy.code not in {0, 1}:
        sys.exit(f"{command} fails on a healthy disk: {healthy.err}")
    ends = (before, recovered, _files(home))
    for error, path in product(_ERRORS, sorted(path for path in reads.files if path.is_relative_to(home))):
        _copy(scene)
        if not path.is_file():
            continue
        failing = _Reads(path, error_number(error))
        done = _genfix(forks, command, home, failing)
        if not failing.failed:
            continue
        changed = _files(home)
        same = _told(done) == _told(healthy) or _told(done) == _forgotten(forks, scene, command, path)
        said = [line for line in done.err.splitlines() if line.startswith(("error:", "hint:"))]
        failed = done.code in {2, 3} and len(said) == 2 and changed in ends
        is_right = same or (failed and error != "EINTR")
        fine = is_right and "bug in genfix" not in done.err and "Traceback" not in done.err
        name = path.relative_to(home)
        yield "" if fine else f"{command[0]}, {error} in {name}: exit {done.code}, {done.err[-300:]!r}"


def _files(home: Path) -> Mapping[str, bytes]:
    """The files of the folders that are worked on, without what genfix keeps in them."""
    return {
        str(path): path.read_bytes()
        for folder in ("base", "merged", "repaired", "half", "copy")
        for path in sorted((home / folder).glob("*"))
        if path.is_file()
    }


def _told(run: Played) -> tuple[int, str]:
    """What is told, without the IDs that are new in each run."""
    return run.code, _ID.sub("ID", run.out)


def _forgotten(forks: Forker, scene: Path, command: Sequence[str], path: Path) -> tuple[int, str] | None:
    """What is told where ``path`` of the cache is not there: what cannot be read is forgotten."""
    home = _copy(scene)
    if not path.is_relative_to(home / "cache"):
        return None
    path.unlink()
    return _told(_genfix(forks, command, home, _Reads()))


def _copy(scene: Path) -> Path:
    """A fresh copy at one and the same place, which reports name."""
    home = scene.with_name("home")
    shutil.rmtree(home, ignore_errors=True)
    shutil.copytree(scene, home)
    return home


if __name__ == "__main__":
    for module in pkgutil.walk_packages(genfix.__path__, "genfix."):  # or each fork would import them anew
        if not module.name.endswith("__main__"):
            with suppress(ImportError):  # what is inside a library that is not here
                import_module(module.name)
    serve(_worker)
