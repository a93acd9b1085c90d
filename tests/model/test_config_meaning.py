"""One meaning for every spelling of config.json; what really differs, differs."""

from pathlib import Path

import pytest

from genfix.folder import LocalFolder
from genfix.json_types import JsonObject, JsonValue, Missing
from genfix.model import Model
from genfix.model.config_meaning import config_differences
from tests.support.folders import MemoryFolder, dump


def model(config: JsonObject) -> Model:
    return Model(MemoryFolder({"config.json": dump(config)}))


def differing(base: JsonObject, merged: JsonObject) -> list[tuple[str, object, object]]:
    return [
        (found.pointer, found.left, found.right) for found in config_differences(model(base), model(merged))
    ]


SAME: dict[str, tuple[JsonObject, JsonObject]] = {
    "dtype": ({"torch_dtype": "bfloat16"}, {"dtype": "bfloat16"}),
    "rope": (
        {"rope_theta": 5e5, "rope_scaling": None},
        {"rope_parameters": {"rope_theta": 5e5, "rope_type": "default"}},
    ),
    "scaled rope": (
        {"rope_theta": 1e6, "rope_scaling": {"type": "mrope", "mrope_section": [1, 1, 2]}},
        {"rope_parameters": {"rope_theta": 1e6, "rope_type": "default", "mrope_section": [1, 1, 2]}},
    ),
    "text fields moved": (
        {
            "model_type": "qwen2_vl",
            "hidden_size": 64,
            "torch_dtype": "bfloat16",
            "vision_config": {"depth": 2},
        },
        {
            "model_type": "qwen2_vl",
            "text_config": {"model_type": "qwen2_vl_text", "hidden_size": 64, "dtype": "bfloat16"},
            "vision_config": {"depth": 2},
        },
    ),
    "one id or a list of it": ({"eos_token_id": 2}, {"eos_token_id": [2]}),
    "ids in another order, one twice": ({"eos_token_id": [1, 2]}, {"eos_token_id": [2, 1, 2]}),
    "null or absent": ({"bos_token_id": None}, {}),
    "a window that is switched off": (
        {"use_sliding_window": False, "sliding_window": 131072},
        {"use_sliding_window": False, "sliding_window": None},
    ),
    "image tokens": ({"image_token_index": 7}, {"image_token_id": 7}),
    "integers as floats": ({"rope_theta": 10000}, {"rope_theta": 10000.0}),
}


@pytest.mark.parametrize("name", SAME)
def test_spellings_of_one_meaning_are_equal(name: str) -> None:
    left, right = SAME[name]
    assert differing(left, right) == []
    assert differing(right, left) == []


@pytest.mark.parametrize(
    ("base", "merged", "expected"),
    [
        ({"hidden_size": 64}, {"hidden_size": 65}, [("/hidden_size", 64, 65)]),
        ({"eos_token_id": [1, 2]}, {"eos_token_id": 1}, [("/eos_token_id", [1, 2], 1)]),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}}, [("/a/c", 2, 3)]),
        ({"use_cache": True}, {}, [("/use_cache", True, Missing.MISSING)]),
        ({}, {"use_cache": 1}, [("/use_cache", Missing.MISSING, 1)]),
        ({"use_cache": True}, {"use_cache": 1}, [("/use_cache", True, 1)]),
        (
            {"rope_theta": 1e6},
            {"rope_parameters": {"rope_theta": 1e4, "rope_type": "default"}},
            [("/rope_parameters/rope_theta", 1e6, 1e4)],
        ),
        ({"hidden_size": 64}, {"text_config": {"hidden_size": 32}}, [("/text_config/hidden_size", 64, 32)]),
    ],
)
def test_what_differs_is_told_where_merged_has_it(
    base: JsonObject, merged: JsonObject, expected: list[tuple[str, JsonValue, JsonValue]]
) -> None:
    assert differing(base, merged) == expected


def test_real_merges_by_transformers_5_say_what_their_bases_said(merge_corpus: Path) -> None:
    """transformers writes out defaults; it loses and changes nothing but these keys."""
    legitimate = {"_name_or_path", "architectures", "dtype", "use_cache", "transformers_version"}
    for merged in sorted(merge_corpus.glob("*tf5*/*/merged")):
        base = Model(LocalFolder(merged.parent / "base"))
        for found in config_differences(base, Model(LocalFolder(merged))):
            assert isinstance(found.left, Missing) or found.pointer.rpartition("/")[2] in legitimate, merged
