"""Real merges by PEFT, right and wrong ones: a sample of `python -m dev.merge_proof`."""

from pathlib import Path

import pytest

from dev.merge_proof.__main__ import judged
from dev.merge_proof.real import make

CASES = [
    "llama-patterns-BF16-0.02",
    "gemma3-dora-F32-0.02",
    "qwen2-embeddings-F16-0.02",
    "qwen3-moe-experts-BF16-0.02",
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", CASES)
def test_what_was_done_is_told(name: str, tmp_path: Path):
    make.main(tmp_path, name)
    outcomes = [*judged(tmp_path)]
    assert {one.outcome for one in outcomes} >= {"right", "none", "half", "other"}
    assert [(one.outcome, one.proof.verdict) for one in outcomes if not one.is_named] == []
