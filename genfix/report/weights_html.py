"""The weights as one HTML page: parts, the proof, and each stack of layers as a picture of cells."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from genfix.api.weight_report import WeightReport
from genfix.language import Language
from genfix.report.html.page import render_page
from genfix.report.style import Style
from genfix.report.weights_report import KINDS, STATES, figures, size_text, states_text, verdict_text
from genfix.show import show
from genfix.weights.merge_proof import Verdict
from genfix.weights.merge_replay import Kind
from genfix.weights.tensor_comparison import State
from genfix.weights.tensor_names import canonical
from genfix.weights.weight_parts import LayerTable, layer_tables, parts_of

_MOST_LAYERS: Final = 400
_MOST_MATRICES: Final = 200
_CELL: Final = 12


@dataclass(frozen=True, slots=True)
class _Cell:
    """One layer's matrix."""

    x: int
    kind: str
    """The class of its color: ``untouched``, ``tuned``, ``missing`` ..."""
    title: str


@dataclass(frozen=True, slots=True)
class _Row:
    y: int
    module: str
    cells: tuple[_Cell, ...]


@dataclass(frozen=True, slots=True)
class _Picture:
    stack: str
    width: int
    height: int
    rows: tuple[_Row, ...]


@dataclass(frozen=True, slots=True)
class _Matrix:
    name: str
    said: str
    scale: str
    residual: str
    is_bad: bool


@dataclass(frozen=True, slots=True)
class _Page:
    verdict: str
    tone: str
    reason: str
    facts: tuple[tuple[str, str], ...]
    figures: tuple[str, ...]
    parts: tuple[tuple[str, ...], ...]
    pictures: tuple[_Picture, ...]
    legend: tuple[tuple[str, str], ...]
    matrices: tuple[_Matrix, ...]
    lost: tuple[str, ...]
    added: tuple[str, ...]


def weights_page(report: WeightReport, language: Language = Language.ENGLISH) -> str:
    """The page of ``genfix weights``."""
    style = Style(language=language)
    proof = report.proof
    verdict = verdict_text(proof, style) if proof is not None else style.text("no adapter to prove")
    tones = {Verdict.MERGED: "good", Verdict.UNTOLD: "attention"}
    named = ((style.text("folder"), report.target), (style.text("base"), report.base))
    facts = [*named, (style.text("adapter"), report.adapter)]
    page = _Page(
        verdict=verdict,
        tone="ready" if proof is None else tones.get(proof.verdict, "bad"),
        reason=style.words(proof.reason) if proof is not None and proof.reason is not None else "",
        facts=tuple((name, show(value)) for name, value in facts if value is not None),
        figures=tuple(figures(proof, style)) if proof is not None else (),
        parts=tuple(_parts(report, style)),
        pictures=tuple(_pictures(report, style)) if report.is_compared else (),
        legend=tuple((kind, said) for kind, said in _legend(style)),
        matrices=tuple(_matrices(report, style))[:_MOST_MATRICES],
        lost=_names(report, State.LOST),
        added=_names(report, State.ADDED),
    )
    return render_page("weights", language, page)


def _names(report: WeightReport, state: State) -> tuple[str, ...]:
    found = (show(tensor.name) for tensor in report.tensors if tensor.state is state)
    return tuple(found)[:_MOST_MATRICES]


def _parts(report: WeightReport, style: Style) -> Iterator[tuple[str, ...]]:
    for facts in parts_of(report.tensors, is_compared=report.is_compared):
        yield (
            style.words(facts.part.label),
            f"{facts.tensors:,}",
            f"{facts.parameters:,}",
            size_text(facts.size),
            " ".join(map(show, sorted(facts.dtypes))),
            states_text(facts, style),
        )


def _legend(style: Style) -> Iterator[tuple[str, str]]:
    for state in (State.UNTOUCHED, State.TUNED, State.LOST, State.ADDED, State.UNSEEN):
        yield str(state), style.words(STATES[state])
    yield "missing", style.text("the adapter's update is missing")


def _pictures(report: WeightReport, style: Style) -> Iterator[_Picture]:
    missing = set()
    if report.proof is not None:
        missing = {canonical(label) for label in report.proof.labels(Kind.BASE)}
    for table in layer_tables(report.tensors):
        yield _picture(table, missing, style)


def _picture(table: LayerTable, missing: set[str], style: Style) -> _Picture:
    rows: list[_Row] = []
    for at, row in enumerate(table.rows):
        cells: list[_Cell] = []
        for number, state in enumerate(row.states[:_MOST_LAYERS]):
            if state is not None:
                name = f"{table.stack}.{number}.{row.module}"
                kind = "missing" if name in missing else str(state)
                said = style.text("the adapter's update is missing") if name in missing else ""
                cells.append(
                    _Cell(number * _CELL, kind, f"{show(name)}: {said or style.words(STATES[state])}")
                )
        rows.append(_Row(at * _CELL, show(row.module), tuple(cells)))
    width = min(table.width, _MOST_LAYERS) * _CELL
    return _Picture(show(table.stack), width, len(rows) * _CELL, tuple(rows))


def _matrices(report: WeightReport, style: Style) -> Iterator[_Matrix]:
    """Those that do not have the update first."""
    if report.proof is None:
        return
    fine = (Kind.HAS, Kind.NOTHING)
    for matrix in sorted(report.proof.matrices, key=lambda matrix: matrix.kind in fine):
        said = style.words(KINDS[matrix.kind]) if matrix.kind is not None else ""
        yield _Matrix(
            show(matrix.label),
            style.words(matrix.reason) if matrix.reason is not None else said,
            f"{matrix.scale:.3g}" if matrix.kind in (Kind.HAS, Kind.SCALED) else "",
            f"{matrix.residual:.4f}" if matrix.kind in (Kind.HAS, Kind.SCALED, Kind.OTHER) else "",
            matrix.kind in (Kind.BASE, Kind.SCALED, Kind.OTHER),
        )
