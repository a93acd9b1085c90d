"""GF304: flags of added tokens.

Who is right: the adapter, then the base, whose model was trained with its flags; yet they may have been set
on purpose. Where files of the base disagree, either of them will do.
"""

from collections.abc import Iterator
from typing import Final

from genfix.folder.kinds import FAST_TOKENIZER
from genfix.message import message
from genfix.model import Model, TokenTable
from genfix.model.tokenizer import AddedToken
from genfix.rules.core.context import Context
from genfix.rules.core.finding import SHOWN, Finding, Severity, Witness, shown
from genfix.rules.core.questions import TOKENS
from genfix.rules.core.rule import Rule, rule
from genfix.rules.tokens.pre_tokenizer import canonical
from genfix.rules.tokens.token_ids import DECODER, base_tables_back, lacking, table_file

_FLAGS: Final = AddedToken._fields[1:]


@rule(
    "GF304",
    "token-flags-changed",
    Severity.WARNING,
    question=TOKENS,
    needs_base=True,
    shows="prompts get other ids, or markers are written out as text",
)
def _flags_changed(context: Context, rule: Rule) -> Iterator[Finding]:
    """An added token has the base's id and text, and another flag: `special`, `lstrip`, `rstrip`,
    `normalized` or `single_word`.

    Why: `lstrip` and `rstrip` swallow the white space around a token, so prompts get other ids than in
    training. A turn end that is no longer special is written out as text. A tool marker that became special
    is hidden from tool parsers.

    Fix: The base's `tokenizer.json`, and its `added_tokens_decoder` where the folder has one.

    Safety: Unsafe: the flag may have been set on purpose. Manual where tokens were added here. Flags that the
    adapter's tokenizer or another file of the base has are no finding, nor is `normalized` without a
    normalizer. Information for `single_word`, and for `special` of a token that ends no turn.

    Sources:
    - axolotl-ai-cloud/axolotl#678
    - OpenRLHF/OpenRLHF#1069
    - EricLBuehler/mistral.rs#2319
    """
    base, merged = context.base, context.merged
    if base is None or merged.has(FAST_TOKENIZER) != base.has(FAST_TOKENIZER):
        return  # slow and fast tokenizers spell flags that make no difference to them
    changed = _changed_flags(context, merged.tokenizer, base)
    if not changed:
        return
    serious = any(flag in ("lstrip", "rstrip", "normalized") for _, flag in changed) or any(
        flag == "special" and text in merged.end_ids for text, flag in changed
    )
    yield rule.finding(
        table_file(merged),
        message(
            "token-flags-changed",
            "has other flags than the base for {tokens}",
            tokens=shown(dict.fromkeys(text for text, _ in changed)),
        ),
        severity=Severity.WARNING if serious else Severity.INFO,
        witness=Witness.BASE,
        evidence=[
            message(
                "evidence-token-flag",
                "{flag} of {token} is {merged!r} here and {base!r} in the base",
                token=text,
                flag=flag,
                base=theirs,
                merged=ours,
            )
            for (text, flag), (theirs, ours) in list(changed.items())[:SHOWN]
        ],
        fix=base_tables_back(
            context,
            base,
            [*lacking(base.tokenizer, merged.tokenizer)],
            lambda table: _changed_flags(context, table, base),
        ),
    )


def _changed_flags(
    context: Context, ours: TokenTable, base: Model
) -> dict[tuple[str, str], tuple[bool, bool]]:
    """By token and flag: the base's value and merged's, where both tell it and it matters."""
    normalizes = canonical(context.merged.tokenizer_head.get("normalizer")) is not None
    # Loading makes these special, whatever their flag says, and saving then writes it down (transformers 4
    # and 5).
    made_special = {*ours.named.values(), *(ours.additional or ())}
    changed: dict[tuple[str, str], tuple[bool, bool]] = {}
    for text, own, theirs in _unlike(ours, base.tokenizer):
        for flag in _FLAGS:
            was, now = _flag(theirs, flag), _flag(own, flag)
            if was is None or now is None or was == now or (flag == "normalized" and not normalizes):
                continue
            if flag == "special" and now and text in made_special:
                continue
            if not _says_so_too(base, theirs, flag, now) and not _trained_so(context, text, own, flag):
                changed[text, flag] = (was, now)
    return changed


def _unlike(ours: TokenTable, base: TokenTable) -> Iterator[tuple[str, AddedToken, AddedToken]]:
    """The tokens that both have under one id, and that are not alike in all."""
    for text, theirs in base.tokens.items():
        own = ours.tokens.get(text)
        if own is not None and own.id == theirs.id and own != theirs:
            yield text, own, theirs


def _flag(token: AddedToken, name: str) -> bool | None:
    value: bool | None = getattr(token, name)
    return value


def _says_so_too(base: Model, token: AddedToken, flag: str, value: bool) -> bool:  # noqa: FBT001 - it is the value
    """Whether another file of the base has that flag: a re-save may settle on either."""
    decoder = base.tokenizer_config.get(DECODER)
    entry = decoder.get(str(token.id)) if isinstance(decoder, dict) else None
    return isinstance(entry, dict) and entry.get(flag) is value


def _trained_so(context: Context, text: str, own: AddedToken, flag: str) -> bool:
    trained = context.adapter.tokenizer.tokens.get(text) if context.adapter is not None else None
    return trained is not None and trained.id == own.id and _flag(trained, flag) == _flag(own, flag)


RULES: Final = (_flags_changed,)
