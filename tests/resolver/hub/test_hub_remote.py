"""A remote folder over a listing, whatever it is fetched from."""

import os
from pathlib import Path

import pytest

from genfix.errors import BaseModelError
from genfix.folder.folder import FileProblem, FileStat, FolderFileError, Origin
from genfix.folder.remote import RemoteFolder
from tests.support.fakehub import git_sha1, sha256

ORIGIN = Origin("hub", "org/name", "a" * 40)
CONFIG = b'{"eos_token_id": 2}'


def stat_of(content: bytes, *, lfs: bool = False) -> FileStat:
    return FileStat(len(content), None if lfs else git_sha1(content), sha256(content) if lfs else None)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    path = tmp_path / "config.json"
    path.write_bytes(CONFIG)
    return path


@pytest.mark.parametrize("lfs", [True, False])
def test_file_is_fetched_when_it_is_read(copy: Path, *, lfs: bool) -> None:
    fetched: list[str] = []

    def fetch(name: str) -> Path:
        fetched.append(name)
        return copy

    folder = RemoteFolder(ORIGIN, {"config.json": stat_of(CONFIG, lfs=lfs)}, fetch)
    assert folder.names() == {"config.json"}
    assert folder.stat("config.json").size == len(CONFIG)
    assert fetched == []
    assert folder.read("config.json") == CONFIG
    assert folder.read_range("config.json", 2, 3) == b"eos"
    assert fetched == ["config.json"] * 2


def test_unknown_name_is_not_fetched(copy: Path) -> None:
    folder = RemoteFolder(ORIGIN, {"../x": stat_of(CONFIG)}, lambda _: copy)
    for ask in (folder.stat, folder.read):
        for name in ("config.json", "../x"):
            with pytest.raises(KeyError):
                ask(name)


def test_copy_of_another_size_is_refused(copy: Path) -> None:
    folder = RemoteFolder(ORIGIN, {"config.json": FileStat(3)}, lambda _: copy)
    with pytest.raises(BaseModelError, match="it has 19 bytes, should have 3"):
        folder.read("config.json")


def test_damaged_copy_is_fetched_again_once(copy: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad"
    bad.write_bytes(CONFIG.swapcase())
    listing = {"config.json": stat_of(CONFIG)}
    assert RemoteFolder(ORIGIN, listing, lambda _: bad, refetch=lambda _: copy).read("config.json") == CONFIG
    with pytest.raises(BaseModelError, match=f"its git sha1 is .*, should be {git_sha1(CONFIG)[:12]}"):
        RemoteFolder(ORIGIN, listing, lambda _: bad, refetch=lambda _: bad).read("config.json")


def test_pipe_in_the_place_of_a_copy_does_not_hang(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    folder = RemoteFolder(ORIGIN, {"config.json": stat_of(CONFIG)}, lambda _: pipe)
    with pytest.raises(FolderFileError) as caught:
        folder.read("config.json")
    assert caught.value.problem is FileProblem.NOT_REGULAR


def test_copy_that_is_gone(tmp_path: Path) -> None:
    folder = RemoteFolder(ORIGIN, {"config.json": stat_of(CONFIG)}, lambda _: tmp_path / "gone")
    with pytest.raises(FolderFileError, match="No such file"):
        folder.read("config.json")


def test_parts_of_weights_come_from_fetch_range(copy: Path) -> None:
    listing = {"model.safetensors": FileStat(10**10, sha256="0" * 64)}
    folder = RemoteFolder(
        ORIGIN, listing, lambda _: copy, fetch_range=lambda _, start, length: bytes([start, length])
    )
    assert folder.read_range("model.safetensors", 8, 9) == b"\x08\x09"
    with pytest.raises(FolderFileError, match="does not download weights"):
        folder.read("model.safetensors")
    with pytest.raises(FolderFileError, match="does not download weights"):
        RemoteFolder(ORIGIN, listing, lambda _: copy).read_range("model.safetensors", 0, 8)
