"""The view of vLLM: what its server does with a folder, and what older releases did."""

import pytest

from genfix.engines.every import engine_view
from genfix.engines.shared.view import EngineView
from genfix.json_types import JsonValue
from genfix.model import Model
from tests.support.engine_folders import LIST, toy
from tests.support.folders import Files, MemoryFolder, chatml_files, dump, with_json


def of(files: Files, version: str = "") -> EngineView:
    return engine_view("vllm", Model(MemoryFolder(files)), version)


def told(view: EngineView) -> list[str]:
    return [problem.id for problem in view.problems]


@pytest.mark.parametrize(
    ("eos", "fails"),
    [
        (264, False),
        ([257, 264], False),
        ([], False),
        (None, False),
        (-1, False),
        ({}, False),
        ("", False),
        ("257", True),
        (["<|user|>"], True),
        ([257, "<|user|>"], True),
        ([[257], [264]], True),
        (264.0, True),
        ([264.0], True),
        ([257.0], False),
        (True, True),
        ({"id": 264}, True),
    ],
)
def test_the_server_answers_nobody_once_an_id_is_none(eos: JsonValue, *, fails: bool) -> None:
    view = of(toy(eos))
    assert view.loads
    assert told(view) == (["engine-fails-on-eos"] if fails else [])


def test_before_the_v1_engine_text_for_ids_was_never_met_and_a_number_with_a_point_failed() -> None:
    assert told(of(toy(["<|user|>"]), "0.7.3")) == []
    assert told(of(toy(264.0), "0.7.3")) == ["engine-fails-on-eos"]
    assert told(of(toy(264.0), "0.4.0")) == []


@pytest.mark.parametrize(
    ("version", "of_file", "of_config"),
    [
        ("0.4.0", (257,), (257,)),
        ("0.4.1", (257, 264, 266), (257,)),
        ("0.5.0", (257, 264, 266), (257,)),
        ("0.5.1", (257, 264, 266), (257, 264)),
        ("0.32.0", (257, 264, 266), (257, 264)),
    ],
)
def test_since_when_which_file_ends_generation(
    version: str, of_file: tuple[int, ...], of_config: tuple[int, ...]
) -> None:
    assert of(toy(LIST, LIST), version).stop_token_ids == of_file
    assert of(toy(..., [257, 264]), version).stop_token_ids == of_config


def test_since_when_sampling_settings_are_defaults() -> None:
    values = {"temperature": 0.7, "top_k": 50, "presence_penalty": 1.5, "max_new_tokens": 9}
    files = with_json(toy(257), "generation_config.json", **values)
    assert of(files, "0.7.3").sampling == {}
    assert of(files, "0.19.0").sampling == {"temperature": 0.7, "max_new_tokens": 9}
    assert of(files, "0.30.0").sampling == {"temperature": 0.7, "top_k": 50, "max_new_tokens": 9}
    assert of(files).sampling == values
    hidden = with_json(toy(257), "generation_config.json", skip_special_tokens=False, top_k=...)
    assert of(hidden, "0.32.0").sampling == {}
    assert of(hidden).sampling == {"skip_special_tokens": False}


def test_a_config_made_of_a_models_keeps_the_fields_of_transformers_alone() -> None:
    values = {"temperature": 0.7, "presence_penalty": 1.5, "skip_special_tokens": False, "top_k": ...}
    files = with_json(toy(257), "generation_config.json", _from_model_config=True, **values)
    assert of(files).sampling == {"temperature": 0.7}


def test_how_long_a_model_whose_text_part_lies_in_a_thinker_is() -> None:
    thinker = {"text_config": {"max_position_embeddings": 65536}}
    omni = with_json(toy(257), "config.json", model_type="qwen3_asr", thinker_config=thinker)
    assert of(omni).context_length == 65536


@pytest.mark.parametrize(("length", "found"), [(..., 8192), (3500, 3500)])
def test_a_chatglm_is_as_long_as_its_seq_length(length: object, found: int) -> None:
    files = with_json(
        toy(257), "config.json", model_type="chatglm", seq_length=8192, max_sequence_length=length
    )
    assert of(files).context_length == found


YARN: dict[str, JsonValue] = {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 1000}
LONG: dict[str, JsonValue] = {"type": "longrope", "short_factor": [1.0], "long_factor": [2.0]}


@pytest.mark.parametrize(
    ("config", "length"),
    [
        ({"max_position_embeddings": 5000, "seq_length": 3000}, 3000),
        ({"max_position_embeddings": 5000, "model_max_length": 9000}, 9000),
        ({"max_position_embeddings": 5000, "seq_len": None}, 5000),
        ({"model_type": "glm4"}, 131072),
        ({"model_type": "gpt2", "n_positions": 700}, 700),
        ({"model_type": "gpt2"}, 1024),
        ({"model_type": "mpt"}, 2048),
        ({"model_type": "gemma3", "text_config": {"max_position_embeddings": 700}}, 700),
        ({"model_type": "gemma3", "max_position_embeddings": 700}, 131072),
        ({"model_type": "qwen2_vl", "max_position_embeddings": 700}, 700),
        ({"rope_scaling": {"type": "linear", "factor": 4.0}}, 20000),
        ({"rope_parameters": {"rope_type": "dynamic", "factor": 2.5}}, 12500),
        ({"rope_scaling": {"type": "linear", "factor": None}}, 5000),
        ({"rope_scaling": {"factor": 4}}, 20000),
        ({"rope_scaling": {"type": "mrope", "mrope_section": [1]}}, 5000),
        ({"rope_scaling": YARN}, 5000),
        ({"rope_scaling": LONG}, 5000),
        ({"rope_scaling": LONG, "original_max_position_embeddings": 2000}, 2000),
        ({"rope_parameters": {"full_attention": {"rope_type": "linear", "factor": 2}}}, 10000),
    ],
)
def test_how_long_a_sequence_may_be(config: dict[str, JsonValue], length: int) -> None:
    usual = {} if "model_type" in config else {"model_type": "qwen2", "max_position_embeddings": 5000}
    files = toy(257) | {"config.json": dump({"architectures": ["Qwen2ForCausalLM"]} | usual | config)}
    view = of(files)
    assert (told(view), view.context_length) == ([], length)


@pytest.mark.parametrize(
    "config",
    [
        {"max_position_embeddings": "4096"},
        {"max_position_embeddings": 0},
        {"seq_length": "4096"},
        {"rope_scaling": "linear"},
        {"rope_scaling": {"type": "linear"}},
        {"rope_scaling": {"type": "linear", "factor": "4"}},
        {"rope_scaling": {"type": "linear", "rope_type": "dynamic", "factor": 4.0}},
        {"rope_scaling": {"type": "mrope"}},
    ],
)
def test_a_length_that_is_none_stops_the_start(config: dict[str, JsonValue]) -> None:
    view = of(with_json(toy(257), "config.json", **({"max_position_embeddings": 5000} | config)))
    assert told(view) == ["engine-cannot-take-value"]
    assert not view.loads


def test_one_token_leaves_no_room_for_an_answer() -> None:
    assert told(of(with_json(toy(257), "config.json", seq_length=1))) == ["engine-fails-on-length"]


def test_the_tokenizers_limit_does_not_count_and_that_of_sentence_transformers_does() -> None:
    files = with_json(chatml_files(), "tokenizer_config.json", model_max_length=7)
    usual = of(files).context_length
    assert usual == of(chatml_files()).context_length != 7
    shorter = files | {"sentence_bert_config.json": dump({"max_seq_length": 77})}
    assert of(shorter).context_length == 77
    assert of(shorter, "0.6.3").context_length == usual


@pytest.mark.parametrize(
    ("config", "version", "length"),
    [
        ({"rope_scaling": YARN}, "0.29.0", 4000),
        ({"rope_scaling": YARN}, "0.30.0", 5000),
        ({"rope_scaling": LONG, "original_max_position_embeddings": 2000}, "0.11.0", 5000),
        ({"rope_scaling": LONG, "original_max_position_embeddings": 2000}, "0.11.1", 2000),
        ({"model_max_length": 9000}, "0.8.2", 5000),
        ({"model_max_length": 9000}, "0.8.3", 9000),
        ({"max_target_positions": 100}, "0.6.6", 5000),
        ({"max_target_positions": 100}, "0.7.0", 100),
        (
            {"rope_scaling": {"type": "su", "short_factor": [1.0], "long_factor": [1.0], "factor": 2}},
            "0.4.1",
            10000,
        ),
        (
            {"rope_scaling": {"type": "su", "short_factor": [1.0], "long_factor": [1.0], "factor": 2}},
            "0.4.2",
            5000,
        ),
    ],
)
def test_what_older_releases_made_of_a_length(
    config: dict[str, JsonValue], version: str, length: int
) -> None:
    files = with_json(toy(257), "config.json", max_position_embeddings=5000, **config)
    assert of(files, version).context_length == length


def test_before_a_factor_could_be_left_out_there_was_no_start() -> None:
    files = with_json(toy(257), "config.json", rope_scaling={"type": "default"})
    assert told(of(files, "0.6.3")) == ["engine-cannot-take-value"]
    assert told(of(files, "0.6.4")) == []


def test_a_generation_config_that_is_no_object_stops_the_start() -> None:
    assert told(of(toy(b"[]", LIST))) == ["engine-cannot-read-generation-config"]


@pytest.mark.parametrize(("length", "answers"), [(2**62, True), (10**30, False)])
def test_a_length_beyond_64_bits_reaches_no_engine_core(length: int, *, answers: bool) -> None:
    files = with_json(toy(257), "config.json", max_position_embeddings=length)
    view = engine_view("vllm", Model(MemoryFolder(files)))
    assert (view.loads, view.answers) == (True, answers)
