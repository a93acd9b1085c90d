"""Whether the matrices that an adapter changes are those of a model, by names and shapes in headers."""

import re
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from genfix.message import Arg, Message, text
from genfix.model import Model

_LORA: Final = re.compile(
    r"(?:base_model\.model\.)?(?P<module>.+)\.lora_(?P<side>[AB])(?:\.\w+)?\.weight", re.DOTALL
)
_LAYER: Final = re.compile(
    r"(?:^|\.)(?P<place>(?P<stack>layers|h|blocks?|layer)\.(?P<number>\d+)\..+)", re.DOTALL
)
_PLAIN: Final = frozenset(["F16", "BF16", "F32", "F64", "F8_E4M3", "F8_E5M2"])
"""Types that no quantisation has packed: shapes are those of the model."""


class _Matrix(NamedTuple):
    module: str
    side: str
    """``A`` reads the module's input, ``B`` makes its output."""
    size: int


def foreign_matrix(adapter: Model, merged: Model) -> Message | None:
    """What shows that the adapter belongs to another model; `None` where nothing does.

    A matrix fits where one of its model's two sides has its size: GPT-2 keeps them the other way round.
    """
    shapes = _shapes(merged)
    layers = _layers(merged)
    for matrix in _matrices(adapter):
        here = shapes.get(matrix.module) or shapes.get(_place(matrix.module))
        if here and not any(matrix.size in shape for shape in here):
            made, taken = here[0]
            args: dict[str, Arg] = {"module": matrix.module, "theirs": matrix.size}
            if matrix.side == "A":
                return text("{module} takes {ours} values here and {theirs} there", ours=taken, **args)
            return text("{module} gives {ours} values here and {theirs} there", ours=made, **args)
        place = _LAYER.search(matrix.module)
        if place is not None and 0 < layers.get(place["stack"], 0) <= int(place["number"]):
            return text(
                "it changes {module}, and there are {layers} layers here",
                module=matrix.module,
                layers=layers[place["stack"]],
            )
    return None


def has_some_matrix(adapter: Model, merged: Model) -> bool:
    """Whether a module that the adapter changes is here; also `True` where headers do not tell."""
    modules = {matrix.module for matrix in _matrices(adapter)}
    ours = {name.rpartition(".")[0] for name in merged.weights.tensors}
    if not modules or not ours:
        return True
    places = {_place(module) for module in ours}
    return any(module in ours or _place(module) in places for module in modules)


def _matrices(adapter: Model) -> Iterator[_Matrix]:
    for name, tensor in adapter.weights.adapter_header.tensors.items():
        lora = _LORA.fullmatch(name)
        if lora is not None and len(tensor.shape) == 2:
            size = tensor.shape[1] if lora["side"] == "A" else tensor.shape[0]
            yield _Matrix(lora["module"], lora["side"], size)


def _shapes(merged: Model) -> Mapping[str, list[tuple[int, ...]]]:
    """By a module's name, and by its place in its stack of layers: the shapes of plain matrices.

    Places are for models whose stacks transformers 5 calls by another name than 4. A vision and a language
    stack may share places.
    """
    found: dict[str, list[tuple[int, ...]]] = {}
    for name, tensor in merged.weights.tensors.items():
        module, _, last = name.rpartition(".")
        if last == "weight" and len(tensor.shape) == 2 and tensor.dtype in _PLAIN:
            found.setdefault(module, []).append(tensor.shape)
            if _place(module) != module:
                found.setdefault(_place(module), []).append(tensor.shape)
    return found


def _place(module: str) -> str:
    layer = _LAYER.search(module)
    return layer["place"] if layer is not None else module


def _layers(merged: Model) -> Mapping[str, int]:
    """How many layers the deepest stack of each name has."""
    found: dict[str, int] = {}
    for name in merged.weights.tensors:
        layer = _LAYER.search(name)
        if layer is not None:
            found[layer["stack"]] = max(found.get(layer["stack"], 0), int(layer["number"]) + 1)
    return found
