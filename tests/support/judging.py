"""Folders in memory, judged and repaired."""

from collections.abc import Mapping
from functools import cache
from typing import TypeAlias

from genfix.model import Model
from genfix.planner import Plan, make_plan
from genfix.resolver import BaseFacts
from genfix.rules import Applicability, Context, Finding, judge
from tests.support.folders import Files, MemoryFolder

__all__ = ["context", "find", "only", "plan", "repaired", "written"]


def context(
    merged: Mapping[str, bytes],
    base: Mapping[str, bytes] | None = None,
    adapter: Mapping[str, bytes] | None = None,
) -> Context:
    """A context over files in memory."""
    facts = BaseFacts(MemoryFolder(base, "base")) if base is not None else None
    trained = Model(MemoryFolder(adapter, "adapter")) if adapter is not None else None
    return Context(Model(MemoryFolder(merged)), facts, trained)


def find(
    merged: Mapping[str, bytes],
    base: Mapping[str, bytes] | None = None,
    code: str = "",
    adapter: Mapping[str, bytes] | None = None,
) -> list[Finding]:
    """The findings on ``merged``, of one rule where ``code`` is given."""
    found = _judged(*(None if files is None else tuple(files.items()) for files in (merged, base, adapter)))
    return [finding for finding in found if finding.code.startswith(code)]


_Items: TypeAlias = tuple[tuple[str, bytes], ...]


@cache
def _judged(merged: _Items, base: _Items | None, adapter: _Items | None) -> tuple[Finding, ...]:
    """Rules see nothing but files, so the same files are judged once."""
    merged_files, base_files, adapter_files = (
        None if items is None else dict(items) for items in (merged, base, adapter)
    )
    return judge(context(merged_files or {}, base_files, adapter_files))


def written(plan: Plan) -> Files:
    """What ``plan`` writes; a file it moves away is none."""
    return {change.name: change.after for change in plan.changes if change.after is not None}


def plan(merged: Files, base: Files | None, adapter: Files | None = None, *, unsafe: bool = False) -> Plan:
    return make_plan(
        MemoryFolder(merged),
        BaseFacts(MemoryFolder(base, "base")) if base is not None else None,
        adapter=Model(MemoryFolder(adapter, "adapter")) if adapter is not None else None,
        unsafe_fixes=unsafe,
    )


def repaired(
    merged: Files, base: Files | None, adapter: Files | None = None, *, unsafe: bool = False
) -> Files:
    """``merged`` after its repair; a second one changes nothing."""
    result = merged | written(plan(merged, base, adapter, unsafe=unsafe))
    assert plan(result, base, adapter, unsafe=unsafe).changes == ()
    return result


def only(findings: list[Finding], applicability: Applicability) -> Finding:
    [finding] = findings
    assert finding.fix is not None
    assert finding.fix.applicability is applicability
    return finding
