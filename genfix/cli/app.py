"""The commands and their options. What they do is in `genfix.cli.looking` and `genfix.cli.changing`.

Those are imported when a command runs: `genfix check` must not wait for what only `genfix repair` needs.
"""

from typing import Annotated

import typer

from genfix import __version__
from genfix.cli import options as opt
from genfix.cli.output import Output
from genfix.cli.probe_command import probe

__all__ = ["app"]

_EPILOG = """\
Exit codes: 0 nothing to do, or done; 1 findings at or above --fail-on remain (plan and --dry-run: there is
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

backups = typer.Typer(
    help="Manage the backups of a folder.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
)
app.add_typer(backups, name="backups")


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
    adapter: opt.AdapterFolder = None,
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
    from genfix.cli.looking import run_check

    case = opt.Case(
        target, base, adapter, opt.codes(select), opt.codes(ignore), offline, allow_base_mismatch, state_dir
    )
    out = Output(color, quiet, verbose, output_format)
    raise typer.Exit(run_check(case, fail_on, out))


@app.command()
def plan(
    target: opt.Target,
    base: opt.Base = None,
    adapter: opt.AdapterFolder = None,
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
    """Show what repair would write.

    Nothing is written; exit 1 where there is something to change.
    """
    from genfix.cli.changing import run_plan

    case = opt.Case(
        target, base, adapter, opt.codes(select), opt.codes(ignore), offline, allow_base_mismatch, state_dir
    )
    out = Output(color, quiet, verbose, output_format)
    raise typer.Exit(run_plan(case, out, unsafe_fixes=unsafe_fixes))


@app.command()
def repair(
    target: opt.Target,
    base: opt.Base = None,
    adapter: opt.AdapterFolder = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would be written, as plan.")
    ] = False,
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            metavar="NEW",
            help="Leave the folder as it is, and make a repaired copy; weights are linked, not copied.",
            show_default=False,
        ),
    ] = None,
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
    """Make the safe fixes, all or none, with a backup.

    `genfix undo` takes them back.
    """
    from genfix.cli.changing import run_plan, run_repair

    case = opt.Case(
        target, base, adapter, opt.codes(select), opt.codes(ignore), offline, allow_base_mismatch, state_dir
    )
    out = Output(color, quiet, verbose, output_format)
    if dry_run:
        raise typer.Exit(run_plan(case, out, unsafe_fixes=unsafe_fixes))
    raise typer.Exit(run_repair(case, fail_on, out, unsafe_fixes=unsafe_fixes, output=output))


@app.command()
def engines(
    target: opt.Target,
    engine: opt.Engines = None,
    output_format: opt.OutputFormat = opt.Format.TEXT,
    offline: opt.Offline = False,
    state_dir: opt.StateDir = None,
    color: opt.Colour = opt.ColourMode.AUTO,
) -> None:
    """Say what each engine will do with a folder.

    Where it stops and why, how it samples by default, which chat template it takes, and whether it loads.
    """
    from genfix.cli.looking import run_engines

    out = Output(color, output_format=output_format)
    raise typer.Exit(run_engines(target, opt.codes(engine), state_dir, out, offline=offline))


@app.command()
def diff(
    target: opt.Target,
    base: opt.Base = None,
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="ID", help="Compare with this snapshot instead.", show_default=False),
    ] = None,
    output_format: opt.OutputFormat = opt.Format.TEXT,
    offline: opt.Offline = False,
    allow_base_mismatch: opt.AllowMismatch = False,
    state_dir: opt.StateDir = None,
    quiet: opt.Quiet = False,
    color: opt.Colour = opt.ColourMode.AUTO,
) -> None:
    """Compare the config files with the base's, or with a snapshot's.

    Value by value and without a verdict: `genfix check` says what matters.
    """
    from genfix.cli.changing import run_diff

    case = opt.Case(target, base, None, [], [], offline, allow_base_mismatch, state_dir)
    raise typer.Exit(run_diff(case, at, Output(color, quiet, output_format=output_format)))


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
    color: opt.Colour = opt.ColourMode.AUTO,
) -> None:
    """Take back a repair, byte for byte.

    An undo can itself be undone by its id.
    """
    from genfix.cli.changing import run_undo

    raise typer.Exit(run_undo(target, transaction, state_dir, Output(color, quiet)))


@app.command()
def log(
    target: opt.Target,
    output_format: opt.OutputFormat = opt.Format.TEXT,
    state_dir: opt.StateDir = None,
    quiet: opt.Quiet = False,
    color: opt.Colour = opt.ColourMode.AUTO,
) -> None:
    """List the repairs, undos and snapshots of a folder, oldest first."""
    from genfix.cli.changing import run_log

    raise typer.Exit(run_log(target, state_dir, Output(color, quiet, output_format=output_format)))


@app.command()
def snapshot(
    target: opt.Target,
    message: Annotated[str, typer.Option("--message", "-m", metavar="TEXT", help="What it is for.")] = "",
    state_dir: opt.StateDir = None,
    quiet: opt.Quiet = False,
    color: opt.Colour = opt.ColourMode.AUTO,
) -> None:
    """Keep the config files as they are now.

    `genfix log` lists snapshots, `genfix diff --at` compares with one, `genfix restore` brings one back.
    """
    from genfix.cli.keeping import run_snapshot

    raise typer.Exit(run_snapshot(target, message, state_dir, Output(color, quiet)))


@app.command()
def restore(
    target: opt.Target,
    snapshot: Annotated[str, typer.Argument(metavar="ID", help="From `genfix log`.", show_default=False)],
    state_dir: opt.StateDir = None,
    quiet: opt.Quiet = False,
    color: opt.Colour = opt.ColourMode.AUTO,
) -> None:
    """Bring the config files back to a snapshot, all or none.

    Config files that came since go into the backup; `genfix undo` takes it all back.
    """
    from genfix.cli.keeping import run_restore

    raise typer.Exit(run_restore(target, snapshot, state_dir, Output(color, quiet)))


app.command()(probe)


@backups.command()
def prune(
    target: opt.Target,
    keep: Annotated[int, typer.Option("--keep", metavar="N", min=0, help="How many of the newest stay.")] = 5,
    snapshots: Annotated[bool, typer.Option("--snapshots", help="Snapshots count, and go, as well.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say which backups would go.")] = False,
    state_dir: opt.StateDir = None,
    quiet: opt.Quiet = False,
    color: opt.Colour = opt.ColourMode.AUTO,
) -> None:
    """Remove the backups of old repairs.

    What they did stays in the log, but they cannot be undone any more. Files that a repair moved out of the folder
    are never removed.
    """
    from genfix.cli.keeping import run_prune

    out = Output(color, quiet)
    raise typer.Exit(run_prune(target, keep, state_dir, out, snapshots=snapshots, dry_run=dry_run))


@app.command()
def explain(
    code: Annotated[
        str, typer.Argument(metavar="CODE", help="A rule's code or name, such as GF101.", show_default=False)
    ],
    output_format: opt.OutputFormat = opt.Format.TEXT,
    color: opt.Colour = opt.ColourMode.AUTO,
) -> None:
    """Explain a rule.

    What it means, whom it hurts, how it is fixed, and why that is safe or not.
    """
    from genfix.cli.looking import run_explain

    raise typer.Exit(run_explain(code, Output(color, output_format=output_format)))


@app.command()
def rules(output_format: opt.OutputFormat = opt.Format.TEXT, color: opt.Colour = opt.ColourMode.AUTO) -> None:
    """List all rules."""
    from genfix.cli.looking import run_rules

    raise typer.Exit(run_rules(Output(color, output_format=output_format)))
