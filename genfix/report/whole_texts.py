"""All that the command line says of a report, a plan or a repair, but for what to type next."""

from collections.abc import Iterator

from genfix.api.changing import Repair
from genfix.api.judging import Report
from genfix.message import Message, text
from genfix.planner.plan import Plan
from genfix.report.changes import plan_text
from genfix.report.covered import coverage_line
from genfix.report.layout import wrap
from genfix.report.style import Style
from genfix.report.text import findings_text, headlines, judged_line, summary


def plan_report(made: Plan, style: Style, *, verbose: bool) -> str:
    """What is wrong and what would change."""
    found = findings_text(made.findings, style, verbose=verbose, fields=not made.changes)
    changes = "\n" + plan_text(made, style) if made.changes else ""
    return "\n".join(filter(None, (found, changes)))


def repair_report(made: Plan, style: Style, *, verbose: bool) -> str:
    """What was wrong, what changed, and what is left."""
    changes = "\n" + plan_text(made, style) if made.changes else ""
    left = findings_text(made.remaining, style, verbose=verbose)
    title = style.mark(style.text("Left for you to decide:"), "bold")
    rest = f"\n{title}\n\n{left}" if left else ""
    return "\n".join(filter(None, (headlines(made.fixed, style), changes, rest)))


def whole_report(report: Report, style: Style, *, verbose: bool) -> str:
    """What `genfix check` says."""
    counted = summary(report.findings, style, verbose=verbose)
    closing = [
        *_notes(report.notes, style),
        judged_line(report.target, report.base, counted, style),
        *wrap(style.words(coverage_line(report.coverage)), style.room),
    ]
    found = findings_text(report.findings, style, verbose=verbose)
    return "\n\n".join(filter(None, (found, "\n".join(closing))))


def whole_plan(made: Plan, style: Style, *, verbose: bool) -> str:
    """What `genfix plan` says."""
    closing = [*_notes(made.notes, style)]
    if not made.changes:
        outcome = style.text("nothing to change")
        if made.findings:
            outcome += style.text("; ") + summary(made.findings, style, verbose=verbose)
        closing.append(judged_line(made.target, made.base, outcome, style))
    return "\n\n".join(filter(None, (plan_report(made, style, verbose=verbose), "\n".join(closing))))


def whole_repair(done: Repair, style: Style, *, verbose: bool) -> str:
    """What `genfix repair` says."""
    if done.receipt is None and done.built is None:
        return whole_plan(done.plan, style, verbose=verbose)
    closing = [*_notes(done.plan.notes, style)]
    if done.receipt is not None:
        closing += [
            style.words(said)
            for said in (repaired(done.plan.target, len(done.receipt.changes)), backup_at(done))
        ]
    return "\n\n".join(filter(None, (repair_report(done.plan, style, verbose=verbose), "\n".join(closing))))


def repaired(target: str, count: int) -> Message:
    """How many files of a folder were repaired."""
    return text(
        "repaired {count} file of {target}", "repaired {count} files of {target}", count=count, target=target
    )


def backup_at(done: Repair) -> Message:
    """Where the old bytes are."""
    return text("backup: {path}", path=done.receipt.backup if done.receipt is not None else "")


def _notes(notes: tuple[Message, ...], style: Style) -> Iterator[str]:
    for note in notes:
        yield from wrap(style.text("note: {note}", note=note), style.room, "", " " * 6)
