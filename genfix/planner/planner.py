"""Findings to plan: pure and deterministic, and judged again on the planned result."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from genfix.engines import ENGINES, EngineView, breaks, is_worse
from genfix.engines.every import every_view
from genfix.errors import PlanError
from genfix.folder import (
    FileKind,
    Folder,
    FolderFileError,
    OverlayFolder,
    content_digest,
    input_digest,
    kind_of,
    read_cap,
)
from genfix.folder.kinds import GENERATION_CONFIG, PROCESSOR_FILES, TOKENIZER_FILES, is_json_config
from genfix.message import Message, message, text
from genfix.model import Model
from genfix.planner.edits import Witnesses, run_round
from genfix.planner.plan import FileChange, Plan, Source
from genfix.rules import (
    Applicability,
    Context,
    Finding,
    Fix,
    Mend,
    Severity,
    StripBom,
    Witness,
    judge,
    sort_findings,
)

_MAX_ROUNDS: Final = 5
"""A mended or restored file can show what hid in it (a tokenizer, then the template's ends): two or three
rounds are common, and a fix that is still not stable after five is a bug.
"""

_READ_KINDS: Final = frozenset(
    [
        FileKind.CONFIG,
        FileKind.GENERATION_CONFIG,
        FileKind.TOKENIZER,
        FileKind.CHAT_TEMPLATE,
        FileKind.PROCESSOR,
        FileKind.CODE,
        FileKind.WEIGHTS_INDEX,
    ]
)
_WEIGHTS: Final = frozenset({FileKind.WEIGHTS, FileKind.GGUF})
_OF_CHECKPOINTS: Final = _WEIGHTS | {FileKind.WEIGHTS_INDEX}
"""What below the top is of another model, of which this plan says nothing."""
_WELL_KNOWN: Final = (
    "config.json",
    GENERATION_CONFIG,
    "chat_template.jinja",
    "chat_template.json",
    *TOKENIZER_FILES,
    *PROCESSOR_FILES,
)
"""A plan for a folder without one of these is not a plan for a folder with it."""
_REPORT_IT: Final = text(
    "this is a bug in genfix: please report it; `--ignore` with the code leaves that rule out"
)


@dataclass(frozen=True, slots=True)
class _Job:
    """What a plan is made from."""

    merged: Folder
    witnesses: Witnesses
    classes: frozenset[Applicability]
    wanted: Callable[[str], bool]
    known: frozenset[tuple[str, str, str]]
    first: Context
    views: Mapping[str, EngineView]
    before: tuple[Finding, ...]

    def judge(self, context: Context) -> tuple[Finding, ...]:
        found = (finding for finding in judge(context) if self.wanted(finding.code))
        return tuple(finding for finding in found if finding.key not in self.known)

    def context(self, folder: Folder) -> Context:
        """``folder`` in the place of the merged one."""
        return Context(Model(folder), self.witnesses.get(Witness.BASE), self.witnesses.get(Witness.ADAPTER))


@dataclass(frozen=True, slots=True)
class _Attempt:
    """The result of all fixes but those left out."""

    last: Context
    views: Mapping[str, EngineView]
    after: tuple[Finding, ...]
    applied: tuple[Finding, ...]
    overlay: dict[str, bytes | None]
    codes: dict[str, list[str]]
    restored: Mapping[str, Witness]
    uncovered: frozenset[tuple[str, str, str]]
    """Findings that were there all along, in files that could not be read before."""


def make_plan(
    merged: Folder,
    base: Model | None,
    *,
    adapter: Model | None = None,
    unsafe_fixes: bool = False,
    wanted: Callable[[str], bool] = lambda _: True,
    known: Collection[tuple[str, str, str]] = (),
) -> Plan:
    """Plan the fixes for ``merged``; ``wanted`` tells by code which rules count, ``known`` which findings do
    not.

    A fix that would make something else wrong, or an engine do worse, is left out, and the plan says so; the
    other fixes are planned without it. Raises `PlanError` where a fix does not clear its own finding.
    """
    classes = frozenset([Applicability.SAFE] + [Applicability.UNSAFE] * unsafe_fixes)
    first = Context(Model(merged), base, adapter)
    witnesses = {Witness.BASE: base, Witness.ADAPTER: adapter}
    present = {witness: model for witness, model in witnesses.items() if model is not None}
    found = tuple(finding for finding in judge(first) if wanted(finding.code))
    aside = frozenset(known)
    before = tuple(finding for finding in found if finding.key not in aside)
    job = _Job(merged, present, classes, wanted, aside, first, every_view(first.merged), before)
    left_out: dict[tuple[str, str, str], Message] = {}
    attempt = _attempt(job, left_out)
    while (reason := _objection(job, attempt)) is not None:
        for key in _culprits(job, attempt, left_out, reason):
            left_out[key] = reason
        attempt = _attempt(job, left_out)
    set_aside = tuple(finding for finding in found if finding.key in aside)
    return replace(_plan(job, attempt, left_out), known=set_aside)


def _attempt(job: _Job, left_out: dict[tuple[str, str, str], Message]) -> _Attempt:
    """Run all fixes that are not left out, and add those that cannot be run at all to ``left_out``."""
    context, found = job.first, job.before
    overlay: dict[str, bytes | None] = {}
    codes: dict[str, list[str]] = {}
    restored: dict[str, Witness] = {}
    applied: list[Finding] = []
    uncovered: set[tuple[str, str, str]] = set()
    folder: Folder = job.merged
    for _ in range(_MAX_ROUNDS):
        to_fix = [
            finding
            for finding in found
            if finding.fix and finding.fix.applicability in job.classes and finding.key not in left_out
        ]
        # What a broken file of the folder says comes first: till then its template or tokens only seem lost.
        mends = [finding for finding in to_fix if _is_mend(finding)]
        outcome = run_round(folder, job.witnesses, mends or to_fix)
        left_out |= outcome.failed
        applied += outcome.applied
        if not outcome.files:
            break
        overlay |= outcome.files
        restored |= outcome.restored
        for name, touched in outcome.codes.items():
            codes.setdefault(name, []).extend(touched)
        folder = OverlayFolder(job.merged, overlay)
        context = job.context(folder)
        found = job.judge(context)
        if mends:
            uncovered |= {finding.key for finding in found}
    views = job.views if context is job.first else every_view(context.merged)
    return _Attempt(context, views, found, tuple(applied), overlay, codes, restored, frozenset(uncovered))


def _is_mend(finding: Finding) -> bool:
    """Whether the fix only makes a file of the folder readable, and changes nothing of what it says."""
    operations = finding.fix.operations if finding.fix is not None else ()
    return all(isinstance(operation, StripBom | Mend) for operation in operations)


def _objection(job: _Job, attempt: _Attempt) -> Message | None:
    """What is wrong with the planned result; `None` where it may be shown."""
    if job.first is attempt.last:
        return None
    left = {finding.key for finding in attempt.after}
    for finding in attempt.applied:
        if finding.key in left:
            raise PlanError(
                "{code} on {file} would still be found after its own fix",
                _REPORT_IT,
                code=finding.code,
                file=finding.file,
            )
    known = {finding.key for finding in job.before} | attempt.uncovered
    for finding in attempt.after:
        if finding.severity is not Severity.INFO and finding.key not in known:
            return message(
                "objection-new-finding",
                "its fix was left out: it would cause {code} on {file}",
                code=finding.code,
                file=finding.file,
            )
    for name, view in attempt.views.items():
        harms = is_worse if name in ENGINES else breaks
        if harms(job.views[name], view, attempt.last.end_ids):
            return message(
                "objection-worse-view", "its fix was left out: {engine} would do worse", engine=name
            )
    return None


def _culprits(
    job: _Job, attempt: _Attempt, left_out: dict[tuple[str, str, str], Message], reason: Message
) -> list[tuple[str, str, str]]:
    """The one fix without which the plan stands, the least harmful finding's first; all of them where none
    is.
    """
    keys = list(dict.fromkeys(finding.key for finding in reversed(attempt.applied)))
    for key in keys if len(keys) > 1 else ():
        if _objection(job, _attempt(job, {**left_out, key: reason})) is None:
            return [key]
    return keys


def _plan(job: _Job, attempt: _Attempt, left_out: dict[tuple[str, str, str], Message]) -> Plan:
    merged, base, overlay = job.merged, job.witnesses.get(Witness.BASE), attempt.overlay
    known = {finding.key for finding in job.before}
    base_views = every_view(base) if base is not None else {}
    changes = tuple(
        FileChange(
            name,
            before=merged.read(name) if name in merged.names() else None,
            after=overlay[name],
            source=_source(job, attempt, name),
            codes=tuple(dict.fromkeys(attempt.codes[name])),
            base=_to_compare(base, name),
        )
        for name in sorted(overlay)
    )
    return Plan(
        target=str(merged.origin),
        base=str(base.folder.origin) if base is not None else None,
        # with what only a restored file let genfix see and fix
        findings=sort_findings(
            [*job.before, *(finding for finding in attempt.applied if finding.key not in known)]
        ),
        changes=tuple(change for change in changes if change.before != change.after),
        remaining=tuple(_reported(finding, left_out) for finding in attempt.after),
        inputs=_inputs(merged, changes),
        views_before=job.views,
        views_after=attempt.views,
        base_views=base_views,
        tokens=_stop_texts(attempt.last.merged, job.views, attempt.views, base_views),
        sources={witness: _source_of(model.folder) for witness, model in job.witnesses.items()},
    )


def _to_compare(base: Model | None, name: str) -> bytes | None:
    """The base's file of that name, where a reader can compare it value by value or line by line."""
    if base is None or name not in base.folder.names():
        return None
    if not is_json_config(name) and kind_of(name) is not FileKind.CHAT_TEMPLATE:
        return None
    try:
        return base.folder.read(name)
    except FolderFileError:
        return None


def _stop_texts(model: Model, *views: Mapping[str, EngineView]) -> dict[int, str]:
    ids = sorted({token_id for each in views for view in each.values() for token_id in view.stop_token_ids})
    texts = model.tokenizer.texts
    return {token_id: texts[token_id] for token_id in ids if token_id in texts}


def _source(job: _Job, attempt: _Attempt, name: str) -> Witness | None:
    """Whose file ``name`` is now, byte for byte; `None` where an edit made it."""
    source = attempt.restored.get(name)
    if source is None or job.witnesses[source].folder.read(name) != attempt.overlay[name]:
        return None
    return source


def _reported(finding: Finding, left_out: dict[tuple[str, str, str], Message]) -> Finding:
    """A finding whose fix was left out has none any more, and says why."""
    reason = left_out.get(finding.key)
    return finding if reason is None else finding._replace(fix=Fix.manual(reason))


def _inputs(merged: Folder, changes: Iterable[FileChange]) -> dict[str, str | None]:
    """The digests of what the plan rests on.

    What no rule could read, or may be there or not, is not among it.
    """
    names = merged.names()
    before: dict[str, str | None] = {change.name: content_digest(change.before) for change in changes}
    missing = dict.fromkeys(name for name in _WELL_KNOWN if name not in names)
    return before | missing | _digests(merged, weights=True)


def _source_of(folder: Folder) -> Source:
    return Source(folder.origin, _digests(folder, weights=False) if folder.origin.kind == "local" else {})


def _digests(folder: Folder, *, weights: bool) -> dict[str, str]:
    digests: dict[str, str] = {}
    for name in sorted(folder.names()):
        kind = kind_of(name)
        if "/" in name and kind in _OF_CHECKPOINTS:
            continue
        is_weights = weights and kind in _WEIGHTS
        try:
            if is_weights or (kind in _READ_KINDS and folder.stat(name).size <= read_cap(name)):
                digests[name] = input_digest(folder, name)
        except FolderFileError:
            continue
    return digests
