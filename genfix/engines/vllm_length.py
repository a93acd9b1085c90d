"""How long a sequence vLLM takes: ``_get_and_verify_max_len``, as far as files decide it.

Read in vLLM 0.4.0 to 0.33.0, and run in the latter with transformers 5.19.0: config/model.py
(``_get_and_verify_max_len``; config.py in older ones), transformers_utils/model_arch_config_convertor.py
(``derive_max_model_len_and_key``), transformers_utils/config.py (``patch_legacy_rope_type``).

The tokenizer's ``model_max_length`` counts for models alone that pool, and whose positions are absolute. What
changed, and in which release for the first time:

- 0.4.2: ``su`` does not stretch a length. 0.5.1: ``longrope`` does not, and 0.5.3.post1: ``llama3`` does not.
- 0.6.4: files of sentence-transformers are asked. A scaled RoPE may do without a factor.
- 0.7.0: ``max_target_positions``.
- 0.8.0: Gemma 3 is not stretched. 0.8.3: ``model_max_length`` of the config wins over the other keys.
- 0.11.1: with LongRoPE, the length before it was stretched.
- 0.30.0: YaRN does not stretch a length; it was the factor times the original one before.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from genfix.engines.shared.config_object import OTHER_NAME, class_defaults, is_flat
from genfix.engines.shared.release import Release
from genfix.engines.shared.taken_settings import failing
from genfix.engines.shared.text_part import TextPart, text_part
from genfix.engines.shared.view import Effect, Problem
from genfix.engines.shared.wording import refused_value
from genfix.engines.vllm_rope import LONG, ORIGINAL, rope_type, ropes_of, stands_outside
from genfix.folder.kinds import CONFIG
from genfix.json_types import JsonObject, JsonValue, is_finite
from genfix.message import message
from genfix.model import Model

_MAIN: Final = "max_position_embeddings"
_TOO_LONG: Final = 2**63
_KEYS: Final = (
    _MAIN,
    "n_positions",
    "max_seq_len",
    "seq_length",
    "model_max_length",
    "max_target_positions",
    "max_sequence_length",
    "max_seq_length",
    "seq_len",
)
_OTHER_NAME: Final[Mapping[str, str]] = {**OTHER_NAME, "inkling_text": "model_max_length"}
_DEFAULTS: Final[Mapping[str, Mapping[str, int]]] = {
    "chatglm": {_MAIN: 2048, "seq_length": 2048},
    "deepseek_v32": {_MAIN: 4096},
    "kimi_k2": {_MAIN: 4096},
    "kimi_linear": {_MAIN: 4096},
    "medusa": {"max_seq_len": 1048576},
    "mpt": {"max_seq_len": 2048},
    "qwen3_asr_text": {_MAIN: 128000},
    "speech_to_text": {"max_target_positions": 1024},
    "step3_text": {"max_seq_len": 65536},
    "step3p5": {"max_seq_len": 4096},
    "whisper": {"max_target_positions": 448},
}
"""What classes have besides, or in place of, the ``max_position_embeddings`` of the newest transformers."""
_SAME_DEFAULT: Final[Mapping[str, str]] = {"chatglm": "seq_length"}
"""Model types whose ``max_position_embeddings``, where it is absent, is the number under another key."""
_ORIGINAL_DEFAULTS: Final[Mapping[str, int]] = {"phi3": 4096, "phi4_multimodal": 4096}

_STRETCHED_ALREADY: Final[Mapping[str, Release]] = {
    "su": (0, 4, 2),
    "longrope": (0, 5, 1),
    "llama3": (0, 5, 3),
    "yarn": (0, 30),
    "deepseek_yarn": (0, 30),
    "deepseek_llama_scaling": (0, 30),
}
"""Types of RoPE whose factor is in the length already, each since a version of vLLM."""
_SENTENCE_FILES: Final = tuple(
    f"sentence_{name}_config.json"
    for name in ("bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet")
)
_UNKNOWN_LENGTH: Final = 2048
"""Where no key tells anything."""


class Length(NamedTuple):
    """A number of tokens, or why there is none."""

    tokens: int | None
    problems: tuple[Problem, ...] = ()


def sequence_length(model: Model, version: Release, major: int, *, pools: bool = False) -> Length:
    """The longest sequence, prompt included, with transformers 4 or 5; of a model that ``pools`` its
    vectors, what it takes.
    """
    part = text_part(model, major)
    outside = {} if part.values is model.config or is_flat(model) or major < 5 else model.config
    for key in ("rope_scaling", "rope_parameters"):
        if not stands_outside(outside, key, version):
            return _unreadable(key)
    found = dict(_lengths(part))
    if version < (0, 7):
        found.pop("max_target_positions", None)
    shortest = float("inf")
    for key, value in found.items():
        if not isinstance(value, int | float):
            return _unreadable(key)
        shortest = min(shortest, value)
    limit = found.get("model_max_length") if version >= (0, 8, 3) else None
    tokens = limit if isinstance(limit, int | float) and limit else shortest
    if pools and model.config.get("position_embedding_type") == "absolute":
        own = model.tokenizer_config.get("model_max_length")
        tokens = min(tokens, own) if isinstance(own, int | float) else tokens
    return _stretched(model, part, _UNKNOWN_LENGTH if tokens == float("inf") else tokens, version)


def _unreadable(key: str) -> Length:
    return Length(None, (refused_value(key),))


def _lengths(part: TextPart) -> Iterator[tuple[str, JsonValue]]:
    """What the config object has under each key that is not `None` there."""
    values = part.values
    defaults = _DEFAULTS.get(part.kind) or class_defaults(part.major).get(part.kind, {})
    other = _OTHER_NAME.get(part.kind)
    for key in _KEYS:
        name = key
        if other is not None and key in {_MAIN, other}:
            name = _MAIN if _MAIN in values or other not in values else other
        default = defaults.get(_MAIN if other == name else name)
        if key == _MAIN:
            default = values.get(_SAME_DEFAULT.get(part.kind, ""), default)
        value = values.get(name, default)
        if value is not None:
            yield key, value


def _stretched(model: Model, part: TextPart, length: float, version: Release) -> Length:
    ropes: Sequence[JsonObject] = ()
    for key in ("rope_scaling", "rope_parameters") if version >= (0, 12) else ("rope_scaling",):
        value = part.values.get(key)
        if value is not None and not isinstance(value, dict):
            return _unreadable(key)
        if value and not ropes:
            found = ropes_of(value, part.kind, key, version)
            if found is None:
                return _unreadable(key)
            ropes = found
    factor, length = _scaling(ropes, length, version)
    if factor is None or ("gemma3" in part.kind and version >= (0, 8)):
        factor = 1.0
    if not isinstance(factor, int | float) or not is_finite(factor):
        return _unreadable("factor")
    if not is_finite(length):
        return _unreadable(_MAIN)
    return _whole(_limited(model, part, length * factor, ropes, version))


def _scaling(ropes: Sequence[JsonObject], length: float, version: Release) -> tuple[JsonValue, float]:
    """A factor, and the length it stretches: ``length``, or the original one that a RoPE names."""
    factor: JsonValue = 1.0
    for rope in ropes:
        kind = rope_type(rope)
        since = _STRETCHED_ALREADY.get(kind)
        if since is None or version < since:
            factor = rope.get("factor", factor)
            original = rope.get(ORIGINAL)
            if kind == "yarn" and isinstance(original, int | float):
                length = original
    return factor, length


def _limited(
    model: Model, part: TextPart, length: float, ropes: Sequence[JsonObject], version: Release
) -> float:
    for file in _SENTENCE_FILES if version >= (0, 6, 4) else ():
        shorter = model.object(file).get("max_seq_length") if model.has(file) else None
        if type(shorter) is int:
            length = shorter
            break
    original = part.values.get(ORIGINAL, _ORIGINAL_DEFAULTS.get(part.kind))
    if version >= (0, 11, 1) and LONG & {*map(rope_type, ropes)} and isinstance(original, int | float):
        return original
    return length


def _whole(length: float) -> Length:
    if length < 1 or not is_finite(length):
        return _unreadable(_MAIN)
    tokens = int(length)
    too_short = Problem(
        message("engine-fails-on-length", "{tokens} tokens leave no room for an answer", tokens=1),
        Effect.NO_ANSWER,
    )
    # The number of tokens to write goes to the engine core in 64 bits.
    too_long = failing([_MAIN] if tokens >= _TOO_LONG else [], CONFIG)
    return Length(tokens, (too_short,) if tokens == 1 else too_long)
