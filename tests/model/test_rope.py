"""The two spellings of RoPE mean the same, and each is made from the other."""

import json
from pathlib import Path

import pytest

from genfix.engines.shared.rope_defaults import old_default, same_rope
from genfix.json_types import JsonObject, JsonValue
from genfix.model.rope import NEW_KEY, Rope, RopePart, as_new, as_old, read_rope

LLAMA3: dict[str, JsonValue] = {
    "factor": 8.0,
    "high_freq_factor": 4.0,
    "low_freq_factor": 1.0,
    "original_max_position_embeddings": 8192,
    "rope_type": "llama3",
}
MROPE: dict[str, JsonValue] = {"mrope_section": [2, 3, 3], "type": "mrope"}
LONG: dict[str, JsonValue] = {"long_factor": [1.0] * 8, "short_factor": [1.0] * 8}
LINEAR: dict[str, JsonValue] = {"rope_type": "linear", "factor": 8.0}

PAIRS: dict[str, tuple[str, JsonObject, JsonObject]] = {
    "llama": ("llama", {"rope_theta": 5e5, "rope_scaling": LLAMA3}, {"rope_theta": 500000, **LLAMA3}),
    "qwen2": ("qwen2", {"rope_theta": 1e6}, {"rope_theta": 1e6, "rope_type": "default"}),
    "yarn": (
        "qwen2",
        {"rope_theta": 1e6, "rope_scaling": {"type": "yarn", "factor": 4.0}, "max_position_embeddings": 4096},
        {"rope_theta": 1e6, "rope_type": "yarn", "factor": 4, "original_max_position_embeddings": 4096},
    ),
    "qwen2_vl": (
        "qwen2_vl",
        {"rope_theta": 2e6, "rope_scaling": MROPE},
        {"rope_theta": 2e6, "mrope_section": [2, 3, 3], "rope_type": "default", "type": "mrope"},
    ),
    "glm4": (
        "glm4",
        {"rope_theta": 5e5, "partial_rotary_factor": 0.25},
        {"rope_theta": 5e5, "partial_rotary_factor": 0.25, "rope_type": "default"},
    ),
    "phi3": (
        "phi3",
        {
            "rope_theta": 2e4,
            "rope_scaling": {**LONG, "type": "longrope"},
            "original_max_position_embeddings": 2048,
        },
        {"rope_theta": 2e4, **LONG, "rope_type": "longrope", "original_max_position_embeddings": 2048},
    ),
    "gemma3_text": (
        "gemma3_text",
        {"rope_theta": 2e6, "rope_local_base_freq": 2e4, "rope_scaling": LINEAR},
        {
            "full_attention": {**LINEAR, "rope_theta": 2e6},
            "sliding_attention": {"rope_type": "default", "rope_theta": 2e4},
        },
    ),
}


def parts(name: str) -> tuple[RopePart, RopePart]:
    model_type, old, new = PAIRS[name]
    kept = {key: value for key, value in old.items() if "position" in key}
    return (
        RopePart("", {"model_type": model_type, **old}),
        RopePart("", {"model_type": model_type, **kept, NEW_KEY: dict(new)}),
    )


@pytest.mark.parametrize("name", PAIRS)
def test_old_and_new_keys_mean_the_same(name: str) -> None:
    old, new = parts(name)
    left, right = read_rope(old), read_rope(new)
    assert left is not None
    assert right is not None
    assert same_rope(left, right, old.model_type)
    assert same_rope(right, left, old.model_type)
    again = read_rope(RopePart("", {**new.values, NEW_KEY: as_new(left)}))
    assert again is not None
    assert same_rope(again, right, old.model_type)


@pytest.mark.parametrize("name", PAIRS)
def test_old_keys_are_made_from_new_ones(name: str) -> None:
    old, new = parts(name)
    rope = read_rope(new)
    assert rope is not None
    made = as_old(rope, new, old.old)
    assert made is not None
    back = read_rope(RopePart("", {**new.values, NEW_KEY: None, **made}))
    assert back is not None
    assert same_rope(back, rope, new.model_type)


def test_another_theta_or_scaling_is_another_meaning() -> None:
    rope: Rope = {"": {"rope_type": "default", "rope_theta": 1e6}}
    assert not same_rope(rope, {"": {"rope_type": "default", "rope_theta": 1e4}}, "qwen2")
    assert not same_rope(rope, {"": {**LINEAR, "rope_theta": 1e6}}, "qwen2")
    assert not same_rope(rope, {"": {"rope_type": "default"}}, "qwen2")


def test_what_is_not_written_is_the_default_of_the_class() -> None:
    stated: Rope = {"": {"rope_type": "default", "rope_theta": 1e6}}
    silent: Rope = {"": {"rope_type": "default"}}
    assert same_rope(stated, silent, "mixtral")
    assert old_default("llama", "rope_theta") == 10000
    assert old_default("glm4", "partial_rotary_factor") == 0.5
    assert old_default("gpt_neox", "partial_rotary_factor") == 0.25
    assert old_default("qwen2_vl", "rope_theta") == old_default("qwen2_vl_text", "rope_theta") == 1e6
    assert old_default("mllama_text_model", "rope_theta") == 5e5


def test_layers_that_old_keys_cannot_tell_are_not_guessed() -> None:
    part = RopePart("", {})
    assert as_old({"full_attention": {"rope_type": "default"}, "other": {}}, part, {}) is None


@pytest.mark.parametrize("name", PAIRS)
def test_transformers_reads_both_together_as_it_reads_the_new_ones(name: str, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    old, new = parts(name)
    tiny = {"num_hidden_layers": 6, "num_attention_heads": 4, "num_key_value_heads": 2, "hidden_size": 64}
    is_five = int(transformers.__version__.split(".")[0]) >= 5
    read = []
    for values in ({**old.values, NEW_KEY: new.values[NEW_KEY]}, new.values if is_five else old.values):
        (tmp_path / "config.json").write_text(json.dumps({**tiny, **values}))
        config = transformers.AutoConfig.from_pretrained(tmp_path).get_text_config()
        names = (NEW_KEY,) if is_five else ("rope_theta", "rope_scaling")
        found = {key: getattr(config, key, None) for key in names}
        read.append(read_rope(RopePart("", {**values, **dict.fromkeys(old.old), NEW_KEY: None, **found})))
    assert read[0] is not None
    assert read[1] is not None
    assert same_rope(read[0], read[1], old.model_type)
