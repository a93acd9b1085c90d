"""Findings as SARIF 2.1.0, the format of GitHub code scanning and of editors."""

from collections.abc import Sequence
from typing import Final, NamedTuple
from urllib.parse import quote

from genfix.json_types import JsonObject, JsonValue
from genfix.message import Message
from genfix.report.outcome import Failure, Outcome
from genfix.rules import RULES, Finding, Rule, Severity
from genfix.show import show
from genfix.version import HOME, PAGES

_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS: Final = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}


class Run(NamedTuple):
    """What one run of genfix says: a folder's part, or that of several folders together."""

    results: Sequence[JsonObject]
    notes: Sequence[JsonValue] = ()
    properties: JsonObject | None = None
    failed_with: int = 0
    """The exit code of a run that could not judge all it was to judge; 0 of one that could."""


def sarif_json(outcome: Outcome, version: str) -> JsonValue:
    """A SARIF log of one run of genfix at ``version``, with the rules that found something."""
    notes = [notification(note) for note in outcome.notes]
    return sarif_log(Run(results(outcome), notes, {"base": outcome.base}), version)


def sarif_error(failure: Failure, version: str) -> JsonValue:
    """A SARIF log of a run that came to no result."""
    said: JsonValue = {"level": "error", "message": {"text": f"{failure}\n{failure.error.hint}".rstrip()}}
    return sarif_log(Run((), [said], failed_with=failure.error.exit_code), version)


def notification(said: Message, level: str = "note") -> JsonValue:
    """What a run has to say beside its results."""
    return {"level": level, "message": {"text": str(said)}}


def results(outcome: Outcome) -> list[JsonObject]:
    """The findings as SARIF has them."""
    return [_result(outcome, finding) for finding in outcome.findings]


def sarif_log(run: Run, version: str) -> JsonValue:
    """The log of one run of genfix at ``version``."""
    codes = sorted({str(result["ruleId"]) for result in run.results})
    ended: dict[str, JsonValue] = {"exitCode": run.failed_with} if run.failed_with else {}
    driver: JsonValue = {
        "name": "genfix",
        "informationUri": HOME,
        "semanticVersion": version,
        "rules": [_rule(RULES[code]) for code in codes],
    }
    return {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": driver},
                "invocations": [
                    {
                        "executionSuccessful": not run.failed_with,
                        **ended,
                        "toolExecutionNotifications": [*run.notes],
                    }
                ],
                "columnKind": "unicodeCodePoints",
                "results": [
                    {**result, "ruleIndex": codes.index(str(result["ruleId"]))} for result in run.results
                ],
                "properties": dict(run.properties or {}),
            }
        ],
    }


def _rule(rule: Rule) -> JsonValue:
    doc = rule.doc
    return {
        "id": rule.code,
        "helpUri": f"{PAGES}/rules/{rule.code}.md",
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


def _result(outcome: Outcome, finding: Finding) -> JsonObject:
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
        "ruleIndex": 0,  # known when all are: its place is kept
        "level": _LEVELS[finding.severity],
        "message": {"text": _text(f"{show(finding.file)}: {finding.message}")},
        "locations": [location],
        "partialFingerprints": {"genfixFinding/v1": outcome.fingerprint(finding)},
        "properties": properties,
    }


def _text(text: str) -> str:
    """``text`` without links: viewers make one of ``[words](address)``."""
    return text.replace("](", "] (")
