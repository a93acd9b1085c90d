"""config.json held against the table of released transformers: constants, types, experts, paths."""

import pytest

from genfix.rules import Applicability, Severity
from genfix.rules.core.finding import CopyField, SetField
from tests.support.folders import chatml_files, dump, vlm_files, with_json
from tests.support.judging import find, only, repaired
from tests.support.weight_files import SINGLE, causal, weight_file
from tests.support.weighted import CONFIG, config

QWEN = with_json(chatml_files(), CONFIG, num_hidden_layers=2, num_attention_heads=4)
VLM = with_json(
    vlm_files(),
    CONFIG,
    num_hidden_layers=2,
    num_attention_heads=4,
    vision_config={"depth": 2, "patch_size": 14, "spatial_merge_size": 2},
)


# -- GF407 ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "ours", "theirs", "severity"),
    [
        ("hidden_act", "gelu", "silu", Severity.WARNING),
        ("hidden_act", "relu", ..., Severity.WARNING),
        ("rms_norm_eps", 1e-5, 1e-6, Severity.INFO),
        ("final_logit_softcapping", None, 30.0, Severity.WARNING),
        ("logit_scale", 1.0, 0.0625, Severity.WARNING),
    ],
)
def test_a_constant_that_differs(key: str, ours: object, theirs: object, severity: Severity) -> None:
    """The base's value comes back on demand, also where only its class says it."""
    finding = only(
        find(config(QWEN, **{key: ours}), config(QWEN, **{key: theirs}), "GF407"), Applicability.UNSAFE
    )
    assert (finding.severity, finding.pointer) == (severity, f"/{key}")
    assert finding.fix is not None
    [operation] = finding.fix.operations
    assert isinstance(operation, SetField if theirs is ... else CopyField)


@pytest.mark.parametrize(
    ("key", "ours", "theirs"),
    [
        ("hidden_act", "swish", "silu"),
        ("hidden_act", ..., "silu"),
        ("hidden_act", "silu", ...),
        ("hidden_act", None, "gelu"),
        ("logit_scale", 1, 1.0),
        ("rope_theta", 1e6, 1e4),
        ("scale_emb", ..., 12),
    ],
)
def test_values_that_mean_the_same_or_may_be_meant(key: str, ours: object, theirs: object) -> None:
    assert find(config(QWEN, **{key: ours}), config(QWEN, **{key: theirs}), "GF407") == []


def test_constants_of_the_vision_tower() -> None:
    merged = config(VLM, vision_config={"depth": 2, "patch_size": 16, "spatial_merge_size": 2})
    finding = only(find(merged, VLM, "GF407"), Applicability.UNSAFE)
    assert finding.pointer == "/vision_config/patch_size"


def test_a_tower_with_the_name_of_the_whole_has_defaults_that_nobody_tells() -> None:
    """transformers 4.57 writes out ``quick_gelu``, the default of Qwen2-VL's tower."""
    tower = {"depth": 2, "model_type": "qwen2_vl"}
    base = config(QWEN, model_type="qwen2_vl", vision_config=tower)
    merged = config(QWEN, model_type="qwen2_vl", vision_config={**tower, "hidden_act": "quick_gelu"})
    assert find(merged, base, "GF407") == []


@pytest.mark.parametrize("values", [{"hidden_size": 128}, {"model_type": "llama"}])
def test_another_model_has_other_constants(values: dict[str, object]) -> None:
    assert find(config(QWEN, hidden_act="gelu", **values), QWEN, "GF407") == []


# -- GF408 and GF409 -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "severity"),
    [
        ({"model_type": "qwen2_own"}, Severity.ERROR),
        ({"model_type": "qwen2_own", "transformers_version": "99.0.0"}, Severity.INFO),
        ({"model_type": "llama"}, Severity.WARNING),
    ],
)
def test_a_type_that_is_not_of_the_class(values: dict[str, object], severity: Severity) -> None:
    finding = only(find(config(QWEN, **values), None, "GF408"), Applicability.UNSAFE)
    assert finding.severity is severity
    assert finding.fix is not None
    assert finding.fix.operations == (SetField(CONFIG, "/model_type", "qwen2"),)
    shared = only(find(config(QWEN, **values), config(QWEN, **values), "GF408"), Applicability.MANUAL)
    assert shared.severity is Severity.INFO


WHOLE: dict[str, object] = {
    "model_type": "gemma3",
    "architectures": ["Gemma3ForConditionalGeneration"],
    "text_config": {"model_type": "gemma3_text"},
    "vision_config": {"model_type": "siglip_vision_model"},
}


def test_a_class_that_is_not_of_the_type() -> None:
    """The class of the language model over the config of the whole."""
    base = config(QWEN, **WHOLE)
    merged = config(base, architectures=["Gemma3ForCausalLM"])
    found = only(find(merged, base, "GF408"), Applicability.UNSAFE)
    assert (found.severity, found.pointer) == (Severity.WARNING, "/architectures")
    assert repaired(merged, base, unsafe=True)[CONFIG] == base[CONFIG]
    alone = only(find(merged, None, "GF408"), Applicability.MANUAL)
    assert alone.pointer == "/architectures"
    plain = config(merged, text_config=..., vision_config=...)
    assert only(find(plain, None, "GF408"), Applicability.UNSAFE).pointer == "/model_type"


@pytest.mark.parametrize(
    "values",
    [
        {"architectures": ["OwnForCausalLM"], "model_type": "own"},
        {"model_type": "own", "auto_map": {"AutoConfig": "own.OwnConfig"}},
        {"architectures": ["Gemma3ForCausalLM"], "model_type": "gemma3_text"},
        {"architectures": ["LlamaForCausalLM"], "model_type": "code_llama"},
        {"architectures": ["Qwen2Tokenizer"], "model_type": "own"},
        {"architectures": None},
    ],
)
def test_what_nobody_can_tell_or_fits(values: dict[str, object]) -> None:
    assert find(config(QWEN, **values), None, "GF408") == []


def test_experts_that_a_dense_class_throws_away() -> None:
    merged = config(QWEN, num_experts=6)
    assert [f.severity for f in find(merged, None, "GF409")] == [Severity.INFO]
    with_experts = merged | {SINGLE: weight_file(causal(experts=6))}
    assert [f.severity for f in find(with_experts, None, "GF409")] == [Severity.ERROR]
    assert [f.severity for f in find(with_experts, with_experts, "GF409")] == [Severity.INFO]
    assert find(config(merged, model_type="own"), None, "GF409") == []
    assert find(config(merged, num_experts=0), None, "GF409") == []


# -- GF410 ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/data/clip", "~/clip", "C:\\clip"])
def test_a_path_of_one_machine(path: str) -> None:
    merged = config(QWEN, mm_vision_tower=path)
    assert only(find(merged, None, "GF410"), Applicability.MANUAL).severity is Severity.WARNING
    base = config(QWEN, mm_vision_tower="openai/clip")
    assert only(find(merged, base, "GF410"), Applicability.UNSAFE).severity is Severity.WARNING
    assert only(find(merged, merged, "GF410"), Applicability.MANUAL).severity is Severity.INFO


def test_paths_in_parts_and_in_processors() -> None:
    merged = config(QWEN, vision_config={"vision_tower_name": "/data/clip"})
    assert [f.pointer for f in find(merged, None, "GF410")] == ["/vision_config/vision_tower_name"]
    processor = {"processor_config.json": dump({"audio_tokenizer": {"audio_tokenizer_name_or_path": "/x"}})}
    [finding] = find(QWEN | processor, None, "GF410")
    assert finding.pointer == "/audio_tokenizer/audio_tokenizer_name_or_path"


@pytest.mark.parametrize("key", ["_name_or_path", "pretrain_mm_mlp_adapter", "tower_count"])
def test_keys_that_no_loader_follows(key: str) -> None:
    assert find(config(QWEN, **{key: "/data/x"}), None, "GF410") == []
