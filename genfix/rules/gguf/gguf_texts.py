"""The chat template and the tokens of a GGUF: GF201, GF202, GF203, GF303, GF304, GF306."""

import re
from collections.abc import Iterator
from typing import Final

from genfix.engines.gguf_converter import adds_bos
from genfix.engines.gguf_ends import ends_by_text
from genfix.json_types import JsonValue
from genfix.message import message
from genfix.model import Model, TemplateFailure, TurnEnds
from genfix.model.gguf_model import ADD_BOS, TEMPLATE_KEY, TYPES_KEY, GgufModel, TokenType
from genfix.model.template_render import RenderErrorKind
from genfix.rules.core.finding import Finding, Fix, Severity, Witness, shown
from genfix.rules.core.reasons import ASK_THE_AUTHOR, BASE_HAS_IT_TOO, TEMPLATE_LOST
from genfix.rules.core.registry import RULES
from genfix.rules.core.restoring import template_verdict
from genfix.rules.gguf.gguf_context import GgufContext
from genfix.rules.template.broken_templates import does_not_render
from genfix.rules.template.lost_templates import TEMPLATE_MISSING, templates_differ
from genfix.rules.tokens.added_tokens import tokens_changed
from genfix.rules.tokens.bos_and_pad import PERHAPS_TRAINED, setting_changed

_FILLER: Final = re.compile(r"\[PAD\d+\]")
"""What the converter calls an id of which the tokenizer says nothing (conversion/base.py)."""
CONVERT_AGAIN: Final = Fix.manual(
    message("why-convert-again", "convert the folder again, with the tokenizer files it was trained with")
)


def text_findings(context: GgufContext) -> Iterator[Finding]:
    """Everything about template and tokens."""
    yield from _missing(context)
    yield from _stale(context)
    yield from _broken(context)
    yield from _cut(context)
    yield from _other_tokens(context)
    yield from _bos(context)


def _missing(context: GgufContext) -> Iterator[Finding]:
    base = context.base
    theirs = base.chat_template if base is not None else None
    if base is None or theirs is None or context.file.template_copies:
        return
    yield RULES["GF201"].finding(
        context.file.name,
        TEMPLATE_MISSING,
        severity=Severity.ERROR if context.chat_objection is None else Severity.INFO,
        witness=context.witness,
        pointer=f"/{TEMPLATE_KEY}",
        evidence=[
            message("evidence-gguf-chatml", "llama.cpp takes ChatML in its place, whatever was trained")
        ],
        engines=tuple(context.views),
        fix=Fix.safe_unless(
            template_verdict(context, base), TEMPLATE_LOST, (context.set(TEMPLATE_KEY, theirs.text),)
        ),
    )


def _stale(context: GgufContext) -> Iterator[Finding]:
    """Another template than that of the folder which the file was converted from."""
    own, base = context.file.chat_template, context.base
    first = base.chat_template if base is not None else None
    if not context.is_source or own is None or base is None or first is None or base.copies_of(own):
        return
    yield RULES["GF202"].finding(
        context.file.name,
        templates_differ(first, own),
        witness=Witness.FOLDER,
        pointer=own.pointer,
        fix=Fix.unsafe(
            message(
                "why-gguf-stale",
                "the file may have been converted before {first} was changed, or be meant so",
                first=first.file,
            ),
            context.set(TEMPLATE_KEY, first.text),
        ),
    )


def _broken(context: GgufContext) -> Iterator[Finding]:
    failure, own = context.file.turn_ends, context.file.chat_template
    if own is None or not isinstance(failure, TemplateFailure) or failure.kind is RenderErrorKind.OTHER:
        return
    shared = context.base is not None and own.same_text(context.base.chat_template)
    yield RULES["GF203"].finding(
        context.file.name,
        does_not_render(failure),
        severity=Severity.INFO if shared else Severity.ERROR,
        witness=Witness.CHAT_TEMPLATE,
        pointer=own.pointer,
        engines=tuple(context.views),
        fix=BASE_HAS_IT_TOO if shared else ASK_THE_AUTHOR,
    )


def _cut(context: GgufContext) -> Iterator[Finding]:
    """Tokens of the template that a prompt has in pieces. Those that end by their text llama.cpp takes whole
    all the same.
    """
    model = context.file
    known = {model.token_texts[token_id] for token_id in ends_by_text(model.all_ids)}
    cut = [text for text in model.cut_tokens if text not in known]
    if not cut:
        return
    types = {text: _type_of(context.base, text, model.all_ids[text]) for text in cut}
    told = all(kind is not None for kind in types.values())
    operations = tuple(
        context.set(f"{TYPES_KEY}/{model.all_ids[text]}", types[text] or TokenType.CONTROL) for text in cut
    )
    yield RULES["GF304"].finding(
        model.name,
        message(
            "gguf-token-type-normal",
            "the chat template writes {tokens}, and their type has llama.cpp cut them into pieces",
            tokens=shown(cut),
        ),
        witness=context.witness if told else Witness.CHAT_TEMPLATE,
        pointer=f"/{TYPES_KEY}",
        engines=tuple(context.views),
        fix=Fix.safe_unless(
            None if told else message("why-gguf-types-alone", "no base tells whether they are tokens there"),
            message("why-gguf-types", "they are whole tokens in the base's tokenizer"),
            operations,
        ),
    )


def _type_of(base: Model | None, text: str, token_id: int) -> int | None:
    """The type that the other side has for a token; `None` where it does not tell."""
    token = base.tokenizer.tokens.get(text) if base is not None else None
    if token is None or token.id != token_id:
        return None
    return int(TokenType.CONTROL if token.special else TokenType.USER_DEFINED)


def _other_tokens(context: GgufContext) -> Iterator[Finding]:
    """Added tokens of the other side that are not here: fillers stand in their places."""
    model, base = context.file, context.base
    if base is None or not model.token_texts or isinstance(base, GgufModel):
        return
    texts = model.token_texts
    gone = [
        text
        for text, token_id in base.tokenizer.ids.items()
        if text not in model.all_ids and token_id < len(texts) and _FILLER.fullmatch(texts[token_id])
    ]
    moved = [text for text, i in base.tokenizer.ids.items() if model.all_ids.get(text, i) != i]
    if not gone and not moved:
        return
    ends = model.turn_ends
    used = {*ends.literals, *ends.unknown_literals} if isinstance(ends, TurnEnds) else set[str]()
    harmed = [text for text in (*gone, *moved) if text in used]
    yield RULES["GF303"].finding(
        model.name,
        tokens_changed([*harmed, *(text for text in (*gone, *moved) if text not in harmed)]),
        severity=Severity.ERROR if harmed else Severity.WARNING,
        witness=context.witness,
        pointer="/tokenizer.ggml.tokens",
        engines=tuple(context.views) if harmed else (),
        fix=CONVERT_AGAIN,
    )


def _bos(context: GgufContext) -> Iterator[Finding]:
    """Whether a BOS is put in front of a text, where both sides tell."""
    base, ours = context.base, context.file.header.value(ADD_BOS)
    if base is None or not isinstance(ours, bool):
        return
    theirs: JsonValue = base.header.value(ADD_BOS) if isinstance(base, GgufModel) else adds_bos(base)
    if not isinstance(theirs, bool) or ours is theirs:
        return
    ends = context.file.turn_ends
    writes = isinstance(ends, TurnEnds) and (
        ends.writes_bos or ends.first_literal == context.file.tokenizer.named.get("bos_token")
    )
    yield RULES["GF306"].finding(
        context.file.name,
        setting_changed(ADD_BOS, ours, theirs),
        severity=Severity.WARNING if theirs and not writes else Severity.INFO,
        witness=context.witness,
        pointer=f"/{ADD_BOS}",
        current=ours,
        expected=theirs,
        fix=Fix.unsafe(PERHAPS_TRAINED, context.set(ADD_BOS, theirs)),
    )
