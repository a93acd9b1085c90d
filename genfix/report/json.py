"""Reports for machines: versioned JSON in a stable order, without timestamps and in ASCII."""

import json
from collections.abc import Sequence
from typing import Final

from genfix.api.judging import Report
from genfix.json_types import JsonValue
from genfix.report.text import count
from genfix.rules import RULES, Applicability, Finding, Rule
from genfix.rules.core.coverage import Coverage
from genfix.rules.core.json_form import finding_json, finite

SCHEMA_VERSION: Final = 1


def dumps(document: JsonValue) -> str:
    """The document as indented ASCII JSON."""
    try:
        return json.dumps(document, indent=2, ensure_ascii=True, allow_nan=False)
    except ValueError:
        return json.dumps(finite(document), indent=2, ensure_ascii=True)


def report_json(report: Report) -> JsonValue:
    """A report of ``check``, by the schema that ships as ``genfix/report/schemas/check.schema.json``."""
    return {
        "schema_version": SCHEMA_VERSION,
        "target": report.target,
        "base": report.base,
        "findings": [finding_json(finding) for finding in report.findings],
        "notes": [*map(str, report.notes)],
        "known": len(report.known),
        "coverage": _coverage_json(report.coverage),
        "summary": summary_json(report.findings),
    }


def _coverage_json(covered: Coverage) -> JsonValue:
    """What was judged, by which witnesses, and what was not."""
    return {
        "kind": str(covered.kind),
        "witnesses": [*map(str, covered.witnesses)],
        "not_judged": [*map(str, covered.gaps)],
    }


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
