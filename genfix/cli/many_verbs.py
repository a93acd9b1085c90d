"""`check`, `plan`, `repair` and `engines` on several folders: what each does there, as a `Verb`."""

from collections.abc import Sequence
from pathlib import Path

from genfix.api.changing import Repair, plan_case, repair_case
from genfix.api.judging import check_case
from genfix.cli.bar import progress_bar
from genfix.cli.choices import Format
from genfix.cli.exits import exit_code
from genfix.cli.many import run_many
from genfix.cli.many_sinks import Verb, sink_of
from genfix.cli.next_lines import command_line
from genfix.cli.options import Judged, Level, SettingsFrom
from genfix.cli.output import Output, ReportFile, report_file
from genfix.cli.pages import checked
from genfix.cli.planning import Ending
from genfix.cli.settled import settle
from genfix.errors import GenfixError, InputError
from genfix.json_types import JsonValue
from genfix.language import Language
from genfix.message import text
from genfix.planner.plan import Plan
from genfix.report.json import dumps, report_json
from genfix.report.json_changes import plan_json
from genfix.report.many_json import folder_json, many_json
from genfix.report.outcome import of_plan, of_repair, of_report
from genfix.report.text import findings_text
from genfix.report.whole_texts import plan_report, repair_report
from genfix.resolver.case import Case
from genfix.zoo.each import each
from genfix.zoo.model_folders import Named


def settle_all(
    named: Named,
    judged: Judged,
    source: SettingsFrom,
    out: Output,
    *,
    fail_on: Level | None = None,
    unsafe_fixes: bool | None = None,
) -> tuple[list[Case], list[Level]]:
    """The cases, each with what the settings say of its folder, and from which severity on each fails."""
    if judged.write_baseline is not None:
        raise InputError("--write-baseline writes the findings of one folder", "name one folder")
    settled = [
        settle(
            target,
            judged,
            source,
            out._replace(quiet=True) if number else out,  # what is to be said of a file is said once
            fail_on=fail_on,
            unsafe_fixes=unsafe_fixes,
        )
        for number, target in enumerate(named.targets)
    ]
    # One line on the terminal: the bar's.
    return [case._replace(progress=None) for case, _ in settled], [level for _, level in settled]


def report_of_many(output_format: Format, path: Path | None, judged: Judged) -> ReportFile | None:
    """Where the report goes; pages go to a folder of their own. Raises `InputError` for a patch."""
    if output_format is Format.PATCH:
        raise InputError("a patch is of one folder", "name one folder, or another --output-format")
    return None if output_format is Format.HTML else report_file(path, judged.state_dir)


def refuse_plan_file(path: Path | None) -> None:
    """Raise `InputError` where a plan file is asked for: it is of one folder."""
    if path is not None:
        raise InputError("a plan file is of one folder", "name one folder, or the report's file by --report")


def refuse_output(output: str | None) -> None:
    """Raise `InputError` where a repaired copy is asked for: it is of one folder."""
    if output is not None:
        raise InputError("--output makes a copy of one folder", "name one folder")


def many_checks(
    named: Named, cases: Sequence[Case], levels: Sequence[Level], out: Output, place: Path | None
) -> int:
    """Check every folder."""
    verb = Verb(
        "check",
        check_case,
        lambda report, number: exit_code(report.findings, levels[number]),
        of_report,
        lambda report, out: findings_text(report.findings, out.style, verbose=out.verbose),
        report_json,
        checked,
    )
    return run_many(verb, cases, out, sink_of(verb, out, place, named.targets), named.notes)


def many_plans(named: Named, cases: Sequence[Case], out: Output, place: Path | None) -> int:
    """Show what repair would write into every folder."""
    verb = Verb(
        "plan",
        plan_case,
        lambda made, _: int(bool(made.changes)),
        of_plan,
        lambda made, out: plan_report(made, out.style, verbose=out.verbose),
        plan_json,
        _plan_page,
    )
    return run_many(verb, cases, out, sink_of(verb, out, place, named.targets), named.notes)


def many_repairs(
    named: Named, cases: Sequence[Case], endings: Sequence[Ending], out: Output, place: Path | None
) -> int:
    """Repair every folder, each all or none."""

    def code(done: Repair, number: int) -> int:
        ending = endings[number]
        is_failing = bool(done.plan.changes) and ending.fail_on_fix
        return 1 if is_failing else exit_code(done.plan.remaining, ending.fail_on)

    repaired: list[str] = []

    def run(case: Case) -> Repair:
        done = repair_case(case)
        if done.receipt is not None:
            repaired.append(str(case.target))
        return done

    verb = Verb(
        "repair", run, code, lambda done: of_repair(done.plan), _repair_body, _repair_document, _repair_page
    )
    ended = run_many(verb, cases, out, sink_of(verb, out, place, named.targets), named.notes)
    if repaired:
        command = command_line("undo", Case(repaired[0], state_dir=cases[0].state_dir))
        out.tell(text("to take one back, for example: {command}", command=command))
        out.tell(text("restart the server: engines read these files only when they start"))
    return ended


def _plan_page(made: Plan, case: Case, language: Language) -> str:
    from genfix.report.html import plan_page  # noqa: PLC0415 - only for pages

    commands = {"repair": command_line("repair", case)} if made.changes else None
    return plan_page(made, commands=commands, lang=language)


def _repair_body(done: Repair, out: Output) -> str:
    return repair_report(done.plan, out.style, verbose=out.verbose)


def _repair_document(done: Repair) -> JsonValue:
    return plan_json(done.plan, done.receipt)


def _repair_page(done: Repair, case: Case, language: Language) -> str:
    from genfix.report.html import plan_page  # noqa: PLC0415 - only for pages

    undo = command_line("undo", Case(case.target, state_dir=case.state_dir))
    commands = {"undo": undo} if done.receipt is not None else None
    return plan_page(done.plan, done=True, commands=commands, lang=language)


def many_engines(
    named: Named, cases: Sequence[Case], engines: Sequence[Sequence[str]], out: Output, *, everything: bool
) -> int:
    """Say what each engine will do with every folder."""
    from genfix.api.engine_views import views_of_case  # noqa: PLC0415 - only for engines
    from genfix.report.engines_report import engines_json, engines_text  # noqa: PLC0415
    from genfix.report.folder_rows import FolderRow, worst_code  # noqa: PLC0415

    out.notes(named.notes)
    asked = iter(engines)
    rows: list[FolderRow] = []
    documents: list[JsonValue] = []
    with progress_bar(len(cases), quiet=out.quiet, label="engines") as bar:
        for one in each(cases, lambda case: views_of_case(case, next(asked), everything=everything)):
            bar.away()
            code = one.error.exit_code if one.error is not None else 0
            rows.append(FolderRow(one.target, code, error=one.error))
            found = one.answer
            if out.wants_json:
                documents.append(folder_json(rows[-1], engines_json(found) if found is not None else None))
            else:
                body = engines_text(found, out.style) if found is not None else _why(one.error, out)
                out.report(f"{out.style.mark(f'== {one.target}', 'bold')}\n\n{body}\n")
            bar.step(one.target)
            bar.back()
    ended = worst_code(row.code for row in rows)
    if out.wants_json:
        out.report(dumps(many_json("engines", documents, ended, [*map(str, named.notes)])))
    return ended


def _why(error: GenfixError | None, out: Output) -> str:
    return out.style.text("error: {error}", error=error.said) if error is not None else ""
