"""What became of each tensor of a base: untouched, tuned, lost; and what was added.

Two short pieces of each are compared, which tells a merge or a training, since both change nearly every
number of what they change; single rows that were changed are not seen.
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from genfix.model import Model
from genfix.model.safetensors import Tensor
from genfix.weights.number_formats import WIDTHS, decode, is_rounded
from genfix.weights.sample_plan import fraction, spread
from genfix.weights.tensor_names import STACKED, TensorNames, View, canonical
from genfix.weights.tensor_reader import Ledger, Span, Spent, TensorReader

_MOST_TENSORS: Final = 4096
_PIECES: Final = 2
_NUMBERS: Final = 64
_AT_ONCE: Final = 8


class State(StrEnum):
    """What became of a tensor."""

    UNTOUCHED = "untouched"
    """The numbers that were compared are the base's."""
    TUNED = "tuned"
    """Some are not."""
    RESHAPED = "reshaped"
    """It has another shape than the base's."""
    ADDED = "added"
    """The base has none of the name."""
    LOST = "lost"
    """Only the base has it."""
    UNSEEN = "unseen"
    """It was not looked at."""
    MISSING = "missing"
    """The class needs it, and makes it up: no file has it. No comparison finds that."""


class ComparedTensor(NamedTuple):
    """One tensor, and what became of it; of a lost one the base's facts."""

    name: str
    tensor: Tensor
    state: State


class Comparison(NamedTuple):
    """All tensors of both sides."""

    tensors: tuple[ComparedTensor, ...] = ()
    spent: Spent = Spent()

    @property
    def states(self) -> Mapping[State, int]:
        """How many tensors of each state."""
        return Counter(tensor.state for tensor in self.tensors)

    @property
    def equals_base(self) -> bool:
        """Whether all that was compared is the base's, and nothing of it is of another shape."""
        states = self.states
        return states.get(State.UNTOUCHED, 0) > 0 and not any(
            states.get(state) for state in (State.TUNED, State.RESHAPED)
        )


class Pair(NamedTuple):
    """Two pieces of data that should be equal if nothing was changed."""

    ours: View
    theirs: View

    def spans(self, number: int) -> Iterator[tuple[Span, Span]]:
        """The places that are compared."""
        size = self.ours.rows * self.ours.columns
        count = min(_NUMBERS, size)
        for part in range(_PIECES):
            at = int(fraction(number, part) * (size - count + 1))
            yield flat(self.ours, at, count), flat(self.theirs, at, count)


def flat(view: View, at: int, count: int) -> Span:
    """The bytes of ``count`` numbers from the ``at``-th on, row after row."""
    width = view.tensor.size // math.prod(view.tensor.shape)
    return Span(view.tensor.file, view.tensor.start + (view.first + at) * width, count * width)


def compare_tensors(merged: Model, base: Model, ledger: Ledger | None = None) -> Comparison:
    """Compare the tensors of both folders, as far as ``ledger`` affords.

    Raises `GenfixError` where one cannot be read.
    """
    ours, theirs = TensorNames(merged.weights.tensors), TensorNames(base.weights.tensors)
    found: dict[str, ComparedTensor] = {}
    pairs: list[tuple[str, Pair]] = []
    for name, tensor in ours.tensors.items():
        pair = paired(name, tensor, ours, theirs)
        state = pair if isinstance(pair, State) else State.UNSEEN
        found[name] = ComparedTensor(name, tensor, state)
        if isinstance(pair, Pair):
            pairs.append((name, pair))
    ledger = ledger or Ledger()
    readers = (TensorReader(merged.folder, ledger), TensorReader(base.folder, ledger))
    try:
        for name, state in _looked_at(pairs, readers, ledger):
            found[name] = found[name]._replace(state=state)
    finally:
        for reader in readers:
            reader.close()
    lost = [
        ComparedTensor(name, tensor, State.LOST)
        for name, tensor in theirs.tensors.items()
        if not _is_in(name, tensor, theirs, ours)
    ]
    return Comparison((*found.values(), *lost), ledger.spent)


def paired(name: str, tensor: Tensor, ours: TensorNames, theirs: TensorNames) -> Pair | State:
    """What to compare a tensor with."""
    other = theirs.name(name)
    if other is not None:
        known = theirs.tensors[other]
        if known.shape != tensor.shape:
            return State.RESHAPED
        return _pair_of(_whole(name, tensor), _whole(other, known))
    view, own = theirs.matrix(name), ours.matrix(name)
    if view is not None and own is not None:
        return _pair_of(own, view) if (view.rows, view.columns) == (own.rows, own.columns) else State.RESHAPED
    stack = STACKED.fullmatch(canonical(name))
    if stack is None or len(tensor.shape) != 3:
        return State.ADDED
    part = "gate_proj" if stack["part"] == "gate_up_proj" else stack["part"]
    first, other_first = ours.expert(stack["block"], 0, part), theirs.expert(stack["block"], 0, part)
    return _pair_of(first, other_first) if first and other_first else State.ADDED


def _pair_of(ours: View, theirs: View) -> Pair | State:
    kinds = (ours.tensor.dtype, theirs.tensor.dtype)
    is_comparable = kinds[0] == kinds[1] or all(kind in WIDTHS for kind in kinds)
    has_data = ours.tensor.size and theirs.tensor.size
    return Pair(ours, theirs) if is_comparable and has_data else State.UNSEEN


def _whole(name: str, tensor: Tensor) -> View:
    return View(name, tensor, 1, math.prod(tensor.shape))


def _is_in(name: str, tensor: Tensor, own: TensorNames, others: TensorNames) -> bool:
    """Whether a tensor of the base is somewhere in the merged folder."""
    return paired(name, tensor, own, others) is not State.ADDED


def _looked_at(
    pairs: Sequence[tuple[str, Pair]], readers: tuple[TensorReader, TensorReader], ledger: Ledger
) -> Iterator[tuple[str, State]]:
    chosen = spread(pairs)[:_MOST_TENSORS]
    for start in range(0, len(chosen), _AT_ONCE):
        batch = [
            (name, pair, [*pair.spans(number)]) for number, (name, pair) in chosen[start : start + _AT_ONCE]
        ]
        sides = [[spans[side] for _, _, places in batch for spans in places] for side in (0, 1)]
        costs = [reader.cost(spans) for reader, spans in zip(readers, sides, strict=True)]
        if not ledger.affords(Spent.total(costs)):
            return
        ours, theirs = (reader.read(spans) for reader, spans in zip(readers, sides, strict=True))
        for name, pair, places in batch:
            same = all(is_same(ours[left], theirs[right], pair) for left, right in places)
            yield name, State.UNTOUCHED if same else State.TUNED


def is_same(ours: bytes, theirs: bytes, pair: Pair) -> bool:
    """Whether two pieces have equal numbers, as far as their formats let them."""
    kind, other = pair.ours.tensor.dtype, pair.theirs.tensor.dtype
    if ours == theirs and kind == other:
        return True
    if kind == other or kind not in WIDTHS or other not in WIDTHS:
        return False
    return is_rounded(decode(ours, kind), decode(theirs, other), kind)
