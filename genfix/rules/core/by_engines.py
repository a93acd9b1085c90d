"""Severities by the engines that somebody runs, where they are named.

Rules judge for transformers 5 and vLLM, which stand for all others. Where engines are named, what hurts none
of them is information, and one that ends no turn any more is an error whatever the two do. Fixes, and which
of them are safe, do not depend on it: the folder may be given to others.
"""

from collections.abc import Callable, Iterable
from typing import Final

from genfix.engines import ENGINES, StopVerdict, stop_verdict
from genfix.message import message
from genfix.rules.core.context import Context
from genfix.rules.core.finding import Finding, Severity, Witness

_TRANSFORMERS: Final = frozenset(["transformers4", "transformers5"])
"""One library: what is said of the one is not known to spare the other."""


def for_named_engines(
    findings: Iterable[Finding], context: Context, never_stops: Callable[[Finding], bool]
) -> list[Finding]:
    """``findings`` as they are for the engines of ``context``; unchanged where none is named.

    ``never_stops`` tells of which findings the worst harm is an engine that never stops: whether the named
    engines do is asked of their views.
    """
    if not context.engines:
        return [*findings]
    return [
        _by_stops(finding, context)
        if never_stops(finding) and _is_of_views(finding) and context.can_tell_stops
        else _by_names(finding, context)
        for finding in findings
    ]


def _is_of_views(finding: Finding) -> bool:
    return not finding.engines or not ENGINES.keys().isdisjoint(finding.engines)


def _by_names(finding: Finding, context: Context) -> Finding:
    """Where a finding says which engines it hurts: whether one is named."""
    hurt = {*finding.engines}
    of_all = not hurt or (hurt >= ENGINES.keys() and finding.witness is not Witness.ENGINE)
    if hurt & _TRANSFORMERS:
        hurt |= _TRANSFORMERS
    return finding if of_all or hurt.intersection(context.named_engines) else _elsewhere(finding, context)


def _by_stops(finding: Finding, context: Context) -> Finding:
    deaf = tuple(name for name in context.named_engines if _is_deaf(name, context))
    if not deaf:
        is_of_some = bool(finding.engines) and not {*finding.engines} >= ENGINES.keys()
        is_of_stops = finding.severity is Severity.ERROR or is_of_some
        return _elsewhere(finding, context) if is_of_stops else finding
    if finding.severity is not Severity.WARNING:
        return finding
    told = message(
        "evidence-named-engine-never-stops", "{engines}: no longer ends at an end of a turn", engines=[*deaf]
    )
    return finding._replace(
        severity=Severity.ERROR,
        engines=tuple(dict.fromkeys((*finding.engines, *deaf))),
        evidence=(*finding.evidence, told),
    )


def _is_deaf(name: str, context: Context) -> bool:
    """Whether an engine ends no turn of this model, though it would with the base, where there is one."""
    here, base = context.engine_views[name], context.base_engine_views.get(name)
    if base is not None:
        return stop_verdict(base, here, context.end_ids) is StopVerdict.LOST
    return {*context.end_ids}.isdisjoint(here.stop_token_ids)


def _elsewhere(finding: Finding, context: Context) -> Finding:
    """As information, and whom it hurts."""
    if finding.severity is Severity.INFO:
        return finding
    told = message(
        "evidence-other-engines",
        "only {engines} suffer, and {named} not: an error or warning where they are run",
        engines=[*finding.engines],
        named=[*context.named_engines],
    )
    # A file that is gone takes more with it than where engines stop.
    is_more = finding.pointer is None and finding.severity is Severity.ERROR
    rest = Severity.WARNING if is_more else Severity.INFO
    return finding._replace(severity=rest, evidence=(*finding.evidence, told))
