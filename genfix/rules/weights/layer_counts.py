"""GF41x, second part: numbers of layers and experts in config.json that the weights contradict.

Who is right: the weights, whatever the base says.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from genfix.folder.kinds import CONFIG
from genfix.json_types import JsonValue
from genfix.message import Message, message
from genfix.model import Model
from genfix.model.weight_sets import LAYER_COUNTS, PREDICTION_COUNTS
from genfix.rules.core.context import Context
from genfix.rules.core.finding import SHOWN, Finding, Fix, SetField, Severity, Witness
from genfix.rules.core.questions import WEIGHTS
from genfix.rules.core.reasons import WEIGHTS_LOST
from genfix.rules.core.rule import Rule, rule
from genfix.rules.weights.shapes import contradiction

_EXPERTS: Final = ("num_experts", "n_routed_experts", "num_local_experts")


@rule(
    "GF414",
    "layer-count-wrong",
    Severity.ERROR,
    question=WEIGHTS,
    shows="layers are dropped or made up at random, or loading fails",
)
def _layer_count(context: Context, rule: Rule) -> Iterator[Finding]:
    """The number of layers in `config.json` is not that of the weights, or a layer is missing between others.

    Why: Too small: transformers drops the layers beyond it without an error. Too large: it fills the missing
    ones with random numbers; vLLM does not load.

    Fix: The number of layers in the weights.

    Safety: Safe: the weights are whole and each layer is there. Manual where a list in the config has one
    entry per layer, or a layer is missing. Layers of multi-token prediction are counted apart. Unsafe with
    custom code. Not found where the base says the same number over as many layers.

    Sources:
    - transformers 5.23.0: modeling_utils.py
    """
    merged = context.merged
    facts = merged.weights.facts
    if not _counts_layers(merged):
        return
    key, value = _number(merged, LAYER_COUNTS)
    if key is None or value is None:
        return
    if facts.gaps:
        yield rule.finding(
            CONFIG,
            layers_missing(facts.gaps),
            witness=Witness.WEIGHTS,
            pointer=key,
            engines=tuple(context.views),
            fix=WEIGHTS_LOST,
        )
        return
    extra = _number(merged, PREDICTION_COUNTS)[1] or 0
    fitting = () if facts.layers is None else (facts.layers, facts.layers - extra)
    # At the top a composite config may count the layers of its other parts too (CLAP).
    if not fitting or value in fitting or merged.text_config.get(key[1:]) in fitting:
        return
    if merged.config_value("num_blocks") == facts.layers:  # xLSTM counts them there
        return
    base = context.base
    if (
        base is not None
        and _number(base, LAYER_COUNTS)[1] == value
        and base.weights.outline.layers == facts.layers
    ):
        return  # the key means another number in this type of model
    found = layers_counted(value, facts.layers)
    finding = contradiction(context, rule, key, value, facts.layers, found)
    lists = _lists_of(merged, value)
    if lists:
        why = message(
            "why-lists-per-layer", "lists with an entry per layer have to change too: {keys}", keys=lists
        )
        finding = finding._replace(fix=Fix.manual(why))
    yield finding


def layers_missing(gaps: Sequence[int]) -> Message:
    """What is said of layers that are not there."""
    return message(
        "layers-missing", "layers are missing in the weights between others: {layers}", layers=[*gaps[:SHOWN]]
    )


def layers_counted(value: int, layers: int | None) -> Message:
    """What is said of another number of layers than there are."""
    return message(
        "layer-count-wrong", "says {value!r} layers; the weights have {layers}", layers=layers, value=value
    )


def _counts_layers(merged: Model) -> bool:
    """Whether the one stack of layers is a language model's, of which the keys of config.json speak.

    Below a token embedding stand the layers that they count. In models that only see or hear the same key
    may count stages, or a multiple of them (EfficientNet: four times the repeats).
    """
    facts = merged.weights.facts
    return facts.stacks == 1 and facts.embedding is not None and merged.weights.is_whole


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


@rule(
    "GF415",
    "expert-count-wrong",
    Severity.ERROR,
    question=WEIGHTS,
    shows="loading fails, or tokens go to random experts",
)
def _expert_count(context: Context, rule: Rule) -> Iterator[Finding]:
    """The number of routed experts in `config.json` is not that of the weights.

    Why: The router and the experts do not fit together: the model does not load, or routes to random weights.

    Fix: The number of experts in the weights.

    Safety: Safe: each expert is there. Unsafe for a model with code of its own.

    Sources:
    - transformers 5.23.0: models/qwen3_moe/modeling_qwen3_moe.py
    """
    merged = context.merged
    facts = merged.weights.facts
    pointer, value = _number(merged, _EXPERTS)
    if facts.experts is None or pointer is None or not _counts_layers(merged):
        return
    if value != facts.experts and not _explains(merged, facts.experts - (value or 0)):
        found = message(
            "expert-count-wrong",
            "says {value!r} experts; the weights have {experts}",
            experts=facts.experts,
            value=value,
        )
        yield contradiction(context, rule, pointer, value, facts.experts, found)


def _explains(merged: Model, difference: int) -> bool:
    """Whether the config itself tells of so many further experts: some compute nothing (LongCat)."""
    numbers = {**merged.config, **merged.text_config}
    return any(
        "expert" in key and type(number) is int and number == difference for key, number in numbers.items()
    )


@rule(
    "GF416",
    "prediction-layers-missing",
    Severity.WARNING,
    question=WEIGHTS,
    shows="speculative decoding fails; MLX does not load the folder",
)
def _prediction_layers(context: Context, rule: Rule) -> Iterator[Finding]:
    """`config.json` declares layers of multi-token prediction, and the weights have none.

    Why: Speculative decoding with them fails, and MLX does not load the folder. `save_pretrained` drops these
    tensors.

    Fix: Zero such layers.

    Safety: Unsafe: copying the tensors from the base would be the better repair. Information where the base
    has none either, and no fix where it declares as many. Tensors in a file that only the index leaves out
    are there: GF523 adds them to the index.

    Sources:
    - 2U1/Qwen-VL-Series-Finetune#259
    - ml-explore/mlx-lm#1485
    """
    merged, base = context.merged, context.base
    facts = merged.weights.facts
    pointer, value = _number(merged, PREDICTION_COUNTS)
    layers = _number(merged, LAYER_COUNTS)[1]
    if pointer is None or not value or facts.prediction_layers or facts.layers != layers or layers is None:
        return
    if not _counts_layers(merged):
        return
    lost = base is not None and base.weights.outline.prediction_layers > 0
    as_in_base = base is not None and not lost and _number(base, PREDICTION_COUNTS)[1] == value
    yield rule.finding(
        CONFIG,
        message(
            "prediction-layers-missing",
            "declares {value!r} layer of multi-token prediction; the weights have none",
            "declares {value!r} layers of multi-token prediction; the weights have none",
            value=value,
        ),
        severity=rule.severity if lost else Severity.INFO,
        witness=Witness.WEIGHTS,
        pointer=pointer,
        current=value,
        expected=0,
        fix=None
        if as_in_base
        else Fix.unsafe(
            message(
                "why-prediction-layers",
                "the model runs without them; the base's tensors would bring them back",
            ),
            SetField(CONFIG, pointer, 0),
        ),
    )


RULES: Final = (_layer_count, _expert_count, _prediction_layers)
