"""Death and disk errors at every call of the disk, in apply, undo and recovery."""

import errno
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from genfix.applier import check_whole, log, prune, recover, restore, snapshot, undo
from genfix.applier.fs import FileSystem
from genfix.errors import ChangedError, GenfixError, RefusedError, StorageError
from tests.support.disks import (
    QUICK,
    STATE,
    Entry,
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
    # By its id: the folder is a copy, and nothing shows that it was repaired where it is now.
    return undo(folder, log(folder)[-1].id, fs=fs)


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


def files(seen: Mapping[str, Entry]) -> dict[str, bytes | None]:
    return {name: entry[1] for name, entry in seen.items() if entry[0] == "file"}


def is_told_half_done(verb: Do, folder: Path) -> bool:
    try:
        check_whole(folder, **options(verb, folder))
    except RefusedError as error:
        return "half done" in error.message
    return False


def both_ends(place: Path, verb: Do) -> tuple[dict[str, Entry], dict[str, Entry]]:
    folder = start(place, 0, verb)
    before = picture(folder, mtimes=False)
    verb(folder, QUICK)
    return before, picture(folder, mtimes=False)


def sweep(
    place: Path, verb: Do, make_disk: Callable[[int], FaultyDisk], first: int = 1, step: int = 2
) -> Iterator[tuple[Path, FaultyDisk]]:
    """A fresh folder and a disk that fails some calls later each time, until no call is left to fail.

    Each second call here, and all system calls in ``dev/reliability``.
    """
    for at in count(first, step):
        folder, disk = start(place, at, verb), make_disk(at)
        yield folder, disk
        shutil.rmtree(folder.parent)
        if not disk.has_failed:
            assert at > (20 if verb is do_prune else 50)
            return


@pytest.mark.parametrize("after_the_call", [False, True])  # which is before the next: together, all calls
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
        told = is_told_half_done(verb, folder)
        assert told is (files(picture(folder)) not in (files(before), files(after)))
        recover(folder, fs=QUICK, **options(verb, folder))
        found = picture(folder, mtimes=False)
        assert found in (before, after)
        seen.add(found == after)
        assert leftovers(folder, state_home(verb, folder)) == []
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
    """One call fails once, the next for ever, with one of two errors, which differ in words alone."""
    before, after = both_ends(place, verb)
    for folder, disk in sweep(
        place,
        verb,
        lambda at: FaultyDisk(at, lambda: disk_error((at // 2 + forever) % 2), forever=forever),
        first=1 + forever,
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
            assert not is_told_half_done(verb, folder)
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


class Refusing(FaultyDisk):
    """A mount that gives no new bytes to config.json, the last file: a file mounted since, a lost lease."""

    def exchange(self, *args: Any) -> None:
        self._refuse(args[3])
        super().exchange(*args)

    def rename(self, *args: Any) -> None:
        self._refuse(args[3])
        super().rename(*args)

    def _refuse(self, name: str) -> None:
        if name == "config.json":
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))


class RefusingPlain(Refusing):
    """The same, where two files cannot change places: the old ones are copied out of the backup."""

    def exchange(self, *args: Any) -> None:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))


def never(kind: type[FaultyDisk]) -> FaultyDisk:
    return kind(10_000, SimulatedCrash, forever=True)


@pytest.mark.parametrize("kind", [Refusing, RefusingPlain])
@pytest.mark.parametrize("verb", [do_apply, do_undo, do_restore])
def test_what_is_refused_in_the_middle_is_taken_back(place: Path, verb: Do, kind: type[FaultyDisk]) -> None:
    folder = start(place, 1, verb)
    before, held = picture(folder), kept(folder)
    with pytest.raises(StorageError, match=r"cannot replace config\.json") as found:
        verb(folder, never(kind))
    assert "--output" in found.value.hint
    assert picture(folder) == before
    assert kept(folder) == held
    assert leftovers(folder) == []


@pytest.mark.parametrize("kind", [Refusing, RefusingPlain])
def test_a_crash_while_it_is_taken_back_is_taken_back_too(place: Path, kind: type[FaultyDisk]) -> None:
    """The mount refuses the recovery as well. And the recovery may die: each third one does."""
    before = picture(start(place, 0, do_apply), mtimes=False)
    for folder, disk in sweep(place, do_apply, lambda at: kind(at, SimulatedCrash, forever=True)):
        with suppress(SimulatedCrash, StorageError):
            repair(folder, disk)
        with suppress(SimulatedCrash, StorageError):
            recover(folder, fs=kind(3 * disk.at % 100, SimulatedCrash, forever=True))
        with suppress(StorageError):
            recover(folder, fs=never(kind))
        assert picture(folder, mtimes=False) == before
        assert leftovers(folder) == []
        assert log(folder) == ()


@pytest.mark.parametrize("forever", [False, True])
def test_a_disk_error_while_it_is_taken_back_is_told(place: Path, *, forever: bool) -> None:
    before = picture(start(place, 0, do_apply), mtimes=False)
    for folder, disk in sweep(
        place, do_apply, lambda at: Refusing(at, lambda: disk_error(1), forever=forever)
    ):
        with pytest.raises(GenfixError) as found:
            repair(folder, disk)
        if not found.value.message.startswith("interrupted"):
            assert picture(folder, mtimes=False) == before
        with suppress(StorageError):
            recover(folder, fs=never(Refusing))
        assert picture(folder, mtimes=False) == before
        assert leftovers(folder) == []


def test_an_undo_takes_nothing_back_beyond_what_was_interrupted(place: Path) -> None:
    """Its user meant the repair that died."""
    folder = start(place, 1, do_undo)
    repaired = picture(folder, mtimes=False)
    (home,) = folder.glob(".cache/huggingface/genfix")
    for at in count(1):
        with suppress(SimulatedCrash, StorageError):
            do_undo(folder, Refusing(at, SimulatedCrash, forever=True))
        if (home / "taking-back.json").exists():
            break
    with pytest.raises(ChangedError, match="was taken back just now, and nothing else was undone"):
        undo(folder, fs=QUICK)
    assert picture(folder, mtimes=False) == repaired
