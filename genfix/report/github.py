"""Findings as GitHub workflow commands, which a pull request shows beside the lines they are about."""

from collections.abc import Iterator

from genfix.report.outcome import Failure, Outcome
from genfix.rules import Applicability, Finding, Severity
from genfix.show import show

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}
_LABELS = {
    Applicability.SAFE: "safe fix",
    Applicability.UNSAFE: "unsafe fix",
    Applicability.MANUAL: "no automatic fix",
}


def annotations(outcome: Outcome, *, verbose: bool) -> str:
    """One command a finding, worst first; information only where ``verbose``: GitHub shows ten a step."""
    return "\n".join(
        _annotation(outcome, finding)
        for finding in outcome.findings
        if verbose or finding.severity is not Severity.INFO
    )


def _annotation(outcome: Outcome, finding: Finding) -> str:
    properties = {
        "file": outcome.path(finding.file),
        "line": str(outcome.line(finding)),
        "title": f"{finding.code} {finding.name}",
    }
    given = ",".join(f"{key}={_property(show(value))}" for key, value in properties.items())
    return f"::{_COMMANDS[finding.severity]} {given}::{_data(chr(10).join(_said(outcome, finding)))}"


def error_annotation(failure: Failure) -> str:
    """What could not be done, and what to do next."""
    hint = failure.error.hint
    return f"::error title=genfix::{_data(f'{failure}{chr(10)}{hint}' if hint else str(failure))}"


def _said(outcome: Outcome, finding: Finding) -> Iterator[str]:
    yield f"{show(finding.file)}: {finding.message}"
    yield from (f"- {evidence}" for evidence in finding.evidence)
    if finding.fix is not None:
        yield f"{_LABELS[finding.fix.applicability]}: {finding.fix.why}"
    if finding.key in outcome.cleared:
        yield "genfix repair clears it"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
