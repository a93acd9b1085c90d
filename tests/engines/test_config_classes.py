"""The table of config classes: which releases have a model type, and what is taken where a key is absent."""

import pytest

from genfix.engines.shared.config_classes import config_class, types_known
from genfix.json_types import JsonValue

HEADS: dict[str, JsonValue] = {"hidden_size": 64, "num_attention_heads": 4}


@pytest.mark.parametrize(
    ("model_type", "majors"),
    [
        ("llama", {4, 5}),
        ("gemma3_text", {4, 5}),
        ("qwen3_5_text", {5}),
        ("qwen3_5_moe", {5}),
        ("minicpmv4_6", {5}),
        ("ernie_m", {4}),
    ],
)
def test_it_knows_which_major_versions_have_a_type(model_type: str, majors: set[int]) -> None:
    found = config_class(model_type)
    assert found is not None
    assert {major for major in range(3, 7) if found.is_in(major)} == majors


@pytest.mark.parametrize("model_type", ["", "lla", 'll"ama', "\nllama", "[", "a/b", "brand_new"])
def test_other_types_are_unknown(model_type: str) -> None:
    assert config_class(model_type) is None


def test_all_parts_have_to_be_known() -> None:
    assert types_known(iter(["llava", "qwen2"]), 4)
    assert not types_known(iter(["llava", "qwen3_5_text"]), 4)
    assert types_known(iter([]), 4)


@pytest.mark.parametrize(
    ("model_type", "key", "stated", "taken"),
    [
        ("llama", "hidden_act", {}, {"silu"}),
        ("llama", "head_dim", HEADS, {16}),
        ("llama", "head_dim", {}, {128}),
        ("llama", "num_key_value_heads", HEADS, {4}),
        ("llama", "head_dim", {"hidden_size": "64", "num_attention_heads": 4}, set()),
        ("llama", "head_dim", {"hidden_size": 64, "num_attention_heads": 0}, set()),
        ("cohere", "rope_theta", {}, {10000.0, 500000.0}),
        ("deepseek_v3", "head_dim", HEADS, set()),
        ("qwen2", "layer_types", {}, set()),
        ("qwen2", "attention_bias", {}, {False}),
    ],
)
def test_a_default_is_a_value_or_follows_from_others(
    model_type: str, key: str, stated: dict[str, JsonValue], taken: set[JsonValue]
) -> None:
    """Of all releases; nothing where only running the class would tell."""
    found = config_class(model_type)
    assert found is not None
    assert {*found.taken(key, stated.get)} == taken


def test_the_newest_release_of_a_version_counts() -> None:
    found = config_class("cohere")
    assert found is not None
    assert [found.newest("rope_theta", major) for major in (3, 4, 5)] == [None, 1e4, 5e5]
    gone = config_class("qwen2_vl")
    assert gone is not None
    assert gone.newest("rope_theta", 4) is None
