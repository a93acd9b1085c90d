"""A report as the comment of a pull request, in GitHub's Markdown."""

from collections.abc import Iterator, Sequence
from typing import Final

from genfix.planner.plan_markdown import change_lines, code, collapsed, cut, escaped, fenced, state
from genfix.report.outcome import Outcome
from genfix.report.text import count
from genfix.rules import Finding, Severity

LIMIT: Final = 60_000
"""GitHub takes comments of up to 65,536 characters."""
_ROWS: Final = 60


def comment(outcome: Outcome, *, command: str = "", verbose: bool = False) -> str:
    """The verdict, a table of the findings, and collapsed: why, and the changes.

    ``command`` is what makes the changes. Information is shown only where ``verbose``.
    """
    shown = [finding for finding in outcome.findings if verbose or finding.severity is not Severity.INFO]
    head = [f"### genfix: {_verdict(outcome)}", "", _subject(outcome), *_covered(outcome)]
    head += _table(shown, outcome)
    engines = _engines(outcome)
    tail = ["", "To make these changes:", "", *fenced(command.splitlines(), "sh")] if command else []
    diffs = [line for change in outcome.changes for line in change_lines(change)]
    title = ["", f"#### {'Changes made' if outcome.done else 'Planned changes'}"] if diffs else []
    full = "\n".join([*head, *_reasons(shown), *title, *diffs, *engines, *tail])
    if len(full) <= LIMIT:
        return full
    note = ["", "The reasons and the changes are too long for a comment; `genfix plan` shows them."]
    return "\n".join([*head, *note, *engines, *tail])[:LIMIT]


def _verdict(outcome: Outcome) -> str:
    parts = [
        f"{number} {severity}{'' if number == 1 or severity is Severity.INFO else 's'}"
        for severity, number in count(outcome.findings).items()
        if number
    ]
    found = ", ".join(parts) or "nothing to report"
    if outcome.done is None:
        return found
    files = f"{len(outcome.changes)} file{'' if len(outcome.changes) == 1 else 's'}"
    if not outcome.changes:
        return f"nothing to change; {found}" if parts else "nothing to change"
    if outcome.done:
        return f"repaired {files}" + (f"; left: {found}" if parts else "")
    return f"{found}; {files} to repair"


def _subject(outcome: Outcome) -> str:
    folder = code(outcome.target)
    return f"{folder} against {code(outcome.base)}" if outcome.base else f"{folder}, judged without a base"


def _covered(outcome: Outcome) -> list[str]:
    return [] if outcome.coverage is None else ["", escaped(f"{outcome.coverage}.".capitalize())]


def _table(findings: Sequence[Finding], outcome: Outcome) -> Iterator[str]:
    if not findings:
        return
    yield from ("", "| | rule | file | what is wrong | fix |", "|---|---|---|---|---|")
    for finding in findings[:_ROWS]:
        cells = (
            str(finding.severity),
            f"{finding.code} {finding.name}",
            code(finding.file),
            cut(str(finding.message)),
            _fix(finding, outcome),
        )
        yield f"| {' | '.join(cells)} |"
    if len(findings) > _ROWS:
        yield f"\n{len(findings) - _ROWS} more are not listed."


def _fix(finding: Finding, outcome: Outcome) -> str:
    if finding.fix is None:
        return ""
    return f"{finding.fix.applicability}{', planned' if finding.key in outcome.cleared else ''}"


def _reasons(findings: Sequence[Finding]) -> list[str]:
    lines: list[str] = []
    for finding in findings:
        why = [*finding.evidence, *([finding.fix.why] if finding.fix is not None else [])]
        if why:
            lines.append(f"- {finding.code} {code(finding.file)}")
            lines += [f"  - {escaped(str(reason))}" for reason in why]
    return ["", *collapsed("Why", lines)] if lines else []


def _engines(outcome: Outcome) -> list[str]:
    """The engines whose stop ids or problems change."""
    states = [(name, state(view), state(outcome.after[name])) for name, view in outcome.before.items()]
    rows = [f"| {name} | {before} | {after} |" for name, before, after in states if before != after]
    heads = "was | is" if outcome.done else "now | then"
    return ["", f"| engine | {heads} |", "|---|---|---|", *rows] if rows else []
