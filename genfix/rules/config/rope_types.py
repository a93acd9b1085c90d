"""GF714: a kind of RoPE that no reader has.

Who is right: the readers' code about the kinds that there are; the base, about which is meant.
"""

from collections.abc import Iterator
from typing import Final

from genfix.engines.shared.released import is_newer
from genfix.folder.kinds import CONFIG as _CONFIG
from genfix.message import message
from genfix.model import Model
from genfix.model.rope import NEW_KEY, RopePart, read_rope, unknown_types
from genfix.rules.config.rope_settings import base_rope
from genfix.rules.core.context import Context
from genfix.rules.core.finding import Finding, Fix, Severity, Witness
from genfix.rules.core.questions import CONFIG
from genfix.rules.core.reasons import BASE_HAS_IT_TOO
from genfix.rules.core.rule import Rule, rule


@rule(
    "GF714",
    "rope-type-unknown",
    Severity.ERROR,
    question=CONFIG,
    shows="loading fails: `KeyError`, or `Unknown RoPE scaling type`",
)
def _unknown(context: Context, rule: Rule) -> Iterator[Finding]:
    """`rope_type` in `rope_scaling` or `rope_parameters` is a kind of RoPE that no reader has.

    Why: transformers takes the config with a warning at most, and fails when the model is built; vLLM refuses
    the kind.

    Fix: The base's values, in each spelling that is here.

    Safety: Unsafe: with another kind every position is turned by other angles. Manual without a base that
    has a known kind. Information where the base has the same, and in a config that a newer transformers wrote
    than the newest that was read. Silent beside `auto_map`, and where the weights are an exported graph or a
    GGUF, which have RoPE in them.

    Sources:
    - transformers 5.24.0 and 4.57.6: modeling_rope_utils.py `ROPE_INIT_FUNCTIONS`
    - vLLM 0.32.0: model_executor/layers/rotary_embedding/__init__.py `get_rope`
    """
    merged, base = context.merged, context.base
    unknown = unknown_types(merged)
    if not unknown or merged.weights.is_export:
        return
    shared = base is not None and unknown == unknown_types(base)
    part = RopePart.of(merged)
    yield rule.finding(
        _CONFIG,
        message("rope-type-unknown", "no reader has the RoPE type {types}", types=[*unknown]),
        severity=Severity.INFO
        if shared or is_newer(merged.config.get("transformers_version"))
        else Severity.ERROR,
        witness=Witness.ENGINE,
        pointer=f"{part.pointer}/{NEW_KEY if part.new is not None else 'rope_scaling'}",
        engines=tuple(context.views),
        fix=BASE_HAS_IT_TOO if shared else _fix(merged, base),
    )


def _fix(merged: Model, base: Model | None) -> Fix:
    ours = read_rope(RopePart.of(merged))
    theirs = read_rope(RopePart.of(base)) if base is not None else None
    if base is None or ours is None or theirs is None or unknown_types(base):
        return Fix.manual(message("why-rope-type", "no file tells which kind is meant"))
    operations = base_rope(base, RopePart.of(merged), RopePart.of(base), ours, theirs)
    why = message("why-rope-type-of-base", "the base's RoPE may not be what this model was tuned with")
    return Fix.unsafe(why, *operations) if operations else Fix.manual(why)


RULES: Final = (_unknown,)
