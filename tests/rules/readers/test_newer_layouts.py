"""GF713: where older readers look for ``tie_word_embeddings``."""

import pytest

from genfix.rules import Applicability
from tests.support.folders import with_json
from tests.support.judging import find, only
from tests.support.rule_cases import COMPOSITE

CONFIG = "config.json"
TIED = with_json(COMPOSITE, CONFIG, tie_word_embeddings=True)


@pytest.mark.parametrize(
    ("whole", "part", "is_told"),
    [("qwen2_vl", "qwen2_vl_text", 1), ("gemma3", "gemma3_text", 0), ("gemma3", ..., 0)],
)
def test_a_part_that_older_readers_tie_by_default_needs_no_word(
    whole: str, part: object, is_told: int
) -> None:
    text = {"num_hidden_layers": 2} if part is ... else {"num_hidden_layers": 2, "model_type": part}
    merged = with_json(TIED, CONFIG, model_type=whole, text_config=text)
    found = find(merged, TIED, "GF713")
    assert len(found) == is_told
    if is_told:
        only(found, Applicability.SAFE)
