"""RoPE settings with which the converter of llama.cpp makes no GGUF.

Read and run in b11312: conversion/base.py (``TextModel.__init__``, ``set_gguf_parameters``). They come of
config.json, the language model's part of it laid over the top, with what classes of transformers 4 have by
themselves; and of config.json alone where a class refuses it.
"""

from typing import Final

from genfix.engines.gguf_converter import architecture
from genfix.engines.shared.loaders import loaders
from genfix.engines.shared.rope_loading import NEW, OLD, ORIGINAL
from genfix.json_types import JsonObject, JsonValue
from genfix.model import Model

_OWN: Final = frozenset(
    [
        *("BloomForCausalLM", "BloomModel", "ChatGLMForConditionalGeneration", "ChatGLMModel"),
        *("CodeShellForCausalLM", "DbrxForCausalLM", "FalconForCausalLM", "FalconMambaForCausalLM"),
        *("GPT2LMHeadModel", "GPTBigCodeForCausalLM", "GPTNeoXForCausalLM", "GPTRefactForCausalLM"),
        *("Gemma2ForCausalLM", "GemmaForCausalLM", "GlmForCausalLM", "JAISLMHeadModel", "JambaForCausalLM"),
        *("MPTForCausalLM", "MT5ForConditionalGeneration", "Mamba2ForCausalLM", "MambaForCausalLM"),
        *("MambaLMHeadModel", "MiniCPM3ForCausalLM", "OpenELMForCausalLM", "OrionForCausalLM"),
        *("PLaMo2ForCausalLM", "Phi3ForCausalLM", "Phi4ForCausalLMV", "PhiForCausalLM", "PlamoForCausalLM"),
        *("Plamo2ForCausalLM", "RWForCausalLM", "RWKV6Qwen2ForCausalLM", "RWKV7ForCausalLM"),
        *("RwkvHybridForCausalLM", "Rwkv6ForCausalLM", "Rwkv7ForCausalLM", "StableLMEpochForCausalLM"),
        *("LlavaStableLMEpochForCausalLM", "StableLmForCausalLM", "T5EncoderModel"),
        *("T5ForConditionalGeneration", "T5WithLMHeadModel", "UMT5ForConditionalGeneration", "UMT5Model"),
    ]
)
"""Architectures whose class writes what it needs of a RoPE itself."""
_SCALED: Final = frozenset(["linear", "yarn"])
_BY_LAYER: Final = frozenset(["full_attention", "sliding_attention"])


def refused_by_converter(model: Model) -> str | None:
    """The key whose value ends the conversion; `None` where none does."""
    part: JsonValue = model.config.get("text_config")
    values: JsonObject = {**model.config, **part} if isinstance(part, dict) else model.config
    key = NEW if NEW in values else OLD
    if key == OLD and isinstance(part, dict) and model.model_type in loaders(4).model_types:
        values = part  # the class of the part has its own, if only null
    rope = values.get(key)
    if not rope:
        return None
    if not isinstance(rope, dict):
        return key
    return None if architecture(model) in _OWN or _is_written(rope, values) else key


def _is_written(rope: JsonObject, values: JsonObject) -> bool:
    full = rope.get("full_attention", rope)
    if not isinstance(full, dict) or not isinstance(rope.get("sliding_attention", {}), dict):
        return False
    older = None if rope.keys() & _BY_LAYER else full.get("type")
    kind, factor = full.get("rope_type", older), full.get("factor")
    if not isinstance(kind, str | None):
        return False
    if kind not in _SCALED or factor is None:
        return True
    original = full.get(ORIGINAL, None if rope.keys() & _BY_LAYER else values.get(ORIGINAL))
    return isinstance(factor, int | float) and (kind != "yarn" or isinstance(original, int))
