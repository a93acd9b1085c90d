"""Where the matrix of a module stands among the tensors of a folder, whatever its readers call it.

transformers 5 moved prefixes (``language_model.model.`` to ``model.language_model.``) and stacks experts
into one tensor; PEFT renames an adapter's modules the same way when it loads one
(utils/transformers_weight_conversion.py, 0.21.2).
"""

import math
import re
from collections.abc import Mapping
from functools import cached_property
from typing import Final, NamedTuple

from genfix.model.safetensors import Tensor
from genfix.weights.number_formats import WIDTHS
from genfix.weights.tensor_reader import Span

_PREFIXES: Final = frozenset(["base_model", "model", "transformer", "language_model", "module"])
_EXPERT: Final = re.compile(r"(?P<block>.+\.experts)\.(?P<number>\d{1,6})\.(?P<part>\w+)\.weight")
STACKED: Final = re.compile(r"(?P<block>.+\.experts)\.(?P<part>\w+?)(?:\.weight)?")
"""The canonical name of a tensor that may have a part of all experts."""
_PARTS: Final[Mapping[str, str]] = {"w1": "gate_proj", "w3": "up_proj", "w2": "down_proj"}
"""Mixtral's names."""
_HALVES: Final[Mapping[str, int]] = {"gate_proj": 0, "up_proj": 1}
"""Which half of ``gate_up_proj`` they are."""


class View(NamedTuple):
    """A matrix inside a stored tensor; its rows lie one after another."""

    name: str
    """The tensor's name in its folder."""
    tensor: Tensor
    rows: int
    columns: int
    first: int = 0
    """Elements of the tensor before the matrix."""

    def span(self, row: int, column: int, count: int) -> Span:
        """The bytes of ``count`` elements of a row."""
        width = WIDTHS[self.tensor.dtype]
        at = self.first + row * self.columns + column
        return Span(self.tensor.file, self.tensor.start + at * width, count * width)

    @property
    def is_readable(self) -> bool:
        """Whether its numbers are of a known format, and its header agrees with its shape."""
        width = WIDTHS.get(self.tensor.dtype, 0)
        return bool(self.tensor.size) and self.tensor.size == width * math.prod(self.tensor.shape)


def canonical(name: str) -> str:
    """A tensor's name without the prefixes that readers add or drop, and with one name for experts' parts."""
    parts = name.split(".")
    while len(parts) > 1 and parts[0] in _PREFIXES:
        del parts[0]
    if "experts" in parts:
        at = parts.index("experts")
        parts[at + 1 :] = [_PARTS.get(part, part) for part in parts[at + 1 :]]
        if at and parts[at - 1] == "block_sparse_moe":
            parts[at - 1] = "mlp"
    return ".".join(parts)


class TensorNames:
    """The tensors of one folder, found by the names that other readers have for them."""

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        self.tensors = tensors

    @cached_property
    def _names(self) -> Mapping[str, str]:
        """By canonical name; a name that two tensors share is none."""
        found: dict[str, str] = {}
        shared: set[str] = set()
        for name in self.tensors:
            key = canonical(name)
            if key in found:
                shared.add(key)
            found[key] = name
        return {key: name for key, name in found.items() if key not in shared}

    def name(self, wanted: str) -> str | None:
        """The name here of the tensor that another reader calls ``wanted``."""
        return wanted if wanted in self.tensors else self._names.get(canonical(wanted))

    def matrix(self, wanted: str) -> View | None:
        """The matrix (or vector, as one row) that another reader calls ``wanted``."""
        name = self.name(wanted)
        if name is not None:
            shape = self.tensors[name].shape
            if len(shape) == 2:
                return View(name, self.tensors[name], *shape)
            return View(name, self.tensors[name], 1, shape[0]) if len(shape) == 1 else None
        expert = _EXPERT.fullmatch(canonical(wanted))
        if expert is None:
            return None
        return self.expert(expert["block"], int(expert["number"]), expert["part"])

    def expert(self, block: str, number: int, part: str) -> View | None:
        """One expert's matrix (``gate_proj``, ``up_proj``, ``down_proj``), of its own or out of a stack."""
        single = self.name(f"{block}.{number}.{part}.weight")
        if single is not None and len(self.tensors[single].shape) == 2:
            return View(single, self.tensors[single], *self.tensors[single].shape)
        stack = self.stack(block, part)
        if stack is not None:
            return self._slice(stack, number, 0, 1)
        stack = self.stack(block, "gate_up_proj") if part in _HALVES else None
        return self._slice(stack, number, _HALVES[part], 2) if stack is not None else None

    def stack(self, block: str, part: str) -> str | None:
        """The name of the tensor that has a part of all experts."""
        name = self.name(f"{block}.{part}") or self.name(f"{block}.{part}.weight")
        return name if name is not None and len(self.tensors[name].shape) == 3 else None

    def _slice(self, name: str, number: int, share: int, of: int) -> View | None:
        """The ``share``-th of equal shares of the rows of an expert."""
        tensor = self.tensors[name]
        experts, rows, columns = tensor.shape
        if number >= experts or rows % of:
            return None
        rows //= of
        return View(name, tensor, rows, columns, (number * of + share) * rows * columns)
