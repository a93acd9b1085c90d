"""Folders in memory, judged and repaired."""

from collections.abc import Mapping
from typing import TypeAlias

from genfix.engines import EngineView
from genfix.engines.every import every_view
from genfix.folder import OverlayFolder
from genfix.model import Model
from genfix.planner.plan import Plan
from genfix.planner.planner import make_plan
from genfix.resolver import BaseFacts
from genfix.rules import Applicability, Context, Finding, Severity, judge
from tests.support.folders import Files, MemoryFolder

__all__ = ["context", "find", "is_of_engines", "judged", "only", "plan", "repaired", "viewed", "written"]


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
    """The findings on ``merged``, of one rule where ``code`` is given.

    What single engines cannot do with a folder, for information, is left out unless it is asked for.
    """
    found = judged(context(merged, base, adapter))
    return [
        finding
        for finding in found
        if finding.code.startswith(code) and (finding.code == code or not is_of_engines(finding))
    ]


def is_of_engines(finding: Finding) -> bool:
    """Whether the finding is information about engines that cannot take this kind of model."""
    return finding.code in {"GF511", "GF512", "GF513"} and finding.severity is Severity.INFO


_Seen: TypeAlias = tuple[str, str, frozenset[tuple[str, bytes]]]


def _content(model: Model) -> _Seen | None:
    """All that a rule or an engine's view can see of a folder, where its files are in memory."""
    folder = model.folder
    below = folder._folder if isinstance(folder, OverlayFolder) else folder
    if type(below) is not MemoryFolder:
        return None
    files = frozenset((name, folder.read(name)) for name in folder.names())
    return type(model).__name__, str(folder.origin), files


_FOUND: dict[tuple[_Seen | None, ...], tuple[Finding, ...]] = {}
_VIEWS: dict[_Seen, Mapping[str, EngineView]] = {}


def judged(context: Context) -> tuple[Finding, ...]:
    """`judge`: the same files are judged once."""
    models = [model for model in (context.merged, context.base, context.adapter) if model is not None]
    seen = tuple(map(_content, models))  # a base is `BaseFacts`, an adapter is not
    if None in seen:
        return judge(context)
    if seen not in _FOUND:
        _FOUND[seen] = judge(context)
    return _FOUND[seen]


def viewed(model: Model) -> Mapping[str, EngineView]:
    """`every_view`: the same files are viewed once."""
    seen = _content(model)
    if seen is None:
        return every_view(model)
    if seen not in _VIEWS:
        _VIEWS[seen] = every_view(model)
    return _VIEWS[seen]


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
