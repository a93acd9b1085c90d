"""GF303: added tokens of the base that are missing or have moved.

Who is right: the adapter, then merged. A token that was added, or that took the place of a reserved one, is a
training choice. A token of the base that is missing or has moved, although the embedding has the base's rows,
is damage.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from genfix.folder.kinds import ADDED_TOKENS, FAST_TOKENIZER, SPECIAL_TOKENS_MAP, TOKENIZER_CONFIG
from genfix.message import Message, message
from genfix.model import Model, TokenTable, TurnEnds
from genfix.rules.core.context import Context
from genfix.rules.core.finding import SHOWN, Finding, Severity, Witness, shown
from genfix.rules.core.questions import TOKENS
from genfix.rules.core.rule import Rule, rule
from genfix.rules.tokens.token_ids import DECODER, base_tables_back, lacking, table_file


@rule(
    "GF303",
    "added-token-changed",
    Severity.ERROR,
    question=TOKENS,
    needs_base=True,
    shows="turn markers mean nothing to the model",
)
def _added_token_changed(context: Context, rule: Rule) -> Iterator[Finding]:
    """An added token of the base is gone, or has another id, although the embedding has as many rows as the
    base's.

    Why: The token is split into pieces, or stands at a row that was trained for another. Turn markers then
    mean nothing to the model. Yi's `<|startoftext|>` went from 1 to 64000 when a Llama tokenizer saved it.

    Fix: The base's `tokenizer.json`, and its tables of added tokens in the other tokenizer files.

    Safety: Unsafe: the whole vocabulary becomes the base's. Manual where tokens were added here. A reserved
    token that was renamed and kept its id is no finding, nor is what the adapter's tokenizer has as well.
    Error where the chat template writes the token or it ends a text, else a warning; information against a
    sibling of the base, which has tokens of its own.

    Sources:
    - axolotl-ai-cloud/axolotl#1322
    - arcee-ai/mergekit#469
    - OpenRLHF/OpenRLHF#1069
    """
    base, merged = context.base, context.merged
    if base is None or not _has_same_rows(merged, base) or _needs_file_first(context):
        return
    changed = _changed_tokens(context, merged.tokenizer, base.tokenizer)
    if not changed:
        return
    is_kin = (context.chat_objection or context.context_objection) is not None
    used = _used_texts(context, base)
    harmed = [text for text in changed if text in used]
    yield rule.finding(
        table_file(merged),
        tokens_changed([*harmed, *(t for t in changed if t not in harmed)]),
        severity=Severity.INFO if is_kin else Severity.ERROR if harmed else Severity.WARNING,
        witness=Witness.BASE,
        evidence=[_change(text, merged.tokenizer, base.tokenizer) for text in changed[:SHOWN]],
        engines=tuple(context.views) if harmed and not is_kin else (),
        fix=base_tables_back(
            context,
            base,
            [text for text in merged.tokenizer.ids if text not in base.tokenizer.ids],
            lambda table: lacking(table, base.tokenizer),
        ),
    )


def tokens_changed(texts: Iterable[str]) -> Message:
    """What is said of tokens of the base that are not here."""
    return message(
        "added-token-changed",
        "added tokens of the base are gone or have other ids: {tokens}",
        tokens=shown(texts),
    )


def _has_same_rows(merged: Model, base: Model) -> bool:
    """Whether both tell their tokens, and the embeddings have as many rows."""
    if not merged.tokenizer.is_known or not base.tokenizer.is_known:
        return False
    return merged.vocab_rows is not None and merged.vocab_rows == base.vocab_rows


def _needs_file_first(context: Context) -> bool:
    """Whether a file that tells tokens is missing or cannot be read: it is put right first."""
    merged = context.merged
    if any(context.lost_from_base(name) for name in (FAST_TOKENIZER, TOKENIZER_CONFIG)):
        return True
    if merged.tokenizer_problem is not None:
        return True
    if any(merged.json(name).unreadable for name in (TOKENIZER_CONFIG, SPECIAL_TOKENS_MAP, ADDED_TOKENS)):
        return True
    listed = merged.has(FAST_TOKENIZER) or DECODER in merged.tokenizer_config
    return context.lost_from_base(ADDED_TOKENS) and not listed


def _change(text: str, ours: TokenTable, theirs: TokenTable) -> Message:
    own = ours.ids.get(text)
    if own is None:
        return message(
            "evidence-token-gone",
            "{token} is gone; it is {base} in the base, and nothing has that id here",
            token=text,
            base=theirs.ids[text],
        )
    return message(
        "evidence-token-id",
        "{token} is {merged} here and {base} in the base",
        token=text,
        base=theirs.ids[text],
        merged=own,
    )


def _changed_tokens(context: Context, ours: TokenTable, theirs: TokenTable) -> list[str]:
    """Tokens of the base that are missing or have moved, and neither renamed nor trained so."""
    adapter = context.adapter.tokenizer if context.adapter is not None else None
    changed: list[str] = []
    for text, token_id in lacking(ours, theirs).items():
        own = ours.ids.get(text)
        if own is None and ours.text(token_id) is not None:
            continue  # another token has taken its place: ChatML on reserved tokens
        if adapter is not None and adapter.is_known and adapter.ids.get(text) in (own, token_id):
            continue  # trained so, or said against the adapter already
        changed.append(text)
    return changed


def _used_texts(context: Context, base: Model) -> frozenset[str]:
    """What the chat template writes, and the tokens that end a text."""
    lost = context.template_lost and context.template_objection is None
    ends = base.turn_ends if lost else context.merged.turn_ends
    named = (base.tokenizer.eos_token, context.merged.tokenizer.eos_token)
    written = (*ends.literals, *ends.unknown_literals) if isinstance(ends, TurnEnds) else ()
    return frozenset(written) | {name for name in named if name is not None}


RULES: Final = (_added_token_changed,)
