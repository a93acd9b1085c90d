"""What an adapter's config says of the merge: scales, kinds of change, and what nobody can tell from it.

Sources: peft 0.21.2 (tuners/lora/config.py, layer.py, model.py, utils/other.py), mlx-lm 0.30
(tuner/lora.py, tuner/utils.py).
"""

import math
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final, Literal, NamedTuple

from genfix.json_types import JsonObject, JsonValue
from genfix.message import Message, message

CONFIG: Final = "adapter_config.json"

_READ: Final = frozenset(
    [
        *("peft_type", "r", "lora_alpha", "use_rslora", "rank_pattern", "alpha_pattern", "fan_in_fan_out"),
        *("use_dora", "init_lora_weights", "layer_replication", "target_parameters"),
        *("trainable_token_indices", "modules_to_save", "bias", "lora_bias"),
    ]
)
"""Keys that are asked for here, or that tensors in the adapter's file answer."""
_NO_MATTER: Final = frozenset(
    [
        *("auto_mapping", "base_model_name_or_path", "revision", "task_type", "inference_mode"),
        *("peft_version", "target_modules", "exclude_modules", "layers_to_transform", "layers_pattern"),
        *("lora_dropout", "megatron_config", "megatron_core", "loftq_config", "eva_config", "corda_config"),
        *("lora_ga_config", "runtime_config", "qalora_group_size"),
        *("library_name", "unsloth_fixed", "lora_dtype", "lorap_lr_ratio", "lorap_emb_lr"),
    ]
)
"""Keys that change no merged number: where and how it was trained, or settings of an option of its own."""
_CHANGES_THE_BASE: Final = ("pissa", "olora", "corda", "loftq", "lora_ga")
"""Beginnings of ``init_lora_weights`` that take the first update out of the base's weights."""
_LONGEST_PATTERN: Final = 300
_NESTED: Final = re.compile(r"\)[*+{]|\\[1-9]|\(\?")
_REPEATS: Final = re.compile(r"[*+{]")


class Recipe(NamedTuple):
    """How an adapter is merged."""

    tool: Literal["peft", "mlx"] = "peft"
    rank: int = 8
    alpha: float = 8
    ranks: Mapping[str, int] = {}
    """By regular expressions on the ends of module names, the first that fits."""
    alphas: Mapping[str, float] = {}
    is_rslora: bool = False
    is_transposed: bool = False
    """Whether the model keeps its matrices as (in, out): GPT-2."""
    is_dora: bool = False
    parameters: tuple[str, ...] = ()
    """Names of single parameters that have an update: ``mlp.experts.gate_up_proj``."""
    tokens: Mapping[str, tuple[int, ...]] = {}
    """By the ends of embeddings' names, the rows that were trained alone."""
    replication: tuple[tuple[int, int], ...] = ()
    """Ranges of the base's layers that are stacked: its own layers are numbered anew."""
    changed_base: str | None = None
    """The initialisation that took the first update out of the base, so that the difference is another."""
    refusal: Message | None = None
    """Why nothing can be concluded from the adapter."""

    def rank_of(self, module: str) -> int:
        """The rank of a module's update."""
        return self.ranks.get(_first_fit(self.ranks, module), self.rank)

    def scale_of(self, module: str) -> float:
        """By what the product of a module's two matrices is multiplied."""
        if self.tool == "mlx":
            return self.alpha
        rank = self.rank_of(module)
        alpha = self.alphas.get(_first_fit(self.alphas, module), self.alpha)
        return alpha / math.sqrt(rank) if self.is_rslora else alpha / rank

    def base_layer(self, layer: int) -> int | None:
        """Which of the base's layers a layer was made from; `None` where it has none."""
        if not self.replication:
            return layer
        layers = [number for start, end in self.replication for number in range(start, end)]
        return layers[layer] if layer < len(layers) else None


def _first_fit(patterns: Mapping[str, object], module: str) -> str:
    """The pattern that PEFT takes (``get_pattern_key``); the name itself where none fits."""
    return next((pattern for pattern in patterns if _compiled(pattern).match(module)), module)


@lru_cache(4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(.*\.)?({pattern})$")


def _is_usable(pattern: str) -> bool:
    """Whether a pattern from a stranger's file is a regular expression that cannot run for ever."""
    if len(pattern) > _LONGEST_PATTERN or _NESTED.search(pattern) or len(_REPEATS.findall(pattern)) > 4:
        return False
    try:
        _compiled(pattern)
    except (re.error, RecursionError, OverflowError):
        return False
    return True


def read_recipe(config: JsonObject) -> Recipe:
    """What ``adapter_config.json`` says; with a refusal where it says what is not known here."""
    if "fine_tune_type" in config or "lora_parameters" in config:
        return _mlx(config)
    kind = config.get("peft_type")
    if kind != "LORA":
        return Recipe(refusal=_other_kind(kind))
    rank, alpha = config.get("r", 8), config.get("lora_alpha", 8)
    if type(rank) is not int or rank <= 0 or not _is_number(alpha):
        return Recipe(refusal=_unusable("r" if type(rank) is not int or rank <= 0 else "lora_alpha"))
    unknown = sorted(
        key for key, value in config.items() if key not in _READ | _NO_MATTER and not _is_off(value)
    )
    if unknown:
        return Recipe(refusal=_unknown(unknown))
    for key in ("rank_pattern", "alpha_pattern"):
        if not all(_is_usable(pattern) for pattern, _ in _mapping(config, key)):
            return Recipe(refusal=_unusable(key))
    replication = config.get("layer_replication")
    ranges = _ranges(replication)
    if replication and not ranges:
        return Recipe(refusal=_unusable("layer_replication"))
    start = config.get("init_lora_weights")
    name = start.lower() if isinstance(start, str) else ""
    return Recipe(
        rank=rank,
        alpha=float(alpha) if isinstance(alpha, int | float) else 8,
        ranks={key: value for key, value in _mapping(config, "rank_pattern") if type(value) is int and value},
        alphas={
            key: float(value)
            for key, value in _mapping(config, "alpha_pattern")
            if isinstance(value, int | float)
        },
        is_rslora=config.get("use_rslora") is True,
        is_transposed=config.get("fan_in_fan_out") is True,
        is_dora=config.get("use_dora") is True,
        parameters=_words(config.get("target_parameters")),
        tokens=_tokens(config.get("trainable_token_indices")),
        replication=ranges,
        changed_base=name if name.startswith(_CHANGES_THE_BASE) else None,
    )


def _mlx(config: JsonObject) -> Recipe:
    """mlx-lm's own form: one scale for all, multiplied as it stands."""
    kind, given = config.get("fine_tune_type", "lora"), config.get("lora_parameters")
    parameters = given if isinstance(given, dict) else {}
    rank, scale = parameters.get("rank"), parameters.get("scale")
    if kind not in ("lora", "dora"):
        return Recipe("mlx", refusal=_other_kind(kind))
    if type(rank) is not int or rank <= 0 or not isinstance(scale, int | float):
        return Recipe("mlx", refusal=_unusable("lora_parameters"))
    return Recipe("mlx", rank=rank, alpha=float(scale), is_dora=kind == "dora")


def _other_kind(kind: JsonValue) -> Message:
    return message(
        "other-adapter-kind", "the adapter is of the kind {kind!r}, which is merged in another way", kind=kind
    )


def _unusable(key: str) -> Message:
    return message("adapter-key-unusable", "the adapter's config has no usable {key}", key=key)


def _unknown(keys: list[str]) -> Message:
    return message(
        "adapter-keys-unknown",
        "the adapter's config has settings that genfix does not know: {keys}",
        keys=[*keys],
    )


def _is_off(value: JsonValue) -> bool:
    return value is None or value is False or value in ([], {}, "")


def _is_number(value: JsonValue) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _mapping(config: JsonObject, key: str) -> list[tuple[str, JsonValue]]:
    value = config.get(key)
    return [*value.items()] if isinstance(value, dict) else []


def _words(value: JsonValue) -> tuple[str, ...]:
    return tuple(word for word in value if isinstance(word, str)) if isinstance(value, list) else ()


def _ranges(value: JsonValue) -> tuple[tuple[int, int], ...]:
    found: list[tuple[int, int]] = []
    for pair in value if isinstance(value, list) else []:
        if not isinstance(pair, list) or len(pair) != 2:
            return ()
        start, end = pair
        if type(start) is not int or type(end) is not int or not 0 <= start < end <= 10_000:
            return ()
        found.append((start, end))
    return tuple(found)


def _tokens(value: JsonValue) -> Mapping[str, tuple[int, ...]]:
    """A list is of the input embedding, whatever that is called."""
    named = value if isinstance(value, dict) else {"": value}
    return {
        name: tuple(number for number in numbers if type(number) is int)
        for name, numbers in named.items()
        if isinstance(numbers, list)
    }
