"""config.json as the object transformers makes of it: keys that are absent take the default of the config's
class.

Engines that ask the object (transformers 4, vLLM, SGLang, LMDeploy) see these; transformers 5 asks the file.
The defaults are data, written by ``dev/tools/config_defaults.py`` from the real library.
"""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from genfix.json_types import JsonObject, JsonValue
from genfix.model import Model

_DATA: Final = Path(__file__).parents[1] / "data"
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


@cache
def class_defaults(major: int) -> Mapping[str, JsonObject]:
    """By ``model_type``, what the config classes of transformers 4 or 5 take by themselves."""
    text = (_DATA / f"transformers{major}.json").read_text("utf-8")
    document: dict[str, dict[str, JsonObject]] = json.loads(text)
    return document["defaults"]


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
