"""A plan as the bytes of a plan file: the same plan gives the same bytes, wherever and whenever it is
written.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from pathlib import PurePath
from typing import Final

from genfix.errors import InputError
from genfix.folder import Origin, content_digest
from genfix.json_types import JsonValue
from genfix.jsontext.json_diff import diff_values
from genfix.jsontext.json_read import JsonError, read_json
from genfix.message import Message, plain_args
from genfix.planner.plan import FileChange, Plan, action_of
from genfix.rules import Witness
from genfix.rules.core.json_form import finding_json, present, view_json

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
            "the plan would have {content:,} bytes, more than the {largest:.3g} MiB of a plan file",
            "use `genfix repair`, which needs no file",
            content=len(content),
            largest=LARGEST / 2**20,
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
        "findings": [finding_json(finding, writer.say) for finding in plan.findings],
        "remaining": [finding_json(finding, writer.say) for finding in plan.remaining],
        "known": [finding_json(finding, writer.say) for finding in plan.known],
        "engines": [
            {
                "engine": name,
                "before": view_json(view, writer.say),
                "after": view_json(plan.views_after[name], writer.say),
                "base": view_json(plan.base_views[name], writer.say) if name in plan.base_views else None,
            }
            for name, view in plan.views_before.items()
        ],
    }


def canonical_id(document: Mapping[str, JsonValue]) -> str:
    """The id of a plan: the digest of all it says, but not of where the folders lay.

    Raises `ValueError` for a number that JSON has not.
    """
    body = {key: value for key, value in document.items() if key not in {"id", "places"}}
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


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
        {"pointer": found.pointer, **present({"before": found.left, "after": found.right})}
        for found in differences
    ]


def _change(change: FileChange, before: str | None) -> JsonValue:
    return {
        "file": change.name,
        "action": action_of(change.before, change.after),
        "codes": [*change.codes],
        "source": str(change.source) if change.source is not None else None,
        "before_sha256": before,
        "after_sha256": content_digest(change.after),
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
    """Writes what may name a folder: a plan file holds no absolute path, so these are named by their last
    part.
    """

    def __init__(self, plan: Plan) -> None:
        self._sources = plan.sources
        labels = [plan.target, *(source.origin.label for source in plan.sources.values())]
        local = [
            *([] if "://" in plan.target else [plan.target]),
            *(str(s.origin) for s in plan.sources.values() if s.origin.kind == "local"),
        ]
        self._names = {label: last_part(label) for label in labels if label in local}

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

    def say(self, message: Message) -> JsonValue:
        args = {
            key: self._names.get(v, v) if isinstance(v, str) else v for key, v in plain_args(message).items()
        }
        return {"id": message.id, "args": present(args)}

    def _name(self, origin: Origin) -> str:
        return self._names.get(origin.label, origin.label)


def last_part(label: str) -> str:
    """The last part of a path, as text: a name on disk need not be any."""
    name = PurePath(label).name or label.rpartition("/")[2] or "/"
    return name.encode("utf-8", "backslashreplace").decode()
