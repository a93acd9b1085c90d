"""A plan in Markdown, as GitHub and the Hub show it: parts of a comment, and the text of a pull request."""

import difflib
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Final

from genfix.engines import EngineView
from genfix.planner.plan import FileChange, Plan
from genfix.planner.saving import last_part
from genfix.rules import Finding
from genfix.show import show

_DIFF_LINES: Final = 200
_DIFF_BYTES: Final = 512 * 1024
_LIMIT: Final = 60_000
"""The most characters of a description; GitHub, whose limit is known, takes 65,536."""
_ROWS: Final = 60
_GONE: Final = "removed; what it was stays in the history"

_ACTIVE: Final = re.compile(r"[&<>$]|[\\`*_\[\]|~]|[@#]|:(?=//)|\bGH(?=-)|\bwww(?=\.)", re.IGNORECASE)
"""Markup and HTML; and what GitHub makes a mention, a reference or a link of where no markup is."""
_ENTITIES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "$": "&#36;"}
_BREAK: Final = "&#8203;"
"""A space of no width."""


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
    """Text of others in the letters of code."""
    return f"<code>{escaped(text)}</code>"


def cut(text: str, limit: int = 400) -> str:
    """The beginning of a text of others."""
    return escaped(text if len(text) <= limit else f"{text[: limit - 1]}…")


def change_lines(change: FileChange, gone: str = "moved into the backup") -> Iterator[str]:
    """What becomes of one file; ``gone`` says what becomes of one that is taken away."""
    title = f"{code(change.name)} ({', '.join(change.codes)})"
    yield ""
    if change.after is None:
        yield f"- {title}: {gone}"
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
    """Lines that are shown when the title is clicked."""
    return [f"<details><summary>{title}</summary>", "", *lines, "", "</details>"]


def state(view: EngineView) -> str:
    """Whether an engine loads the folder, and where it stops."""
    ids = ", ".join(map(str, sorted(view.stop_token_ids)))
    stops = f"stops at {ids}" if ids else "stops at nothing"
    return stops if view.loads else f"does not load; {stops}"


def description(plan: Plan, plan_id: str, genfix: str) -> str:
    """The text of a pull request with ``plan``: what it clears and why, the changes, what engines do then.

    Folders of this machine are called by their last part: the text is published.
    """
    named = _public_names(plan)
    against = f"against {code(named(plan.base))}" if plan.base else "without a base"
    head = [
        f"Made by genfix {genfix}, {against}. Config files only: no weights are touched.",
        *_findings("Repaired", plan.fixed, named),
    ]
    engines = _engine_table(plan)
    left = _findings("Left to decide", plan.remaining, named)
    changes = [line for change in plan.changes for line in change_lines(change, _GONE)]
    end = [
        "",
        f"Plan `{plan_id}`." if plan_id else "",
        "To take it back: `genfix undo` on the machine it came from.",
    ]
    full = "\n".join([*head, *engines, "", "#### Changes", *changes, *_why(plan, named), *left, *end])
    if len(full) <= _LIMIT:
        return full
    files = [f"- {code(change.name)} ({', '.join(change.codes)})" for change in plan.changes]
    return "\n".join([*head, *engines, "", "#### Changes", "", *files, *end])[:_LIMIT]


def _public_names(plan: Plan) -> Callable[[str], str]:
    """What a text says without the paths of this machine."""
    labels = [source.origin.label for source in plan.sources.values() if source.origin.kind == "local"]
    labels += [] if "://" in plan.target else [plan.target]
    paths = sorted((label for label in labels if last_part(label) != label), key=len, reverse=True)

    def named(text: str) -> str:
        for path in paths:
            text = text.replace(path, last_part(path))
        return text

    return named


def _findings(title: str, findings: Sequence[Finding], named: Callable[[str], str]) -> list[str]:
    if not findings:
        return []
    rows = [
        f"| {finding.severity} | {finding.code} {finding.name} | {code(finding.file)} "
        f"| {cut(named(str(finding.message)))} |"
        for finding in findings[:_ROWS]
    ]
    more = [f"\n{len(findings) - _ROWS} more are not listed."] if len(findings) > _ROWS else []
    return ["", f"#### {title}", "", "| | rule | file | what is wrong |", "|---|---|---|---|", *rows, *more]


def _why(plan: Plan, named: Callable[[str], str]) -> list[str]:
    lines: list[str] = []
    for finding in plan.fixed:
        reasons = [*finding.evidence, *([finding.fix.why] if finding.fix is not None else [])]
        lines.append(f"- {finding.code} {code(finding.file)}")
        lines += [f"  - {escaped(named(str(reason)))}" for reason in reasons]
    return ["", *collapsed("Why", lines)] if lines else []


def _engine_table(plan: Plan) -> list[str]:
    """What every engine does with the folder, now and with the change; those that do the same in one row."""
    rows: dict[tuple[str, str], list[str]] = {}
    for name, view in plan.views_before.items():
        now, then = state(view), state(plan.views_after[name])
        rows.setdefault((now, "the same" if now == then else then), []).append(f"{name} {view.version}")
    lines = [f"| {', '.join(names)} | {now} | {then} |" for (now, then), names in rows.items()]
    return ["", "#### Engines", "", "| engine | now | then |", "|---|---|---|", *lines] if lines else []
