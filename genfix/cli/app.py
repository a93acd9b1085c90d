"""The commands and their options. What they do is in `genfix.cli.looking` and `genfix.cli.changing`.

Those are imported when a command runs: `genfix check` must not wait for what only `genfix repair` needs.
"""

from typing import Annotated

import typer

from genfix import __version__
from genfix.cli import options as opt
from genfix.cli.output import Output, report_file
from genfix.cli.probe_command import probe

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
    output_file: opt.OutputFile = None,
    fail_on: opt.FailOn = None,
    offline: opt.Offline = False,
    allow_base_mismatch: opt.AllowMismatch = False,
    baseline: opt.Baseline = None,
    write_baseline: opt.WriteBaseline = None,
    config: opt.ConfigFile = None,
    isolated: opt.Isolated = False,
    state_dir: opt.StateDir = None,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
    color: opt.Color = opt.ColorMode.AUTO,
    lang: opt.Lang = None,
) -> None:
    """Judge a folder. Nothing is written."""
    from genfix.cli.looking import run_check
    from genfix.cli.settings import Source, settle

    typed = opt.Case(
        target=target,
        base=base,
        adapter=adapter,
        select=opt.codes(select),
        ignore=opt.codes(ignore),
        offline=offline,
        allow_base_mismatch=allow_base_mismatch,
        state_dir=state_dir,
        baseline=baseline,
        write_baseline=write_baseline,
    )
    out = Output(color, quiet, verbose, output_format, lang, report_file(output_file, state_dir))
    case, level, _ = settle(typed, Source(config, isolated), out, fail_on=fail_on)
    raise typer.Exit(out.done(run_check(case, level, out)))


@app.command()
def plan(
    target: opt.Target,
    base: opt.Base = None,
    adapter: opt.AdapterFolder = None,
    select: opt.Select = None,
    ignore: opt.Ignore = None,
    unsafe_fixes: opt.UnsafeFixes = None,
    output_format: opt.OutputFormat = opt.Format.TEXT,
    output_file: opt.PlanOutput = None,
    offline: opt.Offline = False,
    allow_base_mismatch: opt.AllowMismatch = False,
    baseline: opt.Baseline = None,
    write_baseline: opt.WriteBaseline = None,
    config: opt.ConfigFile = None,
    isolated: opt.Isolated = False,
    state_dir: opt.StateDir = None,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
    color: opt.Color = opt.ColorMode.AUTO,
    lang: opt.Lang = None,
) -> None:
    """Show what repair would write.

    Nothing is written into the folder; exit 1 where there is something to change. With -o, `genfix apply` makes
    exactly these changes later, or refuses.
    """
    from genfix.cli.changing import run_plan
    from genfix.cli.settings import Source, settle

    typed = opt.Case(
        target=target,
        base=base,
        adapter=adapter,
        select=opt.codes(select),
        ignore=opt.codes(ignore),
        offline=offline,
        allow_base_mismatch=allow_base_mismatch,
        state_dir=state_dir,
        baseline=baseline,
        write_baseline=write_baseline,
    )
    keeps = output_file if output_format in {opt.Format.TEXT, opt.Format.JSON} else None
    report = None if keeps else report_file(output_file, state_dir)
    out = Output(color, quiet, verbose, output_format, lang, report)
    case, _, unsafe = settle(typed, Source(config, isolated), out, unsafe_fixes=unsafe_fixes)
    raise typer.Exit(out.done(run_plan(case, out, unsafe_fixes=unsafe, save=keeps)))


@app.command()
def apply(
    plan_file: opt.PlanFile,
    target: Annotated[
        str | None,
        typer.Option(
            "--target",
            metavar="DIR",
            help="Another copy of the folder the plan was made for.",
            show_default=False,
        ),
    ] = None,
    base: opt.Base = None,
    adapter: opt.AdapterFolder = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only check and show the plan.")] = False,
    output_format: opt.OutputFormat = opt.Format.TEXT,
    output_file: opt.OutputFile = None,
    fail_on: opt.FailOn = None,
    offline: opt.Offline = False,
    state_dir: opt.StateDir = None,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
    color: opt.Color = opt.ColorMode.AUTO,
    lang: opt.Lang = None,
) -> None:
    """Make the changes of a plan file, exactly, or refuse.

    Nothing is judged or planned again. Exit 3 where a file the plan rests on has changed since.
    """
    from genfix.cli.changing import run_apply

    saved = opt.Saved(plan_file, target, base, adapter, offline, state_dir)
    out = Output(color, quiet, verbose, output_format, lang, report_file(output_file, state_dir))
    ending = opt.Ending(fail_on or opt.Level.ERROR)
    raise typer.Exit(out.done(run_apply(saved, ending, out, dry_run=dry_run)))


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
    exit_non_zero_on_fix: Annotated[
        bool, typer.Option("--exit-non-zero-on-fix", help="Exit with 1 where something was repaired.")
    ] = False,
    select: opt.Select = None,
    ignore: opt.Ignore = None,
    unsafe_fixes: opt.UnsafeFixes = None,
    output_format: opt.OutputFormat = opt.Format.TEXT,
    output_file: opt.OutputFile = None,
    fail_on: opt.FailOn = None,
    offline: opt.Offline = False,
    allow_base_mismatch: opt.AllowMismatch = False,
    baseline: opt.Baseline = None,
    write_baseline: opt.WriteBaseline = None,
    config: opt.ConfigFile = None,
    isolated: opt.Isolated = False,
    state_dir: opt.StateDir = None,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
    color: opt.Color = opt.ColorMode.AUTO,
    lang: opt.Lang = None,
) -> None:
    """Make the safe fixes, all or none, with a backup.

    `genfix undo` takes them back.
    """
    from genfix.cli.changing import run_plan, run_repair
    from genfix.cli.settings import Source, settle

    typed = opt.Case(
        target=target,
        base=base,
        adapter=adapter,
        select=opt.codes(select),
        ignore=opt.codes(ignore),
        offline=offline,
        allow_base_mismatch=allow_base_mismatch,
        state_dir=state_dir,
        baseline=baseline,
        write_baseline=write_baseline,
    )
    out = Output(color, quiet, verbose, output_format, lang, report_file(output_file, state_dir))
    case, level, unsafe = settle(
        typed, Source(config, isolated), out, fail_on=fail_on, unsafe_fixes=unsafe_fixes
    )
    if dry_run:
        raise typer.Exit(out.done(run_plan(case, out, unsafe_fixes=unsafe)))
    ending = opt.Ending(level, fail_on_fix=exit_non_zero_on_fix)
    raise typer.Exit(out.done(run_repair(case, ending, out, unsafe_fixes=unsafe, output=output)))


@app.command(context_settings={"allow_interspersed_args": False})
def run(
    command: Annotated[
        list[str], typer.Argument(metavar="CMD", help="The merge command.", show_default=False)
    ],
    output: Annotated[
        str,
        typer.Option("--output", metavar="OUT", help="The folder the command writes.", show_default=False),
    ],
    base: opt.Base = None,
    adapter: opt.AdapterFolder = None,
    select: opt.Select = None,
    ignore: opt.Ignore = None,
    unsafe_fixes: opt.UnsafeFixes = None,
    output_format: opt.OutputFormat = opt.Format.TEXT,
    fail_on: opt.FailOn = None,
    offline: opt.Offline = False,
    allow_base_mismatch: opt.AllowMismatch = False,
    baseline: opt.Baseline = None,
    write_baseline: opt.WriteBaseline = None,
    config: opt.ConfigFile = None,
    isolated: opt.Isolated = False,
    state_dir: opt.StateDir = None,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
    color: opt.Color = opt.ColorMode.AUTO,
    lang: opt.Lang = None,
) -> None:
    """Run a merge command, then repair what it wrote.

    A command that fails gives its own exit code, and its output is left as it is; otherwise the code is that of repair.
    """
    from genfix.cli.running import run_run
    from genfix.cli.settings import Source, settle

    typed = opt.Case(
        target=output,
        base=base,
        adapter=adapter,
        select=opt.codes(select),
        ignore=opt.codes(ignore),
        offline=offline,
        allow_base_mismatch=allow_base_mismatch,
        state_dir=state_dir,
        baseline=baseline,
        write_baseline=write_baseline,
    )
    out = Output(color, quiet, verbose, output_format, lang)
    case, level, unsafe = settle(
        typed, Source(config, isolated), out, fail_on=fail_on, unsafe_fixes=unsafe_fixes
    )
    raise typer.Exit(run_run(case, command, level, out, unsafe_fixes=unsafe))


@app.command()
def engines(
    target: opt.Target,
    engine: opt.Engines = None,
    output_format: opt.OutputShape = opt.Shape.TEXT,
    offline: opt.Offline = False,
    config: opt.ConfigFile = None,
    isolated: opt.Isolated = False,
    state_dir: opt.StateDir = None,
    color: opt.Color = opt.ColorMode.AUTO,
    lang: opt.Lang = None,
) -> None:
    """Say what each engine will do with a folder.

    Where it stops and why, how it samples by default, which chat template it takes, and whether it loads.
    """
    from genfix.cli.looking import run_engines
    from genfix.cli.settings import Source, settings_of

    out = Output(color, output_format=output_format, lang=lang)
    names = opt.codes(engine) or [*settings_of(Source(config, isolated), target, None, out).engines]
    raise typer.Exit(run_engines(target, names, state_dir, out, offline=offline))


@app.command()
def diff(
    target: opt.Target,
    base: opt.Base = None,
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="ID", help="Compare with this snapshot instead.", show_default=False),
    ] = None,
    output_format: opt.OutputShape = opt.Shape.TEXT,
    offline: opt.Offline = False,
    allow_base_mismatch: opt.AllowMismatch = False,
    state_dir: opt.StateDir = None,
    quiet: opt.Quiet = False,
    color: opt.Color = opt.ColorMode.AUTO,
    lang: opt.Lang = None,
) -> None:
    """Compare the config files with the base's, or with a snapshot's.

    Value by value and without a verdict: `genfix check` says what matters.
    """
    from genfix.cli.changing import run_diff

    case = opt.Case(target, base, None, [], [], offline, allow_base_mismatch, state_dir)
    raise typer.Exit(run_diff(case, at, Output(color, quiet, output_format=output_format, lang=lang)))


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
    color: opt.Color = opt.ColorMode.AUTO,
    lang: opt.Lang = None,
) -> None:
    """Take back a repair, byte for byte.

    An undo can itself be undone by its id.
    """
    from genfix.cli.changing import run_undo

    raise typer.Exit(run_undo(target, transaction, state_dir, Output(color, quiet, lang=lang)))


@app.command()
def log(
    target: opt.Target,
    output_format: opt.OutputShape = opt.Shape.TEXT,
    state_dir: opt.StateDir = None,
    quiet: opt.Quiet = False,
    color: opt.Color = opt.ColorMode.AUTO,
    lang: opt.Lang = None,
) -> None:
    """List the repairs, undos and snapshots of a folder, oldest first."""
    from genfix.cli.changing import run_log

    raise typer.Exit(run_log(target, state_dir, Output(color, quiet, output_format=output_format, lang=lang)))


@app.command()
def snapshot(
    target: opt.Target,
    message: Annotated[str, typer.Option("--message", "-m", metavar="TEXT", help="What it is for.")] = "",
    state_dir: opt.StateDir = None,
    quiet: opt.Quiet = False,
    color: opt.Color = opt.ColorMode.AUTO,
    lang: opt.Lang = None,
) -> None:
    """Keep the config files as they are now.

    `genfix log` lists snapshots, `genfix diff --at` compares with one, `genfix restore` brings one back.
    """
    from genfix.cli.keeping import run_snapshot

    raise typer.Exit(run_snapshot(target, message, state_dir, Output(color, quiet, lang=lang)))


@app.command()
def restore(
    target: opt.Target,
    snapshot: Annotated[str, typer.Argument(metavar="ID", help="From `genfix log`.", show_default=False)],
    state_dir: opt.StateDir = None,
    quiet: opt.Quiet = False,
    color: opt.Color = opt.ColorMode.AUTO,
    lang: opt.Lang = None,
) -> None:
    """Bring the config files back to a snapshot, all or none.

    Config files that came since go into the backup; `genfix undo` takes it all back.
    """
    from genfix.cli.keeping import run_restore

    raise typer.Exit(run_restore(target, snapshot, state_dir, Output(color, quiet, lang=lang)))


app.command()(probe)


@backups.command()
def prune(
    target: opt.Target,
    keep: Annotated[int, typer.Option("--keep", metavar="N", min=0, help="How many of the newest stay.")] = 5,
    snapshots: Annotated[bool, typer.Option("--snapshots", help="Snapshots count, and go, as well.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say which backups would go.")] = False,
    state_dir: opt.StateDir = None,
    quiet: opt.Quiet = False,
    color: opt.Color = opt.ColorMode.AUTO,
    lang: opt.Lang = None,
) -> None:
    """Remove the backups of old repairs.

    What they did stays in the log, but they cannot be undone any more. Files that a repair moved out of the folder
    are never removed.
    """
    from genfix.cli.keeping import run_prune

    out = Output(color, quiet, lang=lang)
    raise typer.Exit(run_prune(target, keep, state_dir, out, snapshots=snapshots, dry_run=dry_run))


@app.command()
def capsule(
    base: Annotated[
        str,
        typer.Argument(
            metavar="BASE", help="A folder, org/name[@revision], or ms://org/name.", show_default=False
        ),
    ],
    out: Annotated[
        str, typer.Argument(metavar="OUT", help="The folder to make; new, or empty.", show_default=False)
    ],
    offline: opt.Offline = False,
    quiet: opt.Quiet = False,
    color: opt.Color = opt.ColorMode.AUTO,
) -> None:
    """Save the config files of a base.

    `--base OUT` then works without network, and checks that nothing in it has changed.
    """
    from genfix.cli.keeping import run_capsule

    raise typer.Exit(run_capsule(base, out, Output(color, quiet), offline=offline))


@app.command()
def explain(
    code: Annotated[
        str, typer.Argument(metavar="CODE", help="A rule's code or name, such as GF101.", show_default=False)
    ],
    output_format: opt.OutputShape = opt.Shape.TEXT,
    color: opt.Color = opt.ColorMode.AUTO,
    lang: opt.Lang = None,
) -> None:
    """Explain a rule.

    What it means, whom it hurts, how it is fixed, and why that is safe or not.
    """
    from genfix.cli.looking import run_explain

    raise typer.Exit(run_explain(code, Output(color, output_format=output_format, lang=lang)))


@app.command()
def rules(
    output_format: opt.OutputShape = opt.Shape.TEXT,
    color: opt.Color = opt.ColorMode.AUTO,
    lang: opt.Lang = None,
) -> None:
    """List all rules."""
    from genfix.cli.looking import run_rules

    raise typer.Exit(run_rules(Output(color, output_format=output_format, lang=lang)))
