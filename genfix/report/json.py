"""Reports for machines: versioned JSON in a stable order, without timestamps and in ASCII."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Final

from genfix.api import Report
from genfix.applier import Receipt
from genfix.engines import EngineView
from genfix.json_types import JsonValue, Missing
from genfix.model.json_diff import Difference
from genfix.planner import FileChange, Plan
from genfix.report.messages import words
from genfix.report.text import count
from genfix.rules import RULES, Applicability, Finding, Rule
from genfix.rules.difference import FileDifference

__all__ = [
    "SCHEMA_VERSION",
    "differences_json",
    "dumps",
    "log_json",
    "plan_json",
    "report_json",
    "rules_json",
]

SCHEMA_VERSION: Final = 1


def dumps(document: JsonValue) -> str:
    """The document as indented ASCII JSON."""
    return json.dumps(document, indent=2, ensure_ascii=True)


def report_json(report: Report) -> JsonValue:
    """A report of ``check``, by the schema that ships as ``genfix/report/schemas/check.schema.json``."""
    return {
        "schema_version": SCHEMA_VERSION,
        "target": report.target,
        "base": report.base,
        "findings": [_finding(finding) for finding in report.findings],
        "summary": _summary(report.findings),
    }


def _finding(finding: Finding) -> JsonValue:
    document: dict[str, JsonValue] = {
        "code": finding.code,
        "name": finding.name,
        "severity": str(finding.severity),
        "file": finding.file,
        "pointer": finding.pointer,
        "message": words(finding.message),
    }
    document |= _present({"current": finding.current, "expected": finding.expected})
    document |= {
        "witness": str(finding.witness),
        "evidence": [words(evidence) for evidence in finding.evidence],
        "engines": list(finding.engines),
        "fix": None,
    }
    if finding.fix is not None:
        document["fix"] = {"applicability": str(finding.fix.applicability), "why": words(finding.fix.why)}
    return document


def _present(values: Mapping[str, JsonValue | Missing]) -> dict[str, JsonValue]:
    return {key: value for key, value in values.items() if not isinstance(value, Missing)}


def _summary(findings: Sequence[Finding]) -> JsonValue:
    fixable = sum(
        finding.fix is not None and finding.fix.applicability is Applicability.SAFE for finding in findings
    )
    numbers: dict[str, JsonValue] = {str(severity): number for severity, number in count(findings).items()}
    return numbers | {"fixable": fixable}


def plan_json(plan: Plan, receipt: Receipt | None = None) -> JsonValue:
    """A plan: what is wrong, what changes, what is left, and engine views before and after."""
    return {
        "schema_version": SCHEMA_VERSION,
        "target": plan.target,
        "base": plan.base,
        "findings": [_finding(finding) for finding in plan.findings],
        "changes": [_change(change) for change in plan.changes],
        "remaining": [_finding(finding) for finding in plan.remaining],
        "engines": _views(plan.views_before, plan.views_after),
        "summary": _summary(plan.remaining),
        "transaction": receipt.id if receipt is not None else None,
    }


def _change(change: FileChange) -> JsonValue:
    return {
        "file": change.name,
        "action": "create" if change.before is None else "rewrite",
        "source": "base" if change.restored else "edit",
        "codes": list(change.codes),
        "before_sha256": hashlib.sha256(change.before).hexdigest() if change.before is not None else None,
        "after_sha256": hashlib.sha256(change.after).hexdigest(),
        "size": len(change.after),
    }


def _views(before: Mapping[str, EngineView], after: Mapping[str, EngineView]) -> JsonValue:
    return [
        {"engine": name, "before": _view(view), "after": _view(after[name])} for name, view in before.items()
    ]


def _view(view: EngineView) -> JsonValue:
    return {
        "version": view.version,
        "loads": view.loads,
        "stop_token_ids": list(view.stop_token_ids),
        "sampling": dict(view.sampling),
        "problems": [words(problem) for problem in view.problems],
        "trace": [words(step) for step in view.trace],
    }


def differences_json(differences: Sequence[FileDifference]) -> JsonValue:
    """The differences of two folders' config files."""
    return {"schema_version": SCHEMA_VERSION, "files": [_file(difference) for difference in differences]}


def _file(difference: FileDifference) -> JsonValue:
    values = [_value(value) for value in difference.values]
    return {"file": difference.name, "status": difference.status, "values": values}


def _value(value: Difference) -> JsonValue:
    document: dict[str, JsonValue] = {"pointer": value.pointer}
    return document | _present({"base": value.left, "merged": value.right})


def log_json(receipts: Sequence[Receipt]) -> JsonValue:
    """The transactions on a folder."""
    return {
        "schema_version": SCHEMA_VERSION,
        "transactions": [
            {
                "id": receipt.id,
                "kind": receipt.kind,
                "when": receipt.when,
                "note": dict(receipt.note),
                "undoes": receipt.undoes,
                "undone_by": receipt.undone_by,
                "changes": [
                    {"file": change.name, "before_sha256": change.before, "after_sha256": change.after}
                    for change in receipt.changes
                ],
            }
            for receipt in receipts
        ],
    }


def rules_json(rules: Sequence[Rule] | None = None) -> JsonValue:
    """Rules with their documentation; all by default."""
    return [
        {
            "code": rule.code,
            "name": rule.name,
            "severity": str(rule.severity),
            "needs_base": rule.needs_base,
            "what": rule.doc.what,
            "why": rule.doc.why,
            "fix": rule.doc.fix,
            "safety": rule.doc.safety,
            "sources": list(rule.doc.sources),
        }
        for rule in rules or RULES.values()
    ]
