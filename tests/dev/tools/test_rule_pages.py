"""What the documentation takes from the code is fresh."""

import re
from pathlib import Path

import pytest

from dev.tools import rule_pages
from genfix.rules import RULES
from tests.support.docs import READMES, blocks, relative

HELP = rule_pages.typer_version() >= rule_pages.HELP_FROM


def test_generated_parts_are_fresh() -> None:
    assert rule_pages.stale() == [], "run: python -m dev.tools.rule_pages"


def test_every_rule_has_a_page_and_a_row() -> None:
    assert {path.stem for path in rule_pages.PAGES.glob("GF*.md")} == set(RULES)
    for readme in READMES:
        assert re.findall(r"^\| \[(GF\d+)\]", readme.read_text("utf-8"), re.MULTILINE) == list(RULES)


@pytest.mark.skipif(not HELP, reason="this typer lays the help text out in another way")
@pytest.mark.parametrize("readme", READMES, ids=relative)
def test_the_help_text_is_the_real_one(readme: Path) -> None:
    shown = blocks(rule_pages.block(readme.read_text("utf-8"), "help"))[0].text
    assert shown.removeprefix("$ genfix --help\n").rstrip() == rule_pages.help_text().rstrip()
