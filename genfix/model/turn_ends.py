"""Which tokens end an assistant's turn, told by the chat template: it is rendered, never read.

Conversations made of words that occur nowhere else are rendered (`template_render`); the added tokens around
those words show what closes a turn and what opens one. ``eos_token`` and its like are rendered as private-use
characters, so that the tokenizer's word is told from the template's own. Families whose templates taught the
rules: design notes of `_judge` and `_Openers`.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum
from typing import Final, NamedTuple

from genfix.model.conversations import (
    ASK_1,
    ASK_2,
    ASKED,
    BASIC,
    BEFORE,
    CALL,
    CALLS,
    CHAT,
    EOS,
    GROUPS,
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
)
from genfix.model.template_render import RenderError, RenderErrorKind, render_template

__all__ = ["EndSource", "TemplateFailure", "TurnEnds", "find_turn_ends"]


class EndSource(StrEnum):
    """Where in the rendered text the ends stand."""

    COMMON = "common"
    """After the assistant's words both in mid-conversation and at its end: the usual case."""
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


class TemplateFailure(NamedTuple):
    """A template that is not one, hangs, or reaches out of the sandbox: engines fail on it as well.

    With the kind ``other`` the renderer itself failed; the template may be sound.
    """

    kind: RenderErrorKind
    detail: str


def find_turn_ends(template: str, added_tokens: Collection[str]) -> TurnEnds | TemplateFailure:
    """Render ``template`` and say what ends an assistant's turn; ``added_tokens`` are the tokenizer's added tokens.

    Raises nothing for a template. One that raises errors for some conversations is judged by the others; one
    attempt to leave the sandbox, or one loop without end, is a failure whichever conversation shows it.
    """
    shapes = conversations()
    results = dict(zip(shapes, render_template(template, tuple(shapes.values()), VARIABLES), strict=True))
    for result in results.values():
        if isinstance(result, RenderError) and result.kind is not RenderErrorKind.RAISED:
            return TemplateFailure(result.kind, result.detail)
    texts = {name: result.text for name, result in results.items() if not isinstance(result, RenderError)}
    groups = [_of_group(texts, group) for group in GROUPS]
    chosen = next((group for group in groups if _dialogue(group)), None) or next(
        (group for group in groups if _last_reply(group) is not None), groups[0]
    )
    scanner = _Scanner(added_tokens)
    source, ends = _judge(chosen, scanner)
    return TurnEnds(
        tokens=tuple(end for end in ends if end not in SENTINELS),
        source=source,
        eos_variable=EOS in ends,
        literals=_unique(
            token
            for name in chosen
            if name != TAGS
            for token in scanner.all_in(chosen[name])
            if token not in SENTINELS
        ),
        unknown_literals=_unknown_literals(template, chosen, scanner),
    )


def _of_group(texts: Mapping[str, str], group: str) -> dict[str, str]:
    start = f"{group}/"
    return {name.removeprefix(start): text for name, text in texts.items() if name.startswith(start)}


# -- reading rendered text ------------------------------------------------------------------------------------


class _Scanner:
    """Finds added tokens and the variables' sentinels in text, the longest first."""

    def __init__(self, added_tokens: Collection[str]) -> None:
        # A token of white space closes nothing: it is skipped as white space is.
        tokens = {token for token in added_tokens if token.strip()} | SENTINELS
        by_first: dict[str, set[str]] = {}
        for token in tokens:
            by_first.setdefault(token[0], set()).add(token)
        self._by_first = {
            first: (some, sorted({len(token) for token in some}, reverse=True))
            for first, some in by_first.items()
        }
        # One pass of C over the text instead of one step of Python per character.
        self._start = re.compile("[" + "".join(re.escape(first) for first in sorted(by_first)) + "]")

    def at(self, text: str, position: int) -> str | None:
        """The token that starts at ``position``."""
        some, lengths = self._by_first.get(text[position : position + 1], (set[str](), list[int]()))
        pieces = (text[position : position + length] for length in lengths)
        return next((piece for piece in pieces if piece in some), None)

    def all_in(self, text: str) -> list[str]:
        """All tokens in the text, in order."""
        found: list[str] = []
        position = 0
        while start := self._start.search(text, position):
            token = self.at(text, start.start())
            if token is not None:
                found.append(token)
            position = start.start() + (len(token) if token is not None else 1)
        return found

    def run(self, text: str) -> list[str]:
        """The tokens the text starts with: white space between them is skipped, other text ends the run."""
        found: list[str] = []
        position = 0
        while position < len(text):
            token = self.at(text, position)
            if token is not None:
                found.append(token)
                position += len(token)
            elif text[position].isspace():
                position += 1
            else:
                break
        return found


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
        cut = _cut(texts.get(name, ""), (ASK_1, REPLY_1, ASK_2, REPLY_2))
        if cut is not None:
            head, before_reply, mid, _, last = cut
            return _Dialogue(head, before_reply, mid, last)
    return None


def _last_reply(texts: Mapping[str, str]) -> tuple[str, str] | None:
    """Before and after the answer of the shortest chat."""
    cut = _cut(texts.get(SHORT, ""), (ASK_1, REPLY_1))
    return None if cut is None else (cut[1], cut[2])


def _cut(text: str, words: tuple[str, ...]) -> list[str] | None:
    """The text between ``words``, found from the end: some templates repeat a question at the start."""
    pieces: list[str] = []
    for word in reversed(words):
        at = text.rfind(word)
        if at < 0:
            return None
        pieces.append(text[at + len(word) :])
        text = text[:at]
    return [text, *reversed(pieces)]


# -- judging --------------------------------------------------------------------------------------------------


def _judge(texts: Mapping[str, str], scanner: _Scanner) -> tuple[EndSource | None, tuple[str, ...]]:
    """The ends, sentinels among them, and where they stand.

    Those after the answer both in the middle and at the end; else those at the end; else what opens the next
    turn of the user or a tool. Never a token that opens an assistant's turn, or stands inside one.
    """
    dialogue = _dialogue(texts)
    if dialogue is None:
        short = _last_reply(texts)
        if short is None:
            return None, ()
        dialogue = _Dialogue("", short[0], "", short[1])
    inside = _inside(texts, scanner)
    openers = _openers(texts, dialogue, scanner)
    mid, last = scanner.run(dialogue.mid), scanner.run(dialogue.last)
    common = _ends(mid, (set(mid) - set(last)) | openers.of_common | inside)
    if common:
        softer = _ends(common, _between_text_and_call(texts, scanner))
        # A template that writes words and a call as two turns closes the first one properly.
        return EndSource.COMMON, softer or common
    at_end = _ends(last, openers.of_last | inside)
    if at_end:
        return EndSource.LAST, at_end
    following = [dialogue.mid]
    for role in TOOL_TURNS:
        cut = _cut(texts.get(role, ""), (REPLY_1, RESULT))
        following += cut[1:2] if cut is not None else []
    first = [token for gap in following for token in scanner.run(gap)[:1]]
    before = set(scanner.all_in(dialogue.before_reply)) - {EOS}  # between all turns it is no opener
    next_turn = _ends(first, before | inside)
    return (EndSource.NEXT_TURN, next_turn) if next_turn else (None, ())


def _ends(run: Iterable[str], never: Collection[str]) -> tuple[str, ...]:
    return _unique(token for token in run if token not in never and token not in SENTINELS - {EOS})


class _Openers(NamedTuple):
    """Tokens that open an assistant's turn, as far as each kind of end has to be kept apart from them."""

    of_common: frozenset[str]
    of_last: frozenset[str]


def _openers(texts: Mapping[str, str], dialogue: _Dialogue, scanner: _Scanner) -> _Openers:
    """What the generation prompt adds; where that cannot be told from the question's own end, a careful guess.

    Templates that add the generation prompt always (the first Llama 3) end a finished chat with it too.
    """
    asked, prompted = (_cut(texts.get(name, ""), (ASK_1,)) for name in (ASKED, PROMPTED))
    if asked is not None and prompted is not None and asked[1].strip() != prompted[1].strip():
        told = frozenset(_after_common(scanner.all_in(prompted[1]), scanner.all_in(asked[1])))
        return _Openers(told, told)
    gap = scanner.all_in(dialogue.before_reply)
    system = _cut(texts.get(WITH_SYSTEM, ""), (SYSTEM, ASK_1))
    head = scanner.all_in(dialogue.head if system is None else system[0])
    # What closes a question closes an answer as well, and what opens a turn stands at the head of the chat.
    return _Openers(frozenset(head + _after_common(gap, scanner.all_in(dialogue.mid))), frozenset(gap))


def _after_common(tokens: list[str], other: list[str]) -> list[str]:
    """``tokens`` without the start they share with ``other``."""
    same = next(
        (index for index, pair in enumerate(zip(tokens, other, strict=False)) if pair[0] != pair[1]), None
    )
    return tokens[min(len(tokens), len(other)) if same is None else same :]


def _inside(texts: Mapping[str, str], scanner: _Scanner) -> frozenset[str]:
    """Tokens between reasoning and answer of one turn: to end there would cut every answer (gpt-oss ``<|end|>``)."""
    cuts = (_cut(texts.get(name, ""), (THOUGHT, REPLY_1)) for name in (REASONING, TAGS))
    return frozenset(token for cut in cuts if cut is not None for token in scanner.all_in(cut[1]))


def _between_text_and_call(texts: Mapping[str, str], scanner: _Scanner) -> frozenset[str]:
    cuts = (_cut(texts.get(name, ""), (BEFORE, CALL)) for name in CALLS[:2])
    return frozenset(token for cut in cuts if cut is not None for token in scanner.all_in(cut[1]))


_SPECIAL_FORM: Final = r"<([|｜])[^\s<>|｜]{1,64}\1>"  # noqa: RUF001 - DeepSeek's are full width


def _unknown_literals(template: str, texts: Mapping[str, str], scanner: _Scanner) -> tuple[str, ...]:
    """Special-looking texts that are no added token; beyond plain chats only those the template spells out.

    A template that writes ``'<|' + role + '|>'`` would otherwise be charged with the roles tried on it.
    """
    return _unique(
        found.group()
        for name in texts
        for found in re.finditer(_SPECIAL_FORM, texts[name])
        if scanner.at(found.group(), 0) is None and (name in BASIC or found.group() in template)
    )


def _unique(items: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(items))
