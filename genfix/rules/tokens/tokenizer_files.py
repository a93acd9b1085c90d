"""GF3xx: the tokenizer's files.

Who is right: merged. A lost file comes from the base only where nothing says that the vocabulary was changed;
two tokenizers are never mixed.
"""

from collections.abc import Iterator
from typing import Final

from genfix.folder.kinds import ADDED_TOKENS, FAST_TOKENIZER, SPECIAL_TOKENS_MAP, TOKENIZER_CONFIG
from genfix.message import message
from genfix.rules.core.context import Context
from genfix.rules.core.finding import Finding, Severity, Witness
from genfix.rules.core.questions import TOKENS
from genfix.rules.core.restoring import restoring
from genfix.rules.core.rule import Rule, rule

_COMPANIONS: Final = (SPECIAL_TOKENS_MAP, ADDED_TOKENS)


@rule(
    "GF301",
    "tokenizer-file-missing",
    Severity.ERROR,
    question=TOKENS,
    needs_base=True,
    shows="loading fails, or another tokenizer is made up",
)
def _missing(context: Context, rule: Rule) -> Iterator[Finding]:
    """A tokenizer file of the base is gone, and no other file of the folder holds what was in it.

    Why: Engines do not load the folder, or load another tokenizer class without its EOS, its chat template
    and its special tokens. PEFT merges save no tokenizer unless told to; custom tokenizers lose
    `tokenizer.model` or their code.

    Fix: The base's file, byte-identical. A slow vocabulary beside a `tokenizer.json` that is there is not
    missed.

    Safety: Safe where the embedding has as many rows as the base's vocabulary and all tokens the folder still
    names have the base's ids. Otherwise unsafe: the tokenizer was changed, and its own files are with the
    adapter or the checkpoint.

    Sources:
    - peft 0.21.2: `merge_and_unload().save_pretrained()` saves no tokenizer
    - shibing624/MedicalGPT#92
    - hiyouga/LLaMA-Factory#4408
    """
    base = context.base
    if base is None or context.only_adapter_has_tokenizer:
        return  # the adapter's is the trained one
    names = [name for name in base.tokenizer_files if not context.merged.has(name)]
    lost = {name: severity for name in names if (severity := _severity(context, name)) is not None}
    why = message("why-tokenizer-lost", "nothing in the folder says that the tokenizer was changed")
    for name, severity in lost.items():
        yield rule.finding(
            name,
            message("tokenizer-file-missing", "is missing; the base has it", file=name),
            severity=severity,
            witness=Witness.BASE,
            engines=tuple(context.views) if severity is Severity.ERROR else (),
            fix=restoring(context, base, name, why),
        )


def _severity(context: Context, name: str) -> Severity | None:
    """How bad the loss of ``name`` is; `None` where another file of the folder holds the same."""
    merged = context.merged
    if not merged.tokenizer_files:
        return Severity.ERROR if name not in _COMPANIONS else Severity.WARNING
    if name == TOKENIZER_CONFIG:
        return Severity.ERROR
    if name == FAST_TOKENIZER:
        # A slow vocabulary that is left can be converted, at a price in time and exactness.
        return Severity.WARNING if merged.vocabularies else Severity.ERROR
    if name in _COMPANIONS:
        listed = merged.has(FAST_TOKENIZER) or "added_tokens_decoder" in merged.tokenizer_config
        return None if listed else Severity.WARNING
    return None if merged.has(FAST_TOKENIZER) else Severity.ERROR


RULES: Final = (_missing,)
