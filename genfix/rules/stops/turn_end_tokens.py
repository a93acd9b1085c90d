"""GF102, GF107 and GF108: what ends a turn, by the chat template.

Who is right: the folder's own template, where a second witness says so too. A pretrained model that ships its
sibling's template is left alone: its EOS is not the turn end, and no chats were trained.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from genfix.folder.kinds import GENERATION_CONFIG, TOKENIZER_CONFIG
from genfix.json_types import Missing
from genfix.message import Message, message
from genfix.model import ChatTemplate, TurnEnds
from genfix.model.provenance import base_hint
from genfix.rules.core.context import Context
from genfix.rules.core.finding import Finding, Fix, Harm, Severity, Witness
from genfix.rules.core.questions import STOPS
from genfix.rules.core.reasons import BASE_HAS_THE_GAP
from genfix.rules.core.rule import Rule, rule
from genfix.rules.stops.own_stops import OwnStops, own_stops, settles_ends, wanted_ids
from genfix.rules.stops.stop_set import (
    engine_stops,
    named_ids,
    never_stops,
    trainers_hide_it,
    turn_end_missed,
    write_stop_ids,
)
from genfix.rules.template.weaker_template import foreign_template

# -- the template's ends in the stop set ---------------------------------------------------------


@rule(
    "GF102",
    "turn-end-not-a-stop-token",
    Severity.ERROR,
    question=STOPS,
    harm=Harm.ENDLESS,
    shows="answers run past their end, up to max_tokens",
)
def _not_a_stop_token(context: Context, rule: Rule) -> Iterator[Finding]:
    """The chat template ends a turn with tokens, and an engine stops at none of them.

    Why: A model trained with that template emits its turn end and the engine takes it for text: every answer
    runs to `max_tokens`. Typical for a pretrained model fine-tuned to chat, whose EOS is still
    `<|endoftext|>`. Training frameworks add their template's stop words themselves: it stops in `swift infer`
    or `llamafactory chat`, and not in vLLM.

    Fix: The template is rendered in a sandbox on sentinel conversations; the added tokens that follow the
    assistant's text are its ends. They are added to `eos_token_id` of `generation_config.json`; where no such
    file is there, one is made that also keeps what engines took from `config.json`.

    Safety: Safe: only ids are added, and only tokens this very folder's template ends a turn with. A template
    that is not the base's needs no proof. With the base's own template, or without a base, a second witness
    is asked: the tokenizer, whose EOS is that turn end; or proof of chat training, by the adapter, files a
    trainer left, added turn tokens, an EOS that became the turn end, weights that differ from the base's, or,
    without a base, a chat model that the folder names as its own.
    A run that says it was on plain text proves nothing. Without a second witness a pretrained model with its
    sibling's template is left alone beside its base, and the finding is information without one; information,
    and unsafe, where the tokenizer's EOS is all there is and the base has the same gap. Unsafe too where the
    template writes none of the tokens for turns that the tokenizer has. Without a base it is
    a warning where vLLM stops by the tokenizer's EOS and transformers does not.

    Sources:
    - hiyouga/LLaMA-Factory#7454
    - QwenLM/Qwen3#927
    - huggingface/open-r1#604
    """
    own = own_stops(context)
    if own is None or not own.deaf or own.has_nothing:
        return  # no set at all is another rule's finding
    if not settles_ends(context, own):
        if context.base is None and not own.hidden:
            yield _only_suspected(context, rule, own)
        return  # a pretrained model with its sibling's template: its stop set is right for it
    proof = context.chat_training if context.template_equal else ()
    is_of_base = context.base is not None and context.template_equal and not proof
    is_harsh = context.base is not None or "vllm" in own.deaf
    wanted = wanted_ids(context, own)
    settings = context.merged.generation_config.value or {}
    yield rule.finding(
        GENERATION_CONFIG,
        _missed(context, own) if context.base is not None else never_stops(own.deaf, _missed(context, own)),
        severity=Severity.INFO if is_of_base else Severity.ERROR if is_harsh else Severity.WARNING,
        witness=Witness.CHAT_TEMPLATE,
        pointer="/eos_token_id",
        current=settings.get("eos_token_id", Missing.MISSING),
        expected=wanted,
        evidence=[*engine_stops(context), *proof, *trainers_hide_it(own.deaf)],
        engines=own.deaf,
        fix=Fix.safe_unless(
            BASE_HAS_THE_GAP if is_of_base else _foreign(context),
            _why(context),
            (write_stop_ids(context, wanted),),
        ),
    )


def _foreign(context: Context) -> Message | None:
    """What says that the template's ends are another model's; `None` where nothing does."""
    if not foreign_template(context.merged):
        return None
    return message(
        "why-stop-foreign",
        "the template writes none of the tokens with which the tokenizer opens and closes turns",
    )


def _why(context: Context) -> Message:
    if not context.template_equal:
        return message(
            "why-stop-own-template",
            "this folder's own template writes these tokens at a turn's end; ids are only added",
        )
    if context.chat_training:
        return message(
            "why-stop-trained",
            "the model was trained on chats, and its template writes these tokens at a turn's end; "
            "ids are only added",
        )
    return message(
        "why-stop-agreed",
        "the template ends a turn with the token that the tokenizer names as EOS; ids are only added",
    )


def _missed(context: Context, own: OwnStops) -> Message:
    ends, has = named_ids(context, own.ends), named_ids(context, own.now)
    if context.merged.generation_config.present:
        return turn_end_missed(ends, has)
    return message(
        "turn-end-not-in-config",
        "is missing, and config.json stops at {has}; the chat template ends a turn with {ends}",
        ends=ends,
        has=has,
    )


def _only_suspected(context: Context, rule: Rule, own: OwnStops) -> Finding:
    hint = base_hint(context.merged)
    return rule.finding(
        GENERATION_CONFIG,
        _missed(context, own),
        severity=Severity.INFO,
        witness=Witness.CHAT_TEMPLATE,
        pointer="/eos_token_id",
        evidence=engine_stops(context),
        engines=tuple(context.views),
        fix=Fix.manual(
            message(
                "why-name-this-base",
                "name the base with --base (the folder names {base}): it says where the model stops",
                base=hint,
            )
            if hint
            else message("why-name-the-base", "name the base with --base: it says where the model stops")
        ),
    )


# -- ends that are no token, or were perhaps never trained ---------------------------------------


@rule(
    "GF107",
    "turn-end-not-a-token",
    Severity.ERROR,
    question=STOPS,
    harm=Harm.ENDLESS,
    shows="the turn end is written out as text, and the answer goes on",
)
def _not_a_token(context: Context, rule: Rule) -> Iterator[Finding]:
    """The chat template ends a turn with a text such as `<|im_end|>` that the tokenizer does not have as a
    token.

    Why: It is split into several ordinary tokens, so there is no id to stop at: every engine writes the text
    and goes on. The token was never added when the template was changed, or was lost with the tokenizer.

    Fix: None: a token needs a row in the embedding. If training had the token, put the trained tokenizer
    back; else send the text as a stop string with each request, or add the token, resize and train again.

    Safety: Manual. Information where the base has the same template and tokenizer, or nothing shows that
    chats were trained; and where the folder has no vocabulary at all, which then is what the finding says.

    Sources:
    - OpenBMB/MiniCPM#141
    - hiyouga/LLaMA-Factory#4408
    """
    merged, ends, template = context.merged, context.merged.turn_ends, context.merged.chat_template
    if template is None or not isinstance(ends, TurnEnds) or not merged.tokenizer.is_known:
        return
    texts = [text for text in ends.unknown_ends if not merged.in_vocabulary(text)]
    if not texts or ends.tokens or ends.eos_variable:
        return
    if not merged.vocabularies:
        own_code = "auto_map" in merged.tokenizer_config  # which may have its vocabulary under any name
        if not own_code and (context.base is None or not context.base.vocabularies):
            yield _vocabulary_missing(rule, template, texts)
        return  # else the base's files are missed, which is reported for itself
    if context.base is None:
        harmless = not context.chat_training
    else:
        harmless = context.template_equal and not context.base.end_ids
    yield rule.finding(
        template.file,
        turn_end_split(texts),
        severity=Severity.INFO if harmless else Severity.ERROR,
        witness=Witness.TOKENIZER,
        pointer=template.pointer,
        engines=tuple(context.views),
        fix=send_as_stop(texts[0]),
    )


def turn_end_split(texts: Sequence[str]) -> Message:
    """Ends of a turn that are no token."""
    return message(
        "turn-end-not-a-token",
        "the chat template ends a turn with {ends}, which the tokenizer splits: there is no id to stop at",
        ends=[*texts],
    )


def send_as_stop(end: str) -> Fix:
    """What a person can do about it."""
    return Fix.manual(
        message(
            "why-turn-end-not-a-token",
            "put the trained tokenizer back, or send {end} as a stop string with each request",
            end=end,
        )
    )


def _vocabulary_missing(rule: Rule, template: ChatTemplate, ends: list[str]) -> Finding:
    return rule.finding(
        template.file,
        message(
            "turn-end-without-vocabulary",
            "the chat template ends a turn with {ends}; no file here holds the tokenizer's vocabulary, so "
            "nobody can tell whether that is a token",
            ends=[*ends],
        ),
        severity=Severity.INFO,
        witness=Witness.FOLDER,
        pointer=template.pointer,
        fix=Fix.manual(
            message(
                "why-vocabulary-missing",
                "put the trained tokenizer's files here: the adapter, the checkpoint or the base has them",
            )
        ),
    )


@rule("GF108", "turn-end-is-padding", Severity.INFO, question=STOPS, harm=Harm.ENDLESS, needs_base=True)
def _perhaps_untrained(context: Context, rule: Rule) -> Iterator[Finding]:
    """The padding token was changed to the only token that ends a turn.

    Why: Trainers leave padding out of the loss. Where that is done by token id the turn end is left out too,
    and the model never learns to write it: answers run on although every stop token is right. No config can
    fix that. Trainers that mask by position do no harm with it.

    Fix: None: if the model does not stop although nothing else is found, train it again with another padding
    token.

    Safety: Manual. Information: files cannot tell how padding was masked.

    Sources:
    - huggingface/trl#3091
    - axolotl-ai-cloud/axolotl#3754
    - mlabonne/llm-course#33
    """
    base, merged = context.base, context.merged
    pad = merged.tokenizer.named.get("pad_token")
    if base is None or pad is None or base.tokenizer.named.get("pad_token") == pad:
        return
    if not context.pads_with_turn_end:
        return
    yield rule.finding(
        TOKENIZER_CONFIG,
        message(
            "turn-end-is-padding",
            "the padding token was changed to {token}, the only token that ends a turn",
            token=pad,
        ),
        witness=Witness.TOKENIZER,
        pointer="/pad_token",
        current=merged.tokenizer_config.get("pad_token", Missing.MISSING),
        fix=Fix.manual(
            message(
                "why-turn-end-is-padding",
                "if it does not stop all the same, its turn end was never trained, which no config can fix",
            )
        ),
    )


RULES: Final = (_not_a_stop_token, _not_a_token, _perhaps_untrained)
