"""The page over several folders: one row each, with a link to the folder's own page."""

from collections.abc import Sequence
from typing import NamedTuple

from genfix.language import Language
from genfix.report.folder_rows import FolderRow, found_in_row, state_of_row, summary_of_rows
from genfix.report.html.page import render_page
from genfix.report.html.review import Kind
from genfix.report.style import Style
from genfix.rules import Harm, Severity
from genfix.show import show

INDEX = "index.html"


class RowView(NamedTuple):
    """A folder as the page shows it."""

    target: str
    page: str
    """The file of its own page; empty where there is none."""
    base: str
    state: str
    tone: str
    found: str
    first: str
    symptom: str


class ManyPage(NamedTuple):
    """All that the page shows."""

    kind: Kind
    verdict: str
    tone: str
    rows: tuple[RowView, ...]
    notes: tuple[str, ...]
    has_bases: bool


def page_name(number: int, target: str) -> str:
    """The file of the page of the ``number``-th folder: safe on every disk, and told apart by its number."""
    last = target.rstrip("/").rpartition("/")[2]
    kept = "".join(
        letter if letter.isascii() and (letter.isalnum() or letter in "-_") else "-" for letter in last
    )
    return f"{number:04d}-{kept[:60]}.html"


def many_page(
    kind: Kind, rows: Sequence[FolderRow], pages: Sequence[str], notes: Sequence[str], lang: Language
) -> str:
    """The index; ``pages`` are the files of the folders' own pages, empty where a folder has none."""
    style = Style(language=lang)
    bad = any(row.error is not None or row.worst in {Harm.ENDLESS, Harm.BROKEN} for row in rows)
    worse = any(row.worst is Harm.WORSE for row in rows)
    views = tuple(_view(row, page, style) for row, page in zip(rows, pages, strict=True))
    return render_page(
        "many",
        lang,
        ManyPage(
            kind,
            style.words(summary_of_rows(rows)),
            "bad" if bad else "attention" if worse else "good",
            views,
            tuple(notes),
            any(view.base for view in views),
        ),
    )


def _view(row: FolderRow, page: str, style: Style) -> RowView:
    first, found = row.first, found_in_row(row)
    is_asked = first is not None and first.severity is not Severity.INFO
    return RowView(
        show(row.target),
        page,
        show(row.base or ""),
        style.words(state_of_row(row)),
        tone_of(row.worst, is_error=row.error is not None),
        style.words(found) if found is not None else "",
        f"{first.code} {first.name}" if first is not None and is_asked else "",
        style.words(row.error.said)
        if row.error is not None
        else style.words(first.message)
        if first is not None and is_asked
        else "",
    )


def tone_of(worst: Harm | None, *, is_error: bool) -> str:
    """The class that colors a state."""
    if is_error:
        return "failed"
    return "healthy" if worst is None else str(worst)
