"""The commands."""

from pathlib import Path
from typing import Annotated

import typer

from genfix import __version__, api
from genfix.cli import options as opt
from genfix.cli.output import Output
from genfix.errors import InputError
from genfix.planner import Plan
from genfix.report.show import show
from genfix.rules import RULES, Finding, Severity

__all__ = ["app"]

_EPILOG = """\
Exit codes: 0 nothing to do, or done; 1 findings at or above --fail-on remain (for plan and --dry-run: there is
something to change); 2 could not do the job; 3 refused for safety, nothing written; 130/143 interrupted."""

app = typer.Typer(
    name="genfix",
    help="Find and repair missing or wrong config files of a merged model folder.",
    epilog=_EPILOG,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(value: bool) -> None:  # noqa: FBT001 - typer's callback
    if value:
        typer.echo(f"genfix {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


@app.command()
def check(
    target: opt.Target,
    base: opt.Base = None,
    select: opt.Select = None,
    ignore: opt.Ignore = None,
    output_format: opt.OutputFormat = opt.Format.TEXT,
    fail_on: opt.FailOn = opt.Level.ERROR,
    offline: opt.Offline = False,
    allow_base_mismatch: opt.AllowMismatch = False,
    state_dir: opt.StateDir = None,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
    color: opt.Colour = opt.ColourMode.AUTO,
) -> None:
    """Judge a folder. Nothing is written."""
    report = api.check(
        target,
        base,
        select=select or (),
        ignore=ignore or (),
        offline=offline,
        allow_base_mismatch=allow_base_mismatch,
        state_dir=state_dir,
    )
    out = Output(color, quiet)
    out.notes(report.notes)
    if output_format is opt.Format.JSON:
        from genfix.report.json import dumps, report_json  # noqa: PLC0415 - only one format is needed

        out.report(dumps(report_json(report)))
    else:
        from genfix.report.text import findings_text, summary  # noqa: PLC0415

        out.report(findings_text(report.findings, out.style, verbose=verbose))
        out.say(
            f"{_case(report.target, report.base)}: {summary(report.findings, out.aside, verbose=verbose)}"
        )
        if any(finding.fix is not None and finding.fix.operations for finding in report.findings):
            out.say(f"see the changes: genfix plan {show(_again(target, base))}")
    raise typer.Exit(_code(report.findings, fail_on))


@app.command()
def plan(
    target: opt.Target,
    base: opt.Base = None,
    select: opt.Select = None,
    ignore: opt.Ignore = None,
    unsafe_fixes: opt.UnsafeFixes = False,
    output_format: opt.OutputFormat = opt.Format.TEXT,
    offline: opt.Offline = False,
    allow_base_mismatch: opt.AllowMismatch = False,
    state_dir: opt.StateDir = None,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
    color: opt.Colour = opt.ColourMode.AUTO,
) -> None:
    """Show what repair would write. Nothing is written; exit 1 where there is something to change."""
    made = api.plan(
        target,
        base,
        select=select or (),
        ignore=ignore or (),
        unsafe_fixes=unsafe_fixes,
        offline=offline,
        allow_base_mismatch=allow_base_mismatch,
        state_dir=state_dir,
    )
    out = Output(color, quiet)
    _show_plan(made, out, output_format, verbose=verbose)
    if made.changes:
        out.say(
            f"to make these changes: genfix repair {show(_again(target, base, unsafe_fixes=unsafe_fixes))}"
        )
    raise typer.Exit(1 if made.changes else 0)


@app.command()
def repair(
    target: opt.Target,
    base: opt.Base = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="The same as plan.")] = False,
    select: opt.Select = None,
    ignore: opt.Ignore = None,
    unsafe_fixes: opt.UnsafeFixes = False,
    output_format: opt.OutputFormat = opt.Format.TEXT,
    fail_on: opt.FailOn = opt.Level.ERROR,
    offline: opt.Offline = False,
    allow_base_mismatch: opt.AllowMismatch = False,
    state_dir: opt.StateDir = None,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
    color: opt.Colour = opt.ColourMode.AUTO,
) -> None:
    """Make the safe fixes, all or none, with a backup. `genfix undo` takes them back."""
    if dry_run:
        plan(
            target,
            base,
            select,
            ignore,
            unsafe_fixes,
            output_format,
            offline,
            allow_base_mismatch,
            state_dir,
            quiet,
            verbose,
            color,
        )
    done = api.repair(
        target,
        base,
        select=select or (),
        ignore=ignore or (),
        unsafe_fixes=unsafe_fixes,
        offline=offline,
        allow_base_mismatch=allow_base_mismatch,
        state_dir=state_dir,
    )
    out = Output(color, quiet)
    if output_format is opt.Format.JSON:
        from genfix.report.json import dumps, plan_json  # noqa: PLC0415

        out.notes(done.plan.notes)
        out.report(dumps(plan_json(done.plan, done.receipt)))
    else:
        _show_plan(done.plan, out, output_format, verbose=verbose)
        _tell_what_is_left(done.plan.remaining, out, verbose=verbose)
    if done.receipt is None:
        out.say(f"{_case(done.plan.target, done.plan.base)}: nothing to change")
    else:
        files = len(done.receipt.changes)
        out.say(
            out.aside.mark(
                f"repaired {files} file{'s' if files != 1 else ''} of {show(done.plan.target)}",
                "green",
                "bold",
            ),
            f"  backup   {show(str(done.receipt.backup))} (deleting .cache gives up undo)",
            *(
                f"  note     {show(name)} was hard-linked elsewhere; the other name keeps the old content"
                for name in done.receipt.broken_links
            ),
            f"  undo     genfix undo {show(_quoted(str(target)))}",
            "  restart  the server: engines read these files only when they start",
        )
    raise typer.Exit(_code(done.plan.remaining, fail_on))


@app.command()
def diff(
    target: opt.Target,
    base: opt.Base = None,
    output_format: opt.OutputFormat = opt.Format.TEXT,
    offline: opt.Offline = False,
    allow_base_mismatch: opt.AllowMismatch = False,
    color: opt.Colour = opt.ColourMode.AUTO,
) -> None:
    """Compare the config files with the base's, value by value and without a verdict."""
    if base is None:
        raise InputError(
            "there is nothing to compare with", "name the base: --base FOLDER or --base org/name"
        )
    found = api.diff(target, base, offline=offline, allow_base_mismatch=allow_base_mismatch)
    out = Output(color)
    if output_format is opt.Format.JSON:
        from genfix.report.json import differences_json, dumps  # noqa: PLC0415

        out.report(dumps(differences_json(found)))
    else:
        from genfix.report.changes import differences_text  # noqa: PLC0415

        out.report(differences_text(found, out.style))
        out.say(
            f"{len(found)} file{'s differ' if len(found) != 1 else ' differs'} (- the base, + {show(str(target))})"
        )


@app.command()
def undo(
    target: opt.Target,
    transaction: Annotated[
        str | None,
        typer.Argument(
            metavar="[ID]", help="From `genfix log`; default: the newest repair.", show_default=False
        ),
    ] = None,
    state_dir: opt.StateDir = None,
    quiet: opt.Quiet = False,
) -> None:
    """Take back a repair, byte for byte. An undo can itself be undone by its id."""
    receipt = api.undo(target, transaction, state_dir=state_dir)
    out = Output(quiet=quiet)
    out.report("\n".join(f"{_undo_sign(change.after)} {show(change.name)}" for change in receipt.changes))
    out.say(
        f"undid {receipt.undoes}; to have it back: genfix undo {show(_quoted(str(target)))} {receipt.id}",
        "restart the server: engines read these files only when they start",
    )


@app.command()
def log(
    target: opt.Target,
    output_format: opt.OutputFormat = opt.Format.TEXT,
    state_dir: opt.StateDir = None,
    color: opt.Colour = opt.ColourMode.AUTO,
) -> None:
    """List the repairs and undos of a folder, oldest first."""
    receipts = api.log(target, state_dir=state_dir)
    out = Output(color)
    if output_format is opt.Format.JSON:
        from genfix.report.json import dumps, log_json  # noqa: PLC0415

        out.report(dumps(log_json(receipts)))
        return
    from genfix.report.changes import log_text  # noqa: PLC0415

    out.report(log_text(receipts, out.style))
    if not receipts:
        out.say(f"nothing was done to {show(str(target))}")


@app.command()
def explain(
    code: Annotated[
        str, typer.Argument(metavar="CODE", help="A rule's code or name, such as GF101.", show_default=False)
    ],
    output_format: opt.OutputFormat = opt.Format.TEXT,
    color: opt.Colour = opt.ColourMode.AUTO,
) -> None:
    """Explain a rule: what it means, whom it hurts, how it is fixed, and why that is safe or not."""
    rule = next((rule for rule in RULES.values() if code.lower() in {rule.code.lower(), rule.name}), None)
    if rule is None:
        raise InputError(f"there is no rule {code}", "`genfix rules` lists all")
    out = Output(color)
    if output_format is opt.Format.JSON:
        from genfix.report.json import dumps, rules_json  # noqa: PLC0415

        out.report(dumps(rules_json([rule])))
        return
    from genfix.report.text import explanation  # noqa: PLC0415

    out.report(explanation(rule, out.style))


@app.command()
def rules(
    output_format: opt.OutputFormat = opt.Format.TEXT,
    color: opt.Colour = opt.ColourMode.AUTO,
) -> None:
    """List all rules."""
    out = Output(color)
    if output_format is opt.Format.JSON:
        from genfix.report.json import dumps, rules_json  # noqa: PLC0415

        out.report(dumps(rules_json()))
        return
    from genfix.report.text import rules_text  # noqa: PLC0415

    out.report(rules_text(out.style))


def _show_plan(made: Plan, out: Output, output_format: opt.Format, *, verbose: bool) -> None:
    out.notes(made.notes)
    if output_format is opt.Format.JSON:
        from genfix.report.json import dumps, plan_json  # noqa: PLC0415

        out.report(dumps(plan_json(made)))
        return
    from genfix.report.changes import plan_text  # noqa: PLC0415
    from genfix.report.text import findings_text  # noqa: PLC0415

    fixed = made.fixed if made.changes else ()
    out.report(findings_text(fixed or made.findings, out.style, verbose=verbose))
    if made.changes:
        out.report("\n" + plan_text(made, out.style))


def _tell_what_is_left(remaining: tuple[Finding, ...], out: Output, *, verbose: bool) -> None:
    from genfix.report.text import findings_text, summary  # noqa: PLC0415

    left = findings_text(remaining, out.style, verbose=verbose)
    if left:
        out.report("\nleft:\n" + left)
    elif remaining:
        out.say(f"left: {summary(remaining, out.aside, verbose=verbose)}")


def _code(findings: tuple[Finding, ...], fail_on: opt.Level) -> int:
    worst = Severity(fail_on.value).rank
    return 1 if any(finding.severity.rank <= worst for finding in findings) else 0


def _case(target: str, base: str | None) -> str:
    return show(f"{target} against {base}" if base is not None else f"{target} alone")


def _again(target: Path, base: str | None, *, unsafe_fixes: bool = False) -> str:
    parts = [_quoted(str(target)), *(["--base", _quoted(base)] if base is not None else [])]
    return " ".join([*parts, *(["--unsafe-fixes"] if unsafe_fixes else [])])


def _quoted(text: str) -> str:
    import shlex  # noqa: PLC0415

    return shlex.quote(text)


def _undo_sign(after: str | None) -> str:
    return "-" if after is None else "~"
