"""A model folder on disk: what is listed, what is read, and what is refused."""

import hashlib
import os
from pathlib import Path

import pytest

from genfix.errors import InputError, StorageError
from genfix.folder import FileProblem, FolderFileError, LocalFolder, checked_name, is_safe_name, read_cap
from tests.support.folders import write_folder

CONFIG = "config.json"


def problem(folder: LocalFolder, name: str) -> FileProblem:
    """Why ``name`` cannot be read; the same for every way of reading it."""
    found = set()
    for read in (folder.read, folder.sha256, folder.git_sha1, lambda name: folder.read_range(name, 0, 1)):
        with pytest.raises(FolderFileError) as caught:
            read(name)
        assert caught.value.name == name
        assert caught.value.hint
        found.add(caught.value.problem)
    [only] = found
    return only


def test_files_of_the_folder_and_its_sub_folders_are_listed(tmp_path: Path) -> None:
    names = ["a.json", "sub/b.json", "sub/deeper/c.json", "1/2/3/d.json", ".gitattributes"]
    hidden = [".git/config", ".cache/huggingface/genfix/x", "sub/.hidden/e.json", "1/2/3/4/f.json"]
    folder = LocalFolder(write_folder(tmp_path, dict.fromkeys([*names, *hidden], b"x")))
    assert folder.names() == {*names}


def test_names_that_are_not_safe_everywhere_are_left_out(tmp_path: Path) -> None:
    unsafe = ["-rf", "a\\b", "con.json", "a:b", "x ", "new\nline", "\u202ecod.py", "bad?", "dir./a"]
    folder = LocalFolder(write_folder(tmp_path, dict.fromkeys([*unsafe, "good.json"], b"")))
    (tmp_path / os.fsdecode(b"not-utf8-\xff")).touch()
    assert folder.names() == {"good.json"}


@pytest.mark.parametrize(
    "name",
    ["", "/etc/passwd", "../x", "a/../b", "a//b", "./a", "a/", "a\0b", "C:x", "NUL", "nul.txt", "a.",
     "x" * 256, "a/" * 600 + "b", "\ud800"],
)  # fmt: skip
def test_a_name_that_could_leave_the_folder_is_refused(name: str) -> None:
    assert not is_safe_name(name)
    with pytest.raises(InputError, match="not safe"):
        checked_name(name)


@pytest.mark.parametrize(
    "name", ["config.json", "sub/模型.json", "a b.txt", "x" * 255, "..a", "console.json"]
)
def test_a_plain_name_is_taken_as_it_is(name: str) -> None:
    assert checked_name(name) == name


def test_a_file_is_read_whole_in_part_and_as_digests(tmp_path: Path) -> None:
    content = bytes(range(256)) * 9000
    folder = LocalFolder(write_folder(tmp_path, {"tokenizer.json": content, "empty.txt": b""}), "label")
    assert folder.stat("tokenizer.json").size == len(content)
    assert folder.read("tokenizer.json") == content
    assert folder.read_range("tokenizer.json", 5, 2 << 20) == content[5 : 5 + (2 << 20)]
    assert folder.read_range("tokenizer.json", len(content) - 1, 9) == content[-1:]
    assert folder.read_range("tokenizer.json", len(content) + 9, 9) == folder.read("empty.txt") == b""
    assert folder.sha256("tokenizer.json") == hashlib.sha256(content).hexdigest()
    assert (
        folder.git_sha1("empty.txt") == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
    )  # git's own for no content
    assert (folder.origin.kind, str(folder.origin)) == ("local", "label")


def test_a_snapshot_of_the_hub_names_its_commit(tmp_path: Path) -> None:
    assert str(LocalFolder(tmp_path, "org/name", revision="a" * 40).origin) == "org/name@" + "a" * 40


def test_a_name_that_is_not_listed_is_a_key_error(tmp_path: Path) -> None:
    folder = LocalFolder(write_folder(tmp_path, {".git/config": b"x"}))
    for name in ("no.json", ".git/config", "../x"):
        for read in (folder.read, folder.stat, folder.sha256, folder.git_sha1):
            with pytest.raises(KeyError):
                read(name)


def test_a_folder_that_is_not_there_cannot_be_listed(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot list"):
        LocalFolder(tmp_path / "nothing").names()


def test_a_link_inside_the_folder_is_followed(tmp_path: Path) -> None:
    folder = LocalFolder(write_folder(tmp_path, {"sub/real.json": b"{}"}))
    (tmp_path / CONFIG).symlink_to("sub/real.json")
    assert folder.read(CONFIG) == b"{}"


@pytest.mark.parametrize("target", ["elsewhere.json", "nothing.json", "/dev/zero", "loop"])
def test_a_link_to_elsewhere_is_not_followed(tmp_path: Path, target: str) -> None:
    (tmp_path / "elsewhere.json").write_bytes(b"secret")
    merged = write_folder(tmp_path / "merged", {"other": b""})
    merged.mkdir(exist_ok=True)
    (merged / CONFIG).symlink_to(tmp_path / target)
    assert problem(LocalFolder(merged), CONFIG) is FileProblem.LINK_OUTSIDE


def test_a_folder_beside_with_a_longer_name_is_elsewhere(tmp_path: Path) -> None:
    write_folder(tmp_path / "merged-2", {CONFIG: b"{}"})
    merged = write_folder(tmp_path / "merged", {"x": b""})
    (merged / CONFIG).symlink_to(tmp_path / "merged-2" / CONFIG)
    assert problem(LocalFolder(merged), CONFIG) is FileProblem.LINK_OUTSIDE


def test_weights_may_be_linked_from_anywhere(tmp_path: Path) -> None:
    write_folder(tmp_path, {"disk/model.safetensors": b"weights", "merged/x": b""})
    (tmp_path / "merged/model.safetensors").symlink_to(tmp_path / "disk/model.safetensors")
    assert LocalFolder(tmp_path / "merged").read_range("model.safetensors", 0, 3) == b"wei"


@pytest.mark.parametrize("through", ["", "alias"], ids=["directly", "through a link to the snapshot"])
@pytest.mark.parametrize("blobs", ["models--org--name/blobs", "blobs"], ids=["repo's", "shared"])
def test_a_snapshot_of_the_hub_cache_is_read_through_its_blobs(
    tmp_path: Path, blobs: str, through: str
) -> None:
    write_folder(tmp_path, {f"{blobs}/abc": b"{}", "secret": b"", "models--org--name/refs/main": b""})
    snapshot = tmp_path / "models--org--name/snapshots/0123"
    snapshot.mkdir(parents=True)
    (snapshot / CONFIG).symlink_to(tmp_path / blobs / "abc")
    (snapshot / "merges.txt").symlink_to(tmp_path / "secret")
    (tmp_path / "alias").symlink_to(snapshot)
    folder = LocalFolder(tmp_path / through if through else snapshot)
    assert folder.read(CONFIG) == b"{}"
    assert problem(folder, "merges.txt") is FileProblem.LINK_OUTSIDE


def test_blobs_beside_a_folder_that_is_no_snapshot_are_elsewhere(tmp_path: Path) -> None:
    write_folder(tmp_path, {"blobs/abc": b"{}", "snapshots/0123/x": b""})
    (tmp_path / "snapshots/0123" / CONFIG).symlink_to(tmp_path / "blobs/abc")
    assert problem(LocalFolder(tmp_path / "snapshots/0123"), CONFIG) is FileProblem.LINK_OUTSIDE


def test_a_fifo_does_not_hang_and_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / CONFIG)
    assert problem(LocalFolder(tmp_path), CONFIG) is FileProblem.NOT_REGULAR


def test_a_link_to_a_folder_is_no_file_and_is_not_walked(tmp_path: Path) -> None:
    write_folder(tmp_path, {"sub/a.json": b""})
    (tmp_path / CONFIG).symlink_to("sub")
    folder = LocalFolder(tmp_path)
    assert folder.names() == {"sub/a.json", CONFIG}
    assert problem(folder, CONFIG) is FileProblem.NOT_REGULAR


def test_a_file_far_too_large_is_not_read_whole(tmp_path: Path) -> None:
    folder = LocalFolder(
        write_folder(tmp_path, {CONFIG: b" " * read_cap(CONFIG), "generation_config.json": b""})
    )
    os.truncate(tmp_path / "generation_config.json", read_cap("generation_config.json") + 1)
    assert len(folder.read(CONFIG)) == read_cap(CONFIG)
    with pytest.raises(FolderFileError) as caught:
        folder.read("generation_config.json")
    assert caught.value.problem is FileProblem.TOO_LARGE
    assert folder.read_range("generation_config.json", 0, 2) == b"\0\0"


def test_a_file_that_went_away_after_listing_cannot_be_read(tmp_path: Path) -> None:
    folder = LocalFolder(write_folder(tmp_path, {CONFIG: b"{}"}))
    assert CONFIG in folder.names()
    (tmp_path / CONFIG).unlink()
    assert problem(folder, CONFIG) is FileProblem.UNREADABLE
    with pytest.raises(FolderFileError):
        folder.stat(CONFIG)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_cannot_be_read(tmp_path: Path) -> None:
    folder = LocalFolder(write_folder(tmp_path, {CONFIG: b"{}"}))
    (tmp_path / CONFIG).chmod(0)
    assert problem(folder, CONFIG) is FileProblem.UNREADABLE
