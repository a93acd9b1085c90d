"""GF43x: the class that config.json names, and the tensors that are there.

Who is right: the weights about which parts exist; the base about the name of the class where they fit it.
"""

from collections.abc import Iterator
from typing import Final

from genfix.message import message
from genfix.model import Model
from genfix.rules.context import Context
from genfix.rules.finding import (
    Applicability,
    CopyField,
    Finding,
    Fix,
    Severity,
    Witness,
)
from genfix.rules.rule import Rule, RuleDoc

__all__ = ["RULES"]

_CONFIG: Final = "config.json"
_POINTER: Final = "/architectures"
_GENERATING: Final = ("ForCausalLM", "ForConditionalGeneration")
_EMBEDDING_MODEL: Final = ("modules.json", "config_sentence_transformers.json", "1_Pooling/config.json")


def _class_of(model: Model) -> str | None:
    names = model.config.get("architectures")
    first = names[0] if isinstance(names, list) and names else None
    return first if isinstance(first, str) else None


def _no_head_class(context: Context, rule: Rule) -> Iterator[Finding]:
    """A generating model saved by the class of its trunk: ``Qwen2Model``."""
    merged, base = context.merged, context.base
    own, facts = _class_of(merged), merged.weights.facts
    if own is None or base is None or not _is_trunk(merged, own) or _type(base) != _type(merged):
        return
    theirs = _class_of(base)
    if theirs is None or not theirs.endswith(_GENERATING):
        return
    has_head = facts.head is not None
    if facts.layers is not None and not has_head and base.config_value("tie_word_embeddings") is not True:
        return  # the head was left out: an embedding model
    yield rule.finding(
        _CONFIG,
        message("class-without-head", ours=own, base=theirs),
        severity=rule.severity if has_head else Severity.WARNING,
        witness=Witness.WEIGHTS if has_head else Witness.BASE,
        pointer=_POINTER,
        current=merged.config["architectures"],
        expected=base.config["architectures"],
        engines=tuple(context.views),
        fix=Fix(
            Applicability.SAFE if has_head and not facts.is_bare else Applicability.UNSAFE,
            message("why-head-is-there") if has_head else message("why-maybe-embedding-model"),
            (CopyField(_CONFIG, _POINTER),),
        ),
    )


def _is_trunk(model: Model, name: str) -> bool:
    """Whether the class is a model without a head, and nothing says that the folder is an embedding model."""
    if not name.endswith("Model") or "auto_map" in model.config:
        return False
    return not any(model.has(file) for file in _EMBEDDING_MODEL)


def _type(model: Model) -> object:
    return model.config.get("model_type")


def _classifier(context: Context, rule: Rule) -> Iterator[Finding]:
    """A reward or classification model that was saved as a generating one."""
    merged, base = context.merged, context.base
    own, facts = _class_of(merged), merged.weights.facts
    if own is None or not own.endswith("ForCausalLM") or facts.classifier is None or facts.head is not None:
        return
    if "auto_map" in merged.config or not facts.classifier.endswith(("score.weight", "classifier.weight")):
        return
    theirs = _class_of(base) if base is not None else None
    fits = theirs is not None and theirs.endswith("ForSequenceClassification")
    yield rule.finding(
        _CONFIG,
        message("classifier-saved-as-generator", tensor=facts.classifier, ours=own),
        witness=Witness.WEIGHTS,
        pointer=_POINTER,
        current=merged.config["architectures"],
        engines=tuple(context.views),
        fix=Fix(Applicability.SAFE, message("why-classifier-is-there"), (CopyField(_CONFIG, _POINTER),))
        if fits
        else Fix(Applicability.MANUAL, message("why-class-unknown")),
    )


def _parts_missing(context: Context, rule: Rule) -> Iterator[Finding]:
    """The language model was taken out of a composite one, and config.json still names the whole."""
    merged, base = context.merged, context.base
    facts = merged.weights.facts
    if base is None or facts.layers is None or not merged.weights.is_whole or "auto_map" in merged.config:
        return
    if _class_of(merged) != _class_of(base):
        return
    named = [sense for sense in ("audio", "vision") if merged.config.get(f"{sense}_config") is not None]
    lost = [sense for sense in named if sense not in facts.senses and sense in base.weights.outline.senses]
    for sense in lost:
        yield rule.finding(
            _CONFIG,
            message("part-is-gone", part=sense),
            witness=Witness.WEIGHTS,
            pointer=f"/{sense}_config",
            engines=tuple(context.views),
            fix=Fix(Applicability.MANUAL, message("why-part-is-gone", part=sense)),
        )


def _class_not_in_weights(context: Context, rule: Rule) -> Iterator[Finding]:
    yield from _no_head_class(context, rule)
    yield from _classifier(context, rule)
    yield from _parts_missing(context, rule)


def _wrapped_names(context: Context, rule: Rule) -> Iterator[Finding]:
    name = context.merged.weights.facts.wrapped
    if name is None:
        return
    yield rule.finding(
        context.merged.weights.tensors[name].file,
        message("tensor-names-wrapped", tensor=name),
        witness=Witness.WEIGHTS,
        engines=tuple(context.views),
        fix=Fix(Applicability.MANUAL, message("why-names-wrapped")),
    )


RULES: Final = (
    Rule(
        code="GF431",
        name="class-not-in-weights",
        severity=Severity.ERROR,
        needs_base=False,
        doc=RuleDoc(
            what=(
                "`architectures` names a class whose parts are not the tensors that are there: a trunk without its head, a "
                "generating class over a reward head, or a vision-language class without the vision tower."
            ),
            why=(
                "vLLM serves a class without a head as an embedding model, or does not know it; a head or tower that "
                "is not there is filled with random numbers by transformers."
            ),
            fix="The base's `architectures`, where the tensors fit it.",
            safety=(
                "Safe where the output head is there and the base's class has one; or the base is the same kind of "
                "classifier. Unsafe where the head is tied: an embedding model looks the same. Otherwise manual."
            ),
            sources=("OpenBMB/MiniCPM#241", "vllm-project/vllm#15031", "huggingface/trl#368"),
        ),
        check=_class_not_in_weights,
    ),
    Rule(
        code="GF432",
        name="tensor-names-wrapped",
        severity=Severity.ERROR,
        needs_base=False,
        doc=RuleDoc(
            what="Tensor names still have the wrapper of a trainer: `base_model.model.`, `_orig_mod.`, `.base_layer.`, `lora_A`.",
            why="No engine finds its tensors: all weights are `newly initialized`, which is a random model.",
            fix="None: the weights themselves have to be saved again.",
            safety="Manual: merge and unload the adapter, or save the unwrapped model.",
            sources=("huggingface/peft#1381", "verl-project/verl#4704"),
        ),
        check=_wrapped_names,
    ),
)
