"""Engine views against what the engines really did: the rows of the verdict matrix, run on a toy checkpoint.

The model emits ``<|user|>`` (264) at the end of each answer; an engine that does not stop there runs on.
"""

import ast
from pathlib import Path

import pytest

import genfix
from genfix.engines import ENGINES, EngineView, StopVerdict, is_worse, readings, stop_verdict
from genfix.engines.every import every_view
from genfix.json_types import JsonValue
from genfix.model import Model
from tests.support.engine_folders import LIST, MATRIX, USER, toy
from tests.support.folders import Files, MemoryFolder, chatml_files, dump, glm_files, with_json, without


def of(files: Files) -> tuple[EngineView, EngineView]:
    """The views of transformers 5 and of vLLM."""
    found = every_view(Model(MemoryFolder(files)))
    return found["transformers5"], found["vllm"]


@pytest.mark.parametrize("row", MATRIX)
def test_a_row_of_the_verdict_matrix(row: str) -> None:
    files, transformers, vllm = MATRIX[row]
    assert tuple(USER in view.stop_token_ids for view in of(files)) == (transformers, vllm)


def test_text_for_ids_fails_in_both() -> None:
    transformers, vllm = of(toy(["<|user|>"], LIST))
    assert [problem.id for problem in transformers.problems] == ["engine-fails-on-text-eos"]
    assert (transformers.loads, vllm.loads) == (True, True)
    assert [problem.id for problem in vllm.problems] == ["engine-fails-on-eos"]


@pytest.mark.parametrize(
    ("config", "transformers", "vllm"),
    [
        ({"text_config": {"eos_token_id": [5, 6]}}, (5, 6), (5, 6)),
        ({"eos_token_id": [5, 6], "text_config": {"eos_token_id": 7}}, (5, 6), (5, 6)),
        ({"eos_token_id": None, "text_config": {"eos_token_id": 7}}, (7,), (7,)),
        ({"decoder": {"eos_token_id": 8}, "text_config": {"eos_token_id": 7}}, (8,), (8,)),
        ({"decoder": {}, "text_config": {"eos_token_id": 7}}, (7,), (7,)),
        ({"decoder": {"vocab_size": 3}, "text_config": {"eos_token_id": 7}}, (), ()),
        ({"llm_config": {"eos_token_id": 9}}, (), ()),
        ({"model_type": "glm4"}, (), (151329, 151336, 151338)),
        ({"model_type": "gemma3"}, (), ()),
        ({"model_type": "gemma3", "text_config": {"head_dim": 8}}, (), (1,)),
    ],
)
def test_without_generation_config_the_nested_parts_of_config_are_asked(
    config: dict[str, JsonValue], transformers: tuple[int, ...], vllm: tuple[int, ...]
) -> None:
    files = toy(..., ..., None) | {"config.json": dump({"model_type": "x"} | config)}
    assert tuple(view.stop_token_ids for view in of(files)) == (transformers, vllm)


def test_each_engine_takes_the_sampling_keys_it_reads() -> None:
    values = {
        "do_sample": True,
        "temperature": 0.7,
        "top_k": 20,
        "max_new_tokens": 4,
        "max_length": 9,
        "num_beams": 2,
    }
    odd = {"stop_strings": ["x"], "presence_penalty": 1.5, "top_p": None}
    files = toy(257) | {"generation_config.json": dump(values | odd)}
    transformers, vllm = of(files)
    assert transformers.sampling == values
    assert vllm.sampling == {"temperature": 0.7, "top_k": 20, "max_new_tokens": 4, "presence_penalty": 1.5}


def test_sampling_keys_left_in_config_are_read_by_transformers_alone() -> None:
    transformers, vllm = of(with_json(toy(...), "config.json", temperature=0.7, top_p=0.5))
    assert (transformers.sampling, vllm.sampling) == ({"temperature": 0.7, "top_p": 0.5}, {})
    assert [view.sampling for view in of(with_json(toy(257), "config.json", temperature=0.7))] == [
        {"top_k": 20}
    ] * 2


@pytest.mark.parametrize(
    ("files", "problems"),
    [
        (glm_files(), []),
        (without(glm_files(), "config.json"), ["engine-cannot-find-config"]),
        (glm_files() | {"config.json": b"{"}, ["engine-cannot-read-config"]),
        (with_json(glm_files(), "config.json", model_type=...), ["engine-cannot-tell-model-type"]),
        (glm_files() | {"tokenizer_config.json": b"{"}, ["engine-cannot-read-tokenizer-config"]),
        (without(glm_files(), "tokenizer.model"), ["engine-cannot-find-tokenizer"]),
        (without(glm_files(), "tokenizer.model") | {"vocab.json": b"{}"}, ["engine-cannot-find-tokenizer"]),
        (without(glm_files(), "tokenizer.model") | {"vocab.json": b"{}", "merges.txt": b""}, []),
        (without(glm_files(), "tokenization_chatglm.py"), ["engine-cannot-find-code"]),
        (without(chatml_files(), "tokenizer_config.json"), []),
        ({}, ["engine-cannot-find-config", "engine-cannot-find-tokenizer"]),
    ],
)
def test_both_engines_load_with_the_same_code_and_fail_on_the_same_files(
    files: Files, problems: list[str]
) -> None:
    for view in of(files):
        assert [problem.id for problem in view.problems] == problems
        assert view.loads is (problems == [])


def test_a_template_in_its_own_file_hides_the_one_in_the_tokenizers_config() -> None:
    files = toy(257) | {"chat_template.jinja": b"mine"}
    for view in of(files):
        assert view.chat_template is not None
        assert view.chat_template.source == "chat_template.jinja"
    alone = [view.chat_template for view in of(toy(257))]
    assert [template and template.source for template in alone] == ["tokenizer_config.json"] * 2
    assert [
        view.chat_template for view in of(with_json(toy(257), "tokenizer_config.json", chat_template=...))
    ] == [None] * 2


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (toy(257, LIST), ["trace-stop-from", "trace-config-eos-hidden"]),
        (toy(LIST, LIST), ["trace-stop-from"]),
        (toy(..., LIST), ["trace-stop-fallback-missing"]),
        (toy(b"{", LIST), ["trace-stop-fallback-unreadable"]),
    ],
)
def test_the_trace_tells_where_the_stop_set_comes_from(files: Files, said: list[str]) -> None:
    transformers, vllm = of(files)
    assert [entry.id for entry in transformers.trace] == said
    assert [entry.id for entry in vllm.trace] == ["trace-tokenizer-eos", *said]


def view(*ids: int) -> EngineView:
    return of(toy(list(ids), tokenizer=None))[0]


@pytest.mark.parametrize(
    ("had", "has", "ends", "verdict"),
    [
        ([1, 2], [2, 1], [2], StopVerdict.SAME),
        ([1], [1, 2], [2], StopVerdict.SAME),
        ([1, 2], [2], [2], StopVerdict.NARROWED),
        ([1, 2], [1], [2], StopVerdict.LOST),
        ([1, 2], [], [], StopVerdict.LOST),
        ([1, 2], [2], [], StopVerdict.LOST),
        ([1], [], [2], StopVerdict.NARROWED),
        ([], [], [2], StopVerdict.SAME),
        ([1, 2, 3], [3], [2, 3], StopVerdict.NARROWED),
    ],
)
def test_what_became_of_a_stop_set(
    had: list[int], has: list[int], ends: list[int], verdict: StopVerdict
) -> None:
    assert stop_verdict(view(*had), view(*has), ends) is verdict


@pytest.mark.parametrize(
    ("before", "after", "worse"),
    [
        (toy(LIST), toy(LIST), False),
        (toy(257), toy(LIST), False),
        (toy(LIST), toy([264, 257]), True),
        (toy(..., LIST), toy(257, LIST), True),
        (toy(257), without(toy(257), "config.json"), True),
        (without(toy(257), "config.json"), toy(257), False),
        (toy(257), with_json(toy(257), "tokenizer_config.json", chat_template=...), True),
        (toy(257), toy(["257"]), True),
    ],
)
def test_when_a_change_makes_an_engine_do_worse(before: Files, after: Files, *, worse: bool) -> None:
    assert is_worse(of(before)[0], of(after)[0], [USER]) is worse


@pytest.mark.parametrize("row", MATRIX)
def test_rules_judge_by_what_the_views_say(row: str) -> None:
    model = Model(MemoryFolder(MATRIX[row][0]))
    for name, reading in readings(model).items():
        view = every_view(model)[name]
        assert reading == (view.engine, view.stop_token_ids, view.sampling, view.trace)
    assert [*readings(model)] == [*ENGINES]


EFFECTS = {"engine-cannot": "NO_START", "engine-fails": "NO_ANSWER"}


def test_the_id_of_a_problem_tells_its_effect() -> None:  # as a plan file has nothing else
    found = 0
    for path in Path(genfix.__file__).parent.joinpath("engines").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "Problem":
                said, *rest = map(ast.unparse, node.args)
                kind = "-".join(said.split("'")[1].split("-")[:2])
                assert (rest or ["Effect.NO_START"]) == [f"Effect.{EFFECTS.get(kind, 'UNCERTAIN')}"], said
                found += 1
    assert found > 30
