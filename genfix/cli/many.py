"""The commands on several folders: one table, one exit code, and each folder's own report."""

from collections.abc import Sequence
from typing import TypeVar

from genfix.cli.bar import progress_bar
from genfix.cli.many_sinks import Sink, Verb
from genfix.cli.output import Output
from genfix.message import Message
from genfix.report.folder_rows import FolderRow, row_of, summary_of_rows, worst_code
from genfix.resolver.case import Case
from genfix.zoo.each import each

Answer = TypeVar("Answer")


def run_many(
    verb: Verb[Answer], cases: Sequence[Case], out: Output, sink: Sink[Answer], notes: Sequence[Message]
) -> int:
    """Run ``verb`` on every folder, and report all of them together."""
    out.notes(notes)
    rows: list[FolderRow] = []
    with progress_bar(len(cases), quiet=out.quiet, label=verb.name) as bar:
        for number, one in enumerate(each(cases, verb.run)):
            bar.away()
            if one.answer is not None:
                outcome = verb.outcome(one.answer)
                rows.append(row_of(one.target, outcome, verb.code(one.answer, number)))
                sink.add(rows[-1], one.case, one.answer, outcome)
            elif one.error is not None:
                rows.append(FolderRow(one.target, one.error.exit_code, error=one.error))
                sink.fail(rows[-1], one.error)
            bar.step(one.target)
            bar.back()
    code = worst_code(row.code for row in rows)
    sink.finish(rows, code, notes)
    out.tell(summary_of_rows(rows), "bold")
    return code
