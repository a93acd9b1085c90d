"""RoPE that config.json does not state: what classes of transformers 4 take, and what means the same then."""

from collections.abc import Mapping
from typing import Final

from genfix.engines.shared.config_classes import config_class
from genfix.engines.shared.config_object import class_defaults
from genfix.json_types import JsonObject, JsonValue
from genfix.jsontext.json_diff import same_value
from genfix.model.rope import ALIASES, FULL, Rope

_USUAL: Final = {"rope_theta": 10_000.0, "partial_rotary_factor": 1.0}
_LOCAL_THETA: Final = 10_000.0
"""Of layers with a sliding window (Gemma 3)."""


def old_default(model_type: str, key: str) -> JsonValue:
    """What a class of transformers 4 takes where the key is absent; `None` for no scaling."""
    if key == "rope_local_base_freq":
        return _LOCAL_THETA
    for name, keys in ALIASES.items():
        if key in keys:
            part = class_defaults(4).get(model_type, {}).get("text")
            kinds = (model_type, part) if isinstance(part, str) else (model_type,)
            found = (_number(kind, alias) for kind in kinds for alias in keys)
            return next((value for value in found if value is not None), _USUAL[name])
    return None


def old_names(model_type: str) -> Mapping[str, JsonValue]:
    """The older keys that the class of transformers 4 has, in the way `as_old` takes a base's."""
    part = class_defaults(4).get(model_type, {}).get("text")
    found = config_class(part if isinstance(part, str) else model_type)
    names = [key for keys in ALIASES.values() for key in keys]
    return {key: None for key in names if found is not None and found.has(key, 4)}


def _number(model_type: str, key: str) -> float | None:
    found = config_class(model_type)
    value = found.newest(key, 4) if found is not None else None
    return value if isinstance(value, int | float) else None


def same_rope(left: Rope, right: Rope, model_type: str) -> bool:
    """Whether both mean the same; what one does not state is what the class takes by default."""
    flat, nested = (left, right) if "" in left else (right, left)
    if ("" in left) == ("" in right):
        return left.keys() == right.keys() and all(
            _same(left[name], right[name], model_type) for name in left
        )
    everywhere = flat[""]
    theta = _taken(everywhere, "rope_theta", model_type)
    return all(
        _same(everywhere, values, model_type)
        if name == FULL
        else values.get("rope_type") == "default" and values.get("rope_theta") in (theta, _LOCAL_THETA)
        for name, values in nested.items()
    )


def _same(left: JsonObject, right: JsonObject, model_type: str) -> bool:
    return all(
        same_value(_taken(left, key, model_type), _taken(right, key, model_type))
        for key in left.keys() | right.keys()
    )


def _taken(values: JsonObject, key: str, model_type: str) -> JsonValue:
    return values[key] if key in values else old_default(model_type, key)
