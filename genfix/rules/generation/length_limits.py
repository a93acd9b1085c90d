"""GF603: how long an answer may get.

Who is right: the base, where its authors wrote a `generation_config.json`. A `max_length` that reaches the
end of the context limits nothing, whoever wrote it.
"""

from collections.abc import Iterator
from typing import Final

from genfix.engines.shared.config_object import object_value
from genfix.folder.kinds import GENERATION_CONFIG
from genfix.json_types import JsonValue
from genfix.message import Message, message
from genfix.model import Model
from genfix.rules.core.context import Context
from genfix.rules.core.finding import Finding, Fix, Operation, RemoveField, SetField, Severity, Witness
from genfix.rules.core.questions import SAMPLING
from genfix.rules.core.rule import Rule, rule
from genfix.rules.generation.setting_ranges import same_setting

_NEW: Final = "max_new_tokens"
_ALL: Final = "max_length"
LIMITS: Final = (_NEW, _ALL)
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
    """`max_new_tokens` of a training or evaluation run stands in the file, or a `max_length` shorter than the
    model's context; the base sets none.

    Why: transformers cuts every answer at that length unless the request says otherwise, and vLLM does so at
    `max_new_tokens`. A `max_length` that reaches the end of the context, as unsloth writes, cuts nothing.

    Fix: `max_new_tokens` is removed. `max_length` becomes the length of the context: without it transformers
    would stop after 20 new tokens.

    Safety: Safe: a length limit is a request's business, and the model's authors set none. Unsafe for a
    `max_length` where no file tells how long the context is. Information, and unsafe, where the base has no
    `generation_config.json`: then nobody says that the value is wrong.

    Sources:
    - ms-swift a91ed10: swift/llm/sft.py
    - modelscope/ms-swift#3113
    - transformers 5.23.0: generation/utils.py `_prepare_generated_length`
    - vLLM 0.32.0: config/model.py `get_diff_sampling_param`
    """
    merged, base = context.merged.generation_config.value, context.base
    if base is None or merged is None:
        return
    longest = _context_length(context)
    for key in LIMITS:
        value, pointer = merged.get(key), f"/{key}"
        if same_setting(key, value, None) or base.object(GENERATION_CONFIG).get(key) is not None:
            continue
        # A tokenizer's limit may be a training's cut-off: enough to say that nothing is cut, not to lift to.
        if key == _ALL and (_reaches(value, longest or _limit(context)) or _is_overruled(context, base)):
            continue
        lift: Operation = RemoveField(GENERATION_CONFIG, pointer)
        if key == _ALL and longest is not None:
            lift = SetField(GENERATION_CONFIG, pointer, longest)
        yield rule.finding(
            GENERATION_CONFIG,
            message(
                "run-time-value",
                "{key} = {value!r} is left over from a training run; the base sets none",
                key=key,
                value=value,
            ),
            severity=Severity.WARNING if base.generation_config.present else Severity.INFO,
            witness=Witness.BASE,
            pointer=pointer,
            current=value,
            engines=tuple(name for name, view in context.views.items() if key in view.sampling),
            fix=Fix.safe_unless(
                _objection(base, key, longest),
                message(
                    "why-run-time-value",
                    "{key} limits every answer, and the model's authors set no limit",
                    key=key,
                ),
                (lift,),
            ),
        )


def _objection(base: Model, key: str, longest: int | None) -> Message | None:
    """What speaks against lifting the limit; `None` where nothing does."""
    if not base.generation_config.present:
        return message("why-run-time-alone", "the base has no such file, so nobody says that it is wrong")
    if key == _ALL and longest is None:
        return message(
            "why-run-time-context",
            "no file tells how long the context is; without max_length transformers stops after 20 tokens",
        )
    return None


def _is_overruled(context: Context, base: Model) -> bool:
    """Whether a ``max_new_tokens`` that the base sets too takes the place of ``max_length``."""
    models = (context.merged, base)
    return all(model.object(GENERATION_CONFIG).get(_NEW) is not None for model in models)


def _reaches(value: JsonValue, longest: int | None) -> bool:
    if longest is None or isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return value >= longest


def _context_length(context: Context) -> int | None:
    """Of merged; where its config.json does not tell, of the base."""
    lengths = (_length(model) for model in (context.merged, context.base) if model is not None)
    return next((length for length in lengths if length is not None), None)


def _limit(context: Context) -> int | None:
    """The longest text by the tokenizer."""
    value = context.merged.tokenizer_config.get(_CONTEXT[-1])
    return value if type(value) is int else None


def _length(model: Model) -> int | None:
    """The context by config.json, else by the class of its type."""
    values = [model.config_value(key) for key in _CONTEXT]
    values.append(object_value(model, _CONTEXT[0], _MAJOR).value)
    return next((value for value in values if type(value) is int and value > 0), None)


RULES: Final = (_run_time,)
