"""Template leakage: pieces of the chat template inside an answer."""

import re
from collections.abc import Iterator
from itertools import islice
from typing import Final

from genfix.probe.markers import Markers
from genfix.probe.probe_values import Answer, Leak, LeakKind

_ROLE_LINE: Final = re.compile(
    r"^[ \t]*(?P<role>user|assistant|system|human|observation|tool|model)[ \t]*\r?$", re.MULTILINE
)
"""What is left of ``<|im_start|>user`` and its like where the server hides special tokens: a role alone on
its line."""
_ROLE_LABEL: Final = re.compile(
    r"^[ \t]*(?P<role>(?:### )?(?:User|Human|USER|HUMAN|Assistant|ASSISTANT|Instruction)|用户|助手|问)"
    r"[ \t]*[:：]",
    re.MULTILINE,
)
"""Labels of plain-text templates (Alpaca, Vicuna and the like); looked for after the first line only."""
_USER_ROLES: Final = frozenset({"user", "human", "### user", "### human", "### instruction", "用户", "问"})
_AROUND: Final = 40
_NEXT: Final = 120
_MOST: Final = 8
"""Leaks that are kept per answer: a loop repeats them."""
_LONGEST: Final = 2**18
"""Characters that are looked through: six times what 8,192 tokens of words have. A leak comes early."""


def split_turn_end(answer: Answer, markers: Markers) -> tuple[str, str | None]:
    """The answer without the turn end it closes with, and that turn end where it is known.

    Servers that show special tokens show the last one too, or give its id.
    """
    ended = answer.stop_reason
    if isinstance(ended, int):
        shown = (markers.ids or {}).get(ended, f"token {ended}")
        return answer.text.removesuffix(shown), shown
    text = answer.text.rstrip()
    seen = next((token for token in markers.tokens if text.endswith(token)), None) if answer.stopped else None
    if seen is not None:
        return text.removesuffix(seen), seen
    last = answer.token_ids[-1] if answer.token_ids else None
    name = (markers.ids or {}).get(last) if last is not None else None
    if answer.stopped and name in markers.tokens:
        return answer.text, name
    return answer.text, ended if isinstance(ended, str) and ended in markers.tokens else None


def find_leaks(text: str, markers: Markers, hidden: tuple[str, ...] = ()) -> tuple[Leak, ...]:
    """All leaks in an answer's text, its turn end left out, in the order they stand there.

    ``hidden`` are role tokens that the token ids show and the text does not.
    """
    text = text[:_LONGEST]
    # Of each kind no more than are kept: an answer may consist of them.
    kinds = (_tokens(text, markers), _roles(text, _ROLE_LINE), _roles(text, _ROLE_LABEL))
    found = [leak for kind in kinds for leak in islice(kind, _MOST)]
    found.sort(key=lambda leak: leak.at)
    seen = {leak.marker for leak in found}
    found += [
        Leak(LeakKind.TOKEN, token, len(text), "") for token in dict.fromkeys(hidden) if token not in seen
    ]
    return tuple(found[:_MOST])


def _tokens(text: str, markers: Markers) -> Iterator[Leak]:
    if not markers.tokens:
        return
    longest_first = sorted(markers.tokens, key=len, reverse=True)
    for match in re.finditer("|".join(map(re.escape, longest_first)), text):
        token = match[0]
        after = text[match.end() :]
        kind = LeakKind.TOKEN
        if markers.opens_user_turn(token) and _words(after, markers):
            kind = LeakKind.NEXT_TURN
        elif re.match(r"\s*(user|human)\b", after) and _words(re.sub(r"^\s*\w+", "", after), markers):
            kind = LeakKind.NEXT_TURN  # ChatML: the role is a word after its token
        yield Leak(kind, token, match.start(), _excerpt(text, match.start(), match.end(), kind))


def _words(after: str, markers: Markers) -> bool:
    """Whether the model went on with words, rather than with the next token of the template."""
    rest = after.lstrip()
    return bool(rest) and not rest.startswith(markers.tokens)


def _roles(text: str, pattern: re.Pattern[str]) -> Iterator[Leak]:
    first_line = text.find("\n", len(text) - len(text.lstrip()))
    end = len(text.rstrip())
    for match in pattern.finditer(text):
        role = match["role"].strip()
        if pattern is _ROLE_LABEL and (first_line < 0 or match.start() <= first_line):
            continue  # "User: ..." as the first words may be what was asked for
        follows = match.end() < end
        if pattern is _ROLE_LINE and (match.start() == 0 or not follows):
            continue
        kind = LeakKind.NEXT_TURN if role.casefold() in _USER_ROLES and follows else LeakKind.ROLE
        yield Leak(kind, role, match.start(), _excerpt(text, match.start(), match.end(), kind))


def _excerpt(text: str, start: int, end: int, kind: LeakKind) -> str:
    return text[max(0, start - _AROUND) : end + (_NEXT if kind is LeakKind.NEXT_TURN else _AROUND)]
