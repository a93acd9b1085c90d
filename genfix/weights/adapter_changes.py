"""What an adapter changes: each update as two factors, and tensors that it brings whole."""

import re
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from genfix.message import Message, message
from genfix.model.safetensors import Tensor
from genfix.model.weights import Weights
from genfix.weights.adapter_recipe import Recipe
from genfix.weights.number_formats import WIDTHS
from genfix.weights.tensor_reader import Span

_PICKLES: Final = ("adapter_model.bin", "adapter_model.pt")
_PREFIX: Final = "base_model.model."
_FACTOR: Final = re.compile(
    r"(?P<module>.+?)\.(?:lora_(?P<side>[AB])(?:\.\w+)?\.(?P<last>weight|bias)"
    r"|lora_embedding_(?P<embedding>[AB])(?:\.\w+)?|lora_(?P<mlx>[ab])"
    r"|(?P<magnitude>lora_magnitude_vector(?:\.\w+)*|m))",
    re.DOTALL,
)
_TOKENS: Final = re.compile(
    r"(?P<module>.+?)(?:\.token_adapter)?\.(?:trainable_tokens_delta)(?:\.\w+)*", re.DOTALL
)
_WHOLE: Final = re.compile(r"\.modules_to_save(?:\.default)?\.")


class Factor(NamedTuple):
    """One side of an update: for each row (or column) of the changed matrix as many numbers as its rank."""

    tensor: Tensor
    rank: int
    is_by_row: bool
    """Whether the numbers of one index are a row of the tensor; else they are a column."""
    first: int = 0
    step: int = 1
    """Which of the numbers of an index are meant: an expert's stand among those of the others."""
    offset: int = 0
    """Indices before the first one."""

    @property
    def size(self) -> int:
        """How many indices the whole tensor has."""
        return self.tensor.shape[0 if self.is_by_row else 1]

    def spans(self, index: int, count: int) -> list[Span]:
        """The bytes that have the numbers of ``count`` indices from ``index`` on."""
        width, columns = WIDTHS[self.tensor.dtype], self.tensor.shape[1]
        at = index + self.offset
        if self.is_by_row:
            return [self._span(at * columns * width, count * columns * width)]
        rows = range(self.first, self.first + self.rank * self.step, self.step)
        return [self._span((row * columns + at) * width, count * width) for row in rows]

    def _span(self, at: int, length: int) -> Span:
        return Span(self.tensor.file, self.tensor.start + at, length)


class Update(NamedTuple):
    """A matrix that is changed by the product of two factors."""

    module: str
    """The module's name in the model, without PEFT's prefix."""
    part: str
    """``weight``, or the parameter that is meant."""
    left: Factor
    """For the rows of the matrix as it is stored."""
    right: Factor
    """For its columns."""
    scale: float
    magnitude: Tensor | None = None
    """DoRA's length of each row."""
    expert: int | None = None
    """Which expert of ``module`` is meant, and ``part`` its matrix."""

    @property
    def label(self) -> str:
        """What people call it."""
        if self.expert is not None:
            return f"{self.module}.{self.expert}.{self.part}"
        return self.module if self.part == "weight" else f"{self.module}.{self.part}"


class Addition(NamedTuple):
    """A bias that is changed by a multiple of the adapter's own (``lora_bias``)."""

    module: str
    tensor: Tensor
    scale: float


class Whole(NamedTuple):
    """A tensor of the model, or some of its rows, that the adapter has as they should be."""

    name: str
    tensor: Tensor
    rows: tuple[int, ...] = ()
    """Which rows of the model's tensor are meant; none: all."""


class Changes(NamedTuple):
    """All that an adapter changes."""

    updates: tuple[Update, ...] = ()
    additions: tuple[Addition, ...] = ()
    wholes: tuple[Whole, ...] = ()
    untold: Mapping[str, Message] = {}
    """Modules whose change is not understood, and why."""
    refusal: Message | None = None
    """Why there is nothing to say at all."""


class _Parts(NamedTuple):
    """The tensors of one module in the adapter's file."""

    matrices: dict[str, Tensor]
    bias: list[Tensor]


def read_changes(weights: Weights, recipe: Recipe) -> Changes:
    """The changes in an adapter's folder, from the header of its file."""
    file = weights.adapter_file
    if file is None:
        pickled = next((name for name in _PICKLES if name in weights.folder.names()), None)
        if pickled is not None:
            return Changes(
                refusal=message(
                    "adapter-pickled", "the adapter is in {file}, which genfix does not open", file=pickled
                )
            )
        return Changes(refusal=message("adapter-without-tensors", "the adapter has no tensors"))
    header = weights.adapter_header
    if header.problem or not header.tensors:
        return Changes(
            refusal=message("adapter-unreadable", "{file} of the adapter cannot be read", file=file)
        )
    return changes_of(header.tensors, recipe)


def changes_of(tensors: Mapping[str, Tensor], recipe: Recipe) -> Changes:
    """The changes that the tensors of an adapter's file make."""
    modules: dict[str, _Parts] = {}
    wholes: list[Whole] = []
    untold: dict[str, Message] = {}
    for full, tensor in tensors.items():
        name = full.removeprefix(_PREFIX)
        factor, tokens = _FACTOR.fullmatch(name), _TOKENS.fullmatch(name)
        if factor is not None:
            parts = modules.setdefault(factor["module"], _Parts({}, []))
            if factor["last"] == "bias":
                parts.bias.append(tensor)
            else:
                parts.matrices[_side(factor)] = tensor
        elif tokens is not None:
            rows = _rows(tokens["module"], recipe)
            if rows and tensor.shape[0] == len(rows):
                wholes.append(Whole(f"{tokens['module']}.weight", tensor, rows))
            else:
                untold[tokens["module"]] = _UNKNOWN
        elif "lora_" in name:
            untold[name] = _UNKNOWN
        elif ".base_layer." not in name:  # what PEFT saves of an embedding beside its update
            wholes.append(Whole(_WHOLE.sub(".", name), tensor))
    updates: list[Update] = []
    for module, parts in modules.items():
        made = [*_updates(module, parts.matrices, recipe)] if parts.matrices else []
        updates += made
        if not made and parts.matrices:
            by_column = recipe.is_transposed and "magnitude" in parts.matrices
            untold[module] = _COLUMNS if by_column else _UNKNOWN
    additions = [
        Addition(module, tensor, recipe.scale_of(module))
        for module, parts in modules.items()
        for tensor in parts.bias
    ]
    return Changes(tuple(updates), tuple(additions), tuple(wholes), untold)


_COLUMNS: Final = message(
    "change-by-columns", "DoRA gives each column of a transposed matrix a length, and columns are not read"
)
_UNKNOWN: Final = message("change-unknown", "the shapes of its tensors are not those of its config")


def _side(factor: re.Match[str]) -> str:
    """``A`` and ``B`` of a module, ``embedding A``, mlx-lm's ``a``, or its magnitude."""
    if factor["magnitude"]:
        return "magnitude"
    return factor["side"] or factor["mlx"] or f"embedding {factor['embedding']}"


def _rows(module: str, recipe: Recipe) -> tuple[int, ...]:
    named = [rows for name, rows in recipe.tokens.items() if name and f".{module}".endswith(f".{name}")]
    return named[0] if named else recipe.tokens.get("", ())


def _updates(module: str, parts: Mapping[str, Tensor], recipe: Recipe) -> Iterator[Update]:
    if any(len(tensor.shape) != 2 for side, tensor in parts.items() if side != "magnitude"):
        return  # a convolution
    if any(tensor.dtype not in WIDTHS for tensor in parts.values()):
        return
    rank, scale, magnitude = recipe.rank_of(module), recipe.scale_of(module), parts.get("magnitude")
    if recipe.is_dora and magnitude is None:
        return
    if "a" in parts and "b" in parts:  # (in, rank) and (rank, out)
        right, left = Factor(parts["a"], rank, is_by_row=True), Factor(parts["b"], rank, is_by_row=False)
        if parts["a"].shape[1] == rank == parts["b"].shape[0]:
            yield Update(module, "weight", left, right, scale, magnitude)
    elif "embedding A" in parts and "embedding B" in parts:  # (rank, tokens) and (width, rank)
        first, second = parts["embedding A"], parts["embedding B"]
        left, right = Factor(first, rank, is_by_row=False), Factor(second, rank, is_by_row=True)
        if first.shape[0] == rank == second.shape[1] and magnitude is None:
            yield Update(module, "weight", left, right, scale)
    elif "A" in parts and "B" in parts:  # (rank, in) and (out, rank)
        yield from _plain(module, parts["A"], parts["B"], recipe, magnitude)


def _plain(
    module: str, first: Tensor, second: Tensor, recipe: Recipe, magnitude: Tensor | None
) -> Iterator[Update]:
    if recipe.is_transposed and magnitude is not None:
        return
    rank, scale = recipe.rank_of(module), recipe.scale_of(module)
    if parameters := _parameters(module, recipe):
        yield from _of_parameters(module, first, second, recipe, parameters)
        return
    if first.shape[0] != rank or second.shape[1] != rank:
        return
    inputs, outputs = Factor(first, rank, is_by_row=False), Factor(second, rank, is_by_row=True)
    if recipe.is_transposed:
        yield Update(module, "weight", inputs, outputs, scale, magnitude)
    else:
        yield Update(module, "weight", outputs, inputs, scale, magnitude)


def _parameters(module: str, recipe: Recipe) -> tuple[str, ...]:
    """The names of the parameters of ``module`` that have updates, the innermost wrapper's first."""
    block = module.replace(".base_layer", "")
    named = [name.rpartition(".") for name in recipe.parameters]
    found = {last for path, _, last in named if not path or f".{block}".endswith(f".{path}")}
    order = {name: number for number, name in enumerate(_AS_DECLARED)}
    known = sorted(found & order.keys(), key=order.__getitem__)
    return tuple(known) if len(known) == len(found) else tuple(found) if len(found) == 1 else ()


_AS_DECLARED: Final = ("gate_up_proj", "gate_up_proj_bias", "down_proj", "down_proj_bias")
"""The order in which transformers' classes of experts have their parameters: PEFT wraps them so."""


def _of_parameters(
    module: str, first: Tensor, second: Tensor, recipe: Recipe, names: tuple[str, ...]
) -> Iterator[Update]:
    """Updates of a stack of experts: A is (experts x rank, in), B is (out, rank x experts).

    Each parameter has a wrapper around that of the one before it: ``base_layer`` leads inward.
    """
    depth = module.count(".base_layer")
    block = module.replace(".base_layer", "")
    if depth >= len(names):
        return
    name = names[len(names) - 1 - depth]
    rank, scale = recipe.rank_of(f"{block}.{name}"), recipe.scale_of(f"{block}.{name}")
    experts, rest = divmod(first.shape[0], rank)
    if rest or second.shape[1] != first.shape[0]:
        return
    for expert in range(experts):
        inputs = Factor(first, rank, is_by_row=False, first=expert * rank)
        outputs = Factor(second, rank, is_by_row=True, first=expert, step=experts)
        yield Update(block, name, outputs, inputs, scale, expert=expert if experts > 1 else None)
