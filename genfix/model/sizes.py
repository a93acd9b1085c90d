"""The sizes of a language model by one name each, whatever its family calls them in ``config.json``."""

from collections.abc import Mapping
from typing import Final

from genfix.model.model import Model

KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "hidden": ("hidden_size", "n_embd", "d_model"),
    "layers": ("num_hidden_layers", "num_layers", "n_layer", "n_layers"),
    "heads": ("num_attention_heads", "n_head", "n_heads"),
    "kv_heads": ("num_key_value_heads", "multi_query_group_num"),
    "ffn": ("intermediate_size", "ffn_hidden_size", "n_inner"),
    "experts": ("num_experts", "n_routed_experts", "num_local_experts"),
    "expert_ffn": ("moe_intermediate_size",),
    "head_dim": ("head_dim", "kv_channels"),
    "vocab": ("vocab_size", "padded_vocab_size"),
}
"""Spellings in the configs of transformers 5.24 and of models with code of their own."""
CONTEXT: Final = ("max_position_embeddings", "seq_length", "n_positions", "max_sequence_length")
_ENOUGH: Final = 3


def sizes(model: Model) -> Mapping[str, int]:
    """The sizes that ``config.json`` states."""
    found: dict[str, int] = {}
    for name, keys in KEYS.items():
        value = first_number(model, keys)
        if value is not None:
            found[name] = value
    return found


def context_length(model: Model) -> int | None:
    """For how many tokens ``config.json`` says that the model is made."""
    return first_number(model, CONTEXT)


def agree(ours: Mapping[str, int], theirs: Mapping[str, int], *, but: str = "") -> bool:
    """Whether all sizes that both state are equal, and there are enough of them; ``but`` one."""
    both = (ours.keys() & theirs.keys()) - {but}
    return len(both) >= _ENOUGH and all(ours[name] == theirs[name] for name in both)


def first_number(model: Model, keys: tuple[str, ...]) -> int | None:
    """What ``config.json`` has under the first of ``keys`` that is a whole number there."""
    values = (model.config_value(key) for key in keys)
    return next((value for value in values if type(value) is int), None)
