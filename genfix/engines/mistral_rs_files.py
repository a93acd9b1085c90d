"""The JSON files of a folder as mistral.rs reads them: into structs, whose types serde holds.

Read in mistral.rs at 9e922623f: mistralrs-core/src/pipeline/chat_template.rs (``GenerationConfig``,
``ChatTemplate``, ``AddedTokensDecoder``).
"""

import json
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from genfix.folder.folder import FolderFileError
from genfix.folder.kinds import TOKENIZER_CONFIG
from genfix.json_types import JsonObject, JsonValue, is_finite
from genfix.jsontext.json_read import JsonProblem, JsonProblemKind
from genfix.model import Model
from genfix.model.tokenizer import token_text

_U32: Final = 2**32


def _is_text(value: JsonValue) -> bool:
    return isinstance(value, str)


def _is_flag(value: JsonValue) -> bool:
    return isinstance(value, bool)


def _is_number(value: JsonValue) -> bool:
    # NaN and infinity, which only Python writes, are no JSON to serde.
    return isinstance(value, int | float) and not isinstance(value, bool) and is_finite(value)


def _is_count(value: JsonValue) -> bool:
    return type(value) is int and value >= 0


def _is_id(value: JsonValue) -> bool:
    return type(value) is int and 0 <= value < _U32


def _is_id_or_ids(value: JsonValue) -> bool:
    return _is_id(value) or (isinstance(value, list) and all(map(_is_id, value)))


def _is_added_token(value: JsonValue) -> bool:
    if not isinstance(value, dict) or not _is_text(value.get("content")):
        return False
    flags = ("lstrip", "normalized", "rstrip", "single_word")
    return all(_is_flag(value.get(key)) for key in flags) and isinstance(value.get("special"), bool | None)


def _is_token(value: JsonValue) -> bool:
    return _is_text(value) or _is_added_token(value)


def _has_added_tokens(value: JsonValue) -> bool:
    return isinstance(value, dict) and all(map(_is_added_token, value.values()))


def _is_list_of_texts(value: JsonValue) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


def _has_texts(value: JsonValue) -> bool:
    return isinstance(value, dict) and all(map(_is_text, value.values()))


def _is_template(value: JsonValue) -> bool:
    return _is_text(value) or (isinstance(value, list) and all(map(_has_texts, value)))


_GENERATION: Final[Mapping[str, Callable[[JsonValue], bool]]] = {
    **dict.fromkeys(("bos_token_id", "eos_token_id"), _is_id_or_ids),
    "do_sample": _is_flag,
    **dict.fromkeys(("temperature", "top_p", "min_p", "repetition_penalty"), _is_number),
    **dict.fromkeys(("top_k", "max_new_tokens", "max_length"), _is_count),
    "suppress_tokens": lambda value: isinstance(value, list) and all(map(_is_id, value)),
}
_TOKENIZER: Final[Mapping[str, Callable[[JsonValue], bool]]] = {
    **dict.fromkeys(("add_bos_token", "add_eos_token", "clean_up_tokenization_spaces", "legacy"), _is_flag),
    **dict.fromkeys(("spaces_between_special_tokens", "use_default_system_prompt"), _is_flag),
    **dict.fromkeys(("device_map", "tokenizer_class", "truncation_size"), _is_text),
    **dict.fromkeys(("bos_token", "eos_token", "pad_token", "unk_token"), _is_token),
    "added_tokens_decoder": _has_added_tokens,
    "additional_special_tokens": _is_list_of_texts,
    "chat_template": _is_template,
    "model_max_length": _is_number,
    "sp_model_kwargs": _has_texts,
}
_FILLED: Final = ("bos_token_id", "eos_token_id", "do_sample", "temperature", "top_k", "top_p", "min_p")
"""What the language model's part of config.json adds where its top says nothing."""


def refused_key(values: JsonObject, kinds: Mapping[str, Callable[[JsonValue], bool]]) -> str | None:
    """The first key with a value of another type; null is as good as absent."""
    return next(
        (key for key, fits in kinds.items() if values.get(key) is not None and not fits(values[key])), None
    )


def refused_in_tokenizer(model: Model) -> str | None:
    """The key of tokenizer_config.json for which it is not taken."""
    return refused_key(model.tokenizer_config, _TOKENIZER)


class Generation(NamedTuple):
    """The generation config: of its own file, or of config.json where that cannot be read."""

    values: JsonObject
    is_own: bool


def generation(model: Model) -> Generation:
    """A file with one value of another type, or a key that is there twice, counts as none at all."""
    file = model.generation_config
    empty = file.unreadable and _is_empty_list(model)
    if empty or (file.value is not None and _is_taken(model, file.value)):
        return Generation(file.value or {}, is_own=True)
    config = model.config
    if refused_key(config, _GENERATION) is not None:
        return Generation({}, is_own=False)
    part = config.get("text_config")
    nested = part if isinstance(part, dict) and refused_key(part, _GENERATION) is None else {}
    keys = (*_FILLED, "repetition_penalty")
    found = {key: config[key] if config.get(key) is not None else nested.get(key) for key in keys}
    return Generation({key: value for key, value in found.items() if value is not None}, is_own=False)


def _is_taken(model: Model, values: JsonObject) -> bool:
    if refused_key(values, _GENERATION) is not None:
        return False
    pairs = _pairs(model, model.generation_config.name)
    return all(pairs.count(key) < 2 for key in _GENERATION)


def _pairs(model: Model, name: str) -> list[str]:
    """Keys of the outermost object, as often as they stand there."""
    keys: list[str] = []

    def seen(pairs: list[tuple[str, JsonValue]]) -> JsonValue:
        keys[:] = [key for key, _ in pairs]  # the outermost object is the last to be complete
        return dict(pairs)

    try:
        json.loads(model.folder.read(name), object_pairs_hook=seen)
    except (FolderFileError, ValueError, RecursionError):
        return []
    return keys


def _is_empty_list(model: Model) -> bool:
    """An empty list is a struct of which nothing is given."""
    problem = model.generation_config.problem
    if not isinstance(problem, JsonProblem) or problem.kind is not JsonProblemKind.NOT_AN_OBJECT:
        return False
    return model.folder.read(model.generation_config.name).strip() == b"[]"


def named_eos(model: Model, *, beside_jinja: bool) -> str | None:
    """The EOS text of tokenizer_config.json; ``<eos>`` beside a template file where that cannot be read."""
    if model.json(TOKENIZER_CONFIG).value is not None and refused_in_tokenizer(model) is None:
        return token_text(model.tokenizer_config.get("eos_token"))
    if not beside_jinja:
        return None
    entries = model.tokenizer_head.get("added_tokens")
    special = (one for one in entries if isinstance(one, dict)) if isinstance(entries, list) else iter(())
    return "<eos>" if any(one.get("content") == "<eos>" and one.get("special") for one in special) else None
