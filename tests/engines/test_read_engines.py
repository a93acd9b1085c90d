"""Engines that were read, and not run: what each does that others do not."""

import pytest

from genfix.engines.every import all_engines, engine_view
from genfix.engines.shared.view import EngineView
from genfix.model import Model
from tests.support.folders import CHATML, Files, MemoryFolder, chatml_files, dump, glm_files, with_json

END, TURN = 1000, 1002
READ = ("ollama", "tgi", "tensorrt-llm", "xllm")


def read(engine: str, files: Files, version: str = "") -> EngineView:
    return engine_view(engine, Model(MemoryFolder(files)), version)


def folder(generation: object, config: object, eos: object = "<|endoftext|>") -> Files:
    files = with_json(chatml_files(), "config.json", eos_token_id=config)
    files = with_json(files, "tokenizer_config.json", eos_token=eos)
    return with_json(files, "generation_config.json", eos_token_id=generation)


def test_they_say_that_they_were_not_run() -> None:
    assert {name for name, engine in all_engines().items() if not engine.was_run} == {*READ}


@pytest.mark.parametrize(
    ("engine", "files", "stops"),
    [
        ("tgi", folder([TURN], END), {TURN}),  # a list takes the place of the tokenizer's EOS
        ("tgi", folder(TURN, TURN), {END}),  # a number is passed over
        ("tensorrt-llm", folder([TURN], ...), {END, TURN}),
        ("xllm", folder([TURN], TURN), {TURN}),
        ("xllm", folder([TURN], [TURN]), {151643}),  # Qwen's class reads a number
        ("xllm", with_json(folder(..., ...), "config.json", model_type="deepseek_v3"), {1}),
    ],
)
def test_where_it_stops(engine: str, files: Files, stops: set[int]) -> None:
    assert set(read(engine, files).stop_token_ids) == stops


def test_glms_class_of_xllm_reads_the_list_of_config_json() -> None:
    files = with_json(glm_files(), "config.json", eos_token_id=[151329, 151336, 151338])
    assert len(read("xllm", files).stop_token_ids) == 3


def test_ollama_keeps_one_eos_and_ends_by_text() -> None:
    assert set(read("ollama", folder([TURN], END)).stop_token_ids) == {END, TURN}
    start = 1001
    listed = folder([END, start], END)
    assert start not in read("ollama", listed).stop_token_ids
    lite = with_json(listed, "config.json", architectures=["Glm4MoeLiteForCausalLM"])
    assert start in read("ollama", lite).stop_token_ids


def test_an_older_tensorrt_llm_reads_no_generation_config() -> None:
    assert set(read("tensorrt-llm", folder([TURN], ...), "1.0").stop_token_ids) == {END}


@pytest.mark.parametrize(
    ("engine", "source"),
    [
        ("ollama", "tokenizer_config.json"),
        ("tgi", "chat_template.json"),
        ("tensorrt-llm", "chat_template.jinja"),
        ("xllm", "chat_template.json"),
    ],
)
def test_whose_copy_of_the_template_is_taken(engine: str, source: str) -> None:
    files = chatml_files() | {
        "chat_template.jinja": CHATML.encode(),
        "chat_template.json": dump({"chat_template": CHATML}),
    }
    template = read(engine, files).chat_template
    assert template is not None
    assert template.source == source
