"""Sampling settings out of the range that an engine takes: its view says that requests fail."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from genfix.engines.every import engine_view
from genfix.engines.shared.view import Effect, Problem
from genfix.json_types import JsonObject
from genfix.model import Model
from tests.support.folders import Files, MemoryFolder, chatml_files, dump, with_json, without

_FAILS: Final = "engine-fails-on-setting"
_ENGINES: Final = ("transformers4", "transformers5", "vllm", "sglang", "lmdeploy", "mlx-vlm")


def generating(settings: JsonObject) -> Files:
    return chatml_files() | {"generation_config.json": dump({"eos_token_id": 1002, **settings})}


def problems(engine: str, files: Files, version: str = "") -> list[Problem]:
    view = engine_view(engine, Model(MemoryFolder(files)), version)
    return [problem for problem in view.problems if "key" in problem.message.args]


def failing(settings: JsonObject) -> dict[str, str]:
    """The engines whose requests fail, each with the key it is about."""
    files = generating(settings)
    found = {engine: problems(engine, files) for engine in _ENGINES}
    return {engine: str(told[0].message.args["key"]) for engine, told in found.items() if told}


_OF_TRANSFORMERS: Final = ("transformers4", "transformers5")


@pytest.mark.parametrize(
    ("settings", "engines"),
    [
        ({"do_sample": True, "temperature": 0.0}, _OF_TRANSFORMERS),
        ({"do_sample": True, "temperature": 2}, _OF_TRANSFORMERS),
        ({"do_sample": True, "temperature": -0.5}, (*_OF_TRANSFORMERS, "vllm", "sglang", "lmdeploy")),
        ({"do_sample": False, "temperature": -0.5}, ("vllm", "sglang", "lmdeploy")),
        ({"do_sample": True, "temperature": 2.5}, ("vllm", "lmdeploy")),
        ({"do_sample": True, "top_p": 1.5}, ("vllm", "sglang", "lmdeploy")),
        ({"do_sample": True, "top_p": 0.0}, ("vllm", "sglang")),
        ({"do_sample": True, "top_k": 0}, ("sglang",)),
        ({"do_sample": True, "top_k": 0, "temperature": 1e-7}, ()),
        ({"do_sample": True, "top_k": -1}, (*_OF_TRANSFORMERS, "lmdeploy")),
        ({"do_sample": True, "top_k": 20.0}, (*_OF_TRANSFORMERS, "vllm")),
        ({"do_sample": True, "top_k": 20.0, "temperature": 0.7}, (*_OF_TRANSFORMERS, "vllm", "mlx-vlm")),
        ({"do_sample": True, "min_p": 1.5}, (*_OF_TRANSFORMERS, "vllm", "sglang", "lmdeploy")),
        ({"do_sample": False, "min_p": 1.5}, ("vllm", "sglang", "lmdeploy")),
        ({"do_sample": True, "typical_p": 0.0}, _OF_TRANSFORMERS),
        ({"do_sample": True, "top_h": 0.0}, ("transformers5",)),
        ({"repetition_penalty": 0.0}, (*_OF_TRANSFORMERS, "vllm", "sglang")),
        ({"repetition_penalty": 2}, _OF_TRANSFORMERS),
        ({"repetition_penalty": 2.5}, ("sglang",)),
        ({"presence_penalty": 2.5}, ("vllm",)),
        ({"skip_special_tokens": 0}, ("vllm",)),
        ({"no_repeat_ngram_size": 3.0}, _OF_TRANSFORMERS),
        ({"num_beams": 0}, _OF_TRANSFORMERS),
        ({"num_beams": None}, ("transformers4",)),
        ({"num_beams": 2, "length_penalty": "1"}, _OF_TRANSFORMERS),
        ({"num_beams": 4, "num_beam_groups": 2}, _OF_TRANSFORMERS),
        ({"penalty_alpha": 0.6, "top_k": 4}, _OF_TRANSFORMERS),
        ({"min_new_tokens": 5.0}, _OF_TRANSFORMERS),
        ({"temperature": "0.7", "do_sample": True}, _ENGINES),
    ],
)
def test_which_engines_fail_on_a_setting(settings: JsonObject, engines: tuple[str, ...]) -> None:
    found = failing(settings)
    assert sorted(found) == sorted(engines)
    assert set(found.values()) <= settings.keys()


def test_a_setting_that_is_refused_at_a_request_does_not_end_the_start() -> None:
    files = generating({"do_sample": True, "temperature": 0.0})
    (problem,) = problems("transformers5", files)
    assert problem.id == _FAILS
    assert problem.effect is Effect.NO_ANSWER
    assert str(problem.message) == "every request fails on temperature of generation_config.json"


@pytest.mark.parametrize(
    ("engine", "value", "fails"),
    [
        ("transformers5", "never", False),
        ("transformers5", "often", True),
        ("transformers5", None, False),
        ("transformers4", None, True),
        ("vllm", "often", True),
    ],
)
def test_no_generation_config_is_made_of_a_strange_early_stopping(
    engine: str, value: str | None, *, fails: bool
) -> None:
    files = generating({"early_stopping": value})
    view = engine_view(engine, Model(MemoryFolder(files)), "")
    assert view.loads is not fails


def test_without_its_own_file_the_settings_of_config_json_count() -> None:
    files = without(chatml_files(), "generation_config.json")
    files = with_json(files, "config.json", do_sample=True, temperature=-1.0, min_p=1.5)
    told = {engine: problems(engine, files) for engine in _ENGINES}
    assert [engine for engine, found in told.items() if found] == [*_OF_TRANSFORMERS, "vllm"]
    assert all(problem.message.args["file"] == "config.json" for found in told.values() for problem in found)


@pytest.mark.parametrize(
    ("settings", "last_without"),
    [({"penalty_alpha": 0.6, "top_k": 4}, "4.55.4"), ({"num_beams": 4, "num_beam_groups": 2}, "4.56.2")],
)
def test_ways_of_generating_work_until_they_were_moved_to_the_hub(
    settings: JsonObject, last_without: str
) -> None:
    files = generating(settings)
    assert not problems("transformers4", files, last_without)
    assert problems("transformers4", files, "4.57.0")


def test_before_0_33_vllm_took_any_temperature() -> None:
    files = generating({"temperature": 2.5})
    assert not problems("vllm", files, "0.32.0")
    assert problems("vllm", files, "0.33.0")


def published(real_configs: Path) -> Iterator[Path]:
    yield from sorted(real_configs.rglob("generation_config.json"))
    yield from sorted((real_configs / "_generation_configs__chujiezheng").glob("*.json"))


def test_what_people_publish_fails_nowhere(real_configs: Path) -> None:
    seen = 0
    for path in published(real_configs):
        files = {**chatml_files(), "generation_config.json": path.read_bytes()}
        assert not [problem for engine in _ENGINES for problem in problems(engine, files)], path
        seen += 1
    assert seen > 10
