"""Folders that differ in how long a sequence they allow: length keys, RoPE in both spellings, the tokenizer's
limit.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Final

from genfix.json_types import JsonObject, JsonValue

__all__ = ["lengths"]

_KEYS: Final = (
    "max_position_embeddings",
    "n_positions",
    "max_seq_len",
    "seq_length",
    "model_max_length",
    "max_target_positions",
    "max_sequence_length",
    "max_seq_length",
    "seq_len",
)
_HERE: Final = 5000
_ODD: Final[Mapping[str, JsonValue]] = {
    "null": None,
    "float": 4096.0,
    "fraction": 4096.5,
    "text": "4096",
    "true": True,
    "zero": 0,
    "negative": -1,
    "list": [4096],
    "huge": 10**30,
}
_ROPE: Final[Mapping[str, JsonValue]] = {
    "null": None,
    "empty": {},
    "default": {"rope_type": "default", "rope_theta": 10000.0},
    "default-factor": {"rope_type": "default", "rope_theta": 10000.0, "factor": 4.0},
    "linear": {"rope_type": "linear", "factor": 4.0, "rope_theta": 10000.0},
    "linear-old": {"type": "linear", "factor": 4.0},
    "linear-int": {"type": "linear", "factor": 4},
    "linear-fraction": {"type": "linear", "factor": 2.3},
    "linear-below-one": {"type": "linear", "factor": 0.5},
    "linear-without-factor": {"type": "linear"},
    "linear-null-factor": {"type": "linear", "factor": None},
    "linear-text-factor": {"type": "linear", "factor": "4"},
    "dynamic": {"rope_type": "dynamic", "factor": 2.0},
    "dynamic-old": {"type": "dynamic", "factor": 2.0},
    "yarn": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 1000},
    "yarn-old": {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 1000},
    "deepseek-yarn": {"type": "deepseek_yarn", "factor": 4.0},
    "llama3": {
        "rope_type": "llama3",
        "factor": 8.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 1000,
    },
    "longrope": {"rope_type": "longrope", "factor": 4.0, "short_factor": [1.0] * 8, "long_factor": [2.0] * 8},
    "longrope-original": {
        "type": "longrope",
        "short_factor": [1.0] * 8,
        "long_factor": [2.0] * 8,
        "original_max_position_embeddings": 1000,
    },
    "su": {"type": "su", "short_factor": [1.0] * 8, "long_factor": [2.0] * 8},
    "mrope": {"type": "mrope", "mrope_section": [2, 3, 3]},
    "mrope-factor": {"type": "mrope", "mrope_section": [2, 3, 3], "factor": 4.0},
    "mrope-without-section": {"type": "mrope"},
    "both-names": {"type": "linear", "rope_type": "linear", "factor": 4.0},
    "names-differ": {"type": "linear", "rope_type": "dynamic", "factor": 4.0},
    "su-and-longrope": {
        "type": "su",
        "rope_type": "longrope",
        "short_factor": [1.0] * 8,
        "long_factor": [2.0] * 8,
    },
    "factor-alone": {"factor": 4.0},
    "of-my-own": {"rope_type": "mine", "factor": 4.0},
    "nested": {
        "full_attention": {"rope_type": "linear", "factor": 4.0, "rope_theta": 10000.0},
        "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0},
    },
    "nested-with-null": {"full_attention": {"rope_type": "linear", "factor": 4.0}, "sliding_attention": None},
    "text": "linear",
    "list": [4.0],
}


def _with(config: JsonObject, part: str | None, values: JsonObject) -> bytes:
    if part is None:
        return json.dumps({**config, **values}).encode()
    inner = config.get(part)
    return json.dumps({**config, part: {**(inner if isinstance(inner, dict) else {}), **values}}).encode()


def _values() -> Iterator[tuple[str, JsonObject]]:
    yield "none", {}
    for key in _KEYS:
        yield key, {key: 3000}
        yield f"{key}-longer", {"max_position_embeddings": _HERE, key: 9000}
        yield f"{key}-shorter", {"max_position_embeddings": _HERE, key: 3000}
        yield f"{key}-null", {"max_position_embeddings": _HERE, key: None}
    yield "all", {key: 3000 + number for number, key in enumerate(_KEYS)}
    yield "seq_len-before", {"seq_len": 3000, "max_position_embeddings": _HERE}
    for name, value in _ODD.items():
        yield f"max_position_embeddings-{name}", {"max_position_embeddings": value}
        yield f"model_max_length-{name}", {"max_position_embeddings": _HERE, "model_max_length": value}
        yield f"seq_length-{name}", {"max_position_embeddings": _HERE, "seq_length": value}
    for name, rope in _ROPE.items():
        for key in ("rope_scaling", "rope_parameters"):
            yield f"{key}-{name}", {"max_position_embeddings": _HERE, key: rope}
            yield f"{key}-{name}-theta", {"max_position_embeddings": _HERE, "rope_theta": 1e6, key: rope}
    outside: JsonObject = {"max_position_embeddings": _HERE, "original_max_position_embeddings": 2000}
    for name in ("longrope", "longrope-original", "su", "yarn", "linear"):
        yield f"rope_scaling-{name}-original-outside", {**outside, "rope_scaling": _ROPE[name]}
    yield (
        "rope-both",
        {
            "max_position_embeddings": _HERE,
            "rope_scaling": _ROPE["linear"],
            "rope_parameters": _ROPE["dynamic"],
        },
    )
    yield (
        "rope-both-one-empty",
        {"max_position_embeddings": _HERE, "rope_scaling": {}, "rope_parameters": _ROPE["dynamic"]},
    )
    layers: JsonObject = {"layer_types": ["full_attention"], "max_position_embeddings": _HERE}
    for name in ("nested", "nested-with-null"):
        yield f"rope_parameters-{name}-layers", {**layers, "rope_parameters": _ROPE[name]}
    yield (
        "sliding_window",
        {"max_position_embeddings": _HERE, "sliding_window": 1000, "use_sliding_window": True},
    )
    yield "sliding_window-zero", {"max_position_embeddings": _HERE, "sliding_window": 0}


def lengths(
    config: JsonObject, tokenizer: Mapping[str, bytes], parts: tuple[str | None, ...] = (None,)
) -> Iterator[tuple[str, Mapping[str, bytes]]]:
    """Names and files of all such folders, for a config.json and the files of a tokenizer.

    ``parts``: the keys under which the config has the language model's part; `None` for the top.
    """
    for part in parts:
        where = f"{part}." if part else ""
        for name, values in _values():
            yield f"length={where}{name}", {**tokenizer, "config.json": _with(config, part, values)}
    settings: JsonObject = json.loads(tokenizer.get("tokenizer_config.json", b"{}"))
    usual = _with(config, parts[0], {"max_position_embeddings": _HERE})
    for name, limit in ({**_ODD, "shorter": 700}).items():
        changed = json.dumps({**settings, "model_max_length": limit}).encode()
        yield (f"limit={name}", {**tokenizer, "config.json": usual, "tokenizer_config.json": changed})
    for file in ("sentence_bert_config.json", "sentence_xlnet_config.json"):
        content = json.dumps({"max_seq_length": 77, "do_lower_case": False}).encode()
        yield f"limit={file}", {**tokenizer, "config.json": usual, file: content}
