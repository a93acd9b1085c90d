"""A plan as the bytes of a plan file: the same plan gives the same bytes, wherever and whenever it is written."""

import base64
import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from pathlib import PurePath
from typing import Final

from genfix.engines import EngineView
from genfix.errors import InputError
from genfix.folder import Origin
from genfix.json_types import JsonValue, Missing
from genfix.message import Message
from genfix.model.json_diff import diff_values
from genfix.model.json_read import JsonError, read_json
from genfix.planner.plan import FileChange, Plan
from genfix.rules import Finding, Witness

__all__ = ["CARRIED", "LARGEST", "VERSION", "action_of", "canonical_id", "edits_of", "encode", "plan_id"]

VERSION: Final = 1
LARGEST: Final = 64 * 1024 * 1024
"""The most bytes a plan file can have; a usual one has some ten thousand."""
CARRIED: Final = 1024 * 1024
"""The most bytes of a new file that a plan file carries whole."""
_PIECE: Final = 64 * 1024


def encode(plan: Plan, places: Mapping[str, str | None], genfix: str) -> bytes:
    """The bytes of a plan file; ``places`` are the folders seen from it, ``genfix`` is this version.

    Raises `InputError` where the plan does not fit into one.
    """
    body = _body(plan, genfix)
    head: dict[str, JsonValue] = {
        "genfix_plan": VERSION,
        "genfix": genfix,
        "id": canonical_id(body),
        "places": dict(places),
    }
    content = json.dumps(head | body, indent=1, ensure_ascii=True, allow_nan=False).encode() + b"\n"
    if len(content) > LARGEST:
        raise InputError(
            f"the plan would have {len(content):,} bytes, more than the {LARGEST:,} of a plan file",
            "use `genfix repair`, which needs no file",
        )
    return content


def plan_id(plan: Plan, genfix: str) -> str:
    """The id that a file of the plan has when this version of genfix writes it.

    Raises `ValueError` for a number that JSON has not.
    """
    return canonical_id(_body(plan, genfix))


def _body(plan: Plan, genfix: str) -> dict[str, JsonValue]:
    writer = _Writer(plan)
    absent: list[JsonValue] = [*sorted(name for name, digest in plan.inputs.items() if digest is None)]
    return {
        "genfix_plan": VERSION,
        "genfix": genfix,
        "base": writer.source(Witness.BASE),
        "adapter": writer.source(Witness.ADAPTER),
        "inputs": {name: digest for name, digest in sorted(plan.inputs.items()) if digest is not None},
        "absent": absent,
        "changes": [_change(change, plan.inputs.get(change.name)) for change in plan.changes],
        "findings": writer.findings(plan.findings),
        "remaining": writer.findings(plan.remaining),
        "known": writer.findings(plan.known),
        "engines": [
            {
                "engine": name,
                "before": writer.view(view),
                "after": writer.view(plan.views_after[name]),
                "base": writer.view(plan.base_views[name]) if name in plan.base_views else None,
            }
            for name, view in plan.views_before.items()
        ],
    }


def canonical_id(document: Mapping[str, JsonValue]) -> str:
    """The id of a plan: the digest of all it says, but not of where the folders lay.

    Raises `ValueError` for a number that JSON has not.
    """
    body = {key: value for key, value in document.items() if key not in {"id", "places"}}
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def action_of(before: str | bytes | None, after: str | bytes | None) -> str:
    """What becomes of a file, from its content or digest before and after."""
    if after is None:
        return "quarantine"
    return "create" if before is None else "rewrite"


def edits_of(name: str, before: bytes | None, after: bytes | None) -> JsonValue:
    """The values that change, with their JSON pointers; `None` where values do not tell the change."""
    if (
        before is None
        or after is None
        or not name.endswith(".json")
        or max(len(before), len(after)) > CARRIED
    ):
        return None
    try:
        differences = [*diff_values(read_json(before), read_json(after))]
    except JsonError:
        return None
    return [
        {"pointer": found.pointer, **_present({"before": found.left, "after": found.right})}
        for found in differences
    ]


def _present(values: Mapping[str, JsonValue | Missing]) -> dict[str, JsonValue]:
    return {key: _finite(value) for key, value in values.items() if not isinstance(value, Missing)}


def _finite(value: JsonValue) -> JsonValue:
    """``value`` with NaN and the infinities, which are no JSON, as the words they are written with."""
    match value:
        case float() if not math.isfinite(value):
            return json.dumps(value)
        case list():
            return [_finite(item) for item in value]
        case dict():
            return {key: _finite(item) for key, item in value.items()}
        case _:
            return value


def _change(change: FileChange, before: str | None) -> JsonValue:
    return {
        "file": change.name,
        "action": action_of(change.before, change.after),
        "codes": [*change.codes],
        "source": str(change.source) if change.source is not None else None,
        "before_sha256": before,
        "after_sha256": hashlib.sha256(change.after).hexdigest() if change.after is not None else None,
        "size": len(change.after or b""),
        "edits": edits_of(change.name, change.before, change.after),
        "content": _content(change),
    }


def _content(change: FileChange) -> JsonValue:
    if change.after is None:
        return None
    if len(change.after) <= CARRIED:
        try:
            return {"encoding": "utf-8", "text": change.after.decode()}
        except UnicodeDecodeError:
            return {"encoding": "base64", "data": _base64(change.after)}
    if change.source is not None:
        return {"encoding": "source"}
    before, after = change.before or b"", change.after
    start = _common_start(before, after)
    rest = _common_start(before[start:][::-1], after[start:][::-1])
    return {
        "encoding": "splice",
        "start": start,
        "end": len(before) - rest,
        "data": _base64(after[start : len(after) - rest]),
    }


def _common_start(left: bytes, right: bytes) -> int:
    """How many bytes two files have in common at their beginning."""
    shortest = min(len(left), len(right))
    at = 0
    while at < shortest and left[at : at + _PIECE] == right[at : at + _PIECE]:
        at += _PIECE
    while at < shortest and left[at] == right[at]:
        at += 1
    return min(at, shortest)


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


class _Writer:
    """Writes what may name a folder: a plan file holds no absolute path, so these are named by their last part."""

    def __init__(self, plan: Plan) -> None:
        self._sources = plan.sources
        labels = [plan.target, *(source.origin.label for source in plan.sources.values())]
        local = [
            *([] if "://" in plan.target else [plan.target]),
            *(str(s.origin) for s in plan.sources.values() if s.origin.kind == "local"),
        ]
        self._names = {label: _last_part(label) for label in labels if label in local}

    def source(self, witness: Witness) -> JsonValue:
        source = self._sources.get(witness)
        if source is None:
            return None
        origin = source.origin
        return {
            "kind": origin.kind,
            "name": self._name(origin),
            "revision": origin.revision,
            "inputs": dict(sorted(source.inputs.items())),
        }

    def findings(self, findings: Iterable[Finding]) -> list[JsonValue]:
        return [self._finding(finding) for finding in findings]

    def _finding(self, finding: Finding) -> JsonValue:
        fix = finding.fix
        return {
            "code": finding.code,
            "name": finding.name,
            "severity": str(finding.severity),
            "file": finding.file,
            "pointer": finding.pointer,
            "message": self._message(finding.message),
            **_present({"current": finding.current, "expected": finding.expected}),
            "witness": str(finding.witness),
            "evidence": self._messages(finding.evidence),
            "engines": [*finding.engines],
            "fix": {"applicability": str(fix.applicability), "why": self._message(fix.why)} if fix else None,
        }

    def view(self, view: EngineView) -> JsonValue:
        template = view.chat_template
        return {
            "version": view.version,
            "stop_token_ids": [*view.stop_token_ids],
            "stop_strings": [*view.stop_strings],
            "sampling": _present(view.sampling),
            "chat_template": {"source": template.source, "sha256": template.sha256} if template else None,
            "context_length": view.context_length,
            "problems": self._messages(problem.message for problem in view.problems),
            "trace": self._messages(view.trace),
        }

    def _messages(self, messages: Iterable[Message]) -> list[JsonValue]:
        return [self._message(message) for message in messages]

    def _message(self, message: Message) -> JsonValue:
        args = {key: self._names.get(v, v) if isinstance(v, str) else v for key, v in message.args.items()}
        return {"id": message.id, "args": _present(args)}

    def _name(self, origin: Origin) -> str:
        return self._names.get(origin.label, origin.label)


def _last_part(label: str) -> str:
    """The last part of a path, as text: a name on disk need not be any."""
    name = PurePath(label).name or label.rpartition("/")[2] or "/"
    return name.encode("utf-8", "backslashreplace").decode()
