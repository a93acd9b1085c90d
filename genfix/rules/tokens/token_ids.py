"""What the rules on tokens share: which ones a table lacks, and how a folder gets the base's.

Who is right is said by each rule.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from genfix.folder.kinds import ADDED_TOKENS, FAST_TOKENIZER, SPECIAL_TOKENS_MAP, TOKENIZER_CONFIG
from genfix.message import Message, message
from genfix.model import Model, TokenTable
from genfix.model.tokenizer import read_token_table
from genfix.rules.core.context import Context
from genfix.rules.core.finding import CopyField, Fix, Operation, RestoreFile, SetField, shown

DECODER: Final = "added_tokens_decoder"


def table_file(model: Model) -> str:
    """The file that tells the ids of added tokens first."""
    return FAST_TOKENIZER if model.has(FAST_TOKENIZER) else TOKENIZER_CONFIG


def lacking(ours: TokenTable, theirs: TokenTable) -> dict[str, int]:
    """Tokens, with their ids, of ``theirs`` that ``ours`` lacks or has under another id."""
    return {text: token_id for text, token_id in theirs.ids.items() if ours.ids.get(text) != token_id}


def named_token(merged: Model, base: Model, key: str) -> tuple[Operation, ...]:
    """Operations that make the named token (``pad_token``) the base's, as its files spell it."""
    maps = (SPECIAL_TOKENS_MAP,) if merged.object(SPECIAL_TOKENS_MAP).get(key) is not None else ()
    return tuple(
        SetField(file, f"/{key}", base.object(file).get(key, base.tokenizer.named.get(key)), base.keys(file))
        for file in (TOKENIZER_CONFIG, *maps)
    )


def tokens_added(added: Iterable[str]) -> Message:
    """Against files of the base: tokens that they lack."""
    return message(
        "why-tokens-added", "{tokens} are not the base's: its files would lose them", tokens=shown(added)
    )


def base_tables_back(
    context: Context, base: Model, added: Sequence[str], differs: Callable[[TokenTable], object]
) -> Fix:
    """The base's token tables over merged's, if that loses none of ``added`` and nothing then ``differs``."""
    if added:
        return Fix.manual(tokens_added(added))
    operations, table = _with_base_tables(context, base)
    if not operations or differs(table):
        return Fix.manual(message("why-no-token-table", "the base's files alone do not bring it back"))
    return Fix.unsafe(
        message(
            "why-token-table-of-base",
            "the base has all tokens that are here; its whole tokenizer.json takes the place of this one",
        ),
        *operations,
    )


def _with_base_tables(context: Context, base: Model) -> tuple[tuple[Operation, ...], TokenTable]:
    """Operations that give every file that tells ids what the base's tells, and the table that follows."""
    merged = context.merged
    operations: list[Operation] = []
    head, config, added = merged.tokenizer_head, merged.tokenizer_config, merged.object(ADDED_TOKENS)
    if merged.has(FAST_TOKENIZER) and base.has(FAST_TOKENIZER) and not context.same_as_base(FAST_TOKENIZER):
        operations.append(RestoreFile(FAST_TOKENIZER))
        head = base.tokenizer_head
    decoder = base.tokenizer_config.get(DECODER)
    if decoder is not None and config.get(DECODER) not in (None, decoder):
        operations.append(CopyField(TOKENIZER_CONFIG, f"/{DECODER}"))
        config = {**config, DECODER: decoder}
    if merged.has(ADDED_TOKENS) and base.has(ADDED_TOKENS) and added != base.object(ADDED_TOKENS):
        operations.append(RestoreFile(ADDED_TOKENS))
        added = base.object(ADDED_TOKENS)
    return tuple(operations), read_token_table(head, config, added, merged.object(SPECIAL_TOKENS_MAP), {})
