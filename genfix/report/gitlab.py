"""Findings as GitLab's Code Quality report, which a merge request shows beside the lines they are about.

The fields are those of https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format: GitLab
asks for a description, a name, a fingerprint of its own for each entry, a severity and a relative path.
"""

import hashlib
import os

from genfix.json_types import JsonValue
from genfix.report.outcome import Failure, Outcome
from genfix.rules import Severity
from genfix.show import show

_SEVERITIES = {Severity.ERROR: "critical", Severity.WARNING: "minor", Severity.INFO: "info"}


def issues(outcome: Outcome, *, verbose: bool) -> list[JsonValue]:
    """An entry for each finding, worst first; information only where ``verbose``."""
    return [
        {
            "description": f"{show(finding.file)}: {finding.message}",
            "check_name": f"{finding.code} {finding.name}",
            "fingerprint": outcome.fingerprint(finding),
            "severity": _SEVERITIES[finding.severity],
            "location": {"path": show(outcome.path(finding.file)), "lines": {"begin": outcome.line(finding)}},
        }
        for finding in outcome.findings
        if verbose or finding.severity is not Severity.INFO
    ]


def error_issue(failure: Failure) -> JsonValue:
    """The entry for what could not be done."""
    said = f"{failure}\n{failure.error.hint}".rstrip()
    is_below = failure.target and "://" not in failure.target and not os.path.isabs(failure.target)  # noqa: PTH117
    return {
        "description": said,
        "check_name": "genfix",
        "fingerprint": hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest(),
        "severity": "blocker",
        "location": {"path": show(failure.target) if is_below else ".", "lines": {"begin": 1}},
    }
