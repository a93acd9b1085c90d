"""Plans, repairs, differences and logs for people at a terminal."""

import difflib
from collections.abc import Iterator, Mapping, Sequence

from genfix.applier import Receipt
from genfix.engines import EngineView
from genfix.json_types import JsonValue, Missing
from genfix.planner import FileChange, Plan
from genfix.report.layout import cut, table
from genfix.report.show import show, show_value
from genfix.report.style import Style
from genfix.rules.difference import FileDifference

__all__ = ["changes_text", "differences_text", "log_text", "plan_text", "stop_table"]

_MAX_DIFF_BYTES = 512 * 1024
_CONTEXT = 1


def plan_text(plan: Plan, style: Style) -> str:
    """The bytes that would change, as a diff, and what engines make of it."""
    lines = stop_table(plan.views_before, plan.views_after, plan.base_views, style)
    return "\n\n".join(part for part in (changes_text(plan, style), "\n".join(lines)) if part)


def changes_text(plan: Plan, style: Style) -> str:
    """The bytes that would change, as a diff."""
    return "\n".join(line for change in plan.changes for line in _change_lines(change, style))


def _change_lines(change: FileChange, style: Style) -> Iterator[str]:
    codes: list[JsonValue] = [*change.codes]
    if change.after is None:
        mark, text = style.mark("-", "red"), style.phrase("change-moved", file=change.name, codes=codes)
    else:
        mark = style.mark("+", "green") if change.before is None else style.mark("~", "yellow")
        how = "new" if change.before is None else "replaced"
        text = (
            style.phrase("change-edited", file=change.name, codes=codes)
            if change.source is None
            else style.phrase(
                f"change-{how}-{change.source}", file=change.name, size=f"{len(change.after):,}", codes=codes
            )
        )
    yield f"{mark} {text.replace(show(change.name), style.mark(show(change.name), 'bold'), 1)}"
    if change.after is not None and change.source is None:
        yield from _diff(change.before or b"", change.after, style)


def _diff(before: bytes, after: bytes, style: Style) -> Iterator[str]:
    if max(len(before), len(after)) > _MAX_DIFF_BYTES:
        large = style.phrase("change-large", before=f"{len(before):,}", after=f"{len(after):,}")
        yield f"    {large}"
        return
    old, new = (data.decode("utf-8", "replace").splitlines() for data in (before, after))
    for line in list(difflib.unified_diff(old, new, lineterm="", n=_CONTEXT))[2:]:
        if line.startswith("@@"):
            continue
        text = cut(f"    {line[0]} {show(line[1:])}", 200)
        colour = {"+": "green", "-": "red"}.get(line[0])
        yield style.mark(text, colour) if colour else text


def stop_table(
    before: Mapping[str, EngineView],
    after: Mapping[str, EngineView],
    base: Mapping[str, EngineView],
    style: Style,
) -> list[str]:
    """Where engines stop, now and afterwards, and with the base where that differs; those that do the same in one row."""
    rows: dict[tuple[str, str], list[str]] = {}
    for name, view in before.items():
        now, then = _does(view, after[name], style), _does(after[name], view, style)
        theirs = base.get(name)
        if theirs is not None and set(theirs.stop_token_ids) != set(after[name].stop_token_ids):
            then = style.phrase("with-base", stops=then, base=_ids(theirs.stop_token_ids, style))
        elif now == then:
            then = style.phrase("unchanged")
        rows.setdefault((now, then), []).append(name)
    if not rows:
        return []
    head = tuple(style.phrase(name) for name in ("table-engine", "table-now", "table-then"))
    cells = [
        head,
        *((style.phrase("list-separator").join(names), now, then) for (now, then), names in rows.items()),
    ]
    first, *lines = _aligned(cells, style)
    return [style.mark(first, "bold"), *lines]


def _aligned(rows: Sequence[Sequence[str]], style: Style) -> Iterator[str]:
    for name, now, then in table(rows, style.room):
        yield f"{name}   {now}   {then}".rstrip()


def _does(view: EngineView, other: EngineView, style: Style) -> str:
    """Where one engine stops, and what else keeps it from answering, where the other view differs in that."""
    stops = _ids(sorted(view.stop_token_ids), style)
    if not view.loads:
        return style.phrase("does-not-load", stops=stops)
    if view.chat_template is None and other.chat_template is not None:
        return style.phrase("stops-without-template", stops=stops)
    return stops


def _ids(ids: Sequence[int], style: Style) -> str:
    return style.phrase("list-separator").join(map(str, ids)) or style.phrase("no-items")


def differences_text(differences: Sequence[FileDifference], style: Style) -> str:
    """How two folders' config files differ."""
    lines: list[str] = []
    notes = {
        "lost": style.phrase("only-in-base"),
        "added": style.phrase("only-here"),
        "changed": "",
        "respelled": style.phrase("same-in-other-bytes"),
    }
    for difference in differences:
        mark = {"lost": style.mark("-", "red"), "added": style.mark("+", "green")}.get(
            difference.status, style.mark("~", "yellow")
        )
        note = notes[difference.status] or ("" if difference.values else style.phrase("other-bytes"))
        lines.append(
            f"{mark} {style.mark(show(difference.name), 'bold')}{style.phrase('colon') + note if note else ''}"
        )
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
        state = style.mark(style.phrase("log-undone"), "dim") if receipt.undone_by else ""
        lines.append(f"{style.mark(receipt.id, 'bold')} {receipt.when} {_what(receipt, style)}{state}")
        for change in receipt.changes:
            sign = "+" if change.before is None else "-" if change.after is None else "~"
            lines.append(f"    {sign} {show(change.name)}")
    return "\n".join(lines)


def _what(receipt: Receipt, style: Style) -> str:
    """Kind, purpose, base and author, as far as each is known."""
    note = receipt.note
    what = style.phrase(f"log-{receipt.kind}")
    for said, value in (
        ("log-of", receipt.undoes),
        ("log-to", note.get("snapshot")),
        ("log-against", note.get("base")),
        ("log-message", note.get("message")),
        ("log-who", note.get("who")),
    ):
        what += style.phrase(said, value=value) if value else ""
    files = len(receipt.files)
    return what + (style.phrase("log-files", count=files) if files else "")
