"""Every read of every file that a command reads, failing. Needs strace and ptrace.

A read that fails must end the command with exit 2 and one sentence, or not matter at all: what is told is
then what was told with a healthy disk. One that is interrupted (EINTR) never matters.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from tests.support.folders import dump, glm_files, safetensors, write_folder
from tests.support.trees import tree

_ERRORS: Final = ("EIO", "ESTALE", "EINTR", "EACCES")
_COMMANDS: Final[Mapping[str, Sequence[str]]] = {
    "check": ("check", "merged", "--base", "base", "--adapter", "adapter", "--config", "genfix.toml"),
    "known": ("check", "merged", "--base", "base", "--baseline", "known.json"),
    "engines": ("engines", "merged"),
    "diff": ("diff", "merged", "--base", "base"),
    "plan": ("plan", "merged", "--base", "base"),
    "repair": ("repair", "merged", "--base", "base"),
    "apply": ("apply", "plan.json"),
    "snapshot": ("snapshot", "merged"),
    "log": ("log", "repaired"),
    "undo": ("undo", "repaired"),
    "capsule": ("capsule", "base", "capsule"),
}
_ROOT: Final = Path(__file__).resolve().parents[2]


def run() -> int:
    """Sweep all commands; 1 where one is told wrongly."""
    wrong = 0
    with TemporaryDirectory(prefix="reads-") as place:
        scene = _scene(Path(place) / "scene")
        for name, command in _COMMANDS.items():
            found = [told for error in _ERRORS for told in _sweep(scene, command, error)]
            told = [line for line in found if line]
            print(f"{name}: {len(found)} reads failed, {len(told)} wrong", flush=True)
            print("".join(f"    {line}\n" for line in told), end="", flush=True)
            wrong += len(told)
    return 1 if wrong else 0


def _scene(home: Path) -> Path:
    """What the commands read: folders, a plan, settings, a baseline, receipts and this machine's cache."""
    files = glm_files() | {"model.safetensors": safetensors(151552), "README.md": b"---\nlicense: mit\n---\n"}
    narrowed = files | {"generation_config.json": dump({"eos_token_id": 151329})}
    home.mkdir()
    for name, content in {"base": files, "merged": narrowed, "repaired": narrowed}.items():
        write_folder(home / name, content)
    write_folder(home / "adapter", {"adapter_config.json": dump({"peft_type": "LORA"})})
    (home / "genfix.toml").write_text('fail-on = "error"\n')
    for command in (
        ("plan", "merged", "--base", "base", "-o", "plan.json"),
        ("check", "merged", "--base", "base", "--write-baseline", "known.json"),
        ("repair", "repaired", "--base", "base"),
    ):
        _genfix(command, home)
    return home


def _genfix(command: Sequence[str], home: Path, *tracer: str) -> "subprocess.CompletedProcess[str]":
    environment = os.environ | {"XDG_CACHE_HOME": str(home / "cache"), "PYTHONPATH": str(_ROOT)}
    words = [*tracer, sys.executable, "-B", "-m", "genfix", *command]
    return subprocess.run(words, cwd=home, env=environment, capture_output=True, text=True, check=False)


def _sweep(scene: Path, command: Sequence[str], error: str) -> Iterator[str]:
    """For each file that is read: what is wrong with how the error was told, or an empty text."""
    healthy = _genfix(command, _copy(scene))
    for path in sorted(path.relative_to(scene) for path in scene.rglob("*") if path.is_file()):
        home = _copy(scene)
        trace = home.with_name("trace")
        when = ":when=1" if error == "EINTR" else ""
        calls = "read,pread64"
        options = ("-f", "-o", str(trace), "-P", str(home / path), "-e", f"trace={calls}")
        before = tree(home / "merged")
        done = _genfix(command, home, "strace", *options, "-e", f"inject={calls}:error={error}{when}")
        if "INJECTED" not in trace.read_text("utf-8", "replace"):
            continue
        same = (done.returncode, done.stdout) == (healthy.returncode, healthy.stdout)
        said = [line for line in done.stderr.splitlines() if line.startswith(("error:", "hint:"))]
        failed = done.returncode in {2, 3} and len(said) == 2 and tree(home / "merged") == before
        is_right = same or (failed and error != "EINTR")
        fine = is_right and "bug in genfix" not in done.stderr and "Traceback" not in done.stderr
        yield (
            "" if fine else f"{command[0]}, {error} in {path}: exit {done.returncode}, {done.stderr[-300:]!r}"
        )


def _copy(scene: Path) -> Path:
    """A fresh copy at one and the same place, which reports name."""
    home = scene.with_name("home")
    shutil.rmtree(home, ignore_errors=True)
    shutil.copytree(scene, home)
    return home
