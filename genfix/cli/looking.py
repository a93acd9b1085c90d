"""The commands that only look: check, engines, weights."""

from collections.abc import Sequence
from pathlib import Path

from genfix.api.judging import Report, check_case
from genfix.cli.exits import exit_code, settle_known
from genfix.cli.next_lines import cannot_change, command_line, quoted
from genfix.cli.options import Level
from genfix.cli.output import Output
from genfix.engines import EngineView
from genfix.message import Message, text
from genfix.resolver import names_gguf
from genfix.resolver.case import Case
from genfix.rules import Applicability, Finding, Severity


def run_check(case: Case, fail_on: Level, out: Output, baseline: Path | None) -> int:
    """Check a folder and say what was found."""
    report = check_case(case)
    # The base to name is said once, below, with the command that does.
    is_text = out.verdict is None and not out.wants_json and not out.wants_html
    out.notes(note for note in report.notes if not (is_text and _names_base(note, report)))
    _show(case, report, out)
    accepted = settle_known(case, report.findings, report.known, out, baseline)
    return 0 if accepted else exit_code(report.findings, fail_on)


def _show(case: Case, report: Report, out: Output) -> None:
    from genfix.report.text import findings_text, summary  # noqa: PLC0415 - what words need, they import

    special = _special(case, report, out)
    out.report(findings_text(report.findings, out.style, verbose=out.verbose) if special is None else special)
    if special is None or out.file is not None:
        out.judged(report.target, report.base, summary(report.findings, out.aside, verbose=out.verbose))
    if special is not None:
        return
    from genfix.report.covered import coverage_line  # noqa: PLC0415

    out.tell(coverage_line(report.coverage), "dim")
    _say_what_next(case, report.findings, out)
    if report.base is None:
        _say_which_base(case, report, out)


def _special(case: Case, report: Report, out: Output) -> str | None:
    """The report in a format that is not for a terminal; `None` where it is."""
    if out.wants_json:
        from genfix.report.json import dumps, report_json  # noqa: PLC0415 - only where it is asked for

        return dumps(report_json(report))
    if out.wants_html:
        from genfix.cli.pages import checked  # noqa: PLC0415

        return checked(report, case, out.aside.language)
    if out.verdict is None:
        return None
    from genfix.cli.formats import rendered  # noqa: PLC0415
    from genfix.report.outcome import of_report  # noqa: PLC0415

    return rendered(of_report(report), out.verdict, verbose=out.verbose)


def _names_base(note: Message, report: Report) -> bool:
    """Whether a note says what `_say_which_base` says, and by whom it is known."""
    return report.suggested_base is not None and "source" in note.args and "spec" in note.args


def _say_which_base(case: Case, report: Report, out: Output) -> None:
    """The command that judges against the base, or the one that looks for it."""
    if report.suggested_base is not None:
        against = command_line("check", case._replace(base=report.suggested_base))
        sources = [note.args["source"] for note in report.notes if _names_base(note, report)]
        out.tell(
            text("to judge against its base (from {source}): {command}", source=sources[0], command=against)
            if sources
            else text("to judge against its base: {command}", command=against)
        )
    elif report.context.merged.folder.origin.kind == "local" and not names_gguf(case.target):
        out.tell(text("to look for its base: {command}", command=f"genfix base {quoted(case.target)}"))


def _say_what_next(case: Case, findings: Sequence[Finding], out: Output) -> None:
    """The command that shows the changes, and the one that explains the worst finding."""
    kinds = {finding.fix.applicability for finding in findings if finding.fix is not None}
    if Applicability.SAFE in kinds:
        out.tell(text("to see the changes: {command}", command=command_line("plan", case)))
    elif any(
        finding.fix and finding.fix.applicability is Applicability.UNSAFE for finding in _seen(findings, out)
    ):
        out.tell(
            text(
                "to see what the unsafe fixes would do: {command}",
                command=command_line("plan", case._replace(unsafe_fixes=True)),
            )
        )
    if kinds & {Applicability.SAFE, Applicability.UNSAFE} and cannot_change(case.target):
        out.tell(text("what helps without changing it: {command}", command=command_line("workarounds", case)))
    for finding in _seen(findings, out)[:1]:
        out.tell(text("to read about a finding: {command}", command=f"genfix explain {finding.code}"))


def _seen(findings: Sequence[Finding], out: Output) -> list[Finding]:
    """The findings that the report shows."""
    return [finding for finding in findings if out.verbose or finding.severity is not Severity.INFO]


def run_engines(case: Case, engines: Sequence[str], out: Output, *, everything: bool = False) -> int:
    """Print what each engine will do with a folder."""
    from genfix.api.engine_views import views_of_case  # noqa: PLC0415

    found = views_of_case(case, engines, everything=everything)
    out.notes(found.notes)
    if out.wants_json:
        from genfix.report.engines_report import engines_json  # noqa: PLC0415
        from genfix.report.json import dumps  # noqa: PLC0415

        out.report(dumps(engines_json(found)))
    else:
        from genfix.report.engines_report import engines_text  # noqa: PLC0415

        out.report(engines_text(found, out.style))
        if any(map(_stumbles, found.views)) and not names_gguf(case.target):
            line = command_line("workarounds", case._replace(engines=tuple(engines)))
            out.tell(text("what helps without changing it: {command}", command=line))
    return 0


def _stumbles(view: EngineView) -> bool:
    """Whether an engine cannot take something, never stops, or passes over ends that the folder names."""
    hidden = any(step.id == "trace-config-eos-hidden" for step in view.trace)
    return bool(view.problems) or not view.stop_token_ids or hidden


def run_weights(case: Case, out: Output) -> int:
    """Print what the weights say; 1 where an adapter that was named is not in them as it says."""
    from genfix.api.weight_report import weights_of_case  # noqa: PLC0415

    found = weights_of_case(case)
    out.notes(found.notes)
    if out.wants_json:
        from genfix.report.json import dumps  # noqa: PLC0415
        from genfix.report.weights_report import weights_json  # noqa: PLC0415

        out.report(dumps(weights_json(found)))
    elif out.wants_html:
        from genfix.report.weights_html import weights_page  # noqa: PLC0415

        out.report(weights_page(found, out.aside.language))
    else:
        from genfix.report.weights_report import weights_text  # noqa: PLC0415

        out.report(weights_text(found, out.style))
        if found.base is None:
            out.tell(text("name the base with --base to see what differs from it"))
    if out.file is not None:
        from genfix.report.weights_report import weights_summary  # noqa: PLC0415

        out.judged(found.target, found.base, weights_summary(found, out.aside))
    return 1 if found.is_faulty else 0
