"""GF711 and GF712: rotary position embeddings: spelled for some readers only, or not the base's.

Who is right: merged, wherever its value may be meant. Old spellings that are lost beside new ones are added
again from merged's own values.
"""

from collections.abc import Iterator
from typing import Final

from genfix.engines.shared.config_classes import types_known
from genfix.engines.shared.rope_defaults import old_default, old_names, same_rope
from genfix.folder.kinds import CONFIG as _CONFIG
from genfix.json_types import JsonObject, JsonValue
from genfix.jsontext.json_diff import same_value
from genfix.message import Message, message
from genfix.model import Model
from genfix.model.rope import NEW_KEY, OLD_KEYS, Rope, RopePart, as_new, as_old, read_rope, unknown_types
from genfix.rules.core.context import Context
from genfix.rules.core.finding import (
    CopyField,
    Finding,
    Fix,
    Operation,
    RemoveField,
    SetField,
    Severity,
    Witness,
)
from genfix.rules.core.questions import CONFIG, READERS
from genfix.rules.core.rule import Rule, rule

_MAIN: Final = ("rope_type", "rope_theta", "factor", "partial_rotary_factor")
_LENGTH: Final = "max_position_embeddings"


@rule(
    "GF711",
    "rope-only-for-new-readers",
    Severity.WARNING,
    question=READERS,
    shows="answers are noise, or become so with length",
)
def _only_for_new_readers(context: Context, rule: Rule) -> Iterator[Finding]:
    """RoPE stands in `rope_parameters` only, the spelling of transformers 5, while the base has
    `rope_theta` and its like.

    Why: transformers 4.57.6 takes its class default (mostly 10000, no scaling) without a word, and so do vLLM
    before 0.24 with transformers 4, and many models of mlx-lm 0.32 (those that have no default fail to load).
    Answers are gibberish, or become so with length.

    Fix: The old keys beside `rope_parameters`, with its values, in the base's text where it means the same.

    Safety: Safe: transformers 5.23.0 reads the same before and after. Unsafe, and information only, without a
    base: the model may be meant for new readers. Silent where older classes take the same values by default,
    or refuse them (a kind of scaling that they lack), where the base is written so too, for a model type that
    no release of transformers 4 has (Qwen3.5), and where the weights are an exported graph or a GGUF, which
    have RoPE in them.

    Sources:
    - vllm-project/vllm#42624
    - vllm-project/vllm#44158
    - transformers 5.23.0: modeling_rope_utils.py `convert_rope_params_to_dict`
    """
    part, base = RopePart.of(context.merged), context.base
    rope = read_rope(part)
    if part.new is None or rope is None:
        return
    theirs = RopePart.of(base) if base is not None else None
    if theirs is not None and not theirs.values:
        return
    keys = _missing_old_keys(part, rope, theirs)
    if not keys or not _has_older_readers(context.merged, part):
        return
    operations = tuple(_old_key(context, part, theirs, key, value) for key, value in keys.items())
    objection = message("why-rope-added-alone", "no base tells whether older readers are meant")
    why = message(
        "why-rope-added",
        "the values are those of rope_parameters, which newer readers go on reading the same",
    )
    yield rule.finding(
        _CONFIG,
        message(
            "rope-only-for-new-readers",
            "RoPE is written for transformers 5 only: older readers miss {keys} and take a default",
            keys=[*keys],
        ),
        severity=Severity.WARNING if base is not None else Severity.INFO,
        witness=Witness.FOLDER,
        pointer=f"{part.pointer}/{NEW_KEY}",
        current=dict(part.new),
        fix=Fix.safe_unless(objection if base is None else None, why, operations),
    )


def _missing_old_keys(part: RopePart, rope: Rope, theirs: RopePart | None) -> JsonObject:
    """The old keys that older readers need; where they need one, all that the base states.

    What a base that has the new spelling too does not state in the old one, its own older readers miss as
    well.
    """
    base = theirs.old if theirs is not None else {}
    old = as_old(rope, part, base or old_names(part.model_type)) or {}
    absent = {k: v for k, v in old.items() if k not in part.values}
    misread = {k: v for k, v in absent.items() if not same_value(v, old_default(part.model_type, k))}
    if theirs is not None and theirs.new is not None:
        misread = {k: v for k, v in misread.items() if k in base}
    return misread | {k: v for k, v in absent.items() if k in base} if misread else {}


def _has_older_readers(merged: Model, part: RopePart) -> bool:
    """Whether transformers 4 has the model's types, or code of the folder's own may bring them to it."""
    if merged.weights.is_export:
        return False
    code = merged.config.get("auto_map")
    if isinstance(code, dict) and "AutoConfig" in code:
        return True
    return types_known(filter(None, (merged.model_type, part.model_type)), 4)


def _old_key(
    context: Context, part: RopePart, theirs: RopePart | None, key: str, value: JsonValue
) -> Operation:
    """Set an old key, in the base's very text where the base means the same by it."""
    pointer = f"{part.pointer}/{key}"
    if context.base is None or theirs is None:
        return SetField(_CONFIG, pointer, value)
    own = theirs.old.get(key)
    if own is not None and _same_old(key, value, own, part, theirs):
        if part.pointer == theirs.pointer:
            return CopyField(_CONFIG, pointer)
        value = own
    return SetField(_CONFIG, pointer, value, tuple(theirs.values))


def _same_old(key: str, ours: JsonValue, own: JsonValue, part: RopePart, theirs: RopePart) -> bool:
    if key != "rope_scaling":
        return same_value(ours, own)
    left = read_rope(part._replace(values={**part.values, key: ours, NEW_KEY: None}))
    right = read_rope(theirs._replace(values={**part.values, key: own, NEW_KEY: None}))
    return left is not None and right is not None and same_rope(left, right, part.model_type)


@rule(
    "GF712",
    "rope-differs",
    Severity.WARNING,
    question=CONFIG,
    needs_base=True,
    shows="answers get worse with length, or are noise",
)
def _rope_differs(context: Context, rule: Rule) -> Iterator[Finding]:
    """RoPE is not the base's, in whichever spelling.

    Why: A save with a class that did not know the base's theta leaves the default 10000: the model loses the
    order of words. A scaling of another type than the base's, or none in its place, turns every position by
    other angles than in training. Another value, or a scaling where the base has none, is most often a tuning
    for length.

    Fix: The base's values, in each spelling that is here.

    Safety: Unsafe: a value that is here may be meant. Warning only where the class's default theta, without
    scaling, stands in place of the base's, or the type of the base's scaling was replaced, and the context is
    as long as the base's; else information. Manual where only one of the two tells layers
    apart. A key that is gone is GF402. Silent where the weights are an exported graph or a GGUF, which
    have RoPE in them.

    Sources:
    - vllm-project/vllm#42624
    - unslothai/unsloth#7028
    """
    if context.base is None or context.merged.weights.is_export or unknown_types(context.merged):
        return
    part, base = RopePart.of(context.merged), RopePart.of(context.base)
    theirs = read_rope(base)
    if part.new is None and not base.pointer and part.old:
        # A key that is missing is another rule's finding; one that is null is a value.
        part = part._replace(values={**base.old, **part.values})
    ours = read_rope(part)
    if ours is None or theirs is None or same_rope(ours, theirs, part.model_type):
        return
    lost, replaced = _is_reset(context, part, ours, theirs), _is_replaced(context, ours, theirs)
    operations = base_rope(context.base, part, base, ours, theirs)
    why = context.context_objection or message(
        "why-rope-meant", "the folder's own value may be a tuning for length"
    )
    yield rule.finding(
        _CONFIG,
        _difference(ours, theirs, lost=lost, replaced=replaced),
        severity=Severity.WARNING if lost or replaced else Severity.INFO,
        witness=Witness.BASE,
        pointer=f"{part.pointer}/{NEW_KEY if part.new is not None else _old_place(ours, theirs)}",
        current=as_new(ours),
        expected=as_new(theirs),
        engines=tuple(context.views) if lost or replaced else (),
        fix=Fix.unsafe(why, *operations) if operations else Fix.manual(why),
    )


def _difference(ours: Rope, theirs: Rope, *, lost: bool, replaced: bool) -> Message:
    here, there = _shown(ours, theirs), _shown(theirs, ours)
    if lost:
        return message(
            "rope-reset",
            "RoPE is back at the default ({ours}); the base has {theirs}",
            ours=here,
            theirs=there,
        )
    if replaced:
        return message(
            "rope-type-replaced",
            "RoPE is scaled as {ours}; the base, with a context as long, has {theirs}",
            ours=here,
            theirs=there,
        )
    return message("rope-differs", "RoPE is {ours}; the base has {theirs}", ours=here, theirs=there)


def _is_as_long(context: Context) -> bool:
    """Whether no context was made longer or shorter: then RoPE was not tuned for length."""
    models = (context.merged, context.base)
    lengths = {repr(model.config_value(_LENGTH)) for model in models if model is not None}
    return len(lengths) == 1 and context.context_objection is None


def _is_replaced(context: Context, ours: Rope, theirs: Rope) -> bool:
    """Whether the base's scaling became one of another type, or none, though no context was made longer."""
    return _is_as_long(context) and any(
        theirs[name].get("rope_type") not in ("default", ours[name].get("rope_type"))
        for name in ours.keys() & theirs.keys()
    )


def _old_place(ours: Rope, theirs: Rope) -> str:
    """The old key that says what differs."""
    rest = [
        [{key: value for key, value in values.items() if key != "rope_theta"} for values in rope.values()]
        for rope in (ours, theirs)
    ]
    return "rope_theta" if rest[0] == rest[1] else "rope_scaling"


def _is_reset(context: Context, part: RopePart, ours: Rope, theirs: Rope) -> bool:
    """Whether the class's default theta took the place of the base's, as where a save lost it."""
    if "" not in ours or "" not in theirs or not _is_as_long(context):
        return False
    usual = old_default(part.model_type, "rope_theta")
    return (
        ours[""].get("rope_type") == "default"
        and same_value(ours[""].get("rope_theta", usual), usual)
        and not same_value(theirs[""].get("rope_theta", usual), usual)
    )


def _shown(rope: Rope, other: Rope) -> JsonValue:
    """The meaning in a few words, with whatever is not as in ``other``."""
    layers = [f"{name} {_words(values, other.get(name, {}))}".lstrip() for name, values in rope.items()]
    return "; ".join(layers)


def _words(values: JsonObject, other: JsonObject) -> str:
    keys = [key for key in _MAIN if key in values]
    keys += [key for key in values if key not in _MAIN and not same_value(values[key], other.get(key))]
    return ", ".join(_word(key, values[key], other.get(key)) for key in keys)


def _word(key: str, value: JsonValue, other: JsonValue) -> str:
    """Of a long list of factors only the first that differs."""
    if not isinstance(value, list):
        return f"{key} {value}"
    theirs = other if isinstance(other, list) else []
    apart = (at for at, pair in enumerate(zip(value, theirs, strict=False)) if not same_value(*pair))
    at = next(apart, min(len(value), len(theirs)))
    return f"{key}[{at}] {value[at]}" if at < len(value) else f"{key} {len(value)}"


def base_rope(
    base: Model, part: RopePart, theirs: RopePart, ours: Rope, wanted: Rope
) -> tuple[Operation, ...]:
    """The base's RoPE in each spelling that merged uses; nothing where layers differ in kind."""
    if ("" in ours) != ("" in wanted):
        return ()
    old = dict(theirs.old) or as_old(wanted, part, part.old)
    if old is None:
        return ()
    operations: list[Operation] = []
    keys = base.keys(_CONFIG) if not part.pointer else tuple(theirs.values)
    same_place = part.pointer == theirs.pointer
    if part.new is not None:
        field = SetField(_CONFIG, f"{part.pointer}/{NEW_KEY}", as_new(wanted), keys)
        operations.append(_copied(field, same_place and theirs.new is not None))
    for key in OLD_KEYS if part.old else ():
        pointer = f"{part.pointer}/{key}"
        if key not in old and key in part.old:
            operations.append(RemoveField(_CONFIG, pointer))
        elif key in old and not same_value(old[key], part.values.get(key)):
            field = SetField(_CONFIG, pointer, old[key], keys)
            operations.append(_copied(field, same_place and key in theirs.old))
    return tuple(operations)


def _copied(field: SetField, in_base: bool) -> Operation:  # noqa: FBT001 - a condition, no option
    """The base's own text, where it has the value in the same place."""
    return CopyField(field.file, field.pointer) if in_base else field


RULES: Final = (_only_for_new_readers, _rope_differs)
