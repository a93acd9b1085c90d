"""A report as the comment of a pull request, in GitHub's Markdown."""

import difflib
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

from genfix.engines import EngineView
from genfix.planner import FileChange
from genfix.report.outcome import Outcome
from genfix.report.text import count
from genfix.rules import Finding, Severity
from genfix.show import show

LIMIT: Final = 60_000
"""GitHub takes comments of up to 65,536 characters."""
_ROWS: Final = 60
_DIFF_LINES: Final = 200
_DIFF_BYTES: Final = 512 * 1024

_ACTIVE: Final = re.compile(r"[&<>$]|[\\`*_\[\]|~]|[@#]|:(?=//)|\bGH(?=-)|\bwww(?=\.)", re.IGNORECASE)
"""Markup and HTML; and what GitHub makes a mention, a reference or a link of where no markup is."""
_ENTITIES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "$": "&#36;"}
_BREAK: Final = "&#8203;"
"""A space of no width."""


def comment(outcome: Outcome, *, command: str = "", verbose: bool = False) -> str:
    """The verdict, a table of the findings, and collapsed: why, and the changes.

    ``command`` is what makes the changes. Information is shown only where ``verbose``.
    """
    shown = [finding for finding in outcome.findings if verbose or finding.severity is not Severity.INFO]
    head = [f"### genfix: {_verdict(outcome)}", "", _subject(outcome), *_covered(outcome)]
    head += _table(shown, outcome)
    engines = _engines(outcome)
    tail = ["", "To make these changes:", "", *fenced(command.splitlines(), "sh")] if command else []
    diffs = [line for change in outcome.changes for line in _change(change)]
    title = ["", f"#### {'Changes made' if outcome.done else 'Planned changes'}"] if diffs else []
    full = "\n".join([*head, *_reasons(shown), *title, *diffs, *engines, *tail])
    if len(full) <= LIMIT:
        return full
    note = ["", "The reasons and the changes are too long for a comment; `genfix plan` shows them."]
    return "\n".join([*head, *note, *engines, *tail])[:LIMIT]


def escaped(text: str) -> str:
    """Text of others as plain words: no markup, no HTML, no link, no mention, no reference."""
    return _ACTIVE.sub(lambda found: _inactive(found[0]), show(text))


def _inactive(text: str) -> str:
    if text in _ENTITIES:
        return _ENTITIES[text]
    return f"\\{text}" if text in "\\`*_[]|~" else f"{text}{_BREAK}"


def fenced(lines: Sequence[str], language: str) -> list[str]:
    """Lines as a code block that none of them can close."""
    longest = max((len(run) for line in lines for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}{language}", *lines, fence]


def code(text: str) -> str:
    """Text of others as code."""
    return f"<code>{escaped(text)}</code>"


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
            _cut(str(finding.message)),
            _fix(finding, outcome),
        )
        yield f"| {' | '.join(cells)} |"
    if len(findings) > _ROWS:
        yield f"\n{len(findings) - _ROWS} more are not listed."


def _cut(text: str, limit: int = 400) -> str:
    return escaped(text if len(text) <= limit else f"{text[: limit - 1]}…")


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


def _change(change: FileChange) -> Iterator[str]:
    title = f"{code(change.name)} ({', '.join(change.codes)})"
    yield ""
    if change.after is None:
        yield f"- {title}: moved into the backup"
    elif change.source is not None:
        how = "restored from" if change.before is None else "replaced by that of"
        yield f"- {title}: {how} the {change.source}, {len(change.after):,} bytes"
    else:
        yield from collapsed(title, fenced(_diff(change.before or b"", change.after), "diff"))


def _diff(before: bytes, after: bytes) -> list[str]:
    if max(len(before), len(after)) > _DIFF_BYTES:
        return [f"{len(before):,} bytes become {len(after):,}"]
    old, new = (data.decode("utf-8", "replace").splitlines() for data in (before, after))
    changed = islice(difflib.unified_diff(old, new, lineterm="", n=1), 2, None)
    lines = [f"{line[0]} {show(line[1:])}"[:300] for line in changed if not line.startswith("@@")]
    more = len(lines) - _DIFF_LINES
    return [*lines[:_DIFF_LINES], f"… {more} more lines"] if more > 0 else lines


def collapsed(title: str, lines: Sequence[str]) -> list[str]:
    """Lines behind a title to open."""
    return [f"<details><summary>{title}</summary>", "", *lines, "", "</details>"]


def _engines(outcome: Outcome) -> list[str]:
    """The engines whose stop ids or problems change."""
    states = [(name, _state(view), _state(outcome.after[name])) for name, view in outcome.before.items()]
    rows = [f"| {name} | {before} | {after} |" for name, before, after in states if before != after]
    heads = "was | is" if outcome.done else "now | then"
    return ["", f"| engine | {heads} |", "|---|---|---|", *rows] if rows else []


def _state(view: EngineView) -> str:
    ids = ", ".join(map(str, sorted(view.stop_token_ids)))
    stops = f"stops at {ids}" if ids else "stops at nothing"
    return stops if view.loads else f"does not load; {stops}"
