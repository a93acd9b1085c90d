"""The commands that make plans and changes, as the command line calls them.

What they do is imported when one runs: `genfix check` must not wait for what only `genfix repair` needs, and
nobody for what only tells that the words on the command line are wrong.
"""

from typing import Annotated

import typer

from genfix.cli import choices
from genfix.cli import options as opt
from genfix.cli.hub_options import OnHub
from genfix.cli.repairing_options import LastProbe, Serving
from genfix.cli.saved_options import Saved

_TEXT = choices.Format.TEXT


def plan(
    targets: opt.Targets = None,
    *,
    judged: opt.Judged,
    unsafe_fixes: opt.UnsafeFixes = None,
    source: opt.SettingsFrom,
    output_format: opt.OutputFormat = _TEXT,
    output_file: opt.PlanOutput = None,
    report: opt.PlanReport = None,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
    look: opt.Look,
) -> int:
    """Show what repair would write.

    Nothing is written into the folder; exit 1 where there is something to change. With -o, `genfix apply`
    makes exactly these changes later, or refuses.
    """
    from genfix.cli.output import Output, report_file
    from genfix.cli.plan_places import plan_places
    from genfix.cli.planning import run_plan
    from genfix.cli.settled import named_in, settle

    target = named_in(targets, "plan")
    places = plan_places(output_format, output_file, report)
    if not isinstance(target, str):
        from genfix.cli.many_verbs import many_plans, refuse_plan_file, report_of_many, settle_all

        refuse_plan_file(places.plan)
        file = report_of_many(output_format, places.report, judged)
        out = Output(look, quiet, verbose, output_format, file)
        out.notes(places.notes)
        cases, _ = settle_all(target, judged, source, out, unsafe_fixes=unsafe_fixes)
        return out.done(many_plans(target, cases, out, places.report))
    out = Output(look, quiet, verbose, output_format, report_file(places.report, judged.state_dir))
    out.notes(places.notes)
    case, _ = settle(target, judged, source, out, unsafe_fixes=unsafe_fixes, made=places.plan)
    return out.done(run_plan(case, out, judged.write_baseline, save=places.plan))


def apply(
    saved: Saved,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only check and show the plan.")] = False,
    on_hub: OnHub,
    fail_on: opt.FailOn = None,
    output_format: opt.OutputFormat = _TEXT,
    output_file: opt.OutputFile = None,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
    look: opt.Look,
) -> int:
    """Make the changes of a plan file, exactly, or refuse.

    Nothing is judged or planned again. Exit 3 where a file the plan rests on has changed since.
    """
    from genfix.cli.output import Output, report_file
    from genfix.cli.planning import Ending, run_apply

    out = Output(look, quiet, verbose, output_format, report_file(output_file, saved.state_dir))
    ending = Ending(fail_on or opt.Level.ERROR)
    if any(on_hub):
        from genfix.cli.on_hub import run_apply_on_hub

        return out.done(run_apply_on_hub(saved, ending, out, on_hub, dry_run=dry_run))
    return out.done(run_apply(saved, ending, out, dry_run=dry_run))


def repair(
    targets: opt.Targets = None,
    *,
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
    config_only: Annotated[
        bool, typer.Option("--config-only", help="With --output: only config files, no weights.")
    ] = False,
    on_hub: OnHub,
    exit_non_zero_on_fix: Annotated[
        bool, typer.Option("--exit-non-zero-on-fix", help="Exit with 1 where something was repaired.")
    ] = False,
    fail_on: opt.FailOn = None,
    judged: opt.Judged,
    unsafe_fixes: opt.UnsafeFixes = None,
    source: opt.SettingsFrom,
    output_format: opt.OutputFormat = _TEXT,
    output_file: opt.OutputFile = None,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
    look: opt.Look,
) -> int:
    """Make the safe fixes, all or none, with a backup.

    `genfix undo` takes them back. Of several folders each is repaired by itself, and one that fails stops no
    other.
    """
    from genfix.api.changing import no_copy
    from genfix.cli.output import Output, report_file
    from genfix.cli.planning import Ending, run_plan, run_repair
    from genfix.cli.settled import named_in, settle

    if config_only and output is None:
        raise no_copy()
    target = named_in(targets, "repair")
    if not isinstance(target, str):
        from genfix.cli.many_verbs import many_plans, many_repairs, refuse_output, report_of_many, settle_all

        refuse_output(output)
        out = Output(look, quiet, verbose, output_format, report_of_many(output_format, output_file, judged))
        cases, levels = settle_all(target, judged, source, out, fail_on=fail_on, unsafe_fixes=unsafe_fixes)
        endings = [Ending(each, fail_on_fix=exit_non_zero_on_fix) for each in levels]
        if any(on_hub):
            from genfix.cli.many_on_hub import many_publishes

            done = many_publishes(target, cases, endings, out, output_file, on_hub, dry_run=dry_run)
            return out.done(done)
        if dry_run:
            return out.done(many_plans(target, cases, out, output_file))
        return out.done(many_repairs(target, cases, endings, out, output_file))
    out = Output(look, quiet, verbose, output_format, report_file(output_file, judged.state_dir))
    case, level = settle(target, judged, source, out, fail_on=fail_on, unsafe_fixes=unsafe_fixes, made=output)
    ending = Ending(level, fail_on_fix=exit_non_zero_on_fix)
    if any(on_hub):
        from genfix.cli.on_hub import run_repair_on_hub

        baseline = judged.write_baseline
        return out.done(
            run_repair_on_hub(case, ending, out, baseline, on_hub, dry_run=dry_run, output=output)
        )
    if dry_run:
        return out.done(run_plan(case, out, judged.write_baseline, is_repair=True))
    baseline = judged.write_baseline
    return out.done(run_repair(case, ending, out, baseline, output=output, config_only=config_only))


fix = repair
"""What linters call it."""


def run(
    command: Annotated[
        list[str], typer.Argument(metavar="CMD", help="The merge command.", show_default=False)
    ],
    *,
    output: Annotated[
        str,
        typer.Option("--output", metavar="OUT", help="The folder the command writes.", show_default=False),
    ],
    fail_on: opt.FailOn = None,
    judged: opt.Judged,
    unsafe_fixes: opt.UnsafeFixes = None,
    source: opt.SettingsFrom,
    last: LastProbe,
    serving: Serving,
    output_format: opt.OutputFormat = _TEXT,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
    look: opt.Look,
) -> int:
    """Run a merge command, then repair what it wrote.

    A command that fails gives its own exit code, and its output is left as it is; otherwise the code is that
    of repair. With --probe the model is probed before the repair and after it.
    """
    from genfix.cli.merge_run import run_run
    from genfix.cli.output import Output
    from genfix.cli.settled import settle

    out = Output(look, quiet, verbose, output_format)
    case, level = settle(output, judged, source, out, fail_on=fail_on, unsafe_fixes=unsafe_fixes)
    if last.probe is None and serving.serve is None:
        return run_run(case, command, level, out, judged.write_baseline)
    from genfix.cli.run_probed import probed_around

    around = probed_around(case, last, serving, out)
    return run_run(case, command, level, out, judged.write_baseline, around)
