"""How the tensors of a folder fit the class that its config.json names, for all rules of both.

What other rules say of config.json (a wrong number of layers, of rows, of experts) is taken as said: only
is wrong beside it is theirs to tell.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from genfix.engines.modeling.loaded_tensors import Fit, fit
from genfix.engines.modeling.module_lines import model_class
from genfix.engines.shared.common import architecture
from genfix.json_types import JsonObject, JsonValue
from genfix.model import Model
from genfix.model.safetensors import Tensor

__all__ = ["ClassFit", "changed", "fit_as", "fit_of", "is_in_table", "known_class"]

_MLX: Final = "mlx"
_TINY: Final = 1 << 20
"""Bytes."""
_MOST: Final = 10_000
"""Tensors of a folder that others may have as well; a hostile one must not fill the memory."""


class ClassFit(NamedTuple):
    """One folder and one class."""

    config: JsonObject
    owner: str
    tensors: Mapping[str, Tensor]
    fit: Fit
    is_packed: bool

    def again(self, config: JsonObject, owner: str = "") -> "ClassFit | None":
        """The same with another config or class."""
        return _fit(config, owner or self.owner, self.tensors, is_packed=self.is_packed)

    @property
    def lacks(self) -> tuple[str, ...]:
        """What the class makes up, or cannot put together."""
        return (*self.fit.missing, *self.fit.incomplete)

    @property
    def is_stand_in(self) -> bool:
        """Whether the file is none that a model was saved in: a tiny one with names of the class, less than
        half a bit for each number that it has by config.json, and other shapes where they are compared, or no
        data for its own. What is left of a real save has the shapes of the class, and no quantiser packs so.
        """
        size = sum(tensor.size for tensor in self.tensors.values())
        is_tiny = size < _TINY and size * 16 < self.fit.numbers
        has_names = len(self.fit.unexpected) * 2 < len(self.tensors)
        lacks_data = any(tensor.size * 8 < math.prod(tensor.shape) for tensor in self.tensors.values())
        return is_tiny and has_names and (self.is_packed or bool(self.fit.mismatched) or lacks_data)

    @property
    def is_clean(self) -> bool:
        """Whether the class takes them as they are."""
        return not self.lacks and not self.fit.mismatched


def known_class(model: Model) -> str | None:
    """The class that config.json names, where transformers builds it by its own code."""
    owner = architecture(model)
    return None if owner is None or _has_own_code(model) else owner


def is_in_table(model: Model) -> bool:
    """Whether the code of its class is known."""
    owner = known_class(model)
    return owner is not None and model_class(owner) is not None


def _has_own_code(model: Model) -> bool:
    """Whether the folder has the code of its class beside it: names are what that code makes of them."""
    return "auto_map" in model.config


def fit_of(model: Model) -> ClassFit | None:
    """How a folder fits the class it names; `None` where that is not known, or other readers are meant."""
    owner = known_class(model)
    return None if owner is None else fit_as(model, owner)


def fit_as(model: Model, owner: str) -> ClassFit | None:
    """As `fit_of`, with another class."""
    tensors = model.weights.tensors
    if not tensors or model.weights.chosen.unclear:
        return None
    if any(header.format == _MLX for header in model.weights.headers.values()):
        return None  # mlx-lm has names of its own
    is_packed = model.weights.facts.quantization is not None or is_quantised(model)
    if len(tensors) > _MOST:
        return _fit(model.config, owner, tensors, is_packed=is_packed)
    # repr: 1, 1.0 and true are equal, and are not the same to a class
    key = (
        _fit,
        owner,
        is_packed,
        repr(model.config),
        *((name, each.dtype, each.shape) for name, each in tensors.items()),
    )
    found = model.remembered.once(key, lambda: _fit(model.config, owner, tensors, is_packed=is_packed))
    return found._replace(config=model.config, tensors=tensors) if found is not None else None


def _fit(
    config: JsonObject, owner: str, tensors: Mapping[str, Tensor], *, is_packed: bool
) -> ClassFit | None:
    found = fit(config, owner, tensors, is_packed=is_packed)
    if found is None:
        return None
    # What has no data is GF435's.
    odd = tuple(each for each in found.mismatched if 0 not in each.shape)
    return ClassFit(config, owner, tensors, found._replace(mismatched=odd), is_packed)


def is_quantised(model: Model) -> bool:
    """Whether config.json declares a quantisation."""
    return isinstance(model.config_value("quantization_config"), dict)


def changed(config: JsonObject, changes: Iterable[tuple[str, JsonValue]]) -> JsonObject:
    """The config with other values at some pointers."""
    found = dict(config)
    for pointer, value in changes:
        parts = pointer.split("/")[1:]
        level = found
        for part in parts[:-1]:
            inner = level.get(part)
            copied: dict[str, JsonValue] = dict(inner) if isinstance(inner, dict) else {}
            level[part] = copied
            level = copied
        level[parts[-1]] = value
    return found
