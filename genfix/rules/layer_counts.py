"""GF41x, second part: numbers of layers and experts in config.json that the weights contradict.

Who is right: the weights, whatever the base says.
"""

from collections.abc import Iterator
from typing import Final

from genfix.json_types import JsonValue
from genfix.message import message
from genfix.model import Model
from genfix.rules.context import Context
from genfix.rules.finding import Applicability, Finding, Fix, SetField, Severity, Witness
from genfix.rules.rule import Rule, RuleDoc
from genfix.rules.shapes import contradiction

__all__ = ["RULES"]

_CONFIG: Final = "config.json"
_SHOWN: Final = 5
_LAYERS: Final = ("num_hidden_layers", "num_layers", "n_layer", "n_layers")
_EXPERTS: Final = ("num_experts", "n_routed_experts", "num_local_experts")
_PREDICTION: Final = ("num_nextn_predict_layers", "mtp_num_hidden_layers")


def _layer_count(context: Context, rule: Rule) -> Iterator[Finding]:
    merged = context.merged
    facts = merged.weights.facts
    if facts.stacks != 1 or not merged.weights.is_whole:
        return
    key, value = _number(merged, _LAYERS)
    if key is None or value is None:
        return
    if facts.gaps:
        gaps: list[JsonValue] = [*facts.gaps[:_SHOWN]]
        yield rule.finding(
            _CONFIG,
            message("layers-missing", layers=gaps),
            witness=Witness.WEIGHTS,
            pointer=key,
            engines=tuple(context.views),
            fix=Fix(Applicability.MANUAL, message("why-weights-lost")),
        )
        return
    extra = _number(merged, _PREDICTION)[1] or 0
    if facts.layers is None or value in (facts.layers, facts.layers - extra):
        return
    if merged.config_value("num_blocks") == facts.layers:  # xLSTM counts them there
        return
    lists = _lists_of(merged, value)
    fix = Fix(Applicability.MANUAL, message("why-lists-per-layer", keys=lists)) if lists else None
    found = message("layer-count-wrong", layers=facts.layers, value=value)
    for finding in contradiction(context, rule, key, value, facts.layers, found):
        yield finding._replace(fix=fix or finding.fix)


def _lists_of(merged: Model, length: int) -> list[JsonValue]:
    """Keys of lists with an entry per layer: which entries belong to layers that are there, nobody knows."""
    found: list[JsonValue] = []
    for part in (merged.config, merged.text_config):
        found += [key for key, value in part.items() if isinstance(value, list) and len(value) == length > 3]
    return found


def _number(merged: Model, keys: tuple[str, ...]) -> tuple[str | None, int | None]:
    """The pointer and value of the first of ``keys`` that is a number."""
    for key in keys:
        value = merged.config_value(key)
        if type(value) is int:
            return merged.config_pointer(key), value
    return None, None


def _expert_count(context: Context, rule: Rule) -> Iterator[Finding]:
    merged = context.merged
    facts = merged.weights.facts
    pointer, value = _number(merged, _EXPERTS)
    if facts.experts is None or facts.stacks != 1 or pointer is None or not merged.weights.is_whole:
        return
    if value != facts.experts and not _explains(merged, facts.experts - (value or 0)):
        found = message("expert-count-wrong", experts=facts.experts, value=value)
        yield from contradiction(context, rule, pointer, value, facts.experts, found)


def _explains(merged: Model, difference: int) -> bool:
    """Whether the config itself tells of so many further experts: some compute nothing (LongCat)."""
    numbers = {**merged.config, **merged.text_config}
    return any(
        "expert" in key and type(number) is int and number == difference for key, number in numbers.items()
    )


def _prediction_layers(context: Context, rule: Rule) -> Iterator[Finding]:
    merged, base = context.merged, context.base
    facts = merged.weights.facts
    pointer, value = _number(merged, _PREDICTION)
    layers = _number(merged, _LAYERS)[1]
    if pointer is None or not value or facts.prediction_layers or facts.layers != layers or layers is None:
        return
    if not merged.weights.is_whole:
        return
    lost = base is not None and base.weights.outline.prediction_layers > 0
    yield rule.finding(
        _CONFIG,
        message("prediction-layers-missing", value=value),
        severity=rule.severity if lost else Severity.INFO,
        witness=Witness.WEIGHTS,
        pointer=pointer,
        current=value,
        expected=0,
        fix=Fix(Applicability.UNSAFE, message("why-prediction-layers"), (SetField(_CONFIG, pointer, 0),)),
    )


RULES: Final = (
    Rule(
        code="GF414",
        name="layer-count-wrong",
        severity=Severity.ERROR,
        needs_base=False,
        doc=RuleDoc(
            what="The number of layers in `config.json` is not that of the weights, or a layer is missing between others.",
            why=(
                "Too small: transformers drops the layers beyond it without an error. Too large: it fills the missing "
                "ones with random numbers; vLLM does not load."
            ),
            fix="The number of layers in the weights.",
            safety=(
                "Safe: the weights are whole and each layer is there. Manual where a list in the config has one entry per "
                "layer, or a layer is missing. Layers of multi-token prediction are counted apart. Unsafe with custom code."
            ),
            sources=("transformers 5.23.0: modeling_utils.py",),
        ),
        check=_layer_count,
    ),
    Rule(
        code="GF415",
        name="expert-count-wrong",
        severity=Severity.ERROR,
        needs_base=False,
        doc=RuleDoc(
            what="The number of routed experts in `config.json` is not that of the weights.",
            why="The router and the experts do not fit together: the model does not load, or routes to random weights.",
            fix="The number of experts in the weights.",
            safety="Safe: each expert is there. Unsafe for a model with code of its own.",
            sources=("transformers 5.23.0: models/qwen3_moe/modeling_qwen3_moe.py",),
        ),
        check=_expert_count,
    ),
    Rule(
        code="GF416",
        name="prediction-layers-missing",
        severity=Severity.WARNING,
        needs_base=False,
        doc=RuleDoc(
            what="`config.json` declares layers of multi-token prediction, and the weights have none.",
            why="Speculative decoding with them fails, and MLX does not load the folder. `save_pretrained` drops these tensors.",
            fix="Zero such layers.",
            safety="Unsafe: copying the tensors from the base would be the better repair. Information where the base has none either.",
            sources=("2U1/Qwen-VL-Series-Finetune#259", "ml-explore/mlx-lm#1485"),
        ),
        check=_prediction_layers,
    ),
)
