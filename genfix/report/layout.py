# ruff: noqa: RUF001 - Chinese punctuation
"""Text laid out in columns of a terminal, where a Chinese character takes two."""

import re
import sys
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Final

_NEVER_FIRST: Final = frozenset("，。、；：？！）】》”’…,.;:?!)]}")
"""What must not begin a line."""
_NEVER_LAST: Final = frozenset("（【《“‘([{")
_WORD: Final = re.compile(r"\s+|[^\s]+")
_COLOR: Final = re.compile(r"\x1b\[[0-9;]*m")
_GAP: Final = 3
_COMMIT: Final = re.compile(r"(?<=@)([0-9a-f]{12})[0-9a-f]{28}\b")
_PRIVATE: Final = 0xE000
"""Characters that stand for no letter, one column wide: in a line they keep the place of what stays whole."""


def columns(text: str) -> int:
    """How many columns a terminal gives ``text``, whose colors take none."""
    if "\x1b" in text:
        text = _COLOR.sub("", text)
    if text.isascii():
        return len(text)
    import unicodedata  # noqa: PLC0415 - English reports do without it

    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )


def pad(text: str, width: int) -> str:
    """``text`` with spaces up to ``width`` columns."""
    return text + " " * (width - columns(text))


def cut(text: str, width: int) -> str:
    """``text`` in at most ``width`` columns; what is left out shows as an ellipsis."""
    if columns(text) <= width:
        return text
    while text and columns(text) > width - 1:
        text = text[:-1]
    return text + "…"


def wrap(
    text: str, width: int, first: str = "", rest: str | None = None, *, split: bool = False
) -> list[str]:
    """``text`` in lines of at most ``width`` columns; ``first`` and ``rest`` stand before its lines.

    Lines break at spaces and between Chinese characters. A longer word, such as a path, stays whole to be
    copied, unless ``split``.
    """
    rest = first if rest is None else rest
    lines: list[str] = []
    line, room = "", width - columns(first)
    most = max(1, width - max(columns(first), columns(rest))) if split else sys.maxsize
    for piece in _pieces(text, most):
        if line and columns(line) + columns(piece.rstrip()) > room:
            lines.append(line.rstrip())
            line, room = "", width - columns(rest)
            piece = piece.lstrip()  # noqa: PLW2901 - the space became the line's end
        line += piece
    lines.append(line.rstrip())
    return [f"{rest if number else first}{line}" for number, line in enumerate(lines)]


def short_commits(text: str) -> str:
    """``text`` with the beginning of each commit of ``org/name@commit`` only, as people read it."""
    return _COMMIT.sub(r"\1", text)


def wrap_around(
    text: str, wholes: Sequence[str], width: int, first: str = "", rest: str | None = None
) -> list[str]:
    """As `wrap`, with commits cut short; no line breaks inside ``wholes`` (commands, paths), which are for
    copying and stay as they are.
    """
    if columns(first) + columns(text) <= width:
        return [first + short_commits(text)]
    held = {}
    for number, whole in enumerate(dict.fromkeys(wholes)):
        if whole and whole in text:
            mark = chr(_PRIVATE + number) * columns(whole)
            held[mark] = whole
            text = text.replace(whole, mark)
    lines = wrap(short_commits(text), width, first, rest)
    for mark, whole in held.items():
        lines = [line.replace(mark, whole) for line in lines]
    return lines


def _pieces(text: str, most: int) -> Iterator[str]:
    """What no line breaks inside, each with the space before it, and none wider than ``most``."""
    space = ""
    for match in _WORD.finditer(text):
        word = match[0]
        if word.isspace():
            space = " "
            continue
        for part in _parts(word):
            while columns(part) > most:
                head = cut(part, most + 1)[:-1]
                yield space + head
                space, part = "", part[len(head) :]  # noqa: PLW2901
            yield space + part
            space = ""


def _parts(word: str) -> Iterator[str]:
    """``word`` itself, or the runs between which Chinese text may be broken."""
    if word.isascii():
        yield word
        return
    part = ""
    for char in word:
        if part and _may_break(part[-1], char):
            yield part
            part = ""
        part += char
    yield part


def _may_break(left: str, right: str) -> bool:
    return (
        right not in _NEVER_FIRST and left not in _NEVER_LAST and (columns(left) == 2 or columns(right) == 2)
    )


def table(rows: Sequence[Sequence[str]], width: int) -> list[list[str]]:
    """``rows`` as lines of cells, all cells of a column equally wide; the first column is the one that wraps
    first.
    """
    if not rows:
        return []
    wide = [max(map(columns, column)) for column in zip(*rows, strict=True)]
    room = width - _GAP * (len(wide) - 1)
    for number in (0, *range(len(wide) - 1, 0, -1)):
        least = min(wide[number], max(12, room // len(wide)))
        wide[number] = max(least, min(wide[number], room - sum(wide) + wide[number]))
    lines: list[list[str]] = []
    for row in rows:
        cells = [wrap(cell, space, split=True) for cell, space in zip(row, wide, strict=True)]
        for parts in zip_longest(*cells, fillvalue=""):
            lines += [[pad(part, space) for part, space in zip(parts, wide, strict=True)]]
    return lines


def aligned(rows: Sequence[Sequence[str]]) -> list[list[str]]:
    """``rows`` with all cells of a column equally wide, but the last, which is as long as it is."""
    wide = [max(map(columns, column)) for column in zip(*rows, strict=True)][:-1]
    return [[*(pad(cell, space) for cell, space in zip(row, wide, strict=False)), row[-1]] for row in rows]
