"""GF2xx: the chat template.

Who is right: merged. The base's copy is put back only where merged has none, its tokenizer knows every token
the template writes, and nothing shows that another template was trained.
"""

from collections.abc import Iterator
from typing import Final

from genfix.folder.kinds import TOKENIZER_CONFIG
from genfix.message import Message, message
from genfix.model import ChatTemplate, Model, TemplateFailure, TurnEnds
from genfix.model.chat_template import JINJA_FILE
from genfix.rules.core.context import Context
from genfix.rules.core.finding import CopyField, Finding, Fix, RestoreFile, SetField, Severity, Witness
from genfix.rules.core.questions import TEMPLATE
from genfix.rules.core.reasons import TEMPLATE_LOST
from genfix.rules.core.restoring import template_verdict
from genfix.rules.core.rule import Rule, rule

TEMPLATE_MISSING: Final = message("chat-template-missing", "the chat template is missing; the base has one")
_BOS: Final = "bos_token"
_PROCESSOR_PLACES: Final = ("chat_template.json", "processor_config.json")
"""Where a processor, and no tokenizer, looks for the template."""


def _missing(context: Context, rule: Rule) -> Iterator[Finding]:
    base, merged = context.base, context.merged
    if base is None or base.chat_template is None or merged.template_places or merged.jinja.problem:
        return
    if merged.json(TOKENIZER_CONFIG).unreadable or context.another_was_trained:
        return
    operations = [operation for copy in base.template_copies if (operation := _put_back(merged, copy))]
    if not operations:
        return  # it comes back with tokenizer_config.json
    first = operations[0]
    yield rule.finding(
        first.file,
        TEMPLATE_MISSING,
        severity=Severity.ERROR if context.chat_objection is None else Severity.INFO,
        witness=Witness.BASE,
        pointer=first.pointer if isinstance(first, CopyField) else None,
        engines=tuple(context.views),
        fix=Fix.safe_unless(
            template_verdict(context, base), TEMPLATE_LOST, (*operations, *_what_it_writes(merged, base))
        ),
    )


def _what_it_writes(merged: Model, base: Model) -> Iterator[CopyField]:
    """The base's BOS, where its template writes it and nothing here says which it is: else it would be
    empty.
    """
    ends, bos = base.turn_ends, base.tokenizer.named.get(_BOS)
    if not isinstance(ends, TurnEnds) or not ends.writes_bos or bos is None:
        return
    if merged.json(TOKENIZER_CONFIG).value is None or _BOS in merged.tokenizer_config:
        return  # the whole file comes back, or null is meant
    is_unsaid = merged.tokenizer.named.get(_BOS) is None and _BOS in base.tokenizer_config
    if is_unsaid and merged.tokenizer.ids.get(bos) == base.tokenizer.ids.get(bos):
        yield CopyField(TOKENIZER_CONFIG, f"/{_BOS}")


def _put_back(merged: Model, copy: ChatTemplate) -> RestoreFile | CopyField | None:
    """The operation that brings one of the base's copies back, where nothing of merged stands in
    its place.
    """
    if merged.has(copy.file):
        readable = copy.pointer is not None and merged.json(copy.file).value is not None
        return CopyField(copy.file, "/chat_template") if readable else None
    return None if copy.file == TOKENIZER_CONFIG else RestoreFile(copy.file)


def _processor_copy(context: Context, rule: Rule) -> Iterator[Finding]:
    """The processor of a vision-language model does not read the tokenizer's inline copy."""
    base, merged = context.base, context.merged
    if base is None or not merged.template_copies or merged.has(JINJA_FILE) or context.is_text_part:
        return
    if any(copy.file in _PROCESSOR_PLACES for copy in merged.template_copies):
        return
    for copy in base.template_copies:
        operation = _put_back(merged, copy) if copy.file in _PROCESSOR_PLACES else None
        if operation is None or (copy.file == "processor_config.json" and not merged.has(copy.file)):
            continue  # a lost processor_config.json brings its template back itself
        yield rule.finding(
            copy.file,
            message(
                "processor-template-missing",
                "the processor's chat template is missing; it would fall back to the tokenizer's",
            ),
            severity=Severity.WARNING,
            witness=Witness.BASE,
            engines=tuple(context.views),
            fix=Fix.safe_unless(template_verdict(context, base), TEMPLATE_LOST, (operation,)),
        )


@rule(
    "GF201",
    "chat-template-missing",
    Severity.ERROR,
    question=TEMPLATE,
    needs_base=True,
    shows="chat requests fail: `tokenizer.chat_template is not set`; a GGUF of it takes ChatML in its place",
)
def _both_missing(context: Context, rule: Rule) -> Iterator[Finding]:
    """The base has a chat template and the folder has none, or not where the processor reads it.

    Why: Chat requests fail: transformers says `tokenizer.chat_template is not set`, vLLM `default chat
    template is no longer allowed`. A vision-language processor without its own copy falls back to the
    tokenizer's, which may drop images.

    Fix: The base's copy, in each place where the base has it.

    Safety: Safe where the folder's tokenizer has every token the template writes, at the same id, and no
    added token the base lacks. Otherwise unsafe: another template may have been trained. Unsafe and
    information where the base is a sibling of the model that the folder was made from, and that one may have
    no template.

    Sources:
    - hiyouga/LLaMA-Factory#8399
    - transformers 5.23.0: tokenization_utils_base.py
    - vLLM 0.32.0: renderers/hf.py
    """
    yield from _missing(context, rule)
    yield from _processor_copy(context, rule)


@rule(
    "GF202",
    "chat-templates-differ",
    Severity.ERROR,
    question=TEMPLATE,
    shows="the same request gets another prompt in another engine",
)
def _copies_differ(context: Context, rule: Rule) -> Iterator[Finding]:
    """`chat_template.jinja` and another copy of the template in the folder have different texts, or an old
    `chat_template.json` hides a template that was changed.

    Why: transformers and vLLM read the `.jinja` file, llama.cpp's converter and Ollama the copy in
    `tokenizer_config.json`: the same folder chats in two ways. The processor of a model that sees or hears
    reads `chat_template.json` before both, and transformers, vLLM and SGLang ask it first: a copy that is
    still the base's keeps the changed template from being used at all, which is an error.

    Fix: The text of `chat_template.jinja`, which most engines use, in the other place too; in a
    `chat_template.json` that is still the base's, the text that was changed.

    Safety: Unsafe: files cannot tell which of the two was trained.

    Sources:
    - llama.cpp: gguf-py/gguf/vocab.py
    - transformers 5.24.0: processing_utils.py (`get_processor_dict`)
    - vLLM 0.33.0: renderers/hf.py (`resolve_chat_template`)
    - pytorch/torchtitan#2455
    """
    copies = context.merged.template_copies
    if not copies or isinstance(context.merged.turn_ends, TemplateFailure):
        return  # the copy that is read first does not render, which is what is wrong
    first = copies[0]
    hiding = _hiding_copy(context, first)
    if hiding is not None:
        yield _hidden(context, rule, first, hiding)
    if first.file != JINJA_FILE:
        return  # without the .jinja file the other two places have different readers
    for other in copies[1:]:
        if other is hiding or first.same_text(other) or _apart_as_in_base(context, first, other):
            continue
        yield rule.finding(
            other.file,
            templates_differ(first, other),
            severity=Severity.INFO
            if context.base is None or _base_differs_too(context.base, other)
            else Severity.WARNING,
            witness=Witness.FOLDER,
            pointer=other.pointer,
            fix=Fix.unsafe(
                message(
                    "why-templates-differ",
                    "files cannot tell which copy was trained; {first} is what most engines read",
                    first=first.file,
                ),
                SetField(other.file, other.pointer, first.text),
            )
            if other.pointer == "/chat_template"
            else Fix.manual(
                message(
                    "why-templates-named",
                    "{first} is what most engines read; the other is one of several named templates",
                    first=first.file,
                )
            ),
        )


def _hiding_copy(context: Context, first: ChatTemplate) -> ChatTemplate | None:
    """The copy that the folder's processor takes, where it is still the base's and ``first`` was changed."""
    # Imported here: a folder of one copy does not need the data.
    from genfix.engines.shared.templates import makes_processor, processor_template  # noqa: PLC0415

    base, merged = context.base, context.merged
    others = [copy for copy in merged.template_copies if copy.file in _PROCESSOR_PLACES]
    if base is None or not others or first in others or not makes_processor(merged):
        return None
    taken = processor_template(merged)
    if taken is None or taken.source is None or any(map(first.same_text, base.template_copies)):
        return None
    kept = (copy for copy in others if any(map(copy.same_text, base.template_copies)))
    return next((copy for copy in kept if taken.source.sha256 == copy.sha256), None)


def _hidden(context: Context, rule: Rule, first: ChatTemplate, hiding: ChatTemplate) -> Finding:
    why = message(
        "why-template-hidden",
        "files cannot tell which copy was trained; {first} is the one that was changed",
        first=first.file,
    )
    pointer = hiding.pointer
    return rule.finding(
        hiding.file,
        message(
            "processor-template-hides",
            "the chat template here is still the base's, and comes before the changed one in {first}: "
            "the processor reads this first",
            first=first.file,
        ),
        severity=Severity.ERROR,
        witness=Witness.BASE,
        pointer=hiding.pointer,
        engines=tuple(context.views),
        fix=Fix.unsafe(why, SetField(hiding.file, pointer, first.text))
        if pointer == "/chat_template"
        else Fix.manual(why),
    )


def templates_differ(first: ChatTemplate, other: ChatTemplate) -> Message:
    """What is said of two copies with different texts."""
    return message(
        "chat-templates-differ",
        "the chat template here is not the one in {first}: some engines read this, some that",
        first=first.file,
        other=other.file,
    )


def _apart_as_in_base(context: Context, first: ChatTemplate, other: ChatTemplate) -> bool:
    """Whether tokenizer and processor have the two templates the base has for them."""
    base = context.base
    if base is None or other.file not in _PROCESSOR_PLACES or not first.same_text(base.chat_template):
        return False
    return any(copy.file == other.file and copy.same_text(other) for copy in base.template_copies)


def _base_differs_too(base: Model, other: ChatTemplate) -> bool:
    copies = base.template_copies
    return any(copy.file == other.file and not copy.same_text(copies[0]) for copy in copies[1:])


RULES: Final = (_both_missing, _copies_differ)
