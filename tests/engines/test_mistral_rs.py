"""mistral.rs: ends as texts, and structs that take no other type."""

import pytest

from genfix.engines.every import engine_view
from genfix.engines.shared.view import EngineView
from genfix.model import Model
from tests.support.folders import CHATML, Files, MemoryFolder, chatml_files, dump, with_json, without

END, TURN = 1000, 1002


def read(files: Files) -> EngineView:
    return engine_view("mistral.rs", Model(MemoryFolder(files)))


def problems(files: Files) -> list[str]:
    return [problem.id for problem in read(files).problems]


NAMED = with_json(chatml_files(), "tokenizer_config.json", eos_token="<|endoftext|>")
PLAIN = with_json(NAMED, "tokenizer_config.json", chat_template="{{ messages[0].content }}")


def test_a_token_that_the_template_writes_ends_an_answer() -> None:
    narrow = {"eos_token_id": END}
    assert set(read(with_json(NAMED, "generation_config.json", **narrow)).stop_token_ids) == {END, TURN}
    assert set(read(with_json(PLAIN, "generation_config.json", **narrow)).stop_token_ids) == {END}


@pytest.mark.parametrize(
    ("generation", "stops"),
    [
        ({"eos_token_id": TURN}, True),
        ({"eos_token_id": ...}, False),  # the file is there, and hides config.json
        ({"eos_token_id": None}, False),
        ({"eos_token_id": [TURN, -1]}, True),  # no id: the file counts as missing, and config.json has it
        ({"eos_token_id": END, "top_k": -1}, True),
        ({"eos_token_id": END, "top_k": 50}, False),
    ],
)
def test_a_value_of_another_type_makes_the_file_count_as_missing(
    generation: dict[str, object], *, stops: bool
) -> None:
    files = with_json(PLAIN, "config.json", eos_token_id=[END, TURN])
    assert (TURN in read(with_json(files, "generation_config.json", **generation)).stop_token_ids) is stops


def test_a_key_that_stands_there_twice_does_too() -> None:
    files = with_json(PLAIN, "config.json", eos_token_id=[END, TURN])
    twice = files | {"generation_config.json": b'{"eos_token_id": 1000, "eos_token_id": 1000}'}
    assert TURN in read(twice).stop_token_ids


@pytest.mark.parametrize("eos", ["<|nobody|>", "<|im_start|>"])
def test_an_end_that_is_no_token_ends_the_start(eos: str) -> None:
    files = with_json(NAMED, "tokenizer_config.json", eos_token=eos)
    assert ("engine-cannot-find-end" in problems(files)) is (eos == "<|nobody|>")


def test_an_id_beyond_the_vocabulary_ends_it_too() -> None:
    assert "engine-cannot-find-end" in problems(
        with_json(NAMED, "generation_config.json", eos_token_id=99999)
    )


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("additional_special_tokens", [{"content": "<|im_end|>"}]),
        ("eos_token", {"content": "<|im_end|>"}),
        ("chat_template", {"default": CHATML}),
        ("model_max_length", "4096"),
    ],
)
def test_a_type_of_tokenizer_config_that_ends_the_start_is_no_matter_beside_a_template_file(
    key: str, value: object
) -> None:
    files = with_json(NAMED, "tokenizer_config.json", **{key: value})
    assert "engine-cannot-read-value" in problems(files)
    assert problems(files | {"chat_template.jinja": CHATML.encode()}) == []


def test_processor_config_comes_before_all_templates() -> None:
    files = NAMED | {
        "chat_template.jinja": CHATML.encode(),
        "chat_template.json": dump({"chat_template": "j"}),
    }
    for more, source in (
        ({}, "chat_template.jinja"),
        ({"processor_config.json": dump({"chat_template": "p"})}, "processor_config.json"),
    ):
        template = read(files | more).chat_template
        assert template is not None
        assert template.source == source
    bare = without(with_json(files, "tokenizer_config.json", chat_template=...), "chat_template.jinja")
    template = read(bare).chat_template
    assert template is not None
    assert template.source == "chat_template.json"


def test_a_rope_that_llamas_struct_does_not_have_ends_the_start() -> None:
    llama = with_json(NAMED, "config.json", architectures=["LlamaForCausalLM"], model_type="llama")
    old = with_json(llama, "config.json", rope_scaling={"type": "linear", "factor": 2.0})
    new = with_json(llama, "config.json", rope_scaling={"rope_type": "linear", "factor": 2.0})
    assert (problems(old), problems(new)) == (["engine-cannot-take-value"], [])


def test_a_number_that_is_no_json_ends_the_start() -> None:
    files = with_json(PLAIN, "config.json", rms_norm_eps=float("nan"))
    assert problems(files) == ["engine-cannot-read-file"]
    assert problems(with_json(PLAIN, "config.json", rms_norm_eps=1e-6)) == []
