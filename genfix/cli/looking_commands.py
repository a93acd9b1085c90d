"""The commands that only look, as the command line calls them: see `genfix.cli.commands`."""

from typing import Annotated

import typer

from genfix.cli import choices
from genfix.cli import options as opt
from genfix.cli.completing import complete_stage

_TEXT = choices.Format.TEXT


def check(
    targets: opt.Targets = None,
    *,
    fail_on: opt.FailOn = None,
    judged: opt.Judged,
    source: opt.SettingsFrom,
    output_format: opt.OutputFormat = _TEXT,
    output_file: opt.OutputFile = None,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
    look: opt.Look,
) -> int:
    """Check a folder, or several.

    Nothing is written.
    """
    from genfix.cli.looking import run_check
    from genfix.cli.output import Output, report_file
    from genfix.cli.settled import named_in, settle

    target = named_in(targets, "check")
    if not isinstance(target, str):
        from genfix.cli.many_verbs import many_checks, report_of_many, settle_all

        out = Output(look, quiet, verbose, output_format, report_of_many(output_format, output_file, judged))
        cases, levels = settle_all(target, judged, source, out, fail_on=fail_on)
        return out.done(many_checks(target, cases, levels, out, output_file))
    out = Output(look, quiet, verbose, output_format, report_file(output_file, judged.state_dir))
    case, level = settle(target, judged, source, out, fail_on=fail_on)
    return out.done(run_check(case, level, out, judged.write_baseline))


def engines(
    targets: opt.Targets = None,
    *,
    engine: opt.Engines = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Also engines that are else asked by name.", show_default=False)
    ] = False,
    offline: opt.Offline = False,
    source: opt.SettingsFrom,
    state_dir: opt.StateDir = None,
    output_format: opt.OutputShape = choices.Shape.TEXT,
    look: opt.Look,
) -> int:
    """Say what each engine will do with a folder.

    Where it stops and why, how it samples by default, which chat template it takes, and whether it loads.
    """
    from genfix.cli.looking import run_engines
    from genfix.cli.output import Output
    from genfix.cli.settled import named_in, settings_of
    from genfix.resolver.case import Case

    out = Output(look, output_format=output_format)
    target = named_in(targets, "engines")
    if not isinstance(target, str):
        from genfix.cli.many_verbs import many_engines

        asked = [opt.codes(engine) or settings_of(source, one, None, out).engines for one in target.targets]
        cases = [Case(one, offline=offline, state_dir=state_dir) for one in target.targets]
        return many_engines(target, cases, asked, out, everything=everything)
    names = opt.codes(engine) or settings_of(source, target, None, out).engines
    case = Case(target, offline=offline, state_dir=state_dir, progress=out.progress)
    return run_engines(case, names, out, everything=everything)


def weights(
    target: opt.Target,
    *,
    weighed: opt.Weighed,
    output_format: opt.OutputPage = choices.PageShape.TEXT,
    output_file: opt.OutputFile = None,
    quiet: opt.Quiet = False,
    look: opt.Look,
) -> int:
    """Say which tensors there are, and whether the adapter was merged.

    With a base: which are untouched, tuned, added or lost. With an adapter, named or beside the folder:
    whether it is in the weights as it says; exit 1 where one that --adapter names is not. A few numbers of
    each tensor are read.
    """
    from genfix.cli.looking import run_weights
    from genfix.cli.output import Output, report_file
    from genfix.resolver.case import Case

    out = Output(look, quiet, output_format=output_format, file=report_file(output_file, weighed.state_dir))
    return out.done(run_weights(Case(target, **weighed._asdict(), progress=out.progress), out))


def diff(
    target: opt.Target,
    *,
    at: Annotated[
        str | None,
        typer.Option(
            "--at",
            metavar="ID",
            help="Compare with this snapshot instead, or with what was before a repair (ID:after: after it).",
            show_default=False,
            autocompletion=complete_stage,
        ),
    ] = None,
    other: Annotated[
        str | None,
        typer.Option(
            "--with",
            metavar="DIR[@ID]",
            help="Compare with another stage of the model: a folder, or one as it was at a snapshot.",
            show_default=False,
        ),
    ] = None,
    compared: opt.Compared,
    output_format: opt.OutputShape = choices.Shape.TEXT,
    quiet: opt.Quiet = False,
    look: opt.Look,
) -> int:
    """Compare the config files with the base's, a snapshot's or another stage's.

    Value by value and without a verdict: `genfix check` says what matters.
    """
    from genfix.cli.output import Output
    from genfix.cli.planning import run_diff
    from genfix.resolver.case import Case

    out = Output(look, quiet, output_format=output_format)
    return run_diff(Case(target, **compared._asdict(), progress=out.progress), at, other, out)
