"""GF403 to GF405: values of config.json that a save round trip changes: context, cache, dtype.

Who is right: merged, wherever its value may be meant; the cache that training turns off is never meant.
"""

from collections.abc import Iterator
from typing import Final

from genfix.folder.kinds import CONFIG as _CONFIG
from genfix.folder.kinds import GENERATION_CONFIG, TOKENIZER_CONFIG
from genfix.json_types import JsonValue, Missing
from genfix.jsontext.json_diff import same_value
from genfix.message import Message, message
from genfix.model import Model
from genfix.model.model import TEXT_PARTS
from genfix.model.purpose import generates
from genfix.rules.core.class_defaults import is_default, is_read
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
from genfix.rules.core.questions import CONFIG
from genfix.rules.core.reasons import BASE_HAS_IT_TOO
from genfix.rules.core.rule import Rule, rule

# -- context -------------------------------------------------------------------------------------

_LENGTHS: Final = ("max_position_embeddings", "seq_length", "n_positions")
_NO_LIMIT: Final = 10**12
"""Tokenizers write 1e30 for no limit."""


@rule("GF404", "context-length-changed", Severity.INFO, question=CONFIG, needs_base=True)
def _context_differs(context: Context, rule: Rule) -> Iterator[Finding]:
    """`max_position_embeddings`, the sliding window in use, or the tokenizer's `model_max_length` is not the
    base's.

    Why: Engines take the longest prompt from these. A training recipe's cut-off left here shortens it; a
    value raised for long texts belongs here.

    Fix: None: compare with how the model was trained.

    Safety: Manual: both values may be meant, and the base's would undo an extension.

    Sources:
    - hiyouga/LLaMA-Factory#3370
    - huggingface/alignment-handbook#47
    """
    base, merged = context.base, context.merged
    if base is None:
        return
    pairs: list[tuple[str, str, JsonValue, JsonValue]] = [
        (_CONFIG, key, merged.config_value(key), base.config_value(key)) for key in _LENGTHS
    ]
    if all(_states(model, "sliding_window") for model in (merged, base)):
        pairs.append((_CONFIG, "sliding_window", _window(merged), _window(base)))
    key = "model_max_length"
    limits = _limit(merged.tokenizer_config.get(key)), _limit(base.tokenizer_config.get(key))
    pairs.append((TOKENIZER_CONFIG, key, *limits))
    for file, key, ours, theirs in pairs:
        if same_value(ours, theirs) or (key != "sliding_window" and None in (ours, theirs)):
            continue
        yield rule.finding(
            file,
            length_differs(key, ours, theirs),
            witness=Witness.BASE,
            pointer=f"/{key}",
            current=ours,
            expected=theirs,
            fix=EITHER_LENGTH,
        )


EITHER_LENGTH: Final = Fix.manual(
    message("why-context-meant", "either may be meant: compare with how the model was trained")
)


def length_differs(key: str, ours: JsonValue, theirs: JsonValue) -> Message:
    """What is said of another length than the base's."""
    return message(
        "context-differs", "{key} is {ours!r}; the base has {theirs!r}", key=key, ours=ours, theirs=theirs
    )


def _states(model: Model, key: str) -> bool:
    return key in model.config or key in model.text_config


def _window(model: Model) -> JsonValue:
    """The window that is in use: Qwen writes one down and switches it off."""
    key = "use_sliding_window"
    used = model.config_value(key)
    pointer = model.config_pointer("sliding_window")
    if used is None and pointer is not None:
        switch = pointer.replace("sliding_window", key)
        used = not (is_read(model, switch) and is_default(model, switch, False))
    return None if used is False else model.config_value("sliding_window")


def _limit(value: JsonValue) -> JsonValue:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return min(_NO_LIMIT, value)


# -- cache ---------------------------------------------------------------------------------------

_CACHE_PLACES: Final = ((_CONFIG, ""), *((_CONFIG, part) for part in TEXT_PARTS), (GENERATION_CONFIG, ""))


@rule("GF403", "use-cache-off", Severity.WARNING, question=CONFIG, shows="generation is several times slower")
def _cache_off(context: Context, rule: Rule) -> Iterator[Finding]:
    """`use_cache` is `false` in `config.json` or `generation_config.json`. Training with gradient
    checkpointing turns it off, and saving keeps it.

    Why: Each new token computes the whole text anew, several times slower. `generate()` goes by `config.json`
    where there is no `generation_config.json`; code that calls the model itself always does. vLLM does not
    look.

    Fix: `true`, or in `generation_config.json` nothing where the base has nothing.

    Safety: Safe with a base whose cache is on: the value changes speed and no answer. Unsafe without a base.
    A base that has it off too makes it information without a fix. Silent for models that generate nothing.

    Sources:
    - huggingface/trl#3891
    - transformers 5.23.0: generation/configuration_utils.py `from_model_config`
    """
    base = context.base
    if generates(context.merged) is False:
        return  # the cache is for generating alone
    for file, part in _CACHE_PLACES:
        if _cache(context.merged, file, part) is not False:
            continue
        pointer = f"/{part}/use_cache" if part else "/use_cache"
        shared = base is not None and False in (
            _cache(base, file, part),
            base.config_value("use_cache") if file == _CONFIG else None,
        )
        if base is None:
            fix = Fix.unsafe(
                message("why-cache-alone", "no base tells whether the model can have it on"),
                SetField(file, pointer, value=True),
            )
        elif shared:
            fix = BASE_HAS_IT_TOO
        else:
            fix = Fix.safe(
                message("why-cache-on", "the cache changes speed and no answer; training turns it off"),
                _cache_on(base, file, part, pointer),
            )
        yield rule.finding(
            file,
            message("use-cache-off", "use_cache is false: each token computes the whole text anew"),
            severity=Severity.INFO if shared or base is None else Severity.WARNING,
            witness=Witness.ENGINE,
            pointer=pointer,
            current=False,
            expected=True,
            fix=fix,
        )


def _cache(model: Model, file: str, part: str) -> JsonValue | Missing:
    values: JsonValue = dict(model.object(file))
    if part and isinstance(values, dict):
        values = values.get(part)
    return values.get("use_cache", Missing.MISSING) if isinstance(values, dict) else Missing.MISSING


def _cache_on(base: Model, file: str, part: str, pointer: str) -> Operation:
    if _cache(base, file, part) is True:
        return CopyField(file, pointer)
    if file == GENERATION_CONFIG:
        return RemoveField(file, pointer)  # on is the default there
    return SetField(file, pointer, value=True, key_order=base.keys(file))


# -- dtype ---------------------------------------------------------------------------------------

_FLOATS: Final = {"BF16": "bfloat16", "F16": "float16", "F32": "float32", "F64": "float64"}
_MOST: Final = 0.9
"""Share of the bytes that a dtype needs to be the weights' own: routers and norms may be kept in another."""


@rule("GF405", "dtype-differs", Severity.INFO, question=CONFIG)
def _dtype_differs(context: Context, rule: Rule) -> Iterator[Finding]:
    """`dtype` (or `torch_dtype`) of `config.json` is not the dtype of the weights.

    Why: Engines convert the weights to the dtype of `config.json` while they load. That costs memory or
    precision, and may be meant.

    Fix: None: save the model again in the dtype it should have.

    Safety: Manual. Quantised weights and mixed dtypes are left alone.

    Sources:
    - huggingface/peft#890
    - hiyouga/LLaMA-Factory#2075
    """
    declared, stored = _dtypes(context.merged)
    if declared is None or stored is None or declared == stored:
        return
    if context.base is not None:
        theirs, held = _dtypes(context.base)
        if theirs is not None and held is not None and theirs != held:
            return  # the base has it so
    yield rule.finding(
        _CONFIG,
        message(
            "dtype-differs",
            "dtype is {declared!r}; the weights are {stored}",
            declared=declared,
            stored=stored,
        ),
        witness=Witness.WEIGHTS,
        pointer="/dtype" if context.merged.config.get("dtype") is not None else "/torch_dtype",
        current=declared,
        expected=stored,
        fix=Fix.manual(message("why-dtype", "converting while loading may be meant")),
    )


def _dtypes(model: Model) -> tuple[str | None, str | None]:
    """What config.json says, and what most of the weights are; `None` where quantised, mixed or unknown."""
    declared = model.config_value("dtype") or model.config_value("torch_dtype")
    if not isinstance(declared, str) or declared not in _FLOATS.values():
        return None, None
    facts = model.weights.facts
    if facts.quantization is not None or model.config_value("quantization_config") is not None:
        return declared, None
    total = sum(facts.dtypes.values())
    for name, size in facts.dtypes.items():
        if total and size >= _MOST * total:
            return declared, _FLOATS.get(name)
    return declared, None


RULES: Final = (_cache_off, _context_differs, _dtype_differs)
