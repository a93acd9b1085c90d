"""GF433: the tensors that the class of config.json needs, and those that are there.

Who is right: the code of the class about which tensors it has, the weights about which there are.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from genfix.engines.modeling.module_lines import release
from genfix.folder.kinds import CONFIG
from genfix.json_types import Missing
from genfix.message import Message, message
from genfix.rules.core.context import Context
from genfix.rules.core.finding import CopyField, Finding, Fix, Severity, Witness
from genfix.rules.core.questions import WEIGHTS
from genfix.rules.core.reasons import WEIGHTS_LOST
from genfix.rules.core.rule import Rule, rule
from genfix.rules.weights.class_fit import ClassFit, fit_of, known_class
from genfix.rules.weights.class_judgement import judgement, weight_file, why_no_repair
from genfix.rules.weights.examples import examples, form_of

_ARCHITECTURES: Final = "/architectures"


@rule(
    "GF433",
    "class-tensors-missing",
    Severity.ERROR,
    question=WEIGHTS,
    shows="`newly initialized` tensors: parts of the model are random",
)
def _missing(context: Context, rule: Rule) -> Iterator[Finding]:
    """Tensors that the class of `config.json` needs are not in the weights, under any name that it reads.

    Why: transformers fills them with random numbers and says so in a warning; vLLM does not load, or leaves
    them empty. A save under another prefix, a merge that left out norms, a layer or the head, or a class of
    another kind than the tensors.

    Fix: The base's `architectures`, where the tensors fit that class whole. Else none: the weights have to be
    saved or merged again.

    Safety: Safe for the class, which every tensor confirms; else manual. What transformers renames, fuses and
    splits while it loads, ties to another tensor or allows to be absent is known from its code; a part of a
    class that is built in a way that cannot be followed is taken for whole. Information where the base lacks
    the same, and without a base where a part of the model is of another making (docs/tensor-law.md). Silent
    for code beside the model, and for a tiny stand-in of a few numbers in the place of a large model's file.

    Sources:
    - transformers 5.24.0: core_model_loading.py
    - transformers 5.24.0: conversion_mapping.py
    - huggingface/transformers#45534
    """
    told = judgement(context)
    found = told.found
    if found is None or not told.lacks:
        return
    lacks = told.news or told.lacks
    fix = _class_fix(context, found) if told.news else why_no_repair(told)
    yield rule.finding(
        CONFIG if fix.operations else weight_file(context.merged),
        message(
            "class-tensors-missing",
            "transformers {version} makes up {count} of the {total} tensors of {owner} at random: {names}",
            version=release(),
            count=len(lacks),
            total=len(found.fit.needed),
            owner=found.owner,
            names=examples(lacks),
        ),
        severity=rule.severity if told.news else Severity.INFO,
        witness=Witness.WEIGHTS,
        pointer=_ARCHITECTURES if fix.operations else None,
        current=context.merged.config["architectures"] if fix.operations else Missing.MISSING,
        evidence=[*_elsewhere(found)],
        engines=tuple(context.views) if told.news else (),
        fix=fix,
    )


def _class_fix(context: Context, found: ClassFit) -> Fix:
    """The class that the tensors are of, where the base names it."""
    base = context.base
    name = known_class(base) if base is not None else None
    if base is not None and name is not None and name != found.owner:
        again = found.again(found.config, name)
        if again is not None and _fits_like(again, fit_of(base)) and "architectures" in base.config:
            return Fix.safe(
                message("why-class-fits", "all tensors are those of {owner}, the base's class", owner=name),
                CopyField(CONFIG, _ARCHITECTURES),
            )
    return WEIGHTS_LOST


def _fits_like(ours: ClassFit, theirs: ClassFit | None) -> bool:
    """Whether a class takes the tensors, or lacks and refuses no more than of the base's."""
    if ours.is_clean or theirs is None:
        return ours.is_clean
    lacks = {form_of(name) for name in theirs.lacks}
    odd = {form_of(each.name) for each in theirs.fit.mismatched}
    return all(form_of(name) in lacks for name in ours.lacks) and all(
        form_of(each.name) in odd for each in ours.fit.mismatched
    )


def _elsewhere(found: ClassFit) -> Iterator[Message]:
    """Under which prefix, or by which names, the tensors may be there."""
    others = found.fit.unexpected
    if not others:
        return
    ends: dict[str, str] = {}
    for name in others:
        parts = name.split(".")
        ends |= {".".join(parts[place:]): ".".join(parts[:place]) for place in range(1, min(len(parts), 6))}
    prefixes = Counter(ends[name] for name in found.lacks if name in ends)
    if prefixes:
        prefix, count = prefixes.most_common(1)[0]
        yield message(
            "evidence-other-prefix",
            "{count} of them is there under the prefix {prefix}, where {owner} does not look",
            "{count} of them are there under the prefix {prefix}, where {owner} does not look",
            count=count,
            prefix=f"{prefix}.",
            owner=found.owner,
        )
        return
    yield message(
        "evidence-unread-names",
        "{count} tensor has a name that {owner} does not read: {names}",
        "{count} tensors have names that {owner} does not read: {names}",
        count=len(others),
        owner=found.owner,
        names=examples(others),
    )


RULES: Final = (_missing,)
