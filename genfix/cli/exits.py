"""Which exit code findings make, and those that are known and make none."""

from collections.abc import Iterable
from pathlib import Path

from genfix.cli.failing import behind_report
from genfix.cli.options import Level
from genfix.cli.output import Output
from genfix.message import text
from genfix.resolver.case import Case
from genfix.rules import Finding, Severity


def exit_code(findings: Iterable[Finding], fail_on: Level) -> int:
    """1 where a finding is as bad as ``fail_on`` or worse, else 0."""
    limit = Severity(fail_on.value).rank
    return 1 if any(finding.severity.rank <= limit for finding in findings) else 0


def settle_known(
    case: Case, found: Iterable[Finding], known: Iterable[Finding], out: Output, keep: Path | None
) -> bool:
    """Say how many findings are known, and write all to the baseline ``keep``: whether that was wanted."""
    number = len([*known])
    if number:
        out.tell(text("{count} known: in {path}", count=number, path=str(case.baseline)))
    if keep is None:
        return False
    from genfix.api.baseline import write_baseline  # noqa: PLC0415 - only where one is wanted

    with behind_report(out):
        count = write_baseline(keep, [*found, *known], outside=case.target)
    out.tell(
        text(
            "wrote {count} finding to {path}: with --baseline they do not count",
            "wrote {count} findings to {path}: with --baseline they do not count",
            count=count,
            path=str(keep),
        )
    )
    return True
