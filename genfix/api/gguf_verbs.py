"""The verbs on a GGUF: `check`, `plan`, `repair`, `diff`, `engine_views`. A repair makes a new file."""

import hashlib
import json
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Final, NamedTuple

from genfix.api.opening import known_keys, selection, unmatched_notes
from genfix.engines import EngineView
from genfix.engines.gguf_converter import converted_values
from genfix.engines.gguf_runtime import ID, runtime_view
from genfix.errors import InputError
from genfix.folder import LocalFolder
from genfix.gguf import PADDING
from genfix.json_types import JsonValue
from genfix.jsontext.json_diff import diff_values
from genfix.message import Message
from genfix.model.gguf_model import GgufModel
from genfix.planner.gguf_planning import GgufJob, GgufPlan, foreseen_gguf, plan_gguf
from genfix.resolver.case import Case
from genfix.resolver.finder.gguf_target import OpenedGguf, open_gguf, open_ggufs
from genfix.rules import Finding
from genfix.rules.core.difference import FileDifference
from genfix.rules.gguf.gguf_context import GgufContext

_LONG: Final = 64
"""Items of a list that are compared one by one; longer ones only as a whole."""


class FoundInGguf(NamedTuple):
    """What was found in a GGUF."""

    opened: OpenedGguf
    context: GgufContext
    findings: tuple[Finding, ...]
    known: tuple[Finding, ...]
    notes: tuple[Message, ...]


def check_gguf(case: Case) -> FoundInGguf:
    """As `check`, of a GGUF: its keys and the list of its tensors; no tensor's data is read."""
    opened, job = _opened(case)
    found = foreseen_gguf(job)
    known = tuple(finding for finding in found if finding.key in job.known)
    return FoundInGguf(
        opened,
        job.contexts(job.model)[-1],
        tuple(finding for finding in found if finding.key not in job.known),
        known,
        (*opened.notes, *unmatched_notes(case, frozenset(job.known), known)),
    )


def plan_of_gguf(case: Case) -> tuple[OpenedGguf, GgufPlan]:
    """As `plan`, of a GGUF."""
    opened, job = _opened(case)
    made = plan_gguf(job)
    notes = (*opened.notes, *unmatched_notes(case, frozenset(job.known), made.plan.known))
    return opened, made._replace(plan=replace(made.plan, notes=notes))


def repair_gguf(case: Case, output: Path) -> GgufPlan:
    """As `repair`, of a GGUF on this machine: the new file ``output`` is made where anything changes."""
    from genfix.applier.gguf_writing import check_gguf_place, write_gguf  # noqa: PLC0415 - only where one is made

    check_gguf_place(output)
    opened, made = plan_of_gguf(case)
    model = opened.model
    if not isinstance(model.folder, LocalFolder):
        raise InputError(
            "{address} is not on this machine, and genfix writes to nothing else",
            "download it (`hf download`), and name the file",
            address=model.folder.origin.label,
        )
    if made.plan.changes:
        header = model.header
        write_gguf(
            model.folder, model.name, output, was=header.data, data_start=header.data_start, head=made.head
        )
    return made


def diff_gguf(case: Case) -> tuple[FileDifference, ...]:
    """How the keys of a GGUF differ from those of another, or from what the converter takes from a folder."""
    opened = open_ggufs(case)
    model, base = opened.model, opened.base
    if base is None:
        raise InputError(
            "there is nothing to compare with",
            "name a folder or another GGUF: --base ./folder, --base base.gguf",
        )
    ours = _values(model)
    if isinstance(base, GgufModel):
        theirs = _values(base)
    else:
        theirs = converted_values(base, model.architecture)
        ours = {key: value for key, value in ours.items() if key in theirs}
    values = tuple(diff_values(theirs, ours))
    return (FileDifference(model.name, "changed", values),) if values else ()


def _values(model: GgufModel) -> dict[str, JsonValue]:
    """All keys; of a long list how long it is, and a digest."""
    found = {key: model.header.value(key) for key in model.header.entries if key != PADDING}
    return {key: _outline(value) if isinstance(value, list) else value for key, value in found.items()}


def _outline(items: list[JsonValue]) -> JsonValue:
    if len(items) <= _LONG:
        return items
    digest = hashlib.sha256(json.dumps(items).encode("ascii")).hexdigest()
    return {"items": len(items), "sha256": digest}


def views_of_gguf(case: Case, engines: Collection[str]) -> tuple[GgufModel, EngineView, tuple[Message, ...]]:
    """What llama.cpp does with a GGUF. Raises `InputError` for another engine: none else reads one here."""
    others = [name for name in engines if name.partition("@")[0] != ID]
    if others:
        raise InputError(
            "there is no view of a GGUF for '{name}'",
            "the runtime of GGUF files is {engine}",
            name=others[0],
            engine=ID,
        )
    model, notes = open_gguf(case.target, offline=case.offline)
    return model, runtime_view(model), notes


def _opened(case: Case) -> tuple[OpenedGguf, GgufJob]:
    wanted = selection(case)
    accepted = known_keys(case, wanted)
    opened = open_ggufs(case)
    job = GgufJob(opened.model, opened.source, opened.base, case.unsafe_fixes, wanted, accepted)
    return opened, job
