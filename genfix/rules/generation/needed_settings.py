"""GF608: keys without which a model's own ``generate()`` fails, and that stand in no other file.

Who is right: the code of the model's type, about what it reads; the base, about the values.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from genfix.folder.kinds import GENERATION_CONFIG
from genfix.message import message
from genfix.rules.core.context import Context
from genfix.rules.core.finding import CopyField, Finding, Fix, Severity, Witness
from genfix.rules.core.questions import SAMPLING
from genfix.rules.core.reasons import BASE_HAS_IT_TOO, NO_BASE_COPY
from genfix.rules.core.rule import Rule, rule

_READ: Final[Mapping[str, tuple[str, ...]]] = {
    "whisper": ("no_timestamps_token_id", "lang_to_id", "task_to_id"),
    "seamless_m4t": ("text_decoder_lang_to_code_id",),
    "seamless_m4t_v2": ("text_decoder_lang_to_code_id",),
    "bark": ("semantic_config", "coarse_acoustics_config", "fine_acoustics_config"),
    "pop2piano": ("composer_to_feature_token",),
}
"""By model type; a file with one of them is meant so: an English Whisper has no languages."""


@rule(
    "GF608",
    "generation-keys-missing",
    Severity.WARNING,
    question=SAMPLING,
    shows="generate() fails where a language, a task, timestamps or a style is asked for",
)
def _missing(context: Context, rule: Rule) -> Iterator[Finding]:
    """`generation_config.json` is missing, or lacks all the keys that the `generate()` of this model's type
    reads: Whisper's tokens of languages and tasks, SeamlessM4T's languages, Bark's three settings,
    Pop2Piano's composers.

    Why: transformers makes the rest of a generation config from `config.json`. These keys have no default and
    no other place: `The generation config is outdated and is thus not compatible with the task argument`.

    Fix: The base's keys. A file that is missing, and that the base has, is put back by GF601.

    Safety: Safe: they number tokens and parts that no training moves. Manual without a base that has them.
    Information where the base lacks them too, and in a folder of config files only.

    Sources:
    - transformers 5.24.0: models/whisper/generation_whisper.py `generate`,
      models/seamless_m4t/modeling_seamless_m4t.py, models/bark/modeling_bark.py,
      models/pop2piano/modeling_pop2piano.py
    """
    merged, base = context.merged, context.base
    keys = _READ.get(merged.model_type, ())
    settings = merged.generation_config.value or {}
    unreadable = merged.generation_config.present and merged.generation_config.value is None
    if not keys or unreadable or any(key in settings for key in keys):
        return
    theirs = base.object(GENERATION_CONFIG) if base is not None else {}
    has = [key for key in keys if key in theirs]
    if has and not merged.generation_config.present:
        return  # the file comes back
    shared = base is not None and not has
    why = message("why-generation-keys", "they number tokens and parts that no training moves")
    yield rule.finding(
        GENERATION_CONFIG,
        message("generation-keys-missing", "lacks {keys}, which this model's generate() reads", keys=[*keys])
        if merged.generation_config.present
        else message(
            "generation-keys-without-file",
            "is missing, and with it {keys}, which this model's generate() reads",
            keys=[*keys],
        ),
        severity=Severity.INFO if shared or not context.is_model else Severity.WARNING,
        witness=Witness.ENGINE,
        engines=[name for name in context.views if name.startswith("transformers")],
        fix=Fix.safe(why, *(CopyField(GENERATION_CONFIG, f"/{key}") for key in has))
        if has
        else BASE_HAS_IT_TOO
        if shared
        else NO_BASE_COPY,
    )


RULES: Final = (_missing,)
