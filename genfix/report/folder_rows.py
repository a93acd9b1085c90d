"""Several folders in one table: how bad each is, in a line."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from genfix.errors import GenfixError
from genfix.message import Message, text
from genfix.report.layout import aligned, short_commits
from genfix.report.names import HARMS, counted
from genfix.report.outcome import Outcome
from genfix.report.style import Style
from genfix.report.text import count
from genfix.rules import Finding, Harm, Severity
from genfix.rules.core.harms import harm
from genfix.show import show

_COLORS = {Harm.ENDLESS: "red", Harm.BROKEN: "red", Harm.WORSE: "yellow", Harm.KNOWN: "green"}


class FolderRow(NamedTuple):
    """What is to be said of one folder of several."""

    target: str
    code: int
    """The exit code that this folder alone would give."""
    base: str | None = None
    worst: Harm | None = None
    """`None` where nothing is found, or the folder could not be judged."""
    numbers: tuple[tuple[Severity, int], ...] = ()
    """How many findings of each severity that has any, worst first."""
    first: Finding | None = None
    """The worst finding."""
    files: int = 0
    """How many files a plan would change, or a repair has changed."""
    done: bool | None = None
    """Whether they were changed; `None` where nobody asked for any."""
    error: GenfixError | None = None
    """Why the folder could not be judged, or was not written to."""


def row_of(target: str, outcome: Outcome, code: int) -> FolderRow:
    """The row of a folder that was judged."""
    numbers = tuple((severity, number) for severity, number in count(outcome.findings).items() if number)
    return FolderRow(
        target,
        code,
        outcome.base,
        min(map(harm, outcome.findings), key=[*Harm].index, default=None),
        numbers,
        outcome.findings[0] if outcome.findings else None,
        len(outcome.changes),
        outcome.done,
    )


def state_of_row(row: FolderRow) -> Message:
    """How bad a folder is, in a word or two."""
    if row.error is not None:
        return text("refused") if row.code == 3 else text("not judged")
    return HARMS[row.worst or Harm.KNOWN]


def found_in_row(row: FolderRow) -> Message | None:
    """What was changed, and how many findings there are; `None` where nothing is to be said."""
    parts: list[Message] = []
    if row.files:
        parts.append(
            text("{count} file repaired", "{count} files repaired", count=row.files)
            if row.done
            else text("{count} file to repair", "{count} files to repair", count=row.files)
        )
    parts += [counted(severity, number) for severity, number in row.numbers]
    return _joined(parts) if parts else None


def _joined(parts: Sequence[Message]) -> Message:
    first, *rest = parts
    return text("{first}, {rest}", first=first, rest=_joined(rest)) if rest else first


def rows_text(rows: Sequence[FolderRow], style: Style) -> str:
    """The table for a terminal, a line each; paths come last and whole, to be copied.

    What is wrong with those that could not be judged stands below it.
    """
    bases = {row.base for row in rows if row.error is None}
    heads = [text("state"), text("found"), text("first finding"), text("base"), text("folder")]
    cells = [[style.words(head) for head in heads], *(_cells(row, style) for row in rows)]
    # A column in which nothing stands, or the same in every line, tells nothing.
    shown = [
        column
        for column in range(len(heads))
        if column != 3 or len(bases) > 1
        if any(line[column] for line in cells[1:])
    ]
    lines = []
    for line, color in zip(
        aligned([[line[at] for at in shown] for line in cells]), ("bold", *map(_color, rows)), strict=True
    ):
        lines.append("   ".join([style.mark(line[0], color), *line[1:]]).rstrip())
    failed = [
        f"{show(row.target)}{style.text(': ')}{style.words(row.error.said)}"
        for row in rows
        if row.error is not None
    ]
    return "\n".join([*lines, *([""] if failed else []), *failed])


def _cells(row: FolderRow, style: Style) -> list[str]:
    found = found_in_row(row)
    first = row.first if row.first is not None and row.first.severity is not Severity.INFO else None
    return [
        style.words(state_of_row(row)),
        style.words(found) if found is not None else "",
        f"{first.code} {first.name}" if first is not None else "",
        short_commits(show(row.base or "")),
        show(row.target),
    ]


def _color(row: FolderRow) -> str:
    if row.error is not None:
        return "red"
    return "green" if row.worst is None else _COLORS[row.worst]


def summary_of_rows(rows: Iterable[FolderRow]) -> Message:
    """How many folders there are of each kind, in a sentence."""
    rows = [*rows]
    failed = sum(row.error is not None for row in rows)
    bad = sum(any(severity is Severity.ERROR for severity, _ in row.numbers) for row in rows)
    worse = sum(row.worst is Harm.WORSE for row in rows)
    repaired = sum(bool(row.done and row.files) for row in rows)
    parts = [text("{count} folder", "{count} folders", count=len(rows))]
    parts += [text("{count} repaired", count=repaired)] if repaired else []
    parts += [text("{count} with errors", count=bad)] if bad else []
    parts += [text("{count} with warnings only", count=worse)] if worse else []
    parts += [text("{count} could not be judged or repaired", count=failed)] if failed else []
    if not (bad or worse or failed):
        parts.append(text("all healthy"))
    return text("{head}: {rest}", head=parts[0], rest=_joined(parts[1:]))


def worst_code(codes: Iterable[int]) -> int:
    """The exit code of several folders: could not do (2) before refused (3) before findings (1) before 0."""
    return max(codes, key=[0, 1, 3, 2].index, default=0)
