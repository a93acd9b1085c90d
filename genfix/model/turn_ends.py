"""Which tokens end an assistant's turn, as the chat template shows: it is rendered, never read.

Conversations made of words that occur nowhere else are rendered (`template_render`); the added tokens around
those words show what closes a turn and what opens one. ``eos_token`` and its like are rendered as private-use
characters, so that the tokenizer's word is not taken for the template's own. Families whose templates taught
the rules: design notes of `end_judge`.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from genfix.message import Arg
from genfix.model import conversations as talks
from genfix.model.abilities import WRITTEN_OUT, Ability, abilities
from genfix.model.end_judge import CUTS, EndSource, judge_ends, last_ends
from genfix.model.template_render import RenderError, RenderErrorKind, render_template
from genfix.model.template_scan import Scanner, special_texts, token_like_texts, unique


class TurnEnds(NamedTuple):
    """What a template that renders says about the end of an assistant's turn."""

    tokens: tuple[str, ...]
    """Added tokens that end the turn, in the order seen; empty: the template has none to tell."""
    source: EndSource | None
    """`None` where there is neither a token nor an ``eos_token``."""
    eos_variable: bool
    """Whether an end is written as ``eos_token``: which token that is, only the tokenizer says."""
    literals: tuple[str, ...]
    """Added tokens in the rendered text, in the order seen."""
    unknown_literals: tuple[str, ...]
    """Texts in the form ``<|...|>`` in the rendered text that are no added token."""
    unknown_ends: tuple[str, ...]
    """Texts that look like tokens, are no added token, and stand where an end would: several ordinary tokens,
    at which no engine stops. Empty where an added token or ``eos_token`` ends the turn as well."""
    images: bool | None
    """Whether the template writes anything for an image; `None`: it takes no content in parts, so none at
    all."""
    writes_bos: bool
    """Whether a rendered chat contains ``bos_token``; one written out is `first_literal`."""
    first_literal: str | None
    """The added token every rendered chat starts with."""
    abilities: frozenset[Ability]
    """What of a conversation reaches the prompt."""


class TemplateFailure(NamedTuple):
    """A template that is not one, hangs, or reaches out of the sandbox: engines fail on it as well.

    With the kind ``other`` the renderer itself failed; the template may be sound.
    """

    kind: RenderErrorKind
    detail: Arg


def find_turn_ends(
    template: str, added_tokens: Collection[str], additional: Sequence[str] = ()
) -> TurnEnds | TemplateFailure:
    """Render ``template`` and say what ends an assistant's turn; ``added_tokens`` are the tokenizer's added
    tokens.

    ``additional`` are those it lists as ``additional_special_tokens``: some templates take them by number.

    Raises nothing for a template. One that raises errors for some conversations is judged by the others; one
    attempt to leave the sandbox, or one loop without end, is a failure whichever conversation shows it.
    """
    texts = _rendered(template, additional)
    if isinstance(texts, TemplateFailure):
        return texts
    chosen = _chat_of(texts) or _of_group(texts, talks.GROUPS[0])
    scanner = Scanner({*added_tokens, *talks.SENTINELS})
    source, ends = judge_ends(chosen, scanner)
    chats = [chosen[name] for name in (talks.CHAT, talks.WITH_SYSTEM, talks.SHORT) if name in chosen]
    return TurnEnds(
        tokens=tuple(end for end in ends if end not in talks.SENTINELS),
        source=source,
        eos_variable=talks.EOS in ends,
        literals=unique(
            token
            for name in chosen
            if name != talks.TAGS
            for token in scanner.all_in(chosen[name])
            if token not in talks.SENTINELS
        ),
        unknown_literals=_unknown_literals(template, chosen, scanner),
        unknown_ends=() if ends else _unknown_ends(chosen, scanner, added_tokens),
        images=_images(_of_group(texts, talks.PARTS)),
        writes_bos=any(talks.BOS in chat for chat in chats),
        first_literal=_first_literal(chats, scanner),
        abilities=abilities(texts),
    )


def _rendered(template: str, additional: Sequence[str]) -> dict[str, str] | TemplateFailure:
    """The text of every conversation that renders.

    A template may take no chat without tools, or need names that only its own program gives it: where no chat
    renders, rarer ones are tried.
    """
    variables = dict(talks.VARIABLES)
    if "additional_special_tokens" in template:  # transformers 4.57 gives the list, 5.23 does not
        variables["additional_special_tokens"] = list(additional)
    texts: dict[str, str] = {}
    for shapes in (talks.conversations(), talks.rarer_conversations()):
        results = render_template(template, tuple(shapes.values()), variables)
        for name, result in zip(shapes, results, strict=True):
            if not isinstance(result, RenderError):
                texts[name] = result.text
            elif result.kind is not RenderErrorKind.RAISED:
                return TemplateFailure(result.kind, result.detail)
        if _chat_of(texts):
            break
    return texts


def _chat_of(texts: Mapping[str, str]) -> dict[str, str] | None:
    """The first group with a whole chat, else the first with one question and its answer, or none to the
    last.
    """
    groups = [_of_group(texts, group) for group in talks.GROUPS]
    return next((group for cut in CUTS for group in groups if cut(group)), None)


def _of_group(texts: Mapping[str, str], group: str) -> dict[str, str]:
    start = f"{group}/"
    return {name.removeprefix(start): text for name, text in texts.items() if name.startswith(start)}


def _unknown_ends(
    texts: Mapping[str, str], scanner: Scanner, added_tokens: Collection[str]
) -> tuple[str, ...]:
    """What would be the ends if all that looks like a token were one; an opener of the next turn is none."""
    like = {found for name in talks.BASIC for found in token_like_texts(texts.get(name, ""))}
    unknown = {text for text in like if scanner.at(text, 0) is None}
    if not unknown:
        return ()
    wider = Scanner({*added_tokens, *talks.SENTINELS, *unknown})
    source, ends = judge_ends(texts, wider)
    if source is EndSource.NEXT_TURN:
        return ()
    return ends if unknown.issuperset((*ends, *last_ends(texts, wider))) else ()


def _images(parts: Mapping[str, str]) -> bool | None:
    """Whether an image changes what is rendered, of content that is a list of parts."""
    without, with_image = parts.get(talks.PROMPTED, ""), parts.get(talks.IMAGE)
    if with_image is None or talks.ASK_1 not in without or WRITTEN_OUT.search(without):
        return None
    return talks.ASK_1 in with_image and with_image != without


def _first_literal(chats: Iterable[str], scanner: Scanner) -> str | None:
    firsts = {scanner.at(chat, 0) for chat in chats}
    first = firsts.pop() if len(firsts) == 1 else None
    return None if first in talks.SENTINELS else first


def _unknown_literals(template: str, texts: Mapping[str, str], scanner: Scanner) -> tuple[str, ...]:
    """Special-looking texts that are no added token; beyond plain chats only those the template spells out.

    A template that writes ``'<|' + role + '|>'`` would otherwise be charged with the roles tried on it.
    """
    return unique(
        found
        for name in texts
        for found in special_texts(texts[name])
        if scanner.at(found, 0) is None and (name in talks.BASIC or found in template)
    )
