"""ONNX Runtime GenAI: what its model builder makes of a folder."""

import pytest

from genfix.engines.every import engine_view
from genfix.engines.shared.view import EngineView
from genfix.model import Model
from tests.support.engine_folders import LIST, USER, toy
from tests.support.folders import CHATML, Files, MemoryFolder, chatml_files, dump, with_json


def read(files: Files) -> EngineView:
    return engine_view("onnxruntime-genai", Model(MemoryFolder(files)))


@pytest.mark.parametrize(
    ("generation", "config", "stops"),
    [
        (LIST, 257, True),
        (257, LIST, False),
        (..., LIST, True),
        (None, LIST, True),  # null is passed over, unlike in transformers
        ([], LIST, False),
        (["<|user|>"], LIST, True),  # an error, and passed over
    ],
)
def test_ids_of_generation_config_take_the_place_of_config_jsons(
    generation: object, config: object, *, stops: bool
) -> None:
    assert (USER in read(toy(generation, config)).stop_token_ids) is stops


def test_the_tokenizers_eos_comes_first() -> None:
    assert read(toy(257, 257, "<|user|>")).stop_token_ids == (USER, 257)


def test_without_any_end_nothing_is_built() -> None:
    files = with_json(toy(..., ..., None), "config.json", model_type="llama", eos_token_id=...)
    without = with_json(files, "config.json", eos_token_id=None)
    assert "engine-cannot-find-eos" in {problem.id for problem in read(without).problems}


def test_a_null_for_the_length_is_none() -> None:
    files = with_json(chatml_files(), "config.json", max_position_embeddings=5000)
    assert read(files).context_length == 5000
    assert read(with_json(files, "config.json", seq_length=None)).context_length is None


def test_defaults_are_those_that_differ_from_its_own() -> None:
    files = with_json(chatml_files(), "config.json", temperature=0.2)
    files = with_json(files, "generation_config.json", do_sample=True, temperature=1.0, top_k=9, top_p=0.8)
    assert read(files).sampling == {"do_sample": True, "top_k": 9, "top_p": 0.8}
    # Ids are set before the sampling; where that is an error, nothing further is.
    broken = with_json(files, "generation_config.json", eos_token_id="x")
    assert read(broken).sampling == {"do_sample": True}


def test_the_template_is_the_tokenizers() -> None:
    alone = with_json(chatml_files(), "tokenizer_config.json", chat_template=...)
    assert read(alone | {"chat_template.json": dump({"chat_template": CHATML})}).chat_template is None
    view = read(chatml_files() | {"chat_template.jinja": CHATML.encode()})
    assert view.chat_template is not None
    assert view.chat_template.source == "chat_template.jinja"
