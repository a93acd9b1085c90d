"""SGLang's view, where folders are odd; the conformance harness has the same by the real engine."""

import pytest

from genfix.engines.every import engine_view
from genfix.engines.shared.view import EngineView
from genfix.model import Model
from tests.support.engine_folders import QWEN, inline
from tests.support.folders import Files, MemoryFolder, dump


def of(files: Files, version: str = "") -> EngineView:
    """The view."""
    return engine_view("sglang", Model(MemoryFolder(files)), version)


def ids(generation: object = None, config: object = None, version: str = "") -> tuple[int, ...]:
    """Stop ids, each once and sorted, without those of the tokenizer and of the token known by its text."""
    found = set(of(inline(config, generation), version).stop_token_ids)
    return tuple(sorted(found - {257, 259}))


@pytest.mark.parametrize(
    ("eos", "stops"),
    [
        (258, (258,)),
        ([258.0], (258,)),
        (True, (1,)),
        (0, ()),
        ([], ()),
        ("258", ()),
        ({"id": 258}, ()),
        (-1, ()),
    ],
)
def test_ids_of_generation_config_are_the_numbers_of_a_set(eos: object, stops: tuple[int, ...]) -> None:
    assert ids({"eos_token_id": eos}) == stops


@pytest.mark.parametrize("eos", [258.5, [[258]], [{"id": 258}]])
def test_what_no_set_is_made_of_stops_the_start(eos: object) -> None:
    assert [problem.id for problem in of(inline(generation={"eos_token_id": eos})).problems] == [
        "engine-cannot-read-value"
    ]


def test_a_generation_config_that_is_no_object_stops_the_start() -> None:
    problems = of(inline(generation=[])).problems
    assert [problem.id for problem in problems] == ["engine-cannot-read-generation-config"]


def test_without_architectures_it_does_not_start() -> None:
    problems = of(inline({"model_type": "qwen2"})).problems
    assert [problem.id for problem in problems] == ["engine-cannot-tell-architecture"]


def test_null_at_the_top_hides_the_ids_of_the_language_model() -> None:
    composite = {"model_type": "gemma3", "architectures": ["Gemma3ForConditionalGeneration"]}
    text = {"text_config": {"model_type": "gemma3_text", "eos_token_id": 258}}
    assert ids(config={**composite, **text}) == (258,)
    assert ids(config={**composite, **text, "eos_token_id": None}) == ()


def test_a_model_of_images_wants_its_processor() -> None:
    config = {"model_type": "qwen2_vl", "architectures": ["Qwen2VLForConditionalGeneration"]}
    assert "engine-cannot-find-processor" in [problem.id for problem in of(inline(config)).problems]
    whole = inline(config, preprocessor_config__json=b"{}")
    assert of(whole).problems == ()


@pytest.mark.parametrize(
    ("values", "tokens"),
    [
        ({"max_position_embeddings": 5000}, 5000),
        ({}, 32768),
        ({"max_position_embeddings": 5000, "seq_length": 3000}, 3000),
        ({"max_position_embeddings": 5000, "rope_scaling": {"type": "linear", "factor": 4.0}}, 20000),
        ({"max_position_embeddings": 5000, "rope_scaling": {"type": "yarn", "factor": 4.0}}, 5000),
        ({"max_position_embeddings": 5000, "rope_scaling": "linear"}, None),
    ],
)
def test_context(values: dict[str, object], tokens: int | None) -> None:
    assert of(inline({**QWEN, **values})).context_length == tokens


def test_versions() -> None:
    settings = {"eos_token_id": 258, "temperature": 0.5, "max_new_tokens": 9}
    assert ids(settings, version="0.4.9") == ()
    assert ids(settings, version="0.4.10") == (258,)
    assert of(inline(generation=settings), "0.5.3").sampling == {}
    assert of(inline(generation=settings), "0.5.4").sampling == {"temperature": 0.5}


def test_the_first_template_is_taken_whatever_its_name() -> None:
    files = inline() | {"additional_chat_templates/tool_use.jinja": b"tool"}
    found = of(files).chat_template
    assert found is not None
    assert found.source == "additional_chat_templates/tool_use.jinja"
    assert of(files, "0.5.7").chat_template is None


def test_some_model_types_have_a_template_in_the_engine() -> None:
    found = of(inline({"model_type": "minicpmv", "architectures": ["MiniCPMV"]})).chat_template
    assert found is not None
    assert found.source == "conversation minicpmv"


def test_without_tokenizer_config_only_some_model_types_start() -> None:
    files = inline({"model_type": "llama", "architectures": ["LlamaForCausalLM"]})
    del files["tokenizer_config.json"]
    assert [problem.id for problem in of(files).problems] == ["engine-cannot-find-file"]
    assert of(files, "0.5.10").problems == ()


def test_null_counts_as_absent_for_a_class_that_fills_it() -> None:
    glm = {"model_type": "glm4", "architectures": ["Glm4ForCausalLM"], "eos_token_id": None}
    assert ids(config=glm) == (151329, 151336, 151338)
    assert ids(config={**QWEN, "eos_token_id": None}) == ()


def test_a_token_whose_id_another_file_gives_away_does_not_end_an_answer() -> None:
    """A tokenizer_config.json of Llama 3.2 beside the tokenizer.json of Llama 3."""
    config = {"added_tokens_decoder": {"128008": {"content": "<|eom_id|>"}}}
    files = inline(QWEN, tokenizer_config__json=dump(config))
    for text, stops in (("<|eom_id|>", (128008,)), ("<|reserved_special_token_4|>", ())):
        files["tokenizer.json"] = dump({"added_tokens": [{"id": 128008, "content": text}]})
        assert of(files).stop_token_ids == stops


def test_an_encoder_decoder_without_a_part_of_its_own_wants_no_processor() -> None:
    t5 = {"model_type": "t5", "architectures": ["T5ForConditionalGeneration"], "is_encoder_decoder": True}
    assert of(inline(t5)).problems == ()
    whisper = {"model_type": "whisper", "architectures": ["WhisperForConditionalGeneration"]}
    assert [problem.id for problem in of(inline(whisper)).problems] == ["engine-cannot-find-processor"]


@pytest.mark.parametrize(
    ("kind", "name", "found"),
    [
        ("qwen3_asr", "Qwen3ASRForConditionalGeneration", False),
        ("qwen2_vl", "Qwen2VLForConditionalGeneration", True),
    ],
)
def test_a_processor_of_its_own_has_no_template_of_a_file(kind: str, name: str, *, found: bool) -> None:
    config = {"model_type": kind, "architectures": [name]}
    beside = inline(
        config,
        tokenizer_config__json=b"{}",
        preprocessor_config__json=b"{}",
        chat_template__json=b'{"chat_template": "heard"}',
    )
    assert (of(beside).chat_template is not None) is found


@pytest.mark.parametrize("key", ["decoder", "text_config"])
def test_a_language_model_that_is_called_a_decoder_is_not_found(key: str) -> None:
    donut = {"model_type": "vision-encoder-decoder", "architectures": ["VisionEncoderDecoderModel"]}
    pixtral = {"model_type": "llava", "architectures": ["LlavaForConditionalGeneration"]}
    config = {**(donut if key == "decoder" else pixtral), key: {"model_type": "mbart", "hidden_size": 64}}
    problems = of(inline(config, preprocessor_config__json=b"{}")).problems
    assert ["engine-cannot-take-value"] * (key == "decoder") == [problem.id for problem in problems]


def test_where_nobody_has_a_processor_the_tokenizer_takes_its_place() -> None:
    """InternVL's needs no code for its tokenizer either, which SGLang has a class for."""
    config: dict[str, object] = {
        "architectures": ["InternVLChatModel"],
        "llm_config": {"model_type": "qwen2"},
    }
    named = {"tokenizer_class": "Own", "auto_map": {"AutoTokenizer": ["own.Own", None]}}
    files = inline({**config, "model_type": "internvl_chat"}, tokenizer_config__json=dump(named))
    assert of(files).problems == ()
    files["config.json"] = dump({**config, "model_type": "kimi_vl", "text_config": {"model_type": "qwen2"}})
    assert [problem.id for problem in of(files).problems] == ["engine-cannot-find-code"]


def test_a_processor_of_the_folder_needs_its_code() -> None:
    config = {"model_type": "locateanything", "architectures": ["LocateAnythingForConditionalGeneration"]}
    named = dump({"auto_map": {"AutoProcessor": "own.OwnProcessor"}})
    parts = {**config, "text_config": {"model_type": "qwen2"}}
    files = inline(parts, preprocessor_config__json=named)
    assert [problem.id for problem in of(files).problems] == ["engine-cannot-find-code"]
    assert of({**files, "own.py": b""}).problems == ()
