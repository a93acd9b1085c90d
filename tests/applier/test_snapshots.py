"""Snapshots: what they hold, how they come back, what they cost, and what prune leaves."""

from pathlib import Path

import pytest

from genfix.applier import log, prune, recover, restore, snapshot, undo
from genfix.errors import InputError, RefusedError, StorageError
from tests.support.disks import STATE, leftovers, make_folder, picture, repair, sha


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_folder(tmp_path / "merged")


def take(folder: Path, message: str = "") -> str:
    return snapshot(folder, note={"message": message}).id


def test_a_snapshot_holds_the_config_files_and_no_weights(folder: Path) -> None:
    (folder / "events.out.tfevents.1").write_bytes(b"log")
    (folder / "training_args.bin").write_bytes(b"pickle")
    (folder / "README.md").write_text("card")
    receipt = snapshot(folder, note={"message": "before SFT stage 2"})
    assert [file.name for file in receipt.files] == [
        "README.md",
        "config.json",
        "generation_config.json",
        "tokenizer_config.json",
    ]
    for file in receipt.files:
        assert sha((receipt.backup / file.name).read_bytes()) == file.sha256
    assert log(folder) == (receipt,)
    assert leftovers(folder) == []


def test_a_snapshot_changes_nothing_in_the_folder(folder: Path) -> None:
    was = picture(folder)
    take(folder)
    assert picture(folder) == was


def test_restore_brings_bytes_modes_and_times_back_and_takes_new_files_away(folder: Path) -> None:
    was = picture(folder)
    transaction = take(folder)
    repair(folder)
    (folder / "processor_config.json").write_text("{}")
    restore(folder, transaction, note={})
    now = picture(folder)
    assert {name: now[name] for name in was} == was
    assert "processor_config.json" not in now
    assert "chat_template.jinja" not in now


def test_a_restore_can_be_undone_and_an_undone_restore_redone(folder: Path) -> None:
    transaction = take(folder)
    was = picture(folder)
    repair(folder)
    repaired = picture(folder)
    restore(folder, transaction, note={})
    undo(folder)
    assert picture(folder) == repaired
    restore(folder, transaction, note={})
    assert {name: entry for name, entry in picture(folder).items() if name in was} == was


def test_restoring_what_is_there_already_writes_nothing(folder: Path) -> None:
    transaction = take(folder)
    assert restore(folder, transaction, note={}).changes == ()
    assert len(log(folder)) == 1


def test_bytes_that_an_earlier_snapshot_has_are_stored_once(folder: Path) -> None:
    first = snapshot(folder, note={})
    (folder / "config.json").write_text("{}")
    second = snapshot(folder, note={})
    same = [(receipt.backup / "tokenizer_config.json").stat().st_ino for receipt in (first, second)]
    other = [(receipt.backup / "config.json").stat().st_ino for receipt in (first, second)]
    assert same[0] == same[1]
    assert other[0] != other[1]


def test_damaged_bytes_of_an_earlier_snapshot_are_not_taken_over(folder: Path) -> None:
    first = snapshot(folder, note={})
    (first.backup / "config.json").write_text("damaged")
    second = snapshot(folder, note={})
    assert (second.backup / "config.json").read_bytes() == (folder / "config.json").read_bytes()


def test_a_damaged_snapshot_is_not_restored(folder: Path) -> None:
    receipt = snapshot(folder, note={})
    repair(folder)
    repaired = picture(folder)
    (receipt.backup / "config.json").write_text("damaged")
    with pytest.raises(StorageError, match=r"config\.json .* is damaged"):
        restore(folder, receipt.id, note={})
    assert picture(folder) == repaired


def test_a_file_that_may_not_be_written_refuses_the_whole_restore(folder: Path) -> None:
    transaction = take(folder)
    (folder / "config.json").write_text("{}")
    (folder / "config.json").chmod(0o444)
    (folder / "generation_config.json").write_text("{}")
    was = picture(folder)
    with pytest.raises(RefusedError, match="read-only"):
        restore(folder, transaction, note={})
    assert picture(folder) == was


def test_a_repair_is_not_restored_and_a_snapshot_is_not_undone(folder: Path) -> None:
    transaction = take(folder)
    receipt = repair(folder)
    with pytest.raises(InputError, match="is no snapshot but a repair"):
        restore(folder, receipt.id, note={})
    with pytest.raises(InputError, match="is a snapshot, which changed nothing"):
        undo(folder, transaction)
    with pytest.raises(InputError, match="there is no snapshot 'x'"):
        restore(folder, "x", note={})


def test_a_folder_without_config_files_has_no_snapshot(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    with pytest.raises(InputError, match="has no config files"):
        snapshot(tmp_path, note={})
    assert [path.name for path in tmp_path.iterdir()] == ["model.safetensors"]


def test_prune_keeps_the_newest_and_the_log(folder: Path) -> None:
    first = repair(folder)
    second = undo(folder)
    third = repair(folder)
    assert prune(folder, keep=1, dry_run=True) == (first.id,)
    assert prune(folder, keep=1) == (
        first.id,
    )  # the undo moved created files away: its backup is their only place
    assert [receipt.id for receipt in log(folder)] == [first.id, second.id, third.id]
    assert sorted(path.name for path in (folder / STATE / "backup").iterdir()) == [second.id, third.id]
    undo(folder)
    undo(folder, second.id)
    with pytest.raises(StorageError, match="was removed"):
        undo(folder, first.id)


def test_prune_leaves_snapshots_unless_they_are_meant(folder: Path) -> None:
    old, new = take(folder), take(folder)
    assert prune(folder, keep=0) == ()
    assert prune(folder, keep=1, snapshots=True) == (old,)
    (folder / "config.json").write_text("{}")
    restore(folder, new, note={})
    (folder / "config.json").write_text("{}")
    with pytest.raises(StorageError, match="was removed"):
        restore(folder, old, note={})


def test_prune_without_any_backup_makes_no_state_folder(folder: Path) -> None:
    assert prune(folder, keep=0) == ()
    assert not (folder / ".cache").exists()


def test_a_removal_that_was_begun_is_finished_by_the_next_command(folder: Path) -> None:
    receipt = repair(folder)
    receipt.backup.rename(receipt.backup.with_name(f"pruned-{receipt.id}"))
    recover(folder)
    assert not (folder / STATE / "backup").exists()
    assert len(log(folder)) == 1
