"""GF2xx: the chat template.

Who is right: merged. The base's copy is put back only where merged has none, its tokenizer knows every token
the template writes, and nothing shows that another template was trained.
"""

from collections.abc import Iterator
from typing import Final

from genfix.folder.kinds import TOKENIZER_CONFIG
from genfix.message import message
from genfix.model import ChatTemplate, Model, TemplateFailure, TurnEnds
from genfix.model.chat_template import JINJA_FILE
from genfix.model.template_render import RenderErrorKind
from genfix.model.turn_ends import find_turn_ends
from genfix.rules.core.context import Context
from genfix.rules.core.finding import CopyField, Finding, Fix, RestoreFile, SetField, Severity, Witness
from genfix.rules.core.questions import TEMPLATE
from genfix.rules.core.reasons import BASE_HAS_IT_TOO, BROKEN_FILE, NO_BASE_COPY, TEMPLATE_LOST
from genfix.rules.core.restoring import restoring, template_verdict
from genfix.rules.core.rule import Rule, rule
from genfix.rules.template.template_text import (
    does_not_render,
    of_base,
    put_in_place,
    same_when_served,
    templates_differ,
)

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
    Severity.WARNING,
    question=TEMPLATE,
    shows="the same request gets another prompt in another engine",
)
def _copies_differ(context: Context, rule: Rule) -> Iterator[Finding]:
    """`chat_template.jinja` and another copy of the template in the folder have different texts.

    Why: transformers and vLLM read the `.jinja` file, llama.cpp's converter and Ollama the copy in
    `tokenizer_config.json`: the same folder chats in two ways.

    Fix: The text of `chat_template.jinja`, which most engines use, in the other place too.

    Safety: Unsafe: files cannot tell which of the two was trained.

    Sources:
    - llama.cpp: gguf-py/gguf/vocab.py
    - pytorch/torchtitan#2455
    """
    copies = context.merged.template_copies
    if isinstance(context.merged.turn_ends, TemplateFailure):
        return  # the copy that is read first does not render, which is what is wrong
    if not copies or copies[0].file != JINJA_FILE:
        return  # without the .jinja file the other two places have different readers
    first = copies[0]
    for other in copies[1:]:
        if first.same_text(other) or _apart_as_in_base(context, first, other):
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


def _apart_as_in_base(context: Context, first: ChatTemplate, other: ChatTemplate) -> bool:
    """Whether tokenizer and processor have the two templates the base has for them."""
    base = context.base
    if base is None or other.file not in _PROCESSOR_PLACES or not first.same_text(base.chat_template):
        return False
    return any(copy.file == other.file and copy.same_text(other) for copy in base.template_copies)


def _base_differs_too(base: Model, other: ChatTemplate) -> bool:
    copies = base.template_copies
    return any(copy.file == other.file and not copy.same_text(copies[0]) for copy in copies[1:])


def _not_text(context: Context, rule: Rule) -> Iterator[Finding]:
    """A template file with something in it that is no text."""
    base = context.base
    if isinstance(context.merged.jinja.problem, UnicodeDecodeError):
        yield rule.finding(
            JINJA_FILE,
            message("chat-template-not-text", "is not UTF-8 text"),
            severity=Severity.INFO if context.same_as_base(JINJA_FILE) else Severity.ERROR,
            witness=Witness.ENGINE,
            engines=tuple(context.views),
            fix=restoring(context, base, JINJA_FILE, BROKEN_FILE)
            if base is not None and (base.jinja.text or "").strip()
            else NO_BASE_COPY,
        )


def _blank(context: Context, rule: Rule) -> Iterator[Finding]:
    """A copy without a word: engines take it all the same, and every prompt is empty."""
    places, base = context.merged.template_places, context.base
    theirs = {copy.file for copy in base.template_places if not copy.text.strip()} if base is not None else ()
    for place in places:
        if place.text.strip():
            continue
        is_sure = place.file == JINJA_FILE or base is not None
        severity = Severity.ERROR if place is places[0] and is_sure else Severity.WARNING
        yield rule.finding(
            place.file,
            message("chat-template-empty", "is empty, so no chat request has a prompt")
            if place.pointer is None
            else message("chat-template-blank", "is an empty text, so no chat request has a prompt"),
            severity=Severity.INFO if place.file in theirs else severity,
            witness=Witness.ENGINE,
            pointer=place.pointer,
            engines=tuple(context.views) if place is places[0] else (),
            fix=_filled(context, place),
        )


def _filled(context: Context, place: ChatTemplate) -> Fix:
    """With the folder's other copy, else with the base's."""
    own, base = context.merged.chat_template, context.base
    if own is not None:
        why = message("why-template-filled", "{file} has the one chat template of this folder", file=own.file)
        return Fix.safe(why, *put_in_place(context.merged, [place], own.text, context.merged, Witness.FOLDER))
    if base is None or base.chat_template is None:
        return NO_BASE_COPY
    same = next((copy for copy in base.template_copies if copy.file == place.file), base.chat_template)
    if place.file == JINJA_FILE == same.file:
        return restoring(context, base, JINJA_FILE, BROKEN_FILE)
    operations = put_in_place(context.merged, [place], same.text, base, Witness.BASE)
    return Fix.safe_unless(template_verdict(context, base), TEMPLATE_LOST, operations)


@rule(
    "GF203",
    "chat-template-broken",
    Severity.ERROR,
    question=TEMPLATE,
    shows="every chat request fails, or hangs the server",
)
def _broken(context: Context, rule: Rule) -> Iterator[Finding]:
    """The chat template cannot be rendered: a syntax error, an access the sandbox forbids, or no end
    within the limits; or it is empty.

    Why: Every chat request fails, or hangs the server that renders it. With an empty one every prompt is
    empty: engines take it all the same.

    Fix: For a syntax error the text of another copy in the folder that renders; else the base's template,
    where that renders. An empty one is filled with the folder's other copy, else with the base's.

    Safety: Safe for a syntax error beside a copy that renders: no engine can use the text as it is; and with
    the base's, where the two differ by tags of training only. Else unsafe with the base's: the model may have
    been trained with another text. Manual without such a base, or where it is a sibling. A template that
    needs more than the sandbox gives should not be served at all. For an empty one
    safe with the folder's own other copy, and with the base's where a lost template would be put back;
    unsafe otherwise. A warning where an empty copy is not the one that transformers reads first, and for
    an empty text in a JSON file without a base. Information where the base has the same.

    Sources:
    - transformers 5.23.0: utils/chat_template_utils.py
    - CVE-2024-34359
    """
    yield from _not_text(context, rule)
    yield from _blank(context, rule)
    failure, template = context.merged.turn_ends, context.merged.chat_template
    if template is None or not isinstance(failure, TemplateFailure) or failure.kind is RenderErrorKind.OTHER:
        return  # `other`: the renderer itself failed, which says nothing about the template
    shared = context.base is not None and template.same_text(context.base.chat_template)
    yield rule.finding(
        template.file,
        does_not_render(failure),
        severity=Severity.INFO if shared else Severity.ERROR,
        witness=Witness.CHAT_TEMPLATE,
        pointer=template.pointer,
        engines=tuple(context.views),
        fix=BASE_HAS_IT_TOO if shared else _mended(context, template, failure),
    )


def _mended(context: Context, template: ChatTemplate, failure: TemplateFailure) -> Fix:
    """With another copy of the folder's that renders, where it is one slip that keeps this one from it, else
    with the base's.
    """
    merged, base = context.merged, context.base
    for copy in merged.template_copies if failure.kind is RenderErrorKind.SYNTAX else ():
        if isinstance(find_turn_ends(copy.text, merged.tokenizer.ids.keys()), TurnEnds):
            return Fix.safe(
                message("why-template-renders", "the copy in {file} renders", file=copy.file),
                *put_in_place(merged, [template], copy.text, merged, Witness.FOLDER),
            )
    theirs = base.chat_template if base is not None and context.chat_objection is None else None
    if base is None or theirs is None or not isinstance(base.turn_ends, TurnEnds):
        return ASK_THE_AUTHOR
    fix = of_base(merged, base, template, theirs)
    if not same_when_served(template, theirs):
        return fix
    return Fix.safe(
        message(
            "why-template-tagged", "but for tags of training it is the base's template, and that one renders"
        ),
        *fix.operations,
    )


ASK_THE_AUTHOR: Final = Fix.manual(
    message("why-template-broken", "only its author can say what it should do")
)
RULES: Final = (_both_missing, _copies_differ, _broken)
