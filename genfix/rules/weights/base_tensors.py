"""GF436 and GF437: the tensors of the base that the merged weights lack, or have in another form.

Who is right: the base about which tensors its class has, where no code that is known says so.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from genfix.folder import is_far
from genfix.folder.kinds import CONFIG
from genfix.message import message
from genfix.model import Model
from genfix.model.weights import INDEX
from genfix.rules.core.context import Context
from genfix.rules.core.finding import Finding, Fix, Severity, Witness
from genfix.rules.core.questions import WEIGHTS
from genfix.rules.core.reasons import WEIGHTS_LOST
from genfix.rules.core.rule import Rule, rule
from genfix.rules.weights.class_fit import is_in_table
from genfix.rules.weights.examples import examples

_BUFFERS: Final = r"(?:inv_freq|position_ids|\.masked_bias|attn\.bias|num_batches_tracked)$"
_HEADS: Final = r"(?:^|\.)(?:lm_head|output_layer|embed_out|output)\."
_OTHER_PARTS: Final = (
    r"(?:^|\.)(?:mtp\w*|eh_proj|enorm|hnorm|shared_head|visual|vision\w*|vit|image\w*|audio\w*|"
    r"speech\w*)(?:\.|$)"
)
_LAYER: Final = r"(?:^|\.)(?:layers|h|blocks?|layer)\.(\d+)\."
_SINGLE: Final = re.compile(r"\.experts\.\d+\.")


@rule(
    "GF436",
    "base-tensors-lost",
    Severity.ERROR,
    question=WEIGHTS,
    needs_base=True,
    shows="parts of the model are random, or loading fails",
)
def _lost(context: Context, rule: Rule) -> Iterator[Finding]:
    """Tensors of the base are not in the merged weights, under any name that readers have for them, although
    both name one class.

    Why: The code of the class makes them up at random, or does not load. For classes that transformers
    builds by its own code GF433 asks that code; this rule is for models with code of their own, and for types
    that no table has.

    Fix: None.

    Safety: Manual. Prefixes that readers add or drop, and stacked experts, are the same names. A head that
    may be the embedding, layers beyond the merged model's own number, buffers, towers and layers of
    multi-token prediction are other rules', and quantised weights are not compared.

    Sources:
    - genfix: docs/tensor-law.md
    """
    merged, base = context.merged, context.base
    if base is None or is_in_table(merged) or not _are_comparable(merged, base):
        return
    from genfix.weights.tensor_names import TensorNames  # noqa: PLC0415 - the class is known of most

    ours, theirs = TensorNames(merged.weights.tensors), _names(context, base)
    layers = merged.weights.facts.layers
    lost = [
        name
        for name in theirs
        if ours.matrix(name) is None and ours.name(name) is None and _is_needed(name, layers, merged)
    ]
    if not lost:
        return
    yield rule.finding(
        merged.weights.chosen.files[0],
        message(
            "base-tensors-lost",
            "{count} of the base's {total} tensors is not here: {names}",
            "{count} of the base's {total} tensors are not here: {names}",
            count=len(lost),
            total=len([*theirs]),
            names=examples(lost),
        ),
        witness=Witness.BASE,
        engines=tuple(context.views),
        fix=WEIGHTS_LOST,
    )


def _names(context: Context, base: Model) -> Iterable[str]:
    """The base's tensors; of one that is elsewhere, as its index has them where it is another: no weights of
    it are asked.
    """
    if not is_far(base.folder):
        return base.weights.tensors
    return () if context.same_as_base(INDEX) else base.weights.index or ()


def _are_comparable(merged: Model, base: Model) -> bool:
    same = all(merged.config.get(key) == base.config.get(key) for key in ("architectures", "model_type"))
    models = (merged,) if not same or is_far(base.folder) else (merged, base)
    return (
        same
        and all(model.weights.tensors and model.weights.is_whole for model in models)
        and not any(model.weights.facts.quantization for model in models)
    )


def _is_needed(name: str, layers: int | None, merged: Model) -> bool:
    if re.search(_BUFFERS, name) or re.search(_OTHER_PARTS, name):
        return False
    if re.search(_HEADS, name) and merged.config_value("tie_word_embeddings") is not False:
        return False
    from genfix.weights.tensor_names import canonical  # noqa: PLC0415 - as above

    layer = re.search(_LAYER, canonical(name))
    return layer is None or layers is None or int(layer[1]) < layers


@rule("GF437", "experts-fused", Severity.INFO, question=WEIGHTS, needs_base=True)
def _fused(context: Context, rule: Rule) -> Iterator[Finding]:
    """The experts of a layer are one tensor, where the base has one tensor for each.

    Why: transformers 5 loads both. Older readers, and engines with loaders of their own, look for
    `experts.0.down_proj.weight` and do not find it.

    Fix: None.

    Safety: Manual, for information: the numbers are the same.

    Sources:
    - transformers 5.24.0: conversion_mapping.py
    """
    merged, base = context.merged, context.base
    if base is None or merged.weights.facts.quantization is not None:
        return
    fused = [
        name
        for name, tensor in merged.weights.tensors.items()
        if ".experts." in name and len(tensor.shape) == 3
    ]
    if not fused or any(map(_SINGLE.search, merged.weights.tensors)):
        return
    if not any(map(_SINGLE.search, _names(context, base))):
        return
    yield rule.finding(
        CONFIG,
        message(
            "experts-fused",
            "{count} tensor holds all experts of a layer, where the base has one for each: {names}",
            "{count} tensors hold all experts of a layer, where the base has one for each: {names}",
            count=len(fused),
            names=examples(fused),
        ),
        witness=Witness.BASE,
        fix=Fix.manual(
            message(
                "why-experts-fused", "nothing to do for transformers 5; transformers 4 does not find them"
            )
        ),
    )


RULES: Final = (_lost, _fused)
