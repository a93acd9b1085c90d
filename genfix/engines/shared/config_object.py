"""config.json as the object transformers makes of it: keys that are absent take the default of the config's
class.

Engines that ask the object (transformers 4, vLLM, SGLang, LMDeploy) see these; transformers 5 asks the file.
The defaults are those of the table of releases, and where the real library, asked by
``dev/tools/config_defaults.py``, has others, those.
"""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from genfix.engines.shared.config_classes import config_class
from genfix.engines.shared.loaders import loaders
from genfix.json_types import JsonObject, JsonValue
from genfix.model import Model

_DATA: Final = Path(__file__).parents[1] / "data"
_TIED: Final = "tie_word_embeddings"
_BASE_TIES: Final = 4
"""The major version in which all classes have that from the one they are made of."""
NULL_IS_ABSENT: Final = frozenset(["cwm", "glm", "glm4", "phi4_multimodal"])
"""Model types whose class in transformers 5 puts its own ``eos_token_id`` in the place of null."""
FLAT: Final = frozenset(
    [
        *("glm4v", "glm4v_moe", "glm5_next", "glm_image", "glm_ocr"),
        *("ernie4_5_vl_moe", "paddleocr_vl", "qwen2_5_vl", "qwen2_vl"),
    ]
)
"""Composite types that take a config.json of one level too: all of it is the language model's part."""
OTHER_NAME: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        (
            "codegen",
            "ctrl",
            "decision_transformer",
            "gpt-sw3",
            "gpt2",
            "gpt_bigcode",
            "gptj",
            "imagegpt",
            "openai-gpt",
        ),
        "n_positions",
    ),
    "dbrx": "max_seq_len",
    "rwkv": "context_length",
}
"""Model types whose class has one number under two names: ``max_position_embeddings`` and this."""
_OTHER_LENGTHS: Final = frozenset(
    [
        *("max_seq_len", "max_seq_length", "max_sequence_length", "max_target_positions"),
        *("model_max_length", "n_positions", "original_max_position_embeddings", "seq_len", "seq_length"),
    ]
)
NESTED_PARTS: Final = ("decoder", "generator", "text_config")
"""Where transformers looks for the language model's part of a config, in this order."""


class ObjectValue(NamedTuple):
    """One attribute of the object."""

    value: JsonValue
    is_default: bool = False
    """Whether the class gave it, and no file."""


OF_OBJECT: Final = (
    *("eos_token_id", "bos_token_id", "pad_token_id"),
    *("max_position_embeddings", "tie_word_embeddings"),
)
"""The keys that engines ask the object for."""


class ClassDefaults(Mapping[str, JsonObject]):
    """By ``model_type``, what the config classes of one major version take by themselves; under ``text`` the
    type of the language model's part.
    """

    def __init__(self, major: int, failed: frozenset[str], text: JsonObject, other: JsonObject) -> None:
        self._major = major
        self._failed = failed
        self._text = text
        self._other = other
        self._known: dict[str, JsonObject] = {}

    def __getitem__(self, kind: str) -> JsonObject:
        if kind not in self:
            raise KeyError(kind)
        if kind not in self._known:
            own = self._other.get(kind)
            values = stated_defaults(kind, self._major) | (own if isinstance(own, dict) else {})
            if kind in self._text:
                values["text"] = self._text[kind]
            self._known[kind] = {key: value for key, value in values.items() if value is not None}
        return self._known[kind]

    def __contains__(self, kind: object) -> bool:
        return kind in loaders(self._major).model_types and kind not in self._failed

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(loaders(self._major).model_types - self._failed))

    def __len__(self) -> int:
        return sum(1 for _ in self)


def stated_defaults(kind: str, major: int) -> dict[str, JsonValue]:
    """What the code of ``kind``'s class states, as far as the table tells values."""
    found = config_class(kind)
    values: dict[str, JsonValue] = {}
    for key in OF_OBJECT:
        value = found.newest(key, major) if found is not None else None
        if value is not None and not (isinstance(value, dict) and "?" in value):
            values[key] = value
        elif major == _BASE_TIES and (found is None or not found.has(key, major)) and key == _TIED:
            values[key] = True
    return values


@cache
def class_defaults(major: int) -> ClassDefaults:
    """Of transformers 4 or 5."""
    document = json.loads((_DATA / f"transformers{major}.json").read_text("utf-8"))
    return ClassDefaults(major, frozenset(document["failed"]), document["text"], document["other"])


def flat_text(config: JsonObject) -> JsonObject:
    """The language model's part of a config.json of one level: of all names for a length its class
    takes one.
    """
    return {key: value for key, value in config.items() if key not in _OTHER_LENGTHS}


def is_flat(model: Model) -> bool:
    """Whether all of config.json is the language model's part, though its class has one of its own
    for that.
    """
    return model.model_type in FLAT and not isinstance(model.config.get("text_config"), dict)


def object_value(model: Model, key: str, major: int) -> ObjectValue:
    """``config.<key>`` as `GenerationConfig.from_model_config` sees it.

    The top's own value, or its class default; where that is none, those of the first part that is not empty.
    """
    top = _value(model.config, model.model_type, key, major)
    if top.value is not None:
        return top
    for name in NESTED_PARTS:
        part = model.config.get(name)
        if isinstance(part, dict) and part:
            kind = part.get("model_type") or class_defaults(major).get(model.model_type, {}).get("text")
            return _value(part, kind, key, major)
    return top


def _value(config: JsonObject, kind: JsonValue, key: str, major: int) -> ObjectValue:
    if key in config and not (config[key] is None and major > 4 and str(kind) in NULL_IS_ABSENT):
        return ObjectValue(config[key])
    default = class_defaults(major).get(kind, {}).get(key) if isinstance(kind, str) else None
    return ObjectValue(default, is_default=default is not None)
