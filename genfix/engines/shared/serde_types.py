"""Types to which serde holds the values of a JSON file that an engine in Rust reads into a struct: one value
of another type, and the file is not taken.

Read in mistral.rs at 9e922623f: mistralrs-core/src/pipeline/chat_template.rs (``ChatTemplate``,
``AddedTokensDecoder``); Dynamo's renderer (tokcfg.rs) has these structs from there.
"""

import json
from collections.abc import Callable, Container, Mapping
from typing import Final

from genfix.folder.folder import FolderFileError
from genfix.json_types import JsonObject, JsonValue, all_finite, is_finite
from genfix.model import JsonFile, Model

_U32: Final = 2**32

Kind = Callable[[JsonValue], bool]
"""Whether a value is of the type."""


def is_text(value: JsonValue) -> bool:
    """A ``String``."""
    return isinstance(value, str)


def is_flag(value: JsonValue) -> bool:
    """A ``bool``."""
    return isinstance(value, bool)


def is_number(value: JsonValue) -> bool:
    """An ``f64``; NaN and infinity, which only Python writes, are no JSON to serde."""
    return isinstance(value, int | float) and not isinstance(value, bool) and is_finite(value)


def is_count(value: JsonValue) -> bool:
    """A ``usize``."""
    return type(value) is int and value >= 0


def is_id(value: JsonValue) -> bool:
    """A ``u32``."""
    return type(value) is int and 0 <= value < _U32


def has_texts(value: JsonValue) -> bool:
    """A map of texts."""
    return isinstance(value, dict) and all(map(is_text, value.values()))


def is_template(value: JsonValue) -> bool:
    """One template, or a list of maps with some."""
    return is_text(value) or (isinstance(value, list) and all(map(has_texts, value)))


def _is_added_token(value: JsonValue) -> bool:
    if not isinstance(value, dict) or not is_text(value.get("content")):
        return False
    flags = ("lstrip", "normalized", "rstrip", "single_word")
    return all(is_flag(value.get(key)) for key in flags) and isinstance(value.get("special"), bool | None)


def _is_token(value: JsonValue) -> bool:
    return is_text(value) or _is_added_token(value)


def _has_added_tokens(value: JsonValue) -> bool:
    return isinstance(value, dict) and all(map(_is_added_token, value.values()))


def _is_list_of_texts(value: JsonValue) -> bool:
    return isinstance(value, list) and all(map(is_text, value))


TOKENIZER: Final[Mapping[str, Kind]] = {
    **dict.fromkeys(("add_bos_token", "add_eos_token", "clean_up_tokenization_spaces", "legacy"), is_flag),
    **dict.fromkeys(("spaces_between_special_tokens", "use_default_system_prompt"), is_flag),
    **dict.fromkeys(("device_map", "tokenizer_class", "truncation_size"), is_text),
    **dict.fromkeys(("bos_token", "eos_token", "pad_token", "unk_token"), _is_token),
    "added_tokens_decoder": _has_added_tokens,
    "additional_special_tokens": _is_list_of_texts,
    "chat_template": is_template,
    "model_max_length": is_number,
    "sp_model_kwargs": has_texts,
}
"""What tokenizer_config.json may have."""


def refused_key(values: JsonObject, kinds: Mapping[str, Kind]) -> str | None:
    """The first key with a value of another type; null is as good as absent."""
    return next(
        (key for key, fits in kinds.items() if values.get(key) is not None and not fits(values[key])), None
    )


def refused_in_tokenizer(model: Model) -> str | None:
    """The key of tokenizer_config.json for which it is not taken."""
    return refused_key(model.tokenizer_config, TOKENIZER)


def repeated_key(model: Model, name: str, kinds: Container[str]) -> str | None:
    """The first key of a struct that stands twice in the outermost object of a file."""
    seen: set[str] = set()
    if model.json(name).problem is None:
        return None
    for key in _keys(model, name):
        if key in seen and key in kinds:
            return key
        seen.add(key)
    return None


def _keys(model: Model, name: str) -> list[str]:
    """Of the outermost object, as often as they stand there."""
    keys: list[str] = []

    def seen(pairs: list[tuple[str, JsonValue]]) -> JsonValue:
        keys[:] = [key for key, _ in pairs]  # the outermost object is the last to be complete
        return dict(pairs)

    try:
        json.loads(model.folder.read(name), object_pairs_hook=seen)
    except (FolderFileError, ValueError, RecursionError):
        return []
    return keys


def taken(file: JsonFile) -> JsonObject | None:
    """The object of a file in which no number is NaN or infinite: Python takes these, and serde does not."""
    values = file.value
    return values if values is not None and all_finite(values) else None
