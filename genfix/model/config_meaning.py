"""What config.json says, whichever version of transformers wrote it: one normaliser for all its spellings.

Versions 4 and 5 write the same facts in other places and under other names: ``torch_dtype`` and ``dtype``,
the RoPE keys, the fields of the language model at the top or under ``text_config``, one id or a list of one,
a key with null or none at all. Equal facts compare equal here; defaults of a config class are not known and
not filled in.
"""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from genfix.json_types import JsonValue, Missing
from genfix.jsontext.json_diff import Difference, child_pointer, diff_values, same_value
from genfix.model.model import Model
from genfix.model.rope import NEW_KEY, OLD_KEYS, RopePart, as_new, read_rope

_NAMES: Final = {"torch_dtype": "dtype", "image_token_index": "image_token_id"}
"""Older names of keys (transformers 4.56 and 4.52 renamed them)."""
TOKEN_IDS: Final = frozenset(["eos_token_id", "bos_token_id", "pad_token_id", "decoder_start_token_id"])
_TYPE: Final = "model_type"


class Stated(NamedTuple):
    """One fact, and where the file states it."""

    pointer: str
    value: JsonValue


def config_meaning(model: Model) -> Mapping[str, Stated]:
    """The facts of ``config.json`` by their newer names, those of the language model beside the others."""
    found: dict[str, Stated] = {}
    for pointer, key, value in _entries(model):
        name = _NAMES.get(key, key)
        if value is None or name in OLD_KEYS or name == NEW_KEY:
            continue
        if name == "sliding_window" and model.config_value("use_sliding_window") is False:
            continue  # written down and switched off
        found[name] = Stated(pointer, _ids(value) if name in TOKEN_IDS else _by_new_names(value))
    part = RopePart.of(model)
    rope = read_rope(part)
    if rope is not None:
        found[NEW_KEY] = Stated(f"{part.pointer}/{NEW_KEY}", as_new(rope))
    return found


def _entries(model: Model) -> Iterator[tuple[str, str, JsonValue]]:
    """Pointer, key and value; what the language model's part says comes last, and counts."""
    for key, value in model.config.items():
        if key != model.text_key:
            yield child_pointer("", key), key, value
    if model.text_key is not None:
        part = f"/{model.text_key}"
        for key, value in model.text_config.items():
            # the part has a type and a class of its own beside the whole's
            if key not in {_TYPE, "architectures"}:
                yield child_pointer(part, key), key, value


def _ids(value: JsonValue) -> JsonValue:
    """Ids are a set: order and repetition mean nothing, one of them needs no list."""
    if not isinstance(value, list) or not all(type(entry) is int for entry in value):
        return value
    ids = sorted({entry for entry in value if isinstance(entry, int)})
    return ids[0] if len(ids) == 1 else [*ids]


def _by_new_names(value: JsonValue) -> JsonValue:
    """An object without its nulls and older names; other values as they are."""
    if not isinstance(value, dict):
        return value
    return {_NAMES.get(key, key): _by_new_names(entry) for key, entry in value.items() if entry is not None}


def config_differences(base: Model, merged: Model) -> Iterator[Difference]:
    """Where the two say other things: the base's value left, merged's right, at the place merged has, or
    would have.
    """
    theirs, ours = config_meaning(base), config_meaning(merged)
    for name in dict.fromkeys([*theirs, *ours]):
        left, right = theirs.get(name), ours.get(name)
        if left is not None and right is not None:
            if not same_value(left.value, right.value):
                yield from diff_values(left.value, right.value, right.pointer)
        elif left is not None:
            yield Difference(left.pointer, left.value, Missing.MISSING)
        elif right is not None:
            yield Difference(right.pointer, Missing.MISSING, right.value)
