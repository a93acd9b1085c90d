"""Candidates for a base, and rows of the catalogue, for people and for machines."""

from collections.abc import Iterator

from genfix.api.bases import BaseSearch, KnownModels
from genfix.catalogue.official import OfficialModel
from genfix.json_types import JsonValue
from genfix.message import Message, text
from genfix.report.json import SCHEMA_VERSION
from genfix.report.layout import wrap
from genfix.report.style import Style
from genfix.resolver.finder.auto import catalogue_said
from genfix.resolver.finder.candidate_proofs import proofs
from genfix.resolver.finder.search import Candidate
from genfix.show import show

_INDENT = "    "


def candidates_text(found: BaseSearch, style: Style) -> str:
    """A paragraph for each candidate, and what the catalogue says."""
    paragraphs = ["\n".join(_lines(found, one, style)) for one in found.candidates]
    said = catalogue_said(found.identity) or text("it knows no model of this type and these sizes")
    head = style.mark(style.text("the catalogue of official models"), "bold")
    paragraphs.append("\n".join([head, *wrap(style.words(said), style.room, _INDENT)]))
    return "\n\n".join(paragraphs)


def _lines(found: BaseSearch, one: Candidate, style: Style) -> Iterator[str]:
    is_chosen = found.chosen is not None and one.spec == found.chosen.spec
    state, color = (
        (text("taken"), "green")
        if is_chosen
        else (text("refused"), "red")
        if one.refused is not None
        else (text("possible"), "yellow")
    )
    yield f"{style.mark(show(one.spec), 'bold')} {style.mark(style.words(state), color)}"
    yield from wrap(style.words(_origin(one)), style.room, _INDENT)
    for proof in _proofs(found, one):
        yield from wrap(style.words(proof), style.room, f"{_INDENT}- ", f"{_INDENT}  ")


def _origin(one: Candidate) -> Message:
    if one.is_named:
        return text("{source} names it", source=one.source)
    if one.is_derived:
        return text("found in {source}; it was itself made from another model", source=one.source)
    return text("found in {source}", source=one.source)


def _proofs(found: BaseSearch, one: Candidate) -> tuple[Message, ...]:
    if one.refused is not None:
        return (one.refused,)
    return tuple(proofs(found.merged, one.base.facts, one.likeness)) if one.base is not None else ()


def candidates_json(found: BaseSearch) -> JsonValue:
    """The search as JSON."""
    named = found.identity.named
    return {
        "schema_version": SCHEMA_VERSION,
        "target": found.target,
        "chosen": found.chosen.spec if found.chosen is not None else None,
        "candidates": [_candidate_json(found, one) for one in found.candidates],
        "differences": [*map(str, found.differences)],
        "official": {
            "named": named.id if named is not None else None,
            "matches": [
                {"id": match.row.id, "agreed": [*match.agreed], "differing": [*match.differing]}
                for match in found.identity.matches
            ],
        },
        "notes": [*map(str, found.notes)],
    }


def _candidate_json(found: BaseSearch, one: Candidate) -> JsonValue:
    weights: JsonValue = None
    if one.likeness is not None:
        weights = {
            "compared": one.likeness.compared,
            "equal": one.likeness.equal,
            "distance": one.likeness.distance,
        }
    return {
        "spec": one.spec,
        "source": str(one.source),
        "named": one.is_named,
        "derived": one.is_derived,
        "refused": str(one.refused) if one.refused is not None else None,
        "weights": weights,
        "proofs": [*map(str, _proofs(found, one))] if one.refused is None else [],
    }


def models_text(found: KnownModels, style: Style) -> str:
    """A line for each model: its id, type, size and where it stops."""
    lines = [_row(row, style) for row in found.official]
    lines += [f"{show(place.spec)}  {style.words(place.source)}" for place in found.capsules]
    return "\n".join(lines)


def _row(row: OfficialModel, style: Style) -> str:
    if row.type is None:
        return f"{show(row.id)}  {style.mark(style.text('only its name is known'), 'dim')}"
    parts = [row.type]
    if "hidden" in row.sizes and "layers" in row.sizes:
        parts.append(f"{row.sizes['hidden']} x {row.sizes['layers']}")
    if row.stops:
        parts.append(style.text("stops at {stops}", stops=", ".join(map(str, row.stops))))
    return f"{show(row.id)}  {style.text(', ').join(parts)}"


def models_json(found: KnownModels) -> JsonValue:
    """Rows of the catalogue, each with where it was read."""
    return {
        "schema_version": SCHEMA_VERSION,
        "models": [
            {
                "id": row.id,
                "modelscope": row.modelscope,
                "former": [*row.former],
                "type": row.type,
                "sizes": {**row.sizes},
                "facts": {**row.facts},
                "sources": [{**source._asdict()} for source in row.sources],
            }
            for row in found.official
        ],
        "capsules": [place.spec for place in found.capsules],
    }
