"""GF210 to GF212: a chat template that renders, and lets less through than the model can do.

Who is right: the base, as a difference: most templates lack something, and nobody misses it. The template is
rendered on conversations made of words that occur nowhere else.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from genfix.message import Message, message, text
from genfix.model import Model, TurnEnds
from genfix.model.abilities import Ability
from genfix.rules.core.context import Context
from genfix.rules.core.finding import Finding, Fix, Severity, Witness, shown
from genfix.rules.core.questions import TEMPLATE
from genfix.rules.core.reasons import BASE_HAS_IT_TOO
from genfix.rules.core.rule import Rule, rule
from genfix.rules.template.template_text import of_base, was_trained

_NAMES: Final[Mapping[Ability, Message]] = {
    Ability.SYSTEM: text("the system turn"),
    Ability.TOOLS: text("declared tools"),
    Ability.CALLS: text("calls of tools"),
    Ability.RESULTS: text("the results of calls"),
    Ability.NULL_CONTENT: text("calls beside a content that is null"),
    Ability.TEXT_ARGUMENTS: text("calls with arguments as text"),
    Ability.PARTS: text("content in parts"),
    Ability.REASONING: text("reasoning"),
}
_SEEING: Final = ("vision_config", "audio_config", "image_token_id", "image_token_index", "mm_vision_tower")
_OF_TURNS: Final = (
    r"im_start|im_end|header_id|eot_id|eom_id|of_turn|_turn|<\|?(?:user|assistant|system|observation|end)\|?>"
)
"""Tokens that open or close turns, and no token that ends a text (``</s>``, ``<|endoftext|>``)."""


@rule(
    "GF210",
    "template-ability-lost",
    Severity.WARNING,
    question=TEMPLATE,
    needs_base=True,
    shows="tools, calls or reasoning that a request sends never reach the model",
)
def _lost(context: Context, rule: Rule) -> Iterator[Finding]:
    """The chat template drops what the base's writes into the prompt: the system turn, declared tools, calls,
    their results, the reasoning of an answer, content in parts.

    Why: The request is answered without an error, and the model never sees that part of it: a model that
    could call tools no longer does. Trainers that save a template of their own, for plain chats, do that.

    Fix: The base's template, in every place where that of the folder stands.

    Safety: Unsafe: the model may have been trained with the template that is here. Information where the
    adapter has that template too: then it was. Silent where the base is a sibling, where the template is the
    base's, and for what a template lacks without a base that has it. Images have a rule of their own.

    Sources:
    - unslothai/unsloth#1239
    - huggingface/trl#5517
    """
    base, merged = context.base, context.merged
    own, now = merged.chat_template, merged.turn_ends
    if base is None or own is None or not isinstance(now, TurnEnds) or context.template_equal:
        return
    if Ability.CHAT not in now.abilities:
        return  # it is empty, or takes none of the chats that are tried
    theirs, before = base.chat_template, base.turn_ends
    if theirs is None or not isinstance(before, TurnEnds) or context.chat_objection is not None:
        return
    lost = before.abilities - now.abilities - {Ability.PROMPT}
    if context.is_text_part or any(merged.config.get(key) is not None for key in _SEEING):
        lost -= {Ability.PARTS}  # nothing but text comes, or the place for images has a rule of its own
    if not lost:
        return
    trained = was_trained(context, own)
    yield rule.finding(
        own.file,
        message(
            "template-ability-lost",
            "the chat template drops what the base's writes into the prompt: {abilities}",
            abilities=tuple(name for ability, name in _NAMES.items() if ability in lost),
        ),
        severity=Severity.INFO if trained else Severity.WARNING,
        witness=Witness.ADAPTER if trained else Witness.BASE,
        pointer=own.pointer,
        engines=tuple(context.views),
        fix=of_base(merged, base, own, theirs),
    )


@rule(
    "GF211",
    "template-without-generation-prompt",
    Severity.WARNING,
    question=TEMPLATE,
    shows="the model writes the opener of its turn itself, or goes on with the user's text",
)
def _no_prompt(context: Context, rule: Rule) -> Iterator[Finding]:
    """The chat template opens an assistant's turn with a text of its own, and a prompt for an answer ends
    before it: `add_generation_prompt` has no effect.

    Why: The model is asked in the middle of nothing: it has to write the opener itself, as text that users
    see, or it goes on with the user's words. Programs ask for the prompt and trust the template.

    Fix: The base's template, where that opens the turn.

    Safety: Unsafe: the model may have been trained with the template that is here. Manual without such a
    base. Information where the base's template is the same, or the adapter's, which was trained with it.
    Silent for templates that open the turn by themselves after each question, and for those in which nothing
    stands before an answer.

    Sources:
    - transformers 5.24.0: tokenization_utils_base.py `apply_chat_template`
    - vLLM 0.32.0: entrypoints/chat_utils.py
    """
    base, merged = context.base, context.merged
    own, now = merged.chat_template, merged.turn_ends
    if own is None or not isinstance(now, TurnEnds) or Ability.PROMPT in now.abilities:
        return
    if Ability.CHAT not in now.abilities:
        return  # it takes none of the chats that are tried: nobody knows
    before = base.turn_ends if base is not None else None
    shared = base is not None and context.template_equal
    restores = isinstance(before, TurnEnds) and Ability.PROMPT in before.abilities
    theirs = base.chat_template if base is not None and context.chat_objection is None else None
    trained = was_trained(context, own)
    if shared:
        fix = BASE_HAS_IT_TOO
    elif trained:
        fix = Fix.manual(message("why-no-prompt-trained", "the model was trained with this template"))
    elif base is not None and theirs is not None and restores:
        fix = of_base(merged, base, own, theirs)
    else:
        fix = Fix.manual(message("why-no-prompt", "add the opener of the assistant's turn to the end"))
    yield rule.finding(
        own.file,
        message(
            "template-without-prompt",
            "add_generation_prompt has no effect: a prompt ends before the opener of the assistant's turn",
        ),
        severity=Severity.INFO if shared or trained else Severity.WARNING,
        witness=Witness.CHAT_TEMPLATE,
        pointer=own.pointer,
        engines=tuple(context.views),
        fix=fix,
    )


def foreign_template(model: Model) -> list[str]:
    """The tokens that open and close turns here, where the tokenizer's EOS is one of them and the chat
    template writes none; empty where it is the folder's own template, as far as anybody can tell.
    """
    ends, eos = model.turn_ends, model.tokenizer.eos_token
    if not isinstance(ends, TurnEnds) or ends.eos_variable or eos is None or not re.search(_OF_TURNS, eos):
        return []
    if Ability.CHAT not in ends.abilities:
        return []  # it is empty, or takes none of the chats that are tried
    ids = model.tokenizer.ids
    if any(token in ids and re.search(_OF_TURNS, token) for token in (*ends.literals, *ends.tokens)):
        return []
    return [token for token in ids if re.search(_OF_TURNS, token)]


@rule(
    "GF212",
    "template-of-another-model",
    Severity.WARNING,
    question=TEMPLATE,
    shows="prompts look like none of the training, and the turn end is never seen",
)
def _of_another(context: Context, rule: Rule) -> Iterator[Finding]:
    """The tokenizer ends a text with a token that closes turns, such as `<|im_end|>`, and the chat template
    writes none of the tokens for turns that the tokenizer has.

    Why: Tokenizer and template are of two models: prompts are made of other marks than the model was trained
    on, and it ends its turns with a token that the template does not know.

    Fix: None: put the template back that the model was trained with.

    Safety: Manual: a model may have been trained anew with such a template. Information where the base has
    the same template. Silent where the adapter has it too, and for a template that writes `eos_token`.

    Sources:
    - hiyouga/LLaMA-Factory#7454
    """
    merged, own = context.merged, context.merged.chat_template
    tokens = foreign_template(merged) if own is not None else []
    if own is None or not tokens:
        return
    if was_trained(context, own):
        return
    shared = context.base is not None and context.template_equal
    yield rule.finding(
        own.file,
        message(
            "template-of-another-model",
            "writes none of the tokens {tokens}, with which the tokenizer opens and closes turns",
            tokens=shown(tokens),
        ),
        severity=Severity.INFO if shared else Severity.WARNING,
        witness=Witness.TOKENIZER,
        pointer=own.pointer,
        engines=tuple(context.views),
        fix=BASE_HAS_IT_TOO
        if shared
        else Fix.manual(
            message("why-template-of-another", "put the template back that the model was trained with")
        ),
    )


RULES: Final = (_lost, _no_prompt, _of_another)
