"""The commands that only look: check, engines, explain, rules."""

from pathlib import Path

from genfix.api.judging import Report, check
from genfix.cli.exits import exit_code, settle_known
from genfix.cli.options import Case, Level
from genfix.cli.output import ALONE, Output, command_line
from genfix.errors import InputError
from genfix.report.show import show
from genfix.rules import RULES, Applicability

__all__ = ["run_check", "run_engines", "run_explain", "run_rules"]


def run_check(case: Case, fail_on: Level, out: Output) -> int:
    """Judge a folder and say what was found."""
    report = check(
        case.target,
        case.base,
        adapter=case.adapter,
        select=case.select,
        ignore=case.ignore,
        offline=case.offline,
        allow_base_mismatch=case.allow_base_mismatch,
        baseline=case.baseline,
        state_dir=case.state_dir,
        progress=out.progress,
    )
    out.notes(report.notes)
    _show(case, report, out)
    accepted = settle_known(case, report.findings, report.known, out)
    return 0 if accepted else exit_code(report.findings, fail_on)


def _show(case: Case, report: Report, out: Output) -> None:
    if out.wants_json:
        from genfix.report.json import dumps, report_json  # noqa: PLC0415 - only where it is asked for

        out.report(dumps(report_json(report)))
        return
    from genfix.report.text import findings_text, summary  # noqa: PLC0415

    out.report(findings_text(report.findings, out.style, verbose=out.verbose))
    counted = summary(report.findings, out.aside, verbose=out.verbose)
    out.say(f"{show(report.target)} {f'against {show(report.base)}' if report.base else 'alone'}: {counted}")
    if report.base is None:
        out.say(ALONE)
    if any(finding.fix and finding.fix.applicability is Applicability.SAFE for finding in report.findings):
        out.say(f"to see the changes: {command_line('plan', case)}")


def run_engines(
    target: str, engines: list[str], state_dir: Path | None, out: Output, *, offline: bool = False
) -> int:
    """Print what each engine will do with a folder."""
    from genfix.api.engine_views import engine_views  # noqa: PLC0415

    found = engine_views(target, engines=engines, offline=offline, state_dir=state_dir, progress=out.progress)
    out.notes(found.notes)
    if out.wants_json:
        from genfix.report.engines import engines_json  # noqa: PLC0415
        from genfix.report.json import dumps  # noqa: PLC0415

        out.report(dumps(engines_json(found)))
    else:
        from genfix.report.engines import engines_text  # noqa: PLC0415

        out.report(engines_text(found, out.style))
    return 0


def run_explain(code: str, out: Output) -> int:
    """Print the documentation of one rule."""
    rule = next((rule for rule in RULES.values() if code.lower() in {rule.code.lower(), rule.name}), None)
    if rule is None:
        raise InputError(f"there is no rule {code}", "`genfix rules` lists all")
    if out.wants_json:
        from genfix.report.json import dumps, rules_json  # noqa: PLC0415

        out.report(dumps(rules_json([rule])))
    else:
        from genfix.report.text import explanation  # noqa: PLC0415

        out.report(explanation(rule, out.style))
    return 0


def run_rules(out: Output) -> int:
    """List all rules."""
    if out.wants_json:
        from genfix.report.json import dumps, rules_json  # noqa: PLC0415

        out.report(dumps(rules_json()))
    else:
        from genfix.report.text import rules_text  # noqa: PLC0415

        out.report(rules_text(out.style))
    return 0
