"""GF312: a named special token, such as ``eos_token``, in a spelling that no tokenizer class takes.

Who is right: the entry itself, where it holds the token's text; the base about one that holds none.
"""

from collections.abc import Iterator
from typing import Final

from genfix.engines.shared.common import unreadable_named_tokens
from genfix.folder.kinds import TOKENIZER_CONFIG
from genfix.message import message
from genfix.model.tokenizer import token_text
from genfix.rules.core.context import Context
from genfix.rules.core.finding import CopyField, Finding, Fix, SetField, Severity, Witness
from genfix.rules.core.questions import TOKENS
from genfix.rules.core.rule import Rule, rule


@rule(
    "GF312",
    "named-token-unreadable",
    Severity.ERROR,
    question=TOKENS,
    shows="loading fails: the tokenizer's constructor refuses a plain object",
)
def _unreadable(context: Context, rule: Rule) -> Iterator[Finding]:
    """`eos_token`, `pad_token` or another named token of `tokenizer_config.json` is neither text nor an
    object marked `"__type": "AddedToken"`.

    Why: transformers, and every server that takes its tokenizer from there (vLLM, SGLang), does not load the
    folder: the constructor refuses a plain object. `special_tokens_map.json` holds such objects without the
    mark, so scripts that copy them from there leave this behind.

    Fix: The mark is set into the object; the text and the flags in it stay.

    Safety: Safe where the object holds the token's text: it can be read in one way only. Unsafe where only
    the base tells the token, manual where nobody does. What the base has too is no finding.

    Sources:
    - transformers 5.23.0 and 4.57.6: tokenization_utils_base.py `from_pretrained` and
      `convert_added_tokens`
    """
    base = context.base
    theirs = unreadable_named_tokens(base) if base is not None else ()
    for key in unreadable_named_tokens(context.merged):
        if key in theirs:
            continue  # the base does not load either: no loss, and perhaps code of its own that takes it
        yield rule.finding(
            TOKENIZER_CONFIG,
            message(
                "named-token-unreadable",
                "{key} is neither text nor an object marked as an AddedToken: engines do not load the folder",
                key=key,
            ),
            witness=Witness.ENGINE,
            pointer=f"/{key}",
            current=context.merged.tokenizer_config[key],
            engines=tuple(context.views),
            fix=_fix(context, key),
        )


def _fix(context: Context, key: str) -> Fix:
    pointer, value = f"/{key}", context.merged.tokenizer_config[key]
    if isinstance(value, dict) and token_text(value) is not None:
        typed = {"__type": "AddedToken"} | {name: part for name, part in value.items() if name != "__type"}
        return Fix.safe(
            message("why-named-token-typed", "the object holds the token's text: only the mark is missing"),
            SetField(TOKENIZER_CONFIG, pointer, typed),
        )
    if context.base is not None and context.base.tokenizer_config.get(key) is not None:
        return Fix.unsafe(
            message(
                "why-named-token-of-base",
                "only the base tells which token it is, and another one may have been trained",
            ),
            CopyField(TOKENIZER_CONFIG, pointer),
        )
    return Fix.manual(message("why-named-token-unknown", "write the token's text there"))


RULES: Final = (_unreadable,)
