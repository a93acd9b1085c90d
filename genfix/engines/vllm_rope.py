"""RoPE as vLLM reads it from config.json: which parameters it takes, and for which it does not start.

Read in vLLM 0.4.0 to 0.33.0 with the transformers each of them allows: transformers_utils/config.py
(``patch_legacy_rope_type``), and in transformers 5.19.0 modeling_rope_utils.py and the config classes that
check their own.
"""

from typing import Final

from genfix.engines.shared.config_object import class_defaults
from genfix.engines.shared.release import Release
from genfix.engines.shared.rope_loading import LAYER_TYPES, NEEDED
from genfix.json_types import JsonObject

ORIGINAL: Final = "original_max_position_embeddings"
LONG: Final = frozenset(["longrope", "su"])
# fmt: off
_LAYERED: Final = frozenset([
    "afmoe", "axk2", "bamba", "bit", "cohere2", "cohere2_moe", "cohere_compass_text", "cwm",
    "deepseek_v32", "deepseek_v4", "diffusion_gemma_text", "dots1", "embedding_gemma2_text", "exaone4",
    "exaone_moe", "falcon_h1", "falcon_mamba", "gemma2", "gemma3_text", "gemma3n_text", "gemma4_text",
    "gemma4_unified_text", "glm5_next_text", "glm_moe_dsa", "gpt_oss", "granite_swa", "granitemoe_swa",
    "granitemoehybrid", "hy_v4", "inkling_text", "jamba", "kimi_linear", "laguna", "lfm2",
    "llama4_text", "mamba", "mamba2", "mellum", "mimo_v2_flash", "minimax", "minimax_m3_vl_text",
    "ministral", "modernbert", "modernbert-decoder", "muse_glimmer_assistant", "muse_glimmer_text",
    "nemotron_h", "neomme", "olmo3", "olmo_hybrid", "qwen2", "qwen2_5_omni_talker", "qwen2_5_omni_text",
    "qwen2_5_vl_text", "qwen2_moe", "qwen2_vl_text", "qwen3", "qwen3_5_moe_text", "qwen3_5_text",
    "qwen3_next", "qwen3_omni_moe_talker_code_predictor", "qwen4_exp_text", "smollm3", "step3p5",
    "t5gemma2_decoder", "t5gemma2_text", "vaultgemma", "zamba", "zamba2", "zaya",
])
# fmt: on
"""Model types whose class knows types of layers, so that each may have a RoPE of its own."""


def ropes_of(value: JsonObject, kind: str, key: str, version: Release) -> list[JsonObject] | None:
    """The sets of parameters under ``key``, one or one for each type of layer; `None` where one is
    refused.
    """
    if kind == "gemma3_text" and key == "rope_parameters" and not value.keys() & LAYER_TYPES:
        # It stands beside what its class writes for each type of layer, and its name alone is looked at.
        return [] if _has_one_name(value, kind) else None
    found = _ropes(value, nests=kind in _LAYERED or kind not in class_defaults(5))
    if kind in _SECTIONED and found != [value]:
        return None  # its class writes a base frequency beside them
    if not all(_is_readable(rope, kind, version) for rope in found):
        return None
    if (kind, key) == ("gemma3_text", "rope_scaling") and not _fits_a_default(value):
        return None
    return found


def _ropes(value: JsonObject, *, nests: bool) -> list[JsonObject]:
    """One set of parameters, or one for each type of layer."""
    if nests and value.keys() <= LAYER_TYPES:
        return [rope for rope in value.values() if isinstance(rope, dict)]
    return [value]


def rope_type(rope: JsonObject) -> str:
    """The type under either of its names."""
    return str(rope.get("rope_type", rope.get("type", "default")))


_SECTIONED: Final = frozenset(["qwen2_5_vl_text", "qwen2_vl_text"])
"""Model types whose class makes ``default`` of ``mrope``."""
_NEEDLESS: Final = frozenset([*LONG, "llama3", "mrope"])
_NEEDED: Final = {**NEEDED, "su": NEEDED["longrope"]}


def _is_readable(rope: JsonObject, part: str, version: Release) -> bool:
    if part in _PHI and not _is_phi(rope):
        return False
    kind = rope_type(rope)
    if not _has_one_name(rope, part):
        return False
    if _is_named_twice(rope) or kind == "mrope":
        return True
    if version < (0, 6, 4) and "factor" not in rope and kind not in _NEEDLESS:
        return False
    return _NEEDED.get(kind, frozenset()) <= rope.keys()


def _has_one_name(rope: JsonObject, part: str) -> bool:
    """Its older name says what the newer one does, and says of sections where it promises them."""
    kind, old = rope.get("rope_type"), rope.get("type")
    if _is_named_twice(rope):
        return (str(old), str(kind)) in {("su", "longrope"), ("mrope", "default")}
    return "mrope" not in (kind, old) or part in _SECTIONED or "mrope_section" in rope


def _is_named_twice(rope: JsonObject) -> bool:
    kind, old = rope.get("rope_type"), rope.get("type")
    return kind is not None and old is not None and kind != old


_PHI: Final = frozenset(["phi3", "phi4_multimodal"])


def _is_phi(rope: JsonObject) -> bool:
    """Its class knows LongRoPE alone; by its older names only with the length that was trained."""
    kind = rope_type(rope)
    if kind in {"su", "yarn"}:
        return {"short_factor", "long_factor", ORIGINAL} <= rope.keys()
    return kind in {"default", "longrope"}


def _fits_a_default(rope: JsonObject) -> bool:
    """It is laid over what the class has, a ``rope_type`` that says default; an older name must not
    differ.
    """
    return "rope_type" in rope or rope.get("type", "default") in {"default", "mrope"}


def stands_outside(config: JsonObject, key: str, version: Release) -> bool:
    """Whether a RoPE beside the language model's part, which nothing uses, is put up with.

    Some ask for a length, or for a size, that the whole model does not have.
    """
    value = config.get(key)
    if not value:
        return True
    if not isinstance(value, dict) or rope_type(value) in {"longrope", "su", "llama3"}:
        return False
    if rope_type(value) == "yarn" and key == "rope_scaling" and "rope_theta" in config:
        return False
    return _is_readable(value, "", version)
