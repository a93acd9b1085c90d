"""When a whole file of the base may be put in place, and what then has to be set in it.

One answer per file, whether the folder's own is lost or broken: a restored file is judged field by field, as
if each field were an edit.
"""

from typing import Final

from genfix.engines import read_eos
from genfix.folder.kinds import GENERATION_CONFIG, SPECIAL_TOKENS_MAP, TOKENIZER_CONFIG, FileKind, kind_of
from genfix.json_types import JsonValue
from genfix.message import Message, message
from genfix.model import Model
from genfix.rules.core.context import Context
from genfix.rules.core.finding import Fix, Operation, RemoveField, RestoreFile, SetField, shown
from genfix.rules.core.reasons import OTHER_TEMPLATE, unknown_to_template
from genfix.rules.generation.setting_ranges import refused

_EOS: Final = "/eos_token_id"
_INLINE: Final = "/chat_template"
_NAMING_EOS: Final = (TOKENIZER_CONFIG, SPECIAL_TOKENS_MAP)


def restoring(context: Context, base: Model, name: str, why: Message) -> Fix:
    """The fix that puts the base's file ``name`` in place; ``why`` is the reason where it is safe."""
    operations: tuple[Operation, ...] = (RestoreFile(name),)
    match kind_of(name):
        case FileKind.GENERATION_CONFIG:
            return _generation_config(context, base, why)
        case FileKind.CONFIG:
            rows = rows_differ(context.merged.weights.embedding_rows, base.vocab_rows)
            objection = rows or context.chat_objection or context.context_objection
        case FileKind.TOKENIZER:
            objection = tokenizer_verdict(context, base)
            if name in _NAMING_EOS:
                objection = objection or context.chat_objection or context.context_objection
            if name == TOKENIZER_CONFIG and base.tokenizer_config.get("chat_template") is not None:
                if context.template_lost:
                    objection = objection or template_verdict(context, base)
                elif not context.template_equal:
                    # merged speaks its own template: the base's inline copy would be a second, stale one
                    operations += (RemoveField(TOKENIZER_CONFIG, _INLINE),)
        case FileKind.CHAT_TEMPLATE:
            objection = template_verdict(context, base)
        case _:
            objection = None
    return Fix.safe_unless(objection, why, operations)


def _generation_config(context: Context, base: Model, why: Message) -> Fix:
    """The base's settings with merged's stop set: what this folder stops at now is never hidden by the file.

    While the file is missing or broken, engines fall back to config.json. The base's ids join as far as they
    are the same tokens, and the template is the base's; else this folder's own turn ends do.
    """
    base_ids = read_eos(base.object(GENERATION_CONFIG)).ids
    other: list[JsonValue] = [token_id for token_id in base_ids if not context.same_token(token_id)]
    own = context.views["transformers5"].stop_token_ids
    if context.template_objection is None:
        wanted = dict.fromkeys([*(token_id for token_id in base_ids if token_id not in other), *own])
    else:
        wanted = dict.fromkeys([*own, *context.end_ids])
    operations: tuple[Operation, ...] = (RestoreFile(GENERATION_CONFIG),)
    if wanted and wanted.keys() != set(base_ids):
        operations += (SetField(GENERATION_CONFIG, _EOS, [*wanted], base.keys(GENERATION_CONFIG)),)
    operations += tuple(  # a fault of the base's own is not brought back with its file
        RemoveField(GENERATION_CONFIG, f"/{key}") for key in refused(base.object(GENERATION_CONFIG))
    )
    strange = message("why-stop-tokens-strange", "{ids} are not the same tokens here", ids=other)
    return Fix.safe_unless(strange if other else context.chat_objection, why, operations)


def rows_differ(rows: int | None, base_rows: int | None) -> Message | None:
    """What two known and different numbers of embedding rows say against the base; `None` where
    they agree.
    """
    if rows is None or base_rows is None or rows == base_rows:
        return None
    return message(
        "why-rows-differ",
        "the embedding has {rows} rows and the base says {base}: tokens were added or removed",
        rows=rows,
        base=base_rows,
    )


def tokenizer_verdict(context: Context, base: Model) -> Message | None:
    """What speaks against taking a tokenizer file from the base; `None` where nothing does."""
    merged = context.merged
    rows = rows_differ(merged.vocab_rows, base.vocab_rows)
    if rows is not None:
        return rows
    ours, theirs = merged.tokenizer.ids, base.tokenizer.ids
    if base.tokenizer.is_known:
        changed = sorted(token for token, token_id in ours.items() if theirs.get(token) != token_id)
        if changed:
            return message(
                "why-tokens-differ",
                "{tokens} have other ids here: the tokenizer was changed",
                tokens=shown(changed),
            )
    for name in merged.vocabularies:
        if base.has(name) and not merged.tokenizer.is_known and not context.same_as_base(name):
            return message(
                "why-vocabulary-differs", "{file} is not the base's: the tokenizer was changed", file=name
            )
    return None


def template_verdict(context: Context, base: Model) -> Message | None:
    """What speaks against taking the chat template from the base; `None` where nothing does."""
    other = None if context.template_equal or context.template_lost else OTHER_TEMPLATE
    found = (
        message(
            "why-template-found",
            "nobody names {base}, which was found by a search: if it is the base, name it with --base",
            base=str(base.folder.origin),
        )
        if base.is_found
        else None
    )
    return context.chat_objection or other or found or unknown_to_template(context.merged, base)
