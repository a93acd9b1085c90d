"""Which values make a config class tiny: by what a field's name says it counts, never by the model.

Sizes that must fit each other (heads times head size is the hidden size) get numbers that do; where a class
wants others, `ATTEMPTS` has milder ways.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

__all__ = ["ATTEMPTS", "VOCABULARY", "Shrink", "layer_counts", "of_counted", "of_published"]

Shrink = Callable[[str, object], object]
"""A field's name and value in; the tiny value, or the same."""

VOCABULARY: Final = 512
_LAYERS: Final = re.compile(
    r"num_.*layers?$|.*_layers$|n_layers?$|.*num_blocks$|depth$|num_.*_blocks$|n_blocks?$|num_stages$"
)
_HEADS: Final = re.compile(r"(.*_)?(n|num)_?.*heads?$|n_head$|.*attention_heads$")
_SHARED_HEADS: Final = re.compile(r".*(key_value|kv)_heads$|n_groups?$|topk_group$")
_EXPERTS: Final = re.compile(r".*num_.*experts$|n_routed_experts$|moe_num_experts$")
_CHOSEN: Final = re.compile(r".*experts_per_tok.*|.*top_?k$|n_shared_experts$")
_HEAD_SIZE: Final = re.compile(r".*head_dim$|d_kv$|.*head_size$|qk_rope_dim$")
_RANK: Final = re.compile(r".*_rank$|.*rank_dim$")
_INNER: Final = re.compile(
    r".*intermediate_size.*|.*ffn_dim.*|d_ff$|n_inner$|.*_ff_dim$|.*mlp_dim$|.*ffn_hidden_size$"
)
_WIDTH: Final = re.compile(
    r".*hidden_size.*|d_model$|n_embd$|dim$|.*embed_dim$|.*_dim$|.*_width$|width$|.*embedding_size$|.*channels$"
)
_POSITIONS: Final = re.compile(
    r"max_position_embeddings$|n_positions$|max_.*_positions$|n_ctx$|.*max_seq_len.*|.*_length$"
)
_VOCABULARY: Final = re.compile(r"(.*_)?vocab(ulary)?_size.*|n_vocab$")


def _full(name: str, value: object) -> object:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_full_item(item) for item in value]
    if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
        return value
    for pattern, size in (
        (_VOCABULARY, VOCABULARY),
        (_SHARED_HEADS, 2),
        (_HEADS, 4),
        (_LAYERS, 2),
        (_EXPERTS, 4),
        (_CHOSEN, 2),
        (_HEAD_SIZE, 16),
        (_RANK, 16),
        (_INNER, 96),
        (_WIDTH, 64),
        (_POSITIONS, 512),
    ):
        if pattern.match(name):
            return min(value, size)
    return value


def _full_item(value: object) -> object:
    return min(value, 32) if isinstance(value, int) and not isinstance(value, bool) else value


def _filled(name: str, value: object) -> object:
    """Sizes and sorts of layers that a class leaves open and does not work out by itself."""
    open_sizes = ((_VOCABULARY, VOCABULARY), (_SHARED_HEADS, 2), (_HEAD_SIZE, 16))
    if value is None and name.endswith("layer_types"):
        return ["dense" if name.startswith("mlp") else "full_attention"] * 2
    if value is None:
        return next((size for pattern, size in open_sizes if pattern.match(name)), None)
    return _full(name, value)


def _own_heads(name: str, value: object) -> object:
    """No heads that share keys."""
    return 4 if _SHARED_HEADS.match(name) and isinstance(value, int) else _full(name, value)


def _divided(by: int, *, heads: bool = True) -> Shrink:
    """All widths divided by one number, so that what fitted still fits; ``heads``: their size too."""

    def shrink(name: str, value: object) -> object:
        if isinstance(value, Sequence) and not isinstance(value, str):
            return (
                [shrink(name, item) for item in value] if _WIDTH.match(name) or _INNER.match(name) else value
            )
        if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
            return value
        if _VOCABULARY.match(name) or _LAYERS.match(name) or _EXPERTS.match(name) or _POSITIONS.match(name):
            return _full(name, value)
        if not heads and _HEAD_SIZE.match(name):
            return value
        if _HEADS.match(name) or _INNER.match(name) or _WIDTH.match(name):
            return value // by if value % by == 0 else value
        return value

    return shrink


def _short(name: str, value: object) -> object:
    """Only fewer layers and a smaller vocabulary."""
    return (
        _full(name, value)
        if _VOCABULARY.match(name) or _LAYERS.match(name) or _EXPERTS.match(name)
        else value
    )


def _small_vocabulary(name: str, value: object) -> object:
    return _full(name, value) if _VOCABULARY.match(name) else value


ATTEMPTS: Final[Sequence[Shrink]] = (
    _full,
    _filled,
    _own_heads,
    _divided(16),
    _divided(16, heads=False),
    _divided(8),
    _divided(4),
    _divided(2),
    _short,
    _small_vocabulary,
    lambda _, value: value,
)
"""From the smallest on."""


def layer_counts(fields: Mapping[str, object], shrink: Shrink) -> dict[int, int]:
    """By a config's own count of layers, the tiny one."""
    return {
        value: small
        for name, value in fields.items()
        if _LAYERS.match(name) and isinstance(value, int) and not isinstance(value, bool)
        if isinstance(small := shrink(name, value), int) and small < value
    }


def of_counted(value: object, counts: Mapping[int, int]) -> object:
    """A list with an item for each layer, with as many items as layers are left."""
    return value[: counts.get(len(value), len(value))] if isinstance(value, list | tuple) else value


def of_published(config: Mapping[str, object]) -> dict[str, object]:
    """A published ``config.json`` with tiny sizes: one head of its own size, few layers, all of its
    vocabulary.

    Keys that the file does not have are not added.
    """
    small: dict[str, object] = {}
    heads = next((config[name] for name in config if name in {"num_attention_heads", "num_heads"}), None)
    width = next((config[name] for name in ("hidden_size", "embed_dim") if name in config), None)
    per_head = config.get("head_dim") or (
        width // heads if isinstance(width, int) and isinstance(heads, int) else 0
    )
    for name, value in config.items():
        if isinstance(value, dict):
            small[name] = of_published(value) if name.endswith("_config") else value
        elif not isinstance(value, int) or isinstance(value, bool) or _VOCABULARY.match(name):
            small[name] = value
        elif name in {"hidden_size", "embed_dim"} and per_head:
            small[name] = per_head
        elif _SHARED_HEADS.match(name) or _HEADS.match(name):
            small[name] = 1
        elif _LAYERS.match(name) or _EXPERTS.match(name) or _INNER.match(name):
            small[name] = _full(name, value)
        else:
            small[name] = value
    return small
