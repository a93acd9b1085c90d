"""ExLlamaV3 and TabbyAPI: all three files together."""

import pytest

from genfix.engines.every import engine_view
from genfix.engines.shared.view import EngineView
from genfix.model import Model
from tests.support.folders import CHATML, Files, MemoryFolder, chatml_files, dump, with_json, without

END, TURN = 1000, 1002


def read(files: Files) -> EngineView:
    return engine_view("exllamav3", Model(MemoryFolder(files)))


def folder(generation: object, config: object, eos: object = "<|endoftext|>") -> Files:
    files = with_json(chatml_files(), "config.json", eos_token_id=config)
    files = with_json(files, "tokenizer_config.json", eos_token=eos)
    return with_json(files, "generation_config.json", eos_token_id=generation)


@pytest.mark.parametrize(
    ("generation", "config", "eos", "stops"),
    [
        (TURN, END, "<|endoftext|>", {END, TURN}),
        (END, [END, TURN], "<|endoftext|>", {END, TURN}),
        (..., END, "<|im_end|>", {END, TURN}),
        (..., ..., "<|im_end|>", {TURN}),
        ([], 1000.0, "<|nobody|>", {END}),
        (0, ..., None, set()),
        (..., ..., ..., {2}),  # where nothing says an end, and no key of the tokenizer either
    ],
)
def test_ends_of_all_files_count(generation: object, config: object, eos: object, stops: set[int]) -> None:
    assert set(read(folder(generation, config, eos)).stop_token_ids) == stops


@pytest.mark.parametrize(
    ("file", "values"),
    [
        ("config.json", {"eos_token_id": []}),
        ("config.json", {"eos_token_id": "<|im_end|>"}),
        ("config.json", {"pad_token_id": "<|im_end|>"}),
        ("config.json", {"architectures": ["A", "B"]}),
        ("tokenizer_config.json", {"added_tokens_decoder": {"1000": {"content": "<|endoftext|>"}}}),
    ],
)
def test_what_it_cannot_read(file: str, values: dict[str, object]) -> None:
    assert not read(with_json(chatml_files(), file, **values)).loads


def test_a_generation_config_that_is_no_json_ends_the_start() -> None:
    assert not read(chatml_files() | {"generation_config.json": b"{"}).loads
    assert read(without(chatml_files(), "generation_config.json")).loads


def test_the_order_of_templates() -> None:
    files = chatml_files() | {
        "tabby_template.jinja": CHATML.encode(),
        "chat_template.jinja": CHATML.encode(),
        "chat_template.json": dump({"chat_template": CHATML}),
    }
    order = []
    while (template := read(files).chat_template) is not None:
        order.append(template.source)
        files = without(files, template.source)
    assert order == [
        "tabby_template.jinja",
        "chat_template.jinja",
        "chat_template.json",
        "tokenizer_config.json",
    ]


def test_the_context_is_of_the_text_part_too() -> None:
    assert read(chatml_files()).context_length == 8192
    part = {"max_position_embeddings": 77}
    assert read(with_json(chatml_files(), "config.json", text_config=part)).context_length == 77
