"""A state folder belongs to its folder and user: what came with a download chooses nothing by itself."""

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from genfix.api.changing import repair as repair_model
from genfix.api.opening import whole_folder
from genfix.applier import check_whole, log, prune, recover, snapshot, undo
from genfix.applier.journal import Journal, Op, encode
from genfix.errors import RefusedError
from genfix.folder import LocalFolder
from genfix.report.changes import log_text
from genfix.report.style import Style
from tests.support.disks import NEW, STATE, interrupt, make_folder, picture, repair, sha
from tests.support.folders import glm_files, write_folder
from tests.support.users import AS_ROOT, GROUP, USER, as_user

EVIL = b"import os  # of somebody else"
CODE = b"class Model: ..."
STAMP = "%Y%m%dT%H%M%SZ"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = make_folder(tmp_path / "merged")
    (made / "modeling_x.py").write_bytes(CODE)
    return made


def plant(folder: Path, when: str, name: str = "modeling_x.py", *, place: str = "log/{id}.json") -> str:
    """A receipt as 0.1.0 wrote it, with its backup, that came with the folder."""
    transaction = f"{when}-ffffff"
    op = Op(name, sha(EVIL), sha((folder / name).read_bytes()), 0o644, 0, (), ())
    journal = Journal(transaction, "repair", "2026-11-29T12:00:00+00:00", {}, None, (op,), ())
    home = folder / STATE
    (home / "log").mkdir(parents=True, exist_ok=True)
    (home / "backup" / transaction).mkdir(parents=True)
    (home / "backup" / transaction / name).write_bytes(EVIL)
    (home / place.format(id=transaction)).write_bytes(encode(journal))
    return transaction


@pytest.mark.parametrize(
    "when", ["99991231T235959Z", "99999999T999999Z", "20990101T000000Z", "20200101T000000Z"]
)
def test_a_planted_receipt_never_becomes_the_newest(folder: Path, when: str) -> None:
    planted = plant(folder, when)
    before = picture(folder)
    receipt = repair(folder)
    assert receipt.id[:4] == datetime.now(UTC).strftime("%Y")
    assert undo(folder).undoes == receipt.id
    assert picture(folder) == before
    assert planted in [known.id for known in log(folder)]


@pytest.mark.parametrize("when", [STAMP, "20200101T000000Z"])
def test_what_nothing_shows_to_be_made_here_is_asked_for_by_its_id(folder: Path, when: str) -> None:
    planted = plant(folder, datetime.now(UTC).strftime(when))
    before = picture(folder)
    with pytest.raises(RefusedError, match=r"made here.*would change modeling_x\.py") as found:
        undo(folder)
    assert planted in found.value.hint
    assert picture(folder) == before
    undo(folder, planted)
    assert (folder / "modeling_x.py").read_bytes() == EVIL


def test_a_receipt_from_the_future_is_chosen_by_its_id_alone(folder: Path) -> None:
    planted = plant(folder, "99991231T235959Z")
    repair(folder)
    undo(folder)
    with pytest.raises(RefusedError, match="nothing shows that the repair 9999"):
        undo(folder)
    undo(folder, planted)
    assert (folder / "modeling_x.py").read_bytes() == EVIL


@pytest.mark.parametrize("how", [shutil.move, shutil.copytree])
def test_a_folder_that_was_moved_or_copied(folder: Path, how: Callable[[Path, Path], object]) -> None:
    before = picture(folder)
    receipt = repair(folder)
    there = folder.parent / "elsewhere"
    how(folder, there)
    with pytest.raises(RefusedError, match="nothing shows that the repair"):
        undo(there)
    undo(there, receipt.id)
    assert picture(there) == before


def test_without_a_cache_the_id_is_asked_for(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container without a home."""
    before = picture(folder)
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null")
    receipt = repair(folder)
    assert not receipt.ours
    with pytest.raises(RefusedError, match=receipt.id):
        undo(folder)
    undo(folder, receipt.id)
    assert picture(folder) == before


def test_a_place_that_the_user_gave_did_not_come_with_the_model(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null")
    before = picture(folder)
    assert repair(folder, state_dir=folder.parent / "state").ours
    undo(folder, state_dir=folder.parent / "state")
    assert picture(folder) == before


def test_a_state_dir_inside_the_folder_may_have_come_with_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null")
    assert not repair(folder, state_dir=folder / "state").ours


def test_somebody_elses_later_repair_is_not_passed_over(folder: Path) -> None:
    """The own one below it is not what the user means by the newest."""
    repair(folder)
    later = datetime.now(UTC) + timedelta(hours=1)
    plant(folder, later.strftime(STAMP), "chat_template.jinja")
    with pytest.raises(RefusedError, match=r"would change chat_template\.jinja"):
        undo(folder)


@pytest.mark.parametrize("place", ["journal.json", "taking-back.json"])
def test_a_planted_interrupted_repair_changes_no_code(folder: Path, place: str) -> None:
    transaction = plant(folder, "20260101T000000Z", place=place)
    stage = folder / STATE / f"stage-{transaction}"
    stage.mkdir()
    op = Op("modeling_x.py", sha(CODE), sha(EVIL), 0o644, 0, (), ())
    if place == "taking-back.json":
        op = replace(op, before=op.after, after=op.before)
    journal = Journal(transaction, "repair", "2026-01-01T00:00:00+00:00", {}, None, (op,), ())
    (folder / STATE / place).write_bytes(encode(journal))
    for name in ("new-0-of-1", "done-0"):
        (stage / name).write_bytes(EVIL)
    for call in (recover, repair, undo, lambda at: snapshot(at, note={})):
        with pytest.raises(RefusedError, match=r"not begun here, would change code: modeling_x\.py"):
            call(folder)
    assert (folder / "modeling_x.py").read_bytes() == CODE


def test_a_prune_counts_planted_receipts_as_the_oldest(folder: Path) -> None:
    plant(folder, "99991231T235959Z")
    receipt = repair(folder)
    prune(folder, keep=1)
    undo(folder, receipt.id)


def test_a_log_tells_what_was_not_made_here(folder: Path) -> None:
    planted = plant(folder, "20260101T000000Z")
    made = repair(folder)
    assert {receipt.id: receipt.ours for receipt in log(folder)} == {planted: False, made.id: True}
    text, lines = log_text(log(folder), Style(color=False, width=80)), []
    lines = [line for line in text.splitlines() if "made here" in line]
    assert len(lines) == 1
    assert lines[0].startswith(planted)


# Owners


@AS_ROOT
def test_what_root_does_in_a_users_folder_is_the_users(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, shared = make_folder(place / "merged"), place / "lib"
    for path in [folder, *folder.iterdir()]:
        os.chown(path, USER, GROUP)
    shared.mkdir()
    place.chmod(0o755)
    monkeypatch.setattr("genfix.applier.ledger.SHARED", shared)
    before = picture(folder)
    repair(folder)
    owners = {(path.stat().st_uid, path.stat().st_gid) for path in folder.rglob("*")}
    assert owners == {(USER, GROUP)}
    assert (folder / STATE).stat().st_mode & 0o777 == 0o711
    assert {name: (folder / name).read_bytes() for name in NEW} == dict(NEW)

    assert as_user(lambda: undo(folder)) == 0
    assert picture(folder) == before
    assert as_user(lambda: repair(folder)) == 0
    # And root goes on in the state folder of that user.
    undo(folder, log(folder)[-1].id)
    assert picture(folder) == before


@AS_ROOT
@pytest.mark.parametrize("back", [False, True])
def test_another_user_sees_whether_a_folder_is_half_done(place: Path, *, back: bool) -> None:
    folder = make_folder(place / "merged")
    place.chmod(0o755)
    repair(folder)
    assert as_user(lambda: check_whole(folder)) == 0
    undo(folder)
    interrupt(folder)
    home = folder / STATE
    if back:
        (home / "journal.json").rename(home / "taking-back.json")
    assert as_user(lambda: check_whole(folder)) == 3
    # As 0.1.0 left it, or behind a door that is closed further up: nothing can be seen, and nothing is
    # cleared.
    for closed in (home, folder / ".cache"):
        closed.chmod(0o700)
        assert as_user(lambda: check_whole(folder)) == 3
        assert as_user(lambda: whole_folder(LocalFolder(folder), None)) == 3
        closed.chmod(0o711)


@AS_ROOT
def test_a_state_folder_of_root_tells_its_user_what_to_do(place: Path) -> None:
    """As root left it with 0.1.0."""
    folder = make_folder(place / "merged")
    repair(folder)
    place.chmod(0o755)
    os.chown(folder, USER, USER)

    def refused() -> None:
        for call in (log, undo):
            with pytest.raises(RefusedError) as found:
                call(folder)
            assert "chown -R" in found.value.hint

    assert as_user(refused) == 0


@AS_ROOT
def test_a_copy_of_a_folder_of_another_user_can_be_repaired(place: Path) -> None:
    """Only its files are read, and whether it is half done."""
    merged, base = (write_folder(place / name, glm_files()) for name in ("merged", "base"))
    (merged / "generation_config.json").write_bytes(b"{}")
    repair_model(merged, base)
    assert (merged / STATE).exists()
    (merged / "generation_config.json").write_bytes(b"{}")
    place.chmod(0o777)
    before = picture(merged)
    assert as_user(lambda: repair_model(merged, base)) == 3
    assert as_user(lambda: repair_model(merged, base, output=place / "copy")) == 0
    assert (place / "copy" / "generation_config.json").read_bytes() != b"{}"
    assert picture(merged) == before
