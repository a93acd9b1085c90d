"""The commands that plan, write, take back, compare and list."""

from pathlib import Path

from genfix.api.changing import Repair, apply, diff, log, plan, repair, undo
from genfix.applier import Built, Receipt
from genfix.cli.exits import exit_code, settle_known
from genfix.cli.options import Case, Level, Saved
from genfix.cli.output import ALONE, RESTART, Output, apply_line, command_line, undo_line
from genfix.planner import Plan
from genfix.report.changes import differences_text, log_text, plan_text
from genfix.report.json import dumps
from genfix.report.json_changes import differences_json, log_json, plan_json
from genfix.report.show import show
from genfix.report.text import findings_text, headlines, summary

__all__ = ["run_apply", "run_diff", "run_log", "run_plan", "run_repair", "run_undo"]


def run_plan(case: Case, out: Output, *, unsafe_fixes: bool, save: Path | None = None) -> int:
    """Show what repair would write, and keep it for apply; 1 where there is something to change."""
    made = plan(
        case.target,
        case.base,
        adapter=case.adapter,
        select=case.select,
        ignore=case.ignore,
        unsafe_fixes=unsafe_fixes,
        offline=case.offline,
        allow_base_mismatch=case.allow_base_mismatch,
        baseline=case.baseline,
        state_dir=case.state_dir,
        progress=out.progress,
    )
    far = "://" in case.target
    then = command_line("repair", case, unsafe_fixes=unsafe_fixes)
    if far:
        then = "download it (`hf download`), and name the folder to `genfix repair`"
    if save is not None:
        from genfix.api.plan_files import save_plan  # noqa: PLC0415 - only where it is asked for

        out.say(f"plan {save_plan(made, save)[:12]} is in {show(str(save))}")
        then = apply_line(str(save), "DIR" if far else None, case.state_dir)
        then += ", with DIR where you downloaded it" if far else ""
    code = _show_plan(made, out, then)
    settle_known(case, made.remaining, made.known, out)
    return code


def _show_plan(made: Plan, out: Output, then: str) -> int:
    out.notes(made.notes)
    if out.wants_json:
        out.report(dumps(plan_json(made)))
    else:
        out.report(findings_text(made.findings, out.style, verbose=out.verbose))
        if made.changes:
            out.report("\n" + plan_text(made, out.style))
    out.say(f"to make these changes: {then}" if made.changes else f"{_names(made)}: nothing to change")
    return 1 if made.changes else 0


def run_apply(saved: Saved, fail_on: Level, out: Output, *, dry_run: bool) -> int:
    """Make the changes of a plan file, or show them."""
    from genfix.api.plan_files import load_plan  # noqa: PLC0415 - only where it is asked for

    made = load_plan(
        saved.path,
        target=saved.target,
        base=saved.base,
        adapter=saved.adapter,
        offline=saved.offline,
        state_dir=saved.state_dir,
    )
    if dry_run:
        return _show_plan(made, out, apply_line(str(saved.path), saved.target, saved.state_dir))
    receipt = apply(made, state_dir=saved.state_dir)
    return _show_repair(Repair(made, receipt), made.target, saved.state_dir, fail_on, out)


def run_repair(
    case: Case, fail_on: Level, out: Output, *, unsafe_fixes: bool, output: str | None = None
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
        baseline=case.baseline,
        state_dir=case.state_dir,
        progress=out.progress,
    )
    code = _show_repair(done, case.target, case.state_dir, fail_on, out)
    return 0 if settle_known(case, done.plan.remaining, done.plan.known, out) else code


def _show_repair(done: Repair, target: str, state_dir: Path | None, fail_on: Level, out: Output) -> int:
    made = done.plan
    out.notes(made.notes)
    if out.wants_json:
        out.report(dumps(plan_json(made, done.receipt)))
    else:
        out.report(headlines(made.fixed, out.style))
        if made.changes:
            out.report("\n" + plan_text(made, out.style))
        left = findings_text(made.remaining, out.style, verbose=out.verbose)
        out.report(f"\nleft for you to decide:\n{left}" if left else "")
    if done.built is not None:
        out.say("", *_built(target, done.built, len(made.changes), out))
    elif done.receipt is None:
        counted = summary(made.remaining, out.aside, verbose=out.verbose)
        out.say(f"{_names(made)}: nothing to change" + (f"; {counted}" if made.remaining else ""))
    else:
        out.say("", *_done(target, done.receipt, state_dir, out))
    if made.base is None:
        out.say(ALONE)
    return exit_code(made.remaining, fail_on)


def _built(target: str, built: Built, changed: int, out: Output) -> list[str]:
    done = (
        f"made {show(str(built.path))} from {show(target)}: {built.files} files, {changed} of them repaired"
    )
    lines = [out.aside.mark(done, "green", "bold")]
    if built.linked:
        number = f"{len(built.linked)} weight file{'' if len(built.linked) == 1 else 's'}"
        lines.append(f"note: {number} shared with {show(target)} by hard link: never change them in place")
    return lines


def _done(target: str, receipt: Receipt, state_dir: Path | None, out: Output) -> list[str]:
    number = len(receipt.changes)
    links = [
        f"note: {show(name)} had another hard link, which keeps the old content"
        for name in receipt.broken_links
    ]
    remark = "" if state_dir is not None else " (deleting .cache gives up undo)"
    return [
        out.aside.mark(
            f"repaired {number} file{'' if number == 1 else 's'} of {show(target)}", "green", "bold"
        ),
        f"backup: {show(str(receipt.backup))}{remark}",
        f"undo:   {undo_line(target, state_dir)}",
        *links,
        RESTART,
    ]


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
        other = "the base" if at is None else f"the snapshot {show(at)}"
        differ = " differs" if len(found) == 1 else "s differ"
        out.say(f"{len(found)} file{differ} (- {other}, + {show(case.target)})")
    return 0


def run_undo(target: str, transaction: str | None, state_dir: Path | None, out: Output) -> int:
    """Take back one transaction."""
    receipt = undo(target, transaction, state_dir=state_dir)
    out.report(
        "\n".join(f"{'-' if change.after is None else '~'} {show(change.name)}" for change in receipt.changes)
    )
    out.say(
        f"undid {receipt.undoes}; to have it back: {undo_line(target, state_dir, receipt.id)}",
        RESTART,
    )
    return 0


def run_log(target: str, state_dir: Path | None, out: Output) -> int:
    """List the transactions on a folder."""
    receipts = log(target, state_dir=state_dir)
    if out.wants_json:
        out.report(dumps(log_json(receipts)))
        return 0
    out.report(log_text(receipts, out.style))
    if not receipts:
        out.say(f"genfix has changed nothing in {show(target)}")
    return 0


def _names(made: Plan) -> str:
    return show(f"{made.target} against {made.base}" if made.base else f"{made.target} alone")
