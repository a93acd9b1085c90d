"""How likely texts are, for machines."""

from genfix.api.likelihood import LikelihoodReport, LikelihoodRun
from genfix.json_types import JsonValue
from genfix.probe.likelihood.bits import Change, Sum


def likelihood_json(report: LikelihoodReport) -> JsonValue:
    """The key ``likelihood`` of the report."""
    agreement = report.agreement
    return {
        "texts": str(report.texts),
        "run": _run(report.run),
        "against": _run(report.against) if report.against is not None else None,
        "groups": [
            {
                "name": group.name,
                "run": _sum(group.run),
                "against": _sum(group.against),
                "change": _change(group.change),
            }
            for group in report.groups
        ],
        "places": [
            {"start": place.start, "run": _sum(place.run), "against": _sum(place.against)}
            for place in report.places
        ],
        "agreement": None
        if agreement is None
        else {
            "places": agreement.places,
            "same": _change(agreement.same),
            "divergence": round(agreement.divergence, 6),
        },
        "verdict": [{"id": one.id, "message": str(one)} for one in report.verdict],
    }


def _run(run: LikelihoodRun) -> JsonValue:
    return {
        "target": run.label,
        "bos": run.bos,
        "failure": str(run.failure.detail) if run.failure is not None else None,
        "refusal": str(run.refusal) if run.refusal is not None else None,
        "texts": [
            {
                "text": one.text.id,
                "kind": one.text.kind,
                "language": one.text.language,
                "characters": one.characters,
                "tokens": len(one.counted),
                "bits": round(one.bits, 6),
            }
            for one in run.scored
        ],
    }


def _sum(found: Sum | None) -> JsonValue:
    if found is None:
        return None
    return {
        "texts": found.texts,
        "characters": found.characters,
        "tokens": found.tokens,
        "bits_per_character": round(found.per_character, 6),
    }


def _change(change: Change | None) -> JsonValue:
    if change is None:
        return None
    return {name: None if value is None else round(value, 6) for name, value in change._asdict().items()}
