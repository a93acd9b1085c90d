"""What the formats for machines and for pull requests are made from: a report, a plan or a repair, as one
value.
"""

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from genfix.api.judging import Report
from genfix.engines import EngineView
from genfix.errors import GenfixError
from genfix.jsontext.json_lines import line_of
from genfix.message import Message
from genfix.planner.plan import FileChange, Plan
from genfix.report.covered import coverage_line
from genfix.rules import Finding
from genfix.show import show

_MAX_BYTES = 1024 * 1024
"""Files up to this size are read again for the line of a finding; the line of a larger one is its first."""


class Outcome(NamedTuple):
    """What was found, and what changes."""

    target: str
    base: str | None
    findings: Sequence[Finding]
    content: Callable[[str], bytes | None]
    """The bytes of a file now; `None` where they are not at hand."""
    notes: Sequence[Message] = ()
    changes: Sequence[FileChange] = ()
    done: bool | None = None
    """Whether `changes` were made; `None` where nobody asked for any."""
    cleared: frozenset[tuple[str, str, str]] = frozenset()
    """Keys of the findings that `changes` clear."""
    before: Mapping[str, EngineView] = {}
    after: Mapping[str, EngineView] = {}
    coverage: Message | None = None
    """By whom the folder was judged, in a line; `None` where changes are reported."""

    def line(self, finding: Finding) -> int:
        """The line a finding is about, 1 where no line is."""
        content = self.content(finding.file) if finding.file.endswith(".json") else None
        return 1 if content is None or len(content) > _MAX_BYTES else line_of(content, finding.pointer)

    def fingerprint(self, finding: Finding) -> str:
        """The same for the same problem in the next run, whatever stands around it."""
        parts = (finding.code, self.path(finding.file), finding.pointer or "")
        return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()

    def path(self, name: str) -> str:
        """The path of a file from where the command runs; its bare name where the folder is elsewhere."""
        folder = os.path.normpath(self.target)
        if os.path.isabs(folder):  # noqa: PTH117 - text, as the user wrote it
            try:
                folder = os.path.relpath(folder)
            except OSError:  # the directory we stand in is missing
                return name
        if os.path.basename(folder) == name:  # noqa: PTH119 - a GGUF is its own folder
            folder = os.path.dirname(folder) or "."  # noqa: PTH120
        outside = folder in {".", ".."} or folder.startswith(f"..{os.sep}")
        return name if outside else f"{folder.replace(os.sep, '/')}/{name}"


class Failure(NamedTuple):
    """A folder that could not be judged or written to, or a command that could not begin."""

    error: GenfixError
    target: str = ""
    """The folder; empty where it is not known, or the only one."""
    command: str = ""

    def __str__(self) -> str:
        """What is wrong, and where, in English."""
        return f"{show(self.target)}: {self.error.message}" if self.target else self.error.message


def of_report(report: Report) -> Outcome:
    """What ``check`` found."""
    folder = report.context.merged.folder

    def content(name: str) -> bytes | None:
        try:
            return folder.read(name) if folder.stat(name).size <= _MAX_BYTES else None
        except (KeyError, GenfixError):
            return None

    said = coverage_line(report.coverage)
    return Outcome(report.target, report.base, report.findings, content, report.notes, coverage=said)


def of_plan(plan: Plan) -> Outcome:
    """What ``plan`` found and would change."""
    return Outcome(
        plan.target,
        plan.base,
        plan.findings,
        {change.name: change.before for change in plan.changes}.get,
        plan.notes,
        plan.changes,
        done=False,
        cleared=frozenset(finding.key for finding in plan.fixed),
        before=plan.views_before,
        after=plan.views_after,
    )


def of_repair(plan: Plan) -> Outcome:
    """What ``repair`` changed, and the findings that are left."""
    contents = {change.name: change.after for change in plan.changes}
    return of_plan(plan)._replace(
        findings=plan.remaining, content=contents.get, done=True, cleared=frozenset()
    )
