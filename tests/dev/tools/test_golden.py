"""What is found on real merges is what was reviewed."""

from pathlib import Path

from dev.tools.golden import GOLDEN, golden


def test_what_is_found_on_real_merges(merge_corpus: Path) -> None:
    """A difference that is meant: ``python -m dev.tools.golden CORPUS``, then review the page's diff."""
    assert golden(merge_corpus).splitlines() == GOLDEN.read_text("utf-8").splitlines()
