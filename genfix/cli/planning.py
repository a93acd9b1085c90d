"""The commands that plan, write, take back, compare and list."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from genfix.api.changing import Repair, apply, diff_case, plan_case, repair_case, undo
from genfix.applier import Built, Receipt
from genfix.cli.after_plan import Next, next_after, on_page
from genfix.cli.exits import exit_code, settle_known
from genfix.cli.next_lines import apply_line, cannot_change, command_line, undo_line
from genfix.cli.options import Here, Level
from genfix.cli.output import Output
from genfix.cli.saved_options import Saved
from genfix.errors import InputError
from genfix.message import text
from genfix.planner.plan import Plan
from genfix.report.changes import differences_text
from genfix.report.folder_rows import found_in_row, row_of
from genfix.report.json import dumps
from genfix.report.json_changes import differences_json, plan_json
from genfix.report.outcome import Outcome, of_plan, of_repair
from genfix.report.text import summary
from genfix.report.whole_texts import plan_report, repair_report, repaired
from genfix.resolver import download_line, is_address, names_gguf
from genfix.resolver.case import Case
from genfix.rules import Applicability, Finding, Severity
from genfix.show import show


class Ending(NamedTuple):
    """What makes a repair end with 1."""

    fail_on: Level
    fail_on_fix: bool = False


def run_plan(
    case: Case, out: Output, baseline: Path | None, *, save: Path | None = None, is_repair: bool = False
) -> int:
    """Show what repair would write, and keep it for apply; 1 where there is something to change."""
    if save is not None:
        if names_gguf(case.target):
            raise InputError(
                "a plan for a GGUF cannot be kept",
                "make the new file at once: genfix repair FILE --output NEW.gguf",
            )
        from genfix.applier import check_report_place  # noqa: PLC0415 - only where it is asked for

        check_report_place(save, outside=None if is_address(case.target) else Path(case.target))
    made = plan_case(case)
    then = next_after(case, made, out, save)
    page = {"repair": then.make, "undo": then.undo} if is_repair else on_page(case, then, save)
    code = _show_plan(made, out, then._replace(page=page))
    if made.changes and cannot_change(case.target):
        out.tell(text("what helps without changing it: {command}", command=command_line("workarounds", case)))
    settle_known(case, made.remaining, made.known, out, baseline)
    return code


def _show_plan(made: Plan, out: Output, then: Next) -> int:
    out.notes(made.notes)
    if out.wants_json:
        out.report(dumps(plan_json(made)))
    elif out.wants_html:
        from genfix.api.plan_files import id_of  # noqa: PLC0415 - only where it is asked for
        from genfix.report.html import plan_page  # noqa: PLC0415

        commands = {**(then.page if made.changes else {}), "unsafe": then.unsafe}
        plan_id = id_of(made) if "apply" in then.page else ""
        out.report(plan_page(made, plan_id=plan_id, commands=commands, lang=out.aside.language))
    elif out.verdict is not None:
        from genfix.cli.formats import rendered  # noqa: PLC0415 - only where it is asked for

        step = then.make if made.changes else ""
        out.report(rendered(of_plan(made), out.verdict, verbose=out.verbose, command=step))
    else:
        out.report(plan_report(made, out.style, verbose=out.verbose))
    if out.file is not None and made.changes:
        say_counts(of_plan(made), out)
    if not made.changes:
        nothing_to_change(made, made.findings, out, then.unsafe)
    elif then.make:
        out.tell(text("to make these changes: {command}", command=then.make))
    else:
        command = download_line(made.target)
        out.tell(
            text("to make these changes, apply them to a download: {command}", command=command)
            if command
            else text("to make these changes, apply them to a copy on this machine")
        )
    if made.base is None:
        say_alone(out)
    return 1 if made.changes else 0


def say_counts(outcome: Outcome, out: Output) -> None:
    """Say how much a report in a file is about."""
    counted = found_in_row(row_of(outcome.target, outcome, 0))
    if counted is not None:
        out.judged(outcome.target, outcome.base, out.aside.words(counted))


def _say_left(made: Plan, out: Output) -> None:
    """What the folder's own files did not settle."""
    if made.base is None and made.remaining:
        left = summary(made.remaining, out.aside, verbose=out.verbose)
        out.judged(made.target, None, out.aside.text("left as it is: ") + left)


def say_alone(out: Output) -> None:
    """Say what was not looked for, since no base was named."""
    out.tell(
        text(
            "without a base only the folder's own files were asked: name it with --base to see which files, "
            "keys and settings were lost"
        )
    )


def run_apply(saved: Saved, ending: Ending, out: Output, *, dry_run: bool) -> int:
    """Make the changes of a plan file, or show them."""
    from genfix.api.plan_files import load_plan  # noqa: PLC0415 - only where it is asked for

    made = load_plan(
        saved.plan_file,
        target=saved.target,
        base=saved.base,
        adapter=saved.adapter,
        offline=saved.offline,
        state_dir=saved.state_dir,
        finish=not dry_run,
    )
    place = Here(made.target, saved.state_dir)
    if dry_run:
        line = apply_line(saved.plan_file, saved.target, place)
        undo = undo_line(place)
        return _show_plan(made, out, Next(line, undo, page={"apply": line, "undo": undo}))
    receipt = apply(made, state_dir=saved.state_dir)
    return _show_repair(Repair(made, receipt), place, ending, out)


def run_repair(
    case: Case,
    ending: Ending,
    out: Output,
    baseline: Path | None,
    *,
    output: str | None = None,
    config_only: bool = False,
) -> int:
    """Make the fixes, here or in a copy, and say what was done, where the backup is, and what is left."""
    done = repair_case(case, output=output, config_only=config_only)
    unsafe = command_line("plan", case._replace(unsafe_fixes=True))
    place = Here(done.plan.target, case.state_dir)
    code = _show_repair(done, place, ending, out, unsafe)
    is_accepted = settle_known(case, done.plan.remaining, done.plan.known, out, baseline)
    return 0 if is_accepted and not (ending.fail_on_fix and done.plan.changes) else code


def _show_repair(done: Repair, place: Here, ending: Ending, out: Output, unsafe: str = "") -> int:
    made = done.plan
    out.notes(made.notes)
    if out.wants_json:
        out.report(dumps(plan_json(made, done.receipt)))
    elif out.wants_html:
        from genfix.report.html import plan_page  # noqa: PLC0415 - only where it is asked for

        commands = {"undo": undo_line(place, _asked_for(done.receipt))} if done.receipt is not None else {}
        out.report(plan_page(made, done=True, commands=commands, lang=out.aside.language))
    elif out.verdict is not None:
        from genfix.cli.formats import rendered  # noqa: PLC0415

        out.report(rendered(of_repair(made), out.verdict, verbose=out.verbose))
    else:
        out.report(repair_report(made, out.style, verbose=out.verbose))
    if done.built is not None:
        _say_built(made.target, done.built, len(made.changes), out)
    elif done.receipt is None:
        nothing_to_change(made, made.remaining, out, unsafe)
    else:
        _say_done(place, done.receipt, out)
        _say_left(made, out)
    if out.file is not None and made.changes:
        say_counts(of_repair(made), out)
    if made.base is None:
        say_alone(out)
    return 1 if made.changes and ending.fail_on_fix else exit_code(made.remaining, ending.fail_on)


def _asked_for(receipt: Receipt) -> str:
    """The id where an undo asks for it, since nothing will remember that the repair was made here."""
    return "" if receipt.ours else receipt.id


def nothing_to_change(made: Plan, left: Sequence[Finding], out: Output, unsafe: str) -> None:
    """Say that there is nothing to change, and what is found all the same."""
    style = out.aside
    outcome = style.text("nothing to change")
    if left:
        outcome += style.text("; ") + summary(left, style, verbose=out.verbose)
    out.judged(made.target, made.base, outcome)
    serious = [finding.fix for finding in left if finding.severity is not Severity.INFO and finding.fix]
    if unsafe and any(fix.applicability is Applicability.UNSAFE for fix in serious):
        out.tell(text("to see what the unsafe fixes would do: {command}", command=unsafe))


def _say_built(target: str, built: Built, changed: int, out: Output) -> None:
    out.say("")
    out.tell(
        text(
            "made {path} from {target}: {files} file, {changed} of them repaired",
            "made {path} from {target}: {files} files, {changed} of them repaired",
            path=str(built.path),
            target=target,
            files=built.files,
            changed=changed,
            count=built.files,
        ),
        "green",
        "bold",
    )
    if built.linked:
        out.tell(
            text(
                "note: {count} weight file shared with {target} by hard link: never change it in place",
                "note: {count} weight files shared with {target} by hard link: never change them in place",
                count=len(built.linked),
                target=target,
            )
        )


def _say_done(place: Here, receipt: Receipt, out: Output) -> None:
    out.say("")
    out.tell(repaired(place.target, len(receipt.changes)), "green", "bold")
    if place.state_dir is None:
        out.tell(text("backup: {path} (deleting .cache gives up undo)", path=receipt.backup))
    else:
        out.tell(text("backup: {path}", path=receipt.backup))
    out.tell(text("undo:   {command}", command=undo_line(place, _asked_for(receipt))))
    for name in receipt.broken_links:
        out.tell(text("note: {file} had another hard link, which keeps the old content", file=name))
    out.tell(text("restart the server: engines read these files only when they start"))


def run_diff(case: Case, at: str | None, other: str | None, out: Output) -> int:
    """Compare two folders' config files, or a folder's with those of one of its stages."""
    found = diff_case(case, at, other)
    if out.wants_json:
        out.report(dumps(differences_json(found)))
    else:
        out.report(differences_text(found, out.style))
        against = text("the base") if at is None else text("the stage {stage}", stage=at)
        if other is not None:
            against = text("the stage {stage}", stage=other)
        out.tell(
            text(
                "{count} file differs (- {against}, + {target})",
                "{count} files differ (- {against}, + {target})",
                count=len(found),
                against=against,
                target=os.fspath(case.target),
            )
        )
    return 0


def run_undo(place: Here, transaction: str | None, out: Output) -> int:
    """Take back one transaction."""
    receipt = undo(place.target, transaction, state_dir=place.state_dir)
    out.report(
        "\n".join(f"{'-' if change.after is None else '~'} {show(change.name)}" for change in receipt.changes)
    )
    out.tell(text("undid {id}; to redo: {command}", id=receipt.undoes, command=undo_line(place, receipt.id)))
    out.tell(text("restart the server: engines read these files only when they start"))
    return 0
