"""GF4xx: what genfix says about config.json."""

import json

import pytest

from genfix.rules import Applicability, CopyField, RestoreFile, Severity
from tests.support.folders import (
    Files,
    chatml_files,
    dump,
    glm_files,
    safetensors,
    with_json,
    with_token_list,
    without,
)
from tests.support.judging import find, repaired

TEXT_FIELDS = ("hidden_size", "vocab_size", "rope_theta", "eos_token_id")


def test_a_lost_config_is_an_error_and_comes_back_whole() -> None:
    base = chatml_files()
    [finding] = find(without(base, "config.json"), base, "GF4")
    assert (finding.code, finding.severity) == ("GF401", Severity.ERROR)
    assert finding.fix is not None
    assert finding.fix.applicability is Applicability.SAFE
    assert finding.fix.operations == (RestoreFile("config.json"),)


@pytest.mark.parametrize(
    ("rows", "applicability"), [(1024, Applicability.SAFE), (1032, Applicability.UNSAFE)]
)
def test_a_config_the_weights_contradict_comes_back_only_on_demand(
    rows: int, applicability: Applicability
) -> None:
    base = chatml_files()
    [finding] = find(without(base, "config.json") | {"model.safetensors": safetensors(rows)}, base, "GF401")
    assert finding.fix is not None
    assert finding.fix.applicability is applicability


@pytest.mark.parametrize(
    ("key", "severity"),
    [
        ("model_type", Severity.ERROR),
        ("architectures", Severity.ERROR),
        ("auto_map", Severity.ERROR),
        ("rope_ratio", Severity.WARNING),
        ("hidden_size", Severity.WARNING),
        ("padded_vocab_size", Severity.WARNING),
    ],
)
def test_a_lost_key_that_has_no_other_spelling_is_missed(key: str, severity: Severity) -> None:
    base = glm_files()
    [finding] = find(with_json(base, "config.json", **{key: ...}), base, "GF4")
    assert (finding.code, finding.severity, finding.pointer) == ("GF402", severity, f"/{key}")
    assert finding.expected == json.loads(base["config.json"])[key]
    assert finding.fix is not None
    assert finding.fix.applicability is Applicability.SAFE
    assert finding.fix.operations == (CopyField("config.json", f"/{key}"),)


@pytest.mark.parametrize("key", ["auto_map", "rope_ratio", "hidden_size", "padded_vocab_size"])
def test_null_is_a_value_and_not_a_loss(key: str) -> None:
    base = glm_files()
    assert find(with_json(base, "config.json", **{key: None}), base, "GF402") == []


@pytest.mark.parametrize("key", ["model_type", "architectures"])
def test_null_names_no_model(key: str) -> None:
    base = glm_files()
    [finding] = find(with_json(base, "config.json", **{key: None}), base, "GF402")
    assert finding.severity is Severity.ERROR


SHORT = {"model_type": "phi3", "max_position_embeddings": 4096, "rope_theta": 1e4, "rope_scaling": None}
LONG = SHORT | {
    "max_position_embeddings": 131072,
    "original_max_position_embeddings": 4096,
    "rope_scaling": {"type": "longrope", "long_factor": [1.0] * 4, "short_factor": [1.0] * 4},
}


def test_a_short_model_judged_against_its_long_sibling_keeps_its_rope() -> None:
    merged = with_json(chatml_files(), "config.json", **SHORT)
    base = with_json(chatml_files(), "config.json", **LONG)
    assert find(merged, base, "GF402") == []
    [finding] = find(merged, base, "GF712")
    assert finding.severity is Severity.INFO
    assert repaired(merged, base) == merged


HEADS = {"hidden_size": 64, "num_attention_heads": 4}
ROPE = {"rope_theta": 1e6}


@pytest.mark.parametrize(
    ("kind", "key", "value", "verdict"),
    [
        ("llama", "head_dim", 16, "default"),
        ("llama", "head_dim", 32, "lost"),
        ("mistral", "head_dim", 16, "default"),
        ("qwen2", "head_dim", 16, "default"),
        ("qwen3", "head_dim", 128, "default"),
        ("qwen3", "head_dim", 16, "lost"),
        ("llama", "num_key_value_heads", 4, "default"),
        ("llama", "num_key_value_heads", 2, "lost"),
        ("mistral", "num_key_value_heads", 8, "default"),
        ("mistral", "num_key_value_heads", 4, "lost"),
        ("llama", "attention_bias", False, "default"),
        ("llama", "attention_bias", True, "lost"),
        ("qwen2", "attention_bias", False, "default"),
        ("glm4", "attention_bias", True, "default"),
        ("glm4", "attention_bias", False, "lost"),
        ("llama", "hidden_act", "silu", "default"),
        ("llama", "hidden_act", "gelu", "lost"),
        ("llama", "rope_theta", 10000, "default"),
        ("llama", "rope_theta", 5e5, "lost"),
        ("cohere", "rope_theta", 1e4, "lost"),
        ("glm4", "partial_rotary_factor", 0.5, "default"),
        ("glm4", "partial_rotary_factor", 1.0, "lost"),
        ("qwen2", "partial_rotary_factor", 1.0, "default"),
        ("llama", "rms_norm_eps", 1e-6, "default"),
        ("llama", "rms_norm_eps", 1e-5, "lost"),
        ("qwen3_moe", "norm_topk_prob", False, "default"),
        ("qwen3_moe", "norm_topk_prob", True, "lost"),
        ("qwen3", "layer_types", ["full_attention"] * 2, "default"),
        ("qwen3", "layer_types", ["full_attention", "sliding_attention"], "lost"),
        ("gemma3_text", "layer_types", ["full_attention"] * 2, "lost"),
        ("gemma2", "intermediate_size", 9216, "default"),
        ("gemma2", "intermediate_size", 24576, "lost"),
        ("whisper", "num_hidden_layers", 6, "unread"),
        ("brand_new", "num_hidden_layers", 6, "lost"),
        ("brand_new", "head_dim", 16, "lost"),
        ("brand_new", "attention_bias", False, "lost"),
    ],
)
def test_a_key_that_is_absent_is_the_default_of_its_class(
    kind: str, key: str, value: object, verdict: str
) -> None:
    """``cohere``: 10000 in transformers 4, 500000 in 5. ``gemma2``: 24576 in the oldest release only.
    ``whisper``: the number is ``encoder_layers`` there.
    """
    config = {"model_type": kind, "num_hidden_layers": 2, **HEADS, **ROPE}
    base = with_json(chatml_files(), "config.json", **{**config, key: value})
    merged = with_json(base, "config.json", **{key: ...})
    assert [finding.pointer for finding in find(merged, base, "GF402")] == [f"/{key}"] * (verdict == "lost")
    assert find(base, merged, "GF402") == []
    assert find(with_json(base, "config.json", **{key: None}), base, "GF402") == []


def test_the_part_of_the_language_model_has_a_class_of_its_own() -> None:
    text = {
        "model_type": "qwen2",
        "rope_theta": 1e6,
        **HEADS,
        "num_key_value_heads": 32,
        "hidden_act": "silu",
    }
    base = with_json(chatml_files(), "config.json", rope_theta=..., model_type="llava", text_config=text)
    short = {key: value for key, value in text.items() if key not in {"num_key_value_heads", "hidden_act"}}
    assert find(with_json(base, "config.json", text_config=short), base, "GF402") == []
    other = {key: value for key, value in text.items() if key != "rope_theta"}
    [finding] = find(with_json(base, "config.json", text_config=other), base, "GF402")
    assert finding.pointer == "/text_config/rope_theta"


@pytest.mark.parametrize("key", ["rope_theta", "rope_scaling"])
def test_nobody_misses_rope_beside_an_exported_graph(key: str) -> None:
    rope = {"rope_theta": 5e5, "rope_scaling": {"rope_type": "llama3", "factor": 8.0}}
    base = with_json(chatml_files(), "config.json", **rope)
    merged = with_json(base, "config.json", **{key: ...})
    assert find(merged, base, "GF402") != []
    assert find(merged | {"openvino_model.xml": b"", "openvino_model.bin": b""}, base, "GF402") == []


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (
            {"rope_theta": 5e5, "rope_scaling": {"rope_type": "llama3"}},
            {"rope_parameters": {"rope_theta": 5e5, "rope_type": "llama3"}},
        ),
        ({"partial_rotary_factor": 0.5}, {"rope_parameters": {"partial_rotary_factor": 0.5}}),
        ({"torch_dtype": "bfloat16"}, {"dtype": "bfloat16"}),
        ({"image_token_index": 5}, {"image_token_id": 5}),
        ({"num_layers": 2}, {"num_hidden_layers": 2}),
        ({"seq_length": 128}, {"max_position_embeddings": 128}),
        (
            {"transformers_version": "4", "_name_or_path": "a/b", "use_cache": True},
            {"transformers_version": "5"},
        ),
        (
            {"sliding_window": 131072, "use_sliding_window": False},
            {"sliding_window": None, "layer_types": []},
        ),
        ({"bos_token_id": 1000}, {"bos_token_id": None, "pad_token_id": 1000, "head_dim": 8}),
        ({"rope_scaling": None, "auto_map": {}, "architectures": ["A"]}, {"architectures": ["B"]}),
        ({"torch_dtype": "bfloat16"}, {"torch_dtype": "float32"}),
    ],
)
def test_another_spelling_or_a_key_nobody_needs_is_nothing(
    theirs: dict[str, object], ours: dict[str, object]
) -> None:
    files = with_json(chatml_files(), "config.json", rope_theta=...)
    merged, base = with_json(files, "config.json", **ours), with_json(files, "config.json", **theirs)
    assert find(merged, base, "GF4") == []


@pytest.mark.parametrize("part", ["text_config", "llm_config", "language_config"])
def test_text_fields_moved_under_the_language_models_part_are_nothing(part: str) -> None:
    base = chatml_files()
    config = json.loads(base["config.json"])
    nested = {key: config.pop(key) for key in TEXT_FIELDS}
    nested["rope_parameters"] = {"rope_theta": nested.pop("rope_theta")}
    assert find(base | {"config.json": dump(config | {part: nested})}, base, "GF4") == []


@pytest.mark.parametrize(
    ("rows", "applicability"), [(1024, Applicability.SAFE), (1032, Applicability.UNSAFE)]
)
def test_the_weights_know_the_vocabularys_size_better_than_the_base(
    rows: int, applicability: Applicability
) -> None:
    base = chatml_files()
    merged = with_json(base, "config.json", vocab_size=...) | {"model.safetensors": safetensors(rows)}
    [finding] = find(merged, base, "GF4")
    assert finding.fix is not None
    assert finding.fix.applicability is applicability


@pytest.mark.parametrize("key", ["decoder_config", "qformer_config", "generator"])
def test_a_part_of_the_model_is_missed_whatever_it_is_called(key: str) -> None:
    part = {"model_type": "llama", "vocab_size": 512}
    base = with_json(chatml_files(), "config.json", **{key: part})
    (lost,) = find(chatml_files(), base, "GF402")
    assert (lost.pointer, lost.fix is not None and lost.fix.applicability) == (f"/{key}", Applicability.SAFE)


def test_the_class_of_another_type_is_not_taken_over() -> None:
    sizes = {"hidden_size": 64, "num_attention_heads": 4, "num_hidden_layers": 2, "intermediate_size": 128}
    base = with_json(chatml_files(), "config.json", **sizes, model_type="mistral")
    base = with_json(base, "config.json", architectures=["MistralForCausalLM"])
    upcycled = with_json(base, "config.json", model_type="mixtral", architectures=..., num_local_experts=2)
    assert find(upcycled, base, "GF406") == []
    (lost,) = find(upcycled, base, "GF402")
    assert lost.pointer == "/architectures"
    assert lost.fix is not None
    assert lost.fix.applicability is Applicability.MANUAL


@pytest.mark.parametrize(
    "files", [{}, {"config.json": b"{"}, {"config.json": b""}], ids=["none", "torn", "empty"]
)
def test_keys_are_not_missed_one_by_one_where_the_whole_file_is_gone(files: Files) -> None:
    assert find(without(glm_files(), "config.json") | files, glm_files(), "GF402") == []


def test_a_config_that_neither_folder_has_is_not_missed() -> None:
    neither = without(chatml_files(), "config.json")
    assert find(neither, neither) == []


def test_infinity_is_a_number_to_the_engines() -> None:
    """Mamba 2 ships ``"time_step_limit": [0.0, Infinity]``."""
    base = with_json(chatml_files(), "config.json", time_step_limit=[0.0, float("inf")])
    assert b"Infinity" in base["config.json"]
    assert find(base, base) == find(base) == []


def test_a_key_of_the_language_models_part_comes_back() -> None:
    text = {"hidden_size": 64, "rope_theta": 5e6, "num_hidden_layers": 2}
    base = with_json(chatml_files(), "config.json", rope_theta=..., text_config=text)
    merged = with_json(base, "config.json", text_config={"hidden_size": 64, "num_hidden_layers": 2})
    (finding,) = find(merged, base, "GF402")
    assert finding.pointer == "/text_config/rope_theta"
    moved = with_json(merged, "config.json", rope_theta=5e6)
    assert find(moved, base, "GF402") == []


# -- a language model and the whole that it is a part of -----------------------------------------------------

TEXT = {
    "model_type": "qwen2",
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 96,
    "vocab_size": 1024,
    "rope_theta": 1e6,
}
FLAT = with_json(chatml_files(), "config.json", **TEXT)


def whole(**text: object) -> Files:
    """A composite model around ``TEXT`` less what is `...`."""
    part = {key: value for key, value in {**TEXT, **text}.items() if value is not ...}
    top = with_json(chatml_files(), "config.json", rope_theta=..., hidden_size=..., vocab_size=...)
    return with_json(top, "config.json", model_type="llava", architectures=["Llava"], text_config=part)


def test_a_size_that_a_whole_model_lost_is_written_where_it_belongs() -> None:
    merged = whole(intermediate_size=...)
    assert find(whole(), FLAT, "GF402") == []
    [finding] = find(merged, FLAT, "GF402")
    assert (finding.pointer, finding.severity) == ("/text_config/intermediate_size", Severity.WARNING)
    assert json.loads(repaired(merged, FLAT)["config.json"])["text_config"]["intermediate_size"] == 96


def test_what_is_no_size_is_the_wholes_own_business() -> None:
    [finding] = find(whole(rope_theta=...), FLAT, "GF402")
    assert (finding.pointer, finding.severity) == ("/text_config/rope_theta", Severity.INFO)
    assert finding.fix is not None
    assert finding.fix.applicability is Applicability.UNSAFE


def test_what_no_class_of_the_part_reads_is_not_missed_there() -> None:
    base = with_json(FLAT, "config.json", kv_channels=16)
    assert find(whole(), base, "GF402") == []
    assert find(whole(model_type="brand_new", intermediate_size=...), base, "GF402") == []


def test_a_part_taken_out_of_a_whole_model_misses_its_sizes_at_the_top() -> None:
    merged = with_json(FLAT, "config.json", intermediate_size=..., rope_theta=...)
    found = {finding.pointer: finding.severity for finding in find(merged, whole(), "GF402")}
    assert found == {"/intermediate_size": Severity.WARNING, "/rope_theta": Severity.INFO}
    assert json.loads(repaired(merged, whole())["config.json"])["intermediate_size"] == 96
    assert find(FLAT, whole(), "GF402") == []


def test_a_short_sibling_that_says_nothing_of_rope_lost_none() -> None:
    rope = {"rope_type": "llama3", "factor": 8.0, "original_max_position_embeddings": 8192}
    base = with_json(chatml_files(), "config.json", max_position_embeddings=65536, rope_scaling=rope)
    short = with_json(base, "config.json", max_position_embeddings=8192, rope_scaling=...)
    assert [finding.severity for finding in find(short, base, "GF402")] == [Severity.INFO]
    lost = with_json(base, "config.json", rope_scaling=...)
    assert [finding.severity for finding in find(lost, base, "GF402")] == [Severity.WARNING]


def test_a_size_of_a_base_with_other_sizes_is_put_back_on_demand_only() -> None:
    """A model with as many heads for keys as for queries need not say so; the base has fewer."""
    base = with_json(FLAT, "config.json", model_type="llama")
    lost = with_json(base, "config.json", num_key_value_heads=...)
    other = with_json(lost, "config.json", intermediate_size=80)
    for merged, applicability in ((lost, Applicability.SAFE), (other, Applicability.UNSAFE)):
        [finding] = find(merged, base, "GF402")
        assert finding.fix is not None
        assert (finding.pointer, finding.fix.applicability) == ("/num_key_value_heads", applicability)


def test_how_a_longer_sibling_chats_is_not_taken_over() -> None:
    """Llama 3 judged against Llama 3.1; what is tuned for length is made from the shorter one."""
    rope = {"rope_type": "llama3", "factor": 8.0, "original_max_position_embeddings": 8192}
    base = with_json(chatml_files(), "config.json", max_position_embeddings=65536, rope_scaling=rope)
    short = with_json(base, "config.json", max_position_embeddings=8192, rope_scaling=None)
    for merged in (
        with_json(short, "generation_config.json", eos_token_id=1000),
        with_json(short, "config.json", eos_token_id=1000),
        with_json(short, "tokenizer_config.json", eos_token="<|endoftext|>"),
        with_json(without(short, "generation_config.json"), "tokenizer_config.json", chat_template=...),
        with_token_list(short, {"<|endoftext|>": 1000, "<|other|>": 1001, "<|im_end|>": 1002}),
    ):
        found = find(merged, base)
        assert {finding.severity for finding in found} == {Severity.INFO}, found
        assert repaired(merged, base) == merged
    assert repaired(with_json(base, "tokenizer_config.json", chat_template=...), short) == base
