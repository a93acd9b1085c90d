"""The page of what a run found."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from dev.tensor_law.trials import Trial

__all__ = ["write_page"]

_PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "tensor-law.md"


def write_page(trials: Sequence[Trial], about: str) -> None:
    """Write `docs/tensor-law.md`."""
    _PAGE.write_text(f"{about}{Counter(t.verdict for t in trials)}", "utf-8")
