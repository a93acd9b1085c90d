"""Which tensors of a folder the class that config.json names takes, and which it lacks.

The newest transformers that was read decides, by its code (`dev/tools/module_table.py`). What cannot be told
from that is left out: a part that its ``__init__`` builds in a way that is not followed may hold anything.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from genfix.engines.modeling.checkpoint_names import Renamed, Renamer
from genfix.engines.modeling.module_configs import ConfigView
from genfix.engines.modeling.module_lines import ModelClass, model_class
from genfix.engines.modeling.module_nodes import Node, Parameter, Shape, Wanted, wanted
from genfix.engines.modeling.module_programs import Builder
from genfix.engines.shared.released import released_class
from genfix.json_types import JsonObject
from genfix.model.safetensors import Tensor
from genfix.model.weight_facts import FLOATS

__all__ = ["Fit", "Mismatch", "fit"]

_ALWAYS_IGNORED: Final = r"(?:rotary_emb\.inv_freq|position_ids|\.masked_bias|attn\.bias)$"


_LITERAL: Final = r"[\w.]+\.(?:weight|bias)"
"""A name, and no pattern."""
_PACKED: Final = (
    r"\.(?:qweight|qzeros|scales|g_idx|weight_packed|weight_scale\w*|weight_zero_point|weight_shape|"
    r"weight_g_idx|weight_global_scale|input_\w*scale|[kv]_scale|SCB|weight_format|weight\.(?:absmax|quant_map|nested_\w+|"
    r"quant_state\.\S+)|biases|activation_scale|(?:in|out)put_(?:min|max))$"
)
"""What quantisers put in the place of a weight, or beside it: the loaders of transformers 5.24 and vLLM 0.32
look for it."""
_BLOCKS: Final = r"_(?:blocks|scales|scale_inv|scale|zero_point|packed)$"


class Mismatch(NamedTuple):
    """A tensor of another shape than the class has."""

    name: str
    """In the folder."""
    shape: tuple[int, ...]
    wanted: tuple[int | None, ...]


class Fit(NamedTuple):
    """How the tensors of a folder and a class fit together."""

    owner: str
    """The class."""
    needed: tuple[str, ...]
    """The tensors that the class needs, by its names, as far as that is known."""
    numbers: int = 0
    """How many numbers are in those of a known size."""
    parts: tuple[str, ...] = ()
    """The paths of the models in it, ``""`` among them."""
    missing: tuple[str, ...] = ()
    """By the names of the class: what it lacks, and makes up."""
    incomplete: tuple[str, ...] = ()
    """Of which only a part is there: what is put together of several, and some are absent."""
    mismatched: tuple[Mismatch, ...] = ()
    unexpected: tuple[str, ...] = ()
    """By the names in the folder: what it does not read."""


def fit(
    config: JsonObject, owner: str, tensors: Mapping[str, Tensor], *, is_packed: bool = False
) -> Fit | None:
    """Hold ``tensors`` against the class ``owner``; `None` where it is not known.

    ``is_packed``: whether some are quantised, and have other names and shapes than the class has.
    """
    known = model_class(owner)
    kind = config.get("model_type")
    if known is None or not isinstance(kind, str):
        return None
    made_for = released_class(owner)
    view = ConfigView(config, kind).for_class(made_for.types if made_for is not None else ())
    root = Builder().model(owner, view)
    if root is None:
        return None
    return _Judge(known, root, tensors, is_packed=is_packed).fit()


class _Part(NamedTuple):
    """One tensor of those that a tensor of the class is put together from."""

    pattern: str
    name: str
    tensor: Tensor


class _Judge:
    """One folder."""

    def __init__(
        self, known: ModelClass, root: Node, tensors: Mapping[str, Tensor], *, is_packed: bool
    ) -> None:
        self.known, self.tensors, self.is_packed = known, tensors, is_packed
        self.wanted: Wanted = wanted(root)
        self.renamer = Renamer(known.prefix, self.wanted.models, self.wanted.tensors)
        self.parts: dict[str, list[_Part]] = {}
        """By tensors of the class, what they are put together from."""
        self.made: dict[str, Renamed] = {}
        """How."""

    def fit(self) -> Fit:
        there: dict[str, str] = {}
        unexpected: list[str] = []
        mismatched: list[Mismatch] = []
        names = self.wanted.tensors
        for name, tensor in self.tensors.items():
            plain = _unpacked(name) if self.is_packed else name
            renamed = self._renamed(plain)
            known = [each for each in renamed.names if each in names]
            if self.is_packed and not known:
                known = [*self._below(name)]
                renamed = renamed if not known else Renamed(tuple(known))
            there.update(dict.fromkeys(known, name))
            if not known:
                if not self._is_expected(name, renamed.names):
                    unexpected.append(name)
            elif renamed.source:
                self.parts.setdefault(known[0], []).append(_Part(renamed.source, name, tensor))
                self.made[known[0]] = renamed
            elif plain == name and (found := _mismatch(name, tensor, names[known[0]])) is not None:
                mismatched.append(found)
        incomplete = [name for name in self.parts if self._is_incomplete(name)]
        if not self.is_packed:
            mismatched += [found for parts in self.parts.values() for found in _odd(parts)]
        needed = {name: parameter for name, parameter in names.items() if parameter.is_needed}
        return Fit(
            self.known.name,
            tuple(needed),
            sum(_size(parameter.shape) or 0 for parameter in needed.values()),
            tuple(self.wanted.models),
            tuple(self._missing(there)),
            tuple(incomplete),
            tuple(mismatched),
            tuple(unexpected),
        )

    def _below(self, name: str) -> Iterator[str]:
        """The weight of the module that a tensor stands below: each quantiser has names of its own there."""
        module = name.rpartition(".")[0]
        while module:
            names = [each for each in self._renamed(f"{module}.weight").names if each in self.wanted.tensors]
            if names:
                yield from names
                return
            module = module.rpartition(".")[0]

    def _is_incomplete(self, name: str) -> bool:
        """Whether what a tensor is put together from is not all of it."""
        made, parts = self.made[name], self.parts[name]
        if len(made.names) == 1 and len({part.pattern for part in parts}) < made.siblings:
            return True
        if self.is_packed or not made.keeps_all or not all(_is_plain(part.tensor) for part in parts):
            return False
        sizes = [_size(self.wanted.tensors[each].shape) for each in made.names if each in self.wanted.tensors]
        known = [size for size in sizes if size is not None]
        if len(known) < len(made.names):
            return False
        return sum(math.prod(part.tensor.shape) for part in parts) != sum(known) and not [*_odd(parts)]

    def _renamed(self, name: str) -> Renamed:
        renamed = self.renamer.become(name)
        if not any(each in self.wanted.tensors for each in renamed.names) and name in self.wanted.tensors:
            return Renamed((name,))
        return renamed

    def _is_expected(self, name: str, names: Sequence[str]) -> bool:
        if re.search(_ALWAYS_IGNORED, name) or not self.renamer.is_known:
            return True
        models = [node.owner for node in self.wanted.models.values()]
        patterns = [p for owner in models if (found := model_class(owner)) for p in found.may_have]
        if any(re.search(pattern, each) for pattern in patterns for each in (name, *names)):
            return True
        return any(each.startswith(prefix) for prefix in self.wanted.open for each in names)

    def _missing(self, there: Mapping[str, str]) -> list[str]:
        if not self.renamer.is_known:
            return []
        absent = [
            name
            for name, parameter in self.wanted.tensors.items()
            if parameter.is_needed and name not in there
        ]
        if not absent:
            return []
        for pattern in self._may_miss():
            absent = [name for name in absent if not re.search(pattern, name)]
        tied = self._tied()
        return [name for name in absent if not _is_tied(name, tied, there)]

    def _may_miss(self) -> list[str]:
        owners = [node.owner for node in self.wanted.models.values()]
        return [pattern for owner in owners if (found := model_class(owner)) for pattern in found.may_miss]

    def _tied(self) -> list[tuple[str, str, str]]:
        """Of every model: its path, and what is which other tensor."""
        pairs: list[tuple[str, str, str]] = []
        for path, node in self.wanted.models.items():
            found = model_class(node.owner)
            config = node.attributes.get("config")
            tied = node.attributes.get("_tied_weights_keys", found.tied if found is not None else {})
            if not isinstance(tied, dict) or any(not isinstance(each, str) for each in tied.values()):
                pairs.append((path, "", ""))
                continue
            if isinstance(config, ConfigView) and not config.may_tie():
                continue
            start = f"{path}." if path else ""
            pairs += [(start, target, source) for target, source in tied.items()]
        return pairs


def _is_tied(name: str, tied: Sequence[tuple[str, str, str]], there: Mapping[str, str]) -> bool:
    """Whether the tensor is another one that is there, either way."""
    for start, target, source in tied:
        if not name.startswith(start):
            continue
        rest = name[len(start) :]
        if re.fullmatch(_LITERAL, target) and re.fullmatch(_LITERAL, source):
            other = {target: source, source: target}.get(rest)
            if other is not None and start + other in there:
                return True
        elif re.search(target, rest) or re.search(source, rest) or rest.startswith((target, source)):
            return True  # which is which, only the built model tells
    return False


def _mismatch(name: str, tensor: Tensor, parameter: Parameter) -> Mismatch | None:
    """A shape that cannot be the class's."""
    shape = parameter.shape
    if shape is None or not _is_plain(tensor):
        return None
    if len(shape) == len(tensor.shape) and all(
        size is None or size == own for size, own in zip(shape, tensor.shape, strict=True)
    ):
        return None
    return Mismatch(name, tensor.shape, shape)


def _unpacked(name: str) -> str:
    """The name of the weight that a quantised tensor is, or belongs to."""
    found = re.sub(_PACKED, ".weight", name)
    return found if found != name else re.sub(_BLOCKS, "", name)


def _is_plain(tensor: Tensor) -> bool:
    """Whether the shape in the file is that of the numbers: packed ones have others."""
    return tensor.dtype in FLOATS


def _size(shape: Shape) -> int | None:
    return None if shape is None or None in shape else math.prod(size for size in shape if size is not None)


def _odd(parts: Sequence[_Part]) -> Iterator[Mismatch]:
    """Parts of one kind that are not shaped as most of them are: they cannot be put together."""
    shapes: dict[str, Counter[tuple[int, ...]]] = {}
    for part in parts:
        shapes.setdefault(part.pattern, Counter())[part.tensor.shape] += 1
    for part in parts:
        usual = shapes[part.pattern].most_common(1)[0][0]
        if part.tensor.shape != usual:
            yield Mismatch(part.name, part.tensor.shape, usual)
