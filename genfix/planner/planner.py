"""Findings to plan: pure and deterministic, and judged again on the planned result."""

from collections.abc import Callable, Sequence
from typing import Final

from genfix.engines import is_worse
from genfix.errors import PlanError
from genfix.folder import FileKind, Folder, FolderFileError, OverlayFolder, kind_of, sha256_of
from genfix.model import Model
from genfix.planner.edits import run_round
from genfix.planner.plan import FileChange, Plan
from genfix.rules import Applicability, Context, Finding, Severity, judge, sort_findings

__all__ = ["make_plan"]

_MAX_ROUNDS: Final = 4
"""A restored file can show what its absence hid (a tokenizer, then the template's ends): two rounds are
common, and a fix that is still not stable after four is a bug."""

_READ_KINDS: Final = frozenset(
    [
        FileKind.CONFIG,
        FileKind.GENERATION_CONFIG,
        FileKind.TOKENIZER,
        FileKind.CHAT_TEMPLATE,
        FileKind.PROCESSOR,
        FileKind.CODE,
    ]
)
_REPORT_IT: Final = "this is a bug in genfix: please report it; `--ignore` with the code leaves that rule out"


def make_plan(
    merged: Folder,
    base: Model | None,
    *,
    unsafe_fixes: bool = False,
    wanted: Callable[[str], bool] = lambda _: True,
) -> Plan:
    """Plan the fixes for ``merged``.

    ``wanted`` tells by code which rules count. Raises `PlanError` where the planned result would still have
    what the plan claims to fix, would have something new wrong, or would make an engine view worse.
    """
    classes = {Applicability.SAFE, Applicability.UNSAFE} if unsafe_fixes else {Applicability.SAFE}
    first = context = Context(Model(merged), base)
    before = found = _judge(context, wanted)
    overlay: dict[str, bytes] = {}
    codes: dict[str, list[str]] = {}
    restored: set[str] = set()
    claimed: list[Finding] = []
    folder: Folder = merged
    for _ in range(_MAX_ROUNDS):
        to_fix = [
            finding for finding in found if finding.fix is not None and finding.fix.applicability in classes
        ]
        outcome = run_round(folder, base, to_fix)
        claimed += outcome.applied
        if not outcome.files:
            break
        overlay |= outcome.files
        restored |= outcome.restored
        for name, touched in outcome.codes.items():
            codes.setdefault(name, []).extend(touched)
        folder = OverlayFolder(merged, overlay)
        context = Context(Model(folder), base)
        found = _judge(context, wanted)
    _verify(first, context, before, found, claimed)
    whole = {name for name in restored if base is not None and base.folder.read(name) == overlay[name]}
    changes = tuple(
        FileChange(
            name,
            before=merged.read(name) if name in merged.names() else None,
            after=overlay[name],
            restored=name in whole,
            codes=tuple(dict.fromkeys(codes[name])),
        )
        for name in sorted(overlay)
    )
    return Plan(
        target=merged.origin.label,
        base=str(base.folder.origin) if base is not None else None,
        findings=_all_found(before, claimed),
        changes=tuple(change for change in changes if change.before != change.after),
        remaining=found,
        inputs=_inputs(merged) | {change.name: None for change in changes if change.before is None},
        views_before=first.views,
        views_after=context.views,
        base_views=first.base_views,
    )


def _all_found(before: Sequence[Finding], claimed: Sequence[Finding]) -> tuple[Finding, ...]:
    """What was found at first, and what only a restored file let genfix see and fix."""
    known = {finding.key for finding in before}
    return sort_findings([*before, *(finding for finding in claimed if finding.key not in known)])


def _judge(context: Context, wanted: Callable[[str], bool]) -> tuple[Finding, ...]:
    return tuple(finding for finding in judge(context) if wanted(finding.code))


def _verify(
    first: Context,
    last: Context,
    before: Sequence[Finding],
    after: Sequence[Finding],
    claimed: Sequence[Finding],
) -> None:
    if first is last:
        return
    left = {finding.key for finding in after}
    for finding in claimed:
        if finding.key in left:
            raise PlanError(
                f"{finding.code} on {finding.file} would still be found after its own fix", _REPORT_IT
            )
    known = {finding.key for finding in before}
    for finding in after:
        if finding.severity is not Severity.INFO and finding.key not in known:
            raise PlanError(f"the fixes would cause {finding.code} on {finding.file}", _REPORT_IT)
    for name, view in last.views.items():
        if is_worse(first.views[name], view, last.end_ids):
            raise PlanError(f"the fixes would make {name} do worse", _REPORT_IT)


def _inputs(merged: Folder) -> dict[str, str | None]:
    inputs: dict[str, str | None] = {}
    for name in sorted(merged.names()):
        if kind_of(name) in _READ_KINDS:
            try:
                inputs[name] = sha256_of(merged, name)
            except FolderFileError:
                continue  # no rule could read it either
    return inputs
