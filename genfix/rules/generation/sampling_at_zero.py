"""GF606 and GF607: settings that one engine takes and another does not, and keys that nobody reads.

Who is right: the engines' own code.
"""

from collections.abc import Iterator
from typing import Final

from genfix.engines.shared.released import setting_like
from genfix.folder.kinds import GENERATION_CONFIG
from genfix.json_types import JsonValue
from genfix.jsontext.json_diff import child_pointer
from genfix.message import message
from genfix.rules.core.context import Context
from genfix.rules.core.finding import CopyField, Finding, Fix, SetField, Severity, Witness
from genfix.rules.core.questions import SAMPLING
from genfix.rules.core.reasons import BASE_HAS_IT_TOO
from genfix.rules.core.rule import Rule, rule

_POINTER: Final = "/temperature"


@rule(
    "GF606",
    "sampling-at-temperature-zero",
    Severity.ERROR,
    question=SAMPLING,
    shows="`generate()` raises a ValueError at each request; vLLM answers greedily",
)
def _at_zero(context: Context, rule: Rule) -> Iterator[Finding]:
    """`do_sample` is true and `temperature` is 0.

    Why: `generate()` divides by the temperature and refuses 0 for sampling: `temperature (=0.0) has to be a
    strictly positive float`. vLLM takes 0 for greedy decoding, so the folder works there.

    Fix: The base's temperature; without one, `do_sample` false, which is what vLLM makes of it.

    Safety: Unsafe: one of the two is not meant, and files do not tell which. Information where the base has
    both too.

    Sources:
    - transformers 5.24.0: generation/logits_process.py `TemperatureLogitsWarper`
    - huggingface/transformers#36896
    - vLLM 0.32.0: sampling_params.py
    """
    settings, base = context.merged.object(GENERATION_CONFIG), context.base
    if settings.get("do_sample") is not True or not _is_zero(settings.get("temperature")):
        return
    theirs = base.object(GENERATION_CONFIG) if base is not None else {}
    shared = theirs.get("do_sample") is True and _is_zero(theirs.get("temperature"))
    wanted = theirs.get("temperature")
    restored = type(wanted) in (int, float) and not _is_zero(wanted)
    yield rule.finding(
        GENERATION_CONFIG,
        message(
            "sampling-at-zero",
            "do_sample is true and temperature 0: generate() refuses that, and vLLM is greedy",
        ),
        severity=Severity.INFO if shared else Severity.ERROR,
        witness=Witness.ENGINE,
        pointer=_POINTER,
        current=settings["temperature"],
        engines=("transformers4", "transformers5"),
        fix=BASE_HAS_IT_TOO
        if shared
        else Fix.unsafe(
            message("why-sampling-at-zero", "one of the two is not meant, and files do not tell which"),
            CopyField(GENERATION_CONFIG, _POINTER)
            if restored
            else SetField(GENERATION_CONFIG, "/do_sample", value=False),
        ),
    )


def _is_zero(value: JsonValue) -> bool:
    return type(value) in (int, float) and value == 0


@rule("GF607", "generation-key-unknown", Severity.INFO, question=SAMPLING)
def _misspelled(context: Context, rule: Rule) -> Iterator[Finding]:
    """A key of `generation_config.json` is one letter from one that transformers reads, and is none itself.

    Why: Nobody reads it: the value that was meant is not used.

    Fix: None: look whether the other key is meant.

    Safety: Manual. Keys of trainers and other engines that look like none of transformers' are left alone.

    Sources:
    - transformers 5.24.0: generation/configuration_utils.py `GenerationConfig`
    """
    for key in context.merged.object(GENERATION_CONFIG):
        meant = setting_like(key)
        if meant is not None:
            yield rule.finding(
                GENERATION_CONFIG,
                message(
                    "generation-key-unknown", "nobody reads {key}; {meant} is a key", key=key, meant=meant
                ),
                witness=Witness.ENGINE,
                pointer=child_pointer("", key),
                fix=Fix.manual(message("why-generation-key", "look whether {meant} is meant", meant=meant)),
            )


RULES: Final = (_at_zero, _misspelled)
