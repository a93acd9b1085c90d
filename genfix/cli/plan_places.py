"""Where ``genfix plan`` writes: its plan by ``-o``, its report by ``--report``."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from genfix.cli.choices import Format
from genfix.message import Message, text

_ONCE_BY_OUTPUT: Final = frozenset(
    {Format.CONCISE, Format.SARIF, Format.GITHUB, Format.MARKDOWN, Format.HTML, Format.PATCH}
)
"""The formats whose report 0.1.0 wrote to the file of ``-o``."""


class PlanPlaces(NamedTuple):
    """The files of a plan and of its report; `None`: none, and stdout."""

    plan: Path | None
    report: Path | None
    notes: Sequence[Message] = ()


def plan_places(output_format: str, output_file: Path | None, report: Path | None) -> PlanPlaces:
    """The files that the options of ``genfix plan`` name, in the spelling of 0.1.0 too."""
    if output_file is None or report is not None or output_format not in _ONCE_BY_OUTPUT:
        return PlanPlaces(output_file, report)
    said = text(
        "-o with {format} writes the report, as it did in 0.1.0; --report {path} says so plainly, and -o "
        "keeps the plan beside it",
        format=output_format,
        path=output_file,
    )
    return PlanPlaces(None, output_file, [said])
