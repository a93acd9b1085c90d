"""Plans, repairs, differences and logs for people at a terminal."""

import difflib
from collections.abc import Iterator, Mapping, Sequence

from genfix.applier import Receipt
from genfix.engines import EngineView
from genfix.json_types import JsonValue, Missing
from genfix.planner import FileChange, Plan
from genfix.report.show import show, show_value
from genfix.report.style import Style
from genfix.rules.difference import FileDifference

__all__ = ["differences_text", "log_text", "plan_text", "stop_table"]

_MAX_DIFF_BYTES = 512 * 1024
_CONTEXT = 1


def plan_text(plan: Plan, style: Style) -> str:
    """The bytes that would change, as a diff, and what engines make of it."""
    parts = [line for change in plan.changes for line in _change_lines(change, style)]
    table = stop_table(plan.views_before, plan.views_after, plan.base_views, style)
    return "\n".join([*parts, *([""] if parts and table else []), *table])


def _change_lines(change: FileChange, style: Style) -> Iterator[str]:
    name = style.mark(show(change.name), "bold")
    if change.after is None:
        yield f"{style.mark('-', 'red')} {name}: moved into the backup ({_codes(change)})"
        return
    mark = style.mark("+", "green") if change.before is None else style.mark("~", "yellow")
    if change.source is not None:
        how = "" if change.before is None else "replaced by "
        size = f"{len(change.after):,} bytes"
        yield f"{mark} {name}: {how}the {change.source}'s file, {size} ({_codes(change)})"
        return
    yield f"{mark} {name} ({_codes(change)})"
    yield from _diff(change.before or b"", change.after, style)


def _codes(change: FileChange) -> str:
    return ", ".join(change.codes)


def _diff(before: bytes, after: bytes, style: Style) -> Iterator[str]:
    if max(len(before), len(after)) > _MAX_DIFF_BYTES:
        yield f"    {len(before):,} bytes become {len(after):,}"
        return
    old, new = (data.decode("utf-8", "replace").splitlines() for data in (before, after))
    for line in list(difflib.unified_diff(old, new, lineterm="", n=_CONTEXT))[2:]:
        if line.startswith("@@"):
            continue
        text = f"    {line[0]} {show(line[1:])}"
        text = text if len(text) <= 200 else text[:199] + "…"
        colour = {"+": "green", "-": "red"}.get(line[0])
        yield style.mark(text, colour) if colour else text


def stop_table(
    before: Mapping[str, EngineView],
    after: Mapping[str, EngineView],
    base: Mapping[str, EngineView],
    style: Style,
) -> list[str]:
    """Where engines stop: now, afterwards, and with the base; those that do the same in one line."""
    lines: dict[str, list[str]] = {}
    for name, view in before.items():
        line = _stops(view.stop_token_ids, after[name].stop_token_ids, style)
        theirs = base.get(name)
        if theirs is not None and set(theirs.stop_token_ids) != set(after[name].stop_token_ids):
            line += f" (the base at {_ids(theirs.stop_token_ids)})"
        lines.setdefault(line, []).append(name)
    return [f"{', '.join(names)}: {line}" for line, names in lines.items()]


def _stops(before: Sequence[int], after: Sequence[int], style: Style) -> str:
    now, then = _ids(sorted(before)), _ids(sorted(after))
    if now == then:
        return f"stops at {now}"
    return f"stops at {style.mark(now, 'red')} -> {style.mark(then, 'green')}"


def _ids(ids: Sequence[int]) -> str:
    return "{" + ", ".join(map(str, ids)) + "}" if ids else "nothing"


def differences_text(differences: Sequence[FileDifference], style: Style) -> str:
    """How two folders' config files differ."""
    lines: list[str] = []
    notes = {
        "lost": "only in the base",
        "added": "only here",
        "changed": "",
        "respelled": "says the same in other bytes",
    }
    for difference in differences:
        mark = {"lost": style.mark("-", "red"), "added": style.mark("+", "green")}.get(
            difference.status, style.mark("~", "yellow")
        )
        note = notes[difference.status] or ("" if difference.values else "other bytes")
        lines.append(f"{mark} {style.mark(show(difference.name), 'bold')}{f': {note}' if note else ''}")
        for value in difference.values:
            lines.append(f"    {show(value.pointer)}")
            lines += _side("-", value.left, "red", style) + _side("+", value.right, "green", style)
    return "\n".join(lines)


def _side(sign: str, value: JsonValue | Missing, colour: str, style: Style) -> list[str]:
    return [] if isinstance(value, Missing) else [style.mark(f"      {sign} {show_value(value)}", colour)]


def log_text(receipts: Sequence[Receipt], style: Style) -> str:
    """Transactions, oldest first."""
    lines: list[str] = []
    for receipt in receipts:
        state = style.mark(" (undone)", "dim") if receipt.undone_by else ""
        lines.append(f"{style.mark(receipt.id, 'bold')} {receipt.when} {_what(receipt)}{state}")
        for change in receipt.changes:
            sign = "+" if change.before is None else "-" if change.after is None else "~"
            lines.append(f"    {sign} {show(change.name)}")
    return "\n".join(lines)


def _what(receipt: Receipt) -> str:
    """Kind, purpose, base and author, as far as each is known."""
    note = receipt.note
    what: str = receipt.kind
    for said, value in (
        (" of", receipt.undoes),
        (" to", note.get("snapshot")),
        (" against", note.get("base")),
        (":", note.get("message")),
        (", by", note.get("who")),
    ):
        what += f"{said} {show(value)}" if value else ""
    files = len(receipt.files)
    return what + (f" ({files} file{'' if files == 1 else 's'})" if files else "")
