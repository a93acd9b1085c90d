"""Findings as SARIF 2.1.0, the format of GitHub code scanning and of editors."""

import hashlib
from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

from genfix.json_types import JsonValue
from genfix.report.outcome import Outcome
from genfix.rules import RULES, Finding, Rule, Severity
from genfix.show import show

_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS: Final = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}


def sarif_json(outcome: Outcome, version: str) -> JsonValue:
    """A SARIF log of one run of genfix at ``version``, with the rules that found something."""
    codes = sorted({finding.code for finding in outcome.findings})
    driver: JsonValue = {
        "name": "genfix",
        "semanticVersion": version,
        "rules": [_rule(RULES[code]) for code in codes],
    }
    notes: list[JsonValue] = [{"level": "note", "message": {"text": str(note)}} for note in outcome.notes]
    return {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": driver},
                "invocations": [{"executionSuccessful": True, "toolExecutionNotifications": notes}],
                "columnKind": "unicodeCodePoints",
                "results": [_result(outcome, finding, codes) for finding in outcome.findings],
                "properties": {"base": outcome.base},
            }
        ],
    }


def _rule(rule: Rule) -> JsonValue:
    doc = rule.doc
    return {
        "id": rule.code,
        "name": rule.name,
        "shortDescription": {"text": rule.name.replace("-", " ")},
        "fullDescription": {"text": doc.what},
        "help": {
            "text": f"{doc.what}\n\n{doc.why}\n\n{doc.fix}\n\n{doc.safety}",
            "markdown": f"{doc.what}\n\n**Why it hurts.** {doc.why}\n\n**Fix.** {doc.fix}\n\n"
            f"**Safety.** {doc.safety}",
        },
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
    }


def _result(outcome: Outcome, finding: Finding, codes: Sequence[str]) -> JsonValue:
    uri = quote(outcome.path(finding.file).encode("utf-8", "surrogatepass"))
    location: dict[str, JsonValue] = {
        "physicalLocation": {
            "artifactLocation": {"uri": uri, "uriBaseId": "%SRCROOT%"},
            "region": {"startLine": outcome.line(finding)},
        }
    }
    if finding.pointer:
        location["logicalLocations"] = [{"fullyQualifiedName": finding.pointer}]
    properties: dict[str, JsonValue] = {
        "witness": str(finding.witness),
        "engines": list(finding.engines),
        "evidence": [str(evidence) for evidence in finding.evidence],
    }
    if finding.fix is not None:
        properties["fix"] = {"applicability": str(finding.fix.applicability), "why": str(finding.fix.why)}
    if outcome.done is False:
        properties["planned"] = finding.key in outcome.cleared
    return {
        "ruleId": finding.code,
        "ruleIndex": codes.index(finding.code),
        "level": _LEVELS[finding.severity],
        "message": {"text": _text(f"{show(finding.file)}: {finding.message}")},
        "locations": [location],
        "partialFingerprints": {"genfixFinding/v1": _fingerprint(outcome, finding)},
        "properties": properties,
    }


def _text(text: str) -> str:
    """``text`` without links: viewers make one of ``[words](address)``."""
    return text.replace("](", "] (")


def _fingerprint(outcome: Outcome, finding: Finding) -> str:
    """The same for the same problem in the next run, whatever stands around it."""
    parts = (finding.code, outcome.path(finding.file), finding.pointer or "")
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
