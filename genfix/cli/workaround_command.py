"""`genfix workarounds`: what helps where the folder cannot be changed."""

from typing import Annotated

import typer

from genfix.cli import options as opt
from genfix.cli.choices import FORMAT_VARIABLE, NoteShape


def workarounds(
    target: opt.Target,
    *,
    judged: opt.Judged,
    unsafe_fixes: opt.UnsafeFixes = None,
    source: opt.SettingsFrom,
    output_format: Annotated[
        NoteShape,
        typer.Option(
            "--output-format",
            envvar=FORMAT_VARIABLE,
            help="How to write the answer.",
            rich_help_panel=opt.REPORT,
        ),
    ] = NoteShape.TEXT,
    output_file: opt.OutputFile = None,
    quiet: opt.Quiet = False,
    look: opt.Look,
) -> int:
    """Say what helps an engine without changing the folder.

    For a folder that is read-only, or somebody else's repo: the lines to start an engine with, or to put into
    a request, so that it does what it would do with a repaired copy. Nothing is written.
    """
    from genfix.api.workarounds import workarounds_of
    from genfix.cli.output import Output, report_file
    from genfix.cli.settled import settle
    from genfix.report import workarounds_report as shown

    out = Output(look, quiet, False, output_format, report_file(output_file, judged.state_dir))
    case, _ = settle(target, judged, source, out, unsafe_fixes=unsafe_fixes)
    found = workarounds_of(case)
    out.notes(found.notes)
    if output_format is NoteShape.JSON:
        from genfix.report.json import dumps

        out.report(dumps(shown.workarounds_json(found)))
    elif output_format is NoteShape.HTML:
        out.report(shown.workarounds_page(found, out.aside.language))
    elif output_format is NoteShape.MARKDOWN:
        out.report(shown.workarounds_markdown(found))
    else:
        out.report(shown.workarounds_text(found, out.style))
    return out.done(0)
