"""GF2xx, third part: a chat template that is not the one the model was trained with, or is blind to images.

Who is right: the adapter, whose template is the trained one; then merged. The base's is put in the place of
another only where a vision-language model lost sight.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from genfix.folder.kinds import TOKENIZER_CONFIG
from genfix.message import Message, message
from genfix.model import ChatTemplate, Model, TurnEnds
from genfix.model.chat_template import JINJA_FILE
from genfix.model.turn_ends import find_turn_ends
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
)
from genfix.rules.core.questions import TEMPLATE
from genfix.rules.core.reasons import OTHER_TEMPLATE, template_tokens_unknown
from genfix.rules.core.rule import Rule, rule
from genfix.rules.template.template_text import (
    INLINE,
    PROCESSOR_TEMPLATE,
    has_additional,
    put_in_place,
    renders_alike,
    same_when_served,
    untagged,
)

# -- images --------------------------------------------------------------------------------------

_VISION_KEYS: Final = ("vision_config", "image_token_id", "image_token_index", "visual", "mm_vision_tower")
_PROCESSOR_ORDER: Final = (PROCESSOR_TEMPLATE, JINJA_FILE, "processor_config.json", TOKENIZER_CONFIG)


@rule(
    "GF206",
    "template-without-images",
    Severity.ERROR,
    question=TEMPLATE,
    needs_base=True,
    shows="requests with an image fail, or the image is ignored",
)
def _without_images(context: Context, rule: Rule) -> Iterator[Finding]:
    """A vision-language model's chat template writes nothing for an image, and the base's does.

    Why: The processor's prompt has no place for the image: transformers fails, or writes the request's parts
    out as text; vLLM fails too where the template takes content in parts. Bases such as Qwen2.5-VL have one
    template for the tokenizer, of text only, and one for the processor: a merge that saves the tokenizer
    alone leaves the first as the only one.

    Fix: The base's template, in the file the processor reads.

    Safety: Safe where the text here is one of the base's own copies, or the adapter has the base's. Otherwise
    unsafe: the model may have been trained with the template that is here.

    Sources:
    - hiyouga/LLaMA-Factory#8356
    - QwenLM/Qwen3-VL#1488
    - transformers 5.23.0: processing_utils.py
    - vLLM: entrypoints/chat_utils.py `_get_full_multimodal_text_prompt`
    """
    base, merged = context.base, context.merged
    if base is None or context.is_text_part or not _takes_images(merged):
        return
    own, theirs = _processors(merged), _processors(base)
    if own is None or theirs is None or own.same_text(theirs):
        return
    if own.file == TOKENIZER_CONFIG and theirs.file not in (JINJA_FILE, TOKENIZER_CONFIG):
        return  # the processor's copy is missing, which is reported for itself
    before, now = _turn_ends(base, theirs), _turn_ends(merged, own)
    if before is None or now is None or before.images is not True or now.images is True:
        return
    yield rule.finding(
        own.file,
        message("template-without-images", "the chat template writes nothing for an image; the base's does"),
        witness=Witness.BASE,
        pointer=own.pointer,
        # vLLM writes an image's placeholder itself for templates that take strings only
        engines=tuple(context.views) if now.images is False else ("transformers5",),
        fix=Fix.safe_unless(
            _images_objection(context, base, own, theirs),
            message("why-images-of-base", "no other template was trained; the base's has a place for images"),
            _seeing(context, base, own, theirs),
        ),
    )


def _images_objection(
    context: Context, base: Model, own: ChatTemplate, theirs: ChatTemplate
) -> Message | None:
    """What speaks against the base's template; `None` where no other was trained, and its tokens are here."""
    if base.copies_of(own) or (context.adapter is not None and context.adapter.copies_of(theirs)):
        return _missing(context.merged, base, _spelled(base, theirs))
    return OTHER_TEMPLATE


def _takes_images(model: Model) -> bool:
    return any(model.config.get(key) is not None for key in _VISION_KEYS)


def _processors(model: Model) -> ChatTemplate | None:
    """The template a processor takes, or an engine for it where it has none (vLLM: the tokenizer's)."""
    copies = {copy.file: copy for copy in reversed(model.template_copies)}
    return next((copies[file] for file in _PROCESSOR_ORDER if file in copies), None)


def _turn_ends(model: Model, template: ChatTemplate) -> TurnEnds | None:
    first = template == model.chat_template
    ends = model.turn_ends if first else find_turn_ends(template.text, model.tokenizer.ids.keys())
    return ends if isinstance(ends, TurnEnds) else None


def _spelled(model: Model, template: ChatTemplate) -> list[str]:
    """Added tokens that the template's text has, those around images among them."""
    return [token for token in model.tokenizer.ids if token in template.text]


def _seeing(context: Context, base: Model, own: ChatTemplate, theirs: ChatTemplate) -> tuple[Operation, ...]:
    """The base's text where merged's processor looks first.

    Where the tokenizer's text took the place of both, the base's two templates stand in its two files again.
    """
    merged = context.merged
    apart = own.file == JINJA_FILE and theirs.file == PROCESSOR_TEMPLATE and base.copies_of(own)
    if apart and not has_additional(merged):
        return (RestoreFile(PROCESSOR_TEMPLATE),)
    # The processor's own files say nothing of the tokenizer's template, whatever that is.
    copies = merged.copies_of(own) if own.file in (JINJA_FILE, TOKENIZER_CONFIG) else (own,)
    placed = put_in_place(merged, copies, theirs.text, base, Witness.BASE)
    added = own.file == TOKENIZER_CONFIG and theirs.file == JINJA_FILE
    return (RestoreFile(JINJA_FILE), *placed) if added else placed


# -- the trained template ------------------------------------------------------------------------


@rule(
    "GF208",
    "template-not-the-trained-one",
    Severity.ERROR,
    question=TEMPLATE,
    shows="prompts look unlike those of the training: answers get worse",
)
def _not_the_trained_one(context: Context, rule: Rule) -> Iterator[Finding]:
    """The adapter that was merged has a chat template, and this folder has one that renders otherwise, or
    none.

    Why: Prompts look unlike those of the training: other headers, another system prompt, other turn ends.
    Merges that load the tokenizer from the base write the base's template.

    Fix: The adapter's template in each place where this folder has its own. Tags that only training reads are
    left out.

    Safety: Safe where the template here is the base's, or there is none, and the tokenizer has every token
    the adapter's template writes. Unsafe otherwise; and information where the template here is neither the
    adapter's nor the base's: somebody may have written it for serving.

    Sources:
    - hiyouga/LLaMA-Factory#7785
    - hiyouga/LLaMA-Factory#5986
    - unslothai/unsloth#1832
    """
    merged, adapter, own = context.merged, context.adapter, context.merged.chat_template
    trained = _trained_elsewhere(context)
    if adapter is None or trained is None:
        return
    is_third = _is_third(context)
    objection = (
        message(
            "why-template-third",
            "the template here is neither the adapter's nor known to be the base's: it may be meant",
        )
        if is_third
        else _unproven(merged, adapter)
    )
    operations = _trained_in_place(merged, adapter, trained)
    yield rule.finding(
        own.file if own is not None else operations[0].file,
        message("trained-template-missing", "the chat template is missing; the adapter has the trained one")
        if own is None
        else message(
            "template-not-trained", "the chat template is not the adapter's, which is the trained one"
        ),
        severity=Severity.INFO if is_third else Severity.ERROR,
        witness=Witness.ADAPTER,
        pointer=own.pointer if own is not None else None,
        engines=() if is_third else tuple(context.views),
        fix=Fix.safe_unless(
            objection,
            message(
                "why-template-trained",
                "no template of its own is replaced, and the tokenizer has every token the trained one "
                "writes",
            ),
            operations,
        ),
    )


def _trained_elsewhere(context: Context) -> ChatTemplate | None:
    """The adapter's template, where merged has none that speaks like it."""
    base, merged, adapter = context.base, context.merged, context.adapter
    trained = context.trained_template
    if adapter is None or trained is None or not trained.text.strip() or merged.jinja.problem:
        return None
    if context.lost_from_base(TOKENIZER_CONFIG) or merged.json(TOKENIZER_CONFIG).unreadable:
        return None  # the file is put right first
    if base is not None and base.copies_of(trained) and not _is_third(context):
        return None  # nothing was trained but the base's: where it is missing, that is reported for itself
    return None if _speaks_like(merged, adapter, trained) else trained


def _is_third(context: Context) -> bool:
    """Whether merged's template is not the base's either, as far as anybody can tell."""
    own, base = context.merged.chat_template, context.base
    return own is not None and (base is None or not base.copies_of(own))


def _speaks_like(merged: Model, adapter: Model, trained: ChatTemplate) -> bool:
    """Whether merged's template differs from the trained one in comments or a trainer's tags at most."""
    own = merged.chat_template
    if own is None:
        return False
    if any(same_when_served(own, copy) for copy in adapter.template_copies):
        return True
    return any(renders_alike(copy.text, trained.text) for copy in _in_use(merged, own))


def _in_use(merged: Model, first: ChatTemplate) -> Sequence[ChatTemplate]:
    """What tokenizer and processor read: one ``.jinja`` file, or a copy each."""
    return (first,) if first.file == JINJA_FILE else merged.template_copies


def _unproven(merged: Model, adapter: Model) -> Message | None:
    """What speaks against the adapter's template; `None` where this tokenizer is proven to fit it."""
    ends = adapter.turn_ends
    if not isinstance(ends, TurnEnds) or not (merged.tokenizer.is_known and merged.vocabularies):
        return message(
            "why-template-unproven",
            "no file tells whether the tokenizer has the tokens the adapter's template writes",
        )
    # An adapter without a tokenizer: whatever looks like a token has to be one here.
    return _missing(merged, adapter, ends.literals if adapter.tokenizer.is_known else ends.unknown_literals)


def _missing(merged: Model, witness: Model, texts: Iterable[str]) -> Message | None:
    """Which of these tokens of ``witness`` are not the same tokens here, as far as files tell."""
    ours, theirs = merged.tokenizer.ids, witness.tokenizer.ids
    unknown = [text for text in texts if text not in ours or ours[text] != theirs.get(text, ours[text])]
    return template_tokens_unknown(unknown) if ours and unknown else None


def _trained_in_place(merged: Model, adapter: Model, trained: ChatTemplate) -> tuple[Operation, ...]:
    """Operations that write the trained template, fit to be served, where merged has its own or the adapter
    has it.
    """
    own, text = merged.chat_template, untagged(trained.text)
    if own is not None:
        return put_in_place(merged, merged.copies_of(own), text, adapter, Witness.ADAPTER)
    if trained.file != JINJA_FILE and merged.json(TOKENIZER_CONFIG).value is not None:
        return (SetField(TOKENIZER_CONFIG, INLINE, text, adapter.keys(TOKENIZER_CONFIG)),)
    same = adapter.jinja.text == text
    return (RestoreFile(JINJA_FILE, Witness.ADAPTER) if same else WriteFile(JINJA_FILE, text.encode()),)


RULES: Final = (_without_images, _not_the_trained_one)
