"""llama.cpp: what its converter takes and refuses, and which tokens end by their text."""

import pytest

from genfix.engines.every import engine_view
from genfix.engines.gguf_converter import adds_bos
from genfix.engines.gguf_ends import ends_by_text
from genfix.engines.shared.view import EngineView
from genfix.json_types import JsonValue
from genfix.model import Model
from tests.support.engine_folders import LIST
from tests.support.folders import Files, MemoryFolder, chatml_files, dump, with_json


def read(files: Files) -> EngineView:
    return engine_view("llama.cpp", Model(MemoryFolder(files)))


def glm(name: str, *tokens: str) -> Files:
    """A folder of the class ``name`` whose added tokens are ``tokens``, from 257 on; no file names an end."""
    added = [{"id": number, "content": text, "special": True} for number, text in enumerate(tokens, 257)]
    return {
        "config.json": dump(
            {"model_type": "glm4", "architectures": [name], "vocab_size": 300, "hidden_size": 96}
        ),
        "tokenizer.json": dump({"added_tokens": added, "model": {}}),
        "tokenizer_config.json": dump({"tokenizer_class": "PreTrainedTokenizerFast"}),
    }


TOKENS = ("<|endoftext|>", "<|user|>", "<|observation|>")


@pytest.mark.parametrize(
    ("name", "stops"),
    [
        ("Glm4ForCausalLM", {257, 258}),
        ("GlmForCausalLM", {257, 258}),
        ("Glm4MoeForCausalLM", {11, 257, 258, 259}),
        ("Qwen2ForCausalLM", {11, 257}),
    ],
)
def test_ends_that_a_class_brings(name: str, stops: set[int]) -> None:
    assert {*read(glm(name, *TOKENS)).stop_token_ids} == stops


def test_a_class_that_misses_its_token_is_not_converted() -> None:
    assert [problem.id for problem in read(glm("Glm4ForCausalLM", "<|endoftext|>")).problems] == [
        "engine-cannot-find-token"
    ]


def test_the_context_of_chatglm_is_its_seq_length_or_else_its_width() -> None:
    assert read(glm("GlmForCausalLM", *TOKENS)).context_length == 96
    assert read(glm("Glm4ForCausalLM", *TOKENS)).context_length == 131072


@pytest.mark.parametrize(
    ("settings", "loads"),
    [
        ({"top_k": 50.0}, False),
        ({"temperature": "0.6"}, False),
        ({"temperature": 1, "top_k": 50}, True),
        ({"eos_token_id": LIST}, True),
    ],
)
def test_sampling_settings_are_written_as_their_type(settings: dict[str, JsonValue], *, loads: bool) -> None:
    assert read(with_json(chatml_files(), "generation_config.json", **settings)).loads is loads


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"pad_token_id": -1}, "engine-cannot-take-value"),
        ({"max_position_embeddings": "4096"}, "engine-cannot-take-value"),
        ({"architectures": ...}, "engine-cannot-tell-architecture"),
        ({"architectures": ["Phi3ForCausalLM"]}, "engine-cannot-find-file"),
    ],
)
def test_what_the_converter_gives_up_on(values: dict[str, JsonValue], problem: str) -> None:
    assert problem in [
        found.id for found in read(with_json(chatml_files(), "config.json", **values)).problems
    ]


def test_null_in_place_of_a_template_hides_the_file() -> None:
    files = chatml_files() | {"chat_template.jinja": b"mine"}
    assert read(with_json(files, "tokenizer_config.json", chat_template=None)).chat_template is None


@pytest.mark.parametrize(
    ("texts", "ends"),
    [
        (["<|end|>"], ["<|end|>"]),
        (["<|end|>", "<|return|>", "<|call|>"], ["<|return|>", "<|call|>"]),
        (["</s>", "<|tool_response>"], ["<|tool_response>"]),
        (["<|fim_pad|>", "<|repo_name|>", "<|file_sep|>"], ["<|fim_pad|>", "<|repo_name|>", "<|file_sep|>"]),
        (["<|user|>", "<|observation|>"], []),
    ],
)
def test_which_texts_end_generation(texts: list[str], ends: list[str]) -> None:
    ids = {text: number for number, text in enumerate(texts)}
    assert {*ends_by_text(ids)} == {ids[text] for text in ends}


def _template(first: str) -> dict[str, JsonValue]:
    single: list[JsonValue] = [{"SpecialToken": {"id": first}}, {"Sequence": {"id": "A"}}]
    return {"type": "TemplateProcessing", "single": single}


@pytest.mark.parametrize(
    ("processor", "config", "adds"),
    [
        (None, {}, None),
        (None, {"add_bos_token": True}, True),
        ({"type": "ByteLevel"}, {"add_bos_token": True}, False),
        ({"type": "RobertaProcessing"}, {}, True),
        (_template("<s>"), {"bos_token": "<s>", "add_bos_token": False}, True),
        (_template("<x>"), {"bos_token": "<s>"}, True),  # the converter takes it for the classifier's
        (_template("<x>"), {"bos_token": "<s>", "cls_token": "<c>"}, False),
        ({"processors": [{"type": "ByteLevel"}, _template("<s>")]}, {"bos_token": "<s>"}, True),
        ({"processors": 3}, {}, None),
    ],
)
def test_whether_it_has_a_bos_put_in_front(
    processor: JsonValue, config: dict[str, JsonValue], adds: object
) -> None:
    files = {
        "tokenizer.json": dump({"added_tokens": [], "post_processor": processor, "model": {}}),
        "tokenizer_config.json": dump(config),
    }
    assert adds_bos(Model(MemoryFolder(files))) is adds
