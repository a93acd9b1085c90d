"""GF604 and GF605: the settings of generation_config.json other than stop tokens.

Who is right: merged. What no engine accepts is no setting.
"""

from collections.abc import Iterator
from typing import Final

from genfix.engines.shared.taken_settings import refused_by_generate
from genfix.folder.kinds import GENERATION_CONFIG
from genfix.json_types import JsonObject, JsonValue, Missing
from genfix.jsontext.json_diff import child_pointer
from genfix.message import message
from genfix.model.config_meaning import TOKEN_IDS
from genfix.rules.core.context import Context
from genfix.rules.core.finding import CopyField, Finding, Fix, RemoveField, SetField, Severity, Witness
from genfix.rules.core.questions import SAMPLING
from genfix.rules.core.reasons import BASE_HAS_IT_TOO
from genfix.rules.core.rule import Rule, rule
from genfix.rules.generation.length_limits import LIMITS
from genfix.rules.generation.lost_settings import PROVENANCE, is_resynthesised
from genfix.rules.generation.setting_ranges import in_range, refused, same_setting

_SAMPLED: Final = ("temperature", "top_p", "min_p", "typical_p", "top_k", "epsilon_cutoff", "eta_cutoff")

_GENERATE: Final = "transformers5"
_MOST: Final = "max_new_tokens"
"""Of a value out of range not even a generation config is made."""


@rule(
    "GF604",
    "generation-config-invalid",
    Severity.ERROR,
    question=SAMPLING,
    shows="requests that do not set the value themselves fail",
)
def _invalid(context: Context, rule: Rule) -> Iterator[Finding]:
    """A setting has a value that engines refuse (a negative temperature, `top_p` of 0), or sampling
    values stand without `do_sample`.

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
    # Without chance, generate() never looks at a temperature, and a top_p above 1 is no limit to it.
    by_generate = {_MOST, *refused_by_generate(merged, 5)}
    for key in refused(merged):
        value, theirs, pointer = merged[key], base.get(key), f"/{key}"
        shared = context.base is not None and theirs == value
        repaired = theirs is not None and in_range(key, theirs)
        mend = CopyField if repaired else RemoveField
        yield rule.finding(
            GENERATION_CONFIG,
            message("setting-out-of-range", "{key} = {value!r} is refused by engines", key=key, value=value),
            severity=Severity.INFO if shared else Severity.ERROR,
            witness=Witness.ENGINE,
            pointer=pointer,
            current=value,
            expected=theirs if repaired else Missing.MISSING,
            engines=tuple(name for name in context.views if name != _GENERATE or key in by_generate),
            fix=BASE_HAS_IT_TOO
            if shared
            else Fix.safe(
                message("why-setting-out-of-range", "no engine can use the value"),
                mend(GENERATION_CONFIG, pointer),
            ),
        )
    yield from _ignored_sampling(context, rule, merged)


def _ignored_sampling(context: Context, rule: Rule, merged: JsonObject) -> Iterator[Finding]:
    """Sampling values without ``do_sample``: saving such a file fails in transformers 5, loading it does not.

    Models are shipped that way; where the base's own file is not like that, the merge made it so.
    """
    keys = _ignored_keys(merged)
    if not keys:
        return
    theirs = context.base.generation_config.value if context.base is not None else None
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
        fix=BASE_HAS_IT_TOO
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
        key for key in _SAMPLED if config.get(key) is not None and not same_setting(key, config[key], None)
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
    if context.base is None or is_resynthesised(context.merged, context.base):
        return
    merged, base = context.merged.generation_config.value, context.base.generation_config.value
    if merged is None or base is None:
        return
    # Another rule says what is wrong with a value, and a fault of the base is not brought in.
    skipped = PROVENANCE | TOKEN_IDS | {*refused(merged), *refused(base)}
    skipped |= {key for key in LIMITS if base.get(key) is None}
    skipped |= {"do_sample"} if _ignored_keys(merged) else set()
    for key in dict.fromkeys([*base, *merged]):
        ours, theirs, pointer = merged.get(key), base.get(key), child_pointer("", key)
        if key in skipped or same_setting(key, ours, theirs):
            continue
        mend = RemoveField if theirs is None else CopyField
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
                mend(GENERATION_CONFIG, pointer),
            ),
        )


RULES: Final = (_invalid, _differs)
