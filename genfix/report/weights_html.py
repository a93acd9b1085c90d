"""The weights as one HTML page: parts, the proof, and each stack of layers as a picture of cells."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from genfix.api.weight_report import WeightReport
from genfix.language import Language
from genfix.message import text
from genfix.report.html.page import render_page
from genfix.report.style import Style
from genfix.report.weights_report import (
    KINDS,
    STATES,
    class_lists,
    figures,
    size_text,
    states_text,
    verdict_text,
)
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
    lists: tuple[tuple[str, tuple[str, ...]], ...]
    """Titles and names: lost, added, missing ..."""


def weights_page(
    report: WeightReport, language: Language = Language.ENGLISH, *, is_part: bool = False
) -> str:
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
        pictures=tuple(_pictures(report, style)),
        legend=tuple((kind, said) for kind, said in _legend(style)),
        matrices=tuple(_matrices(report, style))[:_MOST_MATRICES],
        lists=tuple((title, tuple(names)[:_MOST_MATRICES]) for title, names in _lists(report, style)),
    )
    return render_page("weights", language, page, is_part=is_part)


def _lists(report: WeightReport, style: Style) -> Iterator[tuple[str, Sequence[str]]]:
    for state, title in ((State.LOST, text("Lost from the base")), (State.ADDED, text("Added"))):
        yield style.words(title), [show(tensor.name) for tensor in report.tensors if tensor.state is state]
    yield from class_lists(report.of_class, style)


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
    for state in (State.UNTOUCHED, State.TUNED, State.LOST, State.ADDED, State.MISSING, State.UNSEEN):
        yield str(state), style.words(STATES[state])
    yield "unmerged", style.text("the adapter's update is missing")


def _pictures(report: WeightReport, style: Style) -> Iterator[_Picture]:
    """Without a base nothing is compared: only what is missing is worth a picture."""
    missing = report.of_class.missing if report.of_class is not None else ()
    if not report.is_compared and not missing:
        return
    unmerged = set()
    if report.proof is not None:
        unmerged = {canonical(label) for label in report.proof.labels(Kind.BASE)}
    for table in layer_tables(report.tensors, missing):
        yield _picture(table, unmerged, style)


def _picture(table: LayerTable, unmerged: set[str], style: Style) -> _Picture:
    rows: list[_Row] = []
    for at, row in enumerate(table.rows):
        cells: list[_Cell] = []
        for number, state in enumerate(row.states[:_MOST_LAYERS]):
            if state is not None:
                name = f"{table.stack}.{number}.{row.module}"
                kind = "unmerged" if name in unmerged else str(state)
                said = style.text("the adapter's update is missing") if name in unmerged else ""
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
