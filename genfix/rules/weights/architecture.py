"""GF43x: the class that config.json names, and the tensors that are there.

Who is right: the weights about which parts exist; the base about the name of the class where they fit it.
"""

from collections.abc import Iterator
from typing import Final

from genfix.engines.shared.common import architecture
from genfix.folder.kinds import CONFIG
from genfix.message import message
from genfix.model import Model
from genfix.model.purpose import is_embedding_model
from genfix.rules.core.context import Context
from genfix.rules.core.finding import Applicability, CopyField, Finding, Fix, Severity, Witness
from genfix.rules.core.questions import WEIGHTS
from genfix.rules.core.rule import Rule, rule

_POINTER: Final = "/architectures"
_GENERATING: Final = ("ForCausalLM", "ForConditionalGeneration")


def _no_head_class(context: Context, rule: Rule) -> Iterator[Finding]:
    """A generating model saved by the class of its trunk: ``Qwen2Model``."""
    merged, base = context.merged, context.base
    own, facts = architecture(merged), merged.weights.facts
    if own is None or base is None or not _is_trunk(merged, own):
        return
    if base.config.get("model_type") != merged.config.get("model_type"):
        return
    theirs = architecture(base)
    if theirs is None or not theirs.endswith(_GENERATING):
        return
    has_head = facts.head is not None
    has_code = "auto_map" in merged.config
    if facts.layers is not None and not has_head and base.config_value("tie_word_embeddings") is not True:
        return  # the head was left out: an embedding model
    yield rule.finding(
        CONFIG,
        message(
            "class-without-head",
            "names {ours}, which generates nothing; the base is {base}",
            ours=own,
            base=theirs,
        ),
        severity=rule.severity if has_head and not has_code else Severity.WARNING,
        witness=Witness.WEIGHTS if has_head else Witness.BASE,
        pointer=_POINTER,
        current=merged.config["architectures"],
        expected=base.config["architectures"],
        engines=tuple(context.views),
        fix=Fix(
            Applicability.SAFE if has_head and not facts.is_bare and not has_code else Applicability.UNSAFE,
            message("why-head-is-there", "the output head is among the weights")
            if has_head
            else message("why-maybe-embedding-model", "an embedding model made from the base looks the same"),
            (CopyField(CONFIG, _POINTER),),
        ),
    )


def _is_trunk(model: Model, name: str) -> bool:
    """Whether the class is a model without a head, and nothing says that the folder is an embedding model."""
    return name.endswith("Model") and not is_embedding_model(model)


def _classifier(context: Context, rule: Rule) -> Iterator[Finding]:
    """A reward or classification model that was saved as a generating one."""
    merged, base = context.merged, context.base
    own, facts = architecture(merged), merged.weights.facts
    if own is None or not own.endswith("ForCausalLM") or facts.classifier is None or facts.head is not None:
        return
    if "auto_map" in merged.config or not facts.classifier.endswith(("score.weight", "classifier.weight")):
        return
    theirs = architecture(base) if base is not None else None
    fits = theirs is not None and theirs.endswith("ForSequenceClassification")
    yield rule.finding(
        CONFIG,
        message(
            "classifier-saved-as-generator",
            "names {ours}; the weights have {tensor} and no output head",
            tensor=facts.classifier,
            ours=own,
        ),
        witness=Witness.WEIGHTS,
        pointer=_POINTER,
        current=merged.config["architectures"],
        engines=tuple(context.views),
        fix=Fix.safe(
            message("why-classifier-is-there", "the base is a classifier, and its head is among the weights"),
            CopyField(CONFIG, _POINTER),
        )
        if fits
        else Fix.manual(
            message("why-class-unknown", "name the classification or reward class the model was trained with")
        ),
    )


def _parts_missing(context: Context, rule: Rule) -> Iterator[Finding]:
    """The language model was taken out of a composite one, and config.json still names the whole."""
    merged, base = context.merged, context.base
    facts = merged.weights.facts
    if base is None or facts.layers is None or not merged.weights.is_whole or "auto_map" in merged.config:
        return
    if architecture(merged) != architecture(base):
        return
    named = [sense for sense in ("audio", "vision") if merged.config.get(f"{sense}_config") is not None]
    lost = [sense for sense in named if sense not in facts.senses and sense in base.weights.outline.senses]
    for sense in lost:
        yield rule.finding(
            CONFIG,
            message("part-is-gone", "describes a {part} part that the weights no longer have", part=sense),
            witness=Witness.WEIGHTS,
            pointer=f"/{sense}_config",
            engines=tuple(context.views),
            fix=Fix.manual(
                message(
                    "why-part-is-gone",
                    "save the language model with its own class, or merge into the whole model to keep its "
                    "{part} part",
                    part=sense,
                )
            ),
        )


@rule(
    "GF431",
    "class-not-in-weights",
    Severity.ERROR,
    question=WEIGHTS,
    shows="the model is served as an embedding model, or with parts made up at random",
)
def _class_not_in_weights(context: Context, rule: Rule) -> Iterator[Finding]:
    """`architectures` names a class whose parts are not the tensors that are there: a trunk without its
    head, a generating class over a reward head, or a vision-language class without the vision tower.

    Why: vLLM serves a class without a head as an embedding model, or does not know it; a head or tower that
    is not there is filled with random numbers by transformers.

    Fix: The base's `architectures`, where the tensors fit it.

    Safety: Safe where the output head is there and the base's class has one; or the base is the same kind of
    classifier. Unsafe where the head is tied: an embedding model looks the same; a warning and unsafe where
    the folder has code of its own, which may read another class. Otherwise manual.

    Sources:
    - OpenBMB/MiniCPM#241
    - vllm-project/vllm#15031
    - huggingface/trl#368
    """
    yield from _no_head_class(context, rule)
    yield from _classifier(context, rule)
    yield from _parts_missing(context, rule)


@rule(
    "GF432",
    "tensor-names-wrapped",
    Severity.ERROR,
    question=WEIGHTS,
    shows="all weights are `newly initialized`: a random model",
)
def _wrapped_names(context: Context, rule: Rule) -> Iterator[Finding]:
    """Tensor names still have the wrapper of a trainer: `base_model.model.`, `_orig_mod.`, `.base_layer.`,
    `lora_A`.

    Why: No engine finds its tensors: all weights are `newly initialized`, which is a random model.

    Fix: None: the weights themselves have to be saved again.

    Safety: Manual: merge and unload the adapter, or save the unwrapped model.

    Sources:
    - huggingface/peft#1381
    - verl-project/verl#4704
    """
    name = context.merged.weights.facts.wrapped
    if name is None:
        return
    yield rule.finding(
        context.merged.weights.tensors[name].file,
        message("tensor-names-wrapped", "no engine finds tensors with names like {tensor}", tensor=name),
        witness=Witness.WEIGHTS,
        engines=tuple(context.views),
        fix=Fix.manual(
            message("why-names-wrapped", "merge and unload the adapter, or save the unwrapped model")
        ),
    )


CLASS_RULE: Final = _class_not_in_weights
RULES: Final = (_class_not_in_weights, _wrapped_names)
