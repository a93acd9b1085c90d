"""mlx-vlm: what it does that others do not."""

import pytest

from genfix.engines.every import engine_view
from genfix.engines.shared.view import EngineView
from genfix.folder.kinds import TOKENIZER_CONFIG
from genfix.model import Model
from tests.support.engine_folders import LIST, USER, toy
from tests.support.folders import CHATML, Files, MemoryFolder, chatml_files, dump, with_json, without


def read(files: Files) -> EngineView:
    return engine_view("mlx-vlm", Model(MemoryFolder(files)))


@pytest.mark.parametrize(
    ("generation", "config", "stops"),
    [
        (LIST, 257, True),
        (257, LIST, False),
        (..., LIST, True),
        ([], LIST, False),
        (None, LIST, False),  # the key is there: config.json's is gone
        (["<|user|>"], LIST, False),
    ],
)
def test_a_key_of_generation_config_takes_the_place_of_config_jsons(
    generation: object, config: object, *, stops: bool
) -> None:
    assert (USER in read(toy(generation, config)).stop_token_ids) is stops


def test_the_tokenizers_eos_is_added() -> None:
    assert USER in read(toy(257, 257, "<|user|>")).stop_token_ids


def test_sampling_is_of_both_files_and_greedy_where_the_file_says_so() -> None:
    files = with_json(chatml_files(), "config.json", temperature=0.3, top_k=7)
    files = with_json(files, "generation_config.json", temperature=0.9, top_k=..., do_sample=True)
    assert read(files).sampling["temperature"] == 0.9
    assert read(files).sampling["top_k"] == 7
    greedy = with_json(files, "generation_config.json", do_sample=False)
    assert read(greedy).sampling["temperature"] == 0.0


VISION = with_json(chatml_files(), "config.json", model_type="qwen2_vl")


def test_a_processor_takes_chat_template_json_before_the_others() -> None:
    files = VISION | {
        "chat_template.json": dump({"chat_template": CHATML + "{# json #}"}),
        "chat_template.jinja": CHATML.encode(),
    }
    for kind, source in (("qwen2_vl", "chat_template.json"), ("qwen2", "chat_template.jinja")):
        view = read(with_json(files, "config.json", model_type=kind))
        assert view.chat_template is not None
        assert view.chat_template.source == source


JSON = {"chat_template.json": dump({"chat_template": CHATML + "{# json #}"})}
SETTINGS = {"processor_config.json": dump({"chat_template": CHATML + "{# settings #}"})}
READY = {"preprocessor_config.json": b"{}"}


@pytest.mark.parametrize(
    ("kind", "source"),
    [
        ("qwen2_vl", "processor_config.json"),
        ("gemma3", "chat_template.json"),
        ("qwen2_audio", "processor_config.json"),  # whose processor is transformers'
        ("qwen2", "tokenizer_config.json"),
    ],
)
def test_whose_settings_come_first(kind: str, source: str) -> None:
    view = read(with_json(VISION | JSON | SETTINGS | READY, "config.json", model_type=kind))
    assert view.chat_template is not None
    assert view.chat_template.source == source


NAMED: dict[str, object] = dict.fromkeys(("boi_token", "eoi_token", "image_token"), "<|im_end|>")


@pytest.mark.parametrize(
    ("kind", "more", "problems"),
    [
        ("gemma3", {"chat_template.json": b"[]"}, ["engine-cannot-read-file"]),
        ("gemma3", JSON | {"additional_chat_templates/tools.jinja": b"t"}, []),
        ("qwen2_audio", {"chat_template.json": b"[]"}, ["engine-cannot-read-processor-template"]),
        (
            "qwen2_audio",
            JSON | {"additional_chat_templates/tools.jinja": b"t"},
            ["engine-cannot-join-templates"],
        ),
    ],
)
def test_templates_that_a_processor_does_not_take(kind: str, more: Files, problems: list[str]) -> None:
    files = with_json(VISION | READY | more, "config.json", model_type=kind)
    assert [problem.id for problem in read(with_json(files, TOKENIZER_CONFIG, **NAMED)).problems] == problems


def test_which_processors_are_made_without_a_file() -> None:
    gemma = with_json(
        with_json(chatml_files(), "config.json", model_type="gemma3"), TOKENIZER_CONFIG, **NAMED
    )
    assert read(VISION).loads
    assert [problem.id for problem in read(gemma).problems] == ["engine-cannot-find-processor"]
    assert read(gemma | {"preprocessor_config.json": b"{}"}).loads


def test_a_generation_config_that_is_no_utf_8_ends_the_start() -> None:
    files = without(chatml_files(), "generation_config.json")
    assert not read(files | {"generation_config.json": b'{"x": "\xff"}'}).loads
    assert read(files | {"generation_config.json": b'{"x": '}).loads
