"""GF203: a chat template that is none: no text, empty, or not to be rendered."""

from collections.abc import Iterator, Mapping
from typing import Final

from genfix.message import Message, message, text
from genfix.model import ChatTemplate, TemplateFailure
from genfix.model.chat_template import JINJA_FILE
from genfix.model.template_render import RenderErrorKind
from genfix.rules.core.context import Context
from genfix.rules.core.finding import Finding, Fix, Severity, Witness
from genfix.rules.core.questions import TEMPLATE
from genfix.rules.core.reasons import BASE_HAS_IT_TOO, BROKEN_FILE, NO_BASE_COPY, TEMPLATE_LOST
from genfix.rules.core.restoring import restoring, template_verdict
from genfix.rules.core.rule import Rule, rule
from genfix.rules.template.template_text import mended, put_in_place

_KINDS: Final[Mapping[RenderErrorKind, Message]] = {
    RenderErrorKind.SYNTAX: text("syntax"),
    RenderErrorKind.SECURITY: text("security"),
    RenderErrorKind.RAISED: text("raised"),
    RenderErrorKind.TIMEOUT: text("timeout"),
    RenderErrorKind.MEMORY: text("memory"),
    RenderErrorKind.TOO_LARGE: text("too-large"),
    RenderErrorKind.TOO_DEEP: text("too-deep"),
    RenderErrorKind.OTHER: text("other"),
}


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
        fix=BASE_HAS_IT_TOO if shared else mended(context, template, failure),
    )


def does_not_render(failure: TemplateFailure) -> Message:
    """What is said of a template that is none."""
    return message(
        "chat-template-broken",
        "the chat template does not render ({kind}): {detail}",
        kind=_KINDS[failure.kind],
        detail=failure.detail,
    )


RULES: Final = (_broken,)
