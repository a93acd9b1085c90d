"""Several folders as the comment of a pull request, in GitHub's Markdown."""

from collections.abc import Sequence

from genfix.planner.plan_markdown import code, collapsed, escaped
from genfix.report.folder_rows import FolderRow, found_in_row, state_of_row, summary_of_rows
from genfix.report.markdown import LIMIT
from genfix.rules import Severity

_ROWS = 200


def many_comment(rows: Sequence[FolderRow], details: Sequence[str]) -> str:
    """A table of the folders, and collapsed what each one's own comment says, as far as there is room."""
    head = [f"### genfix: {summary_of_rows(rows)}", "", "| folder | base | state | found | first finding |"]
    head += ["|---|---|---|---|---|", *map(_row, rows[:_ROWS])]
    if len(rows) > _ROWS:
        head += ["", f"{len(rows) - _ROWS} more are not listed."]
    text = "\n".join(head)[:LIMIT]
    for row, detail in zip(rows, details, strict=True):
        part = "\n".join(["", "", *collapsed(code(row.target), detail.splitlines())]) if detail else ""
        if len(text) + len(part) > LIMIT:
            return f"{text}\n\nMore is too long for a comment; `genfix check` shows it."
        text += part
    return text


def _row(row: FolderRow) -> str:
    first = row.first if row.first is not None and row.first.severity is not Severity.INFO else None
    said = "" if first is None else f"{first.code} {first.name}"
    cells = (
        code(row.target),
        code(row.base) if row.base else "",
        str(state_of_row(row)),
        str(found_in_row(row) or ""),
        escaped(row.error.message) if row.error is not None else said,
    )
    return f"| {' | '.join(cells)} |"
