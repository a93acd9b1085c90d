"""NVIDIA Dynamo: files as structs, an order of its own, and no model without a template."""

from collections.abc import Mapping

import pytest

from genfix.engines.every import engine_view
from genfix.engines.shared.view import EngineView
from genfix.model import Model
from tests.support.folders import CHATML, Files, MemoryFolder, chatml_files, dump, with_json, without

END, START, TURN = 1000, 1001, 1002
BASE = with_json(chatml_files(), "tokenizer_config.json", eos_token="<|endoftext|>")


def read(files: Files) -> EngineView:
    return engine_view("dynamo", Model(MemoryFolder(files)))


def problems(files: Files) -> list[str]:
    return [problem.id for problem in read(files).problems]


def config(**values: object) -> Files:
    return with_json(BASE, "config.json", **values)


def tokenizer(**values: object) -> Files:
    return with_json(BASE, "tokenizer_config.json", **values)


def stops(generation: object, config: object, eos: object) -> Files:
    files = with_json(tokenizer(eos_token=eos), "config.json", eos_token_id=config)
    return with_json(files, "generation_config.json", eos_token_id=generation)


@pytest.mark.parametrize(
    ("files", "ids"),
    [
        (stops(TURN, END, "<|endoftext|>"), {END, TURN}),
        (stops(..., [TURN], ...), {TURN}),
        (stops(["x"], [TURN], "<|endoftext|>"), {END}),  # a list of texts is a list, and has no id
        (stops(["x", TURN], ..., ...), {TURN}),
        (stops(..., ["x", TURN], "<|endoftext|>"), {END}),  # and none in config.json with one text in it
        (stops("x", TURN, ...), {TURN}),
        (stops(True, TURN, ...), {TURN}),
        (stops(2**32 + TURN, ..., ...), {TURN}),  # a cast cuts it
    ],
)
def test_where_it_stops(files: Files, ids: set[int]) -> None:
    assert set(read(files).stop_token_ids) == ids


def test_special_tokens_map_is_the_last_that_is_asked() -> None:
    named = stops(..., ..., ...) | {"special_tokens_map.json": dump({"eos_token": "<|im_end|>"})}
    assert read(named).stop_token_ids == (TURN,)
    assert problems(without(named, "special_tokens_map.json")) == ["engine-cannot-find-eos"]
    listed = stops(TURN, ..., ...) | {"special_tokens_map.json": dump({"eos_token": "<|endoftext|>"})}
    assert read(listed).stop_token_ids == (TURN,)


def test_a_file_with_nan_counts_as_missing() -> None:
    """Python takes it, and the others here with it."""
    files = config(eos_token_id=[TURN])
    odd = files | {"generation_config.json": b'{"eos_token_id": 1001, "top_p": NaN}'}
    assert set(read(odd).stop_token_ids) == {TURN, END}
    assert START in engine_view("vllm", Model(MemoryFolder(odd))).stop_token_ids
    broken = BASE | {"tokenizer_config.json": b'{"chat_template": "x", "model_max_length": Infinity}'}
    assert problems(broken) == ["engine-cannot-read-file"]


@pytest.mark.parametrize(
    ("values", "length"),
    [
        ({"max_position_embeddings": 512}, 512),
        ({"max_position_embeddings": 512, "text_config": {"max_position_embeddings": 64}}, 512),
        ({"text_config": {"max_position_embeddings": 64}}, 64),
        ({}, 4096),  # the tokenizer's
        ({"max_position_embeddings": 0}, None),
    ],
)
def test_the_context_length_is_the_tokenizers_where_config_json_has_none(
    values: Mapping[str, object], length: int | None
) -> None:
    files = with_json(config(**values), "tokenizer_config.json", model_max_length=4096)
    assert read(files).context_length == length


@pytest.mark.parametrize("length", [4096.0, 10**30, 0])
def test_a_length_of_the_tokenizer_that_is_no_u32_is_none(length: object) -> None:
    assert read(tokenizer(model_max_length=length)).context_length is None


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"max_position_embeddings": None}, "engine-cannot-take-value"),
        ({"text_config": {"max_position_embeddings": None}}, "engine-cannot-take-value"),
        ({"max_position_embeddings": 4096.0}, "engine-cannot-take-value"),
        ({"max_position_embeddings": 2**32}, "engine-cannot-take-value"),
        ({"bos_token_id": [END]}, "engine-cannot-take-value"),
        ({"vocab_size": -1}, "engine-cannot-take-value"),
        ({"text_config": []}, "engine-cannot-read-value"),
        ({"architectures": None}, "engine-cannot-read-value"),
        ({"model_type": ...}, "engine-cannot-read-value"),
        ({"text_config": {}, "vocab_size": -1}, None),  # the part is asked, and the top no more
        ({"bos_token_id": None, "architectures": []}, None),
    ],
)
def test_types_of_config_json(values: Mapping[str, object], problem: str | None) -> None:
    assert problems(config(**values)) == ([] if problem is None else [problem])


@pytest.mark.parametrize("key", ["eos_token_id", "vocab_size", "model_type"])
def test_a_key_it_reads_that_stands_twice_ends_the_start(key: str) -> None:
    def twice(text: str) -> Files:
        return BASE | {"config.json": BASE["config.json"].rstrip()[:-1] + text.encode() + b"}"}

    assert problems(twice(f', "{key}": 5')) == ["engine-cannot-read-value"]
    assert problems(twice(', "rope_theta": 5')) == []  # a key it does not read


@pytest.mark.parametrize("beside", ["chat_template.jinja", "chat_template.json"])
def test_tokenizer_config_must_be_there_beside_a_template_file(beside: str) -> None:
    files = BASE | {beside: CHATML.encode() if beside.endswith("jinja") else dump({"chat_template": CHATML})}
    assert problems(files) == []
    assert problems(without(files, "tokenizer_config.json")) == ["engine-cannot-find-file"]
    assert problems(files | {"tokenizer_config.json": b"{"}) == ["engine-cannot-read-file"]
    typed = with_json(files, "tokenizer_config.json", tokenizer_class=5)
    assert problems(typed) == ["engine-cannot-read-value"]


def test_without_a_template_it_serves_nothing() -> None:
    assert problems(tokenizer(chat_template=...)) == ["engine-cannot-do-without-template"]
    assert problems(tokenizer(chat_template=[])) == ["engine-cannot-do-without-template"]
    assert problems(tokenizer(chat_template="")) == []


def test_of_a_list_it_knows_no_names() -> None:
    """transformers writes ``[{"name": "default", "template": ...}]``; here each key is a name."""
    saved = read(tokenizer(chat_template=[{"name": "default", "template": CHATML}]))
    assert (saved.loads, saved.answers, saved.chat_template) == (True, False, None)
    keyed = read(tokenizer(chat_template=[{"default": CHATML, "tool_use": "x"}]))
    assert keyed.answers
    assert keyed.chat_template == read(BASE).chat_template


@pytest.mark.parametrize("kind", ["deepseek_v32", "DeepSeek_V4", "kimi_k3"])
def test_some_model_types_need_no_template(kind: str) -> None:
    files = with_json(without(BASE, "tokenizer_config.json"), "config.json", model_type=kind)
    assert problems(files) == []
    assert read(files | {"chat_template.jinja": CHATML.encode()}).chat_template is None


def test_a_template_file_is_taken_as_it_is() -> None:
    """Line ends and all; others here read it as text."""
    found = {
        end: read(BASE | {"chat_template.jinja": f"x{end}y".encode()}).chat_template for end in ("\n", "\r\n")
    }
    assert found["\n"] != found["\r\n"]
    assert problems(BASE | {"chat_template.jinja": b"\xff"}) == ["engine-cannot-read-file"]


@pytest.mark.parametrize("content", [{}, {"chat_template": None}, {"chat_template": {"default": CHATML}}])
def test_a_chat_template_json_must_have_one(content: Mapping[str, object]) -> None:
    assert problems(BASE | {"chat_template.json": dump(content)}) == ["engine-cannot-read-value"]


@pytest.mark.parametrize(
    ("kind", "files", "problem"),
    [
        ("kimi_k2", ["tiktoken.model"], None),
        ("deepseek_v3", ["kimi.tiktoken"], None),
        ("kimi_k2", ["a.tiktoken", "b.tiktoken"], "engine-cannot-find-file"),
        ("qwen", ["qwen.tiktoken"], "engine-cannot-know-model-type"),
        ("qwen2", ["vocab.json", "merges.txt"], "engine-cannot-find-file"),
    ],
)
def test_without_tokenizer_json(kind: str, files: list[str], problem: str | None) -> None:
    other = with_json(without(BASE, "tokenizer.json"), "config.json", model_type=kind)
    named = dict.fromkeys(files, b"YQ== 0\n")
    flags = dict.fromkeys(("lstrip", "normalized", "rstrip", "single_word"), False)
    decoder = {"1000": {**flags, "content": "<|endoftext|>"}}
    whole = with_json(other | named, "tokenizer_config.json", added_tokens_decoder=decoder)
    assert problems(whole) == ([] if problem is None else [problem])
