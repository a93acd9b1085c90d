"""Any JSON under any key: a view is an answer, never an exception, and its values are what reports
can print.
"""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from genfix.engines.every import all_engines, engine_view
from genfix.json_types import JsonValue
from genfix.model import Model
from tests.support.folders import Files, MemoryFolder, chatml_files, dump, glm_files, vlm_files

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(
        ["llama", "glm4", "qwen2_vl", "yarn", "longrope", "llama3", "default", "LlamaForCausalLM", "<|user|>"]
    )
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
ROPE = st.dictionaries(
    st.sampled_from(
        [
            "rope_type",
            "type",
            "factor",
            "original_max_position_embeddings",
            "rope_theta",
            "full_attention",
            "short_factor",
        ]
    ),
    VALUES,
    max_size=4,
)
KEYS = {
    "config.json": [
        "model_type", "architectures", "eos_token_id", "text_config", "rope_scaling", "rope_parameters",
        "auto_map", "max_position_embeddings", "seq_length", "n_ctx", "model_max_length",
        "max_sequence_length", "hidden_size", "language_model_only", "decoder", "generator", "vocab_size",
        "quantization_config", "sliding_window",
    ],
    "generation_config.json": [
        "eos_token_id", "pad_token_id", "bos_token_id", "stop_strings", "temperature", "top_k", "top_p",
        "max_length", "max_new_tokens", "do_sample", "num_beams", "repetition_penalty",
        "transformers_version", "cache_implementation",
    ],
    "tokenizer_config.json": [
        "eos_token", "bos_token", "pad_token", "added_tokens_decoder", "chat_template", "tokenizer_class",
        "model_max_length", "extra_special_tokens", "additional_special_tokens", "auto_map",
    ],
    "special_tokens_map.json": ["eos_token", "additional_special_tokens"],
    "chat_template.json": ["chat_template"],
}  # fmt: skip


@st.composite
def folders(draw: st.DrawFn) -> Files:
    files = draw(st.sampled_from([glm_files, chatml_files, vlm_files]))()
    for name, keys in KEYS.items():
        if draw(st.booleans()):
            document = json.loads(files.get(name, b"{}"))
            values = draw(st.dictionaries(st.sampled_from(keys), VALUES | ROPE, max_size=4))
            files = {**files, name: dump(document | values)}
    if draw(st.integers(0, 9)) == 0:
        name = draw(st.sampled_from(sorted(files)))
        files = {**files, name: draw(st.binary(max_size=12))}
    return files


@settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(folders())
def test_every_view_answers(files: Files) -> None:
    model = Model(MemoryFolder(files))
    for name, view in ((name, engine_view(name, model)) for name in all_engines()):
        assert view.engine == name
        assert all(type(token_id) is int and token_id >= 0 for token_id in view.stop_token_ids)
        assert view.context_length is None or type(view.context_length) is int
        assert all(isinstance(text, str) for text in view.stop_strings)
        json.dumps(dict(view.sampling))


@pytest.mark.parametrize("engine", all_engines())
@pytest.mark.parametrize("value", [1e400, -1, [[]], {"a": [None]}, "9" * 30, 10**30, True])
@pytest.mark.parametrize(
    "key", ["max_position_embeddings", "eos_token_id", "architectures", "model_type", "rope_scaling"]
)
def test_one_strange_value(engine: str, key: str, value: JsonValue) -> None:
    files = chatml_files()
    for place in ({key: value}, {"text_config": {"model_type": "qwen2", key: value}}):
        config = dump(json.loads(files["config.json"]) | place)
        all_engines()[engine].view(
            Model(MemoryFolder({**files, "config.json": config})), (1.0, 0.0, 0.0, 0.0)
        )
