"""Findings in words, grouped by the harm they do."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from genfix.json_types import Missing
from genfix.language import Language
from genfix.planner import Plan
from genfix.report.html.engines import engine_name
from genfix.report.html.language import Words
from genfix.report.html.values import Cell, one_cell
from genfix.report.text import rule_doc
from genfix.rules import RULES, Applicability, Finding, Severity, sort_findings
from genfix.show import show

__all__ = [
    "About",
    "FindingView",
    "Group",
    "all_findings",
    "finding_view",
    "groups_of",
    "rules_about",
    "state_of",
]


class FindingView(NamedTuple):
    """One finding, in words."""

    code: str
    name: str
    file: str
    pointer: str
    message: str
    state: str
    """``cleared``, ``safe``, ``unsafe``, ``manual`` or ``none``: what becomes of it."""
    engines: tuple[str, ...]
    evidence: tuple[str, ...]
    witness: str
    applicability: str
    why: str
    current: Cell | None
    expected: Cell | None
    change: str
    """The anchor of the file whose change clears it."""


class Group(NamedTuple):
    """Findings that do the same amount of harm."""

    severity: str
    findings: tuple[FindingView, ...]


class About(NamedTuple):
    """A rule's own explanation."""

    code: str
    name: str
    what: str
    why: str
    fix: str
    safety: str


def all_findings(plan: Plan) -> tuple[Finding, ...]:
    """What is wrong now and afterwards; of one that stays, what the plan says of it then."""
    left = {finding.key: finding for finding in plan.remaining}
    known = {finding.key for finding in plan.findings}
    return sort_findings(
        [
            *(left.get(finding.key, finding) for finding in plan.findings),
            *(finding for finding in plan.remaining if finding.key not in known),
        ]
    )


def state_of(finding: Finding) -> str:
    """What kind of fix it has, or ``none``."""
    return finding.fix.applicability.value if finding.fix is not None else "none"


def finding_view(
    finding: Finding, state: str, change: str, tokens: Mapping[int, str], words: Words
) -> FindingView:
    """``finding`` in words; ``state`` and ``change`` are those of the page, as `FindingView` has them."""
    pointer = finding.pointer or ""
    shows = not (isinstance(finding.current, Missing) and isinstance(finding.expected, Missing))
    manual = finding.fix is None or finding.fix.applicability is Applicability.MANUAL
    return FindingView(
        code=show(finding.code),
        name=show(finding.name),
        file=show(finding.file),
        pointer=show(pointer.removeprefix("/")),
        message=words.say(finding.message),
        state=state,
        engines=tuple(map(engine_name, finding.engines)),
        evidence=tuple(words.say(evidence) for evidence in finding.evidence),
        witness=words.label(f"witness-{finding.witness.value}"),
        applicability=words.label(f"fix-{finding.fix.applicability.value}")
        if finding.fix is not None
        else "",
        why=words.say(finding.fix.why) if finding.fix is not None else "",
        current=one_cell(finding.current, tokens, pointer=pointer) if shows else None,
        expected=one_cell(finding.expected, tokens, pointer=pointer) if shows and not manual else None,
        change=change,
    )


def groups_of(findings: Sequence[Finding], views: Sequence[FindingView]) -> tuple[Group, ...]:
    """Both are the same findings, in the same order, the worst first."""
    pairs = list(zip(findings, views, strict=True))
    groups = (
        Group(severity.value, tuple(view for finding, view in pairs if finding.severity is severity))
        for severity in Severity
    )
    return tuple(group for group in groups if group.findings)


def rules_about(findings: Iterable[Finding], words: Words) -> tuple[About, ...]:
    """What the rules behind ``findings`` say of themselves, by code."""
    codes = sorted({finding.code for finding in findings})
    rules = [RULES[code] for code in codes if code in RULES]
    return tuple(About(rule.code, rule.name, *rule_doc(rule, Language(words.code))) for rule in rules)
