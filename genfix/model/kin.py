"""Kin: a model that passes the proof of a base, and of which some facts are another model's.

What speaks for it is said as a sentence, which is both the note to the user and the reason against a fix.
Names tell too; they are in `siblings`.
"""

from typing import Final

from genfix.json_types import JsonValue
from genfix.message import Message, message
from genfix.model.model import Model
from genfix.model.provenance import base_hint
from genfix.model.siblings import same_name

SIZES: Final = (
    *("hidden_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads"),
    *("intermediate_size", "vocab_size", "head_dim"),
)
"""What says how large the tensors of a language model are."""
OF_TENSORS: Final = tuple(key for key in SIZES if key not in {"vocab_size", "num_hidden_layers"})
"""What no save changes: a vocabulary grows, and layers are cut and repeated."""
_ENOUGH: Final = 3
_ORIGINAL: Final = "original_max_position_embeddings"
_LENGTH: Final = "max_position_embeddings"
_SCALINGS: Final = ("rope_scaling", "rope_parameters")
_SENSES: Final = ("vision_config", "audio_config", "thinker_config")


def has_same_shapes(merged: Model, base: Model) -> bool:
    """Whether all sizes that both configs state under one name are equal, and there are enough of them.

    Neither the class nor the type is asked: a save may have damaged them, and an upcycled mixture of experts
    has others than what it was made from.
    """
    stated = {key: (merged.config_value(key), base.config_value(key)) for key in SIZES}
    both = {key: pair for key, pair in stated.items() if None not in pair}
    return len(both) >= _ENOUGH and all(ours == theirs for ours, theirs in both.values())


def other_sizes(merged: Model, base: Model) -> Message | None:
    """Sizes that both state, and differently: then what only the base states is another model's."""
    found = [
        key
        for key in OF_TENSORS
        if None not in (ours := merged.config_value(key), theirs := base.config_value(key)) and ours != theirs
    ]
    if not found:
        return None
    return message(
        "why-other-sizes", "{keys} are not the base's: another model's may be right", keys=[*found]
    )


def is_composite(model: Model) -> bool:
    """Whether ``config.json`` tells of more than a language model: of images or audio."""
    return bool(model.text_config) or any(model.config.get(key) is not None for key in _SENSES)


def has_same_type(merged: Model, base: Model) -> bool:
    """Whether a ``model_type`` is equal, or one is the text part of the other."""
    return not model_types(merged).isdisjoint(model_types(base))


def model_types(model: Model) -> set[str]:
    """``model_type`` of the folder and of its language model."""
    names = (model.config.get("model_type"), model.text_config.get("model_type"))
    return {name.removesuffix("_text") for name in names if isinstance(name, str)}


def has_other_type(merged: Model, base: Model) -> bool:
    """Whether both tell their ``model_type``, and the two are different kinds of model."""
    return bool(merged.model_type) and bool(base.model_type) and not has_same_type(merged, base)


def other_class(merged: Model, base: Model) -> Message | None:
    """Another type and another class: what was upcycled (Mistral to Mixtral), or converted."""
    ours, theirs = merged.config.get("architectures"), base.config.get("architectures")
    if not ours or ours == theirs or not has_other_type(merged, base):
        return None
    return message(
        "why-kin-class",
        "model_type is {ours} here and {theirs} in the base: only what both kinds of model have is compared",
        ours=merged.model_type,
        theirs=base.model_type,
    )


def text_base(merged: Model, base: Model) -> Message | None:
    """A language model as the base of one that also takes images or audio."""
    if not base.config or is_composite(base) or not is_composite(merged):
        return None
    return message(
        "why-kin-text-base",
        "the base is a language model, and this one also takes images or audio: "
        "the base's settings and chat template know nothing of them",
    )


def other_context(merged: Model, base: Model) -> Message | None:
    """A sibling of another context length: one has been extended from the length of the other."""
    ours, theirs = merged.config_value(_LENGTH), base.config_value(_LENGTH)
    if not isinstance(ours, int) or not isinstance(theirs, int) or ours == theirs:
        return None
    longer, length = (base, ours) if ours < theirs else (merged, theirs)
    if length not in _originals(longer) or _has_scaling(merged) == _has_scaling(base):
        return None
    return message(
        "why-kin-context",
        "the context is {ours} here and {theirs} in the base: it is a sibling with another RoPE",
        ours=ours,
        theirs=theirs,
    )


def is_short_sibling(merged: Model, base: Model) -> Message | None:
    """`other_context`, where the base is the longer one: who makes a model longer made it from that base."""
    ours, theirs = merged.config_value(_LENGTH), base.config_value(_LENGTH)
    if isinstance(ours, int) and isinstance(theirs, int) and ours < theirs:
        return other_context(merged, base)
    return None


def _originals(model: Model) -> list[JsonValue]:
    """The lengths from which the model says that it was extended."""
    parts = [model.config_value(key) for key in _SCALINGS]
    return [model.config_value(_ORIGINAL), *(part.get(_ORIGINAL) for part in parts if isinstance(part, dict))]


def _has_scaling(model: Model) -> bool:
    parts = [model.config_value(key) for key in _SCALINGS]
    kinds = [part.get("rope_type", part.get("type")) for part in parts if isinstance(part, dict)]
    return any(kind not in (None, "default") for kind in kinds)


def plain_text(merged: Model, base: Model) -> Message | None:
    """A folder without a chat template that ends its texts, in every file, with a token that ends no turn of
    the base's: it was made from the base's pretrained sibling.
    """
    eos = merged.tokenizer.eos_token
    if base.chat_template is None or merged.template_copies or merged.jinja.problem is not None:
        return None
    if eos is None or base.tokenizer.eos_token in (None, eos):
        return None
    end = merged.tokenizer.ids.get(eos)
    if end is None or base.tokenizer.ids.get(eos) != end:
        return None
    stated = [merged.config_value("eos_token_id"), (merged.generation_config.value or {}).get("eos_token_id")]
    told = [value for value in stated if value is not None]
    if not told or any(value not in (end, [end]) for value in told) or eos in base.end_ids:
        return None
    named = base_hint(merged)
    if not base.is_named or (named is not None and same_name(named, base.folder.origin.label)):
        return None  # the base itself is what the folder says it was made from
    return message(
        "why-kin-plain-text",
        "there is no chat template, and all files end a text with {token}, which ends no turn of the base's: "
        "it may be made from a pretrained sibling of the base",
        token=eos,
    )
