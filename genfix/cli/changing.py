"""The commands that plan, write, take back, compare and list."""

from collections.abc import Sequence
from pathlib import Path

from genfix.api.changing import diff, log, plan, repair, undo
from genfix.applier import Built, Receipt
from genfix.cli.exits import exit_code
from genfix.cli.options import Case, Ending
from genfix.cli.output import Output, command_line, undo_line
from genfix.planner import Plan
from genfix.report.changes import differences_text, log_text, plan_text
from genfix.report.json import dumps
from genfix.report.json_changes import differences_json, log_json, plan_json
from genfix.report.show import show
from genfix.report.text import findings_text, headlines, summary
from genfix.rules import Applicability, Finding, Severity

__all__ = ["run_diff", "run_log", "run_plan", "run_repair", "run_undo"]


def run_plan(case: Case, out: Output, *, unsafe_fixes: bool) -> int:
    """Show what repair would write; 1 where there is something to change."""
    made = plan(
        case.target,
        case.base,
        adapter=case.adapter,
        select=case.select,
        ignore=case.ignore,
        unsafe_fixes=unsafe_fixes,
        offline=case.offline,
        allow_base_mismatch=case.allow_base_mismatch,
        state_dir=case.state_dir,
        progress=out.progress,
    )
    out.notes(made.notes)
    if out.wants_json:
        out.report(dumps(plan_json(made)))
    elif out.wants_html:
        from genfix.cli.pages import planned  # noqa: PLC0415 - only where it is asked for

        out.report(planned(made, case, out.aside.language, unsafe_fixes=unsafe_fixes))
    elif out.verdict is not None:
        from genfix.cli.formats import rendered  # noqa: PLC0415 - only where it is asked for
        from genfix.report.outcome import of_plan  # noqa: PLC0415

        next_step = command_line("repair", case, unsafe_fixes=unsafe_fixes) if made.changes else ""
        out.report(rendered(of_plan(made), out.verdict, verbose=out.verbose, command=next_step))
    else:
        found = findings_text(made.findings, out.style, verbose=out.verbose, fields=not made.changes)
        out.report(found)
        if made.changes:
            out.report("\n" + plan_text(made, out.style))
    if made.changes and "://" in case.target:
        out.tell("next-download")
    elif made.changes:
        out.tell("next-repair", command=command_line("repair", case, unsafe_fixes=unsafe_fixes))
    else:
        _nothing_to_change(case, made, made.findings, out)
    return 1 if made.changes else 0


def run_repair(
    case: Case, ending: Ending, out: Output, *, unsafe_fixes: bool, output: str | None = None
) -> int:
    """Make the fixes, here or in a copy, and say what was done, where the backup is, and what is left."""
    done = repair(
        case.target,
        case.base,
        output=output,
        adapter=case.adapter,
        select=case.select,
        ignore=case.ignore,
        unsafe_fixes=unsafe_fixes,
        offline=case.offline,
        allow_base_mismatch=case.allow_base_mismatch,
        state_dir=case.state_dir,
        progress=out.progress,
    )
    made = done.plan
    out.notes(made.notes)
    if out.wants_json:
        out.report(dumps(plan_json(made, done.receipt)))
    elif out.wants_html:
        from genfix.cli.pages import repaired  # noqa: PLC0415 - only where it is asked for

        out.report(repaired(done, case, out.aside.language))
    elif out.verdict is not None:
        from genfix.cli.formats import rendered  # noqa: PLC0415 - only where it is asked for
        from genfix.report.outcome import of_repair  # noqa: PLC0415

        out.report(rendered(of_repair(made), out.verdict, verbose=out.verbose))
    else:
        out.report(headlines(made.fixed, out.style))
        if made.changes:
            out.report("\n" + plan_text(made, out.style))
        left = findings_text(made.remaining, out.style, verbose=out.verbose)
        title = out.style.mark(out.style.phrase("left-to-you"), "bold")
        out.report(f"\n{title}\n\n{left}" if left else "")
    if done.built is not None:
        _say_built(case, done.built, len(made.changes), out)
    elif done.receipt is None:
        _nothing_to_change(case, made, made.remaining, out)
    else:
        _say_done(case, done.receipt, out)
    if made.base is None:
        out.tell("alone")
    return 1 if made.changes and ending.fail_on_fix else exit_code(made.remaining, ending.fail_on)


def _nothing_to_change(case: Case, made: Plan, left: Sequence[Finding], out: Output) -> None:
    style = out.aside
    outcome = style.phrase("nothing-to-change")
    if left:
        outcome += style.phrase("and-left") + summary(left, style, verbose=out.verbose)
    out.judged(made.target, made.base, outcome)
    serious = [finding.fix for finding in left if finding.severity is not Severity.INFO and finding.fix]
    if any(fix.applicability is Applicability.UNSAFE for fix in serious):
        out.tell("next-plan-unsafe", command=command_line("plan", case, unsafe_fixes=True))


def _say_built(case: Case, built: Built, changed: int, out: Output) -> None:
    out.say("")
    out.tell(
        "built",
        "green",
        "bold",
        path=str(built.path),
        target=case.target,
        files=built.files,
        changed=changed,
    )
    if built.linked:
        out.tell("linked", count=len(built.linked), target=case.target)


def _say_done(case: Case, receipt: Receipt, out: Output) -> None:
    out.say("")
    out.tell("repaired", "green", "bold", count=len(receipt.changes), target=case.target)
    out.tell("backup-inside" if case.state_dir is None else "backup", path=str(receipt.backup))
    out.tell("undo", command=undo_line(case.target, case.state_dir))
    for name in receipt.broken_links:
        out.tell("broken-link", file=name)
    out.tell("restart")


def run_diff(case: Case, at: str | None, out: Output) -> int:
    """Compare two folders' config files, or a folder's with those of one of its snapshots."""
    found = diff(
        case.target,
        case.base,
        at=at,
        offline=case.offline,
        allow_base_mismatch=case.allow_base_mismatch,
        state_dir=case.state_dir,
        progress=out.progress,
    )
    if out.wants_json:
        out.report(dumps(differences_json(found)))
    else:
        out.report(differences_text(found, out.style))
        phrase = "differ-from-base" if at is None else "differ-from-snapshot"
        out.tell(phrase, count=len(found), target=case.target, snapshot=at)
    return 0


def run_undo(target: str, transaction: str | None, state_dir: Path | None, out: Output) -> int:
    """Take back one transaction."""
    receipt = undo(target, transaction, state_dir=state_dir)
    out.report(
        "\n".join(f"{'-' if change.after is None else '~'} {show(change.name)}" for change in receipt.changes)
    )
    out.tell("undone", id=receipt.undoes, command=undo_line(target, state_dir, receipt.id))
    out.tell("restart")
    return 0


def run_log(target: str, state_dir: Path | None, out: Output) -> int:
    """List the transactions on a folder."""
    receipts = log(target, state_dir=state_dir)
    if out.wants_json:
        out.report(dumps(log_json(receipts)))
        return 0
    out.report(log_text(receipts, out.style))
    if not receipts:
        out.tell("nothing-logged", target=target)
    return 0
