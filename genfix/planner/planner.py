"""Findings to plan: pure and deterministic, and judged again on the planned result."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Final

from genfix.engines import EngineView
from genfix.folder import FileKind, Folder, FolderFileError, content_digest, input_digest, kind_of, read_cap
from genfix.folder.kinds import GENERATION_CONFIG, PROCESSOR_FILES, WELL_KNOWN_TOKENIZER_FILES, is_json_config
from genfix.model import Model
from genfix.planner.foreseeing import job_of
from genfix.planner.plan import FileChange, Plan, Source
from genfix.planner.trials import Attempt, Job, found_on, settle
from genfix.rules import Context, Finding, Witness, sort_findings

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
    *WELL_KNOWN_TOKENIZER_FILES,
    *PROCESSOR_FILES,
)
"""A plan for a folder without one of these is not a plan for a folder with it."""


def make_plan(
    merged: Folder | Model,
    base: Model | None,
    *,
    adapter: Model | None = None,
    unsafe_fixes: bool = False,
    wanted: Callable[[str], bool] = lambda _: True,
    known: Collection[tuple[str, str, str]] = (),
    engines: Sequence[str] = (),
) -> Plan:
    """Plan the fixes for ``merged``; ``wanted`` tells by code which rules count, ``known`` which findings do
    not, ``engines`` whose harm counts, where not that of all does.

    A fix that would not clear its own finding, make something else wrong, or an engine do worse, is left out,
    and the plan says so; the other fixes are planned without it.
    """
    first = Context(merged if isinstance(merged, Model) else Model(merged), base, adapter, engines=engines)
    found = found_on(first, wanted)
    job = job_of(first, found, wanted, known, unsafe_fixes=unsafe_fixes)
    set_aside = tuple(finding for finding in found if finding.key in job.known)
    return _plan(job, settle(job), set_aside)


def _plan(job: Job, attempt: Attempt, set_aside: tuple[Finding, ...]) -> Plan:
    merged, base, overlay = job.merged, job.first.base, attempt.overlay
    known = {finding.key for finding in job.before}
    base_views = job.first.of_base.engine_views if job.first.of_base is not None else {}
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
        remaining=attempt.remaining,
        inputs=_inputs(merged, changes),
        views_before=job.views,
        views_after=attempt.views,
        base_views=base_views,
        tokens=_stop_texts(attempt.last.merged, job.views, attempt.views, base_views),
        sources={witness: _source_of(model.folder) for witness, model in job.witnesses.items()},
        known=set_aside,
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


def _source(job: Job, attempt: Attempt, name: str) -> Witness | None:
    """Whose file ``name`` is now, byte for byte; `None` where an edit made it."""
    source = attempt.restored.get(name)
    if source is None or job.witnesses[source].folder.read(name) != attempt.overlay[name]:
        return None
    return source


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
