"""Files beside the model folder: whole or not at all, whatever the disk does."""

import errno
import os
from pathlib import Path

import pytest

from genfix.applier import write_report
from genfix.errors import InputError, StorageError
from tests.support.disks import FaultyDisk, SimulatedCrash, crash_disk

OLD, NEW = b"old", b"new" * 1000


def no_space() -> BaseException:
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "plan.json"
    file.write_bytes(OLD)
    file.chmod(0o640)
    return file


def test_a_new_file_and_one_that_is_replaced(path: Path) -> None:
    write_report(path, NEW)
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (NEW, 0o640)
    path.unlink()
    write_report(path, NEW)
    assert path.read_bytes() == NEW
    assert [*path.parent.iterdir()] == [path]


def test_any_error_leaves_the_old_file_and_nothing_else(path: Path) -> None:
    failed = 0
    for at in range(1, 30):
        disk = FaultyDisk(at, no_space, forever=False)
        path.write_bytes(OLD)
        try:
            write_report(path, NEW, fs=disk)
        except StorageError:
            failed += 1
        # What fails after the rename, such as making the name durable, leaves the new file.
        assert path.read_bytes() in (OLD, NEW)
        assert [*path.parent.iterdir()] == [path]
    assert failed > 5


def test_any_crash_leaves_a_whole_file(path: Path) -> None:
    crashed = 0
    for at in range(1, 30):
        path.write_bytes(OLD)
        try:
            write_report(path, NEW, fs=crash_disk(at))
        except SimulatedCrash:
            crashed += 1
        assert path.read_bytes() in (OLD, NEW)
    assert crashed > 5


def test_a_link_that_the_user_named_is_followed(path: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.json"
    link.symlink_to(path)
    write_report(link, NEW)
    assert link.is_symlink()
    assert path.read_bytes() == NEW


def test_places_that_are_none(path: Path, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    for place in (tmp_path / "folder", tmp_path / "none" / "x", path / "x", tmp_path / "loop"):
        with pytest.raises(InputError):
            write_report(place, NEW)
    with pytest.raises(StorageError):
        write_report(tmp_path / ("x" * 300), NEW)
    with pytest.raises(InputError):
        write_report(tmp_path / "folder" / ".." / "folder" / "x", NEW, outside=tmp_path / "folder")
    assert path.read_bytes() == OLD
