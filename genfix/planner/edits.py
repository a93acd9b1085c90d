"""Fixes turned into bytes: which operations run in one round, and what they make of the files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from genfix.errors import PlanError
from genfix.folder import Folder
from genfix.model import Model
from genfix.model.json_edit import raw_value, remove_value, set_value
from genfix.rules import CopyField, Finding, Operation, RemoveField, RestoreFile, SetField, StripBom

__all__ = ["Round", "run_round"]

_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Round:
    """The outcome of one round: new bytes per file, and the findings whose operations all ran."""

    files: Mapping[str, bytes]
    applied: tuple[Finding, ...]
    codes: Mapping[str, tuple[str, ...]]
    """Per file, the codes of the findings that touched it."""
    restored: frozenset[str]
    """Files that were put back whole."""


def run_round(merged: Folder, base: Model | None, findings: Sequence[Finding]) -> Round:
    """Run the operations of ``findings`` on ``merged``.

    A file that one finding restores is touched by no other in the same round, and a value is set once: what
    is still wrong then is found, and fixed, in the next round.
    """
    restored: dict[str, Finding] = {}
    for finding in findings:
        for operation in _operations(finding):
            if isinstance(operation, RestoreFile):
                restored.setdefault(operation.file, finding)
    files: dict[str, bytes] = {}
    codes: dict[str, list[str]] = {}
    touched: set[tuple[str, str]] = set()
    applied: list[Finding] = []
    for finding in findings:
        operations = _operations(finding)
        free = [
            op for op in operations if restored.get(op.file, finding) is finding and _place(op) not in touched
        ]
        for operation in free:
            touched.add(_place(operation))
            before = files[operation.file] if operation.file in files else _content(merged, operation.file)
            files[operation.file] = _run(operation, before, base)
            codes.setdefault(operation.file, []).append(finding.code)
        if operations and len(free) == len(operations):
            applied.append(finding)
    changed = {name: content for name, content in files.items() if content != _content(merged, name)}
    return Round(
        changed,
        tuple(applied),
        {name: tuple(codes[name]) for name in changed},
        frozenset(name for name in changed if name in restored),
    )


def _operations(finding: Finding) -> tuple[Operation, ...]:
    return finding.fix.operations if finding.fix is not None else ()


def _place(operation: Operation) -> tuple[str, str]:
    match operation:
        case SetField() | CopyField() | RemoveField():
            return (operation.file, operation.pointer)
        case RestoreFile() | StripBom():
            return (operation.file, "")


def _content(folder: Folder, name: str) -> bytes | None:
    return folder.read(name) if name in folder.names() else None


def _run(operation: Operation, before: bytes | None, base: Model | None) -> bytes:
    match operation:
        case RestoreFile(file):
            if base is None:
                raise PlanError(
                    f"no base to restore {file} from", "this is a bug in genfix: please report it"
                )
            return base.folder.read(file)
        case SetField(file, pointer, value, key_order):
            return set_value(_existing(before, file), pointer, value, key_order=key_order)
        case CopyField(file, pointer):
            theirs = raw_value(_base(base, file).folder.read(file), pointer)
            return set_value(_existing(before, file), pointer, theirs, key_order=_base(base, file).keys(file))
        case RemoveField(file, pointer):
            return remove_value(_existing(before, file), pointer)
        case StripBom(file):
            return _existing(before, file).removeprefix(_BOM)


def _base(base: Model | None, file: str) -> Model:
    if base is None:
        raise PlanError(f"no base to take {file} from", "this is a bug in genfix: please report it")
    return base


def _existing(before: bytes | None, file: str) -> bytes:
    if before is None:
        raise PlanError(f"no {file} to edit", "this is a bug in genfix: please report it")
    return before
