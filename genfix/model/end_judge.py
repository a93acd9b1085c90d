"""Which tokens of a rendered chat end an assistant's turn.

The chat is cut at its words; the added tokens around them show what closes a turn and what opens one.
"""

from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum
from typing import Final, NamedTuple

from genfix.model import conversations as talks
from genfix.model.template_scan import Scanner, after_common, split_at, unique


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


class Dialogue(NamedTuple):
    """A rendered chat cut at its words."""

    head: str
    before_reply: str
    """Between the first question and the first answer."""
    mid: str
    """Between the first answer and the second question."""
    last: str
    """After the second answer."""


def _dialogue(texts: Mapping[str, str]) -> Dialogue | None:
    for name in (talks.CHAT, talks.WITH_SYSTEM):
        pieces = split_at(texts.get(name, ""), (talks.ASK_1, talks.REPLY_1, talks.ASK_2, talks.REPLY_2))
        if pieces is not None:
            head, before_reply, mid, _, last = pieces
            return Dialogue(head, before_reply, mid, last)
    return None


def _short_dialogue(texts: Mapping[str, str]) -> Dialogue | None:
    """The shortest chat, for templates that raise in longer ones."""
    pieces = split_at(texts.get(talks.SHORT, ""), (talks.ASK_1, talks.REPLY_1))
    return None if pieces is None else Dialogue("", pieces[1], "", pieces[2])


def _unanswered_dialogue(texts: Mapping[str, str]) -> Dialogue | None:
    """A chat that ends with a question, for templates that take no other; its last answer is not closed."""
    pieces = split_at(texts.get(talks.UNANSWERED, ""), (talks.ASK_1, talks.REPLY_1, talks.ASK_2))
    return None if pieces is None else Dialogue(pieces[0], pieces[1], pieces[2], "")


CUTS: Final = (_dialogue, _short_dialogue, _unanswered_dialogue)


def _best_dialogue(texts: Mapping[str, str]) -> Dialogue | None:
    return next((dialogue for cut in CUTS if (dialogue := cut(texts))), None)


def judge_ends(texts: Mapping[str, str], scanner: Scanner) -> tuple[EndSource | None, tuple[str, ...]]:
    """The ends, sentinels among them, and where they stand.

    Those after the answer both in the middle and at the end; else those at the end; else those between all
    turns; else what opens the next turn of the user or a tool. Never a token that opens an assistant's turn,
    or stands inside one.
    """
    dialogue = _best_dialogue(texts)
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
        # A template that writes words and a call as two turns closes the first one properly. What opens the
        # chat may stand behind a finished one as well, as half of the next turn's opening (Command A of
        # axolotl).
        for never in (
            _between(texts, talks.CALLS[:2], (talks.BEFORE, talks.CALL), scanner),
            _head(texts, dialogue, scanner),
        ):
            common = _ends(common, never) or common
        return EndSource.COMMON, _of_every_turn(common, texts, dialogue, scanner)
    at_end = _ends(last, openers.of_last | inside)
    if at_end and _is_over(dialogue, scanner):
        return EndSource.LAST, at_end
    between = _ends(_between_turns(texts, dialogue, scanner), inside)
    if between:
        return EndSource.BETWEEN, between
    following = [dialogue.mid]
    for role in talks.TOOL_TURNS:
        following += (split_at(texts.get(role, ""), (talks.REPLY_1, talks.RESULT)) or [])[1:2]
    first = [token for gap in following for token in scanner.run(gap)[:1]]
    before = set(scanner.all_in(dialogue.before_reply)) - {talks.EOS}  # between all turns it is no opener
    next_turn = _ends(first, before | inside)
    return (EndSource.NEXT_TURN, next_turn) if next_turn else (None, ())


def _ends(run: Iterable[str], never: Collection[str]) -> tuple[str, ...]:
    return unique(token for token in run if token not in never and token not in talks.SENTINELS - {talks.EOS})


class _Openers(NamedTuple):
    """Tokens that open an assistant's turn, as far as each kind of end has to be kept apart from them."""

    of_common: frozenset[str]
    of_last: frozenset[str]


def _openers(texts: Mapping[str, str], dialogue: Dialogue, scanner: Scanner) -> _Openers:
    """What the generation prompt adds; where it may be the question's own end, a careful guess.

    Templates that add the generation prompt always (the first Llama 3) end a finished chat with it too.
    """
    asked, prompted = (
        split_at(texts.get(name, ""), (talks.ASK_1,)) for name in (talks.ASKED, talks.PROMPTED)
    )
    if asked is not None and prompted is not None and asked[1].strip() != prompted[1].strip():
        added = frozenset(after_common(scanner.all_in(prompted[1]), scanner.all_in(asked[1])))
        return _Openers(added, added)
    gap = scanner.all_in(dialogue.before_reply)
    head = _head(texts, dialogue, scanner)
    # What opens a turn stands at the head of the chat, and what closes a question closes an answer as well.
    at = next((index for index, token in enumerate(gap) if token in head), None)
    opening = after_common(gap, scanner.all_in(dialogue.mid)) if at is None else gap[at:]
    return _Openers(frozenset([*head, *opening]), frozenset(gap))


def _head(texts: Mapping[str, str], dialogue: Dialogue, scanner: Scanner) -> list[str]:
    """The tokens that open the first turn: those at the very start, since further on a preamble may be
    closed.

    One that never comes again opens the chat, not a turn. Where none is left, all before the first message.
    """
    system = split_at(texts.get(talks.WITH_SYSTEM, ""), (talks.SYSTEM, talks.ASK_1))
    head = dialogue.head if system is None else system[0]
    again = {token for text in dialogue[1:] for token in scanner.all_in(text)} - talks.SENTINELS
    first = [token for token in scanner.run(head) if token in again]
    return first or [token for token in scanner.all_in(head) if token not in talks.SENTINELS]


def _after_words(dialogue: Dialogue, scanner: Scanner) -> list[str]:
    """The last token of a turn that is closed with words between its tokens
    (``<end>response<end>message<over>``).

    Only where the chat's end shows what the closing is.
    """
    closing = dialogue.last.strip()
    tokens = scanner.all_in(closing)
    if not tokens or tokens == scanner.run(closing) or not closing.endswith(tokens[-1]):
        return []
    return tokens[-1:] if dialogue.mid.lstrip().startswith(closing) else []


def _of_every_turn(
    ends: tuple[str, ...], texts: Mapping[str, str], dialogue: Dialogue, scanner: Scanner
) -> tuple[str, ...]:
    """The ends without those that close only an answer's words: a token that closes calls or questions
    follows.

    Command R7B writes ``<|END_RESPONSE|><|END_OF_TURN_TOKEN|>`` after an answer. What comes after such a
    token stays: it may close a turn of several messages (HyperCLOVA X ``<|im_end|><|endofturn|>``).
    """
    calls = (split_at(texts.get(name, ""), (talks.GIVEN, talks.RESULT)) for name in talks.CALLS)
    for gap in (*(cut[1] for cut in calls if cut is not None), dialogue.before_reply):
        closing = set(scanner.all_in(gap))
        last = max((at for at, end in enumerate(ends) if end in closing and end != talks.EOS), default=0)
        ends = tuple(end for at, end in enumerate(ends) if end in closing or at >= last)
    return ends


def _is_over(dialogue: Dialogue, scanner: Scanner) -> bool:
    """Whether the chat ends with the tokens after its last answer, or with what opens the next one.

    Where it goes on with words, the chat was only quoted (templates that ask whether an answer is harmful).
    """
    return dialogue.before_reply.strip().endswith(scanner.after_run(dialogue.last).strip())


def _between_turns(texts: Mapping[str, str], dialogue: Dialogue, scanner: Scanner) -> list[str]:
    """The tokens before what opens a turn, after a question as well as after an answer."""
    after_ask, after_reply = scanner.run(dialogue.before_reply), scanner.run(dialogue.mid)
    same = len(after_reply) - len(after_common(after_reply, after_ask))
    opening = set(_head(texts, dialogue, scanner))
    # Followed by another token: otherwise it may itself be what opens all turns.
    closers = zip(after_reply[:same], after_reply[1:], after_ask[1:], strict=False)
    return [token for token, *_ in closers if token not in opening and token != talks.EOS]


def _inside(texts: Mapping[str, str], scanner: Scanner) -> frozenset[str]:
    """Tokens between reasoning and answer of one turn: to end there would cut every answer (gpt-oss
    ``<|end|>``).
    """
    return _between(texts, (talks.REASONING, talks.TAGS), (talks.THOUGHT, talks.REPLY_1), scanner)


def _between(
    texts: Mapping[str, str], names: Iterable[str], words: tuple[str, str], scanner: Scanner
) -> frozenset[str]:
    """The tokens between two words of some conversations."""
    cuts = (split_at(texts.get(name, ""), words) for name in names)
    return frozenset(token for cut in cuts if cut is not None for token in scanner.all_in(cut[1]))


def last_ends(texts: Mapping[str, str], scanner: Scanner) -> tuple[str, ...]:
    """What ends the last turn, in the middle of a chat or not (Phi-3's ``eos_token``)."""
    dialogue = _best_dialogue(texts)
    if dialogue is None:
        return ()
    return _ends(scanner.run(dialogue.last), _openers(texts, dialogue, scanner).of_last)
