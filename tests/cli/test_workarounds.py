"""`genfix workarounds`: lines that help where the folder cannot be changed."""

import json
from pathlib import Path

import pytest

from genfix.engines.every import all_engines
from genfix.engines.workaround_lines import WORKAROUNDS, Blanks, Trouble, lines_for
from tests.support.folders import glm_files, with_json, write_folder
from tests.support.running import Run
from tests.support.trees import tree

NARROW = with_json(glm_files(), "generation_config.json", eos_token_id=151329)


@pytest.fixture
def merged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_folder(tmp_path / "base", glm_files())
    return write_folder(tmp_path / "merged", NARROW)


def test_each_engine_that_runs_on_gets_its_lines_and_nothing_is_written(run: Run, merged: Path) -> None:
    was = tree(merged)
    told = run("workarounds", "merged", "--base", "base")
    assert told.code == 0
    assert "genfix repair merged --base base --output NEW --config-only" in told.out
    assert "vllm serve merged --generation-config NEW" in told.out
    assert "mlx_lm.generate --model merged --extra-eos-token" in told.out
    assert "sglang: " not in told.out  # it reads all files together, and stops
    assert tree(merged) == was


def test_what_has_no_effect_comes_last_and_is_said(run: Run, merged: Path) -> None:
    told = run("workarounds", "merged", "--base", "base", "--engine", "vllm", "--output-format", "json")
    (vllm,) = json.loads(told.out)["engines"]
    assert (vllm["engine"], vllm["trouble"]) == ("vllm", "stops")
    helps = [line["helps"] for line in vllm["lines"]]
    assert helps == sorted(helps, reverse=True)
    (override,) = [line for line in vllm["lines"] if "--override-generation-config" in line["line"]]
    assert override == {
        "line": "--override-generation-config '{\"eos_token_id\": [151329, 151336, 151338]}'",
        "helps": False,
        "proof": "measured",
    }


def test_an_engine_that_is_asked_by_name(run: Run, merged: Path) -> None:
    told = run("workarounds", "merged", "--base", "base", "--engine", "mlx-vlm", "--engine", "tgi")
    assert "mlx_vlm.generate --model merged --eos-tokens" in told.out
    assert "no line is known: serve a repaired copy" in told.out


@pytest.mark.parametrize("output_format", ["text", "json", "markdown", "html"])
def test_all_formats_say_the_line(run: Run, merged: Path, output_format: str) -> None:
    told = run("workarounds", "merged", "--base", "base", "--output-format", output_format)
    assert "--generation-config NEW" in told.out
    whole = run("workarounds", "base", "--base", "base", "--output-format", output_format)
    assert whole.code == 0
    assert "--generation-config" not in whole.out


def test_the_copy_it_names_is_what_the_line_needs(run: Run, merged: Path, tmp_path: Path) -> None:
    (merged / "model.safetensors").write_bytes(b"\x02\0\0\0\0\0\0\0{}")
    made = run("repair", "merged", "--base", "base", "--output", "NEW", "--config-only")
    assert made.code == 0
    names = {path.name for path in (tmp_path / "NEW").iterdir()}
    assert "model.safetensors" not in names
    assert {"config.json", "generation_config.json", "tokenizer_config.json"} <= names
    ids = json.loads((tmp_path / "NEW" / "generation_config.json").read_bytes())["eos_token_id"]
    assert ids == [151329, 151336, 151338]


@pytest.mark.parametrize("targets", [["merged"], ["merged", "base"]])
def test_a_copy_of_config_files_needs_a_place(run: Run, merged: Path, targets: list[str]) -> None:
    was = tree(merged)
    told = run("repair", *targets, "--base", "base", "--config-only")
    assert (told.code, tree(merged)) == (2, was)
    assert "--output NEW --config-only" in told.err


def test_check_and_plan_point_to_it_where_the_folder_is_read_only(
    run: Run, merged: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "genfix workarounds" not in run("check", "merged", "--base", "base").err
    monkeypatch.setattr("os.access", lambda *_: False)
    for command in ("check", "plan"):
        assert "genfix workarounds merged --base base" in run(command, "merged", "--base", "base").err


def test_every_line_can_be_filled_and_is_of_an_engine_that_is_known() -> None:
    blanks = Blanks("m", "NEW", "t.jinja", "[1]", '["<|x|>"]', "'<|x|>'", "{}")
    assert WORKAROUNDS.keys() <= all_engines().keys()
    for engine in WORKAROUNDS:
        for trouble in Trouble:
            for line in lines_for(engine, trouble, blanks):
                assert "{ids" not in line.line
                assert "{model" not in line.line
