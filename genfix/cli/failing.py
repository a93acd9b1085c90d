"""Errors where a machine reads the report: it must not take an empty one, or an old one, for a clean one."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from genfix.cli.streams import write
from genfix.errors import GenfixError

if TYPE_CHECKING:
    from genfix.cli.output import Output


class ReportedError(Exception):
    """An error behind a report that is out already: it is said on stderr alone."""

    def __init__(self, error: GenfixError) -> None:
        super().__init__(error)
        self.error = error


@contextmanager
def behind_report(out: "Output") -> Iterator[None]:
    """Errors of the block come after the report of ``out``, which is written before they are said.

    Raises `ReportedError`.
    """
    try:
        yield
    except GenfixError as error:
        out.done(error.exit_code)
        raise ReportedError(error) from error


def report_error(error: GenfixError, command: str, given: Mapping[str, object]) -> None:
    """Write ``error`` as the report of ``command``, in the format and to the place that ``given`` names."""
    output_format = str(given.get("output_format") or "")
    if output_format in {"", "text"}:
        return
    from genfix.cli.formats import failed  # noqa: PLC0415 - only for machines
    from genfix.report.outcome import Failure  # noqa: PLC0415

    document = failed(Failure(error, command=command), output_format)
    if document and not _is_filed(document, command, given):
        write(sys.stdout, f"{document}\n")


def _is_filed(document: str, command: str, given: Mapping[str, object]) -> bool:
    """Whether the document went to the file that was asked for; not where that is what fails."""
    place, state = _path(given, "output_file"), _path(given, "state_dir")
    if command == "plan":
        from genfix.cli.plan_places import plan_places  # noqa: PLC0415

        place = plan_places(str(given.get("output_format")), place, _path(given, "report")).report
    if place is None or str(place) == "-":
        return False
    from genfix.applier.reports import check_report_place, write_report  # noqa: PLC0415 - few have a file

    try:
        check_report_place(place, state_dir=state)
        write_report(place, f"{document}\n".encode("utf-8", "backslashreplace"), state_dir=state)
    except GenfixError:
        return False
    return True


def _path(given: Mapping[str, object], name: str) -> Path | None:
    found = given.get(name)
    return found if isinstance(found, Path) else None
