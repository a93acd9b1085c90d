"""What a power cut leaves where the filesystem keeps nothing that was not synced."""

import errno
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from genfix.applier import build, log, recover, remove_stale, restore, snapshot, undo, write_report
from genfix.applier import make_folder as make_capsule
from genfix.applier.fs import FileSystem
from genfix.applier.gguf_writing import write_gguf
from genfix.errors import StorageError
from genfix.folder import LocalFolder
from tests.support.disks import NEW, QUICK, SimulatedCrash, inputs, make_folder, repair
from tests.support.power import PowerDisk, rebuild

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc/self/fd")

STATE = ".cache/"
FEWEST = 50
"""Calls that every verb makes at least."""
Verb: TypeAlias = Callable[[Path, FileSystem], object]


def files(folder: Path) -> dict[str, bytes]:
    """The user's files."""
    return {
        name: path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not (name := str(path.relative_to(folder))).startswith(STATE)
    }


def do_repair(folder: Path, fs: FileSystem) -> object:
    return repair(folder, fs)


def do_undo(folder: Path, fs: FileSystem) -> object:
    return undo(folder, log(folder)[-1].id, fs=fs)


def do_restore(folder: Path, fs: FileSystem) -> object:
    return restore(folder, log(folder)[0].id, note={}, fs=fs)


def do_snapshot(folder: Path, fs: FileSystem) -> object:
    return snapshot(folder, note={}, fs=fs)


def start(place: Path, verb: Verb) -> Path:
    """The folder that ``verb`` starts from."""
    folder = make_folder(place / "merged")
    if verb is do_restore:
        snapshot(folder, note={}, fs=QUICK)
    if verb is not do_repair:
        repair(folder, QUICK)
    return folder


def settle(left: Path) -> None:
    """What the next command does first."""
    recover(left, fs=QUICK)


def cuts(
    place: Path,
    first: Path,
    verb: Verb,
    disk_of: Callable[[Path, int], PowerDisk] = PowerDisk,
    settle: Callable[[Path], None] = settle,
    fewest: int = FEWEST,
) -> Iterator[tuple[Path, bool]]:
    """What is left of a copy of ``first``, and settled, after a cut at each second call of ``verb``.

    The last one comes after ``verb`` has ended, which is said. ``python -m dev.reliability powercut`` cuts at
    all calls.
    """
    for at in count(1, 2):
        folder = Path(shutil.copytree(first, place / str(at) / "merged"))
        disk = disk_of(folder, at)
        finished = False
        try:
            verb(folder, disk)
            finished = True
        except SimulatedCrash:
            pass
        left = rebuild(place / str(at) / "left", disk.survivors())
        disk.close_all()
        settle(left)
        yield left, finished
        shutil.rmtree(place / str(at))
        if finished:
            assert at > fewest
            return


@pytest.mark.parametrize("verb", [do_repair, do_undo, do_restore])
def test_a_power_cut_leaves_the_old_or_the_new_and_success_is_durable(place: Path, verb: Verb) -> None:
    first = start(place / "first", verb)
    done = Path(shutil.copytree(first, place / "done" / "merged"))
    before = files(done)
    verb(done, QUICK)
    after = files(done)
    seen = set()
    for left, finished in cuts(place, first, verb):
        found = files(left)
        assert found in (before, after)
        if found == after:
            undo(left, log(left)[-1].id, fs=QUICK)
            assert files(left) == before
        seen.add(found == after)
        if finished:
            assert found == after
    assert seen == {False, True}


class Refusing(PowerDisk):
    """It refuses to replace config.json, the last file, without having said so before."""

    def exchange(self, *args: Any) -> None:
        if args[3] == "config.json":
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
        super().exchange(*args)


def taken_back(folder: Path, fs: FileSystem) -> None:
    with pytest.raises(StorageError):
        repair(folder, fs)


def test_a_power_cut_while_a_repair_is_taken_back_leaves_the_old_or_the_new(place: Path) -> None:
    first = make_folder(place / "first" / "merged")
    before = files(first)
    done = Path(shutil.copytree(first, place / "done" / "merged"))
    repair(done, QUICK)
    after = files(done)
    for left, finished in cuts(place, first, taken_back, Refusing):
        found = files(left)
        assert found in (before, after)
        if finished:
            assert found == before


def test_a_finished_snapshot_survives_a_power_cut(place: Path) -> None:
    first = make_folder(place / "first" / "merged")
    for left, finished in cuts(place, first, do_snapshot):
        taken = log(left)
        assert files(left) == files(first)
        for receipt in taken:
            (left / "config.json").write_text("{}")
            restore(left, receipt.id, note={}, fs=QUICK)
            assert files(left) == files(first)
        if finished:
            assert len(taken) == 1


def a_copy(root: Path, fs: FileSystem) -> None:
    build(root / "merged", root / "copy", dict(NEW), inputs=inputs(root / "merged"), fs=fs)


def a_gguf(root: Path, fs: FileSystem) -> None:
    folder, output = LocalFolder(root), root / "new.gguf"
    write_gguf(folder, "m.gguf", output, was=b"GGUF", data_start=8, head=b"head", fs=fs)


def a_capsule(root: Path, fs: FileSystem) -> None:
    make_capsule(root / "capsule", NEW, fs=fs)


def a_report(root: Path, fs: FileSystem) -> None:
    write_report(root / "report.json", b"{}" * 10_000, fs=fs)


@pytest.mark.parametrize("verb", [a_copy, a_gguf, a_capsule, a_report])
def test_what_is_made_beside_a_folder_is_whole_or_not_there_and_success_is_durable(
    place: Path, verb: Verb
) -> None:
    first = place / "first"
    make_folder(first / "merged")
    (first / "m.gguf").write_bytes(b"GGUF" * 10_000)
    (first / "report.json").write_bytes(b"an earlier one")
    done = Path(shutil.copytree(first, place / "done"))
    verb(done, QUICK)
    before, after = files(first), files(done)
    assert before != after

    def clear(left: Path) -> None:
        remove_stale(left / "report.json", fs=QUICK)

    for left, finished in cuts(place, first, verb, settle=clear, fewest=10):
        found = files(left)
        assert found in (before, after)
        if finished:
            assert found == after
