"""`genfix base` and `genfix bases`, GENFIX_BASE, and the last line of a check without a base."""

import json
from pathlib import Path

import pytest

from genfix.catalogue import identify as identifying
from genfix.catalogue.identify import facts_of
from genfix.catalogue.official import OfficialModel
from genfix.folder import LocalFolder
from genfix.model import Model
from genfix.model.sizes import sizes
from genfix.resolver.finder import auto
from genfix.resolver.finder.base import resolve_base
from tests.support.folders import with_json, write_folder
from tests.support.hub_caches import COMMIT, cached, model_files, numbers, trained, use_cache
from tests.support.running import Run

BASE = numbers(1)
MERGED = trained(BASE, 2, only="self_attn")


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_cache(monkeypatch, tmp_path / "hub")
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    write_folder(Path("out"), model_files(MERGED))


def test_a_base_that_is_proven(tmp_path: Path, run: Run) -> None:
    cached(tmp_path / "hub", "org/base", model_files(BASE))
    cached(tmp_path / "hub", "x/stranger", model_files(numbers(3)))
    told = run("base", "out")
    assert told.code == 0
    assert told.out.splitlines()[:2] == [f"org/base@{COMMIT} taken", "    found in the Hugging Face cache"]
    assert "6 of 12 sampled tensors are equal, number for number" in told.out
    assert f"x/stranger@{COMMIT} refused" in told.out
    assert "its weights have nothing in common with those here" in told.out
    assert "to judge against it: genfix check out --base org/base" in told.err


def test_a_folder_that_is_named_and_lies_beside_is_listed_once(tmp_path: Path, run: Run) -> None:
    write_folder(Path("base"), model_files(BASE))
    Path("out", "mergekit_config.yml").write_text("base_model: ./base\nmodels:\n- model: ./base\n")
    document = json.loads(run("base", "out", "--output-format", "json").out)
    [candidate] = document["candidates"]
    assert document["chosen"] == candidate["spec"]
    assert candidate["source"] == "mergekit_config.yml"


def test_as_json(tmp_path: Path, run: Run) -> None:
    cached(tmp_path / "hub", "org/base", model_files(BASE))
    document = json.loads(run("base", "out", "--output-format", "json").out)
    assert document["chosen"] == f"org/base@{COMMIT}"
    [candidate] = document["candidates"]
    assert candidate["weights"]["compared"] == 12
    assert candidate["weights"]["equal"] == 6
    assert candidate["refused"] is None


def test_none_and_several(tmp_path: Path, run: Run) -> None:
    none = run("base", "out")
    assert none.code == 1
    assert "it knows no model of this type and these sizes" in none.out
    cached(tmp_path / "hub", "org/base", model_files())
    cached(tmp_path / "hub", "org/base-chat", model_files(max_position_embeddings=4096))
    several = run("base", "out")
    assert several.code == 1
    assert "those that remain answer differently: the context length" in several.err


def test_a_check_without_a_base_ends_with_the_command(tmp_path: Path, run: Run) -> None:
    assert run("check", "out").err.splitlines()[-1] == "to look for its base: genfix base out"
    cached(tmp_path / "hub", "org/base", model_files(BASE))
    last = run("check", "out").err.splitlines()[-1]
    assert last == "to judge against its base (from the Hugging Face cache): genfix check out --base org/base"
    assert run(*last.partition("genfix ")[2].split()).code == 0


def test_the_environment_names_a_base(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    base = write_folder(Path("base"), model_files(BASE))
    monkeypatch.setenv("GENFIX_BASE", f"./{base}")
    Path("genfix.toml").write_text('base = "org/other"\n')
    assert "out against ./base" in run("check", "out").err
    assert run("check", "out", "--base", "./nowhere").code == 2


def test_the_catalogue_is_searched(run: Run) -> None:
    told = run("bases", "glm-4-9b-chat")
    assert told.code == 0
    assert (
        "zai-org/glm-4-9b-chat  chatglm, 4096 x 40, stops at 151329, 151336, 151338" in told.out.splitlines()
    )
    rows = json.loads(run("bases", "THUDM", "chat-1m", "--output-format", "json").out)["models"]
    assert [row["id"] for row in rows] == ["zai-org/glm-4-9b-chat-1m"]
    assert run("bases", "no", "such", "model").out == ""


def test_what_the_catalogue_settles_is_taken_by_both(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two models of equal sizes without weights: the one whose every fact the folder has is official."""
    whole = model_files()
    chat = cached(tmp_path / "hub", "org/base-chat", whole)
    cached(tmp_path / "hub", "org/base", with_json(whole, "generation_config.json", top_k=7))
    folder = write_folder(Path("plain"), whole)
    assert run("base", folder).code == 1
    model = Model(LocalFolder(folder))
    row = OfficialModel("org/base-chat", type=model.model_type, sizes=sizes(model), facts=facts_of(model))
    monkeypatch.setattr(identifying, "read_models", lambda: (row,))
    monkeypatch.setattr(auto, "resolve_base", lambda _, **options: resolve_base(str(chat), **options))
    told = run("base", folder)
    assert told.code == 0
    assert f"to judge against it: genfix check {folder} --base org/base-chat" in told.err
    assert f"org/base-chat@{COMMIT[:12]}, which" in run("check", folder, "--base", "auto").err
