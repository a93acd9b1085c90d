"""GF4xx: config.json.

Who is right: the weights about shapes, merged about the rest. A key of the base that is missing counts only
where it has no other spelling in merged and a reader needs it.
"""

from collections.abc import Iterator
from typing import Final

from genfix.folder.kinds import CONFIG as _CONFIG
from genfix.json_types import JsonValue
from genfix.message import Message, message
from genfix.model import Model
from genfix.rules.core.context import Context
from genfix.rules.core.finding import CopyField, Finding, Fix, Severity, Witness
from genfix.rules.core.questions import CONFIG
from genfix.rules.core.reasons import FILE_LOST, NO_BASE_COPY
from genfix.rules.core.restoring import restoring, rows_differ
from genfix.rules.core.rule import Rule, rule

_ERRORS: Final = frozenset(["model_type", "architectures", "auto_map"])
"""Without these no engine knows which model to build."""

_NEEDED: Final = frozenset(
    [
        *_ERRORS,
        # sizes
        *("hidden_size", "num_hidden_layers", "num_layers", "intermediate_size", "ffn_hidden_size"),
        *("vocab_size", "padded_vocab_size", "layer_types"),
        # attention
        *("num_attention_heads", "num_key_value_heads", "multi_query_group_num", "kv_channels", "head_dim"),
        *("attention_bias", "add_qkv_bias", "use_qk_norm", "query_pre_attn_scalar", "q_lora_rank"),
        *("kv_lora_rank", "qk_rope_head_dim", "qk_nope_head_dim", "v_head_dim"),
        # experts
        *("moe_intermediate_size", "n_routed_experts", "num_experts", "num_experts_per_tok"),
        *("n_shared_experts", "num_local_experts", "shared_expert_intermediate_size"),
        *("first_k_dense_replace", "decoder_sparse_step", "mlp_only_layers", "norm_topk_prob"),
        *("routed_scaling_factor", "scoring_func", "n_group", "topk_group"),
        # activations, norms and scales
        *("hidden_act", "hidden_activation", "activation_function", "rms_norm_eps", "layernorm_epsilon"),
        *("final_logit_softcapping", "attn_logit_softcapping", "logit_scale", "logits_scaling"),
        *("attention_multiplier", "embedding_multiplier", "residual_multiplier", "scale_emb", "scale_depth"),
        *("dim_model_base",),
        # positions
        *("rope_theta", "rope_local_base_freq", "rope_parameters", "rope_scaling", "rope_ratio"),
        *("partial_rotary_factor", "max_position_embeddings", "seq_length"),
        # other parts
        *("image_token_id", "image_token_index", "video_token_id", "audio_token_id", "vision_start_token_id"),
        *("vision_end_token_id", "vision_config", "text_config", "audio_config"),
    ]
)
"""Keys whose class default would silently build another model.

transformers leaves a key out only where it equals the default that all configs share (``PretrainedConfig``);
none of these is one of them.
"""

_OTHER_SPELLINGS: Final = {
    "rope_theta": ("rope_parameters",),
    "rope_local_base_freq": ("rope_parameters",),
    "rope_parameters": ("rope_theta", "rope_scaling"),
    "rope_scaling": ("rope_parameters",),
    "partial_rotary_factor": ("rope_parameters",),
    "image_token_index": ("image_token_id",),
    "image_token_id": ("image_token_index",),
    "num_layers": ("num_hidden_layers",),
    "padded_vocab_size": ("vocab_size",),
    "seq_length": ("max_position_embeddings",),
}
"""Where else transformers keeps the same fact (5.x: modeling_rope_utils.py; renamed image ids since 4.52)."""


@rule(
    "GF401",
    "config-missing",
    Severity.ERROR,
    question=CONFIG,
    needs_base=True,
    shows="loading fails: `Unrecognized model`",
)
def _missing(context: Context, rule: Rule) -> Iterator[Finding]:
    """The folder has no `config.json`; the base has one.

    Why: No engine loads the folder: `Unrecognized model ... Should have a model_type key in its config.json`.

    Fix: The base's file, byte-identical.

    Safety: Safe unless the weights' embedding has other rows than the base's config says: then a person must
    decide.

    Sources:
    - unslothai/unsloth#421
    - foundation-model-stack/fms-hf-tuning#330
    """
    base = context.base
    if base is None or not base.has(_CONFIG):
        if context.merged.weights.files and not context.merged.has(_CONFIG):
            yield rule.finding(
                _CONFIG,
                message(
                    "config-missing-alone", "is missing beside the weights: no engine loads them without it"
                ),
                severity=Severity.ERROR if base is None else Severity.INFO,
                witness=Witness.WEIGHTS,
                engines=tuple(context.views),
                fix=NO_BASE_COPY,
            )
        return
    if context.merged.has(_CONFIG):
        return
    yield rule.finding(
        _CONFIG,
        message("config-missing", "is missing; the base has it"),
        witness=Witness.BASE,
        engines=tuple(context.views),
        fix=restoring(context, base, _CONFIG, FILE_LOST),
    )


@rule(
    "GF402",
    "config-field-lost",
    Severity.ERROR,
    question=CONFIG,
    needs_base=True,
    shows="loading fails, or a default takes the value's place without a word",
)
def _fields_lost(context: Context, rule: Rule) -> Iterator[Finding]:
    """A key of the base's `config.json` is gone, under every name transformers has for it.

    Why: The config class fills in its own default, without a word: another RoPE base, another head size,
    another image token. Without `model_type`, `architectures` or `auto_map` nothing loads.

    Fix: The base's value, in the base's spelling, at the place where the base has it.

    Safety: Safe: merging a LoRA does not change these. Unsafe where the weights contradict the base's value.
    Keys that only say where a file comes from, or equal a default, are never missed.

    Sources:
    - vllm-project/vllm#42624
    - 2U1/Qwen-VL-Series-Finetune#70
    """
    base, merged = context.base, context.merged
    if base is None or merged.json(_CONFIG).value is None:
        return
    for pointer, key, value in _needed(context, base):
        if value is None or value in ([], {}) or _has(merged, key):
            continue
        why = message("why-field-lost", "without {key} a reader takes its own default", key=key)
        yield rule.finding(
            _CONFIG,
            message("config-field-lost", "{key} is gone; the base has it", key=key),
            severity=Severity.ERROR if key in _ERRORS else Severity.WARNING,
            witness=Witness.BASE,
            pointer=pointer,
            expected=value,
            engines=tuple(context.views),
            fix=Fix.safe_unless(_contradicted(merged, key, value), why, (CopyField(_CONFIG, pointer),)),
        )


def _needed(context: Context, base: Model) -> Iterator[tuple[str, str, JsonValue]]:
    """Pointer, key and value of what the base says that a reader needs, at the top and about its language
    model.
    """
    for key, value in base.config.items():
        if key in _NEEDED and (not context.is_text_part or key in base.text_config):
            yield f"/{key}", key, value
    if base.text_key is not None and base.text_key == context.merged.text_key:
        for key, value in base.text_config.items():
            if key in _NEEDED - _ERRORS:
                yield f"/{base.text_key}/{key}", key, value


def _has(merged: Model, key: str) -> bool:
    return any(merged.config_value(name) is not None for name in (key, *_OTHER_SPELLINGS.get(key, ())))


def _contradicted(merged: Model, key: str, value: JsonValue) -> Message | None:
    if key in {"vocab_size", "padded_vocab_size"} and isinstance(value, int):
        return rows_differ(merged.weights.embedding_rows, value)
    return None


RULES: Final = (_missing, _fields_lost)
