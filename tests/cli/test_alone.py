"""The folder of the README without its base: what is wrong is said, mended and given back."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from tests.support.folders import chatml_files, with_json, write_folder
from tests.support.places import ROOT
from tests.support.running import Run
from tests.support.trees import user_files

GEN = "generation_config.json"
STOPS = [151329, 151336, 151338]
WHY_A_BASE = "without a base only the folder's own files were asked"


@pytest.fixture
def merged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copytree(ROOT / "examples" / "glm4" / "merged", tmp_path / "merged"))


def stops(folder: Path) -> object:
    return json.loads((folder / GEN).read_bytes())["eos_token_id"]


def test_check_says_first_that_it_never_stops(run: Run, merged: Path) -> None:
    result = run("check", merged)
    assert result.code == 1
    said = " ".join(result.out.split())
    assert said.startswith("An engine never stops: error GF109 generation_config.json /eos_token_id")
    assert said.partition("/eos_token_id ")[2].startswith("never stops in transformers5, vllm: lists 151329")


def test_repair_mends_it_says_why_a_base_would_help_and_undo_gives_it_back(run: Run, merged: Path) -> None:
    before = user_files(merged)
    done = run("repair", merged)
    assert (done.code, stops(merged)) == (0, STOPS)
    said = " ".join(done.err.split())
    assert WHY_A_BASE in said
    assert "left as it is: " in said
    again = run("repair", merged)
    assert (again.code, again.out) == (0, "")
    assert "nothing to change" in again.err
    assert run("check", merged).code == 0
    assert run("undo", merged).code == 0
    assert user_files(merged) == before


def test_a_plan_is_kept_and_applied(run: Run, merged: Path) -> None:
    shown = run("plan", merged, "-o", "plan.json")
    assert (shown.code, stops(merged)) == (1, 151329)
    assert WHY_A_BASE in shown.err
    assert run("apply", "plan.json").code == 0
    assert stops(merged) == STOPS


def test_what_a_merge_command_wrote_is_repaired(run: Run, merged: Path) -> None:
    copy = f"import shutil; shutil.copytree({str(merged)!r}, 'out')"
    assert run("run", "--output", "out", "--", sys.executable, "-c", copy).code == 0
    assert stops(Path("out")) == STOPS


def test_what_only_a_base_can_tell_is_left_and_decides_the_exit_code(run: Run, tmp_path: Path) -> None:
    files = with_json(chatml_files(), "tokenizer_config.json", chat_template="{% for")
    narrow = with_json(files, "config.json", eos_token_id=[1002, 1000])
    folder = write_folder(tmp_path / "merged", with_json(narrow, GEN, eos_token_id=1000))
    result = run("repair", folder)
    assert (result.code, stops(folder)) == (1, [1002, 1000])
    assert "left as it is: 1 error" in " ".join(result.err.split())
