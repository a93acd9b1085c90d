"""Findings in words, grouped by the harm they do."""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from genfix.json_types import Missing
from genfix.message import Message, text
from genfix.planner.plan import Plan
from genfix.report.html.engine_table import engine_name
from genfix.report.html.page_values import Cell, one_cell
from genfix.report.names import WITNESSES
from genfix.report.style import Style
from genfix.report.text import RULE_PARTS, rule_doc, symptom
from genfix.rules import RULES, Applicability, Finding, Severity, sort_findings
from genfix.show import show


class State(StrEnum):
    """What becomes of a finding."""

    CLEARED = "cleared"
    """By the plan."""
    DONE = "done"
    """It was cleared by the repair."""
    SAFE = "safe"
    UNSAFE = "unsafe"
    MANUAL = "manual"
    NONE = "none"

    @property
    def label(self) -> Message:
        """The state in words."""
        return _STATES[self]


_STATES: Final[Mapping[State, Message]] = {
    State.CLEARED: text("cleared by this plan"),
    State.DONE: text("cleared"),
    State.SAFE: text("safe fix"),
    State.UNSAFE: text("your decision: unsafe fix"),
    State.MANUAL: text("your decision: no automatic fix"),
    State.NONE: text("no fix needed"),
}
_FIXES: Final[Mapping[Applicability, Message]] = {
    Applicability.SAFE: text("Safe"),
    Applicability.UNSAFE: text("Unsafe"),
    Applicability.MANUAL: text("Not automatic"),
}
_TITLES: Final[Mapping[Severity, Message]] = {
    Severity.ERROR: text("Errors"),
    Severity.WARNING: text("Warnings"),
    Severity.INFO: text("Information"),
}
_ABOUT: Final[Mapping[Severity, Message]] = {
    Severity.ERROR: text("An engine does not load the folder, does not stop, or fails on a request."),
    Severity.WARNING: text("Something is worse than in the base, or breaks under some condition."),
    Severity.INFO: text("Worth knowing; a healthy folder may have it."),
}


class FindingView(NamedTuple):
    """One finding, in words."""

    code: str
    name: str
    file: str
    pointer: str
    message: str
    shows: str
    """How the harm shows; may be empty."""
    state: State
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

    severity: Severity
    findings: tuple[FindingView, ...]

    @property
    def title(self) -> Message:
        """What such findings are called."""
        return _TITLES[self.severity]

    @property
    def about(self) -> Message:
        """What they do."""
        return _ABOUT[self.severity]


class About(NamedTuple):
    """A rule's own explanation."""

    code: str
    name: str
    parts: tuple[tuple[str, str], ...]
    """Titles and paragraphs."""


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


def state_of(finding: Finding) -> State:
    """What kind of fix it has."""
    return State(finding.fix.applicability.value) if finding.fix is not None else State.NONE


def finding_view(
    finding: Finding, state: State, change: str, tokens: Mapping[int, str], style: Style
) -> FindingView:
    """``finding`` in words; ``state`` and ``change`` are those of the page, as `FindingView` has them."""
    pointer, fix = finding.pointer or "", finding.fix
    shows = not (isinstance(finding.current, Missing) and isinstance(finding.expected, Missing))
    manual = fix is None or fix.applicability is Applicability.MANUAL
    return FindingView(
        code=show(finding.code),
        name=show(finding.name),
        file=show(finding.file),
        pointer=show(pointer.removeprefix("/")),
        message=style.words(finding.message),
        shows=symptom(finding, style),
        state=state,
        engines=tuple(map(engine_name, finding.engines)),
        evidence=tuple(style.words(evidence) for evidence in finding.evidence),
        witness=style.words(WITNESSES[finding.witness]),
        applicability=style.words(_FIXES[fix.applicability]) if fix is not None else "",
        why=style.words(fix.why) if fix is not None else "",
        current=one_cell(finding.current, tokens, pointer=pointer) if shows else None,
        expected=one_cell(finding.expected, tokens, pointer=pointer) if shows and not manual else None,
        change=change,
    )


def groups_of(findings: Sequence[Finding], views: Sequence[FindingView]) -> tuple[Group, ...]:
    """Both are the same findings, in the same order, the worst first."""
    pairs = list(zip(findings, views, strict=True))
    groups = (
        Group(severity, tuple(view for finding, view in pairs if finding.severity is severity))
        for severity in Severity
    )
    return tuple(group for group in groups if group.findings)


def rules_about(findings: Iterable[Finding], style: Style) -> tuple[About, ...]:
    """What the rules behind ``findings`` say of themselves, by code."""
    codes = sorted({finding.code for finding in findings})
    titles = [style.words(title) for title in RULE_PARTS]
    return tuple(
        About(rule.code, rule.name, tuple(zip(titles, rule_doc(rule, style.language), strict=True)))
        for code in codes
        if (rule := RULES.get(code)) is not None
    )
