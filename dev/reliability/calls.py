"""Every system call of a transaction, one at a time: killed at it, or failing in it.

A point is the name of a call and a number. The calls before the transaction, which look at the folder, are
left alone, and so are those of the memory.
"""

import json
import shutil
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple, TypeAlias

from dev.reliability.forks import KILL, MEMORY, Call, Forker, Played, error_number, forker
from dev.reliability.scenes import SCENES, End, play, seen, settle, start, strays

__all__ = ["ERRORS", "Tally", "sweep"]

ERRORS: Final = ("ENOSPC", "EIO", "EINTR", "EACCES")
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
_SCENES: Final = "dev.reliability.scenes"
_Point: TypeAlias = tuple[str, int]


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
        """Whether so many points were not reached that nothing is shown."""
        return self.unreached * 20 > self.points


def sweep(scene: str, fault: str, *, every: int = 1, jobs: int = 2) -> Tally:
    """Play ``scene`` once per system call, with ``fault``: SIGKILL, or the name of an error."""
    with TemporaryDirectory(prefix="reliability-", dir=MEMORY) as temporary:
        place = Path(temporary)
        folder = start(scene, place / "whole")
        before, weights = seen(scene, folder), _weights(folder)
        with forker(_SCENES) as forks:
            points = [
                point for point in _points(forks, scene, folder) if fault == "SIGKILL" or point[0] in _FILES
            ][::every]
        ends = {"old": before, "new": seen(scene, folder)}
        assert _weights(folder) == weights
        if also := SCENES[scene].also:
            ends["also"] = seen(also, play(also, place / "also"))

        shares = [points[job::jobs] for job in range(jobs)]
        # Processes: a fork of another thread would hold this one's lock on a folder for a moment.
        with ProcessPoolExecutor(jobs) as pool:
            trial = partial(_play_all, scene, fault, ends)
            found = [
                one
                for share in pool.map(trial, [place / str(job) for job in range(jobs)], shares)
                for one in share
            ]
    counted = Counter(kind for kind, _ in found)
    wrong = [told for kind, told in found if kind == "wrong"]
    return Tally(scene, fault, len(found), counted["old"], counted["new"], counted["unreached"], wrong)


def _points(forks: Forker, scene: str, folder: Path) -> list[_Point]:
    counted: Counter[str] = Counter()
    points: list[_Point] = []

    def note(call: Call) -> int:
        counted[call.name] += 1
        points.append((call.name, counted[call.name]))
        return 0

    healthy = forks.play((scene, str(folder)), folder.parent, (), note)
    if healthy.code:
        sys.exit(f"{scene} fails on a healthy disk: {healthy.out}{healthy.err}")
    return points


def _play_all(
    scene: str, fault: str, ends: Mapping[str, End], place: Path, points: Sequence[_Point]
) -> list[tuple[str, str]]:
    with forker(_SCENES) as forks:
        return [
            _play(forks, scene, fault, ends, place / str(index), point) for index, point in enumerate(points)
        ]


def _play(
    forks: Forker, scene: str, fault: str, ends: Mapping[str, End], place: Path, point: _Point
) -> tuple[str, str]:
    """How the scene ended: old, new, also, wrong or unreached; and what is told of it."""
    folder = start(scene, place)
    weights = _weights(folder)
    name, number = point
    verdict = KILL if fault == "SIGKILL" else error_number(fault)
    coming = count(1)
    hit = False

    def decide(_: Call) -> int:
        nonlocal hit
        if next(coming) != number:
            return 0
        hit = True
        return verdict

    run = forks.play((scene, str(folder)), place, (name,), decide)
    told = f"{scene} {fault} at {name} {number}: "
    if fault != "SIGKILL" and (problem := _problem(run)):
        return "wrong", told + problem
    if fault != "SIGKILL" and run.code == 0 and seen(scene, folder) != ends["new"]:
        return "wrong", told + "success was reported, and the folder is not the new one"
    try:
        settle(scene, folder)
    except Exception as error:  # whatever it is, it is wrong
        return "wrong", told + f"recovery: {error}"
    left = strays(scene, folder)
    if left or _weights(folder) != weights:
        return "wrong", told + f"left {left or 'other weights'}"
    found = seen(scene, folder)
    if found not in ends.values():
        return "wrong", told + f"a mixed state: {found.receipts}"
    if not hit:
        return "unreached", told
    shutil.rmtree(place)
    return ("new" if found == ends["new"] else "old"), told


def _problem(run: Played) -> str:
    """What is wrong with how an error was told."""
    if run.code == 0:
        return ""
    if run.code not in {2, 3}:
        return f"exit code {run.code}: {run.err.strip()[-300:]}"
    error = json.loads(run.out)
    if "\n" in error["message"] or not error["hint"] or error["code"] != run.code:
        return f"no proper sentence: {run.out}"
    return ""


def _weights(folder: Path) -> tuple[int, int, int]:
    status = (folder / "model.safetensors").stat()
    return status.st_ino, status.st_size, status.st_mtime_ns
