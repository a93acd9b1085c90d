"""A repaired copy beside the folder: complete or not there, and the original only read."""

import errno
import os
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from pathlib import Path

import pytest

from genfix.applier import build
from genfix.applier.fs import Dir, FileSystem
from genfix.errors import ChangedError, GenfixError, InputError
from tests.support.disks import (
    NEW,
    QUICK,
    FaultyDisk,
    QuickDisk,
    SimulatedCrash,
    crash_disk,
    inputs,
    make_folder,
    picture,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_folder(tmp_path / "merged")


def make(folder: Path, output: Path, fs: FileSystem = QUICK) -> tuple[str, ...]:
    return build(folder, output, NEW, inputs=inputs(folder), fs=fs).linked


def test_the_copy_has_the_repaired_files_and_all_others(folder: Path, tmp_path: Path) -> None:
    was = picture(folder)
    (folder / ".cache").mkdir()
    (folder / ".cache" / "own").write_text("x")
    made = build(folder, tmp_path / "fixed", {**NEW, "tokenizer_config.json": None}, inputs=inputs(folder))
    now = picture(tmp_path / "fixed")
    assert made.files == len([entry for entry in now.values() if entry[0] == "file"])
    assert {name for name, entry in now.items() if entry[0] == "file"} == {
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "chat_template.jinja",
        "additional_chat_templates/deep/tool.jinja",
    }
    assert now["config.json"][1:3] == (NEW["config.json"], 0o644)
    assert now["generation_config.json"] == was["generation_config.json"]
    assert {name: entry for name, entry in picture(folder).items() if name in was} == was


def test_weights_are_not_copied_where_the_disk_can_share_them(folder: Path, tmp_path: Path) -> None:
    linked = make(folder, tmp_path / "fixed")
    same = (folder / "model.safetensors").samefile(tmp_path / "fixed" / "model.safetensors")
    assert linked == (("model.safetensors",) if same else ())  # not the same: it shares its blocks
    assert not (folder / "generation_config.json").samefile(tmp_path / "fixed" / "generation_config.json")


class Unshared(QuickDisk):
    """A disk without links and shared blocks."""

    def clone(self, source: int, fd: int) -> None:
        raise OSError(errno.EOPNOTSUPP, "no")

    def link_path(self, path: Path, target: Dir, name: str) -> None:
        raise OSError(errno.EXDEV, "no")


def test_weights_are_copied_where_it_cannot(folder: Path, tmp_path: Path) -> None:
    assert make(folder, tmp_path / "fixed", Unshared()) == ()
    assert picture(tmp_path / "fixed")["model.safetensors"] == picture(folder)["model.safetensors"]


def test_a_snapshot_of_the_hub_cache_becomes_a_folder_of_plain_files(tmp_path: Path) -> None:
    repo = tmp_path / "models--org--name"
    (repo / "blobs").mkdir(parents=True)
    snapshot = repo / "snapshots" / ("0" * 40)
    snapshot.mkdir(parents=True)
    for name in ("config.json", "model.safetensors"):
        (repo / "blobs" / name).write_bytes(b"{}")
        (snapshot / name).symlink_to(Path("../../blobs") / name)
    build(snapshot, tmp_path / "fixed", {}, inputs={}, fs=QUICK)
    assert [path.is_symlink() for path in sorted((tmp_path / "fixed").iterdir())] == [False, False]
    assert (tmp_path / "fixed" / "config.json").stat().st_ino != (
        repo / "blobs" / "config.json"
    ).stat().st_ino


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("merged", "exists already"),
        ("merged/inside", "inside the folder"),
        ("no/where", "there is no folder"),
    ],
)
def test_a_place_that_cannot_be_is_refused(folder: Path, tmp_path: Path, where: str, said: str) -> None:
    was = picture(tmp_path)
    with pytest.raises(InputError, match=said):
        make(folder, tmp_path / where)
    assert picture(tmp_path) == was


def test_a_link_is_no_free_place(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "fixed").symlink_to("elsewhere")
    with pytest.raises(InputError, match="exists already"):
        make(folder, tmp_path / "fixed")
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("name", ["config.json", "generation_config.json", "chat_template.jinja"])
def test_a_file_that_is_not_what_the_plan_saw_is_noticed(folder: Path, tmp_path: Path, name: str) -> None:
    seen = inputs(folder)
    (folder / name).write_text("{}")
    with pytest.raises(ChangedError, match=name):
        build(folder, tmp_path / "fixed", NEW, inputs=seen, fs=QUICK)
    assert [path.name for path in tmp_path.iterdir()] == ["merged"]


def test_a_crash_leaves_the_whole_copy_or_none_and_the_next_run_clears_up(tmp_path: Path) -> None:
    seen = set()
    for at in count(1):
        place = tmp_path / str(at)
        folder, disk = make_folder(place / "merged"), crash_disk(at)
        was = picture(folder)
        with suppress(SimulatedCrash):
            make(folder, place / "fixed", disk)
        there = (place / "fixed").exists()
        seen.add(there)
        assert picture(folder) == was
        whole = picture(place / "fixed", mtimes=False)
        with suppress(InputError):
            make(folder, place / "fixed")
        assert sorted(path.name for path in place.iterdir()) == ["fixed", "merged"]
        if there:
            assert picture(place / "fixed", mtimes=False) == whole
        if not disk.has_failed:
            assert at > 40
            break
    assert seen == {False, True}


@pytest.mark.parametrize(
    "fault",
    [lambda: OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), lambda: OSError(errno.EIO, "I/O error")],
)
def test_a_disk_error_leaves_nothing_of_the_copy(tmp_path: Path, fault: Callable[[], OSError]) -> None:
    for at in count(1):
        place = tmp_path / str(at)
        folder, disk = make_folder(place / "merged"), FaultyDisk(at, fault, forever=False)
        found: GenfixError | None = None
        try:
            make(folder, place / "fixed", disk)
        except GenfixError as error:
            found = error
        assert found is None or (found.hint and "\n" not in found.message)
        there = sorted(path.name for path in place.iterdir())
        assert there == ["merged"] if found is not None and "fixed" not in there else ["fixed", "merged"]
        if not disk.has_failed:
            break
