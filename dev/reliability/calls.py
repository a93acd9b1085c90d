"""Every system call of a transaction, one at a time: killed at it, or failing in it. Needs strace and ptrace.

strace counts by name, so a point is a name and a number. Calls before the mark (imports) are left alone.
"""

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

from dev.reliability.scenes import MARK, SCENES, play, start
from genfix.applier import recover
from tests.support.disks import leftovers, picture

__all__ = ["ERRORS", "Tally", "sweep"]

ERRORS: Final = ("ENOSPC", "EIO", "EINTR", "EACCES")
_CALL: Final = re.compile(r"(?:\[pid +\d+\] )?(\w+)\(")
_FILES: Final = frozenset(
    [
        "openat",
        "read",
        "write",
        "pwrite64",
        "pread64",
        "close",
        "fsync",
        "fdatasync",
        "rename",
        "renameat",
        "renameat2",
        "link",
        "linkat",
        "unlink",
        "unlinkat",
        "mkdir",
        "mkdirat",
        "rmdir",
        "fchmod",
        "fchmodat",
        "chmod",
        "fchown",
        "fchownat",
        "utimensat",
        "newfstatat",
        "fstat",
        "stat",
        "lstat",
        "statx",
        "access",
        "faccessat",
        "faccessat2",
        "flock",
        "getdents64",
        "ioctl",
        "flistxattr",
        "fgetxattr",
        "fsetxattr",
        "fremovexattr",
        "lseek",
        "readlink",
        "readlinkat",
        "dup",
    ]
)
"""The calls that a disk can fail. Memory and signals are not the applier's."""
_ROOT: Final = Path(__file__).resolve().parents[2]


class Tally(NamedTuple):
    """What became of all points of one scene."""

    scene: str
    fault: str
    points: int
    old: int
    new: int
    unreached: int
    """Points the run did not come to: their number varies a little from run to run."""
    wrong: Sequence[str]
    """Points that left a mix, a stray file, or no proper error."""

    @property
    def is_void(self) -> bool:
        """Whether so many points were not reached that nothing is shown: strace does not inject here."""
        return self.unreached * 20 > self.points


def sweep(scene: str, fault: str, *, every: int = 1) -> Tally:
    """Play ``scene`` once per system call, with ``fault``: SIGKILL, or the name of an error."""
    with TemporaryDirectory(prefix="reliability-") as temporary:
        place = Path(temporary)
        folder = start(scene, place / "whole")
        before, weights = picture(folder, mtimes=False), _weights(folder)
        points = [
            point for point in _points(scene, folder, place) if fault == "SIGKILL" or point[0] in _FILES
        ]
        after = picture(folder, mtimes=False)
        ends = {"old": before, "new": after}
        if also := SCENES[scene].also:
            ends["also"] = picture(play(also, place / "also"), mtimes=False)

        trial = partial(_play, scene, fault, place, ends)
        # Processes: a fork of another thread would hold this one's lock on a folder for a moment.
        with ProcessPoolExecutor(2) as pool:
            found = list(pool.map(trial, range(len(points[::every])), points[::every]))
        assert _weights(folder) == weights
    counted = Counter(kind for kind, _ in found)
    wrong = [told for kind, told in found if kind == "wrong"]
    return Tally(scene, fault, len(found), counted["old"], counted["new"], counted["unreached"], wrong)


def _command(scene: str, folder: Path, options: Sequence[str], out: Path) -> list[str]:
    tracer = ["strace", "-f", "-o", str(out), *options]
    return [*tracer, sys.executable, "-B", "-m", "dev.reliability.scenes", scene, str(folder)]


def _points(scene: str, folder: Path, place: Path) -> Iterator[tuple[str, int]]:
    out = place / "trace"
    subprocess.run(_command(scene, folder, ["-e", "trace=all"], out), cwd=_ROOT, check=True)
    seen: Counter[str] = Counter()
    begun = False
    for line in out.read_text("utf-8", "replace").splitlines():
        call = _CALL.search(line)
        if call is None or "resumed>" in line:
            continue
        seen[call[1]] += 1
        begun = begun or MARK in line
        if begun and MARK not in line and call[1] not in {"exit_group", "execve"}:
            yield call[1], seen[call[1]]


def _play(
    scene: str, fault: str, temporary: Path, ends: Mapping[str, object], index: int, point: tuple[str, int]
) -> tuple[str, str]:
    place = temporary / str(index)
    folder = start(scene, place)
    weights = _weights(folder)
    name, number = point
    how = "signal=SIGKILL" if fault == "SIGKILL" else f"error={fault}"
    # Without --seccomp-bpf: on Linux 6.18 strace 6.1 then injects nothing.
    options = ["-e", f"trace={name}", "-e", f"inject={name}:{how}:when={number}"]
    run = subprocess.run(
        _command(scene, folder, options, place / "trace"),
        cwd=_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    told = f"{scene} {fault} at {name} {number}: "
    if fault != "SIGKILL" and (problem := _problem(run)):
        return "wrong", told + problem
    if fault != "SIGKILL" and run.returncode == 0 and picture(folder, mtimes=False) != ends["new"]:
        return "wrong", told + "success was reported, and the folder is not the new one"
    try:
        recover(folder)
    except Exception as error:  # whatever it is, it is wrong
        return "wrong", told + f"recovery: {error}"
    strays = leftovers(folder)
    if strays or _weights(folder) != weights:
        return "wrong", told + f"left {strays or 'other weights'}"
    found = picture(folder, mtimes=False)
    if found not in ends.values():
        return "wrong", told + "a mixed state"
    # strace notes an injected error; of a kill it is the exit code that tells.
    noted = "INJECTED" in (place / "trace").read_text("utf-8", "replace")
    if not noted and run.returncode == 0:
        return "unreached", told
    return ("new" if found == ends["new"] else "old"), told


def _problem(run: subprocess.CompletedProcess[str]) -> str:
    """What is wrong with how an error was told."""
    if run.returncode == 0:
        return ""
    if run.returncode not in {2, 3}:
        return f"exit code {run.returncode}: {run.stderr.strip()[-300:]}"
    error = json.loads(run.stdout)
    if "\n" in error["message"] or not error["hint"] or error["code"] != run.returncode:
        return f"no proper sentence: {run.stdout}"
    return ""


def _weights(folder: Path) -> tuple[int, int, int]:
    status = (folder / "model.safetensors").stat()
    return status.st_ino, status.st_size, status.st_mtime_ns
