"""The mutants of the applier still have lines to change: what was rewritten would else no longer be tried."""

from pathlib import Path

import pytest

import genfix.applier
from dev.reliability.mutants import MUTANTS, Mutant


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_changes_one_place(mutant: Mutant) -> None:
    text = (Path(genfix.applier.__path__[0]) / mutant.file).read_text("utf-8")
    assert text.count(mutant.before) == 1
    assert mutant.before != mutant.after
