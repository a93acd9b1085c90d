"""GF406: ``model_type`` is not the one of the class that the folder and its base name.

Who is right: the class, which two folders name, over a type that only one of them has.
"""

from collections.abc import Iterator
from typing import Final

from genfix.engines.shared.config_classes import is_released
from genfix.folder.kinds import CONFIG
from genfix.message import message
from genfix.model.kin import has_same_shapes, has_same_type
from genfix.rules.core.context import Context
from genfix.rules.core.finding import CopyField, Finding, Fix, Severity, Witness
from genfix.rules.core.questions import CONFIG as CONFIG_QUESTION
from genfix.rules.core.rule import Rule, rule

_POINTER: Final = "/model_type"


@rule(
    "GF406",
    "model-type-of-other-class",
    Severity.ERROR,
    question=CONFIG_QUESTION,
    needs_base=True,
    shows="loading fails: `Unrecognized model`, or tensors are made up at random",
)
def _other_type(context: Context, rule: Rule) -> Iterator[Finding]:
    """`model_type` is not the base's, or no text, although `architectures` names the same class, or none.

    Why: transformers and vLLM choose the config class by `model_type`. An unknown type does not load; the
    type of another model reads the values with other defaults, and its class finds other tensors.

    Fix: The base's `model_type`.

    Safety: Safe where both folders name the same class and all sizes agree: a class has one type. Unsafe
    where only one of the two tells. Another type beside another class, or a released type beside none, is
    another kind of model, such as a mixture of experts made from the base, and no finding.

    Sources:
    - transformers 5.23.0: models/auto/configuration_auto.py `from_pretrained`
    """
    base, merged = context.base, context.merged
    if base is None or not base.model_type:
        return
    own = merged.config.get("model_type")
    if own is None or has_same_type(merged, base):
        return
    ours, theirs = merged.config.get("architectures"), base.config.get("architectures")
    same_class, same_shapes = bool(ours) and ours == theirs, has_same_shapes(merged, base)
    if not same_class and (ours or not same_shapes or is_released(own)):
        return
    yield rule.finding(
        CONFIG,
        message(
            "model-type-not-of-class",
            "model_type is {ours!r}; the base, of the same class, has {theirs!r}",
            ours=own,
            theirs=base.model_type,
        )
        if same_class
        else message(
            "model-type-not-of-shapes",
            "model_type is {ours!r}, and no class is named; the base, of the same shapes, has {theirs!r}",
            ours=own,
            theirs=base.model_type,
        ),
        witness=Witness.BASE,
        pointer=_POINTER,
        current=own,
        expected=base.model_type,
        engines=tuple(context.views),
        fix=Fix.safe_unless(
            None
            if same_class and same_shapes
            else message("why-type-by-shapes", "the class or the sizes are not the base's for certain"),
            message("why-type-of-class", "both folders name the same class, and all sizes agree"),
            (CopyField(CONFIG, _POINTER),),
        ),
    )


RULES: Final = (_other_type,)
