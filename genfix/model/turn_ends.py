"""Which tokens end an assistant's turn, told by the chat template: it is rendered, never read.

Conversations made of words that occur nowhere else are rendered (`template_render`); the added tokens around
those words show what closes a turn and what opens one. ``eos_token`` and its like are rendered as private-use
characters, so that the tokenizer's word is told from the template's own. Families whose templates taught the
rules: design notes of `_judge` and `_Openers`.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from genfix.model.conversations import (
    ASK_1,
    ASK_2,
    ASKED,
    BASIC,
    BEFORE,
    BOS,
    CALL,
    CALLS,
    CHAT,
    EOS,
    GIVEN,
    GROUPS,
    IMAGE,
    PARTS,
    PROMPTED,
    REASONING,
    REPLY_1,
    REPLY_2,
    RESULT,
    SENTINELS,
    SHORT,
    SYSTEM,
    TAGS,
    THOUGHT,
    TOOL_TURNS,
    VARIABLES,
    WITH_SYSTEM,
    conversations,
    tool_conversations,
)
from genfix.model.template_render import RenderError, RenderErrorKind, render_template
from genfix.model.template_scan import (
    Scanner,
    after_common,
    special_texts,
    split_at,
    token_like_texts,
    unique,
)

__all__ = ["EndSource", "TemplateFailure", "TurnEnds", "find_turn_ends"]


class EndSource(StrEnum):
    """Where in the rendered text the ends stand."""

    COMMON = "common"
    """After the assistant's words both in mid-conversation and at its end: the usual case."""
    BETWEEN = "between"
    """After every turn but the last: the chat template that vLLM ships for ChatML leaves that one open."""
    LAST = "last"
    """Only at the end of the conversation (gpt-oss ``<|return|>``)."""
    NEXT_TURN = "next-turn"
    """None is written: the token that opens the next user or tool turn ends this one (GLM ``<|user|>``)."""


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
    """Whether the template writes anything for an image; `None`: it takes no content in parts, so none at all."""
    writes_bos: bool
    """Whether a rendered chat contains ``bos_token``; one written out is `first_literal`."""
    first_literal: str | None
    """The added token every rendered chat starts with."""


class TemplateFailure(NamedTuple):
    """A template that is not one, hangs, or reaches out of the sandbox: engines fail on it as well.

    With the kind ``other`` the renderer itself failed; the template may be sound.
    """

    kind: RenderErrorKind
    detail: str


def find_turn_ends(
    template: str, added_tokens: Collection[str], additional: Sequence[str] = ()
) -> TurnEnds | TemplateFailure:
    """Render ``template`` and say what ends an assistant's turn; ``added_tokens`` are the tokenizer's added tokens.

    ``additional`` are those it lists as ``additional_special_tokens``: some templates take them by number.

    Raises nothing for a template. One that raises errors for some conversations is judged by the others; one
    attempt to leave the sandbox, or one loop without end, is a failure whichever conversation shows it.
    """
    texts = _rendered(template, additional)
    if isinstance(texts, TemplateFailure):
        return texts
    groups = [_of_group(texts, group) for group in GROUPS]
    chosen = next((group for group in groups if _dialogue(group)), None) or next(
        (group for group in groups if _short_dialogue(group)), groups[0]
    )
    scanner = Scanner({*added_tokens, *SENTINELS})
    source, ends = _judge(chosen, scanner)
    chats = [chosen[name] for name in (CHAT, WITH_SYSTEM, SHORT) if name in chosen]
    return TurnEnds(
        tokens=tuple(end for end in ends if end not in SENTINELS),
        source=source,
        eos_variable=EOS in ends,
        literals=unique(
            token
            for name in chosen
            if name != TAGS
            for token in scanner.all_in(chosen[name])
            if token not in SENTINELS
        ),
        unknown_literals=_unknown_literals(template, chosen, scanner),
        unknown_ends=() if ends else _unknown_ends(chosen, scanner, added_tokens),
        images=_images(_of_group(texts, PARTS)),
        writes_bos=any(BOS in chat for chat in chats),
        first_literal=_first_literal(chats, scanner),
    )


def _rendered(template: str, additional: Sequence[str]) -> dict[str, str] | TemplateFailure:
    """The text of every conversation that renders.

    A template may take no chat without tools, or need names that only its own program gives it. So where no chat
    renders, one with tools is tried and names that nobody gave are empty.
    """
    variables = dict(VARIABLES)
    if "additional_special_tokens" in template:  # transformers 4.57 gives the list, 5.23 does not
        variables["additional_special_tokens"] = list(additional)
    texts: dict[str, str] = {}
    for shapes in (conversations(), tool_conversations()):
        results = render_template(template, tuple(shapes.values()), variables)
        for name, result in zip(shapes, results, strict=True):
            if not isinstance(result, RenderError):
                texts[name] = result.text
            elif result.kind is not RenderErrorKind.RAISED:
                return TemplateFailure(result.kind, result.detail)
        if any(ASK_1 in text and REPLY_1 in text for text in texts.values()):
            break
    return texts


def _of_group(texts: Mapping[str, str], group: str) -> dict[str, str]:
    start = f"{group}/"
    return {name.removeprefix(start): text for name, text in texts.items() if name.startswith(start)}


# -- reading rendered text ------------------------------------------------------------------------------------


class _Dialogue(NamedTuple):
    """A rendered chat cut at its words."""

    head: str
    before_reply: str
    """Between the first question and the first answer."""
    mid: str
    """Between the first answer and the second question."""
    last: str
    """After the second answer."""


def _dialogue(texts: Mapping[str, str]) -> _Dialogue | None:
    for name in (CHAT, WITH_SYSTEM):
        pieces = split_at(texts.get(name, ""), (ASK_1, REPLY_1, ASK_2, REPLY_2))
        if pieces is not None:
            head, before_reply, mid, _, last = pieces
            return _Dialogue(head, before_reply, mid, last)
    return None


def _short_dialogue(texts: Mapping[str, str]) -> _Dialogue | None:
    """The shortest chat, for templates that raise in longer ones."""
    pieces = split_at(texts.get(SHORT, ""), (ASK_1, REPLY_1))
    return None if pieces is None else _Dialogue("", pieces[1], "", pieces[2])


# -- judging --------------------------------------------------------------------------------------------------


def _judge(texts: Mapping[str, str], scanner: Scanner) -> tuple[EndSource | None, tuple[str, ...]]:
    """The ends, sentinels among them, and where they stand.

    Those after the answer both in the middle and at the end; else those at the end; else what opens the next
    turn of the user or a tool. Never a token that opens an assistant's turn, or stands inside one.
    """
    dialogue = _dialogue(texts) or _short_dialogue(texts)
    if dialogue is None:
        return None, ()
    inside = _inside(texts, scanner)
    openers = _openers(texts, dialogue, scanner)
    worded = _ends(_after_words(dialogue, scanner), openers.of_common | inside)
    if worded:
        return EndSource.COMMON, worded
    mid, last = scanner.run(dialogue.mid), scanner.run(dialogue.last)
    common = _ends(mid, (set(mid) - set(last)) | openers.of_common | inside)
    if common:
        # A template that writes words and a call as two turns closes the first one properly. What opens the chat
        # may stand behind a finished one as well, as half of the next turn's opening (Command A of axolotl).
        for never in (_between_text_and_call(texts, scanner), _head(texts, dialogue, scanner)):
            common = _ends(common, never) or common
        return EndSource.COMMON, _of_every_turn(common, texts, dialogue, scanner)
    at_end = _ends(last, openers.of_last | inside)
    if at_end and _is_over(texts, dialogue, scanner):
        return EndSource.LAST, at_end
    between = _ends(_between_turns(texts, dialogue, scanner), inside)
    if between:
        return EndSource.BETWEEN, between
    following = [dialogue.mid]
    for role in TOOL_TURNS:
        pieces = split_at(texts.get(role, ""), (REPLY_1, RESULT))
        following += pieces[1:2] if pieces is not None else []
    first = [token for gap in following for token in scanner.run(gap)[:1]]
    before = set(scanner.all_in(dialogue.before_reply)) - {EOS}  # between all turns it is no opener
    next_turn = _ends(first, before | inside)
    return (EndSource.NEXT_TURN, next_turn) if next_turn else (None, ())


def _ends(run: Iterable[str], never: Collection[str]) -> tuple[str, ...]:
    return unique(token for token in run if token not in never and token not in SENTINELS - {EOS})


class _Openers(NamedTuple):
    """Tokens that open an assistant's turn, as far as each kind of end has to be kept apart from them."""

    of_common: frozenset[str]
    of_last: frozenset[str]


def _openers(texts: Mapping[str, str], dialogue: _Dialogue, scanner: Scanner) -> _Openers:
    """What the generation prompt adds; where that cannot be told from the question's own end, a careful guess.

    Templates that add the generation prompt always (the first Llama 3) end a finished chat with it too.
    """
    asked, prompted = (split_at(texts.get(name, ""), (ASK_1,)) for name in (ASKED, PROMPTED))
    if asked is not None and prompted is not None and asked[1].strip() != prompted[1].strip():
        told = frozenset(after_common(scanner.all_in(prompted[1]), scanner.all_in(asked[1])))
        return _Openers(told, told)
    gap = scanner.all_in(dialogue.before_reply)
    # What closes a question closes an answer as well, and what opens a turn stands at the head of the chat.
    head = _head(texts, dialogue, scanner)
    return _Openers(frozenset([*head, *after_common(gap, scanner.all_in(dialogue.mid))]), frozenset(gap))


def _head(texts: Mapping[str, str], dialogue: _Dialogue, scanner: Scanner) -> list[str]:
    """The tokens that open the first turn: those at the very start, since further on a preamble may be closed.

    Where the chat starts with words, all tokens before the first message.
    """
    system = split_at(texts.get(WITH_SYSTEM, ""), (SYSTEM, ASK_1))
    head = dialogue.head if system is None else system[0]
    first = scanner.run(head)
    return scanner.all_in(head) if SENTINELS.issuperset(first) else first


def _after_words(dialogue: _Dialogue, scanner: Scanner) -> list[str]:
    """The last token of a turn that is closed with words between its tokens (``<end>response<end>message<over>``).

    Only where the chat's end shows what the closing is.
    """
    closing = dialogue.last.strip()
    tokens = scanner.all_in(closing)
    if not tokens or tokens == scanner.run(closing) or not closing.endswith(tokens[-1]):
        return []
    return tokens[-1:] if dialogue.mid.lstrip().startswith(closing) else []


def _of_every_turn(
    ends: tuple[str, ...], texts: Mapping[str, str], dialogue: _Dialogue, scanner: Scanner
) -> tuple[str, ...]:
    """Of several ends those that close a call and a question too; the others close an answer's words only.

    Command R7B writes ``<|END_RESPONSE|><|END_OF_TURN_TOKEN|>`` after an answer.
    """
    calls = (split_at(texts.get(name, ""), (GIVEN, RESULT)) for name in CALLS)
    for gap in (*(cut[1] for cut in calls if cut is not None), dialogue.before_reply):
        closing = {*scanner.all_in(gap), EOS}
        kept = tuple(end for end in ends if end in closing)
        if kept not in ((), (EOS,)):
            ends = kept
    return ends


def _is_over(texts: Mapping[str, str], dialogue: _Dialogue, scanner: Scanner) -> bool:
    """Whether the chat ends with the tokens after its last answer, or with what opens the next one.

    Where it goes on with words, the chat was only quoted (templates that ask whether an answer is harmful).
    """
    prompted = split_at(texts.get(PROMPTED, ""), (ASK_1,))
    openings = [dialogue.before_reply, *(prompted[1:] if prompted is not None else [])]
    rest = scanner.after_run(dialogue.last).strip()
    return any(opening.strip().endswith(rest) for opening in openings)


def _between_turns(texts: Mapping[str, str], dialogue: _Dialogue, scanner: Scanner) -> list[str]:
    """The tokens before what opens a turn, after a question as well as after an answer."""
    after_ask, after_reply = scanner.run(dialogue.before_reply), scanner.run(dialogue.mid)
    same = len(after_reply) - len(after_common(after_reply, after_ask))
    opening = set(_head(texts, dialogue, scanner))
    # Followed by another token: otherwise it may itself be what opens all turns.
    closers = zip(after_reply[:same], after_reply[1:], after_ask[1:], strict=False)
    return [token for token, *_ in closers if token not in opening and token != EOS]


def _inside(texts: Mapping[str, str], scanner: Scanner) -> frozenset[str]:
    """Tokens between reasoning and answer of one turn: to end there would cut every answer (gpt-oss ``<|end|>``)."""
    cuts = (split_at(texts.get(name, ""), (THOUGHT, REPLY_1)) for name in (REASONING, TAGS))
    return frozenset(token for cut in cuts if cut is not None for token in scanner.all_in(cut[1]))


def _between_text_and_call(texts: Mapping[str, str], scanner: Scanner) -> frozenset[str]:
    cuts = (split_at(texts.get(name, ""), (BEFORE, CALL)) for name in CALLS[:2])
    return frozenset(token for cut in cuts if cut is not None for token in scanner.all_in(cut[1]))


def _unknown_ends(
    texts: Mapping[str, str], scanner: Scanner, added_tokens: Collection[str]
) -> tuple[str, ...]:
    """What would be the ends if all that looks like a token were one; an opener of the next turn is none."""
    like = {found for name in BASIC for found in token_like_texts(texts.get(name, ""))}
    unknown = {text for text in like if scanner.at(text, 0) is None}
    if not unknown:
        return ()
    wider = Scanner({*added_tokens, *SENTINELS, *unknown})
    source, ends = _judge(texts, wider)
    dialogue = _dialogue(texts) or _short_dialogue(texts)
    if dialogue is None or source is EndSource.NEXT_TURN:
        return ()
    # Behind the last answer an end may stand that is missing in the middle (Phi-3's eos_token).
    at_end = _ends(wider.run(dialogue.last), _openers(texts, dialogue, wider).of_last)
    return ends if unknown.issuperset((*ends, *at_end)) else ()


_WRITTEN_OUT: Final = re.compile(r"""(['"])type\1: ?(['"])text\2""")
"""A list of parts that was turned into text, by a template that takes strings only."""


def _images(parts: Mapping[str, str]) -> bool | None:
    """Whether an image changes what is rendered, of content that is a list of parts."""
    without, with_image = parts.get(PROMPTED, ""), parts.get(IMAGE)
    if with_image is None or ASK_1 not in without or _WRITTEN_OUT.search(without):
        return None
    return ASK_1 in with_image and with_image != without


def _first_literal(chats: Iterable[str], scanner: Scanner) -> str | None:
    firsts = {scanner.at(chat, 0) for chat in chats}
    first = firsts.pop() if len(firsts) == 1 else None
    return None if first in SENTINELS else first


def _unknown_literals(template: str, texts: Mapping[str, str], scanner: Scanner) -> tuple[str, ...]:
    """Special-looking texts that are no added token; beyond plain chats only those the template spells out.

    A template that writes ``'<|' + role + '|>'`` would otherwise be charged with the roles tried on it.
    """
    return unique(
        found
        for name in texts
        for found in special_texts(texts[name])
        if scanner.at(found, 0) is None and (name in BASIC or found in template)
    )
