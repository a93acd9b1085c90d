"""The examples of the rules' pages, made by running genfix on the very folders that the tests use."""

import json
from typing import Final, NamedTuple

from genfix.folder.kinds import is_json_config
from genfix.json_types import JsonValue, Missing
from genfix.jsontext.json_diff import diff_values
from genfix.language import Language
from genfix.model import Model
from genfix.planner.planner import make_plan
from genfix.report.changes import changes_text
from genfix.report.style import Style
from genfix.report.text import findings_text
from genfix.resolver import BaseFacts
from genfix.rules import Context, judge
from tests.support.folders import MemoryFolder
from tests.support.rule_cases import Case

__all__ = ["example"]

_MOST: Final = 6


class _Words(NamedTuple):
    """The sentences around what genfix says, in one language."""

    found: str
    nothing: str
    changed: str
    passing: str
    added: str
    removed: str
    other: str
    absent: str
    value: str
    more: str


_WORDS: Final = {
    Language.ENGLISH: _Words(
        found="It is found:",
        nothing="Nothing is changed by itself.",
        changed="What the fix changes:",
        passing="Nothing is found in the same folder where",
        added="- there is a `{name}`",
        removed="- there is no `{name}`",
        other="- `{name}` has another content",
        absent="- `{name}` has no `{pointer}`",
        value="- `{name}` has `{pointer}`: `{value}`",
        more="- ({count} more)",
    ),
    Language.CHINESE: _Words(
        found="发现的问题：",
        nothing="不会自动修改。",
        changed="修复所做的改动：",
        passing="同一个目录，只要满足下面的条件，就不会报告：",
        added="- 有 `{name}`",
        removed="- 没有 `{name}`",
        other="- `{name}` 的内容不同",
        absent="- `{name}` 里没有 `{pointer}`",
        value="- `{name}` 里的 `{pointer}` 是 `{value}`",
        more="- （另有 {count} 项）",
    ),
}


def example(code: str, case: Case, language: Language) -> str:
    """What is found on the failing folder, what a repair makes of it, and how the passing folder differs."""
    words, style = _WORDS[language], Style(color=False, width=80, language=language)
    parts = [_found(code, case, words, style), _changes(code, case, words, style), _passing(case, words)]
    return "\n\n".join(parts)


def _base(case: Case) -> BaseFacts | None:
    return BaseFacts(MemoryFolder(case.base, "base")) if case.base is not None else None


def _adapter(case: Case) -> Model | None:
    return Model(MemoryFolder(case.adapter, "adapter")) if case.adapter is not None else None


def _found(code: str, case: Case, words: _Words, style: Style) -> str:
    findings = judge(Context(Model(MemoryFolder(case.failing)), _base(case), _adapter(case)))
    found = [findings_text([finding], style, verbose=True) for finding in findings if finding.code == code]
    lines = [line for one in found for line in one.split("\n")[1:]]  # without the title of its group
    return f"{words.found}\n\n" + _block("text", lines)


def _changes(code: str, case: Case, words: _Words, style: Style) -> str:
    plan = make_plan(
        MemoryFolder(case.failing),
        _base(case),
        adapter=_adapter(case),
        unsafe_fixes=True,
        wanted=lambda c: c == code,
    )
    if not plan.changes:
        return words.nothing
    lines = changes_text(plan, style).splitlines()
    return f"{words.changed}\n\n" + _block("diff", [line.removeprefix("    ") for line in lines])


def _passing(case: Case, words: _Words) -> str:
    failing, passing = Model(MemoryFolder(case.failing)), Model(MemoryFolder(case.passing))
    lines: list[str] = []
    for name in _other_bytes(case):
        left, right = failing.json(name).value, passing.json(name).value
        if name not in case.failing:
            lines.append(words.added.format(name=name))
        elif name not in case.passing:
            lines.append(words.removed.format(name=name))
        elif not is_json_config(name) or left is None or right is None:
            lines.append(words.other.format(name=name))
        else:
            values = diff_values(dict(left), dict(right))
            lines += [_said(name, value.pointer, value.right, words) for value in values]
    more = [words.more.format(count=len(lines) - _MOST)] if len(lines) > _MOST else []
    return f"{words.passing}\n\n" + "\n".join([*lines[:_MOST], *more])


def _other_bytes(case: Case) -> list[str]:
    names = sorted(case.failing.keys() | case.passing.keys())
    return [name for name in names if case.failing.get(name) != case.passing.get(name)]


def _said(name: str, pointer: str, value: JsonValue | Missing, words: _Words) -> str:
    if isinstance(value, Missing):
        return words.absent.format(name=name, pointer=pointer)
    text = json.dumps(value, ensure_ascii=False)
    shown = text if len(text) <= 90 else text[:89] + "…"
    return words.value.format(name=name, pointer=pointer, value=shown)


def _block(language: str, lines: list[str]) -> str:
    shown = [line if len(line) <= 160 else line[:159] + "…" for line in lines if line.strip()]
    more = ["…"] if len(shown) > 24 else []
    return "\n".join([f"```{language}", *shown[:24], *more, "```"])
