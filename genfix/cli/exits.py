"""Which exit code findings make."""

from collections.abc import Iterable

from genfix.cli.options import Level
from genfix.rules import Finding, Severity

__all__ = ["exit_code"]


def exit_code(findings: Iterable[Finding], fail_on: Level) -> int:
    """1 where a finding is as bad as ``fail_on`` or worse, else 0."""
    limit = Severity(fail_on.value).rank
    return 1 if any(finding.severity.rank <= limit for finding in findings) else 0
