"""The tensors of a model by part, and its layers as a table of cells."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from genfix.message import Message, text
from genfix.weights.tensor_comparison import ComparedTensor, State
from genfix.weights.tensor_names import canonical


class Part(StrEnum):
    """What a tensor is for, as its name tells."""

    EMBEDDING = "embedding"
    ATTENTION = "attention"
    EXPERTS = "experts"
    MLP = "mlp"
    NORMS = "norms"
    HEAD = "head"
    VISION = "vision"
    AUDIO = "audio"
    OTHER = "other"

    @property
    def label(self) -> Message:
        """The part in words."""
        return _LABELS[self]


_LABELS: Final[Mapping[Part, Message]] = {
    Part.EMBEDDING: text("embedding"),
    Part.ATTENTION: text("attention"),
    Part.EXPERTS: text("experts"),
    Part.MLP: text("MLP"),
    Part.NORMS: text("norms"),
    Part.HEAD: text("head"),
    Part.VISION: text("vision"),
    Part.AUDIO: text("audio"),
    Part.OTHER: text("other"),
}
_BY_NAME: Final = (
    (Part.VISION, re.compile(r"(?:^|[._])(?:visual|vision\w*|vit|image\w*|siglip|vpm|multi_modal_\w+)[._]")),
    (Part.AUDIO, re.compile(r"(?:^|[._])(?:audio\w*|speech\w*|whisper|apm)[._]")),
    (Part.NORMS, re.compile(r"(?i:norm\w*|ln_\w+)(?:\.\w+)?$")),
    (Part.EXPERTS, re.compile(r"\.(?:experts|shared_expert\w*|router)[._]")),
    (Part.ATTENTION, re.compile(r"(?:attn|attention)")),
    (Part.MLP, re.compile(r"(?:mlp|feed_forward|ffn)")),
    (Part.HEAD, re.compile(r"(?:^|\.)(?:lm_head|output_layer|embed_out|score|classifier)\.")),
    (Part.EMBEDDING, re.compile(r"(?:embed|wte|wpe)")),
)
_LAYER: Final = re.compile(r"^(?P<stack>.*?(?:layers|h|blocks?|layer))\.(?P<number>\d{1,5})\.(?P<module>.+)$")
_DIGITS: Final = re.compile(r"(?<=\.)\d+(?=\.)")


class PartFacts(NamedTuple):
    """All tensors of one part."""

    part: Part
    tensors: int
    parameters: int
    """Numbers; of packed ones as many as their containers have."""
    size: int
    """Bytes."""
    dtypes: Mapping[str, int]
    """Tensors of each format."""
    states: Mapping[State, int]
    """Tensors of each state; empty without a base."""


class LayerRow(NamedTuple):
    """One kind of matrix, layer by layer."""

    module: str
    states: tuple[State | None, ...]
    """`None` where a layer has none."""


class LayerTable(NamedTuple):
    """One stack of layers."""

    stack: str
    rows: tuple[LayerRow, ...]

    @property
    def width(self) -> int:
        """How many layers."""
        return max((len(row.states) for row in self.rows), default=0)


def part_of(name: str) -> Part:
    """What the tensor called ``name`` is for."""
    key = canonical(name)
    return next((part for part, pattern in _BY_NAME if pattern.search(key)), Part.OTHER)


def parts_of(tensors: Sequence[ComparedTensor], *, is_compared: bool) -> tuple[PartFacts, ...]:
    """The tensors by part; those that only the base has count in their state alone."""
    found: dict[Part, list[ComparedTensor]] = {}
    for tensor in tensors:
        found.setdefault(part_of(tensor.name), []).append(tensor)
    facts: list[PartFacts] = []
    for part in Part:
        all_of_it = found.get(part, [])
        own = [tensor for tensor in all_of_it if tensor.state is not State.LOST]
        if all_of_it:
            facts.append(
                PartFacts(
                    part,
                    len(own),
                    sum(math.prod(tensor.tensor.shape) for tensor in own),
                    sum(tensor.tensor.size for tensor in own),
                    Counter(tensor.tensor.dtype for tensor in own),
                    Counter(tensor.state for tensor in all_of_it) if is_compared else {},
                )
            )
    return tuple(facts)


_WORST: Final = (
    State.MISSING,
    State.LOST,
    State.RESHAPED,
    State.TUNED,
    State.ADDED,
    State.UNTOUCHED,
    State.UNSEEN,
)
"""Which state a cell shows that stands for several tensors."""


def layer_tables(tensors: Iterable[ComparedTensor], missing: Iterable[str] = ()) -> tuple[LayerTable, ...]:
    """The stacks of layers, with those tensors that are ``missing``; all experts of a layer are one cell."""
    stacks: dict[str, dict[str, dict[int, State]]] = {}
    states = [(tensor.name, tensor.state) for tensor in tensors]
    for name, state in (*states, *((name, State.MISSING) for name in missing)):
        layer = _LAYER.match(canonical(name))
        if layer is not None:
            module = _DIGITS.sub("*", f".{layer['module']}").removeprefix(".").removesuffix(".weight")
            cells = stacks.setdefault(layer["stack"], {}).setdefault(module, {})
            number = int(layer["number"])
            known = cells.get(number, State.UNSEEN)
            cells[number] = min(known, state, key=_WORST.index)
    return tuple(
        LayerTable(
            stack,
            tuple(
                LayerRow(module, tuple(cells.get(number) for number in range(max(cells) + 1)))
                for module, cells in modules.items()
            ),
        )
        for stack, modules in stacks.items()
    )
