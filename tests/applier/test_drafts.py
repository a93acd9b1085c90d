"""A new folder is whole, or not there: death and disk errors at every call."""

import errno
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from pathlib import Path

import pytest

from genfix.applier import build, find_stale, make_folder, write_report
from genfix.applier.drafts import draft_file
from genfix.applier.fs import DISK
from genfix.applier.gguf_writing import write_gguf
from genfix.errors import GenfixError, InputError
from genfix.folder import LocalFolder
from tests.support.disks import QUICK, FaultyDisk, SimulatedCrash, crash_disk

FILES = {"config.json": b"{}", "additional_chat_templates/tool.jinja": b"x", "empty.txt": b""}


def found(place: Path) -> dict[str, bytes]:
    return {str(path.relative_to(place)): path.read_bytes() for path in place.rglob("*") if path.is_file()}


@pytest.mark.parametrize("empty", [False, True])
def test_a_crash_leaves_all_or_nothing_and_the_next_run_clears_up(tmp_path: Path, *, empty: bool) -> None:
    seen = set()
    for at in count(1):
        place = tmp_path / str(at) / "new"
        place.parent.mkdir()
        if empty:
            place.mkdir()
        disk = crash_disk(at)
        with suppress(SimulatedCrash):
            make_folder(place, FILES, fs=disk)
        there = found(place) if place.exists() else {}
        assert there in ({}, FILES)
        seen.add(bool(there))
        if not there:
            make_folder(place, FILES, fs=QUICK)
        assert found(place) == FILES
        assert [path.name for path in place.parent.iterdir()] == ["new"]
        if not disk.has_failed:
            break
    assert seen == {False, True}


def test_drafts_of_any_name_go_and_those_of_living_runs_stay(tmp_path: Path) -> None:
    for at in range(1, 20):
        with suppress(SimulatedCrash):
            make_folder(tmp_path / "killed", FILES, fs=crash_disk(at))
    assert [path.parent for path in find_stale(tmp_path / "x")] == [tmp_path]
    (tmp_path / ".mine.genfix-12").mkdir()
    (tmp_path / "mine.genfix-0123abcd").mkdir()
    alive = tmp_path / ".other.genfix-0123abcd"
    alive.mkdir()
    held = DISK.open_root(alive)
    assert DISK.try_lock(held)
    make_folder(tmp_path / "new", FILES)
    DISK.close_dir(held)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".mine.genfix-12", ".other.genfix-0123abcd", "mine.genfix-0123abcd", "new",
    ]  # fmt: skip
    assert find_stale(tmp_path / "new") == (alive,)


def test_half_written_reports_go_and_those_of_living_runs_stay(tmp_path: Path) -> None:
    for at in range(1, 20):
        with suppress(SimulatedCrash):
            write_report(tmp_path / "killed", b"report", fs=crash_disk(at))
    (tmp_path / "killed").unlink(missing_ok=True)
    (tmp_path / ".0123456789ab.genfix").write_bytes(b"half")
    (tmp_path / ".0123456789ac.genfix").symlink_to("elsewhere")
    (tmp_path / ".0123.genfix").write_bytes(b"mine")
    held = DISK.open_root(tmp_path)
    alive, fd = draft_file(DISK, held, 0o600)
    assert tmp_path / ".0123456789ab.genfix" in find_stale(tmp_path / "x")
    write_report(tmp_path / "new", b"report")
    assert {path.name for path in tmp_path.iterdir()} == {
        alive, ".0123456789ac.genfix", ".0123.genfix", "new",
    }  # fmt: skip
    DISK.close(fd)
    assert find_stale(tmp_path / "x") == (tmp_path / alive,)
    DISK.close_dir(held)


def test_a_disk_error_is_one_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    for at in count(1):
        place = tmp_path / str(at) / "new"
        place.parent.mkdir()
        disk = FaultyDisk(at, lambda: OSError(errno.ENOSPC, "No space left on device"), forever=False)
        told = ""
        try:
            make_folder(place, FILES, fs=disk)
        except GenfixError as error:
            told = error.message
        assert told in ("", f"cannot make {place}: No space left on device")
        # Where only the last step failed, to make its name durable, the whole folder is there.
        assert found(place) == FILES if place.exists() else told
        assert [path.name for path in place.parent.iterdir()] in ([], ["new"])
        if not disk.has_failed:
            assert at > 20
            return


@pytest.mark.parametrize("name", ["../x", "/x", ".git/config", "model.safetensors", "x\n"])
def test_names_that_may_not_be_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError):
        make_folder(tmp_path / "new", {name: b"x"})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "make",
    [
        lambda folder, place: build(folder, place / "copy", {}, inputs={}),
        lambda folder, place: write_gguf(
            LocalFolder(folder), "m.gguf", place / "n.gguf", was=b"", data_start=0, head=b""
        ),
        lambda _, place: make_folder(place / "capsule", {"config.json": b"{}"}),
        lambda _, place: write_report(place / "report.json", b"{}"),
    ],
    ids=["a copy", "a GGUF", "a capsule", "a report"],
)
def test_a_place_that_the_disk_cannot_look_up_is_one_sentence(
    tmp_path: Path, make: Callable[[Path, Path], object]
) -> None:
    """Here for the length of its name; errors of the disk are told likewise (`dev.reliability errors`)."""
    folder = tmp_path / "merged"
    folder.mkdir()
    (folder / "m.gguf").write_bytes(b"GGUF")
    with pytest.raises(GenfixError) as told:
        make(folder, tmp_path / ("x" * 300))
    assert told.value.exit_code == 2
    assert told.value.hint
