import os
import shlex
import shutil
import stat
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from genfix.applier import Write, apply, check_whole, log, preflight, recover, snapshot, undo
from genfix.applier.fs import FileSystem
from genfix.errors import ChangedError, InputError, RefusedError, StorageError
from tests.support.disks import (
    NEW,
    OLD,
    STATE,
    SimulatedCrash,
    inputs,
    leftovers,
    make_folder,
    picture,
    repair,
    sha,
    writes,
)


def test_apply_writes_the_new_bytes_and_nothing_else(folder: Path) -> None:
    before = picture(folder)
    receipt = repair(folder)
    after = picture(folder)
    for name, content in NEW.items():
        assert (folder / name).read_bytes() == content
    assert after["config.json"][2] == before["config.json"][2]
    assert after["tokenizer_config.json"][2] == 0o600
    for untouched in ("model.safetensors", "generation_config.json"):
        assert after[untouched] == before[untouched]
    assert receipt.kind == "repair"
    assert receipt.note == {"base": "org/base@1"}
    assert leftovers(folder) == []
    assert (receipt.backup / "config.json").read_bytes() == OLD["config.json"]


def test_large_files_go_through_whole(folder: Path) -> None:
    old, new = os.urandom(3_000_001), os.urandom(2_500_003)
    (folder / "tokenizer.json").write_bytes(old)
    before = picture(folder)
    apply(folder, [Write("tokenizer.json", sha(old), new)], inputs={}, note={})
    assert (folder / "tokenizer.json").read_bytes() == new
    undo(folder)
    assert picture(folder) == before


def test_new_files_come_first_and_config_last(folder: Path) -> None:
    new = {**NEW, "generation_config.json": b"{}", "notes.txt": b"n"}
    receipt = apply(folder, writes(folder, new), inputs={}, note={})
    names = [change.name for change in receipt.changes]
    assert names[-2:] == ["generation_config.json", "config.json"]
    assert names.index("tokenizer_config.json") > names.index("chat_template.jinja")
    assert names.index("tokenizer_config.json") > names.index("notes.txt")


def test_a_new_file_gets_the_mode_of_any_new_file(folder: Path) -> None:
    old = os.umask(0o027)
    try:
        repair(folder)
    finally:
        os.umask(old)
    assert stat.S_IMODE((folder / "chat_template.jinja").stat().st_mode) == 0o640


def test_undo_restores_bytes_modes_times_and_directories(folder: Path) -> None:
    before = picture(folder)
    receipt = repair(folder)
    undone = undo(folder)
    assert picture(folder) == before
    assert undone.kind == "undo"
    assert undone.undoes == receipt.id
    assert leftovers(folder) == []
    assert (undone.backup / "chat_template.jinja").read_bytes() == NEW["chat_template.jinja"]


def test_undo_of_an_undo_is_the_repair_again(folder: Path) -> None:
    before = picture(folder)
    repair(folder)
    after = picture(folder)
    for _ in range(3):
        undone = undo(folder)
        assert picture(folder) == before
        undo(folder, undone.id)
        assert picture(folder) == after


def test_undo_goes_back_repair_by_repair(folder: Path) -> None:
    first = repair(folder)
    between = picture(folder)
    second = apply(folder, [Write("config.json", sha(NEW["config.json"]), b"{}")], inputs={}, note={})
    assert undo(folder).undoes == second.id
    assert picture(folder) == between
    assert undo(folder).undoes == first.id
    with pytest.raises(InputError, match="no repair"):
        undo(folder)


def test_log_is_in_order_and_knows_what_is_undone(folder: Path) -> None:
    first = repair(folder)
    second = undo(folder)
    assert [(r.id, r.undone_by) for r in log(folder)] == [(first.id, second.id), (second.id, None)]
    third = undo(folder, second.id)
    assert [r.undone_by for r in log(folder)] == [None, third.id, None]
    assert [r.id for r in log(folder)] == sorted(r.id for r in log(folder))
    assert log(folder)[0].backup == first.backup
    assert log(folder)[0].changes == first.changes


def test_undo_keeps_a_directory_that_others_use(folder: Path) -> None:
    repair(folder)
    mine = folder / "additional_chat_templates" / "mine.jinja"
    mine.write_text("mine")
    undo(folder)
    assert mine.read_text() == "mine"
    assert not (folder / "additional_chat_templates" / "deep").exists()


def test_undo_refuses_a_file_that_changed_since(folder: Path) -> None:
    repair(folder)
    (folder / "config.json").write_text("edited")
    before = picture(folder)
    with pytest.raises(ChangedError, match=r"config\.json changed since the repair"):
        undo(folder)
    assert picture(folder) == before


def test_undo_refuses_a_damaged_backup(folder: Path) -> None:
    receipt = repair(folder)
    (receipt.backup / "config.json").write_text("rot")
    before = picture(folder)
    with pytest.raises(StorageError, match=r"backup of config\.json"):
        undo(folder)
    assert picture(folder) == before


def test_undo_names_an_unknown_transaction(folder: Path) -> None:
    with pytest.raises(InputError, match="no repair"):
        undo(folder)
    repair(folder)
    with pytest.raises(InputError, match="'nonsense'"):
        undo(folder, "nonsense")


@pytest.mark.parametrize("same", [{}, {"config.json": OLD["config.json"]}])
def test_nothing_to_write_leaves_no_file(folder: Path, same: dict[str, bytes]) -> None:
    before = picture(folder)
    receipt = apply(folder, writes(folder, same), inputs=inputs(folder), note={})
    assert receipt.changes == ()
    assert picture(folder) == before
    assert not (folder / ".cache").exists()
    assert log(folder) == ()


@pytest.mark.parametrize("name", sorted(OLD))
def test_a_stale_plan_is_refused(folder: Path, name: str) -> None:
    planned = writes(folder), inputs(folder)
    (folder / name).write_text("changed")
    before = picture(folder)
    with pytest.raises(ChangedError, match=f"stale plan: {name} changed"):
        apply(folder, planned[0], inputs=planned[1], note={})
    assert picture(folder) == before
    assert not (folder / ".cache").exists()


def test_a_stale_plan_with_nothing_to_write_is_refused(folder: Path) -> None:
    with pytest.raises(ChangedError, match="stale plan"):
        apply(folder, [], inputs={"config.json": sha(b"other")}, note={})


def test_a_file_that_appeared_is_never_clobbered(folder: Path) -> None:
    planned = writes(folder)
    (folder / "chat_template.jinja").write_text("mine")
    with pytest.raises(ChangedError, match=r"chat_template\.jinja"):
        apply(folder, planned, inputs={}, note={})
    assert (folder / "chat_template.jinja").read_text() == "mine"


def test_the_state_folder_is_private_and_ignored_by_git(folder: Path) -> None:
    repair(folder)
    assert stat.S_IMODE((folder / STATE).stat().st_mode) == 0o711
    assert (folder / STATE / ".gitignore").read_text() == "*\n"
    assert not list(folder.rglob("CACHEDIR.TAG"))


def test_what_the_hub_client_keeps_in_cache_stays(folder: Path) -> None:
    mine = folder / ".cache/huggingface/download/config.json.metadata"
    mine.parent.mkdir(parents=True)
    mine.write_text("etag")
    repair(folder)
    undo(folder)
    assert mine.read_text() == "etag"


def test_state_dir_keeps_the_folder_clean_and_serves_many(folder: Path, tmp_path: Path) -> None:
    state = tmp_path / "some" / "state"
    before = picture(folder)
    twin = tmp_path / "twin"
    twin.mkdir()
    apply(twin, [Write("config.json", None, b"{}")], inputs={}, note={}, state_dir=state)
    receipt = repair(folder, state_dir=state)
    assert not (folder / ".cache").exists()
    assert receipt.backup.is_relative_to(state)
    assert [r.id for r in log(folder, state_dir=state)] == [receipt.id]
    assert log(folder) == ()
    undo(folder, state_dir=state)
    assert picture(folder) == before
    assert not (folder / ".cache").exists()
    check_whole(folder, state_dir=state)


def test_a_command_that_is_named_works_as_it_stands(tmp_path: Path) -> None:
    """Whatever the folder is called, and wherever its state is."""
    folder, state = make_folder(tmp_path / "my model"), tmp_path / "its state"
    with pytest.raises(InputError) as found:
        undo(folder, state_dir=state)
    assert found.value.hint == f"`genfix log '{folder}' --state-dir '{state}'` lists what was done there"
    taken = snapshot(folder, note={}, state_dir=state)
    with pytest.raises(InputError) as found:
        undo(folder, taken.id, state_dir=state)
    command = found.value.hint.split("`")[1]
    assert shlex.split(command) == ["genfix", "restore", str(folder), taken.id, "--state-dir", str(state)]


def test_state_dir_on_another_disk(folder: Path) -> None:
    other = Path("/dev/shm")
    if not other.is_dir() or other.stat().st_dev == folder.stat().st_dev:
        pytest.skip("no second filesystem here")
    state = Path(tempfile.mkdtemp(dir=other))
    try:
        before = picture(folder)
        repair(folder, state_dir=state)
        after = picture(folder)
        undone = undo(folder, state_dir=state)
        assert picture(folder) == before
        assert not (folder / ".cache").exists()
        undo(folder, undone.id, state_dir=state)
        assert picture(folder) == after
    finally:
        shutil.rmtree(state)


def test_a_hard_link_is_broken_and_reported(folder: Path, tmp_path: Path) -> None:
    base = tmp_path / "base.json"
    os.link(folder / "config.json", base)
    receipt = repair(folder)
    assert receipt.broken_links == ("config.json",)
    assert base.read_bytes() == OLD["config.json"]
    assert log(folder)[0].broken_links == ("config.json",)


def test_works_without_directory_descriptors(folder: Path) -> None:
    fs = FileSystem(dir_fds=False)
    before = picture(folder)
    repair(folder, fs)
    assert leftovers(folder) == []
    undo(folder, fs=fs)
    assert picture(folder) == before
    assert (folder / STATE / "lock").exists()


@pytest.mark.parametrize("exclusive", [True, False])
def test_creates_files_on_a_disk_without_hard_links(folder: Path, *, exclusive: bool) -> None:
    class NoLinks(FileSystem):
        def link(self, *_: object) -> None:
            raise PermissionError(1, "Operation not permitted")

        def rename_exclusive(self, *args: object) -> None:
            if not exclusive:
                raise OSError(38, "Function not implemented")
            super().rename_exclusive(*args)  # type: ignore[arg-type]

    before = picture(folder)
    repair(folder, NoLinks())
    assert (folder / "chat_template.jinja").read_bytes() == NEW["chat_template.jinja"]
    undo(folder, fs=NoLinks())
    assert picture(folder) == before


@pytest.mark.parametrize("link_works", [True, False])
def test_a_file_that_appears_in_the_last_moment_is_kept(folder: Path, *, link_works: bool) -> None:
    mine = folder / "additional_chat_templates/deep/tool.jinja"

    class Racing(FileSystem):
        def link(self, *args: object) -> None:
            mine.write_text("mine")
            if not link_works:
                raise PermissionError(1, "Operation not permitted")
            super().link(*args)  # type: ignore[arg-type]

    with pytest.raises(ChangedError, match=r"tool\.jinja"):
        repair(folder, Racing())
    assert mine.read_text() == "mine"
    assert (folder / "config.json").read_bytes() == OLD["config.json"]
    assert leftovers(folder) == []


def test_an_edit_between_two_renames_is_kept(folder: Path) -> None:
    class Racing(FileSystem):
        def exchange(self, *args: Any) -> None:
            super().exchange(*args)
            if args[3] == "tokenizer_config.json":
                (folder / "config.json").write_text("mine")

    before = picture(folder)
    with pytest.raises(ChangedError, match=r"config\.json changed while genfix was at work"):
        repair(folder, Racing())
    assert (folder / "config.json").read_text() == "mine"
    assert {**picture(folder), "config.json": None} == {**before, "config.json": None}
    assert leftovers(folder) == []


class LastMoment(FileSystem):
    """A trainer that saves a file again in the moment before it is replaced, and once more in the next."""

    def __init__(self, file: Path, *, times: int) -> None:
        super().__init__()
        self.file = file
        self.left = times
        self.saved = b""

    def exchange(self, *args: Any) -> None:
        if args[3] == self.file.name and self.left:
            self.left -= 1
            self.saved = b'{"saved": %d}' % self.left
            draft = self.file.with_name("draft")
            draft.write_bytes(self.saved)
            draft.replace(self.file)
        super().exchange(*args)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="two files change places on Linux only")
@pytest.mark.parametrize("times", [1, 2, 3])
def test_bytes_that_come_in_the_last_moment_are_given_back(folder: Path, times: int) -> None:
    disk = LastMoment(folder / "config.json", times=times)
    before = picture(folder)
    with pytest.raises(ChangedError, match=r"config\.json changed while genfix was at work"):
        repair(folder, disk)
    assert (folder / "config.json").read_bytes() == disk.saved
    assert {**picture(folder), "config.json": None} == {**before, "config.json": None}
    assert leftovers(folder) == []


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="two files change places on Linux only")
def test_who_had_a_file_open_keeps_what_he_wrote_to_it(folder: Path) -> None:
    """A file that was replaced, written to through an open descriptor, and put back."""
    with (folder / "tokenizer_config.json").open("ab") as held:

        class Refuses(FileSystem):
            def exchange(self, *args: Any) -> None:
                if args[3] == "config.json":
                    held.write(b"late")
                    held.flush()
                    raise OSError(16, "Device or resource busy")
                super().exchange(*args)

        with pytest.raises(StorageError):
            repair(folder, Refuses())
    assert (folder / "tokenizer_config.json").read_bytes() == OLD["tokenizer_config.json"] + b"late"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="two files change places on Linux only")
def test_they_are_given_back_by_the_next_run_too(folder: Path) -> None:
    class Dies(LastMoment):
        def exchange(self, *args: Any) -> None:
            super().exchange(*args)
            if args[3] == self.file.name:
                raise SimulatedCrash

    disk = Dies(folder / "config.json", times=1)
    with pytest.raises(SimulatedCrash):
        apply(folder, writes(folder), inputs=inputs(folder), note={}, fs=disk)
    with pytest.raises(ChangedError, match=r"config\.json was changed by something else"):
        recover(folder)
    assert (folder / "config.json").read_bytes() == disk.saved


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="two files change places on Linux only")
def test_a_link_that_comes_in_the_last_moment_is_given_back(folder: Path) -> None:
    class Links(LastMoment):
        def exchange(self, *args: Any) -> None:
            if args[3] == self.file.name and self.left:
                self.left = 0
                self.file.unlink()
                self.file.symlink_to("elsewhere")
            FileSystem.exchange(self, *args)

    with pytest.raises(ChangedError, match=r"config\.json changed while genfix was at work"):
        repair(folder, Links(folder / "config.json", times=1))
    assert (folder / "config.json").readlink() == Path("elsewhere")


def test_a_mount_on_which_files_cannot_change_places_gets_a_plain_rename(folder: Path) -> None:
    class Plain(FileSystem):
        def exchange(self, *_: Any) -> None:
            raise OSError(22, "Invalid argument")

    repair(folder, Plain())
    assert (folder / "config.json").read_bytes() == NEW["config.json"]
    assert leftovers(folder) == []
    undo(folder)


def test_a_python_that_cannot_load_ctypes_gets_a_plain_rename(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ctypes", None)
    repair(folder)
    assert (folder / "config.json").read_bytes() == NEW["config.json"]
    assert leftovers(folder) == []


def test_attributes_and_owner_are_kept(folder: Path) -> None:
    try:
        os.setxattr(folder / "config.json", "user.note", b"kept")
    except OSError:
        pytest.skip("no extended attributes here")
    if os.geteuid() == 0:
        os.chown(folder / "config.json", 1234, 1235)
    status = (folder / "config.json").stat()
    repair(folder)
    new = (folder / "config.json").stat()
    assert os.getxattr(folder / "config.json", "user.note") == b"kept"
    assert (new.st_uid, new.st_gid) == (status.st_uid, status.st_gid)


def test_a_clean_folder_is_whole_and_has_nothing_to_recover(folder: Path) -> None:
    assert recover(folder) is None
    check_whole(folder)
    assert not (folder / ".cache").exists()
    repair(folder)
    assert recover(folder) is None
    check_whole(folder)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    for call in (log, undo, recover, check_whole, lambda root: preflight(root, ["config.json"])):
        with pytest.raises(InputError, match="is not a folder"):
            call(tmp_path / "nowhere")


def test_a_state_folder_of_somebody_else_is_refused(folder: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a folder away")
    repair(folder)
    os.chown(folder / STATE, 1234, 1234)
    with pytest.raises(RefusedError, match="belongs to another user"):
        undo(folder)
