"""Fixes turned into bytes: which operations run in one round, and what they make of the files."""

import codecs
from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeAlias

from genfix.errors import GenfixError, PlanError
from genfix.folder import Folder
from genfix.jsontext.json_edit import JsonEditor, raw_value
from genfix.message import Message, message
from genfix.model import Model
from genfix.rules import (
    CopyField,
    Finding,
    Mend,
    Operation,
    Quarantine,
    RemoveField,
    RestoreFile,
    SetField,
    StripBom,
    Witness,
    WriteFile,
)

Witnesses: TypeAlias = Mapping[Witness, Model]
"""The models that files and fields may be taken from."""


class Round(NamedTuple):
    """The outcome of one round."""

    files: Mapping[str, bytes | None]
    """New bytes; `None`: the file goes."""
    applied: tuple[Finding, ...]
    """The findings whose operations all ran."""
    begun: tuple[tuple[str, str, str], ...]
    """The keys of those of which any did."""
    codes: Mapping[str, tuple[str, ...]]
    """Per file, the codes of the findings that touched it."""
    restored: Mapping[str, Witness]
    """Files that were put back whole, and whose they are."""
    failed: Mapping[tuple[str, str, str], Message]
    """Findings, by key, whose operations the file does not allow, and why."""


def run_round(merged: Folder, witnesses: Witnesses, findings: Sequence[Finding]) -> Round:
    """Run the operations of ``findings`` on ``merged``.

    A file that one finding restores is touched by no other in the same round, and a value is set once: what
    is still wrong then is found, and fixed, in the next round.
    """
    owners, sources = _owners(findings)
    files: dict[str, bytes | None] = {}
    codes: dict[str, list[str]] = {}
    touched: set[tuple[str, str]] = set()
    applied: list[Finding] = []
    begun: list[tuple[str, str, str]] = []
    failed: dict[tuple[str, str, str], Message] = {}
    for finding in findings:
        operations = _operations(finding)
        free = [
            op for op in operations if owners.get(op.file, finding) is finding and _place(op) not in touched
        ]
        try:
            done = _run_all(free, files, merged, witnesses)
        except (GenfixError, KeyError, ValueError) as error:
            # A key that stands twice on the way to the value, say: nobody but its author may edit that file.
            reason = error.message if isinstance(error, GenfixError) else str(error)
            failed[finding.key] = message(
                "objection-not-possible", "its fix was left out: {reason}", reason=reason
            )
            continue
        files |= done
        touched.update(map(_place, free))
        for name in done:
            codes.setdefault(name, []).append(finding.code)
        if done:
            begun.append(finding.key)
        if operations and len(free) == len(operations):
            applied.append(finding)
    changed = {name: content for name, content in files.items() if content != _content(merged, name)}
    return Round(
        changed,
        tuple(applied),
        tuple(begun),
        {name: tuple(codes[name]) for name in changed},
        {name: source for name, source in sources.items() if name in changed},
        failed,
    )


def _owners(findings: Sequence[Finding]) -> tuple[Mapping[str, Finding], Mapping[str, Witness]]:
    """By file, the first finding that replaces or removes it, and whose file it restores."""
    owners: dict[str, Finding] = {}
    sources: dict[str, Witness] = {}
    for finding in findings:
        for operation in _operations(finding):
            replaces = isinstance(operation, RestoreFile | WriteFile | Mend | Quarantine)
            if replaces and operation.file not in owners:
                owners[operation.file] = finding
                if isinstance(operation, RestoreFile):
                    sources[operation.file] = operation.source
    return owners, sources


def _run_all(
    operations: Sequence[Operation], files: Mapping[str, bytes | None], merged: Folder, witnesses: Witnesses
) -> dict[str, bytes | None]:
    by_file: dict[str, list[Operation]] = {}
    for operation in operations:
        by_file.setdefault(operation.file, []).append(operation)
    done: dict[str, bytes | None] = {}
    for name, own in by_file.items():
        before = files.get(name)
        done[name] = _run(own, before if before is not None else _content(merged, name), witnesses)
    return done


def _operations(finding: Finding) -> tuple[Operation, ...]:
    return finding.fix.operations if finding.fix is not None else ()


def _place(operation: Operation) -> tuple[str, str]:
    match operation:
        case SetField() | CopyField() | RemoveField():
            return (operation.file, operation.pointer)
        case RestoreFile() | WriteFile() | StripBom() | Mend() | Quarantine():
            return (operation.file, "")


def _content(folder: Folder, name: str) -> bytes | None:
    return folder.read(name) if name in folder.names() else None


def _run(operations: Sequence[Operation], content: bytes | None, witnesses: Witnesses) -> bytes | None:
    """What the operations on one file make of it. Edits in a row share its parsing and its check."""
    editor: JsonEditor | None = None
    for operation in operations:
        if isinstance(operation, SetField | CopyField | RemoveField):
            editor = editor or JsonEditor(_existing(content, operation.file))
            _edit(editor, operation, witnesses)
        else:
            content = _replaced(operation, editor.content() if editor else content, witnesses)
            editor = None
    return editor.content() if editor else content


def _edit(editor: JsonEditor, operation: SetField | CopyField | RemoveField, witnesses: Witnesses) -> None:
    match operation:
        case SetField(_, pointer, value, key_order):
            editor.set(pointer, value, key_order=key_order)
        case CopyField(file, pointer, source):
            model = _witness(witnesses, source, file)
            editor.set(pointer, raw_value(model.folder.read(file), pointer), key_order=model.keys(file))
        case RemoveField(_, pointer):
            editor.remove(pointer)


def _replaced(
    operation: RestoreFile | WriteFile | Mend | StripBom | Quarantine,
    content: bytes | None,
    witnesses: Witnesses,
) -> bytes | None:
    match operation:
        case RestoreFile(file, source):
            return _witness(witnesses, source, file).folder.read(file)
        case WriteFile(_, new) | Mend(_, new):
            return new
        case StripBom(file):
            return _existing(content, file).removeprefix(codecs.BOM_UTF8)
        case Quarantine():
            return None


def _witness(witnesses: Witnesses, source: Witness, file: str) -> Model:
    if source not in witnesses:
        raise PlanError("no {source} to take {file} from", source=source, file=file)
    return witnesses[source]


def _existing(before: bytes | None, file: str) -> bytes:
    if before is None:
        raise PlanError("no {file} to edit", file=file)
    return before
