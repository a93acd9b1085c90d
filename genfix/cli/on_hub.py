"""Repair, apply, undo and log of a model on the Hub: a pull request, or a commit to the branch."""

import re
from pathlib import Path

from genfix.api.changing import plan_case
from genfix.api.publishing import Published, check_publishable, publish, published, unpublish
from genfix.applier import HubReceipt
from genfix.cli.exits import exit_code, settle_known
from genfix.cli.hub_options import Anywhere, OnHub
from genfix.cli.next_lines import command_line, on_hub, undo_line
from genfix.cli.output import Output
from genfix.cli.planning import Ending, nothing_to_change, say_alone, say_counts
from genfix.cli.saved_options import Saved
from genfix.errors import InputError
from genfix.message import Message, text
from genfix.planner.plan import Plan
from genfix.report.hub_report import commit_text, hub_log_json, hub_log_text, published_json
from genfix.report.json import dumps
from genfix.report.outcome import of_plan, of_repair
from genfix.report.whole_texts import plan_report, repair_report
from genfix.resolver.case import Case


def run_repair_on_hub(
    case: Case,
    ending: Ending,
    out: Output,
    baseline: Path | None,
    how: OnHub,
    *,
    dry_run: bool,
    output: str | None,
) -> int:
    """Plan the fixes for a repo, and make them one commit there."""
    if output is not None:
        raise InputError(
            "--output makes a copy on this machine, and --create-pr and --push change the Hub",
            "leave one of them out",
        )
    check_how(how)
    check_publishable(case.target, offline=case.offline, dry_run=dry_run)
    made = plan_case(case)
    target = str(case.target)
    done = publish(made, target=target, push=how.push, dry_run=dry_run, state_dir=case.state_dir)
    unsafe = command_line("plan", case._replace(unsafe_fixes=True))
    code = _show(made, done, Anywhere(target, case.state_dir), ending, out, unsafe)
    is_accepted = settle_known(case, made.remaining, made.known, out, baseline)
    return 0 if is_accepted and not dry_run and not (ending.fail_on_fix and made.changes) else code


def run_apply_on_hub(saved: Saved, ending: Ending, out: Output, how: OnHub, *, dry_run: bool) -> int:
    """Make the changes of a plan file one commit to a repo."""
    from genfix.api.plan_files import load_plan  # noqa: PLC0415 - only where it is asked for

    check_how(how)
    if saved.target is not None:
        check_publishable(saved.target, offline=saved.offline, dry_run=dry_run)
    made = load_plan(
        saved.plan_file,
        target=saved.target,
        base=saved.base,
        adapter=saved.adapter,
        offline=saved.offline,
        state_dir=saved.state_dir,
    )
    target = saved.target or re.sub("@[0-9a-f]{40}$", "", made.target)
    done = publish(
        made, target=target, push=how.push, dry_run=dry_run, offline=saved.offline, state_dir=saved.state_dir
    )
    return _show(made, done, Anywhere(target, saved.state_dir), ending, out)


def run_undo_on_hub(
    place: Anywhere, transaction: str | None, out: Output, how: OnHub, *, dry_run: bool
) -> int:
    """Take a commit back by another one."""
    check_how(how)
    done = unpublish(place.target, transaction, push=how.push, dry_run=dry_run, state_dir=place.state_dir)
    out.report(commit_text(done.commit, out.style))
    _say_done(done, place, out)
    return 1 if dry_run else 0


def run_log_of_hub(place: Anywhere, out: Output) -> int:
    """List what was done to a repo from this machine."""
    log = published(place.target, state_dir=place.state_dir)
    if out.wants_json:
        out.report(dumps(hub_log_json(log)))
        return 0
    out.report(hub_log_text(log, out.style))
    for path in log.damaged:
        out.tell(text("note: {path} is no receipt as genfix writes it", path=path))
    if not log.receipts:
        out.tell(text("genfix has changed nothing in {target} from this machine", target=place.target))
    return 0


def check_how(how: OnHub) -> None:
    """Raise `InputError` where both a pull request and a push are asked for."""
    if how.create_pr and how.push:
        raise InputError("--create-pr and --push exclude each other", "leave one of them out")


def _show(
    made: Plan, done: Published | None, place: Anywhere, ending: Ending, out: Output, unsafe: str = ""
) -> int:
    is_done = done is not None and done.receipt is not None
    out.notes(made.notes)
    if out.wants_json:
        out.report(dumps(published_json(made, done)))
    elif out.wants_html:
        from genfix.report.html import plan_page  # noqa: PLC0415 - only where it is asked for

        out.report(plan_page(made, done=is_done, commands={}, lang=out.aside.language))
    elif out.verdict is not None:
        from genfix.cli.formats import rendered  # noqa: PLC0415 - only where it is asked for

        outcome = of_repair(made) if is_done else of_plan(made)
        out.report(rendered(outcome, out.verdict, verbose=out.verbose))
    elif is_done:
        out.report(repair_report(made, out.style, verbose=out.verbose))
    else:
        out.report(plan_report(made, out.style, verbose=out.verbose))
        if done is not None:
            out.report(f"\n{commit_text(done.commit, out.style)}")
    if out.file is not None and made.changes:
        say_counts(of_repair(made) if is_done else of_plan(made), out)
    if done is None:
        nothing_to_change(made, made.remaining, out, unsafe)
    else:
        _say_done(done, place, out)
    if made.base is None:
        say_alone(out)
    if done is not None and (not is_done or ending.fail_on_fix):
        return 1
    return exit_code(made.remaining, ending.fail_on)


def landed(done: Published, receipt: HubReceipt) -> Message:
    """Where a commit is that the Hub has."""
    args = {"repo": receipt.repo, "branch": receipt.branch, "path": done.url}
    if done.was_there:
        return text(
            "pull request {number} has exactly this already: {path}", number=receipt.pull_request, **args
        )
    if receipt.pull_request is not None:
        return text("opened pull request {number}: {path}", number=receipt.pull_request, **args)
    return text("committed to {branch} of {repo}: {path}", **args)


def _say_done(done: Published, place: Anywhere, out: Output) -> None:
    """Say where the commit is, and what to do with it."""
    out.notes(done.notes)
    receipt = done.receipt
    if receipt is None:
        out.tell(text("nothing was sent: a dry run"))
        return
    out.say("")
    out.tell(landed(done, receipt), "green", "bold")
    line = on_hub(undo_line(place, receipt.id if receipt.kind == "undo" else ""))
    out.tell(
        text("to take it back once it is merged: {command}", command=line)
        if receipt.pull_request is not None
        else text("to take it back: {command}", command=line)
    )
