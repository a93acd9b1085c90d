"""The page's first sentence: how bad it is, and what is left to decide."""

from collections.abc import Sequence
from typing import Final

from genfix.message import Message, text
from genfix.planner.plan import Plan
from genfix.report.html.findings import State, state_of
from genfix.report.names import counted
from genfix.report.style import Style
from genfix.report.text import count
from genfix.rules import Finding, Severity

_HEALTHY: Final = text("No errors and no warnings: there is nothing to repair.")


def plan_verdict(plan: Plan, style: Style, *, done: bool) -> Message:
    """What a plan changes, or with ``done`` has changed, and what it leaves."""
    left = _to_decide(plan)
    if not plan.changes:
        return (
            text(
                "{count} finding is left for you to decide; genfix changes nothing by itself.",
                "{count} findings are left for you to decide; genfix changes nothing by itself.",
                count=left,
            )
            if left
            else _HEALTHY
        )
    cleared = [finding for finding in plan.fixed if finding.severity is not Severity.INFO]
    files = text("{count} file", "{count} files", count=len(plan.changes))
    findings = _counted(cleared or plan.fixed, style)
    rest = (
        text(
            "{count} finding is left for you to decide.",
            "{count} findings are left for you to decide.",
            count=left,
        )
        if left
        else text("nothing is left for you to decide.")
    )
    if done:
        return text(
            "The repair changed {files} and cleared {findings}; {rest}",
            files=files,
            findings=findings,
            rest=rest,
        )
    return text(
        "The plan changes {files} and clears {findings}; {rest}", files=files, findings=findings, rest=rest
    )


def check_verdict(findings: Sequence[Finding], style: Style) -> Message:
    """How bad a folder is, and what can be fixed."""
    worst = [finding for finding in findings if finding.severity is not Severity.INFO]
    if not worst:
        return _HEALTHY
    safe = sum(state_of(finding) is State.SAFE for finding in worst)
    rest = (
        text("{count} of them has a safe fix.", "{count} of them have a safe fix.", count=safe)
        if safe
        else text("none of them has a safe fix.")
    )
    return text("The folder has {findings}; {rest}", findings=_counted(worst, style), rest=rest)


def _counted(findings: Sequence[Finding], style: Style) -> str:
    *parts, last = [style.words(counted(each, number)) for each, number in count(findings).items() if number]
    return style.text("{parts} and {last}", parts=[*parts], last=last) if parts else last


def tone(plan: Plan, *, done: bool) -> str:
    """``attention``, ``ready`` or ``good``: the color of the verdict."""
    if _to_decide(plan):
        return "attention"
    return "ready" if plan.changes and not done else "good"


def _to_decide(plan: Plan) -> int:
    return sum(finding.severity is not Severity.INFO for finding in plan.remaining)
