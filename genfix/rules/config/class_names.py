"""GF408 and GF409: what config.json says, held against the classes of released transformers.

Who is right: the named class about the type, unless a base of that type or the config's own parts say
otherwise; and the released config class about what it reads.
"""

from collections.abc import Iterator
from typing import Final

from genfix.engines.shared.common import architecture
from genfix.engines.shared.config_classes import config_class
from genfix.engines.shared.released import is_newer, released_class
from genfix.folder.kinds import CONFIG
from genfix.json_types import JsonObject
from genfix.message import message
from genfix.rules.core.context import Context
from genfix.rules.core.finding import CopyField, Finding, Fix, SetField, Severity, Witness, shown
from genfix.rules.core.questions import CONFIG as CONFIG_QUESTION
from genfix.rules.core.reasons import BASE_HAS_IT_TOO
from genfix.rules.core.rule import Rule, rule

_POINTER: Final = "/model_type"
_CLASS_POINTER: Final = "/architectures"
_EXPERTS: Final = (
    *("num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts"),
    *("num_experts_per_tok", "moe_intermediate_size"),
)


@rule(
    "GF408",
    "model-type-unknown-to-class",
    Severity.ERROR,
    question=CONFIG_QUESTION,
    shows="loading fails: `Unrecognized model`, or another model is built than the one that is named",
)
def _type_of_other_class(context: Context, rule: Rule) -> Iterator[Finding]:
    """`architectures` names a class that transformers has, and `model_type` is no type that this class is
    made for: another model's, or one that no release knows.

    Why: transformers chooses config and model by `model_type` and does not look at the class; vLLM and SGLang
    choose the class by `architectures` and its config by the type. With an unknown type nothing loads.

    Fix: The base's class, where the base is of this type; else the type of the class, where it has one only.

    Safety: Unsafe: a text model may have been taken out of the whole. Manual where the config has parts, such
    as `vision_config`, that only its type reads, and no base names the class. Error for a type that no
    release knows, warning for another model's. Information where the base has it so, and for an unknown type
    in a config that a newer transformers wrote than the newest that was read. Silent beside `auto_map`, and
    where the base of the same class has another type, which has a rule of its own.

    Sources:
    - transformers 4.45 to 5.24: models/auto/modeling_auto.py, configuration_auto.py
    - vLLM 0.32.0: model_executor/models/registry.py
    """
    merged, base = context.merged, context.base
    name, own = architecture(merged), merged.model_type
    if name is None or not own or "auto_map" in merged.config:
        return
    found = released_class(name)
    if found is None or found.kind != "model" or not found.types or own in found.types:
        return
    shared = base is not None and base.model_type == own and architecture(base) == name
    if base is not None and not shared and architecture(base) == name:
        return
    is_known, types = config_class(own) is not None, sorted(found.types)
    if shared or (not is_known and is_newer(merged.config.get("transformers_version"))):
        severity = Severity.INFO
    else:
        severity = Severity.WARNING if is_known else Severity.ERROR
    by_base = base is not None and base.model_type == own and architecture(base) is not None
    is_class = is_known and (by_base or _has_parts_of(merged.config, own, types))
    if is_known:
        said = message(
            "type-of-other-class",
            "model_type is {own!r}; {name} is made for {types}",
            own=own,
            name=name,
            types=shown(types),
        )
    else:
        said = message(
            "type-without-class",
            "no release of transformers knows model_type {own!r}; {name} is made for {types}",
            own=own,
            name=name,
            types=shown(types),
        )
    yield rule.finding(
        CONFIG,
        said,
        severity=severity,
        witness=Witness.ENGINE,
        pointer=_CLASS_POINTER if is_class else _POINTER,
        current=merged.config["architectures"] if is_class else own,
        engines=tuple(context.views),
        fix=BASE_HAS_IT_TOO
        if shared
        else _class_of_base()
        if by_base
        else Fix.manual(
            message("why-class-of-type", "name the class of {type} in {key}", type=own, key="architectures")
        )
        if is_class
        else _fix(types),
    )


def _has_parts_of(config: JsonObject, own: str, types: list[str]) -> bool:
    """Whether the config has parts that the class of its type reads, and that of the named class does not."""
    ours = config_class(own)
    others = [found for kind in types if (found := config_class(kind)) is not None]
    return ours is not None and any(
        isinstance(value, dict)
        and key in ours.defaults
        and key.endswith("_config")
        and not any(key in other.defaults for other in others)
        for key, value in config.items()
    )


def _class_of_base() -> Fix:
    return Fix.unsafe(
        message("why-class-of-same-type", "the base has this model_type, and another class"),
        CopyField(CONFIG, _CLASS_POINTER),
    )


def _fix(types: list[str]) -> Fix:
    if len(types) > 1:
        return Fix.manual(
            message("why-types-of-class", "the class is made for several types: name the right one")
        )
    return Fix.unsafe(
        message("why-type-or-class", "files cannot tell which of the two is wrong"),
        SetField(CONFIG, _POINTER, types[0]),
    )


@rule(
    "GF409",
    "experts-under-dense-class",
    Severity.ERROR,
    question=CONFIG_QUESTION,
    shows="the experts are thrown away, and layers are made up at random",
)
def _experts(context: Context, rule: Rule) -> Iterator[Finding]:
    """`config.json` has fields of a mixture of experts, and the config class of its `model_type` knows none,
    in no release.

    Why: The class reads none of them and builds a dense model. Where the weights are experts, none of them
    finds its place, and the layers are filled with random numbers.

    Fix: None: the type and class of the mixture have to be named.

    Safety: Manual. Error where the weights have experts. Information where they have none, or no weights
    tell: the fields are then read by nobody. Silent for a model with code of its own.

    Sources:
    - transformers 5.24.0: the fields of its config classes
    """
    merged, base = context.merged, context.base
    if "auto_map" in merged.config:
        return
    for pointer, kind, values in (
        ("", merged.model_type, merged.config),
        (f"/{merged.text_key}", merged.text_config.get("model_type"), merged.text_config),
    ):
        found = config_class(kind) if isinstance(kind, str) else None
        stated = [key for key in _EXPERTS if type(values.get(key)) is int and values[key] != 0]
        if found is None or not stated or any("expert" in key or "moe" in key for key in found.defaults):
            continue
        if "text_config" in found.defaults and pointer == "":
            continue  # of its parts
        shared = base is not None and all(key in base.config or key in base.text_config for key in stated)
        is_used = merged.weights.facts.experts is not None
        yield rule.finding(
            CONFIG,
            message(
                "experts-of-dense-class",
                "{keys} tell of experts; model_type {kind!r} is a dense model and reads none of them",
                keys=[*stated],
                kind=kind,
            ),
            severity=Severity.ERROR if is_used and not shared else Severity.INFO,
            witness=Witness.WEIGHTS if is_used else Witness.ENGINE,
            pointer=f"{pointer}/{stated[0]}",
            current=values[stated[0]],
            engines=tuple(context.views) if is_used else (),
            fix=BASE_HAS_IT_TOO
            if shared
            else Fix.manual(
                message(
                    "why-experts-of-dense-class", "name the type and class of the mixture, or drop the fields"
                )
            ),
        )


RULES: Final = (_type_of_other_class, _experts)
