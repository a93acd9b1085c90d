"""GF407: constants of an architecture, which no fine-tune changes.

Who is right: the base, since they cannot be learned: the weights were trained with its values.
"""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from genfix.engines.shared.config_classes import config_class
from genfix.folder.kinds import CONFIG as _CONFIG
from genfix.json_types import JsonObject, JsonValue
from genfix.jsontext.json_diff import same_value
from genfix.message import message
from genfix.model import Model
from genfix.model.kin import has_same_shapes, has_same_type
from genfix.rules.core.context import Context
from genfix.rules.core.finding import CopyField, Finding, Fix, Harm, Operation, SetField, Severity, Witness
from genfix.rules.core.questions import CONFIG
from genfix.rules.core.rule import Rule, rule

_EPSILONS: Final = frozenset(
    ["rms_norm_eps", "layer_norm_eps", "layer_norm_epsilon", "layernorm_epsilon", "norm_eps", "norm_epsilon"]
)
"""A model hardly notices another one."""
_ACTIVATIONS: Final = frozenset(
    ["hidden_act", "hidden_activation", "activation_function", "dense_act_fn", "feed_forward_proj"]
)
_CONSTANTS: Final = frozenset(
    [
        *_EPSILONS,
        *_ACTIVATIONS,
        *("is_gated_act", "attention_bias", "mlp_bias", "qkv_bias", "add_qkv_bias", "use_qk_norm"),
        *("attn_logit_softcapping", "final_logit_softcapping", "query_pre_attn_scalar"),
        *("attention_multiplier", "embedding_multiplier", "residual_multiplier", "logits_scaling"),
        *("logit_scale", "scale_emb", "scale_depth", "dim_model_base"),
        *("routed_scaling_factor", "scoring_func", "norm_topk_prob"),
    ]
)
_OF_SENSES: Final = _CONSTANTS | {
    *("patch_size", "temporal_patch_size", "spatial_merge_size", "spatial_patch_size", "num_mel_bins")
}
_OF_WHOLE: Final = _CONSTANTS | {"vision_feature_layer", "vision_feature_select_strategy"}
_SENSES: Final = ("vision_config", "audio_config")
_ALIKE: Final[Mapping[JsonValue, str]] = {
    **dict.fromkeys(["gelu_pytorch_tanh", "gelu_new", "gelu_fast", "gelu_python_tanh"], "gelu-tanh"),
    **dict.fromkeys(["silu", "swish"], "silu"),
    **dict.fromkeys(["gelu", "gelu_python"], "gelu"),
}
"""Names of one function (transformers 5.24.0, activations.py)."""


class _Part(NamedTuple):
    """One level of config.json."""

    values: JsonObject
    pointer: str
    kind: JsonValue


@rule(
    "GF407",
    "architecture-constant-differs",
    Severity.WARNING,
    question=CONFIG,
    harm=Harm.WORSE,
    needs_base=True,
    shows="answers get worse or are noise, and nothing fails",
)
def _constants(context: Context, rule: Rule) -> Iterator[Finding]:
    """A constant of the architecture is not the base's, although all sizes agree: the activation, a bias or
    gate, a soft cap, a multiplier of scores, the patch size of the vision tower, or the layer it is read at.

    Why: No training changes these: they are no parameters, and tensors of equal shapes fit whatever they
    say. The model is then computed in another way than it was trained. A class that is older than the key, a
    config written by hand, or one copied from a relative of the base does it.

    Fix: The base's value.

    Safety: Unsafe: somebody may have converted the weights for it. Another epsilon of a norm is information
    only. What a released config class takes by default where a key is absent counts as said, and names of one
    function are one value (`silu`, `swish`). Silent where type or sizes are not the base's.

    Sources:
    - AI-Hypercomputer/maxtext#2867
    - huggingface/transformers#29402
    - transformers 5.24.0: the fields of its config classes
    """
    base, merged = context.base, context.merged
    if base is None or not has_same_type(merged, base) or context.config_objection is not None:
        return
    if not has_same_shapes(merged, base):
        return
    for ours, theirs, keys in _parts(merged, base):
        for key in sorted(keys & (ours.values.keys() | theirs.values.keys())):
            own, wanted = _taken(ours, key), _taken(theirs, key)
            if not own or not wanted or any(_same(key, one, other) for one in own for other in wanted):
                continue
            yield _differs(rule, key, (ours, own[0]), (theirs, wanted[0]))


def _parts(merged: Model, base: Model) -> Iterator[tuple[_Part, _Part, frozenset[str]]]:
    """Levels of both that say the same of the model."""
    yield _text(merged), _text(base), _CONSTANTS
    if merged.text_key is not None and base.text_key is not None:
        yield _top(merged), _top(base), _OF_WHOLE - _CONSTANTS
    for sense in _SENSES:
        ours, theirs = merged.config.get(sense), base.config.get(sense)
        if isinstance(ours, dict) and isinstance(theirs, dict):
            kind = theirs.get("model_type")
            if ours.get("model_type", kind) == kind:
                # Qwen2-VL's tower has the name of the whole, whose defaults are its language model's.
                known = kind if kind != base.model_type else None
                yield _Part(ours, f"/{sense}", known), _Part(theirs, f"/{sense}", known), _OF_SENSES


def _top(model: Model) -> _Part:
    return _Part(model.config, "", model.model_type)


def _text(model: Model) -> _Part:
    """The language model's own level."""
    if model.text_key is None:
        return _top(model)
    return _Part(model.text_config, f"/{model.text_key}", model.text_config.get("model_type"))


def _taken(part: _Part, key: str) -> tuple[JsonValue, ...]:
    """What a reader takes: the value, else the defaults of the released classes; empty where nobody knows."""
    if key in part.values:
        return (part.values[key],)
    found = config_class(part.kind) if isinstance(part.kind, str) else None
    if found is None or key not in found.defaults:
        return ()
    return found.taken(key, part.values.get)


def _same(key: str, one: JsonValue, other: JsonValue) -> bool:
    if key in _ACTIVATIONS:
        if one is None or other is None:
            return True  # another key tells, or the class
        if isinstance(one, str) and isinstance(other, str):
            return _ALIKE.get(one, one) == _ALIKE.get(other, other)
    return same_value(one, other)


def _differs(rule: Rule, key: str, ours: tuple[_Part, JsonValue], theirs: tuple[_Part, JsonValue]) -> Finding:
    (own, value), (of_base, wanted) = ours, theirs
    pointer = f"{own.pointer}/{key}"
    copied = own.pointer == of_base.pointer and key in of_base.values
    operation: Operation = CopyField(_CONFIG, pointer) if copied else SetField(_CONFIG, pointer, wanted)
    return rule.finding(
        _CONFIG,
        message(
            "constant-differs",
            "{key} is {ours!r}; the base has {theirs!r}, and no training changes it",
            key=key,
            ours=value,
            theirs=wanted,
        ),
        severity=Severity.INFO if key in _EPSILONS else Severity.WARNING,
        witness=Witness.BASE,
        pointer=pointer,
        current=value,
        expected=wanted,
        fix=Fix.unsafe(
            message("why-constant-differs", "the weights may have been converted for the value that is here"),
            operation,
        ),
    )


RULES: Final = (_constants,)
