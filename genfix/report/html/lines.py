"""Text compared line by line."""

import difflib
from collections.abc import Iterator
from typing import Final, NamedTuple

from genfix.show import show

_MAX_BYTES: Final = 512 * 1024
_MAX_LINES: Final = 4000
_MAX_SHOWN: Final = 400
_MAX_LENGTH: Final = 600
_CONTEXT: Final = 3
_SIGNS: Final = {"+": "added", "-": "removed", " ": "same"}


class Line(NamedTuple):
    """One line of a comparison."""

    mark: str
    """``added``, ``removed``, ``same``; ``gap`` stands for equal lines left out."""
    text: str
    cut: int = 0
    """Length of the whole line, where `text` is only its beginning.

    For a gap the number of lines, 0 if not known.
    """


def text_of(data: bytes | None) -> str | None:
    """The bytes as text; `None` where they are no UTF-8 text, or too much to compare."""
    if data is None:
        return ""
    if len(data) > _MAX_BYTES or b"\0" in data:
        return None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None


def diff_lines(before: str, after: str) -> tuple[Line, ...]:
    """The lines that differ, with three equal ones around them; empty where there are too many to compare."""
    old, new = before.splitlines(), after.splitlines()
    if max(len(old), len(new)) > _MAX_LINES:
        return ()
    return _capped(list(_differing(old, new)))


def all_lines(text: str, mark: str) -> tuple[Line, ...]:
    """All lines of a file that comes or goes."""
    return _capped([_line(mark, line) for line in text.splitlines()])


def _differing(old: list[str], new: list[str]) -> Iterator[Line]:
    for line in list(difflib.unified_diff(old, new, lineterm="", n=_CONTEXT))[2:]:
        if line.startswith("@@"):
            yield Line("gap", "")
        else:
            yield _line(_SIGNS[line[0]], line[1:])


def _line(mark: str, text: str) -> Line:
    shown = show(text[:_MAX_LENGTH])
    return Line(mark, shown, len(text) if len(text) > _MAX_LENGTH else 0)


def _capped(lines: list[Line]) -> tuple[Line, ...]:
    if lines and lines[0].mark == "gap":
        lines = lines[1:]
    if len(lines) <= _MAX_SHOWN:
        return tuple(lines)
    return (*lines[:_MAX_SHOWN], Line("gap", "", len(lines) - _MAX_SHOWN))
