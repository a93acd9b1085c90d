"""Small models with every tensor that their class needs, in the shapes that it has."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from tests.support.folders import Files, chatml_files, with_json
from tests.support.weight_files import SINGLE, weight_file

Tensors: TypeAlias = Mapping[str, tuple[int, ...]]

ROWS, HIDDEN, INNER, KEYS, EXPERTS = 1024, 64, 96, 32, 4


def whole(layers: int = 2, *, experts: int = 0) -> dict[str, tuple[int, ...]]:
    """The tensors of Qwen3, or of Qwen3-MoE with one tensor an expert."""
    tensors: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (ROWS, HIDDEN)}
    for layer in range(layers):
        at = f"model.layers.{layer}."
        tensors |= {f"{at}self_attn.{name}_proj.weight": (KEYS, HIDDEN) for name in "kv"}
        tensors |= {f"{at}self_attn.{name}_norm.weight": (16,) for name in "qk"}
        tensors[f"{at}self_attn.q_proj.weight"] = (HIDDEN, HIDDEN)
        tensors[f"{at}self_attn.o_proj.weight"] = (HIDDEN, HIDDEN)
        tensors |= {f"{at}{name}_layernorm.weight": (HIDDEN,) for name in ("input", "post_attention")}
        places = [f"{at}mlp.experts.{expert}." for expert in range(experts)] or [f"{at}mlp."]
        for place in places:
            tensors |= {f"{place}{name}_proj.weight": (INNER, HIDDEN) for name in ("gate", "up")}
            tensors[f"{place}down_proj.weight"] = (HIDDEN, INNER)
        if experts:
            tensors[f"{at}mlp.gate.weight"] = (experts, HIDDEN)
    return tensors | {"model.norm.weight": (HIDDEN,), "lm_head.weight": (ROWS, HIDDEN)}


def stacked() -> dict[str, tuple[int, ...]]:
    """The same with all experts of a layer in one tensor, as transformers 5 has them in memory."""
    single = {name: shape for name, shape in whole(experts=EXPERTS).items() if ".experts." not in name}
    for layer in range(2):
        at = f"model.layers.{layer}.mlp.experts."
        single[f"{at}gate_up_proj"] = (EXPERTS, 2 * INNER, HIDDEN)
        single[f"{at}down_proj"] = (EXPERTS, HIDDEN, INNER)
    return single


def lost(tensors: Tensors, end: str) -> dict[str, tuple[int, ...]]:
    """The tensors without those whose names end so."""
    return {name: shape for name, shape in tensors.items() if not name.endswith(end)}


_CONFIG = with_json(
    chatml_files(),
    "config.json",
    architectures=["Qwen3ForCausalLM"],
    model_type="qwen3",
    num_hidden_layers=2,
    intermediate_size=INNER,
    num_attention_heads=4,
    num_key_value_heads=2,
    head_dim=16,
    tie_word_embeddings=False,
)
WHOLE: Files = _CONFIG | {SINGLE: weight_file(whole())}
MIXED: Files = with_json(
    _CONFIG,
    "config.json",
    architectures=["Qwen3MoeForCausalLM"],
    model_type="qwen3_moe",
    num_experts=EXPERTS,
    num_experts_per_tok=2,
    moe_intermediate_size=INNER,
) | {SINGLE: weight_file(whole(experts=EXPERTS))}
OWN_CODE: Files = with_json(
    WHOLE,
    "config.json",
    architectures=["OwnForCausalLM"],
    model_type="own",
    auto_map={"AutoModelForCausalLM": "modeling_own.OwnForCausalLM"},
) | {"modeling_own.py": b"class OwnForCausalLM: ...\n"}


def whole_but(change: Callable[[Tensors], Tensors]) -> Files:
    """The whole Qwen3 with other tensors."""
    return _CONFIG | {SINGLE: weight_file(change(whole()))}
