"""Plans, differences and logs for machines: the same JSON as `genfix.report.json`."""

from collections.abc import Mapping, Sequence

from genfix.applier import Receipt
from genfix.engines import EngineView
from genfix.folder import content_digest
from genfix.json_types import JsonValue
from genfix.planner.plan import FileChange, Plan, action_of
from genfix.report.json import SCHEMA_VERSION, summary_json
from genfix.rules.core.difference import FileDifference
from genfix.rules.core.json_form import finding_json, present, view_json


def plan_json(plan: Plan, receipt: Receipt | None = None) -> JsonValue:
    """A plan: what is wrong, what changes, what is left, and engine views before and after."""
    return {
        "schema_version": SCHEMA_VERSION,
        "target": plan.target,
        "base": plan.base,
        "findings": [finding_json(finding) for finding in plan.findings],
        "changes": [_change(change) for change in plan.changes],
        "remaining": [finding_json(finding) for finding in plan.remaining],
        "engines": _views(plan.views_before, plan.views_after),
        "notes": [*map(str, plan.notes)],
        "known": len(plan.known),
        "summary": summary_json(plan.remaining),
        "transaction": receipt.id if receipt is not None else None,
    }


def _change(change: FileChange) -> JsonValue:
    return {
        "file": change.name,
        "action": action_of(change.before, change.after),
        "source": str(change.source) if change.source is not None else "edit",
        "codes": list(change.codes),
        "before_sha256": content_digest(change.before),
        "after_sha256": content_digest(change.after),
        "size": len(change.after or b""),
    }


def _views(before: Mapping[str, EngineView], after: Mapping[str, EngineView]) -> JsonValue:
    return [
        {"engine": name, "before": _view(view), "after": _view(after[name])} for name, view in before.items()
    ]


def _view(view: EngineView) -> JsonValue:
    document = view_json(view)
    shown = ("version", "stop_token_ids", "sampling", "problems", "trace")
    return {"version": view.version, "loads": view.loads, **{key: document[key] for key in shown}}


def differences_json(differences: Sequence[FileDifference]) -> JsonValue:
    """The differences of two folders' config files."""
    return {"schema_version": SCHEMA_VERSION, "files": [_file(difference) for difference in differences]}


def _file(difference: FileDifference) -> JsonValue:
    values: list[JsonValue] = [
        {"pointer": value.pointer, **present({"base": value.left, "merged": value.right})}
        for value in difference.values
    ]
    return {"file": difference.name, "status": difference.status, "values": values}


def log_json(timeline: Sequence[tuple[str, Receipt]], failed: Mapping[str, str]) -> JsonValue:
    """The transactions on folders, each with its folder; of those whose log cannot be read, why."""
    return {
        "schema_version": SCHEMA_VERSION,
        "failed": [{"target": target, "error": why} for target, why in failed.items()],
        "transactions": [
            {
                "target": target,
                "id": receipt.id,
                "kind": receipt.kind,
                "when": receipt.when,
                "note": dict(receipt.note),
                "undoes": receipt.undoes,
                "undone_by": receipt.undone_by,
                "made_here": receipt.ours,
                "changes": [
                    {"file": change.name, "before_sha256": change.before, "after_sha256": change.after}
                    for change in receipt.changes
                ],
                "files": [{"file": kept.name, "sha256": kept.sha256} for kept in receipt.files],
            }
            for target, receipt in timeline
        ],
    }
