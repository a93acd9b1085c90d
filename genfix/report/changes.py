"""Plans, repairs, differences and logs for people at a terminal."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from genfix.applier import Receipt
from genfix.applier.records import kind_name
from genfix.engines import EngineView
from genfix.json_types import JsonValue, Missing
from genfix.message import Arg, Message, text
from genfix.planner.plan import FileChange, Plan
from genfix.report.layout import cut, table
from genfix.report.style import COLORS, Style
from genfix.rules import Witness
from genfix.rules.core.difference import FileDifference
from genfix.show import show, show_value

_MAX_DIFF_BYTES = 512 * 1024
_CONTEXT = 1
_STATUSES: Final[Mapping[str, tuple[str, Message | None]]] = {
    "lost": ("-", text("only in the base")),
    "added": ("+", text("only here")),
    "respelled": ("~", text("says the same in other bytes")),
}


def plan_text(plan: Plan, style: Style) -> str:
    """The bytes that would change, as a diff, and what engines make of it."""
    lines = stop_table(plan.views_before, plan.views_after, plan.base_views, style)
    return "\n\n".join(part for part in (changes_text(plan, style), "\n".join(lines)) if part)


def changes_text(plan: Plan, style: Style) -> str:
    """The bytes that would change, as a diff."""
    return "\n".join(line for change in plan.changes for line in _change_lines(change, style))


def _change_lines(change: FileChange, style: Style) -> Iterator[str]:
    mark = "-" if change.after is None else "+" if change.before is None else "~"
    name, line = show(change.name), style.words(_becomes(change))
    yield f"{style.mark(mark, COLORS[mark])} {line.replace(name, style.mark(name, 'bold'), 1)}"
    if change.after is not None and change.source is None:
        yield from _diff(change.before or b"", change.after, style)


def _becomes(change: FileChange) -> Message:
    args: dict[str, Arg] = {"file": change.name, "codes": [*change.codes]}
    if change.after is None:
        return text("{file}: moved into the backup ({codes})", **args)
    args["size"] = f"{len(change.after):,}"
    match change.source, change.before is None:
        case None, _:
            return text("{file} ({codes})", **args)
        case Witness.ADAPTER, True:
            return text("{file}: the adapter's file, {size} bytes ({codes})", **args)
        case Witness.ADAPTER, False:
            return text("{file}: replaced by the adapter's file, {size} bytes ({codes})", **args)
        case _, True:
            return text("{file}: the base's file, {size} bytes ({codes})", **args)
        case _:
            return text("{file}: replaced by the base's file, {size} bytes ({codes})", **args)


def _diff(before: bytes, after: bytes, style: Style) -> Iterator[str]:
    if max(len(before), len(after)) > _MAX_DIFF_BYTES:
        large = style.text(
            "{before} bytes become {after}", before=f"{len(before):,}", after=f"{len(after):,}"
        )
        yield f"    {large}"
        return
    old, new = (data.decode("utf-8", "replace").splitlines() for data in (before, after))
    for line in list(difflib.unified_diff(old, new, lineterm="", n=_CONTEXT))[2:]:
        if line.startswith("@@"):
            continue
        shown = cut(f"    {line[0]} {show(line[1:])}", 200)
        yield style.mark(shown, COLORS[line[0]]) if line[0] in COLORS else shown


def stop_table(
    before: Mapping[str, EngineView],
    after: Mapping[str, EngineView],
    base: Mapping[str, EngineView],
    style: Style,
) -> list[str]:
    """Where engines stop, now and afterwards, and with the base where that differs; those that do the same in
    one row.
    """
    rows: dict[tuple[str, str], list[str]] = {}
    for name, view in before.items():
        now, then = _does(view, after[name], style), _does(after[name], view, style)
        theirs = base.get(name)
        if theirs is not None and set(theirs.stop_token_ids) != set(after[name].stop_token_ids):
            then = style.text(
                "{stops} (the base: {base})", stops=then, base=_ids(theirs.stop_token_ids, style)
            )
        elif now == then:
            then = style.text("the same")
        rows.setdefault((now, then), []).append(name)
    if not rows:
        return []
    head = (style.text("engine"), style.text("stops at, now"), style.text("stops at, afterwards"))
    cells = [head, *((style.text(", ").join(names), now, then) for (now, then), names in rows.items())]
    first, *lines = ("   ".join(row).rstrip() for row in table(cells, style.room))
    return [style.mark(first, "bold"), *lines]


def _does(view: EngineView, other: EngineView, style: Style) -> str:
    """Where one engine stops, and what else keeps it from answering, where the other view differs in that."""
    stops = _ids(sorted(view.stop_token_ids), style)
    if not view.loads:
        return style.text("{stops} (does not load)", stops=stops)
    if view.chat_template is None and other.chat_template is not None:
        return style.text("{stops} (no chat template)", stops=stops)
    return stops


def _ids(ids: Sequence[int], style: Style) -> str:
    return style.text(", ").join(map(str, ids)) or style.text("nothing")


def differences_text(differences: Sequence[FileDifference], style: Style) -> str:
    """How two folders' config files differ."""
    lines: list[str] = []
    for difference in differences:
        mark, note = _STATUSES.get(
            difference.status, ("~", None if difference.values else text("other bytes"))
        )
        name = f"{style.mark(mark, COLORS[mark])} {style.mark(show(difference.name), 'bold')}"
        lines.append(f"{name}{style.text(': ')}{style.words(note)}" if note else name)
        for value in difference.values:
            lines.append(f"    {show(value.pointer)}")
            lines += _side("-", value.left, "red", style) + _side("+", value.right, "green", style)
    return "\n".join(lines)


def _side(sign: str, value: JsonValue | Missing, color: str, style: Style) -> list[str]:
    return [] if isinstance(value, Missing) else [style.mark(f"      {sign} {show_value(value)}", color)]


def log_text(receipts: Sequence[Receipt], style: Style) -> str:
    """Transactions on one folder, oldest first."""
    return timeline_text([("", receipt) for receipt in receipts], style)


def timeline_text(timeline: Sequence[tuple[str, Receipt]], style: Style) -> str:
    """Transactions on several folders, each with its folder, as ``diff --with`` takes it."""
    lines: list[str] = []
    for target, receipt in timeline:
        state = style.mark(style.text(" (undone)"), "dim") if receipt.undone_by else ""
        if not receipt.ours:
            state += style.mark(style.text(" (nothing shows that it was made here)"), "yellow")
        stage = f"{target}@{receipt.id}" if target else receipt.id
        head = f"{style.mark(show(stage), 'bold')} {show(receipt.when)}"
        lines.append(f"{head} {_what(receipt, style)}{state}")
        for change in receipt.changes:
            sign = "+" if change.before is None else "-" if change.after is None else "~"
            lines.append(f"    {sign} {show(change.name)}")
    return "\n".join(lines)


_STAGES: Final = {"merged": text(" of what the merge wrote"), "repaired": text(" of the repaired merge")}


def _what(receipt: Receipt, style: Style) -> str:
    """Kind, purpose, base and author, as far as each is known."""
    note = receipt.note
    parts = [
        kind_name(receipt.kind),
        _STAGES.get(note.get("stage", "")),
        receipt.undoes and text(" of {value}", value=receipt.undoes),
        (snapshot := note.get("snapshot")) and text(" to {value}", value=snapshot),
        (base := note.get("base")) and text(" against {value}", value=base),
        (message := note.get("message")) and text(": {value}", value=message),
        (who := note.get("who")) and text(", by {value}", value=who),
    ]
    what = "".join(style.words(part) for part in parts if isinstance(part, Message))
    files = len(receipt.files)
    return what + (style.text(" ({count} file)", " ({count} files)", count=files) if files else "")
