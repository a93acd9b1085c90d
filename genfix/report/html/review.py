"""The page to review before a repair: what is wrong, what changes, and what engines make of it."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple

from genfix.api.judging import Report
from genfix.engines import EngineView
from genfix.folder import content_digest
from genfix.language import Language
from genfix.message import Message, text
from genfix.planner.plan import FileChange, Plan
from genfix.report.covered import coverage_line
from genfix.report.html.engine_table import EngineRow, Trace, engine_rows, traces
from genfix.report.html.findings import (
    About,
    Group,
    State,
    all_findings,
    finding_view,
    groups_of,
    rules_about,
    state_of,
)
from genfix.report.html.lines import Line, all_lines, diff_lines, text_of
from genfix.report.html.page import render_page
from genfix.report.html.page_values import Values, compare
from genfix.report.html.verdict import check_verdict, plan_verdict, tone
from genfix.report.names import WITNESSES
from genfix.report.style import Style
from genfix.rules import Severity
from genfix.show import show


class Kind(StrEnum):
    """What a page is about."""

    CHECK = "check"
    PLAN = "plan"
    REPAIR = "repair"

    @property
    def label(self) -> Message:
        """What the page is."""
        return _KINDS[self]


class Action(StrEnum):
    """What becomes of a file."""

    EDITED = "edited"
    ADDED = "added"
    RESTORED = "restored"
    REMOVED = "removed"

    @property
    def label(self) -> Message:
        """The action in words."""
        return _ACTIONS[self]


_KINDS: Final[Mapping[Kind, Message]] = {
    Kind.CHECK: text("Check of a model folder"),
    Kind.PLAN: text("Review before a repair"),
    Kind.REPAIR: text("Report of a repair"),
}
_ACTIONS: Final[Mapping[Action, Message]] = {
    Action.EDITED: text("edited"),
    Action.ADDED: text("new"),
    Action.RESTORED: text("restored"),
    Action.REMOVED: text("moved into the backup"),
}
_COMMANDS: Final[Mapping[str, Message]] = {
    "keep": text("To keep exactly this plan"),
    "repair": text("To make these changes"),
    "apply": text("To make these changes"),
    "plan": text("To see the changes"),
    "unsafe": text("To see the unsafe fixes as well"),
    "undo": text("To take them back"),
}


class FileView(NamedTuple):
    """The change of one file."""

    anchor: str
    name: str
    action: Action
    source: Message | None
    """Whose file it is afterwards."""
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

    kind: Kind
    tone: str
    """``good``, ``ready`` or ``attention``."""
    verdict: str
    target: str
    base: str
    commands: tuple[Command, ...]
    groups: tuple[Group, ...]
    total: int
    engines: tuple[EngineRow, ...]
    traces: tuple[Trace, ...]
    has_base_views: bool
    notes: tuple[str, ...]
    rules: tuple[About, ...]
    coverage: str = ""
    digest: str = ""
    files: tuple[FileView, ...] = ()


def check_page(
    report: Report,
    *,
    commands: Mapping[str, str] | None = None,
    lang: Language = Language.ENGLISH,
    is_part: bool = False,
) -> str:
    """What `check` found as an HTML page; ``commands`` are what to type next: ``plan``, ``repair``."""
    style = Style(language=lang)
    tokens = report.context.merged.tokenizer.texts
    findings = tuple(
        finding_view(finding, state_of(finding), "", tokens, style) for finding in report.findings
    )
    worst = [finding for finding in report.findings if finding.severity is not Severity.INFO]
    views, base_views = report.views, report.base_views  # each is worked out when it is asked for
    return render_page(
        "review",
        lang,
        Review(
            kind=Kind.CHECK,
            tone="attention" if worst else "good",
            verdict=style.words(check_verdict(report.findings, style)),
            target=show(report.target),
            base=show(report.base or ""),
            commands=_commands(commands, style),
            groups=groups_of(report.findings, findings),
            total=len(findings),
            engines=engine_rows(base_views, views, {}, tokens, style),
            traces=traces(views, {}, style),
            has_base_views=bool(base_views),
            notes=tuple(map(style.words, report.notes)),
            rules=rules_about(report.findings, style),
            coverage=style.words(coverage_line(report.coverage)),
        ),
        is_part=is_part,
    )


def plan_page(
    plan: Plan,
    *,
    done: bool = False,
    plan_id: str = "",
    commands: Mapping[str, str] | None = None,
    lang: Language = Language.ENGLISH,
    is_part: bool = False,
) -> str:
    """A plan as an HTML page; with ``done`` as what a repair has done.

    ``commands`` are what to type next: ``keep``, ``apply``, ``repair``, ``undo``; ``plan_id`` is that of its
    plan file.
    """
    style = Style(language=lang)
    state = State.DONE if done else State.CLEARED
    findings = all_findings(plan)
    cleared = {finding.key for finding in plan.fixed}
    anchors = {code: f"file-{place}" for place, change in enumerate(plan.changes, 1) for code in change.codes}
    by_file = {change.name: f"file-{place}" for place, change in enumerate(plan.changes, 1)}
    views = tuple(
        finding_view(
            finding,
            state if finding.key in cleared else state_of(finding),
            by_file.get(finding.file, anchors.get(finding.code, "")) if finding.key in cleared else "",
            plan.tokens,
            style,
        )
        for finding in findings
    )
    after = plan.views_after if plan.changes else dict[str, EngineView]()
    return render_page(
        "review",
        lang,
        Review(
            kind=Kind.REPAIR if done else Kind.PLAN,
            tone=tone(plan, done=done),
            verdict=style.words(plan_verdict(plan, style, done=done)),
            target=show(plan.target),
            base=show(plan.base or ""),
            digest=plan_id,
            commands=_commands(commands, style),
            groups=groups_of(findings, views),
            total=len(findings),
            files=tuple(
                _file(change, place, plan.tokens, style) for place, change in enumerate(plan.changes, 1)
            ),
            engines=engine_rows(plan.base_views, plan.views_before, after, plan.tokens, style),
            traces=traces(plan.views_before, after, style),
            has_base_views=bool(plan.base_views),
            notes=tuple(map(style.words, plan.notes)),
            rules=rules_about(findings, style),
        ),
        is_part=is_part,
    )


def _commands(commands: Mapping[str, str] | None, style: Style) -> tuple[Command, ...]:
    return tuple(
        Command(style.words(_COMMANDS[name]), show(command))
        for name, command in (commands or {}).items()
        if command
    )


def _file(change: FileChange, place: int, tokens: Mapping[int, str], style: Style) -> FileView:
    before, after = text_of(change.before), text_of(change.after)
    is_text = before is not None and after is not None
    values = compare(change.base, change.before, change.after, tokens) if is_text else None
    return FileView(
        anchor=f"file-{place}",
        name=show(change.name),
        action=_action(change),
        source=WITNESSES[change.source] if change.source is not None else None,
        codes=tuple(map(show, change.codes)),
        sizes=(_size(change.before, style), _size(change.after, style)),
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


def _action(change: FileChange) -> Action:
    if change.after is None:
        return Action.REMOVED
    if change.source is not None:
        return Action.RESTORED
    return Action.ADDED if change.before is None else Action.EDITED


def _size(data: bytes | None, style: Style) -> str:
    if data is None:
        return style.text("not there")
    return style.text("{count:,} byte", "{count:,} bytes", count=len(data))


def _short(data: bytes | None) -> str:
    """Enough of the digest to compare by eye."""
    digest = content_digest(data)
    return f"sha256 {digest[:16]}…" if digest is not None else ""
