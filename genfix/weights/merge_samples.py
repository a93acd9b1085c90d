"""The numbers of one change: read from base, merged folder and adapter, and judged."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from operator import mul, ne
from typing import NamedTuple, TypeAlias

from genfix.model.safetensors import Tensor
from genfix.weights.adapter_changes import Factor
from genfix.weights.merge_replay import MOST_HIDDEN, Judgement, Kind, Row, Sample, judge
from genfix.weights.number_formats import WIDTHS, decode, is_rounded, rounded
from genfix.weights.placed_changes import PlacedUpdate, PlacedVector, PlacedWhole
from genfix.weights.sample_plan import LEVELS, Piece, fraction, piece
from genfix.weights.tensor_names import View
from genfix.weights.tensor_reader import Ledger, Span, Spent, TensorReader

Change: TypeAlias = PlacedUpdate | PlacedVector | PlacedWhole
_Data: TypeAlias = Mapping[Span, bytes]


class Readers(NamedTuple):
    """The three folders' tensor data."""

    base: TensorReader
    merged: TensorReader
    adapter: TensorReader

    @property
    def is_far(self) -> bool:
        """Whether a piece of some folder costs a request."""
        return any(reader.is_remote for reader in self)

    @property
    def ledger(self) -> Ledger:
        """What all three spend."""
        return self.base.ledger

    def close(self) -> None:
        """Close all files."""
        for reader in self:
            reader.close()


class Wanted(NamedTuple):
    """What has to be read for one look at a change."""

    change: Change
    piece: Piece
    base: tuple[Span, ...]
    merged: tuple[Span, ...]
    adapter: tuple[Span, ...]

    def cost(self, readers: Readers) -> Spent:
        """What that takes."""
        costs = [
            reader.cost(spans)
            for reader, spans in zip(readers, (self.base, self.merged, self.adapter), strict=True)
        ]
        return Spent.total(costs)


class Read(NamedTuple):
    """What was read."""

    base: _Data
    merged: _Data
    adapter: _Data

    def has(self, asked: Wanted) -> bool:
        """Whether no file ended before what was asked for."""
        sides = ((self.base, asked.base), (self.merged, asked.merged), (self.adapter, asked.adapter))
        return all(len(data[span]) == span.length for data, spans in sides for span in spans)


def wanted(change: Change, seed: int, level: int, *, is_far: bool) -> Wanted:
    """What is read of a change at a level of care."""
    match change:
        case PlacedUpdate(_, update, base, merged):
            rows = min(base.rows, merged.rows)
            dora = update.magnitude is not None
            part = piece(rows, merged.columns, seed, level, whole_rows=dora, is_far=is_far)
            spans = [update.right.spans(part.column, part.width)]
            spans += [update.left.spans(row, 1) for row in part.rows]
            if update.magnitude is not None:
                spans += [[_vector_span(update.magnitude, row, 1)] for row in part.rows]
            return Wanted(change, part, _spans(base, part), _spans(merged, part), tuple(chain(*spans)))
        case PlacedVector(_, addition, base, merged):
            part = piece(1, merged.columns, seed, 2, whole_rows=False, is_far=is_far)
            own = _vector_span(addition.tensor, part.column, part.width)
            return Wanted(change, part, _spans(base, part), _spans(merged, part), (own,))
        case PlacedWhole(_, whole, base_view, merged):
            part = _whole_piece(change, seed, level)
            shared = base_view is not None and max(part.rows) < base_view.rows
            theirs = _spans(base_view, part) if base_view is not None and shared else ()
            given = View("", whole.tensor, merged.rows, merged.columns)
            own_rows = [whole.rows.index(row) for row in part.rows] if whole.rows else part.rows
            own_spans = tuple(given.span(row, part.column, part.width) for row in own_rows)
            return Wanted(change, part, theirs, _spans(merged, part), own_spans)


def looked_at(asked: Wanted, data: Read, scales: Iterable[float]) -> Judgement:
    """What the numbers say that were read."""
    match asked.change:
        case PlacedUpdate() as change:
            return judge(_update_sample(change, asked, data), scales)
        case PlacedVector(_, addition, theirs, ours):
            kinds = (theirs.tensor.dtype, ours.tensor.dtype, addition.tensor.dtype)
            given = decode(data.adapter[asked.adapter[0]], addition.tensor.dtype)
            row = Row(
                _row(asked.base[0], theirs, data.base),
                _row(asked.merged[0], ours, data.merged),
                [addition.scale * value for value in given],
            )
            return judge(Sample((row,), *kinds, rank=len(given)), scales)
        case PlacedWhole() as change:
            return _judge_whole(change, asked, data)


def _spans(view: View, part: Piece) -> tuple[Span, ...]:
    return tuple(view.span(row, part.column, part.width) for row in part.rows)


def _vector_span(tensor: Tensor, at: int, count: int) -> Span:
    width = WIDTHS[tensor.dtype]
    return Span(tensor.file, tensor.start + at * width, count * width)


def _row(span: Span, view: View, data: _Data) -> Sequence[float]:
    return decode(data[span], view.tensor.dtype)


# -- updates --------------------------------------------------------------------------------------


def _update_sample(change: PlacedUpdate, asked: Wanted, data: Read) -> Sample:
    update, part = change.update, asked.piece
    columns = _vectors(update.right, part.column, part.width, data.adapter)
    rows: list[Row] = []
    for number, row in enumerate(part.rows):
        (left,) = _vectors(update.left, row, 1, data.adapter)
        scaled = [value * update.scale for value in left]
        length = None
        if update.magnitude is not None:
            span = _vector_span(update.magnitude, row, 1)
            (length,) = decode(data.adapter[span], update.magnitude.dtype)
        rows.append(
            Row(
                _row(asked.base[number], change.base, data.base),
                _row(asked.merged[number], change.merged, data.merged),
                [sum(map(mul, scaled, column)) for column in columns],
                length,
            )
        )
    types = (change.base.tensor.dtype, change.merged.tensor.dtype, update.left.tensor.dtype)
    return Sample(tuple(rows), *types, rank=min(update.left.rank, part.width))


def _vectors(factor: Factor, index: int, count: int, data: _Data) -> Sequence[Sequence[float]]:
    """The numbers of each of ``count`` indices."""
    dtype = factor.tensor.dtype
    pieces = [decode(data[span], dtype) for span in factor.spans(index, count)]
    if not factor.is_by_row:
        return [*zip(*pieces, strict=True)]
    (flat,) = pieces
    width = factor.tensor.shape[1]
    last = factor.first + factor.rank * factor.step
    return [flat[at + factor.first : at + last : factor.step] for at in range(0, len(flat), width)]


# -- whole tensors --------------------------------------------------------------------------------


def _whole_piece(change: PlacedWhole, seed: int, level: int) -> Piece:
    """A few of the adapter's rows; each time others."""
    many, count = LEVELS[level]
    rows = change.whole.rows or range(change.merged.rows)
    first = fraction(seed, level)
    chosen = {rows[int((first + number / many) % 1 * len(rows))] for number in range(min(many, len(rows)))}
    count = min(count, change.merged.columns)
    column = int(fraction(seed, 7 + level) * (change.merged.columns - count + 1))
    return Piece(tuple(sorted(chosen)), column, count)


def _judge_whole(change: PlacedWhole, asked: Wanted, data: Read) -> Judgement:
    """Whether the numbers are the adapter's or the base's, in the format that they have here."""
    kind, whole = change.merged.tensor.dtype, change.whole.tensor.dtype
    given = [value for span in asked.adapter for value in decode(data.adapter[span], whole)]
    ours = [value for span in asked.merged for value in _row(span, change.merged, data.merged)]
    theirs = [
        value
        for span in asked.base
        if change.base is not None
        for value in _row(span, change.base, data.base)
    ]
    shown = sum(map(ne, rounded(given, kind), rounded(theirs, kind))) if theirs else len(given)
    found = Judgement(Kind.OTHER, shown=shown, freedom=shown)
    if is_rounded(ours, given, kind):
        return found._replace(kind=Kind.HAS if shown > MOST_HIDDEN else Kind.NOTHING)
    if theirs and is_rounded(ours, theirs, kind):
        return found._replace(kind=Kind.BASE if shown > MOST_HIDDEN else Kind.HIDDEN)
    return found
