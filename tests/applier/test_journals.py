"""Interrupted transactions whose journal, staged bytes or targets are not what genfix left."""

import json
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genfix.applier import check_whole, damaged_receipts, log, recover, undo
from genfix.applier.journal import Journal, JournalError, Op, decode, encode
from genfix.errors import ChangedError, RefusedError, StorageError
from tests.support.disks import NEW, OLD, STATE, interrupt, leftovers, picture, repair, sha

OP = Op("config.json", sha(b"old"), sha(b"new"), 0o644, 5, (), ())
JOURNAL = Journal(
    "20261123T101500Z-1a2b3c", "repair", "2026-11-23T10:15:00+00:00", {"a": "b"}, None, (OP,), ()
)


def test_a_journal_survives_its_file() -> None:
    assert decode(encode(JOURNAL)) == JOURNAL


@given(st.binary(max_size=200))
def test_garbage_is_no_journal(content: bytes) -> None:
    with pytest.raises(JournalError):
        decode(content)


@given(st.data())
def test_a_flipped_byte_is_noticed_or_harmless(data: st.DataObject) -> None:
    content = bytearray(encode(JOURNAL))
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] = data.draw(st.integers(0, 255))
    with suppress(JournalError):
        assert decode(bytes(content)) == JOURNAL


@pytest.mark.parametrize(
    "op",
    [
        replace(OP, name="../config.json"),
        replace(OP, name="/etc/passwd"),
        replace(OP, name="a/../../b"),
        replace(OP, name=".git/hooks/pre-commit"),
        replace(OP, name="model.safetensors"),
        replace(OP, before="0"),
        replace(OP, before=sha(b"new")),
        replace(OP, before=None),
        replace(OP, mode=0o4755),
        replace(OP, mode=True),
        replace(OP, mtime_ns=2**80),
        replace(OP, new_dirs=("..",)),
        replace(OP, name="a/b/c.txt", old_dirs=("a/b", "x")),
    ],
)
def test_a_hostile_op_is_no_journal(op: Op) -> None:
    with pytest.raises(JournalError):
        decode(encode(replace(JOURNAL, ops=(op,))))


@pytest.mark.parametrize(
    "change",
    [
        {"ops": ()},
        {"ops": (OP, replace(OP, name="CONFIG.json"))},
        {"id": "../../x"},
        {"undoes": "x"},
        {"kind": "delete"},
        {"broken_links": ("other",)},
        {"note": {"a": 1}},
        {"when": 5},
    ],
)
def test_a_hostile_body_is_no_journal(change: dict[str, Any]) -> None:
    with pytest.raises(JournalError):
        decode(encode(replace(JOURNAL, **change)))


@pytest.mark.parametrize(
    "edit",
    [
        lambda file: file.update(genfix_journal=2),
        lambda file: file.update(genfix_journal=True),
        lambda file: file.update(sha256="0" * 64),
        lambda file: file.update(more=1),
        lambda file: file["body"].update(when="later"),
        lambda file: file.pop("body"),
    ],
)
def test_an_edited_journal_is_no_journal(edit: Callable[[dict[str, Any]], None]) -> None:
    file = json.loads(encode(JOURNAL))
    edit(file)
    with pytest.raises(JournalError):
        decode(json.dumps(file).encode())


@pytest.mark.parametrize(
    "content", [b"[" * 100_000, b'{"a":' + b"9" * 10_000 + b"}", b"NaN", b" " * 5_000_000]
)
def test_json_that_hurts_a_parser_is_no_journal(content: bytes) -> None:
    with pytest.raises(JournalError):
        decode(content)


def test_a_half_done_folder_is_told_and_then_finished(folder: Path) -> None:
    interrupt(folder)
    before = picture(folder)
    with pytest.raises(RefusedError, match=r"is half done: the repair .* was interrupted"):
        check_whole(folder)
    assert picture(folder) == before
    receipt = recover(folder)
    assert receipt is not None
    assert receipt.id == log(folder)[0].id
    assert {name: (folder / name).read_bytes() for name in NEW} == dict(NEW)
    assert leftovers(folder) == []
    undo(folder)
    assert {name: (folder / name).read_bytes() for name in OLD} == dict(OLD)


def test_drift_in_an_interrupted_transaction_stops_everything(folder: Path) -> None:
    interrupt(folder)
    (folder / "config.json").write_text("edited")
    before = picture(folder)
    for call in (check_whole, recover, undo, repair):
        with pytest.raises(ChangedError, match=r"config\.json was changed by something else") as found:
            call(folder)
        assert str(STATE / "journal.json") in found.value.hint
    assert picture(folder) == before
    # The way out that the hint names: the old file from the backup.
    (backup,) = (folder / STATE / "backup").iterdir()
    (folder / "config.json").write_bytes((backup / "config.json").read_bytes())
    recover(folder)
    assert (folder / "config.json").read_bytes() == NEW["config.json"]


def test_drift_is_over_when_the_journal_is_removed(folder: Path) -> None:
    journal = interrupt(folder)
    (folder / "config.json").write_text("edited")
    journal.unlink()
    before = picture(folder)
    assert recover(folder) is None
    assert picture(folder) == before
    assert leftovers(folder) == []


@pytest.mark.parametrize("content", [b"", b"garbage", b"[" * 100_000])
def test_a_damaged_journal_of_which_nothing_was_done_is_dropped(folder: Path, content: bytes) -> None:
    before = picture(folder)
    interrupt(folder, "tokenizer_config.json")
    for name in set(NEW) - set(OLD):
        # As if it had died before its first op: what it created goes back to where it was staged.
        (folder / name).unlink()
    for made in ("additional_chat_templates/deep", "additional_chat_templates"):
        (folder / made).rmdir()
    (stage,) = (folder / STATE).glob("stage-*")
    for number in range(2):
        (stage / f"new-{number}-of-4").touch()
    (folder / STATE / "journal.json").write_bytes(content)
    check_whole(folder)
    assert recover(folder) is None
    assert picture(folder) == before
    assert leftovers(folder) == []


@pytest.mark.parametrize("content", [b"", b"garbage"])
def test_a_damaged_journal_of_which_something_was_done_is_refused(folder: Path, content: bytes) -> None:
    journal = interrupt(folder)
    journal.write_bytes(content)
    before = picture(folder)
    for call in (check_whole, recover, undo, repair):
        with pytest.raises(RefusedError, match="is damaged") as found:
            call(folder)
        assert "backup" in found.value.hint
    assert picture(folder) == before


def test_a_journal_that_is_a_link_or_a_pipe_is_refused(folder: Path, tmp_path: Path) -> None:
    journal = interrupt(folder)
    journal.rename(tmp_path / "j")
    journal.symlink_to(tmp_path / "j")
    with pytest.raises(RefusedError, match="is damaged"):
        recover(folder)
    journal.unlink()
    os.mkfifo(journal)
    with pytest.raises(RefusedError, match="is damaged"):
        recover(folder)


def test_a_planted_journal_cannot_leave_the_folder(folder: Path, tmp_path: Path) -> None:
    home = folder / STATE
    home.mkdir(parents=True)
    (tmp_path / "victim.json").write_bytes(b"old")
    (home / "journal.json").write_bytes(encode(replace(JOURNAL, ops=(replace(OP, name="../victim.json"),))))
    stage = home / f"stage-{JOURNAL.id}"
    stage.mkdir()
    (stage / "new-0-of-1").write_bytes(b"new")
    check_whole(folder)
    recover(folder)
    assert (tmp_path / "victim.json").read_bytes() == b"old"


@pytest.mark.parametrize(
    "damage", [Path.unlink, lambda path: path.write_bytes(b""), lambda path: path.write_bytes(b"evil")]
)
def test_staged_bytes_that_are_not_the_journals_are_never_used(
    folder: Path, damage: Callable[[Path], object]
) -> None:
    before = picture(folder)
    interrupt(folder)
    (stage,) = (folder / STATE).glob("stage-*")
    (staged,) = stage.glob("new-3-of-4")
    damage(staged)
    with pytest.raises(StorageError, match=r"cannot be finished and was taken back: the new .* damaged"):
        recover(folder)
    assert picture(folder) == before
    assert leftovers(folder) == []


def test_a_planted_stage_does_not_cost_a_backup(folder: Path) -> None:
    receipt = repair(folder)
    (folder / STATE / f"stage-{receipt.id}").mkdir()
    recover(folder)
    undo(folder)
    assert (folder / "config.json").read_bytes() == OLD["config.json"]


def test_damaged_receipts_are_skipped_and_named(folder: Path) -> None:
    before = picture(folder)
    first = repair(folder)
    (folder / STATE / "log" / "20990101T000000Z-000000.json").write_text("garbage")
    (folder / STATE / "log" / "99991231T235959Z-000000.json").mkdir()
    assert [receipt.id for receipt in log(folder)] == [first.id]
    assert [path.name[:8] for path in damaged_receipts(folder)] == ["20990101", "99991231"]
    undo(folder)
    assert picture(folder) == before
