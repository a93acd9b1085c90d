"""How many answers are right, for machines: the key ``quality`` of a probe's report."""

from collections.abc import Mapping

from genfix.api.probing import ProbeReport
from genfix.json_types import JsonValue
from genfix.probe.prompts import QUALITY_VERSION
from genfix.probe.quality.answer_verdict import Verdict
from genfix.probe.quality.pass_rates import Difference, PassComparison, PassRates
from genfix.probe.statistics import Interval


def quality_json(report: ProbeReport) -> JsonValue:
    """Rates, comparison and every verdict; ``null`` where no prompt has a check."""
    run, against = report.run.passes, report.against.passes if report.against is not None else None
    if run is None:
        return None
    others = {one.prompt.id: one for one in against.verdicts} if against is not None else {}
    return {
        "version": QUALITY_VERSION,
        "run": _rates(run),
        "against": _rates(against) if against is not None else None,
        "comparison": _comparison(report.passes) if report.passes is not None else None,
        "verdicts": [_verdict(one, others) for one in run.verdicts],
    }


def _rates(passes: PassRates) -> JsonValue:
    return {
        "judged": len(passes.verdicts),
        "passed": passes.passed,
        "not_judged": passes.not_judged,
        "rate": _interval(passes.total) if passes.total is not None else None,
        "kinds": {kind: _interval(rate) for kind, rate in passes.kinds.items()},
    }


def _interval(rate: Interval) -> JsonValue:
    return {name: round(value, 6) for name, value in rate._asdict().items()}


def _comparison(found: PassComparison) -> JsonValue:
    return {
        "total": _difference(found.total),
        "kinds": {kind: _difference(one) for kind, one in found.kinds.items()},
        "significant_kinds": [*found.told],
    }


def _difference(one: Difference) -> JsonValue:
    return {
        "counts": {**one.counts._asdict()},
        "difference": _interval(one.difference),
        "p": float(f"{one.p:.6g}"),
    }


def _verdict(one: Verdict, others: Mapping[str, Verdict]) -> JsonValue:
    other = others.get(one.prompt.id)
    return {
        "prompt": one.prompt.id,
        "kind": one.prompt.group,
        "passed": one.passed,
        "why": str(one.fault.why) if one.fault is not None else None,
        "where": (one.fault.where or None) if one.fault is not None else None,
        "passed_against": other.passed if other is not None else None,
    }
