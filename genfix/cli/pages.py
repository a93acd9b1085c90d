"""The HTML page of a check, with the command to type next."""

from genfix.api.judging import Report
from genfix.cli.next_lines import command_line
from genfix.language import Language
from genfix.report.html import check_page
from genfix.resolver.case import Case
from genfix.rules import Applicability


def checked(report: Report, case: Case, language: Language) -> str:
    """The page of ``genfix check``."""
    is_safe = any(
        finding.fix is not None and finding.fix.applicability is Applicability.SAFE
        for finding in report.findings
    )
    commands = {"plan": command_line("plan", case)} if is_safe else None
    return check_page(report, commands=commands, lang=language)
