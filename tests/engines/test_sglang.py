"""SGLang's view, where folders are odd; the conformance harness has the same by the real engine."""

import pytest

from genfix.engines.every import engine_view
from genfix.engines.shared.view import EngineView
from genfix.model import Model
from tests.support.engine_folders import QWEN, inline
from tests.support.folders import Files, MemoryFolder


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
