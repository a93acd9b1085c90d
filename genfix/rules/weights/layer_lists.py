"""GF419: lists with an entry per layer that are of another length than the model."""

from collections.abc import Iterator, Sequence
from typing import Final

from genfix.folder.kinds import CONFIG
from genfix.json_types import JsonObject, JsonValue
from genfix.message import message
from genfix.model import Model
from genfix.model.weight_sets import LAYER_COUNTS
from genfix.rules.core.class_defaults import is_read
from genfix.rules.core.context import Context
from genfix.rules.core.finding import CopyField, Finding, Fix, SetField, Severity, Witness
from genfix.rules.core.questions import WEIGHTS
from genfix.rules.core.reasons import BASE_HAS_IT_TOO
from genfix.rules.core.rule import Rule, rule

_REFUSED: Final = ("layer_types", "mlp_layer_types")
"""Lists whose length transformers checks (configuration_utils.py)."""


@rule(
    "GF419",
    "list-not-per-layer",
    Severity.ERROR,
    question=WEIGHTS,
    shows="loading fails: `num_hidden_layers must be equal to the number of layer types`",
)
def _lists(context: Context, rule: Rule) -> Iterator[Finding]:
    """A list in `config.json` that has one entry per layer (`layer_types`, or one that has so in the base) is
    of another length than the number of layers.

    Why: transformers refuses `layer_types` of another length; of other lists engines read past the end, or
    give layers the settings of others. Layers were cut out or added, and the list was forgotten.

    Fix: As many entries as layers: the base's list where it fits, the one entry that all are, else the first
    ones.

    Safety: Safe where the base has as many layers and its list fits, and where all entries are equal. Unsafe
    for the first entries of a longer list: they are right where the last layers were cut, and which were,
    only who cut them knows. Manual for a shorter list, and for code of the folder's own. A warning for lists
    that no reader checks, known from the base. Information where the base has the same, or the folder has
    code of its own. Where the list fits the weights and the number of layers does not, that is GF414.

    Sources:
    - transformers 5.24.0: configuration_utils.py
    - transformers 4.57.6: configuration_utils.py
    """
    merged, base = context.merged, context.base
    for start, part in _levels(merged):
        layers = _layers(part)
        if layers is None:
            continue
        for key, value in part.items():
            if not isinstance(value, list) or len(value) in (layers, merged.weights.facts.layers):
                continue
            pointer, theirs = f"{start}/{key}", _in_base(base, key)
            is_same = theirs is not None and theirs[0] == len(value) and theirs[1] == layers
            if key in _REFUSED and (is_read(merged, pointer) or "auto_map" in merged.config):
                severity = Severity.INFO if is_same or "auto_map" in merged.config else rule.severity
            elif theirs is not None and theirs[0] == theirs[1] > _FEW:
                severity = Severity.WARNING
            else:
                continue
            yield rule.finding(
                CONFIG,
                message(
                    "list-not-per-layer",
                    "has {count} entry; the model has {layers} layers",
                    "has {count} entries; the model has {layers} layers",
                    count=len(value),
                    layers=layers,
                ),
                severity=severity,
                witness=Witness.WEIGHTS,
                pointer=pointer,
                engines=tuple(context.views) if severity is Severity.ERROR else (),
                fix=_why_not(severity, is_same=is_same)
                or _fix(pointer, value, layers, fits=theirs == (layers, layers)),
            )


def _why_not(severity: Severity, *, is_same: bool) -> Fix | None:
    if is_same:
        return BASE_HAS_IT_TOO
    return _NOT_OURS if severity is Severity.INFO else None


def _fix(pointer: str, value: Sequence[JsonValue], layers: int, *, fits: bool) -> Fix:
    """As many entries as layers; ``fits`` where the base has them."""
    if fits:
        return Fix.safe(
            message("why-list-of-base", "the base has as many layers, and an entry for each"),
            CopyField(CONFIG, pointer),
        )
    if value and all(each == value[0] for each in value):
        return Fix.safe(
            message("why-list-of-one", "all entries are the same"),
            SetField(CONFIG, pointer, [value[0]] * layers),
        )
    if len(value) > layers:
        return Fix.unsafe(
            message(
                "why-list-cut", "these are the entries if the last layers were cut; nothing says which were"
            ),
            SetField(CONFIG, pointer, [*value[:layers]]),
        )
    return _NOT_OURS


_NOT_OURS: Final = Fix.manual(
    message("why-list-per-layer", "keep the entries of the layers that are there, and no others")
)
_FEW: Final = 3
"""Lists of so few entries may have as many by chance."""


def _levels(model: Model) -> Iterator[tuple[str, JsonObject]]:
    yield "", model.config
    if model.text_key is not None:
        yield f"/{model.text_key}", model.text_config


def _layers(part: JsonObject) -> int | None:
    values: list[JsonValue] = [part.get(key) for key in LAYER_COUNTS]
    return next((value for value in values if isinstance(value, int) and not isinstance(value, bool)), None)


def _in_base(base: Model | None, key: str) -> tuple[int, int] | None:
    """How many entries the base's list has, and how many layers."""
    for _, part in _levels(base) if base is not None else ():
        value, layers = part.get(key), _layers(part)
        if isinstance(value, list) and layers is not None:
            return len(value), layers
    return None


RULES: Final = (_lists,)
