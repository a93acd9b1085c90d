"""GF4xx: config.json.

Who is right: the weights about shapes, merged about the rest. A key of the base that is missing counts only
where it has no other spelling in merged and a reader needs it.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from genfix.engines.shared.config_classes import is_released
from genfix.folder.kinds import CONFIG as _CONFIG
from genfix.json_types import JsonValue
from genfix.message import Message, message
from genfix.model import Model
from genfix.model.kin import OF_TENSORS, has_other_type, has_same_shapes, other_context, other_sizes
from genfix.model.rope import NEW_KEY, OLD_KEYS
from genfix.rules.core.class_defaults import is_default, is_read, is_unread
from genfix.rules.core.context import Context
from genfix.rules.core.finding import CopyField, Finding, Fix, SetField, Severity, Witness
from genfix.rules.core.questions import CONFIG
from genfix.rules.core.reasons import FILE_LOST, NO_BASE_COPY
from genfix.rules.core.restoring import restoring, rows_differ
from genfix.rules.core.rule import Rule, rule

_ERRORS: Final = frozenset(["model_type", "architectures", "auto_map"])
"""Without these no engine knows which model to build."""
_NAMES: Final = frozenset(["model_type", "architectures"])
"""A null that is no value: it names no model."""
_ROPE: Final = frozenset([NEW_KEY, *OLD_KEYS, "rope_ratio"])

_OF_CONTEXT: Final = frozenset(
    [
        *("rope_theta", "rope_local_base_freq", "rope_parameters", "rope_scaling", "rope_ratio"),
        *("partial_rotary_factor", "max_position_embeddings", "seq_length"),
    ]
)
"""What a sibling of another context length has of its own."""

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
        *_OF_CONTEXT,
        # other parts
        *("image_token_id", "image_token_index", "video_token_id", "audio_token_id", "vision_start_token_id"),
        "vision_end_token_id",
    ]
)
"""Keys whose class default may silently build another model."""

_SIZES: Final = frozenset([*OF_TENSORS, "num_hidden_layers"])
_OTHER_KIND: Final = message(
    "why-other-part", "the base is the whole model of which this is a part, and may say it of the whole only"
)
_OTHER_CLASS: Final = Fix.manual(
    message("why-class-of-other-type", "the base's class is that of another model type: name this type's own")
)
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
    """A key of the base's `config.json` is gone, under every name transformers has for it, and no released
    config class of the model type takes the base's value by default.

    Why: The config class fills in its own default, without a word: another RoPE base, another head size,
    another image token. Without `model_type`, `architectures` or `auto_map` nothing loads.

    Fix: The base's value, in the base's spelling, at the place where the base has it; of a language model and
    the composite model around it, at the place where this folder has its language model's part.

    Safety: Safe: merging a LoRA does not change these. Unsafe where the weights contradict the base's value,
    and for RoPE and lengths of a sibling (4k and 128k): information, where the folder says the other length.
    A base of another kind of model (Mistral of a Mixtral) is not asked; a lost class is then manual. Of a
    language model and a composite one, what the class of the part reads is compared: a size is safe where all
    others agree, the rest is information. Keys that only say where a file comes from are never missed, nor
    those whose absence means the same in each release of transformers (`head_dim` that is the hidden size
    divided by the heads), nor RoPE where the weights are an exported graph or a GGUF. A key that is `null` is
    a value, except `model_type` and `architectures`, which then name no model.

    Sources:
    - vllm-project/vllm#42624
    - 2U1/Qwen-VL-Series-Finetune#70
    """
    base, merged = context.base, context.merged
    if base is None or merged.json(_CONFIG).value is None:
        return
    for lost in _lost(context, base):
        key, why = (
            lost.key,
            message("why-field-lost", "without {key} a reader takes its own default", key=lost.key),
        )
        yield rule.finding(
            _CONFIG,
            message("config-field-lost", "{key} is gone; the base has it", key=key),
            severity=_severity(context, base, lost),
            witness=Witness.BASE,
            pointer=lost.pointer,
            expected=lost.value,
            engines=tuple(context.views),
            fix=_OTHER_CLASS
            if key == "architectures" and _is_other_kind(merged, base)
            else Fix.safe_unless(
                _contradicted(context, lost),
                why,
                (
                    CopyField(_CONFIG, lost.pointer)
                    if not lost.is_moved
                    else SetField(_CONFIG, lost.pointer, lost.value, tuple(base.config)),
                ),
            ),
        )


class _Lost(NamedTuple):
    """What the base says, and merged does not."""

    pointer: str
    """Where merged would say it."""
    value: JsonValue
    is_moved: bool = False
    """Whether it stands elsewhere in the base: one of the two is only the language model of the other."""

    @property
    def key(self) -> str:
        """The key alone."""
        return self.pointer.rpartition("/")[2]


def _lost(context: Context, base: Model) -> Iterator[_Lost]:
    """What the base says that a reader needs and merged lacks, where absence does not mean the same."""
    merged = context.merged
    for needed in _needed(context, base):
        if needed.value is None or needed.value in ([], {}) or _has(merged, needed.key):
            continue
        if needed.key not in _ERRORS and is_default(merged, needed.pointer, needed.value):
            continue
        if needed.key in _SIZES and is_unread(merged, needed.pointer):
            continue
        if needed.key in _ROPE and merged.weights.is_export:
            continue
        if needed.is_moved and not is_read(merged, needed.pointer):
            continue  # the class has no such field, or nobody knows the class
        if context.config_objection is not None and not needed.is_moved and needed.key not in _NAMES:
            continue  # the two kinds of model have other keys and other defaults
        yield needed


def _needed(context: Context, base: Model) -> Iterator[_Lost]:
    """What the base says that a reader needs, at the top and about its language model."""
    merged = context.merged
    if context.is_text_part:
        # RoPE in three dimensions is for images
        moved = _NEEDED - _ERRORS - {"rope_scaling", NEW_KEY}
        yield from (_Lost(f"/{key}", value, True) for key, value in base.text_config.items() if key in moved)
        return
    yield from (
        _Lost(f"/{key}", value)
        for key, value in base.config.items()
        if key in _NEEDED or _is_part(key, value)
    )
    if merged.text_key is None:
        return
    if base.text_key is None:
        moved = _NEEDED - _ERRORS
        yield from (
            _Lost(f"/{merged.text_key}/{key}", value, True)
            for key, value in base.config.items()
            if key in moved
        )
    elif base.text_key == merged.text_key:
        for key, value in base.text_config.items():
            if key in _NEEDED - _ERRORS:
                yield _Lost(f"/{base.text_key}/{key}", value)


def _is_part(key: str, value: JsonValue) -> bool:
    """Whether it is the config of a part of the model (``decoder_config``, ``qformer_config``)."""
    if not isinstance(value, dict) or key == "quantization_config":
        return False
    return key.endswith("_config") or isinstance(value.get("model_type"), str)


def _is_other_kind(merged: Model, base: Model) -> bool:
    """Whether the folder's type is a released one and not the base's, whose class would build the base."""
    return has_other_type(merged, base) and is_released(merged.model_type)


def _has(merged: Model, key: str) -> bool:
    if key not in _NAMES and (key in merged.config or key in merged.text_config):
        return True
    return any(merged.config_value(name) is not None for name in (key, *_OTHER_SPELLINGS.get(key, ())))


def _severity(context: Context, base: Model, lost: _Lost) -> Severity:
    if lost.key in _ERRORS:
        return Severity.ERROR
    if lost.is_moved:
        return Severity.WARNING if lost.key in _SIZES else Severity.INFO
    is_longer = lost.key in _OF_CONTEXT and other_context(context.merged, base) is not None
    return Severity.INFO if is_longer else Severity.WARNING


def _contradicted(context: Context, lost: _Lost) -> Message | None:
    key, value, base = lost.key, lost.value, context.base
    if key in {"vocab_size", "padded_vocab_size"} and isinstance(value, int):
        rows = rows_differ(context.merged.weights.embedding_rows, value)
        return rows or (context.config_objection if lost.is_moved else None)
    sizes = other_sizes(context.merged, base) if base is not None and key not in _ERRORS else None
    if sizes is not None:
        return sizes
    if key in _OF_CONTEXT and not lost.is_moved:
        return context.context_objection
    if lost.is_moved and key in _SIZES and base is not None and has_same_shapes(context.merged, base):
        return None
    return context.config_objection or (_OTHER_KIND if lost.is_moved else None)


RULES: Final = (_missing, _fields_lost)
