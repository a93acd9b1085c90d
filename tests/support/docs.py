"""The pages of the documentation, and the commands they show."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.support.places import ROOT

__all__ = ["COMMANDS", "PAGES", "READMES", "Block", "blocks", "headings", "relative"]

READMES = (ROOT / "README.md", ROOT / "README.zh-CN.md")


PAGES = (
    *READMES,
    *(ROOT / name for name in ("CHANGELOG.md", "CONTRIBUTING.md", "examples/README.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "examples" / "recipes").rglob("*.md")),
)


class Block(NamedTuple):
    """A fenced block."""

    language: str
    text: str


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def blocks(text: str) -> list[Block]:
    found = re.finditer(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [Block(match[1], match[2]) for match in found]


def headings(text: str) -> list[str]:
    outside = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"^(#+ .+)$", outside, re.MULTILINE)


def commands(path: Path) -> Iterator[tuple[str, ...]]:
    """Arguments of every ``genfix`` command in the fenced blocks of a page."""
    for block in blocks(path.read_text("utf-8")):
        lines = block.text.splitlines()
        if block.language == "console":
            lines = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
        elif block.language != "sh":
            continue
        for line in lines:
            words = shlex.split(line.partition("||")[0], comments=True)
            if words[:1] == ["uvx"] or words[:2] == ["uv", "run"]:
                words = words[words.index("genfix") :] if "genfix" in words else []
            if words[:1] == ["genfix"]:
                yield tuple(words[1:])


COMMANDS = sorted({(relative(path), *words) for path in PAGES for words in commands(path)})
