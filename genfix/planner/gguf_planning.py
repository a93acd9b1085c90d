"""Findings on a GGUF to the keys that change: pure, and judged again on the header as it would be."""

import json
from collections.abc import Callable, Collection, Mapping
from typing import Final, NamedTuple

from genfix.engines import breaks
from genfix.gguf import GgufType, TypedValue, edited_header, parse_header
from genfix.json_types import JsonValue
from genfix.message import Message, message
from genfix.model import Model
from genfix.model.gguf_model import ADD_BOS, TEMPLATE_KEY, GgufModel
from genfix.planner.plan import FileChange, Plan
from genfix.rules import Applicability, Finding, Fix, SetField, Severity, sort_findings
from genfix.rules.gguf.gguf_context import GgufContext
from genfix.rules.gguf.gguf_judge import judge_gguf

Key = tuple[str, str, str]

_TYPES: Final[Mapping[str, GgufType]] = {
    TEMPLATE_KEY: GgufType.STRING,
    ADD_BOS: GgufType.BOOL,
    "freq_base": GgufType.FLOAT32,
}
"""By the key or its last part, the type that llama.cpp asks for; all others are ids and counts."""


class GgufJob(NamedTuple):
    """What is planned, and by whose word."""

    model: GgufModel
    source: Model | None = None
    """The folder that the file was converted from."""
    base: Model | None = None
    unsafe_fixes: bool = False
    wanted: Callable[[str], bool] = lambda _: True
    known: Collection[Key] = ()

    def contexts(self, model: GgufModel) -> tuple[GgufContext, ...]:
        """``model`` beside each of its witnesses, the nearest first."""
        found = [GgufContext(model, self.source, is_source=True)] if self.source is not None else []
        found += [GgufContext(model, self.base)] if self.base is not None or not found else []
        found[-1].has_files = self.source is not None
        return tuple(found)

    def judge(self, model: GgufModel) -> tuple[Finding, ...]:
        """The findings that count."""
        return tuple(found for found in judge_gguf(self.contexts(model)) if self.wanted(found.code))

    def asks_for(self, finding: Finding) -> bool:
        """Whether its fix is one to make."""
        classes = {Applicability.SAFE} | ({Applicability.UNSAFE} if self.unsafe_fixes else set())
        return (
            finding.fix is not None and finding.fix.applicability in classes and finding.key not in self.known
        )


class GgufPlan(NamedTuple):
    """A plan, and the bytes that come before the tensors' data in the file it makes."""

    plan: Plan
    head: bytes


def plan_gguf(job: GgufJob) -> GgufPlan:
    """Plan the fixes; one that does not clear its finding, causes another or does harm is left out, and the
    plan says so.
    """
    found = job.judge(job.model)
    before = [finding for finding in found if finding.key not in job.known]
    edits: dict[str, TypedValue] = {}
    codes: list[str] = []
    model, left_out = job.model, dict[Key, Message]()
    for finding in filter(job.asks_for, before):
        tried = edits | _edits(model, finding)
        trial = _edited(job.model, tried)
        objection = _objection(job, finding, model, trial)
        if objection is None:
            edits, model = tried, trial
            codes.append(finding.code)
        else:
            left_out[finding.key] = objection
    after = job.judge(model)
    last, first = job.contexts(model)[-1], job.contexts(job.model)[-1]
    changes = {key: edited.value for key, edited in edits.items()}
    name = job.model.name
    return GgufPlan(
        Plan(
            target=str(job.model.folder.origin),
            base=str(last.base.folder.origin) if last.base is not None else None,
            findings=sort_findings(before),
            changes=(
                FileChange(
                    name,
                    _shown(job.model, changes, after=False),
                    _shown(job.model, changes, after=True),
                    None,
                    tuple(dict.fromkeys(codes)),
                ),
            )
            if edits
            else (),
            remaining=tuple(
                _without_fix(finding, left_out) for finding in after if finding.key not in job.known
            ),
            inputs={},
            views_before=first.engine_views,
            views_after=last.engine_views,
            base_views=last.of_base.engine_views if last.of_base is not None else {},
            tokens={
                token_id: job.model.token_texts[token_id]
                for view in (*first.engine_views.values(), *last.engine_views.values())
                for token_id in view.stop_token_ids
            },
            known=tuple(finding for finding in found if finding.key in job.known),
        ),
        edited_header(job.model.header, edits),
    )


def _edits(model: GgufModel, finding: Finding) -> dict[str, TypedValue]:
    """The keys that a fix sets, with their values whole."""
    edits: dict[str, TypedValue] = {}
    for operation in finding.fix.operations if finding.fix is not None else ():
        if not isinstance(operation, SetField):
            raise TypeError(f"{operation.kind} is nothing to do to a GGUF")
        key, _, item = operation.pointer[1:].partition("/")
        if item:
            known = edits[key].value if key in edits else model.header.value(key)
            values = [*known] if isinstance(known, list) else []
            values[int(item)] = operation.value
            edits[key] = TypedValue(GgufType.ARRAY, values, GgufType.INT32)
        else:
            kind = _TYPES.get(key, _TYPES.get(key.rpartition(".")[2], GgufType.UINT32))
            edits[key] = TypedValue(kind, operation.value)
    return edits


def _edited(model: GgufModel, edits: Mapping[str, TypedValue]) -> GgufModel:
    """The model with other values, read from the bytes that would be written."""
    head, data = edited_header(model.header, edits), model.header.file_size - model.header.data_start
    header = parse_header(lambda start, length: head[start : start + length], len(head) + data, model.name)
    return GgufModel(model.folder, model.name, header)


def _objection(job: GgufJob, finding: Finding, before: GgufModel, after: GgufModel) -> Message | None:
    """What speaks against a fix on its result; `None` where nothing does."""
    had = {found.key for found in job.judge(before)}
    for found in job.judge(after):
        if found.key == finding.key:
            return message(
                "objection-not-cleared",
                "its fix was left out: {code} on {file} would still be found",
                code=found.code,
                file=found.file,
            )
        if found.key not in had and found.severity is not Severity.INFO:
            return message(
                "objection-new-finding",
                "its fix was left out: it would cause {code} on {file}",
                code=found.code,
                file=found.file,
            )
    old, new = job.contexts(before)[-1], job.contexts(after)[-1]
    for name, view in old.engine_views.items():
        if breaks(view, new.engine_views[name], new.end_ids):
            return message(
                "objection-worse-view", "its fix was left out: {engine} would do worse", engine=name
            )
    return None


def _without_fix(finding: Finding, left_out: Mapping[Key, Message]) -> Finding:
    why = left_out.get(finding.key)
    return finding if why is None else finding._replace(fix=Fix.manual(why))


def _shown(model: GgufModel, changes: Mapping[str, JsonValue], *, after: bool) -> bytes:
    """The keys that change and their values, as JSON: what people compare. Of a list only what is another."""
    shown: dict[str, JsonValue] = {}
    for key, new in sorted(changes.items()):
        old = model.header.value(key)
        if isinstance(old, list) and isinstance(new, list):
            pairs = enumerate(zip(old, new, strict=True))
            shown |= {f"{key}/{at}": then if after else now for at, (now, then) in pairs if now != then}
        elif after or key in model.header.entries:
            shown[key] = new if after else old
    lines = [f"  {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in shown.items()]
    return "\n".join(["{", *([",\n".join(lines)] if lines else []), "}", ""]).encode("utf-8", "surrogatepass")


def foreseen_gguf(job: GgufJob) -> tuple[Finding, ...]:
    """What is found; where `plan_gguf` would leave a safe fix out, it is none, and says why."""
    found = job.judge(job.model)
    if not any(map(job.asks_for, found)):
        return found
    left = {finding.key: finding.fix for finding in plan_gguf(job).plan.remaining}
    return tuple(
        finding._replace(fix=left[finding.key]) if job.asks_for(finding) and finding.key in left else finding
        for finding in found
    )
