"""What the fix of one finding would change, field by field."""

from collections.abc import Iterator
from typing import assert_never

from genfix.json_types import JsonValue, Missing
from genfix.report.layout import cut
from genfix.report.style import COLORS, Style
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
from genfix.show import show, show_value


def field_lines(finding: Finding, style: Style, indent: str = "") -> Iterator[str]:
    """A line for each value that would go (``-``), come (``+``) or, for a whole file, change (``~``)."""
    for operation in finding.fix.operations if finding.fix is not None else ():
        for sign, said in _signed(operation, finding, style):
            yield style.mark(cut(f"{indent}{sign} {said}", style.room), COLORS[sign])


def _signed(operation: Operation, finding: Finding, style: Style) -> Iterator[tuple[str, str]]:
    match operation:
        case SetField(pointer=pointer, value=value):
            yield from _replaced(operation.file, pointer, show_value(value), finding)
        case CopyField(pointer=pointer, source=source):
            known = _is_about(operation.file, pointer, finding) and not isinstance(finding.expected, Missing)
            value = _value(finding.expected) if known else _value_of(source, style)
            yield from _replaced(operation.file, pointer, value, finding)
        case RemoveField(pointer=pointer):
            yield "-", _field(operation.file, pointer, finding, _current(operation.file, pointer, finding))
        case RestoreFile(source=Witness.ADAPTER):
            yield "+", style.text("{file}: the adapter's file", file=operation.file)
        case RestoreFile():
            yield "+", style.text("{file}: the base's file", file=operation.file)
        case WriteFile():
            yield "+", show(operation.file)
        case Quarantine():
            yield "-", style.text("{file}: moved into the backup", file=operation.file)
        case Mend() | StripBom():
            yield "~", style.text("{file}: only the slips are taken out", file=operation.file)
        case _:
            assert_never(operation)


def _value_of(source: Witness, style: Style) -> str:
    return style.text("the adapter's value") if source is Witness.ADAPTER else style.text("the base's value")


def _replaced(file: str, pointer: str, value: str, finding: Finding) -> Iterator[tuple[str, str]]:
    if current := _current(file, pointer, finding):
        yield "-", _field(file, pointer, finding, current)
    yield "+", _field(file, pointer, finding, value)


def _is_about(file: str, pointer: str, finding: Finding) -> bool:
    return (file, pointer) == (finding.file, finding.pointer)


def _current(file: str, pointer: str, finding: Finding) -> str:
    return _value(finding.current) if _is_about(file, pointer, finding) else ""


def _value(value: JsonValue | Missing) -> str:
    return "" if isinstance(value, Missing) else show_value(value)


def _field(file: str, pointer: str, finding: Finding, value: str) -> str:
    """``pointer: value``, after the file's name where it is another than the finding's."""
    place = pointer if file == finding.file else f"{file} {pointer}"
    return f"{show(place)}: {value}" if value else show(place)
