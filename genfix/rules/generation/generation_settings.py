"""GF6xx: the settings of generation_config.json other than stop tokens.

Who is right: merged, except where its file was lost or written anew from config.json. What no engine accepts
is no setting.
"""

from collections.abc import Iterator
from typing import Final

from genfix.engines.shared.generating import DEFAULTS
from genfix.folder.kinds import GENERATION_CONFIG
from genfix.json_types import JsonObject, JsonValue, Missing
from genfix.jsontext.json_diff import child_pointer
from genfix.message import message
from genfix.rules.core.context import Context
from genfix.rules.core.finding import (
    CopyField,
    Finding,
    Fix,
    Harm,
    Operation,
    RemoveField,
    SetField,
    Severity,
    Witness,
)
from genfix.rules.core.questions import SAMPLING
from genfix.rules.core.restoring import restoring
from genfix.rules.core.rule import Rule, rule
from genfix.rules.generation.setting_ranges import in_range, refused
from genfix.rules.stops.stop_set import engine_stops

_PROVENANCE: Final = frozenset(
    ["transformers_version", "_from_model_config", "_commit_hash", "_original_object_hash"]
)
_TOKEN_IDS: Final = frozenset(["eos_token_id", "bos_token_id", "pad_token_id", "decoder_start_token_id"])
_RUN_TIME: Final = ("max_new_tokens", "max_length")
_SAMPLING_ONLY: Final = (
    "temperature",
    "top_p",
    "min_p",
    "typical_p",
    "top_k",
    "epsilon_cutoff",
    "eta_cutoff",
)


@rule(
    "GF601",
    "generation-config-missing",
    Severity.ERROR,
    question=SAMPLING,
    harm=Harm.ENDLESS,
    needs_base=True,
    shows="answers run past their end, up to max_tokens, and are sampled otherwise",
)
def _missing(context: Context, rule: Rule) -> Iterator[Finding]:
    """The base has a `generation_config.json` and the folder has none.

    Why: Engines take stop tokens and sampling defaults from this file. Without it they fall back to
    `config.json`, whose `eos_token_id` is often one id only: the model never stops. Sampling falls back to
    the engine's defaults, so answers change too.

    Fix: The base's file, byte-identical. An id that only this folder's `config.json` stops at is kept in the
    list.

    Safety: Safe: nothing is overwritten. Error where an engine that stops with the base no longer does, else
    warning.

    Sources:
    - zai-org/GLM-4#297
    - arcee-ai/mergekit#275
    - transformers 5.23.0: save_pretrained of classes without GenerationMixin
    """
    if context.base is None or not context.lost_from_base(GENERATION_CONFIG):
        return
    engines = context.engines_that_lost_their_stop()
    yield rule.finding(
        GENERATION_CONFIG,
        message("generation-config-missing", "is missing; the base has it"),
        severity=Severity.ERROR if engines else Severity.WARNING,
        witness=Witness.BASE,
        evidence=[
            *engine_stops(context),
            *(
                [
                    message(
                        "evidence-trainer-hides-it",
                        "stops in swift infer or llamafactory chat, not in vLLM: trainers add the stop words "
                        "themselves",
                    )
                ]
                if engines
                else []
            ),
        ],
        engines=engines or tuple(context.views),
        fix=restoring(
            context,
            context.base,
            GENERATION_CONFIG,
            message("why-file-lost", "the file is missing here, so nothing is overwritten"),
        ),
    )


def _both(context: Context) -> tuple[JsonObject | None, JsonObject | None]:
    base = context.base.generation_config.value if context.base is not None else None
    return context.merged.generation_config.value, base


def _is_resynthesised(context: Context) -> bool:
    """Whether merged's file holds nothing but what follows from its config.json, unlike the base's."""
    merged, base = _both(context)
    if (
        not merged
        or not base
        or merged.get("_from_model_config") is not True
        or base.get("_from_model_config")
    ):
        return False
    return all(
        value == context.merged.config_value(key) for key, value in merged.items() if key not in _PROVENANCE
    )


@rule(
    "GF602",
    "generation-config-resynthesised",
    Severity.WARNING,
    question=SAMPLING,
    harm=Harm.ENDLESS,
    needs_base=True,
    shows="answers are sampled otherwise than the authors chose",
)
def _resynthesised(context: Context, rule: Rule) -> Iterator[Finding]:
    """The file was written anew from `config.json` (`_from_model_config`), and the base's settings are gone.

    Why: Answers are sampled with the engine's defaults instead of the values the model's authors chose.

    Fix: The base's settings are added and `_from_model_config` is removed; values the file has stay.

    Safety: Safe: every value in the file follows from `config.json`, so nobody chose it. Anything else found
    in it makes the difference a GF605.

    Sources:
    - verl-project/verl#1277
    - transformers 5.23.0: generation/configuration_utils.py `from_model_config`
    """
    base, merged = context.base, context.merged.generation_config.value
    if base is None or merged is None or not _is_resynthesised(context):
        return
    lost = [
        key
        for key in base.keys(GENERATION_CONFIG)
        if key not in merged and key not in _PROVENANCE and key != "eos_token_id"
    ]
    if not any(key not in _TOKEN_IDS for key in lost):
        return
    operations: list[Operation] = [CopyField(GENERATION_CONFIG, child_pointer("", key)) for key in lost]
    operations.append(RemoveField(GENERATION_CONFIG, "/_from_model_config"))
    yield rule.finding(
        GENERATION_CONFIG,
        message(
            "generation-config-resynthesised",
            "was written anew from config.json; the base's {keys} are lost",
            keys=list[JsonValue](lost),
        ),
        witness=Witness.BASE,
        engines=tuple(context.views),
        fix=Fix.safe(
            message(
                "why-resynthesised", "every value in the file follows from config.json, so nobody chose it"
            ),
            *tuple(operations),
        ),
    )


@rule(
    "GF603",
    "run-time-value-baked-in",
    Severity.WARNING,
    question=SAMPLING,
    needs_base=True,
    shows="answers are cut at that length",
)
def _run_time(context: Context, rule: Rule) -> Iterator[Finding]:
    """`max_new_tokens` or `max_length` of a training or evaluation run stands in the file; the base sets
    none.

    Why: vLLM and transformers cut every answer at that length unless the request says otherwise.

    Fix: The key is removed.

    Safety: Safe: a length limit is a request's business, and the model's authors set none.

    Sources:
    - ms-swift a91ed10: swift/llm/sft.py
    - modelscope/ms-swift#3113
    """
    merged = context.merged.generation_config.value
    if context.base is None or merged is None:
        return
    base = context.base.object(GENERATION_CONFIG)
    for key in _RUN_TIME:
        value = merged.get(key)
        if value is None or base.get(key) is not None or _equal(key, value, None):
            continue
        yield rule.finding(
            GENERATION_CONFIG,
            message(
                "run-time-value",
                "{key} = {value!r} is left over from a training run; the base sets none",
                key=key,
                value=value,
            ),
            witness=Witness.BASE,
            pointer=child_pointer("", key),
            current=value,
            engines=tuple(name for name, view in context.views.items() if key in view.sampling),
            fix=Fix.safe(
                message(
                    "why-run-time-value",
                    "{key} limits every answer, and the model's authors set no limit",
                    key=key,
                ),
                RemoveField(GENERATION_CONFIG, child_pointer("", key)),
            ),
        )


@rule(
    "GF604",
    "generation-config-invalid",
    Severity.ERROR,
    question=SAMPLING,
    shows="requests that do not set the value themselves fail",
)
def _invalid(context: Context, rule: Rule) -> Iterator[Finding]:
    """A setting has a value that engines refuse (a negative temperature, `top_p` of 0), or sampling values
    stand
    without `do_sample`.

    Why: Out of range: each request that does not set the value itself fails. Sampling values without
    `do_sample: true`: transformers ignores them and refuses to save the file again (training then fails at
    its very end), while vLLM uses them.

    Fix: Out of range: the base's value, or none. Without `do_sample`: set it to true.

    Safety: Out of range: safe, no engine can use it. `do_sample`: unsafe, because `generate()` would sample
    where it was greedy. A warning where the base's file has no such fault; without that file it is
    information, since every engine loads the file. A fault the base has too is information.

    Sources:
    - transformers 5.23.0: generation/configuration_utils.py `validate`
    - vLLM 0.32.0: sampling_params.py `_verify_args`
    - hiyouga/LLaMA-Factory#2545
    """
    merged = context.merged.generation_config.value
    if merged is None:
        return
    base = context.base.object(GENERATION_CONFIG) if context.base is not None else {}
    for key in refused(merged):
        value, theirs = merged[key], base.get(key)
        shared = context.base is not None and theirs == value
        repaired = theirs is not None and in_range(key, theirs)
        operation = (
            CopyField(GENERATION_CONFIG, f"/{key}") if repaired else RemoveField(GENERATION_CONFIG, f"/{key}")
        )
        yield rule.finding(
            GENERATION_CONFIG,
            message("setting-out-of-range", "{key} = {value!r} is refused by engines", key=key, value=value),
            severity=Severity.INFO if shared else Severity.ERROR,
            witness=Witness.ENGINE,
            pointer=f"/{key}",
            current=value,
            expected=theirs if repaired else Missing.MISSING,
            engines=tuple(context.views),
            fix=_BASE_HAS_IT_TOO
            if shared
            else Fix.safe(message("why-setting-out-of-range", "no engine can use the value"), operation),
        )
    yield from _ignored_sampling(context, rule, merged)


_BASE_HAS_IT_TOO: Final = Fix.manual(message("why-base-has-it-too", "the base has the same fault"))


def _ignored_sampling(context: Context, rule: Rule, merged: JsonObject) -> Iterator[Finding]:
    """Sampling values without ``do_sample``: saving such a file fails in transformers 5, loading it does not.

    Models are shipped that way; where the base's own file is not like that, the merge made it so.
    """
    keys = _ignored_keys(merged)
    if not keys:
        return
    _, theirs = _both(context)
    base = theirs or {}
    shared = bool(_ignored_keys(base))
    yield rule.finding(
        GENERATION_CONFIG,
        message(
            "sampling-without-do-sample",
            "{keys} without do_sample: transformers ignores them and will not save the file again",
            keys=keys,
        ),
        severity=Severity.INFO if theirs is None or shared else Severity.WARNING,
        witness=Witness.ENGINE,
        pointer="/do_sample",
        current=merged.get("do_sample", Missing.MISSING),
        expected=True,
        engines=("transformers5",),
        fix=_BASE_HAS_IT_TOO
        if shared
        else Fix.unsafe(
            message("why-sampling-without-do-sample", "generate() would sample where it was greedy"),
            SetField(GENERATION_CONFIG, "/do_sample", value=True, key_order=tuple(base)),
        ),
    )


def _ignored_keys(config: JsonObject) -> list[JsonValue]:
    if config.get("do_sample") is True or config.get("_from_model_config") is True:
        return []
    return [
        key for key in _SAMPLING_ONLY if config.get(key) is not None and not _equal(key, config[key], None)
    ]


@rule("GF605", "generation-setting-differs", Severity.INFO, question=SAMPLING, needs_base=True)
def _differs(context: Context, rule: Rule) -> Iterator[Finding]:
    """A sampling setting is not the base's.

    Why: Answers differ from the base's in length, variety or repetition. That may be what the author of the
    fine-tune wants.

    Fix: The base's value, or none where the base has none.

    Safety: Unsafe: the folder's own value is taken to be meant.

    Sources:
    - ggml-org/llama.cpp and vLLM 0.32.0 (config/model.py): both take sampling defaults from this file
    """
    merged, base = _both(context)
    if context.base is None or merged is None or base is None or _is_resynthesised(context):
        return
    # Another rule says what is wrong with a value, and a fault of the base is not brought in.
    skipped = _PROVENANCE | _TOKEN_IDS | {*refused(merged), *refused(base)}
    skipped |= {key for key in _RUN_TIME if base.get(key) is None}
    skipped |= {"do_sample"} if _ignored_keys(merged) else set()
    for key in dict.fromkeys([*base, *merged]):
        ours, theirs, pointer = merged.get(key), base.get(key), child_pointer("", key)
        if key in skipped or _equal(key, ours, theirs):
            continue
        removal, copy = RemoveField(GENERATION_CONFIG, pointer), CopyField(GENERATION_CONFIG, pointer)
        yield rule.finding(
            GENERATION_CONFIG,
            message(
                "setting-differs",
                "{key} is {ours!r}; the base has {theirs!r}",
                key=key,
                ours=ours,
                theirs=theirs,
            ),
            witness=Witness.BASE,
            pointer=pointer,
            current=merged.get(key, Missing.MISSING),
            expected=base.get(key, Missing.MISSING),
            fix=Fix.unsafe(
                message("why-setting-differs", "the folder's own value is taken to be meant"),
                removal if theirs is None else copy,
            ),
        )


def _equal(key: str, left: JsonValue, right: JsonValue) -> bool:
    default = DEFAULTS.get(key)
    left = default if left is None else left
    right = default if right is None else right
    return left == right and isinstance(left, bool) == isinstance(right, bool)


RULES: Final = (_missing, _resynthesised, _run_time, _invalid, _differs)
