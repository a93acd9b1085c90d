"""Cut the power after every operation of a transaction, on a real ext4 in a loop image. Needs root.

The image is copied while the filesystem is mounted: what the kernel has not written yet is missing from the
copy, as it would be from the disk. The copy is checked, mounted (which replays its journal), recovered and
compared.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from dev.reliability.scenes import SCENES, End, seen, settle, start, strays
from genfix.applier.fs import FileSystem
from tests.support.disks import CALLS

__all__ = ["run"]

_MODES: Final = {
    "ordered": ((), "commit=300"),
    "writeback": ((), "commit=300,data=writeback,noauto_da_alloc"),
    "writeback with allocation on rename": ((), "commit=300,data=writeback"),
    "no journal": (("-O", "^has_journal"), "noauto_da_alloc"),
}
"""How the filesystem is made, and how it is mounted."""
_READS: Final = {
    "lstat",
    "fstat",
    "stat_dir",
    "names",
    "may_write",
    "open_read",
    "read",
    "open_dir",
    "open_root",
}


class _Cutting(FileSystem):
    """The real disk, with a copy of its image after every call that changes something."""

    def __init__(self, cut: Callable[[], None]) -> None:
        super().__init__()
        self.cut = cut


def _cutting(name: str) -> Callable[..., Any]:
    real = getattr(FileSystem, name)

    def call(self: _Cutting, *args: Any) -> Any:
        result = real(self, *args)
        self.cut()
        return result

    return call


for _name in CALLS:
    if _name not in _READS:
        setattr(_Cutting, _name, _cutting(_name))


def run(scenes: list[str]) -> int:
    """Every scene in every mode; 1 where anything is wrong, 77 where this machine cannot do it."""
    if os.geteuid() != 0 or shutil.which("mkfs.ext4") is None or not Path("/dev/loop-control").exists():
        print("skipped: needs root, mkfs.ext4 and loop devices")
        return 77
    wrong = 0
    for scene in scenes:
        for mode, (features, options) in _MODES.items():
            with TemporaryDirectory(
                prefix="powercut-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None
            ) as place:
                wrong += _sweep(scene, mode, Path(place), features, options)
    return 1 if wrong else 0


def _sweep(scene: str, mode: str, place: Path, features: tuple[str, ...], options: str) -> int:
    image = place / "disk"
    cuts: list[Path] = []
    with image.open("wb") as file:
        file.truncate(6 * 1024 * 1024)
    subprocess.run(["mkfs.ext4", "-q", "-F", "-b", "1024", *features, image], check=True)

    def cut() -> None:
        cuts.append(place / f"cut-{len(cuts)}")
        subprocess.run(["cp", "--sparse=always", image, cuts[-1]], check=True)

    with _mounted(image, place / "mount", options) as mount:
        folder = start(scene, mount)
        os.sync()
        before = seen(scene, folder)
        work = SCENES[scene].ready(folder)
        work(_Cutting(cut))
        cut()
        after = seen(scene, folder)
    counted = {"old": 0, "new": 0, "wrong": 0}
    for number, copy in enumerate(cuts):
        # Where it was: a state folder elsewhere is found by the folder's path.
        end = _after_cut(scene, copy, place / "mount", options, {"old": before, "new": after})
        if number == len(cuts) - 1 and end != "new":
            end = f"success was reported, and after the cut the folder is {end}"
        counted[end if end in counted else "wrong"] += 1
        if end not in counted:
            print(f"    {scene}, {mode}, cut {number}: {end}")
        copy.unlink()
    print(f"{scene}, {mode}: {len(cuts)} cuts, {json.dumps(counted)}", flush=True)
    return counted["wrong"]


def _after_cut(scene: str, copy: Path, mount: Path, options: str, ends: Mapping[str, End]) -> str:
    subprocess.run(["e2fsck", "-fy", copy], capture_output=True, check=False)
    with _mounted(copy, mount, options) as place:
        folder = place / "merged"
        try:
            settle(scene, folder)
        except Exception as error:  # whatever it is, it is wrong
            return f"recovery: {error}"
        if left := strays(scene, folder):
            return f"left {left}"
        found = seen(scene, folder)
    return next((end for end, wanted in ends.items() if found == wanted), f"mixed: {found.receipts}")


@contextmanager
def _mounted(image: Path, mount: Path, options: str) -> Iterator[Path]:
    mount.mkdir(exist_ok=True)
    subprocess.run(["mount", "-o", f"loop,{options}", image, mount], check=True)
    try:
        yield mount
    finally:
        subprocess.run(["umount", mount], check=True)


if __name__ == "__main__":
    sys.exit(run([*SCENES]))
