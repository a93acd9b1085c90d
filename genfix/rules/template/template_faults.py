"""GF2xx, second part: what a chat template says, or where it stands, that some reader cannot use.

Who is right: merged. Nothing is said of what the base's own copies say as well.
"""

from collections.abc import Iterator
from typing import Final

from genfix.folder.kinds import FAST_TOKENIZER, TOKENIZER_CONFIG
from genfix.message import message
from genfix.model import ChatTemplate, Model, TurnEnds
from genfix.model.chat_template import JINJA_FILE
from genfix.model.template_scan import special_texts
from genfix.rules.core.context import Context
from genfix.rules.core.finding import Finding, Fix, Operation, RestoreFile, SetField, Severity, Witness, shown
from genfix.rules.core.questions import TEMPLATE
from genfix.rules.core.reasons import BASE_HAS_IT_TOO
from genfix.rules.core.rule import Rule, rule
from genfix.rules.template.template_text import (
    INLINE,
    PROCESSOR_TEMPLATE,
    all_texts,
    has_additional,
    has_tags,
    renders_alike,
    untagged,
    untagged_copies,
    was_trained,
)

# -- tags of training ----------------------------------------------------------------------------


@rule(
    "GF204",
    "training-tags-in-template",
    Severity.ERROR,
    question=TEMPLATE,
    shows="some servers refuse the template: `unknown tag 'generation'`",
)
def _training_tags(context: Context, rule: Rule) -> Iterator[Finding]:
    """A copy of the chat template has `{% generation %}` tags, which mark the assistant's words for training.

    Why: transformers, and with it vLLM, SGLang and MLX, knows the tag, and so does llama.cpp. Others do not:
    text-generation-webui, Xinference and older llama-cpp-python say `Encountered unknown tag 'generation'`,
    mistral.rs and TGI (where the tag has a dash) refuse the template. TRL saves such templates with models
    trained on answers only.

    Fix: An empty comment in the place of each tag, with the same dashes, in every copy.

    Safety: Safe where the base has no such tag and every conversation renders the same without. Unsafe where
    the text changes, and, as information, without a base: some models are published with the tags. A base
    that has them as well makes it information, and manual.

    Sources:
    - oobabooga/text-generation-webui#6985
    - abetlen/llama-cpp-python#2226
    - theroyallab/tabbyAPI#437
    - huggingface/trl#4879
    - text-generation-inference 3.3.7: router/src/infer/chat_template.rs
    """
    base, merged = context.base, context.merged
    tagged = [(file, text) for file, text in all_texts(merged) if has_tags(text)]
    if not tagged:
        return
    shared = base is not None and any(has_tags(text) for _, text in all_texts(base))
    file, _ = tagged[0]
    yield rule.finding(
        file,
        message(
            "template-training-tags",
            "the chat template has generation tags: they only mark text for training, and not every "
            "engine knows them",
        ),
        severity=Severity.INFO if base is None or shared else Severity.ERROR,
        witness=Witness.ENGINE,
        fix=BASE_HAS_IT_TOO if shared else _without_tags(context, {text for _, text in tagged}),
    )


def _without_tags(context: Context, texts: set[str]) -> Fix:
    operations = untagged_copies(context.merged)
    objection = None
    if not all(renders_alike(text, untagged(text)) for text in sorted(texts)):
        objection = message(
            "why-tags-change-text", "some conversation renders to another text without the tags"
        )
    elif context.base is None:
        objection = message(
            "why-tags-no-base",
            "every conversation renders the same without the tags, but the base may have been published with "
            "them",
        )
    alike = message("why-tags-alike", "every conversation renders the same without the tags")
    return Fix.safe_unless(objection, alike, operations)


# -- texts that are no token ---------------------------------------------------------------------


@rule(
    "GF205",
    "template-writes-unknown-tokens",
    Severity.WARNING,
    question=TEMPLATE,
    shows="prompts are cut into other tokens than in training",
)
def _unknown_tokens(context: Context, rule: Rule) -> Iterator[Finding]:
    """The chat template writes texts in the form `<|...|>` that are no token of this folder's tokenizer.

    Why: Each is split into several ordinary tokens. If the model was trained with tokens there, no prompt
    looks like those of the training. Turn ends that are no token have a rule of their own.

    Fix: None: files cannot tell whether the texts were trained as tokens.

    Safety: Manual. Warning where the tokenizer has some of the template's markers and lacks others
    (information without a base); information where it has none, as in models trained with markers of ordinary
    text (Zephyr), and then silent without a base. Silent where the adapter has the same template, where the
    base's template is at work and lacks the token too, and for tokenizers with code of their own.

    Sources:
    - hiyouga/LLaMA-Factory#4408
    - OpenBMB/MiniCPM#141
    """
    base, merged = context.base, context.merged
    ends, template = merged.turn_ends, merged.chat_template
    if template is None or not isinstance(ends, TurnEnds) or not _tells_tokens(merged):
        return
    if was_trained(context, template):
        return  # trained so: as tokens, which the tokenizer's own rule misses, or as ordinary text
    texts = _unknown_texts(context, ends)
    partly = _has_markers(merged, ends)
    if not texts or (base is None and not partly):
        return
    yield rule.finding(
        template.file,
        message(
            "template-unknown-tokens",
            "the chat template writes {tokens}, which the tokenizer splits into ordinary tokens",
            tokens=shown(texts),
        ),
        severity=Severity.WARNING if partly and base is not None else Severity.INFO,
        witness=Witness.TOKENIZER,
        pointer=template.pointer,
        fix=Fix.manual(
            message(
                "why-template-unknown-tokens",
                "put the trained tokenizer back; nothing is wrong if they were trained as ordinary text",
            )
        ),
    )


def _unknown_texts(context: Context, ends: TurnEnds) -> list[str]:
    """What the template writes within turns that is no token, and is one in a base of the same template."""
    base, merged = context.base, context.merged
    texts = [text for text in ends.unknown_literals if text not in ends.unknown_ends]
    if base is not None and context.template_equal:
        texts = [text for text in texts if _renamed(base, merged, text)]
    return [text for text in texts if not merged.in_vocabulary(text)]


def _tells_tokens(model: Model) -> bool:
    """Whether the files tell every token: a tokenizer with code of its own may have more."""
    tells = model.tokenizer.is_known and bool(model.vocabularies)
    return tells and (model.has(FAST_TOKENIZER) or "auto_map" not in model.tokenizer_config)


def _renamed(base: Model, merged: Model, text: str) -> bool:
    """Whether the base's token of that text has another text here; a missing one has its own rule."""
    token_id = base.tokenizer.ids.get(text)
    return token_id is not None and merged.tokenizer.text(token_id) not in (None, text)


def _has_markers(merged: Model, ends: TurnEnds) -> bool:
    """Whether some of the template's markers are tokens, beside those that end a turn and those with a name.

    Many models are trained with all their markers as ordinary text, and a token at the end.
    """
    known = {*ends.tokens, *merged.tokenizer.named.values()}
    return any(special_texts(text) == [text] for text in ends.literals if text not in known)


# -- places that only new readers know -----------------------------------------------------------


@rule("GF207", "template-for-new-readers-only", Severity.INFO, question=TEMPLATE, needs_base=True)
def _new_readers_only(context: Context, rule: Rule) -> Iterator[Finding]:
    """The chat template stands in `chat_template.jinja` only; the base also has it where older readers look.

    Why: transformers 4.57 and 5 write that file alone. TGI (3.3.7) and Ollama's converter do not read it:
    chat requests fail with `template not found`, or get a template that was guessed.

    Fix: The same text in `tokenizer_config.json`; the base's `chat_template.json` where its text is the same.

    Safety: Unsafe: nothing is replaced, but whoever changes one copy later has to change both.

    Sources:
    - huggingface/text-generation-inference#3247
    - text-generation-inference 3.3.7: router/src/server.rs
    - ollama: convert/tokenizer.go
    - transformers 5.23.0: tokenization_utils_base.py `save_chat_templates`
    """
    base, merged = context.base, context.merged
    template = merged.chat_template
    if base is None or template is None or template.file != JINJA_FILE or not template.text.strip():
        return
    operations = tuple(_second_copies(context, base, template))
    if operations:
        yield rule.finding(
            JINJA_FILE,
            message(
                "template-new-readers-only",
                "holds the only chat template; readers of {places} find none",
                places=[operation.file for operation in operations],
            ),
            witness=Witness.BASE,
            fix=Fix.unsafe(
                message(
                    "why-template-second-copy",
                    "adds copies and replaces nothing; whoever changes one has to change all",
                ),
                *operations,
            ),
        )


def _second_copies(context: Context, base: Model, template: ChatTemplate) -> Iterator[Operation]:
    """The template where the base has a copy for older readers and merged has none."""
    merged = context.merged
    theirs = {copy.file: copy for copy in base.template_copies}
    lost = {*theirs} - {copy.file for copy in merged.template_copies}
    if TOKENIZER_CONFIG in lost and merged.json(TOKENIZER_CONFIG).value is not None:
        yield SetField(TOKENIZER_CONFIG, INLINE, template.text, base.keys(TOKENIZER_CONFIG))
    # transformers refuses the processor's file beside additional templates
    fits = template.same_text(theirs.get(PROCESSOR_TEMPLATE)) and not has_additional(merged)
    if PROCESSOR_TEMPLATE in lost and fits and not (context.is_text_part or merged.has(PROCESSOR_TEMPLATE)):
        yield RestoreFile(PROCESSOR_TEMPLATE)


RULES: Final = (_training_tags, _unknown_tokens, _new_readers_only)
