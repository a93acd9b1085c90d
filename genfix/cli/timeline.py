"""The command that lists what was done: to one folder, or to the stages of a model in several."""

from collections.abc import Sequence
from pathlib import Path

from genfix.api.changing import log
from genfix.applier import Receipt
from genfix.cli.output import Output
from genfix.cli.streams import write_error
from genfix.errors import GenfixError
from genfix.message import Message, text
from genfix.report.changes import log_text, timeline_text
from genfix.report.folder_rows import worst_code
from genfix.report.json import dumps
from genfix.report.json_changes import log_json
from genfix.resolver.case import Case
from genfix.zoo.each import each


def run_log(target: str, state_dir: Path | None, out: Output) -> int:
    """List the transactions on a folder."""
    receipts = log(target, state_dir=state_dir)
    if out.wants_json:
        out.report(dumps(log_json([(target, receipt) for receipt in receipts], {})))
        return 0
    out.report(log_text(receipts, out.style))
    if not receipts:
        out.tell(text("genfix has changed nothing in {target}", target=target))
    return 0


def run_timeline(
    targets: Sequence[str], state_dir: Path | None, out: Output, notes: Sequence[Message]
) -> int:
    """List the transactions on several folders in one order; 2, or 3, where the log of one cannot be read."""
    out.notes(notes)
    found: list[tuple[str, Receipt]] = []
    failed: dict[str, GenfixError] = {}
    cases = [Case(target, state_dir=state_dir) for target in targets]
    for one in each(cases, lambda case: log(case.target, state_dir=case.state_dir)):
        if one.error is not None:
            failed[one.target] = one.error
        found += [(one.target, receipt) for receipt in one.answer or ()]
    found.sort(key=lambda row: row[1].id)  # an id begins with its time
    if out.wants_json:
        out.report(dumps(log_json(found, {target: str(error.said) for target, error in failed.items()})))
    else:
        out.report(timeline_text(found, out.style))
    for target, error in failed.items():
        said = text("{target}: {why}", target=target, why=error.said)
        write_error(said, error.advice, out.aside.language)
    if not found and not failed:
        out.tell(text("genfix has changed nothing in these folders"))
    return worst_code(error.exit_code for error in failed.values())
