"""GF601 and GF602: generation settings of the base that are gone, with the file or when it was written anew.

Who is right: the base.
"""

from collections.abc import Iterator
from typing import Final

from genfix.engines.shared.eos import read_eos
from genfix.folder.kinds import GENERATION_CONFIG
from genfix.jsontext.json_diff import child_pointer
from genfix.message import message
from genfix.model import Model
from genfix.model.config_meaning import TOKEN_IDS
from genfix.rules.core.context import Context
from genfix.rules.core.finding import CopyField, Finding, Fix, Harm, RemoveField, Severity, Witness
from genfix.rules.core.questions import SAMPLING
from genfix.rules.core.reasons import FILE_LOST
from genfix.rules.core.restoring import restoring
from genfix.rules.core.rule import Rule, rule
from genfix.rules.generation.setting_ranges import same_setting
from genfix.rules.stops.stop_set import engine_stops, trainers_hide_it

FROM_CONFIG: Final = "_from_model_config"
PROVENANCE: Final = frozenset(["transformers_version", FROM_CONFIG, "_commit_hash", "_original_object_hash"])


@rule(
    "GF601",
    "generation-config-missing",
    Severity.ERROR,
    question=SAMPLING,
    harm=Harm.ENDLESS,
    needs_base=True,
    shows="answers run past their end, up to max_tokens, and are sampled otherwise",
    milder="answers are sampled otherwise than the authors chose",
)
def _missing(context: Context, rule: Rule) -> Iterator[Finding]:
    """The base has a `generation_config.json` and the folder has none.

    Why: Engines take stop tokens and sampling defaults from this file. Without it they fall back to
    `config.json`, whose `eos_token_id` is often one id only: the model never stops. Sampling falls back to
    the engine's defaults, so answers change too.

    Fix: The base's file, byte-identical. An id that only this folder's `config.json` stops at is kept in the
    list.

    Safety: Safe: nothing is overwritten. Error where an engine that stops with the base no longer does, else
    warning. Unsafe and information where the base is a sibling of the model that the folder was made from. A
    model that generates nothing (a reward model, a classifier, an encoder, an embedding model) misses
    nothing: rules about stop tokens, chat templates and sampling are silent there.

    Sources:
    - zai-org/GLM-4#297
    - arcee-ai/mergekit#275
    - transformers 5.23.0: save_pretrained of classes without GenerationMixin
    """
    if context.base is None or not context.lost_from_base(GENERATION_CONFIG):
        return
    engines = context.engines_that_lost_their_stop()
    severity = Severity.ERROR if engines else Severity.WARNING
    yield rule.finding(
        GENERATION_CONFIG,
        message("generation-config-missing", "is missing; the base has it"),
        severity=severity if context.chat_objection is None else Severity.INFO,
        witness=Witness.BASE,
        evidence=[*engine_stops(context), *trainers_hide_it(engines)],
        engines=engines or tuple(context.views),
        fix=restoring(context, context.base, GENERATION_CONFIG, FILE_LOST),
    )


def is_resynthesised(merged: Model, base: Model) -> bool:
    """Whether merged's file holds nothing but what follows from its config.json, unlike the base's."""
    ours, theirs = merged.generation_config.value, base.generation_config.value
    if not ours or not theirs or ours.get(FROM_CONFIG) is not True or theirs.get(FROM_CONFIG):
        return False
    return all(
        read_eos(ours, key) == read_eos({key: merged.config_value(key)}, key)  # an id, or a list of it
        if key in TOKEN_IDS
        else value == merged.config_value(key) or same_setting(key, value, None)
        for key, value in ours.items()
        if key not in PROVENANCE
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
    in it makes the difference a GF605. Unsafe where the base is a sibling of the model that the folder was
    made from.

    Sources:
    - verl-project/verl#1277
    - transformers 5.23.0: generation/configuration_utils.py `from_model_config`
    """
    base, merged = context.base, context.merged
    if base is None or not is_resynthesised(merged, base):
        return
    ours, theirs = merged.object(GENERATION_CONFIG), base.object(GENERATION_CONFIG)
    # A default that is written out is no value that anybody chose.
    said = {key for key, value in ours.items() if not same_setting(key, value, None)}
    known = {*said, *PROVENANCE, "eos_token_id"}
    lost = [key for key in theirs if key not in known and not same_setting(key, ours.get(key), theirs[key])]
    if TOKEN_IDS.issuperset(lost):
        return
    yield rule.finding(
        GENERATION_CONFIG,
        message(
            "generation-config-resynthesised",
            "was written anew from config.json; the base's {keys} are lost",
            keys=[*lost],
        ),
        witness=Witness.BASE,
        engines=tuple(context.views),
        fix=Fix.safe_unless(
            context.chat_objection,
            message(
                "why-resynthesised", "every value in the file follows from config.json, so nobody chose it"
            ),
            (
                *(CopyField(GENERATION_CONFIG, child_pointer("", key)) for key in lost),
                RemoveField(GENERATION_CONFIG, f"/{FROM_CONFIG}"),
            ),
        ),
    )


RULES: Final = (_missing, _resynthesised)
