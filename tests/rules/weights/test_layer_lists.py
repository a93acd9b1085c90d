"""GF419: as many entries as layers, where somebody can tell which."""

import json

from genfix.rules import Applicability
from tests.support.folders import Files, with_json
from tests.support.judging import find, only, repaired
from tests.support.weight_files import SINGLE, weight_file
from tests.support.whole_models import WHOLE, whole

CONFIG = "config.json"
MIXED = ["full_attention", "sliding_attention", "full_attention"]


def listed(*types: str, **values: object) -> Files:
    return with_json(WHOLE, CONFIG, layer_types=[*types], **values)


def types(files: Files) -> list[str]:
    return [str(name) for name in json.loads(files[CONFIG])["layer_types"]]


def test_the_list_of_a_base_with_as_many_layers_is_taken() -> None:
    base = listed("sliding_attention", "full_attention")
    only(find(listed(*MIXED), base, "GF419"), Applicability.SAFE)
    assert types(repaired(listed(*MIXED), base)) == types(base)


def test_of_equal_entries_there_are_as_many_as_layers() -> None:
    assert types(repaired(listed("full_attention"), None)) == ["full_attention"] * 2


def test_the_first_entries_of_a_longer_list_are_a_guess() -> None:
    merged, longer = listed(*MIXED), listed(*MIXED, num_hidden_layers=3)
    for base in (None, longer):
        only(find(merged, base, "GF419"), Applicability.UNSAFE)
        assert types(repaired(merged, base)) == MIXED
        assert types(repaired(merged, base, unsafe=True)) == MIXED[:2]


def test_what_a_shorter_list_lacks_nobody_knows() -> None:
    merged = with_json(
        WHOLE | {SINGLE: weight_file(whole(4))}, CONFIG, layer_types=MIXED, num_hidden_layers=4
    )
    only(find(merged, None, "GF419"), Applicability.MANUAL)
