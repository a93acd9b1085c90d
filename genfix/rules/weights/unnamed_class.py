"""GF438: config.json names no class, and the weights tell which one it is.

Who is right: the tensors, where they are all that one generating class of the model's type has, and not those
of its trunk.
"""

from collections.abc import Iterator
from typing import Final

from genfix.engines.modeling.module_lines import class_for
from genfix.engines.shared.config_classes import config_class
from genfix.folder.kinds import CONFIG
from genfix.json_types import Missing
from genfix.message import message
from genfix.model import Model
from genfix.model.purpose import is_embedding_model
from genfix.rules.core.context import Context
from genfix.rules.core.finding import Finding, Fix, SetField, Severity, Witness
from genfix.rules.core.questions import WEIGHTS
from genfix.rules.core.reasons import BASE_HAS_IT_TOO
from genfix.rules.core.rule import Rule, rule
from genfix.rules.weights.class_fit import fit_as

_KEY: Final = "architectures"
_POINTER: Final = "/architectures"
_GENERATING: Final = ("AutoModelForCausalLM", "AutoModelForImageTextToText")
_TRUNK: Final = "AutoModel"
_ENCODES_TOO: Final = "is_decoder"
"""A setting of types whose encoders have the tensors of the generating class: BERT, RoBERTa, BART."""


@rule(
    "GF438",
    "class-not-named",
    Severity.WARNING,
    question=WEIGHTS,
    shows="loading fails: `No model architectures are specified`, or vLLM generates nothing",
)
def _not_named(context: Context, rule: Rule) -> Iterator[Finding]:
    """`architectures` is missing or empty in the `config.json` of a model that generates text.

    Why: SGLang, LMDeploy and llama.cpp's converter choose the class by it, and do not load the folder. vLLM
    takes the trunk of the model's type, which for most types generates nothing. transformers chooses by
    `model_type`.

    Fix: The generating class of the type, which has exactly the tensors that are there.

    Safety: Safe: every tensor confirms it. Silent where the tensors are those of the trunk as well, as in an
    embedding model; where the type has encoders of the same tensors (BERT, RoBERTa, BART); and beside
    `auto_map`. Information where the base names none either. Where the base names one, GF402 tells.

    Sources:
    - transformers 5.24.0: models/auto/modeling_auto.py
    - vLLM 0.33.0: transformers_utils/model_arch_config_convertor.py
    - SGLang 0.5.23: srt/models/registry.py
    """
    merged, base = context.merged, context.base
    if merged.json(CONFIG).value is None or merged.config.get(_KEY) or "auto_map" in merged.config:
        return
    if (base is not None and base.config.get(_KEY)) or not context.is_model or is_embedding_model(merged):
        return
    owner = _owner(merged)
    if owner is None:
        return
    yield rule.finding(
        CONFIG,
        message("class-not-named", "names no class; the tensors are those of {owner}", owner=owner),
        severity=rule.severity if base is None else Severity.INFO,
        witness=Witness.WEIGHTS,
        pointer=_POINTER,
        current=merged.config.get(_KEY, Missing.MISSING),
        expected=[owner],
        fix=BASE_HAS_IT_TOO
        if base is not None
        else Fix.safe(
            message("why-only-class", "{owner} has all tensors that are there, and no other", owner=owner),
            SetField(CONFIG, _POINTER, [owner]),
        ),
    )


def _owner(model: Model) -> str | None:
    """The one generating class of the type that has exactly these tensors, where its trunk has others."""
    kind = model.model_type
    known = config_class(kind) if kind else None
    if known is None or known.defaults.get(_ENCODES_TOO):
        return None
    trunk = class_for(_TRUNK, kind)
    if trunk is None or _is_of(model, trunk):
        return None
    named = dict.fromkeys(name for auto in _GENERATING if (name := class_for(auto, kind)) is not None)
    fitting = [name for name in named if _is_of(model, name)]
    return fitting[0] if len(fitting) == 1 else None


def _is_of(model: Model, owner: str) -> bool:
    found = fit_as(model, owner)
    return found is not None and found.is_clean and not found.fit.unexpected


RULES: Final = (_not_named,)
