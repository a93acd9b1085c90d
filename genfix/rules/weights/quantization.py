"""GF42x: quantisation that config.json and the weights tell in two ways.

Who is right: the weights. A copy that was quantised, or made whole again, is a model of its own.
"""

from collections.abc import Iterator
from typing import Final

from genfix.folder.kinds import CONFIG
from genfix.json_types import JsonObject
from genfix.message import message
from genfix.model import Model
from genfix.model.weight_facts import FLOATS
from genfix.rules.core.context import Context
from genfix.rules.core.finding import CopyField, Finding, Fix, RemoveField, Severity, Witness
from genfix.rules.core.questions import WEIGHTS
from genfix.rules.core.rule import Rule, rule

_KEY: Final = "quantization_config"
_POINTER: Final = f"/{_KEY}"
_METHODS: Final = frozenset(["gptq", "awq", "compressed-tensors", "bitsandbytes", "fp8", "mxfp4"])
"""Methods whose tensors `WeightFacts.quantization` knows; of others nothing is said."""
_ELSEWHERE: Final = ("quantize_config.json", "quant_config.json", "hf_quant_config.json")
"""Where GPTQ, AWQ and ModelOpt keep it beside ``config.json``."""


def _declared(model: Model) -> JsonObject | None:
    """The quantisation that ``config.json`` declares."""
    value = model.config_value(_KEY)
    return value if isinstance(value, dict) and value else None


def _method(declared: JsonObject) -> str | None:
    method = declared.get("quant_method")
    if method is None and (declared.get("load_in_4bit") or declared.get("load_in_8bit")):
        return "bitsandbytes"
    return method if isinstance(method, str) else None


@rule(
    "GF421",
    "quantization-config-left-behind",
    Severity.ERROR,
    question=WEIGHTS,
    shows="loading fails on scales that are not there, or the model is quantised once more",
)
def _left_behind(context: Context, rule: Rule) -> Iterator[Finding]:
    """`config.json` declares a quantisation, and the weights are plain floating-point tensors.

    Why: The engine looks for packed tensors and scales that are not there (`Unexpected weight`, `KeyError:
    'quant_method'`), or quantises the merged model again to 4 bits. It is left from a quantised base (QLoRA).

    Fix: The key is removed.

    Safety: Safe: all weights are there, and none is quantised. Unsafe without a base for bitsandbytes, which
    can quantise while it loads. Nothing is said where the base declares the same over plain weights.

    Sources:
    - unslothai/unsloth#1601
    - allenai/open-instruct#149
    - ml-explore/mlx-lm#223
    """
    merged, base = context.merged, context.base
    declared, pointer = _declared(merged), merged.config_pointer(_KEY)
    if declared is None or pointer is None or not _is_plain(merged):
        return
    method = _method(declared)
    if method not in _METHODS or (method == "compressed-tensors" and not declared.get("config_groups")):
        return
    same = base is not None and _declared(base) == declared
    if same and base is not None and _is_plain(base):
        return  # the base is quantised by its engine, when it is loaded
    on_loading = method == "bitsandbytes" and base is None
    yield rule.finding(
        CONFIG,
        message("quantization-left", "declares {method} weights; those here are plain", method=method),
        severity=Severity.INFO if on_loading else rule.severity,
        witness=Witness.WEIGHTS,
        pointer=pointer,
        current=dict(declared),
        engines=tuple(context.views),
        fix=Fix.safe_unless(
            message("why-quantised-on-loading", "an engine may quantise while it loads, if that is meant")
            if on_loading
            else None,
            message("why-weights-are-plain", "all weights are here and none is quantised"),
            (RemoveField(CONFIG, pointer),),
        ),
    )


def _is_plain(model: Model) -> bool:
    """Whether all weights are there, and are floating-point numbers of a full format."""
    facts = model.weights.facts
    return (
        facts.layers is not None
        and model.weights.is_whole
        and facts.quantization is None
        and FLOATS.issuperset(facts.dtypes)
    )


@rule(
    "GF422",
    "quantization-config-lost",
    Severity.ERROR,
    question=WEIGHTS,
    shows="loading fails: packed tensors are taken for plain ones",
)
def _lost(context: Context, rule: Rule) -> Iterator[Finding]:
    """The weights are quantised, and no file of the folder says how.

    Why: No engine can read them: they are taken for plain tensors of a wrong shape or type.

    Fix: The base's `quantization_config`, where it is of the same method.

    Safety: Safe where the base declares the method that the tensors show. Otherwise manual: bits and group
    size are needed.

    Sources:
    - unslothai/unsloth#1770
    - transformers 5.23.0: quantizers/auto.py
    """
    merged, base = context.merged, context.base
    kind = merged.weights.facts.quantization
    if kind is None or merged.json(CONFIG).value is None or _says_how(merged):
        return
    theirs = _declared(base) if base is not None else None
    if base is not None and theirs is None and base.weights.outline.quantization == kind:
        return  # its engine knows by itself
    fits = theirs is not None and base is not None and _KEY in base.config and _method(theirs) == kind
    yield rule.finding(
        CONFIG,
        message(
            "quantization-lost",
            "the weights are {method} tensors, and no file says how to read them",
            method=kind,
        ),
        severity=Severity.WARNING if kind == "fp8" and base is None else rule.severity,
        witness=Witness.WEIGHTS,
        pointer=_POINTER,
        engines=tuple(context.views),
        fix=Fix.safe(
            message("why-quantised-like-base", "the base declares the method that the tensors show"),
            CopyField(CONFIG, _POINTER),
        )
        if fits
        else Fix.manual(
            message(
                "why-quantisation-unknown",
                "put back the quantization_config that was written when the {method} weights were made",
                method=kind,
            )
        ),
    )


def _says_how(model: Model) -> bool:
    """Whether some file tells how the weights are quantised."""
    declared = _declared(model) is not None or model.config_value("quantization") is not None
    return declared or any(model.has(name) for name in _ELSEWHERE)


@rule(
    "GF423",
    "quantised-in-two-ways",
    Severity.ERROR,
    question=WEIGHTS,
    shows="loading fails: engines pick the loader of the wrong format",
)
def _twice(context: Context, rule: Rule) -> Iterator[Finding]:
    """`config.json` declares another quantisation than the tensors have; or MLX's `quantization` stands over
    plain weights.

    Why: Engines pick the loader by `quantization_config`: with fp8 there and NVFP4 tensors they look for
    scales under other names and shapes. It is left from a base that was quantised in another way. mlx-lm
    reads `quantization`.

    Fix: The key is removed.

    Safety: Unsafe, and only where another file tells how the tensors are quantised (`hf_quant_config.json`,
    `quantize_config.json`), else manual. Safe for MLX's key where all weights are plain: a warning, since
    newer releases of mlx-lm look at the tensors. Information where the base says the same over such tensors.

    Sources:
    - vLLM 0.32.0: model_executor/model_loader/weight_utils.py
    - mlx-lm 0.31: utils.py
    """
    merged = context.merged
    declared, kind = _declared(merged), merged.weights.facts.quantization
    pointer = merged.config_pointer(_KEY)
    if declared is not None and pointer is not None and kind in _OTHERS.get(_method(declared) or "", ()):
        base = context.base
        same = base is not None and _declared(base) == declared and base.weights.outline.quantization == kind
        tells = [name for name in _ELSEWHERE if merged.has(name)]
        yield rule.finding(
            CONFIG,
            message(
                "quantised-in-two-ways",
                "declares {method}; the tensors are {kind}",
                method=_method(declared),
                kind=_TITLES.get(str(kind), str(kind)),
            ),
            severity=Severity.INFO if same else rule.severity,
            witness=Witness.WEIGHTS,
            pointer=pointer,
            current=dict(declared),
            engines=() if same else tuple(context.views),
            fix=Fix.unsafe(
                message("why-other-file-tells", "{file} says how the tensors are quantised", file=tells[0]),
                RemoveField(CONFIG, pointer),
            )
            if tells
            else Fix.manual(
                message(
                    "why-quantisation-unknown",
                    "put back the quantization_config that was written when the {method} weights were made",
                    method=_TITLES.get(str(kind), str(kind)),
                )
            ),
        )
    yield from _mlx_key(context, rule)


def _mlx_key(context: Context, rule: Rule) -> Iterator[Finding]:
    merged, base = context.merged, context.base
    value, pointer = merged.config_value(_MLX_KEY), merged.config_pointer(_MLX_KEY)
    if not isinstance(value, dict) or "bits" not in value or pointer is None or not _is_plain(merged):
        return
    same = base is not None and base.config_value(_MLX_KEY) == value and _is_plain(base)
    yield rule.finding(
        CONFIG,
        message("quantization-left", "declares {method} weights; those here are plain", method="mlx"),
        severity=Severity.INFO if same else Severity.WARNING,
        witness=Witness.WEIGHTS,
        pointer=pointer,
        current=dict(value),
        fix=Fix.safe(
            message("why-weights-are-plain", "all weights are here and none is quantised"),
            RemoveField(CONFIG, pointer),
        ),
    )


_MLX_KEY: Final = "quantization"
_TITLES: Final = {"modelopt": "NVFP4"}
_PACKED: Final = frozenset(["gptq", "awq"])
_ALL: Final = frozenset(["compressed-tensors", "bitsandbytes", "modelopt", "mxfp4", "mlx"])
_OTHERS: Final = {
    "fp8": _ALL | _PACKED,
    "gptq": _ALL,
    "awq": _ALL,
    "bitsandbytes": (_ALL | _PACKED) - {"bitsandbytes"},
    "mxfp4": (_ALL | _PACKED) - {"mxfp4"},
    "compressed-tensors": (_ALL | _PACKED) - {"compressed-tensors"},
}
"""By the method that is declared, those whose tensors it does not read."""

RULES: Final = (_left_behind, _lost, _twice)
