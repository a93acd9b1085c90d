"""Draws what a terminal shows of the example's repair: the picture at the top of both READMEs.

``python -m dev.tools.picture`` writes ``docs/images/repair.svg`` and ``repair.zh-CN.svg`` from a real run.
"""

import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from html import escape
from itertools import groupby
from pathlib import Path
from typing import Final
from unicodedata import east_asian_width

from dev.tools.rule_pages import EXAMPLE, ROOT, TRANSACTION, run
from genfix.language import Language

__all__ = ["PICTURES", "main", "shown"]

_IMAGES: Final = ROOT / "docs" / "images"
PICTURES: Final[Mapping[Language, Path]] = {
    Language.ENGLISH: _IMAGES / "repair.svg",
    Language.CHINESE: _IMAGES / "repair.zh-CN.svg",
}
_CELL, _LINE, _MARGIN = 8, 19, 20  # pixels; a Chinese character takes two cells
_COLORS: Final = {"31": "#ff7b72", "32": "#7ee787", "33": "#e3b341", "34": "#79c0ff"}
_STYLES: Final = {"1": ' font-weight="700"', "2": ' opacity="0.6"'}
_FRAME: Final = """\
<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">
<title>{title}</title>
<rect width="100%" height="100%" rx="8" fill="#0d1117"/>
<g fill="#e6edf3" font-size="13" font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'Noto Sans Mono',
 'Noto Sans CJK SC', 'PingFang SC', monospace">
{lines}
</g>
</svg>
"""


def shown(language: Language) -> str:
    """The command and what it prints, with the escapes of its colors."""
    with tempfile.TemporaryDirectory(prefix="genfix-picture-") as folder:
        shutil.copytree(EXAMPLE, folder, dirs_exist_ok=True)
        command = ["repair", "merged", "--base", "base"]
        printed = run(*command, "--lang", language, cwd=Path(folder), color=True)
    return f"$ genfix {' '.join(command)}\n{TRANSACTION.sub('20260102T030405Z-a1b2c3', printed)}"


def _cells(text: str) -> int:
    return sum(1 + (east_asian_width(character) in "WF") for character in text)


def _runs(line: str) -> Iterator[tuple[str, str]]:
    """Stretches of one style and one width of character, each with its attributes."""
    style = ""
    for part in re.split(r"(\x1b\[[0-9;]*m)", line):
        if part.startswith("\x1b"):
            codes = part[2:-1].split(";")
            color = "".join(f' fill="{_COLORS[code]}"' for code in codes if code in _COLORS)
            style = color + "".join(_STYLES[code] for code in codes if code in _STYLES)
        else:
            yield from (("".join(run), style) for _, run in groupby(part, _cells))


def _line(text: str, row: int) -> str:
    drawn, column = [], 0
    for run_, style in _runs(text):
        cells = _cells(run_)
        if run_.strip():
            x, y = _MARGIN + column * _CELL, _MARGIN + _LINE * row + 14
            kept = escape(run_, quote=False).replace(" ", "\u00a0")  # SVG folds spaces
            drawn.append(f'<text x="{x}" y="{y}" textLength="{cells * _CELL}"{style}>{kept}</text>')
        column += cells
    return "\n".join(drawn)


def drawing(printed: str, title: str) -> str:
    """An SVG of a terminal with colored text."""
    lines = printed.splitlines()
    plain = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in lines]
    return _FRAME.format(
        width=2 * _MARGIN + _CELL * max(map(_cells, plain)),
        height=2 * _MARGIN + _LINE * len(lines),
        title=escape(title),
        lines="\n".join(filter(None, (_line(line, row) for row, line in enumerate(lines)))),
    )


def main() -> None:
    """Write both pictures."""
    for language, path in PICTURES.items():
        path.write_text(drawing(shown(language), "genfix repair merged --base base"), encoding="utf-8")


if __name__ == "__main__":
    main()
