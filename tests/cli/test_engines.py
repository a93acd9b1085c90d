"""`genfix engines`: what each engine will do, for people and for scripts."""

import json
from pathlib import Path

import pytest

import genfix
from genfix.engines.every import EVERY_ENGINE, all_engines
from tests.support.folders import glm_files, with_json, write_folder
from tests.support.running import Run
from tests.support.trees import picture

BROKEN = with_json(glm_files(), "generation_config.json", eos_token_id=151329)


@pytest.fixture
def merged(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "merged", BROKEN)


def test_all_engines_are_told_with_the_text_of_their_stop_tokens(run: Run, merged: Path) -> None:
    before = picture(merged)
    told = run("engines", merged)
    assert told.code == 0
    assert [line.split()[0] for line in told.out.splitlines() if line and line[0] != " "] == [*EVERY_ENGINE]
    assert "stops at 151329 <|endoftext|>" in told.out
    assert "config.json's 151329, 151336, 151338 are not asked" in " ".join(told.out.split())
    assert picture(merged) == before


def test_those_asked_by_name_are_told_with_all(run: Run, merged: Path) -> None:
    told = run("engines", merged, "--all", "--output-format", "json")
    assert [entry["engine"] for entry in json.loads(told.out)["engines"]] == [*all_engines()]
    named = run("engines", merged, "--engine", "mlx-vlm")
    assert (named.code, named.out.split()[0]) == (0, "mlx-vlm")


def test_one_engine_can_be_asked_also_at_its_version(run: Run, merged: Path) -> None:
    version = EVERY_ENGINE["vllm"].version
    told = run("engines", merged, "--engine", f"vllm@{version}", "--engine", "mlx-lm")
    assert [line for line in told.out.splitlines() if line and line[0] != " "] == [
        f"vllm {version}",
        f"mlx-lm {EVERY_ENGINE['mlx-lm'].version}",
    ]


def test_json_is_by_engine_and_complete(run: Run, merged: Path) -> None:
    document = json.loads(run("engines", merged, "--output-format", "json").out)
    assert document["schema_version"] == 1
    assert [entry["engine"] for entry in document["engines"]] == [*EVERY_ENGINE]
    for entry in document["engines"]:
        assert [*entry] == [
            "engine",
            "version",
            "loads",
            "stop_token_ids",
            "stop_strings",
            "sampling",
            "chat_template",
            "context_length",
            "problems",
            "trace",
        ]
    assert document["engines"][0]["stop_token_ids"] == [151329]


@pytest.mark.parametrize(
    ("language", "said"), [("en", "what helps without changing it"), ("zh", "不改它也管用的写法")]
)
def test_what_helps_an_engine_that_stumbles_is_the_next_command(
    run: Run, merged: Path, tmp_path: Path, language: str, said: str
) -> None:
    told = run("engines", merged, "--engine", "vllm", "--lang", language)
    line = told.err.replace("\n", "")
    assert said in line
    assert f"genfix workarounds {merged} --engine vllm" in line
    healthy = write_folder(tmp_path / "healthy", glm_files())
    assert "genfix workarounds" not in run("engines", healthy, "--engine", "vllm").err


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("olama", "there is no view of an engine 'olama'"),
        ("mlx_vlm", "did you mean mlx-vlm"),
        ("vllm@newest", "'newest' is no version of vllm"),
        ("vllm@", "'' is no version of vllm"),
    ],
)
def test_what_is_no_engine_or_no_version_is_refused(run: Run, merged: Path, asked: str, said: str) -> None:
    told = run("engines", merged, "--engine", asked)
    assert (told.code, told.out) == (2, "")
    assert said in told.err


@pytest.mark.parametrize("asked", ["0.0.1", "99", "99.1.0rc1"])
def test_a_version_nobody_read_gets_the_nearest_and_is_told(run: Run, merged: Path, asked: str) -> None:
    told = run("engines", merged, "--engine", f"vllm@{asked}", "--output-format", "json")
    (entry,) = json.loads(told.out)["engines"]
    assert entry["version"] in {EVERY_ENGINE["vllm"].version, EVERY_ENGINE["vllm"].oldest}
    assert entry["problems"][0] == f"{asked} is not known: this is what {entry['version']} does"


def test_a_folder_that_is_not_there(run: Run, tmp_path: Path) -> None:
    assert run("engines", tmp_path / "nowhere").code == 2


def test_it_is_a_function_too(merged: Path) -> None:
    report = genfix.engine_views(merged, engines=["llama.cpp"])
    assert [view.engine for view in report.views] == ["llama.cpp"]
    assert report.tokens[151336] == "<|user|>"
