"""The commands over a zoo, as the command line calls them: see `genfix.cli.commands`."""

from pathlib import Path
from typing import Annotated, Final

import typer

from genfix.cli import options as opt
from genfix.cli.sweep_options import OutputStore, StoreShape, ZooJudged

STORE: Final = Path("genfix-sweep.sqlite")


def folders(
    roots: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="ROOT",
            help="Folders with models below, hf://org or ms://org; default: here.",
            show_default=False,
        ),
    ] = None,
    *,
    from_file: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="LIST",
            help="A file with a folder, or hf://org/name, in each line; -: standard input.",
            show_default=False,
        ),
    ] = None,
    repair: Annotated[
        bool, typer.Option("--repair", help="Make the safe fixes, in each folder all or none.")
    ] = False,
    store: Annotated[
        Path,
        typer.Option("--store", metavar="FILE", envvar="GENFIX_STORE", help="Where the results are kept."),
    ] = STORE,
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs",
            metavar="N",
            min=1,
            envvar="GENFIX_JOBS",
            help="Folders at once; default: the cores.",
            show_default=False,
        ),
    ] = None,
    executor: Annotated[
        str,
        typer.Option(
            "--executor",
            metavar="SPEC",
            envvar="GENFIX_EXECUTOR",
            help="process, thread, dask://HOST:PORT or ray://HOST:PORT.",
        ),
    ] = "process",
    again: Annotated[
        bool, typer.Option("--again", help="Judge also what has not changed since the last sweep.")
    ] = False,
    seconds: Annotated[
        float,
        typer.Option(
            "--seconds",
            metavar="N",
            min=1,
            envvar="GENFIX_SECONDS",
            help="How long one folder may be judged.",
        ),
    ] = 120,
    fail_on: opt.FailOn = None,
    zoo: ZooJudged,
    source: opt.SettingsFrom,
    quiet: opt.Quiet = False,
    look: opt.Look,
) -> int:
    """Judge all model folders below, and keep what was found.

    A sweep that was stopped goes on where it was; folders that have not changed are not judged again. Exit 1
    where a folder has an error, 2 where one could not be judged.
    """
    from genfix.cli.output import Output
    from genfix.cli.settled import settings_for_all
    from genfix.cli.sweep_output import run_sweep
    from genfix.zoo.judgement import Setup

    out = Output(look, quiet)
    found = settings_for_all(source, out)
    setup = Setup(
        base=zoo.base,
        repair=repair,
        select=opt.codes(zoo.select),
        ignore=opt.codes(zoo.ignore),
        engines=opt.codes(zoo.engine),
        offline=zoo.offline,
        allow_base_mismatch=zoo.allow_base_mismatch,
        state_dir=zoo.state_dir,
        seconds=seconds,
        settings=found,
    )
    pool = (executor, jobs)
    level = fail_on or (opt.Level(found.fail_on.value) if found.fail_on is not None else None)
    return run_sweep(roots or [], from_file, store, setup, pool, level, out, again=again)


def report(
    store: Annotated[
        Path | None,
        typer.Argument(
            metavar="FILE",
            envvar="GENFIX_STORE",
            help="The store of a sweep; default: the one here.",
            show_default=False,
        ),
    ] = None,
    *,
    most: Annotated[
        int, typer.Option("--most", metavar="N", min=0, help="How many of the worst folders are named.")
    ] = 50,
    output_format: OutputStore = StoreShape.TEXT,
    output_file: opt.OutputFile = None,
    quiet: opt.Quiet = False,
    look: opt.Look,
) -> int:
    """Say what a sweep found: worst first, by rule, by tool and by base."""
    from genfix.cli.output import Output, report_file
    from genfix.cli.sweep_output import run_report

    path = store if store is not None else STORE
    is_binary = output_format is StoreShape.PARQUET
    file = None if is_binary else report_file(output_file, None)
    out = Output(look, quiet, output_format=output_format, file=file)
    return out.done(run_report(path, most, out, output_file if is_binary else None))
