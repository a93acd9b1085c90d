"""The page that a person reviews before a repair: what is wrong, what changes, and what engines make of it."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from genfix.api.judging import Report
from genfix.engines import EngineView
from genfix.language import Language
from genfix.planner import FileChange, Plan
from genfix.report.html.engines import EngineRow, Trace, engine_rows, traces
from genfix.report.html.findings import (
    About,
    Group,
    all_findings,
    finding_view,
    groups_of,
    rules_about,
    state_of,
)
from genfix.report.html.language import Words, words_in
from genfix.report.html.lines import Line, all_lines, diff_lines, text_of
from genfix.report.html.page import render_page
from genfix.report.html.values import Values, compare
from genfix.rules import Finding, Severity
from genfix.show import show

__all__ = ["check_page", "plan_page"]


class FileView(NamedTuple):
    """The change of one file."""

    anchor: str
    name: str
    action: str
    """``edited``, ``added``, ``restored`` or ``removed``."""
    source: str
    codes: tuple[str, ...]
    sizes: tuple[str, str]
    digests: tuple[str, str]
    has_base: bool
    is_bases: bool
    """Whether it is the base's file afterwards, byte for byte."""
    values: Values | None
    lines: tuple[Line, ...]
    is_text: bool


class Command(NamedTuple):
    """What to type next."""

    label: str
    text: str


class Review(NamedTuple):
    """All that the page shows."""

    kind: str
    """``check``, ``plan`` or ``repair``."""
    tone: str
    """``good``, ``ready`` or ``attention``."""
    verdict: str
    target: str
    base: str
    digest: str
    commands: tuple[Command, ...]
    groups: tuple[Group, ...]
    total: int
    files: tuple[FileView, ...]
    engines: tuple[EngineRow, ...]
    traces: tuple[Trace, ...]
    has_base_views: bool
    notes: tuple[str, ...]
    rules: tuple[About, ...]


def check_page(
    report: Report, *, commands: Mapping[str, str] | None = None, lang: Language = Language.ENGLISH
) -> str:
    """What `check` found as an HTML page; ``commands`` are what to type next, by label id (``plan``, ``repair``)."""
    words = words_in(lang)
    tokens = report.context.merged.tokenizer.texts
    findings = tuple(
        finding_view(finding, state_of(finding), "", tokens, words) for finding in report.findings
    )
    worst = [finding for finding in report.findings if finding.severity is not Severity.INFO]
    return render_page(
        "review",
        words,
        Review(
            kind="check",
            tone="attention" if worst else "good",
            verdict=_check_verdict(report.findings, words),
            target=show(report.target),
            base=show(report.base or ""),
            digest="",
            commands=_commands(commands, words),
            groups=groups_of(report.findings, findings),
            total=len(findings),
            files=(),
            engines=engine_rows(report.base_views, report.views, {}, tokens, words),
            traces=traces(report.views, {}, words),
            has_base_views=bool(report.base_views),
            notes=tuple(map(words.note, report.notes)),
            rules=rules_about(report.findings, words),
        ),
    )


def plan_page(
    plan: Plan,
    *,
    done: bool = False,
    plan_id: str = "",
    commands: Mapping[str, str] | None = None,
    lang: Language = Language.ENGLISH,
) -> str:
    """A plan as an HTML page; with ``done`` as what a repair has done.

    ``commands`` are what to type next, by label id (``repair``, ``apply``, ``undo``); ``plan_id`` is that of its plan file.
    """
    words = words_in(lang)
    findings = all_findings(plan)
    cleared = {finding.key for finding in plan.fixed}
    anchors = {code: f"file-{place}" for place, change in enumerate(plan.changes, 1) for code in change.codes}
    by_file = {change.name: f"file-{place}" for place, change in enumerate(plan.changes, 1)}
    views = tuple(
        finding_view(
            finding,
            "cleared" if finding.key in cleared else state_of(finding),
            by_file.get(finding.file, anchors.get(finding.code, "")) if finding.key in cleared else "",
            plan.tokens,
            words,
        )
        for finding in findings
    )
    after = plan.views_after if plan.changes else dict[str, EngineView]()
    return render_page(
        "review",
        words,
        Review(
            kind="repair" if done else "plan",
            tone=_tone(plan, done=done),
            verdict=_plan_verdict(plan, words, done=done),
            target=show(plan.target),
            base=show(plan.base or ""),
            digest=plan_id,
            commands=_commands(commands, words),
            groups=groups_of(findings, views),
            total=len(findings),
            files=tuple(
                _file(change, place, plan.tokens, words) for place, change in enumerate(plan.changes, 1)
            ),
            engines=engine_rows(plan.base_views, plan.views_before, after, plan.tokens, words),
            traces=traces(plan.views_before, after, words),
            has_base_views=bool(plan.base_views),
            notes=tuple(map(words.note, plan.notes)),
            rules=rules_about(findings, words),
        ),
    )


# The verdict


def _to_decide(plan: Plan) -> int:
    return sum(finding.severity is not Severity.INFO for finding in plan.remaining)


def _tone(plan: Plan, *, done: bool) -> str:
    if _to_decide(plan):
        return "attention"
    return "ready" if plan.changes and not done else "good"


def _plan_verdict(plan: Plan, words: Words, *, done: bool) -> str:
    left = _to_decide(plan)
    if not plan.changes:
        return words.counted("verdict-stuck", left) if left else words.label("verdict-healthy")
    cleared = [finding for finding in plan.fixed if finding.severity is not Severity.INFO]
    does = words.label(
        "verdict-done" if done else "verdict-plan",
        files=words.counted("files", len(plan.changes)),
        findings=_counted(cleared or plan.fixed, words),
    )
    return does + (words.counted("verdict-left", left) if left else words.label("verdict-nothing-left"))


def _check_verdict(findings: Sequence[Finding], words: Words) -> str:
    worst = [finding for finding in findings if finding.severity is not Severity.INFO]
    if not worst:
        return words.label("verdict-healthy")
    safe = sum(state_of(finding) == "safe" for finding in worst)
    found = words.label("verdict-found", findings=_counted(worst, words))
    return found + (words.counted("verdict-fixable", safe) if safe else words.label("verdict-not-fixable"))


def _counted(findings: Sequence[Finding], words: Words) -> str:
    numbers = {severity: sum(finding.severity is severity for finding in findings) for severity in Severity}
    parts = [words.counted(severity.value, number) for severity, number in numbers.items() if number]
    return (
        words.label("and").join([words.label("comma").join(parts[:-1]), parts[-1]]) if parts[1:] else parts[0]
    )


# Files and commands


def _commands(commands: Mapping[str, str] | None, words: Words) -> tuple[Command, ...]:
    return tuple(
        Command(words.label(f"command-{name}"), show(text)) for name, text in (commands or {}).items() if text
    )


def _file(change: FileChange, place: int, tokens: Mapping[int, str], words: Words) -> FileView:
    before, after = text_of(change.before), text_of(change.after)
    is_text = before is not None and after is not None
    values = compare(change.base, change.before, change.after, tokens) if is_text else None
    return FileView(
        anchor=f"file-{place}",
        name=show(change.name),
        action=_action(change),
        source=words.label(f"witness-{change.source.value}") if change.source is not None else "",
        codes=tuple(map(show, change.codes)),
        sizes=(_size(change.before, words), _size(change.after, words)),
        digests=(_short(change.before), _short(change.after)),
        has_base=change.base is not None,
        is_bases=change.base is not None and change.base == change.after,
        values=values if values is not None and (values.changed or values.kept or values.same) else None,
        lines=_lines(before, after, change) if before is not None and after is not None else (),
        is_text=is_text,
    )


def _lines(before: str, after: str, change: FileChange) -> tuple[Line, ...]:
    if change.before is None:
        return all_lines(after, "added")
    return all_lines(before, "removed") if change.after is None else diff_lines(before, after)


def _action(change: FileChange) -> str:
    if change.after is None:
        return "removed"
    if change.source is not None:
        return "restored"
    return "added" if change.before is None else "edited"


def _size(data: bytes | None, words: Words) -> str:
    return words.label("absent") if data is None else words.label("bytes", number=f"{len(data):,}")


def _short(data: bytes | None) -> str:
    """Enough of the digest to compare by eye."""
    return f"sha256 {(_sha256(data) or '')[:16]}…" if data is not None else ""


def _sha256(data: bytes | None) -> str | None:
    return None if data is None else hashlib.sha256(data).hexdigest()
