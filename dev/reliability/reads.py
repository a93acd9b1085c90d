"""Every read of every file that a command reads, failing. Needs strace and ptrace.

A read that fails must end the command with exit 2 and one sentence, or not matter at all: what is told is
then what was told with a healthy disk. One that is interrupted (EINTR) never matters.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from genfix.applier import Write, apply, recover
from genfix.folder import content_digest
from tests.support.disks import STATE, DiesAtRename, SimulatedCrash
from tests.support.folders import dump, glm_files, safetensors, write_folder

_ERRORS: Final = ("EIO", "ESTALE", "EINTR", "EACCES")
COMMANDS: Final[Mapping[str, Sequence[str]]] = {
    "check": ("check", "merged", "--base", "base", "--adapter", "adapter", "--config", "genfix.toml"),
    "known": ("check", "merged", "--base", "base", "--baseline", "known.json"),
    "engines": ("engines", "merged"),
    "diff": ("diff", "merged", "--base", "base"),
    "at": ("diff", "repaired", "--at", "SNAPSHOT"),
    "plan": ("plan", "merged", "--base", "base"),
    "repair": ("repair", "merged", "--base", "base"),
    "copy": ("repair", "merged", "--base", "base", "--output", "copy"),
    "apply": ("apply", "plan.json"),
    "run": ("run", "merged", "--base", "base", "--", "true"),
    "snapshot": ("snapshot", "merged"),
    "restore": ("restore", "repaired", "SNAPSHOT"),
    "prune": ("backups", "prune", "repaired", "--keep", "0", "--snapshots"),
    "log": ("log", "repaired"),
    "undo": ("undo", "repaired"),
    "capsule": ("capsule", "base", "capsule"),
    "from-capsule": ("check", "merged", "--base", "kept"),
    "again": ("repair", "half", "--base", "base"),
}
"""All that read anything of a model or of the user's: `probe` asks a server, the others read only genfix."""
_CHANGED: Final = "generation_config.json"
_ID: Final = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6}")
_OPENED: Final = re.compile(r"= \d+<([^>]+)>")
_ROOT: Final = Path(__file__).resolve().parents[2]


def run(only: Sequence[str] = ()) -> int:
    """Sweep all commands, or ``only`` these; 1 where one is told wrongly."""
    wrong = 0
    with TemporaryDirectory(prefix="reads-") as place:
        scene = _scene(Path(place) / "scene")
        taken = next((scene / "repaired" / STATE / "log").glob("*.json")).stem
        for name in only or COMMANDS:
            command = [taken if word == "SNAPSHOT" else word for word in COMMANDS[name]]
            found = [told for error in _ERRORS for told in _sweep(scene, command, error)]
            told = [line for line in found if line]
            print(f"{name}: {len(found)} reads failed, {len(told)} wrong", flush=True)
            print("".join(f"    {line}\n" for line in told), end="", flush=True)
            wrong += len(told)
    return 1 if wrong else 0


def _scene(home: Path) -> Path:
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
        _genfix(command, home)
    _interrupt(home / "half")
    return home


def _interrupt(folder: Path) -> None:
    """A repair of the folder that dies once it is committed, before its file is replaced."""
    wanted = Write(_CHANGED, content_digest((folder / _CHANGED).read_bytes()), dump({"eos_token_id": 151336}))
    with suppress(SimulatedCrash):
        apply(folder, [wanted], inputs={}, note={}, fs=DiesAtRename(_CHANGED))


def _genfix(command: Sequence[str], home: Path, *tracer: str) -> "subprocess.CompletedProcess[str]":
    environment = os.environ | {"XDG_CACHE_HOME": str(home / "cache"), "PYTHONPATH": str(_ROOT)}
    words = [*tracer, sys.executable, "-B", "-m", "genfix", *command]
    return subprocess.run(words, cwd=home, env=environment, capture_output=True, text=True, check=False)


def _sweep(scene: Path, command: Sequence[str], error: str) -> Iterator[str]:
    """For each file that is read: what is wrong with how the error was told, or an empty text."""
    home = _copy(scene)
    before, trace = _files(home), home.with_name("trace")
    recover(home / "half")
    recovered = _files(home)
    home = _copy(scene)
    healthy = _genfix(command, home, "strace", "-f", "-y", "-o", str(trace), "-e", "trace=openat")
    ends = (before, recovered, _files(home))
    opened = {Path(name) for name in _OPENED.findall(trace.read_text("utf-8", "replace"))}
    read = sorted(path.relative_to(home) for path in opened if path.is_relative_to(home))
    for path in read:
        home = _copy(scene)
        if not (home / path).is_file():
            continue
        when = ":when=1" if error == "EINTR" else ""
        calls = "read,pread64"
        options = ("-f", "-o", str(trace), "-P", str(home / path), "-e", f"trace={calls}")
        done = _genfix(command, home, "strace", *options, "-e", f"inject={calls}:error={error}{when}")
        if "INJECTED" not in trace.read_text("utf-8", "replace"):
            continue
        same = (done.returncode, _plain(done.stdout)) == (healthy.returncode, _plain(healthy.stdout))
        said = [line for line in done.stderr.splitlines() if line.startswith(("error:", "hint:"))]
        failed = done.returncode in {2, 3} and len(said) == 2 and _files(home) in ends
        is_right = same or (failed and error != "EINTR")
        fine = is_right and "bug in genfix" not in done.stderr and "Traceback" not in done.stderr
        yield (
            "" if fine else f"{command[0]}, {error} in {path}: exit {done.returncode}, {done.stderr[-300:]!r}"
        )


def _files(home: Path) -> Mapping[str, bytes]:
    """The files of the folders that are worked on, without what genfix keeps in them."""
    return {
        str(path): path.read_bytes()
        for folder in ("base", "merged", "repaired", "half", "copy")
        for path in sorted((home / folder).glob("*"))
        if path.is_file()
    }


def _plain(report: str) -> str:
    """A report without the IDs that are new in each run."""
    return _ID.sub("ID", report)


def _copy(scene: Path) -> Path:
    """A fresh copy at one and the same place, which reports name."""
    home = scene.with_name("home")
    shutil.rmtree(home, ignore_errors=True)
    shutil.copytree(scene, home)
    return home
