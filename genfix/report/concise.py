"""Findings a line each, as compilers and linters print them: editors and scripts find the place."""

from genfix.report.outcome import Failure, Outcome
from genfix.rules import Applicability, Severity
from genfix.show import show

_MARKS = {Applicability.SAFE: " [*]", Applicability.UNSAFE: " [unsafe]", Applicability.MANUAL: ""}


def concise_lines(outcome: Outcome, *, verbose: bool) -> str:
    """``path:line: severity CODE message``, and ``[*]`` where ``repair`` makes the fix.

    Information is shown only where ``verbose``.
    """
    return "\n".join(
        f"{show(outcome.path(finding.file))}:{outcome.line(finding)}: {finding.severity} {finding.code}"
        f"{_MARKS[finding.fix.applicability] if finding.fix is not None else ''} {finding.message}"
        for finding in outcome.findings
        if verbose or finding.severity is not Severity.INFO
    )


def concise_error(failure: Failure) -> str:
    """What could not be done."""
    return f"{show(failure.target or 'genfix')}: error: {failure.error.message}"
