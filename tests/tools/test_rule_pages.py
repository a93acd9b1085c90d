"""What the documentation takes from the code is fresh."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from genfix.rules import RULES
from tests.support.docs import READMES, blocks, relative
from tests.support.scripts import script

if TYPE_CHECKING:
    from tools import rule_pages
else:
    rule_pages = script("rule_pages")

HELP = rule_pages.typer_version() >= rule_pages.HELP_FROM


def test_generated_parts_are_fresh() -> None:
    assert rule_pages.stale() == [], "run: python tools/rule_pages.py"


def test_every_rule_has_a_page_and_a_row() -> None:
    assert {path.stem for path in rule_pages.PAGES.glob("GF*.md")} == set(RULES)
    for readme in READMES:
        assert re.findall(r"^\| \[(GF\d+)\]", readme.read_text("utf-8"), re.MULTILINE) == list(RULES)


def test_no_chinese_sentence_is_left_over() -> None:
    rows = rule_pages.block(READMES[1].read_text("utf-8"), "rules")
    assert rows.count("\n") == len(RULES) + 2
    assert set(rule_pages.CHINESE) == set(RULES)


@pytest.mark.skipif(not HELP, reason="this typer lays the help text out in another way")
@pytest.mark.parametrize("readme", READMES, ids=relative)
def test_the_help_text_is_the_real_one(readme: Path) -> None:
    shown = blocks(rule_pages.block(readme.read_text("utf-8"), "help"))[0].text
    assert shown.removeprefix("$ genfix --help\n").rstrip() == rule_pages.help_text().rstrip()
