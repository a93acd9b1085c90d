"""All engines against the verdict matrix that was run on the real ones, and what sets each apart."""

from pathlib import Path

import pytest

from dev.conformance.setups import SETUPS
from genfix.engines.every import EVERY_ENGINE, all_engines, engine_view, every_view
from genfix.engines.shared.view import EngineView
from genfix.json_types import JsonValue
from genfix.model import Model
from tests.support.engine_folders import LIST, MATRIX, USER, toy
from tests.support.folders import (
    CHATML,
    Files,
    MemoryFolder,
    chatml_files,
    dump,
    glm_files,
    with_json,
    without,
)
from tests.support.places import ROOT
from tests.support.sources import MODULES

# transformers 4, SGLang, LMDeploy, MLX-LM, OpenVINO GenAI; `!`: does not load
VERDICTS = {
    "A": "stop stop stop stop stop",
    "B": "length length length length length",
    "C": "stop stop stop stop length",
    "D": "stop stop stop stop !",
    "E": "length stop length stop length",
    "F": "length stop length length length",
    "G": "length stop length length !",
    "H": "length stop length stop length",
    "I": "stop stop stop stop stop",
    "J": "length stop stop stop -",
    "K": "length stop stop stop -",
    "L": "stop stop ! stop stop",
    "M": "length stop length stop length",
    "P": "length stop length length length",
    "Q": "length length length length length",
}
"""``-``: not run there, since the exporter bakes the tokenizer's EOS into its own file."""
COLUMNS = ("transformers4", "sglang", "lmdeploy", "mlx-lm", "openvino-genai")


def read(engine: str, files: Files) -> EngineView:
    return engine_view(engine, Model(MemoryFolder(files)))


@pytest.mark.parametrize("engine", COLUMNS)
@pytest.mark.parametrize("row", VERDICTS)
def test_a_row_of_the_verdict_matrix(row: str, engine: str) -> None:
    expected = VERDICTS[row].split()[COLUMNS.index(engine)]
    view = read(engine, MATRIX[row][0])
    if expected == "!":
        assert not view.loads
    elif expected != "-":
        assert view.loads
        assert ("stop" if USER in view.stop_token_ids else "length") == expected


@pytest.mark.parametrize("engine", all_engines())
def test_each_view_names_its_engine_and_tells_where_its_answer_comes_from(engine: str) -> None:
    view = read(engine, chatml_files())
    assert view.engine == engine
    assert view.version
    assert view.loads
    assert view.trace
    assert 1002 in view.stop_token_ids


@pytest.mark.parametrize("engine", all_engines())
def test_a_folder_without_anything_does_not_load(engine: str) -> None:
    view = read(engine, {})
    assert not view.loads
    assert view.chat_template is None


@pytest.mark.parametrize(
    ("engine", "stops"),
    [
        ("transformers5", ()),
        ("transformers4", (151329, 151336, 151338)),
        ("vllm", (151329, 151336, 151338)),
        ("sglang", (151329, 151336, 151338)),
        ("lmdeploy", (151329, 151336, 151338)),
        ("mlx-lm", ()),
    ],
)
def test_who_takes_the_defaults_of_the_config_class(engine: str, stops: tuple[int, ...]) -> None:
    files = toy(..., ..., None) | {"config.json": dump({"model_type": "glm4"})}
    assert read(engine, files).stop_token_ids == stops


ADDED: dict[str, JsonValue] = {
    "added_tokens": [{"id": 257, "content": "<|endoftext|>"}, {"id": 264, "content": "<|user|>"}],
    "model": {},
}
GGUF: list[tuple[Files, set[int]]] = [
    (toy(LIST, LIST), {257}),
    (toy(LIST, LIST, "<|user|>"), {264, 257}),
    (toy(LIST, LIST, None), {11, 257}),  # 11 is what the runtime takes where a GGUF names no end
    (toy(LIST, 264, None), {264, 257}),
]


@pytest.mark.parametrize(("files", "stops"), GGUF)
def test_llama_cpp_takes_one_eos_and_tokens_by_their_text(files: Files, stops: set[int]) -> None:
    assert {*read("llama.cpp", files | {"tokenizer.json": dump(ADDED)}).stop_token_ids} == stops


def test_llama_cpp_knows_the_turn_end_of_glm_by_its_class() -> None:
    narrowed = with_json(glm_files(), "generation_config.json", eos_token_id=151329)
    assert 151336 in read("llama.cpp", narrowed).stop_token_ids


def test_llama_cpp_without_any_eos_falls_back_to_a_fixed_id() -> None:
    files = toy(LIST, ..., None)
    tokens: JsonValue = {"264": {"content": "<|user|>"}}
    files = with_json(files, "tokenizer_config.json", added_tokens_decoder=tokens)
    assert [problem.id for problem in read("llama.cpp", files).problems] == ["engine-has-no-eos"]


@pytest.mark.parametrize(
    ("engine", "file"),
    [
        ("transformers5", "chat_template.jinja"),
        ("vllm", "chat_template.jinja"),
        ("llama.cpp", "tokenizer_config.json"),
        ("openvino-genai", "chat_template.jinja"),
    ],
)
def test_whose_copy_of_the_template_is_taken(engine: str, file: str) -> None:
    view = read(engine, chatml_files() | {"chat_template.jinja": (CHATML + "{# new #}").encode()})
    assert view.chat_template is not None
    assert view.chat_template.source == file


@pytest.mark.parametrize(
    "values", [{"tokenizer_class": "TokenizersBackend"}, {"extra_special_tokens": ["<|im_start|>"]}]
)
def test_transformers_4_does_not_load_what_5_writes(values: dict[str, object]) -> None:
    files = with_json(chatml_files(), "tokenizer_config.json", **values)
    assert not read("transformers4", files).loads
    assert read("transformers5", files).loads


def test_sampling_is_what_each_engine_reads() -> None:
    files = with_json(chatml_files(), "generation_config.json", max_new_tokens=9)
    taken = {engine: set(read(engine, files).sampling) for engine in EVERY_ENGINE}
    assert "max_new_tokens" in taken["vllm"]
    assert "max_new_tokens" not in taken["sglang"] | taken["lmdeploy"] | taken["llama.cpp"]
    assert taken["mlx-lm"] == set()
    assert "do_sample" in taken["openvino-genai"]


def test_context_lengths() -> None:
    files = with_json(without(chatml_files()), "config.json", seq_length=99, max_position_embeddings=55)
    lengths = {engine: read(engine, files).context_length for engine in ("vllm", "sglang", "llama.cpp")}
    assert lengths == {"vllm": 55, "sglang": 99, "llama.cpp": 55}


def test_who_is_asked_where_nobody_names_an_engine() -> None:
    asked = [name for name, engine in all_engines().items() if engine.by_default]
    assert asked == [*EVERY_ENGINE] == [*every_view(Model(MemoryFolder(chatml_files())))]


def test_an_engine_is_whole() -> None:
    """Each is in the list, and has tests and a script that asks the engine's own code."""
    modules = {path for name, path in MODULES.items() if name.startswith("genfix.engines.")}
    declared = {path.stem for path in modules if b"\nENGINE: Final = Engine(" in path.read_bytes()}
    listed = {engine.view.__module__.rpartition(".")[2] for engine in all_engines().values()}
    assert declared == listed, "an engine is missing in genfix/engines/every.py or further.py"
    shared = {"test_every_engine", "test_views", "test_hostile_values"}
    tests = [path for path in Path(__file__).parent.glob("test_*.py") if path.stem not in shared]
    for engine, known in all_engines().items():
        own = [path for path in tests if f'"{engine}"' in path.read_text("utf-8")]
        assert own, f"{engine} has no tests in tests/engines"
        if not known.was_run:
            continue
        assert engine in SETUPS, f"{engine} is missing in dev/conformance/setups.py"
        script = ROOT / "dev" / "conformance" / "ask" / SETUPS[engine].script
        assert script.is_file(), f"{script.name} is missing"
