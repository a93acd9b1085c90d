"""RoPE settings that transformers refuses: what its own code did with them, in 5.24.0 and 4.57.6."""

import json
from typing import Final

import pytest

from genfix.engines.every import engine_view
from genfix.engines.shared.loaders import loaders
from genfix.engines.shared.rope_loading import rope_traits
from genfix.engines.shared.wording import refused_value
from genfix.json_types import JsonObject, JsonValue
from genfix.model import Model
from tests.support.engine_folders import toy
from tests.support.folders import Files, MemoryFolder, with_json

QWEN: Final[JsonObject] = {
    "architectures": ["Qwen2ForCausalLM"],
    "model_type": "qwen2",
    "hidden_size": 3584,
    "num_attention_heads": 28,
    "num_key_value_heads": 4,
    "max_position_embeddings": 32768,
    "rope_theta": 1000000.0,
}
LLAMA: Final[JsonObject] = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 4096,
    "num_attention_heads": 32,
    "max_position_embeddings": 131072,
    "rope_theta": 500000.0,
}
PHI: Final[JsonObject] = {
    "architectures": ["Phi3ForCausalLM"],
    "model_type": "phi3",
    "hidden_size": 3072,
    "num_attention_heads": 32,
    "max_position_embeddings": 131072,
    "original_max_position_embeddings": 4096,
    "rope_theta": 10000.0,
}
GEMMA: Final[JsonObject] = {
    "architectures": ["Gemma3ForConditionalGeneration"],
    "model_type": "gemma3",
    "text_config": {
        "model_type": "gemma3_text",
        "hidden_size": 2560,
        "rope_scaling": {"factor": 8.0, "rope_type": "linear"},
    },
    "vision_config": {"model_type": "siglip_vision_model"},
}
QWEN_VL: Final[JsonObject] = {
    **QWEN,
    "architectures": ["Qwen2VLForConditionalGeneration"],
    "model_type": "qwen2_vl",
    "vision_config": {},
}
OF_THEIR_OWN: Final[JsonObject] = {
    "architectures": ["MiniCPMForCausalLM"],
    "model_type": "minicpm",
    "hidden_size": 2560,
    "num_attention_heads": 40,
    "max_position_embeddings": 32768,
    "rope_theta": 10000.0,
}
LLAMA3: Final[JsonObject] = {
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 8192,
    "rope_type": "llama3",
}
LISTS: Final[JsonObject] = {"short_factor": [1.0] * 48, "long_factor": [1.1] * 48}
YARN: Final[dict[str, JsonValue]] = {
    "rope_type": "yarn",
    "factor": 4.0,
    "original_max_position_embeddings": 32768,
}
LAYERS: Final[JsonObject] = {
    "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1e6},
    "sliding_attention": {"rope_type": "default", "rope_theta": 1e4},
}


def refused(engine: str, config: JsonObject, more: Files | None = None, /, **values: JsonValue) -> str | None:
    """The key of the first problem that ends the start, where a RoPE key is it."""
    files: Files = toy(257) | {"config.json": json.dumps({**config, **values}).encode()} | (more or {})
    view = engine_view(engine, Model(MemoryFolder(files)))
    keys = ("rope_scaling", "rope_parameters")
    return next((key for key in keys if refused_value(key) in view.problems), None)


@pytest.mark.parametrize(
    ("config", "values", "in_5", "in_4"),
    [
        (QWEN, {"rope_scaling": {"rope_type": "yarn"}}, "rope_scaling", "rope_scaling"),
        (QWEN, {"rope_scaling": {"type": "yarn", "factor": 4.0}}, None, None),
        (QWEN, {"rope_scaling": YARN}, None, None),
        (QWEN, {"rope_scaling": {"type": "linear", "factor": 2.0}}, None, None),
        (QWEN, {"rope_scaling": "linear"}, "rope_scaling", "rope_scaling"),
        (QWEN, {"rope_scaling": {"factor": 2.0}}, None, "rope_scaling"),
        (QWEN, {"rope_scaling": None}, None, None),
        (QWEN, {"rope_parameters": {"rope_type": "dynamic"}}, "rope_parameters", None),
        (QWEN, {"rope_parameters": {"rope_type": "default", "rope_theta": 1e6}}, None, None),
        (LLAMA, {"rope_scaling": LLAMA3}, None, None),
        (LLAMA, {"rope_scaling": LLAMA3, "rope_theta": None}, None, None),
        (LLAMA, {"rope_scaling": {"rope_type": "llama3", "factor": 8.0}}, "rope_scaling", "rope_scaling"),
        (LLAMA, {"rope_scaling": {**LLAMA3, "low_freq_factor": None}}, "rope_scaling", "rope_scaling"),
        (PHI, {"rope_scaling": {"type": "longrope", **LISTS}}, None, None),
        (PHI, {"rope_scaling": {"type": "dynamic", "factor": 2.0}}, "rope_scaling", "rope_scaling"),
        (PHI, {"rope_scaling": {"type": "su", **LISTS}}, "rope_scaling", None),
        (GEMMA, {}, None, None),
        (GEMMA, {"rope_scaling": {"type": "yarn", "factor": 4.0}}, "rope_scaling", None),
        (GEMMA, {"rope_scaling": {"type": "linear", "factor": 8.0}}, None, None),
        (GEMMA, {"text_config": {"model_type": "gemma3_text", "rope_parameters": LAYERS}}, None, None),
        (
            GEMMA,
            {"text_config": {"model_type": "gemma3_text", "rope_scaling": {"rope_type": "linear"}}},
            "rope_scaling",
            "rope_scaling",
        ),
    ],
)
def test_rope_settings_that_a_config_class_refuses(
    config: JsonObject, values: JsonObject, in_5: str | None, in_4: str | None
) -> None:
    assert refused("transformers5", config, **values) == in_5
    assert refused("transformers4", config, **values) == in_4


@pytest.mark.parametrize("engine", ["onnxruntime-genai", "lmdeploy", "sglang", "vllm", "mlx-lm", "mlx-vlm"])
def test_engines_that_load_it_by_transformers_refuse_it_too(engine: str) -> None:
    assert refused(engine, QWEN, rope_scaling={"rope_type": "yarn"}) == "rope_scaling"
    assert refused(engine, QWEN, rope_scaling=YARN) is None


def test_the_tokenizer_of_a_type_that_transformers_does_not_know_is_made_beside_a_class_without_length() -> (
    None
):
    scaled: dict[str, JsonValue] = {"rope_scaling": {"type": "longrope", **LISTS}}
    assert refused("mlx-lm", OF_THEIR_OWN, **scaled) == "rope_scaling"
    scaled["auto_map"] = {"AutoConfig": "configuration_minicpm.MiniCPMConfig"}
    assert refused("mlx-lm", OF_THEIR_OWN, **scaled) == "rope_scaling"
    code = {"configuration_minicpm.py": b""}  # which somebody may trust
    assert refused("mlx-lm", OF_THEIR_OWN, code, **scaled) is None
    assert refused("mlx-lm", OF_THEIR_OWN, rope_scaling={"type": "linear", "factor": 2.0}) is None


def test_llama_cpps_converter_asks_config_json_only_where_no_tokenizer_class_is_named() -> None:
    broken = with_json(toy(257), "config.json", **{**QWEN, "rope_scaling": {"rope_type": "yarn"}})
    classless = with_json(broken, "tokenizer_config.json", tokenizer_class=None)
    named = with_json(broken, "tokenizer_config.json", tokenizer_class="PreTrainedTokenizerFast")
    answers = [
        refused_value("rope_scaling") in engine_view("llama.cpp", Model(MemoryFolder(files))).problems
        for files in (classless, named)
    ]
    assert answers == [True, False]


@pytest.mark.parametrize("major", [4, 5])
def test_nearly_all_classes_have_been_asked_how_they_take_rope_settings(major: int) -> None:
    known = loaders(major).model_types
    asked = [kind for kind in known if rope_traits(kind, major) is not None]
    assert len(asked) > 0.95 * len(known)
    assert {"qwen2", "llama", "gemma3", "gemma3_text", "phi3", "glm4"} <= {*asked}


@pytest.mark.parametrize(
    ("engine", "config", "values", "key"),
    [
        ("onnxruntime-genai", QWEN, {"rope_scaling": {"type": "dynamic", "factor": 2.0}}, "rope_scaling"),
        ("onnxruntime-genai", QWEN, {"rope_parameters": LAYERS}, "rope_parameters"),
        ("onnxruntime-genai", LLAMA, {"rope_scaling": LLAMA3}, None),
        ("onnxruntime-genai", PHI, {"rope_scaling": {"type": "longrope", **LISTS}}, None),
        ("onnxruntime-genai", PHI, {"rope_scaling": {"rope_type": "longrope", **LISTS}}, "rope_scaling"),
        ("llama.cpp", QWEN, {"rope_scaling": {"type": "yarn", "factor": 4.0}}, "rope_scaling"),
        ("llama.cpp", QWEN, {"rope_scaling": YARN}, None),
        ("llama.cpp", QWEN, {"rope_scaling": {"type": "linear", "factor": "4"}}, "rope_scaling"),
        ("llama.cpp", QWEN, {"rope_parameters": {**LAYERS, "sliding_attention": None}}, "rope_parameters"),
        ("llama.cpp", QWEN, {"rope_parameters": LAYERS}, None),
        ("llama.cpp", PHI, {"rope_scaling": {"type": "longrope", **LISTS}}, None),
        ("sglang", GEMMA, {"rope_scaling": LLAMA3, "rope_theta": 1e6, "max_position_embeddings": 8192}, None),
        ("sglang", GEMMA, {"rope_scaling": {"type": "yarn", "factor": 4.0}}, "rope_scaling"),
        ("vllm", QWEN_VL, {"rope_scaling": {"type": "mrope", "mrope_section": [16, 24, 24]}}, None),
        ("vllm", QWEN_VL, {"rope_parameters": LAYERS}, "rope_parameters"),
    ],
)
def test_what_engines_add_to_what_transformers_refuses(
    engine: str, config: JsonObject, values: JsonObject, key: str | None
) -> None:
    assert refused(engine, config, **values) == key
