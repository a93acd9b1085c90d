"""GF302: a tokenizer that is not the one the adapter was trained with.

Who is right: the adapter, whose tokenizer is the trained one, as far as the embedding has its rows. Tokens
that only merged has are a choice of whoever made the folder.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from genfix.folder import FolderFileError, OverlayFolder
from genfix.folder.kinds import SPECIAL_TOKENS_MAP, TOKENIZER_CONFIG
from genfix.message import Message, message
from genfix.model import Model
from genfix.model.chat_template import JINJA_FILE
from genfix.rules.core.chat_training import has_same
from genfix.rules.core.context import Context
from genfix.rules.core.finding import (
    Finding,
    Fix,
    Operation,
    RestoreFile,
    SetField,
    Severity,
    Witness,
    WriteFile,
    shown,
)
from genfix.rules.core.questions import TOKENS
from genfix.rules.core.reasons import OTHER_TEMPLATE
from genfix.rules.core.rule import Rule, rule
from genfix.rules.tokens.token_ids import lacking, table_file


@rule(
    "GF302",
    "tokenizer-not-the-trained-one",
    Severity.ERROR,
    question=TOKENS,
    shows="answers hold unknown ids, and turn markers are split into pieces",
)
def _not_the_trained_one(context: Context, rule: Rule) -> Iterator[Finding]:
    """The adapter was trained with another tokenizer than the folder has: tokens are missing here or have
    other ids, or the EOS is the base's and not the trained one.

    Why: The model writes ids that this tokenizer does not know, and the turn markers of its training are
    split into pieces. Merges that load the tokenizer of the base save that one: axolotl's default merge and
    LLaMA-Factory's without the adapter's tokenizer do.

    Fix: The adapter's tokenizer files, byte-identical, with its chat template. Where only the EOS differs,
    `eos_token` in `tokenizer_config.json` and `special_tokens_map.json`.

    Safety: Safe where each token has a row in the embedding, and the tokens that are here are the base's or
    the adapter's. Unsafe where the folder has tokens that neither has, a chat template of its own, or no
    known number of rows. Manual where the embedding has too few rows: it was not resized, and the merge has
    to be made again.

    Sources:
    - hiyouga/LLaMA-Factory#4408
    - axolotl-ai-cloud/axolotl#1322
    - unslothai/unsloth#3428
    """
    adapter, merged = context.adapter, context.merged
    if adapter is not None and context.only_adapter_has_tokenizer:
        yield rule.finding(
            table_file(adapter),
            message(
                "tokenizer-lost",
                "no file of a tokenizer is here; the adapter has the one it was trained with",
            ),
            witness=Witness.ADAPTER,
            engines=tuple(context.views),
            fix=_trained_tokenizer(context, adapter, adapter.tokenizer.ids),
        )
        return
    if adapter is None or not adapter.tokenizer.is_known or not merged.tokenizer.is_known:
        return
    lost = lacking(merged.tokenizer, adapter.tokenizer)
    if lost:
        yield rule.finding(
            table_file(adapter),
            message(
                "tokenizer-not-trained",
                "is not the adapter's: {tokens} are missing here or have other ids",
                tokens=shown(lost),
            ),
            witness=Witness.ADAPTER,
            evidence=_of_base(context.base, merged),
            engines=tuple(context.views),
            fix=_trained_tokenizer(context, adapter, lost),
        )
    yield from _not_the_trained_eos(context, adapter, rule)


def _of_base(base: Model | None, merged: Model) -> Iterator[Message]:
    if base is not None and base.tokenizer.ids == merged.tokenizer.ids:
        origin = str(base.folder.origin)
        yield message("evidence-tokens-of-base", "all added tokens here are those of {base}", base=origin)


def _trained_tokenizer(context: Context, adapter: Model, lost: Mapping[str, int]) -> Fix:
    merged, base = context.merged, context.base
    rows = merged.vocab_rows
    if rows is not None and max(lost.values()) >= rows:
        return Fix.manual(
            message(
                "why-embedding-too-small",
                "the embedding has {rows} rows and none for id {id}: merge again into a resized base",
                rows=rows,
                id=max(lost.values()),
            )
        )
    names = [name for name in adapter.tokenizer_files if not has_same(merged, adapter, name)]
    if not _cleared_by(merged, adapter, names):
        return Fix.manual(
            message("why-tokenizers-mixed", "the adapter's files alone would make a mix of two tokenizers")
        )
    template, template_lost = _trained_template(context, adapter, names)
    operations = (*(RestoreFile(name, Witness.ADAPTER) for name in names), *template)
    known = base.tokenizer.ids if base is not None else {}
    trained = adapter.tokenizer.ids
    unknown = [
        text
        for text, token_id in merged.tokenizer.ids.items()
        if token_id not in (trained.get(text), known.get(text))
    ]
    objection = OTHER_TEMPLATE if template_lost else None
    if unknown:
        objection = message(
            "why-tokens-of-nobody", "{tokens} are neither the adapter's nor the base's", tokens=shown(unknown)
        )
    elif rows is None:
        objection = message("why-rows-unknown", "nothing tells how many rows the embedding has")
    why = message(
        "why-trained-tokenizer",
        "the adapter was trained with it, and the {rows} rows of the embedding are enough",
        rows=rows,
    )
    return Fix.safe_unless(objection, why, operations)


def _cleared_by(merged: Model, adapter: Model, names: list[str]) -> bool:
    """Whether merged has all tokens of the adapter once these files are the adapter's."""
    try:
        files = {name: adapter.folder.read(name) for name in names}
    except FolderFileError:
        return False
    return not lacking(Model(OverlayFolder(merged.folder, files)).tokenizer, adapter.tokenizer)


def _trained_template(
    context: Context, adapter: Model, names: list[str]
) -> tuple[tuple[Operation, ...], bool]:
    """What keeps the chat template right under the adapter's tokenizer_config.json, and whether it replaces
    another.

    The template may stand in that file or in one of its own, and either way in either folder.
    """
    own, trained = context.merged.chat_template, adapter.chat_template
    if TOKENIZER_CONFIG not in names:
        return (), False
    if trained is None:
        if own is None or own.file != TOKENIZER_CONFIG:
            return (), False
        value = context.merged.tokenizer_config["chat_template"]
        return (SetField(TOKENIZER_CONFIG, "/chat_template", value),), False
    replaces = own is not None and not own.same_text(trained)
    is_own = replaces and context.base is not None and not context.template_equal
    if adapter.has(JINJA_FILE):
        same = has_same(context.merged, adapter, JINJA_FILE)
        return () if same else (RestoreFile(JINJA_FILE, Witness.ADAPTER),), is_own
    if context.merged.has(JINJA_FILE) and replaces:
        return (WriteFile(JINJA_FILE, trained.text.encode()),), is_own
    return (), is_own


def _not_the_trained_eos(context: Context, adapter: Model, rule: Rule) -> Iterator[Finding]:
    merged, base = context.merged, context.base
    if base is None or merged.json(TOKENIZER_CONFIG).value is None:
        return
    ours, trained = merged.tokenizer.eos_token, adapter.tokenizer.eos_token
    if trained is None or trained == ours or ours != base.tokenizer.eos_token:
        return
    token_id = adapter.tokenizer.ids.get(trained)
    if token_id is None or merged.tokenizer.ids.get(trained) != token_id:
        return  # the tokenizer has to be put right first
    if ours in merged.end_ids:
        return  # it ends the turns of the template that is here
    engines = tuple(name for name, view in context.views.items() if token_id not in view.stop_token_ids)
    maps = (SPECIAL_TOKENS_MAP,) if merged.object(SPECIAL_TOKENS_MAP).get("eos_token") is not None else ()
    yield rule.finding(
        TOKENIZER_CONFIG,
        message(
            "eos-not-trained",
            "eos_token is {ours!r}, as in the base; the adapter was trained with {trained!r}",
            ours=ours,
            trained=trained,
        ),
        severity=Severity.ERROR if engines else Severity.WARNING,
        witness=Witness.ADAPTER,
        pointer="/eos_token",
        current=merged.tokenizer_config.get("eos_token"),
        expected=trained,
        engines=engines,
        fix=Fix.safe(
            message(
                "why-eos-trained",
                "the token has the adapter's id here, and the EOS here ends no turn of the chat template",
            ),
            *(
                SetField(file, "/eos_token", trained, adapter.keys(file))
                for file in (TOKENIZER_CONFIG, *maps)
            ),
        ),
    )


RULES: Final = (_not_the_trained_one,)
