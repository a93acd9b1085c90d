"""The JSON files of a folder as mistral.rs reads them: into structs, whose types serde holds.

Read in mistral.rs at 9e922623f: mistralrs-core/src/pipeline/chat_template.rs (``GenerationConfig``).
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from genfix.engines.shared.serde_types import (
    Kind,
    is_count,
    is_flag,
    is_id,
    is_number,
    refused_in_tokenizer,
    refused_key,
    repeated_key,
)
from genfix.folder.kinds import TOKENIZER_CONFIG
from genfix.json_types import JsonObject, JsonValue
from genfix.jsontext.json_read import JsonProblem, JsonProblemKind
from genfix.model import Model
from genfix.model.tokenizer import token_text


def _is_id_or_ids(value: JsonValue) -> bool:
    return is_id(value) or (isinstance(value, list) and all(map(is_id, value)))


_GENERATION: Final[Mapping[str, Kind]] = {
    **dict.fromkeys(("bos_token_id", "eos_token_id"), _is_id_or_ids),
    "do_sample": is_flag,
    **dict.fromkeys(("temperature", "top_p", "min_p", "repetition_penalty"), is_number),
    **dict.fromkeys(("top_k", "max_new_tokens", "max_length"), is_count),
    "suppress_tokens": lambda value: isinstance(value, list) and all(map(is_id, value)),
}
_FILLED: Final = ("bos_token_id", "eos_token_id", "do_sample", "temperature", "top_k", "top_p", "min_p")
"""What the language model's part of config.json adds where its top says nothing."""


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
    name = model.generation_config.name
    return refused_key(values, _GENERATION) is None and repeated_key(model, name, _GENERATION) is None


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
