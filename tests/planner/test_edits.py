"""One round of operations: who may touch a file, and what becomes of it."""

import pytest

from genfix.jsontext import json_edit
from genfix.jsontext.json_read import spelled
from genfix.language import remembered
from genfix.model import Model
from genfix.planner.edits import Round, run_round
from genfix.rules import (
    Applicability,
    CopyField,
    Finding,
    Fix,
    Operation,
    RemoveField,
    RestoreFile,
    SetField,
    Severity,
    StripBom,
    Witness,
    WriteFile,
)
from tests.support.folders import Files, MemoryFolder

MERGED: Files = {"a.json": b'{"x": 1, "y": 2}\n', "b.json": b'\xef\xbb\xbf{"z": 1}'}
BASE: Files = {"a.json": b'{"w": 1e2, "x": 3, "y": 2}', "c.json": b"{}", "d.txt": b"\0\xff"}
ADAPTER: Files = {"a.json": b'{"v": 7}', "d.txt": b"trained"}


def finding(*operations: Operation, code: str = "GF001") -> Finding:
    fix = Fix(Applicability.SAFE, remembered("why-bom", {}), operations) if operations else None
    return Finding(
        code, "made-up", Severity.INFO, "a.json", remembered("json-bom", {}), Witness.BASE, fix=fix
    )


def run(*findings: Finding) -> Round:
    witnesses = {Witness.BASE: Model(MemoryFolder(BASE)), Witness.ADAPTER: Model(MemoryFolder(ADAPTER))}
    return run_round(MemoryFolder(MERGED), witnesses, findings)


@pytest.mark.parametrize(
    ("operation", "name", "content"),
    [
        (RestoreFile("d.txt"), "d.txt", BASE["d.txt"]),
        (RestoreFile("a.json"), "a.json", BASE["a.json"]),
        (SetField("a.json", "/x", [1]), "a.json", b'{"x": [1], "y": 2}\n'),
        (SetField("a.json", "/w", 0, ("w", "x")), "a.json", b'{"w": 0, "x": 1, "y": 2}\n'),
        (CopyField("a.json", "/w"), "a.json", b'{"w": 1e2, "x": 1, "y": 2}\n'),
        (RemoveField("a.json", "/x"), "a.json", b'{"y": 2}\n'),
        (RestoreFile("d.txt", Witness.ADAPTER), "d.txt", b"trained"),
        (CopyField("a.json", "/v", Witness.ADAPTER), "a.json", b'{"v": 7, "x": 1, "y": 2}\n'),
        (WriteFile("e.jinja", b"new"), "e.jinja", b"new"),
        (WriteFile("a.json", b"{}"), "a.json", b"{}"),
        (StripBom("b.json"), "b.json", b'{"z": 1}'),
    ],
)
def test_each_operation_does_what_it_says(operation: Operation, name: str, content: bytes) -> None:
    found = finding(operation)
    outcome = run(found)
    assert outcome.files == {name: content}
    assert outcome.applied == (found,)
    assert outcome.codes == {name: ("GF001",)}
    assert outcome.restored == ({name: operation.source} if isinstance(operation, RestoreFile) else {})


def test_edits_of_one_file_add_up_in_the_order_of_findings() -> None:
    first = finding(SetField("a.json", "/x", 5), code="GF001")
    second = finding(RemoveField("a.json", "/y"), code="GF002")
    outcome = run(first, second)
    assert outcome.files == {"a.json": b'{"x": 5}\n'}
    assert outcome.codes == {"a.json": ("GF001", "GF002")}


def test_operations_on_one_file_follow_each_other() -> None:
    outcome = run(finding(StripBom("b.json"), SetField("b.json", "/z", 2), SetField("b.json", "/a", 0)))
    assert outcome.files == {"b.json": b'{"a": 0, "z": 2}'}
    outcome = run(
        finding(SetField("a.json", "/x", 5), WriteFile("a.json", b'{"k": 0}'), SetField("a.json", "/n", 1))
    )
    assert outcome.files == {"a.json": b'{"k": 0, "n": 1}'}


def test_a_fix_that_fails_halfway_changes_nothing() -> None:
    broken = finding(SetField("a.json", "/x", 5), RemoveField("a.json", "/gone"))
    outcome = run(broken, finding(SetField("a.json", "/y", 3), code="GF002"))
    assert outcome.files == {"a.json": b'{"x": 1, "y": 3}\n'}
    assert outcome.codes == {"a.json": ("GF002",)}
    assert set(outcome.failed) == {broken.key}


def test_a_file_is_parsed_twice_however_many_edits_a_fix_has(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[str] = []

    def counted(text: str) -> object:
        parsed.append(text)
        return spelled(text)

    monkeypatch.setattr(json_edit, "spelled", counted)
    run(finding(*(RemoveField("a.json", f"/{key}") for key in "xy")))
    assert parsed == ['{"x": 1, "y": 2}\n', "{}\n"]


def test_a_value_is_set_once_and_the_second_claim_waits() -> None:
    first, second = finding(SetField("a.json", "/x", 5)), finding(SetField("a.json", "/x", 6), code="GF002")
    outcome = run(first, second)
    assert outcome.files == {"a.json": b'{"x": 5, "y": 2}\n'}
    assert outcome.applied == (first,)


def test_a_file_that_is_restored_is_edited_by_no_other_finding() -> None:
    edit = finding(SetField("a.json", "/x", 5))
    restore = finding(RestoreFile("a.json"), SetField("a.json", "/x", 7), code="GF002")
    outcome = run(edit, restore)
    assert outcome.files == {"a.json": b'{"w": 1e2, "x": 7, "y": 2}'}
    assert outcome.applied == (restore,)
    assert outcome.codes == {"a.json": ("GF002",)}


def test_two_findings_that_restore_one_file_need_it_once() -> None:
    first, second = finding(RestoreFile("c.json")), finding(RestoreFile("c.json"), code="GF002")
    outcome = run(first, second)
    assert (outcome.files, outcome.applied) == ({"c.json": b"{}"}, (first,))


def test_a_finding_half_of_whose_fix_ran_is_not_claimed() -> None:
    first = finding(SetField("a.json", "/x", 5))
    second = finding(SetField("a.json", "/x", 6), RemoveField("a.json", "/y"), code="GF002")
    outcome = run(first, second)
    assert outcome.files == {"a.json": b'{"x": 5}\n'}
    assert outcome.applied == (first,)


def test_an_edit_that_changes_no_byte_is_no_change() -> None:
    outcome = run(finding(SetField("a.json", "/x", 1)), finding())
    assert (outcome.files, outcome.codes) == ({}, {})


@pytest.mark.parametrize(
    "operation", [SetField("no.json", "/x", 1), RemoveField("no.json", "/x"), StripBom("no.json")]
)
def test_a_file_that_is_not_there_cannot_be_edited(operation: Operation) -> None:
    assert reasons(run(finding(operation))) == ["its fix was left out: no no.json to edit"]


@pytest.mark.parametrize("operation", [RestoreFile("c.json"), CopyField("a.json", "/x")])
def test_nothing_can_be_taken_from_a_base_that_is_not_there(operation: Operation) -> None:
    [reason] = reasons(run_round(MemoryFolder(MERGED), {}, [finding(operation)]))
    assert reason.startswith("its fix was left out: no base to take ")


def reasons(outcome: Round) -> list[str]:
    """Why findings failed; nothing was done for them."""
    assert (outcome.files, outcome.applied, outcome.begun) == ({}, (), ())
    return [*map(str, outcome.failed.values())]
