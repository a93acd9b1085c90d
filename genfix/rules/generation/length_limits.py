"""GF603: how long an answer may get.

Who is right: the base, where its authors wrote a `generation_config.json`. What reaches the end of the
context limits nothing, whoever wrote it.
"""

from collections.abc import Iterator
from typing import Final

from genfix.engines.shared.config_object import object_value
from genfix.folder.kinds import GENERATION_CONFIG
from genfix.json_types import JsonValue
from genfix.message import message
from genfix.model import Model
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
from genfix.rules.core.questions import SAMPLING
from genfix.rules.core.rule import Rule, rule
from genfix.rules.generation.setting_ranges import same_setting

_NEW: Final = "max_new_tokens"
_ALL: Final = "max_length"
LIMITS: Final = (_NEW, _ALL)
"""The first that is set counts (transformers 5.23, generation/utils.py `_prepare_generated_length`)."""
_CONTEXT: Final = (
    *("max_position_embeddings", "n_positions", "seq_length", "max_sequence_length", "max_seq_len"),
    *("max_target_positions", "model_max_length"),
)
_MAJOR: Final = 5


@rule(
    "GF603",
    "run-time-value-baked-in",
    Severity.WARNING,
    question=SAMPLING,
    needs_base=True,
    shows="answers are cut at that length",
)
def _run_time(context: Context, rule: Rule) -> Iterator[Finding]:
    """`max_new_tokens` or `max_length` of a training or evaluation run stands in the file, lower than the
    model's context; the base sets none.

    Why: transformers cuts every answer at that length unless the request says otherwise, and vLLM does so at
    `max_new_tokens`. A value that reaches the end of the context, as unsloth writes, cuts nothing.

    Fix: `max_new_tokens` is removed. `max_length` becomes the base's or, where the base has none, the length
    of the context, since transformers without any limit stops after 20 new tokens.

    Safety: Safe: a length limit is a request's business, the model's authors set none, and no reader cuts
    answers shorter than before. Unsafe where no file tells how long the context is. Information, and unsafe,
    where the base has no `generation_config.json`: then nobody says that the value is wrong.

    Sources:
    - ms-swift a91ed10: swift/llm/sft.py
    - modelscope/ms-swift#3113
    - transformers 5.23.0: generation/utils.py `_prepare_generated_length`
    - vLLM 0.32.0: config/model.py `get_diff_sampling_param`
    """
    merged, base = context.merged.generation_config.value, context.base
    if base is None or merged is None:
        return
    key = next((key for key in LIMITS if not same_setting(key, merged.get(key), None)), None)
    if key is None or base.object(GENERATION_CONFIG).get(key) is not None:
        return
    if _reaches(merged[key], _context_length(context)):
        return
    unlimited = no_limit(context)
    removal = (RemoveField(GENERATION_CONFIG, f"/{key}"),) if key == _NEW or not unlimited else ()
    objection = None
    if not base.generation_config.present:
        objection = message("why-run-time-alone", "the base has no such file that says it should be absent")
    elif not unlimited and _stops_early(context):
        objection = message(
            "why-run-time-context", "no file tells the length of the context, which would limit nothing"
        )
    yield rule.finding(
        GENERATION_CONFIG,
        message(
            "run-time-value",
            "{key} = {value!r} is left over from a training run; the base sets none",
            key=key,
            value=merged[key],
        ),
        severity=Severity.WARNING if base.generation_config.present else Severity.INFO,
        witness=Witness.BASE,
        pointer=f"/{key}",
        current=merged[key],
        engines=tuple(name for name, view in context.views.items() if key in view.sampling),
        fix=Fix.safe_unless(
            objection,
            message(
                "why-run-time-value",
                "{key} limits every answer, and the model's authors set no limit",
                key=key,
            ),
            (*removal, *unlimited),
        ),
    )


def no_limit(context: Context) -> tuple[Operation, ...]:
    """What lets answers reach the end of the context once ``max_new_tokens`` is gone, where something has to.

    Without any limit transformers stops after 20 new tokens (5.23 and 4.57, generation/utils.py).
    """
    longest, base = _context_length(context), context.base
    if not _stops_early(context):
        return ()
    if base is not None and _bases_own(context):
        return (CopyField(GENERATION_CONFIG, f"/{_ALL}"),)
    keys = base.keys(GENERATION_CONFIG) if base is not None else ()
    return () if longest is None else (SetField(GENERATION_CONFIG, f"/{_ALL}", longest, keys),)


def _stops_early(context: Context) -> bool:
    """Whether transformers would stop before the end of the context without ``max_new_tokens``.

    Where both folders have a ``max_length``, merged's is taken to be meant.
    """
    value = context.merged.object(GENERATION_CONFIG).get(_ALL)
    if same_setting(_ALL, value, None):
        return True
    return not _bases_own(context) and not _reaches(value, _context_length(context))


def _bases_own(context: Context) -> bool:
    """Whether the base sets a ``max_length``."""
    theirs = context.base.object(GENERATION_CONFIG).get(_ALL) if context.base is not None else None
    return not same_setting(_ALL, theirs, None)


def _reaches(value: JsonValue, longest: int | None) -> bool:
    if longest is None or isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return value >= longest


def _context_length(context: Context) -> int | None:
    """Of merged; where its config.json does not tell, of the base."""
    lengths = (_length(model) for model in (context.merged, context.base) if model is not None)
    return next((length for length in lengths if length is not None), None)


def _length(model: Model) -> int | None:
    """The context by config.json, else by the class of its type."""
    values = [model.config_value(key) for key in _CONTEXT]
    values.append(object_value(model, _CONTEXT[0], _MAJOR).value)
    return next((value for value in values if type(value) is int and value > 0), None)


RULES: Final = (_run_time,)
