"""The examples of the rules' pages, made by running genfix on the very folders that the tests use."""

import json
from typing import Final

from genfix.folder.kinds import is_json_config
from genfix.json_types import JsonValue, Missing
from genfix.jsontext.json_diff import diff_values
from genfix.model import Model
from genfix.planner import make_plan
from genfix.report.changes import changes_text
from genfix.report.style import Style
from genfix.report.text import findings_text
from genfix.resolver import BaseFacts
from genfix.rules import Context, judge
from tests.support.folders import MemoryFolder
from tests.support.rule_cases import Case

__all__ = ["example"]

_STYLE: Final = Style(color=False, width=80)
_MOST: Final = 6


def example(code: str, case: Case) -> str:
    """What is found on the failing folder, what a repair makes of it, and how the passing folder differs."""
    return "\n\n".join([_found(code, case), _changes(code, case), _passing(case)])


def _base(case: Case) -> BaseFacts | None:
    return BaseFacts(MemoryFolder(case.base, "base")) if case.base is not None else None


def _adapter(case: Case) -> Model | None:
    return Model(MemoryFolder(case.adapter, "adapter")) if case.adapter is not None else None


def _found(code: str, case: Case) -> str:
    findings = judge(Context(Model(MemoryFolder(case.failing)), _base(case), _adapter(case)))
    found = [findings_text([finding], _STYLE, verbose=True) for finding in findings if finding.code == code]
    lines = [line for one in found for line in one.split("\n")[1:]]  # without the title of its group
    return "It is found:\n\n" + _block("text", lines)


def _changes(code: str, case: Case) -> str:
    plan = make_plan(
        MemoryFolder(case.failing),
        _base(case),
        adapter=_adapter(case),
        unsafe_fixes=True,
        wanted=lambda c: c == code,
    )
    if not plan.changes:
        return "Nothing is changed by itself."
    lines = changes_text(plan, _STYLE).splitlines()
    return "What the fix changes:\n\n" + _block("diff", [line.removeprefix("    ") for line in lines])


def _passing(case: Case) -> str:
    failing, passing = Model(MemoryFolder(case.failing)), Model(MemoryFolder(case.passing))
    lines: list[str] = []
    for name in _other_bytes(case):
        left, right = failing.json(name).value, passing.json(name).value
        if name not in case.failing:
            lines.append(f"- there is a `{name}`")
        elif name not in case.passing:
            lines.append(f"- there is no `{name}`")
        elif not is_json_config(name) or left is None or right is None:
            lines.append(f"- `{name}` has another content")
        else:
            values = diff_values(dict(left), dict(right))
            lines += [f"- `{name}` {_said(value.pointer, value.right)}" for value in values]
    more = [f"- ({len(lines) - _MOST} more)"] if len(lines) > _MOST else []
    return "Nothing is found in the same folder where\n\n" + "\n".join([*lines[:_MOST], *more])


def _other_bytes(case: Case) -> list[str]:
    names = sorted(case.failing.keys() | case.passing.keys())
    return [name for name in names if case.failing.get(name) != case.passing.get(name)]


def _said(pointer: str, value: JsonValue | Missing) -> str:
    if isinstance(value, Missing):
        return f"has no `{pointer}`"
    text = json.dumps(value, ensure_ascii=False)
    return f"has `{pointer}`: `{text if len(text) <= 90 else text[:89] + '…'}`"


def _block(language: str, lines: list[str]) -> str:
    shown = [line if len(line) <= 160 else line[:159] + "…" for line in lines if line.strip()]
    more = ["…"] if len(shown) > 24 else []
    return "\n".join([f"```{language}", *shown[:24], *more, "```"])
