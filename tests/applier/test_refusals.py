import errno
import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from genfix.applier import Write, apply, check_whole, log, preflight, recover, undo
from genfix.errors import GenfixError, InputError, RefusedError, StorageError
from tests.support.disks import OLD, STATE, make_folder, picture, repair, sha


def assert_refused(folder: Path, name: str, error: type[GenfixError], match: str) -> GenfixError:
    """`preflight` and `apply` refuse alike, and write nothing."""
    before = picture(folder)
    with pytest.raises(error, match=match) as found:
        preflight(folder, [name])
    with pytest.raises(error, match=match):
        apply(folder, [Write(name, None, b"new"), Write("new.txt", None, b"")], inputs={}, note={})
    assert picture(folder) == before
    assert not (folder / STATE).exists()
    return found.value


def _link(path: Path) -> None:
    target = path.parent.parent / "target.json"
    target.write_text("{}")
    path.symlink_to(target)


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))


@pytest.mark.parametrize(
    "make", [_link, os.mkfifo, _socket, Path.mkdir, lambda path: path.symlink_to("none")]
)
def test_what_is_no_regular_file_is_refused(folder: Path, make: Callable[[Path], None]) -> None:
    make(folder / "chat_template.jinja")
    error = assert_refused(folder, "chat_template.jinja", RefusedError, "link or not a regular file")
    assert error.exit_code == 3


def test_a_linked_directory_is_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (folder / "additional_chat_templates").symlink_to(tmp_path / "elsewhere")
    assert_refused(folder, "additional_chat_templates/x.jinja", RefusedError, "additional_chat_templates")
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_read_only_file_is_refused(folder: Path) -> None:
    (folder / "config.json").chmod(0o444)
    error = assert_refused(folder, "config.json", RefusedError, r"config\.json is read-only")
    assert "chmod u+w" in error.hint


@pytest.mark.parametrize("closed", [".", "additional_chat_templates", ".cache"])
def test_a_read_only_folder_is_an_error(folder: Path, closed: str) -> None:
    directory = folder / closed
    directory.mkdir(exist_ok=True)
    directory.chmod(0o555)
    try:
        error = assert_refused(folder, "additional_chat_templates/x.jinja", StorageError, "is read-only")
        assert error.exit_code == 2
    finally:
        directory.chmod(0o755)


@pytest.mark.parametrize("renamed", [False, True])
def test_a_hub_cache_snapshot_is_refused(tmp_path: Path, *, renamed: bool) -> None:
    repo = tmp_path / ("copy" if renamed else "models--org--name")
    snapshot = make_folder(repo / "snapshots" / ("0" * 40))
    (repo / "blobs").mkdir()
    (repo / "blobs" / "abc").write_bytes(OLD["config.json"])
    (snapshot / "config.json").unlink()
    (snapshot / "config.json").symlink_to("../../blobs/abc")
    error = assert_refused(snapshot, "config.json", RefusedError, "snapshot in the Hub cache")
    assert error.hint.endswith("copy it out first: `hf download ... --local-dir`")
    assert (repo / "blobs" / "abc").read_bytes() == OLD["config.json"]


def test_a_link_to_a_hub_cache_snapshot_is_refused(tmp_path: Path) -> None:
    snapshot = make_folder(tmp_path / "models--org--name" / "snapshots" / ("0" * 40))
    (tmp_path / "model").symlink_to(snapshot)
    assert_refused(tmp_path / "model", "config.json", RefusedError, "snapshot in the Hub cache")


def test_linked_weights_are_no_reason_to_refuse(folder: Path, tmp_path: Path) -> None:
    (folder / "model.safetensors").rename(tmp_path / "w")
    (folder / "model.safetensors").symlink_to(tmp_path / "w")
    repair(folder)
    assert (folder / "model.safetensors").is_symlink()


@pytest.mark.parametrize(
    "name",
    ["../x", "/etc/passwd", "a/../b", "", "a\\b", "C:x", "CON", "-x", "a\n", ".git/config", "x/.hidden",
     ".cache/huggingface/genfix/journal.json", "model.safetensors", "pytorch_model.bin"],
)  # fmt: skip
def test_a_name_that_genfix_never_writes_is_refused(folder: Path, name: str) -> None:
    assert_refused(folder, name, InputError, "not a file that genfix writes")


@pytest.mark.parametrize(
    ("one", "two"), [("a.txt", "A.txt"), ("a.txt", "a.txt"), ("a", "a/b"), ("\u00e9", "e\u0301")]
)
def test_two_names_for_one_file_are_refused(folder: Path, one: str, two: str) -> None:
    with pytest.raises(InputError, match="written twice"):
        apply(folder, [Write(one, None, b"1"), Write(two, None, b"2")], inputs={}, note={})
    assert not (folder / ".cache").exists()


def test_a_name_that_differs_in_case_only_is_refused(folder: Path) -> None:
    (folder / "Chat_Template.jinja").write_text("x")
    assert_refused(folder, "chat_template.jinja", RefusedError, "one name on some disks")


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_a_planted_link_on_the_way_to_the_state_folder_is_refused(
    folder: Path, tmp_path: Path, depth: int
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    way = folder.joinpath(*STATE.parts[:depth])
    way.parent.mkdir(parents=True, exist_ok=True)
    way.symlink_to(elsewhere)
    before = picture(folder)
    for call in (repair, undo, recover):
        with pytest.raises(RefusedError, match="is a link or not a directory"):
            call(folder)
    assert list(elsewhere.iterdir()) == []
    assert picture(folder) == before
    check_whole(folder)
    assert log(folder) == ()


def test_undo_refuses_what_apply_refuses(folder: Path) -> None:
    receipt = repair(folder)
    (folder / "config.json").chmod(0o444)
    with pytest.raises(RefusedError, match="read-only"):
        undo(folder)
    (folder / "config.json").unlink()
    (folder / "config.json").symlink_to(receipt.backup / "config.json")
    with pytest.raises(RefusedError, match="link"):
        undo(folder)


def test_inputs_that_became_something_else_make_a_plan_stale(folder: Path) -> None:
    (folder / "generation_config.json").unlink()
    os.mkfifo(folder / "generation_config.json")
    with pytest.raises(RefusedError, match=r"stale plan: generation_config\.json"):
        apply(
            folder,
            [Write("config.json", sha(OLD["config.json"]), b"{}")],
            inputs={"generation_config.json": sha(OLD["generation_config.json"])},
            note={},
        )


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root may write there at all"
)
def test_root_repairs_a_copy_of_a_read_only_store(folder: Path) -> None:
    """Copied with its modes: folder and files are all closed, which nobody meant."""
    for path in folder.rglob("*"):
        path.chmod(0o555 if path.is_dir() else 0o444)
    folder.chmod(0o555)
    try:
        old = (folder / "config.json").read_bytes()
        apply(folder, [Write("config.json", sha(old), b"{}")], inputs={}, note={})
        assert (folder / "config.json").read_bytes() == b"{}"
        assert stat.S_IMODE((folder / "config.json").stat().st_mode) == 0o444
        undo(folder)
        assert (folder / "config.json").read_bytes() == old
    finally:
        folder.chmod(0o755)


@pytest.mark.parametrize("do", [log, check_whole, recover], ids=lambda do: do.__name__)
def test_a_state_dir_that_the_disk_cannot_look_up_is_one_sentence(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, do: Callable[..., object]
) -> None:
    def fails(path: Path) -> bool:
        raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))

    monkeypatch.setattr(Path, "is_dir", fails)
    with pytest.raises(StorageError, match="Input/output error") as told:
        do(folder, state_dir=tmp_path / "state")
    assert told.value.hint
