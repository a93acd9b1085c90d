"""Files that somebody saves while a repair works, on disks that have no second wall behind the first."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from genfix.applier import Write, apply, recover, undo
from genfix.errors import ChangedError, StorageError
from tests.support.disks import (
    NEW,
    OLD,
    FaultyDisk,
    QuickDisk,
    SimulatedCrash,
    inputs,
    leftovers,
    picture,
    repair,
    sha,
    writes,
)

MINE = b'{"saved": "in the last moment"}'


class Plain(QuickDisk):
    """A mount on which two files cannot change places, such as a network share."""

    def __init__(
        self, act: Callable[[], object] = lambda: None, *, before: str = "", after: str = ""
    ) -> None:
        super().__init__()
        self.act = act
        self.around = (before, after)
        self.renamed: list[str] = []

    def exchange(self, *args: Any) -> None:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

    def rename(self, *args: Any) -> None:
        self.renamed.append(args[3])
        if args[3] == self.around[0]:
            self.act()
        super().rename(*args)
        if args[3] == self.around[1]:
            self.act()


def test_an_edit_between_two_renames_is_kept_there_too(folder: Path) -> None:
    """config.json comes last: it is compared once more, just before."""
    disk = Plain(lambda: (folder / "config.json").write_bytes(MINE), after="tokenizer_config.json")
    before = picture(folder)
    with pytest.raises(ChangedError, match=r"config\.json changed while genfix was at work"):
        repair(folder, disk)
    assert (folder / "config.json").read_bytes() == MINE
    assert {**picture(folder), "config.json": None} == {**before, "config.json": None}
    assert leftovers(folder) == []


def test_an_edit_before_the_first_rename_leaves_all_as_it_was(folder: Path) -> None:
    """All files are compared before the first is replaced: no folder stops half way for an edit that was
    there before.
    """
    disk = Plain(lambda: (folder / "config.json").write_bytes(MINE), after="journal.json")
    with pytest.raises(ChangedError, match=r"config\.json"):
        repair(folder, disk)
    assert (folder / "config.json").read_bytes() == MINE
    assert (folder / "tokenizer_config.json").read_bytes() == OLD["tokenizer_config.json"]
    assert OLD.keys().isdisjoint(disk.renamed), "it was replaced, and taken back"
    assert leftovers(folder) == []


def test_an_edit_while_a_repair_is_taken_back_is_kept(folder: Path) -> None:
    """Between the comparison and the rename: it comes out of the file's place, and goes back."""

    class Refusing(QuickDisk):
        def exchange(self, *args: Any) -> None:
            if args[3] == "config.json":
                raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
            if args[1].startswith("done-"):
                (folder / args[3]).write_bytes(MINE)
            super().exchange(*args)

    with pytest.raises(StorageError, match=r"config\.json"):
        repair(folder, Refusing())
    assert (folder / "tokenizer_config.json").read_bytes() == MINE
    assert (folder / "config.json").read_bytes() == OLD["config.json"]


class DiesTakingBack(FaultyDisk):
    """Refuses config.json, the last file, and dies when the first one is to be put back."""

    def __init__(self) -> None:
        super().__init__(10_000, SimulatedCrash, forever=True)
        self.is_refused = False

    def exchange(self, *args: Any) -> None:
        if self.is_refused:
            self.at = 0
        self.is_refused = self.is_refused or args[3] == "config.json"
        if self.is_refused and self.at:
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
        super().exchange(*args)


def test_what_was_being_taken_back_is_not_finished_where_nothing_refuses_any_more(folder: Path) -> None:
    """The repair had failed: what its caller was told may not become untrue with the next command."""
    before = picture(folder, mtimes=False)
    with pytest.raises(SimulatedCrash):
        repair(folder, DiesTakingBack())
    assert picture(folder, mtimes=False) != before
    recover(folder)
    assert picture(folder, mtimes=False) == before
    assert leftovers(folder) == []


def test_what_the_kernel_will_not_replace_is_found_out_before_the_first_rename(folder: Path) -> None:
    class Refusing(Plain):
        def try_replace(self, *args: Any) -> None:
            if args[3] == "config.json":
                raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    disk, before = Refusing(), picture(folder)
    with pytest.raises(StorageError, match=r"cannot replace config\.json"):
        repair(folder, disk)
    assert OLD.keys().isdisjoint(disk.renamed)
    assert picture(folder) == before
    assert leftovers(folder) == []


def test_a_file_that_goes_is_given_back_where_it_was_saved_in_the_last_moment(folder: Path) -> None:
    going = folder / "generation_config.json"

    class Saves(QuickDisk):
        def rename(self, *args: Any) -> None:
            if args[1] == going.name:
                going.write_bytes(MINE)
            super().rename(*args)

        def unlink(self, *args: Any) -> None:
            if args[1] == going.name:
                going.write_bytes(MINE)
            super().unlink(*args)

    asked = [*writes(folder), Write(going.name, sha(OLD[going.name]), None)]
    with pytest.raises(ChangedError, match=r"generation_config\.json changed while genfix was at work"):
        apply(folder, asked, inputs=inputs(folder), note={}, fs=Saves())
    assert recover(folder) is None
    assert going.read_bytes() == MINE
    assert (folder / "config.json").read_bytes() == OLD["config.json"]


def test_a_backup_holds_what_the_plan_was_made_for(folder: Path) -> None:
    """A file that changes while it is copied, and is changed back, would leave a backup of neither."""
    file = folder / "config.json"

    class Flickers(QuickDisk):
        def create(self, *args: Any) -> int:
            fd = super().create(*args)
            if args[1] == file.name:
                file.write_bytes(MINE)
            return fd

        def sync(self, fd: int) -> None:
            super().sync(fd)
            if file.read_bytes() == MINE:
                file.write_bytes(OLD[file.name])

    with pytest.raises(ChangedError, match=r"config\.json"):
        repair(folder, Flickers())
    assert file.read_bytes() == OLD[file.name]
    assert leftovers(folder) == []


def test_a_disk_that_takes_a_part_of_each_write(folder: Path) -> None:
    class Sips(QuickDisk):
        def write(self, fd: int, content: bytes | memoryview) -> int:
            return super().write(fd, content[: max(1, len(content) // 2)])

    repair(folder, Sips())
    assert {name: (folder / name).read_bytes() for name in NEW} == dict(NEW)
    undo(folder, fs=Sips())
    assert {name: (folder / name).read_bytes() for name in OLD} == dict(OLD)
