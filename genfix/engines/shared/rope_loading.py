"""RoPE settings of config.json with which no config class of transformers is made.

Read and run in transformers 5.24.0: modeling_rope_utils.py (``convert_rope_params_to_dict``,
``standardize_rope_params``, ``validate_rope``, ``_check_received_keys``), configuration_utils.py
(``__post_init__``; ``rope_scaling``, which sets ``rope_parameters``) and the config classes that have these
methods of their own; in 4.57.6: modeling_rope_utils.py (``rope_config_validation``) and those that have a
``_rope_scaling_validation``.
"""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from genfix.json_types import JsonObject, JsonValue

_DATA: Final = Path(__file__).parents[1] / "data"
OLD: Final = "rope_scaling"
NEW: Final = "rope_parameters"
ORIGINAL: Final = "original_max_position_embeddings"
LAYER_TYPES: Final = frozenset(
    [
        *("full_attention", "sliding_attention", "chunked_attention", "window_attention", "linear_attention"),
        *("indexed_attention", "compressed_sparse_attention", "heavily_compressed_attention"),
        *("minimax_m3_sparse", "sparse", "dense", "hybrid", "hybrid_sliding", "conv", "moe"),
    ]
)
"""The keys of a RoPE that is given for each type of layer."""
NEEDED: Final[Mapping[str, frozenset[str]]] = {
    "linear": frozenset(["factor"]),
    "dynamic": frozenset(["factor"]),
    "yarn": frozenset(["factor"]),
    "longrope": frozenset(["short_factor", "long_factor"]),
    "llama3": frozenset(["factor", "low_freq_factor", "high_freq_factor"]),
}
"""By type of RoPE, what it cannot do without."""
_LENGTH: Final = "max_position_embeddings"
_SIZES: Final = ("hidden_size", "num_attention_heads")
_THETA: Final = "rope_theta"
_FULL: Final = "full_attention"
_FROM_ORIGINAL: Final = frozenset(["llama3", "yarn", "longrope"])
"""Types that are scaled from a length; the class writes it into them, where it has one."""
_NEEDS_THETA: Final = frozenset(["llama3", "proportional"])
_NUMBERS: Final[Mapping[str, tuple[str, ...]]] = {
    "yarn": (ORIGINAL,),
    "llama3": (ORIGINAL, "low_freq_factor", "high_freq_factor"),
}
"""What is divided by, or compared."""


class RopeTraits(NamedTuple):
    """How a config class takes RoPE settings; as it stands, that of the class which all are made of."""

    has_field: bool = False
    """Whether it has ``rope_parameters``; others convert what they get only beside a ``rope_theta``."""
    has_length: bool = False
    """Whether it has ``max_position_embeddings`` by itself."""
    has_original: bool = False
    """Whether it has ``original_max_position_embeddings`` beside its RoPE."""
    has_sizes: bool = False
    """Whether it tells by itself how long the lists of LongRoPE are to be."""
    layers: frozenset[str] = frozenset()
    """Types of layers that it has by itself, each of which may have a RoPE."""
    way: str = ""
    """``layers``: an older spelling is laid over the RoPE of full attention; ``raw``: nothing is converted;
    ``phi``: LongRoPE alone, by any of its names. Of transformers 4: ``checked``, ``strict`` (the older name
    of its type is not taken for the new one), ``two`` and ``three`` (keys that there are to be)."""
    guarded: bool = False
    """Whether the engine passes over it where there is no length to scale from."""

    @classmethod
    def of(cls, spelled: str) -> "RopeTraits":
        """Of how data spell it: words with a bar between them, a type of layers behind ``@``."""
        words = spelled.split("|")
        return cls(
            "field" in words,
            "length" in words,
            "original" in words,
            "sizes" in words,
            frozenset(word[1:] for word in words if word.startswith("@")),
            next((word for word in words if word in WAYS | OLD_WAYS), ""),
        )


@cache
def rope_traits(kind: str, major: int) -> RopeTraits | None:
    """How the config class of a model type takes RoPE settings; `None` where that is not known.

    Data, written by ``dev/tools/rope_traits.py`` from the real libraries.
    """
    found = next((spelled for spelled, kinds in _ropes(major).items() if kind in kinds), None)
    return None if found is None else RopeTraits.of(found)


@cache
def _ropes(major: int) -> Mapping[str, Sequence[str]]:
    ropes: Mapping[str, Sequence[str]] = json.loads((_DATA / f"ropes{major}.json").read_text("utf-8"))[
        "ropes"
    ]
    return ropes


WAYS: Final = frozenset(["layers", "raw", "phi"])
OLD_WAYS: Final = frozenset(["checked", "strict", "two", "three"])


class _RefusedError(Exception):
    """The class is not made, for the value of one key."""


class _UnknownError(Exception):
    """The file alone does not say which types of layers the object has."""


def refused_rope(values: JsonObject, traits: RopeTraits) -> str | None:
    """The key for which a class of transformers 5 is not made of ``values``; `None` where it is, or where
    that cannot be told.
    """
    key = OLD if values.get(OLD) else NEW
    try:
        rope = _converted(values, traits)
        if rope:
            _check(rope, values, traits)
    except _RefusedError as refused:
        return str(refused) or key
    except _UnknownError:
        return None
    return None


def _converted(values: JsonObject, traits: RopeTraits) -> JsonValue:
    """What the object has as ``rope_parameters`` before they are checked."""
    old, new = values.get(OLD), values.get(NEW)
    if traits.has_field and not isinstance(new, dict | None):
        raise _RefusedError(NEW)
    if traits.way == "layers":
        return _standard(_over_layers(old, new), values, traits)
    if traits.has_field and traits.way != "raw":
        return _standard(old or new or {}, values, traits)
    if not traits.has_field and old and values.get(_THETA):
        converted = _standard(old, values, traits)
        return new if NEW in values else converted
    given = [key for key in values if key in {OLD, NEW}]  # the last that is set counts
    found = values[OLD if traits.has_field and OLD in values else given[-1]] if given else None
    if traits.has_field and not isinstance(found, dict | None):
        raise _RefusedError
    return found


def _over_layers(old: JsonValue, new: JsonValue) -> dict[str, JsonValue]:
    """One RoPE for each of two types of layers."""
    layers: dict[str, JsonValue] = {_FULL: {"rope_type": "default"}, "sliding_attention": None}
    if isinstance(new, dict):
        layers = dict(new)
    if old is not None:
        full = layers.get(_FULL)
        if not isinstance(full, dict) or not (isinstance(old, dict) or old in ([], "")):
            raise _RefusedError(OLD)
        layers[_FULL] = {**full, **(old if isinstance(old, dict) else {})}
    for name in (_FULL, "sliding_attention"):
        layers[name] = {"rope_type": "default"} if layers.get(name) is None else layers[name]
    return layers


def _standard(rope: JsonValue, values: JsonObject, traits: RopeTraits) -> dict[str, JsonValue]:
    """``rope`` with its type under the new name, a base frequency, and the length it is scaled from."""
    if not isinstance(rope, dict):
        raise _RefusedError
    names = _nested(rope, values, traits)
    if not names:
        return _completed(rope, values, traits, flat=True)
    done: dict[str, JsonValue] = dict(rope)
    for name in names:
        each = rope[name]
        if each is not None:
            if not isinstance(each, dict):
                raise _RefusedError
            done[name] = _completed(each, values, traits, flat=False)
    return done


def _completed(
    rope: JsonObject, values: JsonObject, traits: RopeTraits, *, flat: bool
) -> dict[str, JsonValue]:
    kind = rope.get("rope_type", rope.get("type", "default"))
    done: dict[str, JsonValue] = {_THETA: values.get(_THETA), **rope, "rope_type": kind}
    if isinstance(kind, str) and kind in _FROM_ORIGINAL:
        if flat and traits.has_original:
            done[ORIGINAL] = values.get(ORIGINAL, 1)
        elif traits.has_length:
            done.setdefault(ORIGINAL, values.get(_LENGTH, 1))
        elif not traits.guarded:
            raise _RefusedError
    if traits.way == "phi" and kind in ("su", "yarn"):
        done["rope_type"] = "longrope"
    return done


def _nested(rope: JsonObject, values: JsonObject, traits: RopeTraits) -> list[str]:
    """The types of layers under which ``rope`` has one each."""
    stated = values.get("layer_types")
    if isinstance(stated, list):
        return [name for name in rope if name in stated]
    if traits.layers and rope.keys() & LAYER_TYPES - traits.layers:
        raise _UnknownError
    return [name for name in rope if name in traits.layers]


def _check(rope: JsonValue, values: JsonObject, traits: RopeTraits) -> None:
    if not isinstance(rope, dict):
        raise _RefusedError
    names = _nested(rope, values, traits)
    for each in [rope[name] for name in names] or [rope]:
        if each is None:
            continue
        if not isinstance(each, dict) or not _is_complete(each, values, traits):
            raise _RefusedError
    kind = rope.get("rope_type", rope.get("type", "default"))
    if traits.way == "phi" and kind not in ("default", "longrope"):
        raise _RefusedError


def _is_complete(rope: JsonObject, values: JsonObject, traits: RopeTraits) -> bool:
    """Whether it has all that its type needs, and the object all that it is held against."""
    kind = rope.get("rope_type", rope.get("type", "default"))
    if not isinstance(kind, str):
        return True
    needed = NEEDED.get(kind, frozenset()) | ({ORIGINAL} if kind in _FROM_ORIGINAL else set())
    if not needed | ({_THETA} if kind in _NEEDS_THETA else set()) <= rope.keys():
        return False
    if kind == "longrope":
        lists = all(isinstance(rope[key], list | str | dict) for key in NEEDED[kind])
        return lists and (traits.has_sizes or all(key in values for key in _SIZES))
    if kind in _NUMBERS and not (traits.has_length or _LENGTH in values):
        return False
    numbers = [rope[key] for key in _NUMBERS.get(kind, ())]
    return all(isinstance(number, int | float) for number in numbers) and (kind != "yarn" or bool(numbers[0]))


def refused_old_rope(values: JsonObject, traits: RopeTraits) -> str | None:
    """As `refused_rope`, of transformers 4, whose classes look at ``rope_scaling`` alone."""
    rope = values.get(OLD)
    if rope is None or not traits.way:
        return None
    if not isinstance(rope, dict):
        return OLD
    match traits.way:
        case "two":
            taken = _is_stretched(rope)
        case "three":
            taken = _is_long(rope)
        case _:
            taken = _is_checked(rope, names_both=traits.way == "strict")
    return None if taken else OLD


def _is_checked(rope: JsonObject, *, names_both: bool) -> bool:
    """Whether it has what its type needs; most classes take the older name of that, too."""
    kind = rope.get("rope_type", rope.get("type", "default")) if names_both else _older(rope)
    if not isinstance(kind, str) or not (kind == "default" or kind in NEEDED):
        return True
    named = "rope_type" in rope or ("type" in rope and not names_both)
    if not named or not NEEDED.get(kind, frozenset()) <= rope.keys():
        return False
    if kind == "longrope":
        return all(isinstance(rope[key], list | str | dict) for key in NEEDED[kind])
    if kind == "llama3":
        return all(isinstance(rope.get(key), int | float) for key in _NUMBERS[kind])
    return kind != "yarn" or rope.get(ORIGINAL, 1) != 0


def _older(rope: JsonObject) -> JsonValue:
    return rope.get("type", rope.get("rope_type", "default"))


def _is_stretched(rope: JsonObject) -> bool:
    """Two keys, one of them a factor above one."""
    factor = rope.get("factor")
    known = len(rope) == 2 and rope.get("type") in ("linear", "dynamic")
    return known and isinstance(factor, float) and factor > 1


def _is_long(rope: JsonObject) -> bool:
    """Three keys, two of them lists of factors."""
    lists = (rope.get("short_factor"), rope.get("long_factor"))
    known = len(rope) == 3 and rope.get("type") in ("longrope", "su", "yarn")
    return known and all(
        isinstance(each, list) and all(isinstance(one, int | float) for one in each) for each in lists
    )
