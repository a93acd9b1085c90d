"""What is found on real merges is what was reviewed."""

from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.scripts import script

if TYPE_CHECKING:
    from tools.golden import GOLDEN, golden
else:
    GOLDEN, golden = script("golden").GOLDEN, script("golden").golden


def test_what_is_found_on_real_merges(merge_corpus: Path) -> None:
    """A difference that is meant: ``python tools/golden.py CORPUS``, then review the page's diff."""
    assert golden(merge_corpus).splitlines() == GOLDEN.read_text("utf-8").splitlines()
