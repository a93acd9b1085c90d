"""What the documentation takes from the code is fresh."""

import html
import re
from pathlib import Path

import pytest

from dev.tools import picture, rule_pages
from genfix.language import Language
from genfix.rules import RULES
from tests.support.docs import blocks, relative

HELP = rule_pages.typer_version() >= rule_pages.HELP_FROM


def test_generated_parts_are_fresh() -> None:
    assert rule_pages.stale() == [], "run: python -m dev.tools.rule_pages"


def test_every_rule_has_a_page_and_a_row() -> None:
    for folder in rule_pages.PAGES.values():
        assert {path.stem for path in folder.glob("GF*.md")} == set(RULES)
        rows = re.findall(r"^\| \[(GF\d+)\]", (folder / "README.md").read_text("utf-8"), re.MULTILINE)
        assert rows == list(RULES)


@pytest.mark.skipif(not HELP, reason="this typer lays the help text out in another way")
@pytest.mark.parametrize("page", rule_pages.COMMANDS, ids=relative)
def test_the_help_text_is_the_real_one(page: Path) -> None:
    shown = blocks(rule_pages.block(page.read_text("utf-8"), "help"))[0].text
    assert shown.removeprefix("$ genfix --help\n").rstrip() == rule_pages.help_text().rstrip()


@pytest.mark.parametrize("language", picture.PICTURES)
def test_the_picture_shows_what_genfix_prints(language: Language) -> None:
    drawn = picture.PICTURES[language].read_text("utf-8")
    texts = "".join(html.unescape(text) for text in re.findall(r"<text[^>]*>([^<]*)</text>", drawn))
    printed = re.sub(r"\x1b\[[0-9;]*m", "", picture.shown(language))
    assert "".join(printed.split()) in "".join(texts.split()), "run: python -m dev.tools.picture"
