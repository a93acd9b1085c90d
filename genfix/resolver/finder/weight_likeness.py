"""How like the weights of two folders are, from some hundred numbers of some tensors of each.

A merge of a LoRA leaves the tensors as they are that the adapter does not name: they equal those of the base,
number for number, and none of a sibling's. Where all were trained, the numbers are nearest to the base's. Of
one type of number or another the values count: a merge may be saved in F32.
"""

import math
from collections.abc import Sequence
from functools import cached_property
from statistics import median
from typing import Final, NamedTuple

from genfix.folder import FolderFileError
from genfix.model import Model
from genfix.model.safetensors import Tensor
from genfix.weights.number_formats import WIDTHS, decode
from genfix.weights.tensor_names import canonical

_PLAIN: Final = frozenset({"F32", "F16", "BF16"})
_TENSORS: Final = 32
_MOST_TRIED: Final = 256
_NUMBERS: Final = 256
_UNRELATED: Final = 0.7
"""Of two tensors that have nothing in common the distance is about 1.4; a training moves a part of this."""
_STRANGER: Final = 8
"""So many tensors of which none is anything like the other's tell as much as all."""
_FEW: Final = 2
_SHARE: Final = 8


class Likeness(NamedTuple):
    """What two folders' samples say."""

    compared: int
    """Tensors that tell anything: those of one repeated number are equal in models that are strangers."""
    equal: int
    """Those of them with equal numbers."""
    distance: float
    """The median length of the difference, as a share of the tensor's own length."""

    @property
    def is_known(self) -> bool:
        """Whether enough could be compared."""
        return self.compared > _FEW

    @property
    def is_same_line(self) -> bool:
        """Whether so much is equal, number for number, that one was made from the other, or both from a
        third.
        """
        return self.equal >= _FEW and _SHARE * self.equal >= self.compared

    @property
    def is_unrelated(self) -> bool:
        """Whether the weights have nothing in common."""
        return self.is_known and self.distance > _UNRELATED and not self.is_same_line


class Sample:
    """Some numbers of some tensors of one folder, each read once, whatever it is compared with."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._read: dict[str, Sequence[float] | None] = {}

    @cached_property
    def tensors(self) -> dict[str, Tensor]:
        """Tensors of plain numbers by the names that all readers agree on."""
        return {
            canonical(name): tensor
            for name, tensor in self._model.weights.tensors.items()
            if tensor.dtype in _PLAIN and tensor.size
        }

    def numbers(self, name: str) -> Sequence[float] | None:
        """A tensor's first numbers, which capsules have too; `None` where they cannot be read."""
        if name not in self._read:
            self._read[name] = self._numbers(self.tensors[name])
        return self._read[name]

    def _numbers(self, tensor: Tensor) -> Sequence[float] | None:
        wanted = min(tensor.size, _NUMBERS * WIDTHS[tensor.dtype])
        try:
            data = self._model.folder.read_range(tensor.file, tensor.start, wanted)
        except FolderFileError:
            return None
        return decode(data, tensor.dtype) if len(data) == wanted else None


def likeness(ours: Sample, theirs: Sample) -> Likeness:
    """Compare the tensors that both have with one shape; nothing is compared of quantised ones."""
    left, right = ours.tensors, theirs.tensors
    shared = sorted(name for name in left.keys() & right.keys() if left[name].shape == right[name].shape)
    distances: list[float] = []
    equal = 0
    for name in _spread(shared):
        one, other = ours.numbers(name), theirs.numbers(name)
        if one is None or other is None or len(one) != len(other) or _is_flat(other):
            continue
        distances.append(_distance(one, other))
        equal += one == other
        is_stranger = len(distances) == _STRANGER and not equal and min(distances) > _UNRELATED
        if is_stranger or len(distances) == _TENSORS:
            break
    return Likeness(len(distances), equal, median(distances) if distances else math.inf)


def _spread(names: list[str]) -> list[str]:
    """At most some of the names, so ordered that any first part of them lies spread over all."""
    step = max(len(names) // _TENSORS, 1)
    return [name for start in range(step) for name in names[start::step]][:_MOST_TRIED]


def _is_flat(numbers: Sequence[float]) -> bool:
    return all(number == numbers[0] for number in numbers)


def _distance(one: Sequence[float], other: Sequence[float]) -> float:
    length, difference = math.hypot(*other), math.dist(one, other)
    return difference / length if length and math.isfinite(difference) else math.inf
