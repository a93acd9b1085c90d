"""Death and disk errors at every call of the disk, in apply, undo and recovery."""

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from genfix.applier import log, pending, prune, recover, restore, snapshot, undo
from genfix.applier.fs import FileSystem
from genfix.errors import ChangedError, GenfixError
from tests.support.disks import (
    QUICK,
    STATE,
    FaultyDisk,
    SimulatedCrash,
    TornDisk,
    crash_disk,
    leftovers,
    make_folder,
    picture,
    repair,
)

Do = Callable[[Path, FileSystem], object]


def do_apply(folder: Path, fs: FileSystem) -> object:
    return repair(folder, fs)


def do_apply_elsewhere(folder: Path, fs: FileSystem) -> object:
    return repair(folder, fs, state_dir=folder.parent / "state")


def do_undo(folder: Path, fs: FileSystem) -> object:
    return undo(folder, fs=fs)


def do_snapshot(folder: Path, fs: FileSystem) -> object:
    return snapshot(folder, note={}, fs=fs)


def do_restore(folder: Path, fs: FileSystem) -> object:
    return restore(folder, log(folder)[0].id, note={}, fs=fs)


def do_prune(folder: Path, fs: FileSystem) -> object:
    return prune(folder, keep=0, fs=fs)


def start(place: Path, number: int, verb: Do) -> Path:
    """A copy of the folder that ``verb`` starts from."""
    first = place / "first" / "merged"
    if not first.exists():
        make_folder(first)
        if verb in {do_restore, do_snapshot}:
            snapshot(first, note={}, fs=QUICK)
        if verb in {do_undo, do_restore, do_prune}:
            repair(first, QUICK)
    return Path(shutil.copytree(first, place / str(number) / "merged", symlinks=True))


def disk_error(odd: int) -> OSError:
    number = (errno.ENOSPC, errno.EIO)[odd]
    return OSError(number, os.strerror(number))


def kept(folder: Path) -> dict[str, list[str]]:
    """What lies in the backups, by transaction."""
    home = folder / STATE / "backup"
    return {
        place.name: sorted(str(path.relative_to(place)) for path in place.rglob("*") if path.is_file())
        for place in (home.iterdir() if home.exists() else ())
    }


def options(verb: Do, folder: Path) -> dict[str, Any]:
    return {"state_dir": folder.parent / "state"} if verb is do_apply_elsewhere else {}


def state_home(verb: Do, folder: Path) -> Path | None:
    if verb is not do_apply_elsewhere:
        return None
    return next(iter((folder.parent / "state").glob("*")), folder.parent / "none")


def both_ends(place: Path, verb: Do) -> tuple[object, object]:
    folder = start(place, 0, verb)
    before = picture(folder, mtimes=False)
    verb(folder, QUICK)
    return before, picture(folder, mtimes=False)


def sweep(place: Path, verb: Do, make_disk: Callable[[int], FaultyDisk]) -> Iterator[tuple[Path, FaultyDisk]]:
    """A fresh folder and a disk that fails one call later each time, until no call is left to fail."""
    for at in count(1):
        folder, disk = start(place, at, verb), make_disk(at)
        yield folder, disk
        shutil.rmtree(folder.parent)
        if not disk.has_failed:
            assert at > (20 if verb is do_prune else 50)
            return


@pytest.mark.parametrize("after_the_call", [False, True])
@pytest.mark.parametrize("verb", [do_apply, do_apply_elsewhere, do_undo, do_restore])
def test_a_crash_leaves_the_old_or_the_new(place: Path, verb: Do, *, after_the_call: bool) -> None:
    before, after = both_ends(place, verb)
    seen = set()
    for folder, disk in sweep(
        place, verb, lambda at: FaultyDisk(at, SimulatedCrash, forever=True, after=after_the_call)
    ):
        try:
            verb(folder, disk)
        except SimulatedCrash:
            pass
        else:
            assert not disk.has_failed
        overlay = pending(folder, **options(verb, folder))
        recover(folder, fs=QUICK, **options(verb, folder))
        found = picture(folder, mtimes=False)
        assert found in (before, after)
        seen.add(found == after)
        assert leftovers(folder, state_home(verb, folder)) == []
        for name, content in overlay.items():
            assert content == ((folder / name).read_bytes() if (folder / name).exists() else None)
        assert recover(folder, fs=QUICK, **options(verb, folder)) is None
    assert seen == {False, True}


def test_a_write_cut_in_two_leaves_the_old_or_the_new(place: Path) -> None:
    before, after = both_ends(place, do_apply)
    for folder, disk in sweep(place, do_apply, lambda at: TornDisk(at, SimulatedCrash, forever=True)):
        try:
            repair(folder, disk)
        except SimulatedCrash:
            recover(folder, fs=QUICK)
        assert picture(folder, mtimes=False) in (before, after)
        assert leftovers(folder) == []


@pytest.mark.parametrize("verb", [do_apply, do_undo, do_restore])
def test_a_crash_of_the_recovery_is_recovered(place: Path, verb: Do) -> None:
    before, after = both_ends(place, verb)
    seen = set()
    first = 0
    while True:
        # A crash in every third call, and in the recovery from it one in every call.
        first += 3
        folder, disk = start(place, first * 1000, verb), crash_disk(first)
        try:
            verb(folder, disk)
        except SimulatedCrash:
            pass
        else:
            break
        for at in count(1):
            second = crash_disk(at)
            try:
                recover(folder, fs=second)
            except SimulatedCrash:
                continue
            break
        recover(folder, fs=QUICK)
        found = picture(folder, mtimes=False)
        assert found in (before, after)
        seen.add(found == after)
        assert leftovers(folder) == []
    assert seen == {False, True}


def test_a_second_repair_recovers_by_itself(place: Path) -> None:
    _, after = both_ends(place, do_apply)
    for folder, disk in sweep(place, do_apply, crash_disk):
        try:
            repair(folder, disk)
        except SimulatedCrash:
            # Where it is rolled forward, the plan was made from files that are repaired by then.
            with suppress(ChangedError):
                repair(folder, QUICK)
        assert picture(folder, mtimes=False) == after
        assert leftovers(folder) == []


@pytest.mark.parametrize("forever", [False, True])
@pytest.mark.parametrize("verb", [do_apply, do_apply_elsewhere, do_undo, do_restore])
def test_a_disk_error_leaves_the_old_or_the_new(place: Path, verb: Do, *, forever: bool) -> None:
    """Every call fails with both errors, which differ in words alone: once one, for ever the other."""
    before, after = both_ends(place, verb)
    for folder, disk in sweep(
        place, verb, lambda at: FaultyDisk(at, lambda: disk_error((at + forever) % 2), forever=forever)
    ):
        message, hint = "", "none"
        try:
            verb(folder, disk)
        except GenfixError as error:
            message, hint = error.message, error.hint
        assert hint
        assert "\n" not in message
        if message and not message.startswith("interrupted"):
            assert picture(folder, mtimes=False) == before
            assert pending(folder, **options(verb, folder)) == {}
            if not forever:
                home = state_home(verb, folder)
                assert leftovers(folder, home) == []
                if verb is do_apply:
                    assert not (folder / ".cache").exists()
                if verb is do_apply_elsewhere:
                    assert not (folder.parent / "state").exists()
        recover(folder, fs=QUICK, **options(verb, folder))
        found = picture(folder, mtimes=False)
        assert found in (before, after)
        assert leftovers(folder, state_home(verb, folder)) == []
        if not message:
            assert found == after


@pytest.mark.parametrize("fault", [SimulatedCrash, lambda: OSError(errno.EIO, os.strerror(errno.EIO))])
def test_a_snapshot_is_whole_or_not_there(place: Path, fault: Callable[[], BaseException]) -> None:
    seen = set()
    for folder, disk in sweep(place, do_snapshot, lambda at: FaultyDisk(at, fault, forever=True)):
        was = picture(folder)
        with suppress(SimulatedCrash, GenfixError):
            do_snapshot(folder, disk)
        assert picture(folder) == was
        recover(folder, fs=QUICK)
        assert picture(folder) == was
        assert leftovers(folder) == []
        taken = log(folder)
        seen.add(len(taken))
        assert all(kept(folder)[receipt.id] == [file.name for file in receipt.files] for receipt in taken)
    assert seen == {1, 2}


def test_a_prune_takes_a_backup_whole_or_not_at_all(place: Path) -> None:
    seen = set()
    for folder, disk in sweep(place, do_prune, crash_disk):
        was, held = picture(folder), kept(folder)
        with suppress(SimulatedCrash):
            do_prune(folder, disk)
        recover(folder, fs=QUICK)
        assert kept(folder) in (held, {})
        seen.add(kept(folder) == held)
        assert picture(folder) == was
        assert leftovers(folder) == []
        assert len(log(folder)) == 1
    assert seen == {False, True}
