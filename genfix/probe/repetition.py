r"""Whether an answer repeats itself.

Two tests, either is enough:

- The answer ends in one unit repeated at least three times in a row, and those repeats have at least 24
pieces: ``ha ha ha`` is speech, eight times the same sentence is none.
- *seq-rep-4* is at least one half: the share of 4-grams of the answer that occurred in it before (S.
  Welleck et al., "Neural Text Generation with Unlikelihood Training", ICLR 2020; people's text has about
  0.006, a looping model 0.4 and more). It catches loops with a counter in them. Answers under 48 pieces
  are too short for it.

A piece is a word, a Chinese, Japanese or Korean character, a special token, or a run of punctuation.
"""

import re
from collections import deque
from collections.abc import Sequence
from typing import Final

from genfix.probe.probe_values import Loop

_PIECE: Final = re.compile(
    r"<[|｜][^<>|｜\s]{1,40}[|｜]>"
    r"|[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff]"
    r"|[^\W\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff]+"
    r"|[^\w\s<]+|<"
)
_TIMES: Final = 3
_LENGTH: Final = 24
_REP_4: Final = 0.5
_MIN_FOR_REP: Final = 48
_MAX_PIECES: Final = 8192
"""Of a longer answer the end is looked at: that is where a loop is."""
_MAX_LETTERS: Final = 32 * _MAX_PIECES
"""Of a longer answer no more is cut into pieces: their words have some five letters."""
_MAX_UNIT: Final = 200


def pieces(text: str) -> list[str]:
    """The text in pieces, case ignored, white space left out."""
    return _PIECE.findall(text.casefold())


def seq_rep(parts: Sequence[str], size: int = 4) -> float:
    """The share of n-grams that occurred before."""
    grams = [tuple(parts[start : start + size]) for start in range(len(parts) - size + 1)]
    return 1 - len(set(grams)) / len(grams) if grams else 0.0


def find_loop(text: str) -> Loop | None:
    """The loop an answer is caught in, or `None`."""
    text = text[-_MAX_LETTERS:]
    spans = [*deque((match.span() for match in _PIECE.finditer(text)), _MAX_PIECES)]
    parts = [text[start:end].casefold() for start, end in spans]
    rep_4 = seq_rep(parts)
    period, covered = _tail(parts)
    if not period:  # the limit may have cut the last word
        spans = spans[:-1]
        period, covered = _tail(parts[:-1])
    if period:
        start = spans[len(spans) - covered][0]
        end = spans[len(spans) - covered + period][0]
        return Loop(text[start:end].strip()[:_MAX_UNIT], covered // period, rep_4)
    if len(parts) >= _MIN_FOR_REP and rep_4 >= _REP_4:
        return Loop("", 0, rep_4)
    return None


def _tail(parts: Sequence[str]) -> tuple[int, int]:
    """The period of the longest suffix that is a loop, and that suffix' length; zeros where none is.

    Prefix function (Knuth, Morris, Pratt) of the reversed pieces: a prefix of length n with a border of
    length b has the period n - b.
    """
    backwards = parts[::-1]
    borders = [0] * len(backwards)
    best = (0, 0)
    for place in range(1, len(backwards)):
        border = borders[place - 1]
        while border and backwards[place] != backwards[border]:
            border = borders[border - 1]
        borders[place] = border + (backwards[place] == backwards[border])
        length = place + 1
        period = length - borders[place]
        if length >= max(_TIMES * period, _LENGTH):
            best = (period, length)
    return best
