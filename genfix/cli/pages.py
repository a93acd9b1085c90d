"""Reports as HTML pages, with the commands to type next."""

from genfix.api.changing import Repair
from genfix.api.judging import Report
from genfix.cli.options import Case
from genfix.cli.output import command_line, undo_line
from genfix.planner import Plan
from genfix.report.html import check_page, plan_page
from genfix.report.language import Language
from genfix.rules import Applicability, Finding, Severity

__all__ = ["checked", "planned", "repaired"]


def checked(report: Report, case: Case, language: Language) -> str:
    """The page of ``genfix check``."""
    has_fix = any(_has(finding, Applicability.SAFE) for finding in report.findings)
    return check_page(
        report, commands={"plan": command_line("plan", case)} if has_fix else None, lang=language
    )


def planned(plan: Plan, case: Case, language: Language, *, unsafe_fixes: bool) -> str:
    """The page of ``genfix plan``."""
    commands: dict[str, str] = {}
    if plan.changes:
        commands["repair"] = command_line("repair", case, unsafe_fixes=unsafe_fixes)
        commands["undo"] = undo_line(case.target, case.state_dir)
    if any(_has(finding, Applicability.UNSAFE) for finding in plan.remaining) and not unsafe_fixes:
        commands["unsafe"] = command_line("plan", case, unsafe_fixes=True)
    return plan_page(plan, commands=commands, lang=language)


def repaired(done: Repair, case: Case, language: Language) -> str:
    """The page of ``genfix repair``."""
    undo = {"undo": undo_line(case.target, case.state_dir)} if done.receipt is not None else None
    return plan_page(done.plan, done=True, commands=undo, lang=language)


def _has(finding: Finding, kind: Applicability) -> bool:
    """Whether a finding that asks for something has a fix of that kind."""
    asks = finding.severity is not Severity.INFO or kind is Applicability.SAFE
    return asks and finding.fix is not None and finding.fix.applicability is kind
