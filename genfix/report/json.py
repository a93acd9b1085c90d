"""Reports for machines: versioned JSON in a stable order, without timestamps and in ASCII."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Final

from genfix.api.judging import Report
from genfix.json_types import JsonValue, Missing
from genfix.report.text import count
from genfix.rules import RULES, Applicability, Finding, Rule

__all__ = [
    "SCHEMA_VERSION",
    "dumps",
    "finding_json",
    "present",
    "report_json",
    "rules_json",
    "summary_json",
]

SCHEMA_VERSION: Final = 1


def dumps(document: JsonValue) -> str:
    """The document as indented ASCII JSON."""
    try:
        return json.dumps(document, indent=2, ensure_ascii=True, allow_nan=False)
    except ValueError:
        return json.dumps(_finite(document), indent=2, ensure_ascii=True)


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


def report_json(report: Report) -> JsonValue:
    """A report of ``check``, by the schema that ships as ``genfix/report/schemas/check.schema.json``."""
    return {
        "schema_version": SCHEMA_VERSION,
        "target": report.target,
        "base": report.base,
        "findings": [finding_json(finding) for finding in report.findings],
        "notes": [*report.notes],
        "known": len(report.known),
        "summary": summary_json(report.findings),
    }


def finding_json(finding: Finding) -> JsonValue:
    """One finding; a value that is not there has no key."""
    document: dict[str, JsonValue] = {
        "code": finding.code,
        "name": finding.name,
        "severity": str(finding.severity),
        "file": finding.file,
        "pointer": finding.pointer,
        "message": str(finding.message),
    }
    document |= present({"current": finding.current, "expected": finding.expected})
    document |= {
        "witness": str(finding.witness),
        "evidence": [str(evidence) for evidence in finding.evidence],
        "engines": list(finding.engines),
        "fix": None,
    }
    if finding.fix is not None:
        document["fix"] = {"applicability": str(finding.fix.applicability), "why": str(finding.fix.why)}
    return document


def present(values: Mapping[str, JsonValue | Missing]) -> dict[str, JsonValue]:
    """The values that are there."""
    return {key: value for key, value in values.items() if not isinstance(value, Missing)}


def summary_json(findings: Sequence[Finding]) -> JsonValue:
    """How many findings of each severity, and how many with a safe fix."""
    fixable = sum(
        finding.fix is not None and finding.fix.applicability is Applicability.SAFE for finding in findings
    )
    numbers: dict[str, JsonValue] = {str(severity): number for severity, number in count(findings).items()}
    return numbers | {"fixable": fixable}


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
