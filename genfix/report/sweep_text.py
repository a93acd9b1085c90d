"""The answers of a sweep's store for people at a terminal, and for machines."""

from collections.abc import Mapping, Sequence
from typing import Final

from genfix.json_types import JsonValue
from genfix.message import Message, text
from genfix.report.json import SCHEMA_VERSION
from genfix.report.layout import aligned
from genfix.report.names import HARMS
from genfix.report.style import Style
from genfix.rules import Harm
from genfix.show import show
from genfix.zoo.judgement import Judgement
from genfix.zoo.store_report import STATES, Group, SweepReport, state_of

STATE_NAMES: Final[Mapping[str, Message]] = {
    "endless": HARMS[Harm.ENDLESS],
    "broken": HARMS[Harm.BROKEN],
    "worse": HARMS[Harm.WORSE],
    "healthy": HARMS[Harm.KNOWN],
    "failed": text("not judged"),
}
_COLORS: Final = {"endless": "red", "broken": "red", "worse": "yellow", "healthy": "green", "failed": "red"}
_MOST_GROUPS: Final = 12
UNKNOWN: Final = text("nobody knows")


def sweep_verdict(report: SweepReport) -> Message:
    """How bad the zoo is, in a sentence."""
    endless, broken, worse, _, failed = report.all.folders
    parts = [
        text("{count} never stops", "{count} never stop", count=endless),
        text("{count} broken", count=broken),
        text("{count} worse than it should be", "{count} worse than they should be", count=worse),
        text("{count} not judged", count=failed),
    ]
    said = tuple(part for part in parts if part.args["count"])
    head = text("{count} folder", "{count} folders", count=report.all.total)
    return text("{head}: {rest}", head=head, rest=said or text("all healthy"))


def sweep_text(report: SweepReport, style: Style) -> str:
    """The verdict, the worst folders, and the counts."""
    lines = [style.mark(style.words(sweep_verdict(report)), "bold")]
    if report.repaired:
        lines.append(style.text("{count} repaired", count=report.repaired))
    if report.worst:
        lines += ["", style.mark(style.text("Worst first"), "bold"), *_worst(report.worst, style)]
    if report.rules:
        rows = [[f"{count.folders:,}", count.label] for count in report.rules[:_MOST_GROUPS]]
        lines += ["", style.mark(style.text("By rule, in folders"), "bold"), *map("   ".join, _right(rows))]
    for title, groups in (
        (text("By the tool that made them"), report.makers),
        (text("By base"), report.bases),
    ):
        lines += ["", style.mark(style.words(title), "bold"), *_groups(groups, style)]
    return "\n".join(lines)


def _worst(judged: Sequence[Judgement], style: Style) -> list[str]:
    rows = [[style.words(STATE_NAMES[state_of(one)]), first_words(one), show(one.path)] for one in judged]
    states = [state_of(one) for one in judged]
    return [
        "   ".join([style.mark(state_cell, _COLORS[state]), *rest])
        for (state_cell, *rest), state in zip(aligned(rows), states, strict=True)
    ]


def first_words(one: Judgement) -> str:
    """The worst finding of a folder by code and name, or why there is none."""
    if one.findings:
        return f"{one.findings[0].code} {one.findings[0].name}"
    return show(one.message[:80])


def _groups(groups: Sequence[Group], style: Style) -> list[str]:
    heads = ["", *(style.words(STATE_NAMES[state]) for state in STATES), ""]
    rows = [
        [
            f"{group.total:,}",
            *(f"{number:,}" if number else "" for number in group.folders),
            label(group, style),
        ]
        for group in groups[:_MOST_GROUPS]
    ]
    lines = ["   ".join(line).rstrip() for line in _right([heads, *rows])]
    more = len(groups) - _MOST_GROUPS
    return [*lines, style.text("and {count} more", count=more)] if more > 0 else lines


def label(group: Group, style: Style) -> str:
    """What a group has in common."""
    return show(group.label) if group.label else style.words(UNKNOWN)


def _right(rows: Sequence[Sequence[str]]) -> list[list[str]]:
    """Numbers end where they end in every line."""
    turned = aligned([[cell[::-1] for cell in row[:-1]] + [row[-1]] for row in rows])
    return [[*(cell[::-1] for cell in row[:-1]), row[-1]] for row in turned]


def sweep_json(report: SweepReport) -> JsonValue:
    """The same for machines, by the schema ``sweep.schema.json``."""
    return {
        "schema_version": SCHEMA_VERSION,
        "store": report.store,
        "folders": report.all.total,
        "states": _states(report.all),
        "repaired": report.repaired,
        "by_rule": [{"rule": count.label, "folders": count.folders} for count in report.rules],
        "by_tool": [{"tool": group.label or None, **_states(group)} for group in report.makers],
        "by_base": [{"base": group.label or None, **_states(group)} for group in report.bases],
        "worst": [
            {
                "path": one.path,
                "state": state_of(one),
                "errors": one.errors,
                "warnings": one.warnings,
                "base": one.base or None,
                "tool": one.made_by or None,
                "first": f"{one.findings[0].code} {one.findings[0].name}" if one.findings else None,
                "message": one.findings[0].message if one.findings else one.message,
            }
            for one in report.worst
        ],
    }


def _states(group: Group) -> dict[str, JsonValue]:
    return dict(zip(STATES, group.folders, strict=True))
