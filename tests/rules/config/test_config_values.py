"""GF403, GF404, GF405, GF711, GF712: values of config.json that a save changes."""

import json

import pytest

from genfix.rules import Applicability, Severity
from tests.support.folders import Files, chatml_files, dump, vlm_files, with_json
from tests.support.judging import find, only, plan, repaired

CONFIG, GEN, TOK = "config.json", "generation_config.json", "tokenizer_config.json"
BASE = chatml_files()
NEW = {"rope_theta": 1e6, "rope_type": "default"}
LLAMA3 = {"factor": 8.0, "original_max_position_embeddings": 8192, "rope_type": "llama3"}


def config(files: Files) -> dict[str, object]:
    values: dict[str, object] = json.loads(files[CONFIG])
    return values


def respelled(**rope: object) -> Files:
    """The base as transformers 5 saves it."""
    return with_json(BASE, CONFIG, rope_theta=..., rope_parameters=rope, transformers_version="5.23.0")


# -- RoPE for new readers only -------------------------------------------------------------------------------


def test_old_keys_come_back_beside_the_new_ones() -> None:
    merged = respelled(**NEW)
    assert only(find(merged, BASE, "GF711"), Applicability.SAFE).severity is Severity.WARNING
    assert config(repaired(merged, BASE)) == config(merged) | {"rope_theta": 1e6}
    assert b'"rope_theta": 1000000.0' in repaired(merged, BASE)[CONFIG]


def test_scaling_comes_back_in_the_bases_spelling() -> None:
    base = with_json(BASE, CONFIG, rope_theta=5e5, rope_scaling=LLAMA3)
    merged = respelled(rope_theta=5e5, **LLAMA3)
    result = config(repaired(merged, base))
    assert (result["rope_theta"], result["rope_scaling"]) == (5e5, LLAMA3)


def test_old_keys_carry_the_folders_own_values_where_it_was_tuned_for_length() -> None:
    merged = respelled(rope_theta=2e6, rope_type="yarn", factor=4.0, original_max_position_embeddings=4096)
    result = config(repaired(merged, BASE))
    yarn = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 4096}
    assert (result["rope_theta"], result["rope_scaling"]) == (2e6, yarn)
    assert find(merged, BASE, "GF712")[0].severity is Severity.INFO


def test_the_language_models_part_gets_them_where_it_has_the_new_ones() -> None:
    scaling = {"type": "mrope", "mrope_section": [2, 3, 3]}
    base = with_json(vlm_files(), CONFIG, rope_scaling=scaling)
    values = config(base)
    text = {"model_type": "qwen2_vl_text", "rope_parameters": {**NEW, **scaling, "rope_type": "default"}}
    kept = {key: value for key, value in values.items() if not key.startswith("rope")}
    merged = base | {CONFIG: dump(kept | {"text_config": text})}
    only(find(merged, base, "GF711"), Applicability.SAFE)
    result = config(repaired(merged, base))
    assert result["text_config"] == {**text, "rope_theta": 1e6, "rope_scaling": scaling}


def test_alone_it_is_worth_a_word_and_changes_nothing() -> None:
    assert only(find(respelled(**NEW), None, "GF711"), Applicability.UNSAFE).severity is Severity.INFO
    assert plan(respelled(**NEW), None).changes == ()


@pytest.mark.parametrize(
    ("merged", "base"),
    [
        (respelled(rope_theta=1e4, rope_type="default"), with_json(BASE, CONFIG, rope_theta=1e4)),
        (respelled(**NEW), respelled(**NEW)),
        (with_json(BASE, CONFIG, rope_parameters=NEW), BASE),
        (BASE, respelled(**NEW)),
        (with_json(respelled(**NEW), CONFIG, model_type="mixtral"), BASE),
    ],
    ids=["default", "new-base", "both", "old", "class-default"],
)
def test_rope_that_older_readers_read_right_is_nothing(merged: Files, base: Files) -> None:
    assert find(merged, base, "GF7") == []


QWEN3_5 = {
    "model_type": "qwen3_5_text",
    "partial_rotary_factor": 0.25,
    "rope_parameters": {
        "mrope_interleaved": True,
        "mrope_section": [11, 11, 10],
        "partial_rotary_factor": 0.25,
        "rope_theta": 1e7,
        "rope_type": "default",
    },
}
"""As released: a stray old key beside the new ones, of a type that transformers 4 never had."""


YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 128, "rope_theta": 5e5}


@pytest.mark.parametrize(
    ("kind", "rope"),
    [
        ("olmo", YARN),  # its class in transformers 4 takes two fields, and other names
        ("olmo2", {"rope_type": "llama3", "factor": 8.0, "rope_theta": 5e5}),
        ("fuyu", {"rope_type": "linear", "factor": 4.0, "rope_theta": 5e5}),
        ("llama4_text", YARN),  # its layers take every scaling for Llama 3's
        ("pixtral", {"rope_type": "axial", "rope_theta": 5e5}),  # a kind that transformers 4 lacks
    ],
)
def test_scaling_that_older_readers_refuse_is_not_written_for_them(
    kind: str, rope: dict[str, object]
) -> None:
    files = with_json(respelled(**rope), CONFIG, model_type=kind)
    assert find(files, None, "GF711") == []
    assert find(files, with_json(BASE, CONFIG, model_type=kind), "GF711") == []


def test_older_names_are_those_of_the_older_class() -> None:
    linear = {"rope_type": "linear", "factor": 4.0, "rope_theta": 5e5, "partial_rotary_factor": 0.5}
    files = with_json(respelled(**linear), CONFIG, model_type="gpt_neox")
    result = config(repaired(files, None, unsafe=True))
    assert (result["rotary_emb_base"], result["rotary_pct"]) == (5e5, 0.5)


def test_where_two_fields_are_taken_the_type_has_its_oldest_name() -> None:
    linear = {"rope_type": "linear", "factor": 4.0, "rope_theta": 5e5}
    files = with_json(respelled(**linear), CONFIG, model_type="olmo")
    assert config(repaired(files, None, unsafe=True))["rope_scaling"] == {"type": "linear", "factor": 4.0}


@pytest.mark.parametrize("top", ["qwen3_5", "minicpmv4_6", "qwen3_vl"])
def test_a_type_that_no_older_reader_knows_gets_no_old_keys(top: str) -> None:
    files = with_json(BASE, CONFIG, rope_theta=..., model_type=top, text_config=QWEN3_5)
    assert find(files, files, "GF7") == find(files, None, "GF711") == []
    old = {"model_type": "qwen3_5_text", "rope_theta": 1e7, "partial_rotary_factor": 0.25}
    assert find(files, with_json(files, CONFIG, text_config=old), "GF711") == []


@pytest.mark.parametrize("kind", ["qwen2", "brand_new"])
def test_a_folder_judged_against_itself_gets_no_old_keys(kind: str) -> None:
    """It has an old key beside the new ones, and its older readers miss the others since ever."""
    files = respelled(**NEW, partial_rotary_factor=0.5)
    files = with_json(files, CONFIG, model_type=kind, partial_rotary_factor=0.5)
    assert find(files, files, "GF7") == []


def test_code_of_its_own_may_bring_the_type_to_older_readers() -> None:
    base = with_json(BASE, CONFIG, model_type="brand_new", auto_map={"AutoConfig": "own.Config"})
    merged = with_json(base, CONFIG, rope_theta=..., rope_parameters=NEW)
    only(find(merged, base, "GF711"), Applicability.SAFE)
    merged, base = (with_json(files, CONFIG, auto_map=...) for files in (merged, base))
    assert find(merged, base, "GF711") == []


def test_no_name_is_made_up_for_the_scaling() -> None:
    rope = {**NEW, "mrope_section": [2, 3, 3]}
    files = with_json(respelled(**rope), CONFIG, model_type="qwen2_vl")
    finding = only(find(files, None, "GF711"), Applicability.UNSAFE)
    assert finding.fix is not None
    assert [getattr(step, "value", None) for step in finding.fix.operations] == [
        {"rope_type": "default", "mrope_section": [2, 3, 3]}
    ]


@pytest.mark.parametrize("export", ["openvino_model.xml", "onnx/model.onnx", "model-Q4_K_M.gguf"])
def test_rope_that_stands_in_an_exported_graph_is_read_by_nobody(export: str) -> None:
    new, other = respelled(**NEW), with_json(BASE, CONFIG, rope_theta=2e6)
    weights = {"model.safetensors": b"", "pytorch_model.bin": b""}
    for merged, code in ((new, "GF711"), (other, "GF712")):
        assert find(merged | {export: b""}, BASE, code) == []
        for name, content in weights.items():
            assert find(merged | {export: b"", name: content}, BASE, code) != []


# -- another RoPE --------------------------------------------------------------------------------------------


def test_a_theta_back_at_the_default_is_a_warning_and_only_put_back_on_demand() -> None:
    merged = respelled(rope_theta=1e4, rope_type="default")
    assert only(find(merged, BASE, "GF712"), Applicability.UNSAFE).severity is Severity.WARNING
    assert repaired(merged, BASE) == merged
    result = config(repaired(merged, BASE, unsafe=True))
    assert (result["rope_parameters"], result["rope_theta"]) == (NEW, 1e6)


@pytest.mark.parametrize("version", ["4.57.6", "5.23.0"])
def test_a_default_theta_is_a_warning_whoever_wrote_it(version: str) -> None:
    reset = with_json(BASE, CONFIG, rope_theta=1e4, transformers_version=version)
    lost = with_json(BASE, CONFIG, rope_theta=..., rope_parameters={"rope_type": "default"})
    for merged in (reset, with_json(lost, CONFIG, transformers_version=version)):
        assert only(find(merged, BASE, "GF712"), Applicability.UNSAFE).severity is Severity.WARNING
    shorter = with_json(reset, CONFIG, max_position_embeddings=2048)
    assert only(find(shorter, BASE, "GF712"), Applicability.UNSAFE).severity is Severity.INFO


@pytest.mark.parametrize("ours", [{"rope_theta": 5e6}, {"rope_scaling": {"type": "linear", "factor": 2.0}}])
def test_a_tuning_for_length_is_information_and_stays(ours: dict[str, object]) -> None:
    merged = with_json(BASE, CONFIG, **ours)
    assert only(find(merged, BASE, "GF712"), Applicability.UNSAFE).severity is Severity.INFO
    assert repaired(merged, BASE) == merged
    assert config(repaired(merged, BASE, unsafe=True)) == config(BASE)


WHOLE = LLAMA3 | {"low_freq_factor": 1.0, "high_freq_factor": 4.0}
SCALED = with_json(BASE, CONFIG, rope_theta=5e5, rope_scaling=WHOLE, max_position_embeddings=131072)
OTHER_TYPES: dict[str, object] = {
    "linear": {"rope_type": "linear", "factor": 8.0},
    "yarn": {"rope_type": "yarn", "factor": 8.0, "original_max_position_embeddings": 16384},
    "none": None,
    "default": {"rope_type": "default"},
}


@pytest.mark.parametrize("name", OTHER_TYPES)
def test_a_scaling_of_another_type_over_the_same_context_is_a_warning(name: str) -> None:
    merged = with_json(SCALED, CONFIG, rope_scaling=OTHER_TYPES[name])
    finding = only(find(merged, SCALED, "GF712"), Applicability.UNSAFE)
    assert (finding.severity, finding.pointer) == (Severity.WARNING, "/rope_scaling")
    assert finding.engines == ("transformers5", "vllm")
    assert repaired(merged, SCALED) == merged
    assert config(repaired(merged, SCALED, unsafe=True)) == config(SCALED)


@pytest.mark.parametrize("name", ["linear", "yarn"])
def test_a_scaling_of_another_type_over_a_longer_context_is_a_tuning(name: str) -> None:
    merged = with_json(SCALED, CONFIG, rope_scaling=OTHER_TYPES[name], max_position_embeddings=262144)
    assert only(find(merged, SCALED, "GF712"), Applicability.UNSAFE).severity is Severity.INFO


def test_two_ropes_are_never_told_in_equal_words() -> None:
    """Of longrope the lists of factors differ, and of llama3 one of the frequencies."""
    long = {"type": "longrope", "short_factor": [1.0] * 4}
    pairs = [
        (long | {"long_factor": [1.0, 1.5, 2.0, 2.5]}, long | {"long_factor": [1.0, 1.5, 2.25, 2.5]}),
        (long | {"long_factor": [1.0] * 3}, long | {"long_factor": [1.0] * 4}),
        (WHOLE, WHOLE | {"high_freq_factor": 8.0}),
    ]
    for ours, theirs in pairs:
        merged, base = (with_json(BASE, CONFIG, rope_scaling=scaling) for scaling in (ours, theirs))
        [finding] = find(merged, base, "GF712")
        assert finding.message.args["ours"] != finding.message.args["theirs"]


def test_a_lost_theta_stays_a_lost_key() -> None:
    merged = with_json(BASE, CONFIG, rope_theta=...)
    only(find(merged, BASE, "GF402"), Applicability.SAFE)
    assert find(merged, BASE, "GF7") == []


# -- context -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "key", "ours", "theirs"),
    [
        (CONFIG, "max_position_embeddings", 131072, 32768),
        (TOK, "model_max_length", 2048, 131072),
        (CONFIG, "sliding_window", None, 4096),
    ],
)
def test_another_length_is_told_and_left(file: str, key: str, ours: object, theirs: object) -> None:
    switched_on = with_json(BASE, CONFIG, use_sliding_window=True)
    merged, base = with_json(switched_on, file, **{key: ours}), with_json(switched_on, file, **{key: theirs})
    finding = only(find(merged, base, "GF404"), Applicability.MANUAL)
    assert (finding.severity, finding.pointer) == (Severity.INFO, f"/{key}")


def test_a_window_that_is_off_and_no_limit_in_other_words_are_nothing() -> None:
    base = with_json(BASE, CONFIG, sliding_window=131072, use_sliding_window=False)
    assert find(with_json(base, CONFIG, sliding_window=None), base, "GF404") == []
    by_default = with_json(base, CONFIG, use_sliding_window=...)
    assert find(with_json(by_default, CONFIG, sliding_window=4096), base, "GF404") == []
    base = with_json(BASE, TOK, model_max_length=10**30)
    assert find(with_json(base, TOK, model_max_length=1e30), base, "GF404") == []


# -- cache ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("theirs", [True, ...])
def test_a_cache_that_training_turned_off_is_turned_on(theirs: object) -> None:
    base = with_json(BASE, CONFIG, use_cache=theirs)
    merged = with_json(BASE, CONFIG, use_cache=False)
    assert only(find(merged, base, "GF403"), Applicability.SAFE).severity is Severity.WARNING
    assert config(repaired(merged, base)) == config(BASE) | {"use_cache": True}


def test_in_the_settings_the_key_goes_where_the_base_has_none() -> None:
    merged = with_json(BASE, GEN, use_cache=False)
    only(find(merged, BASE, "GF403"), Applicability.SAFE)
    assert repaired(merged, BASE) == BASE


def test_a_base_with_its_cache_off_is_information() -> None:
    base = with_json(BASE, CONFIG, use_cache=False)
    assert only(find(base, base, "GF403"), Applicability.MANUAL).severity is Severity.INFO
    assert only(find(base, None, "GF403"), Applicability.UNSAFE).severity is Severity.INFO
    assert plan(base, None).changes == ()


@pytest.mark.parametrize("ours", [True, ..., None])
def test_a_cache_that_is_on_or_not_mentioned_is_nothing(ours: object) -> None:
    assert find(with_json(BASE, CONFIG, use_cache=ours), BASE, "GF403") == []


# -- dtype ---------------------------------------------------------------------------------------------------


def stored(**sizes: int) -> Files:
    """The base, said to be bfloat16, with weights of these dtypes."""
    header: dict[str, object] = {}
    start = 0
    for name, size in sizes.items():
        header[f"{name}.weight"] = {"dtype": name, "shape": [8], "data_offsets": [start, start + size]}
        start += size
    text = json.dumps(header).encode()
    weights = len(text).to_bytes(8, "little") + text + bytes(start)
    return with_json(BASE, CONFIG, torch_dtype="bfloat16") | {"model.safetensors": weights}


def test_another_dtype_than_the_weights_is_told_and_left() -> None:
    finding = only(find(stored(F32=100), BASE, "GF405"), Applicability.MANUAL)
    assert (finding.severity, finding.expected) == (Severity.INFO, "float32")


@pytest.mark.parametrize(
    "merged",
    [
        stored(BF16=95, F32=5),
        stored(BF16=60, F32=40),
        with_json(stored(F32=100), CONFIG, quantization_config={"quant_method": "fp8"}),
        with_json(stored(F32=100), CONFIG, torch_dtype="auto"),
        with_json(stored(F32=100), CONFIG, torch_dtype=..., dtype="float32"),
    ],
)
def test_equal_mixed_quantised_or_unknown_dtypes_are_nothing(merged: Files) -> None:
    assert find(merged, BASE, "GF405") == []


def test_a_base_that_is_so_too_is_nothing() -> None:
    assert find(stored(F32=100), stored(F32=100), "GF405") == []


# -- a kind of RoPE that nobody has --------------------------------------------------------------------------


def test_a_kind_of_rope_that_no_reader_has() -> None:
    for merged in (
        with_json(BASE, CONFIG, rope_scaling={"type": "own", "factor": 2.0}),
        respelled(rope_theta=1e6, rope_type="own"),
    ):
        assert only(find(merged, None, "GF714"), Applicability.MANUAL).severity is Severity.ERROR
        assert only(find(merged, BASE, "GF714"), Applicability.UNSAFE).severity is Severity.ERROR
        assert find(merged, BASE, "GF712") == []
        assert find(repaired(merged, BASE, unsafe=True), BASE, "GF714") == []
        assert only(find(merged, merged, "GF714"), Applicability.MANUAL).severity is Severity.INFO
    newer = respelled(rope_theta=1e6, rope_type="own")
    newer = with_json(newer, CONFIG, transformers_version="99.0.0")
    assert only(find(newer, None, "GF714"), Applicability.MANUAL).severity is Severity.INFO


@pytest.mark.parametrize("kind", ["su", "mrope", "dynamic", "deepseek_yarn", "proportional", "xdrope"])
def test_a_kind_of_rope_that_some_reader_has(kind: str) -> None:
    assert find(with_json(BASE, CONFIG, rope_scaling={"type": kind, "factor": 2.0}), None, "GF714") == []
