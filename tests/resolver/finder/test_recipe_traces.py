"""What tools leave beside a merged folder and in its run, and whether it is of this folder."""

from pathlib import Path

import pytest

from genfix.folder import LocalFolder
from genfix.model import Model
from genfix.resolver.finder.traces import BaseTrace, find_traces
from genfix.resolver.finder.yaml_models import yaml_words
from tests.support.folders import Files, dump, write_folder

CONFIG: Files = {"config.json": dump({"model_type": "qwen2"})}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")


def look(place: Path, **files: bytes) -> tuple[BaseTrace, ...]:
    write_folder(place, CONFIG | files)
    return find_traces(Model(LocalFolder(place)), place)


def named(traces: tuple[BaseTrace, ...]) -> list[str]:
    return [trace.text for trace in traces]


def test_swift_before_3(tmp_path: Path) -> None:
    args = dump({"model_id_or_path": "ZhipuAI/glm-4-9b-chat", "model_revision": "master", "sft_type": "full"})
    [trace] = look(tmp_path / "merged", **{"sft_args.json": args})
    assert trace.specs == ("ms://ZhipuAI/glm-4-9b-chat@master", "ZhipuAI/glm-4-9b-chat@master")
    assert str(trace.source) == "model_id_or_path of sft_args.json"


def test_a_mixture_of_experts_by_mergekit(tmp_path: Path) -> None:
    recipe = b"base_model: org/dense\nexperts:\n  - source_model: org/dense\n    positive_prompts: [a]\n"
    [trace] = look(tmp_path / "merged", **{"mergekit_moe_config.yml": recipe})
    assert (trace.text, str(trace.source)) == ("org/dense", "mergekit_moe_config.yml")


@pytest.mark.parametrize(
    "recipe",
    [
        b"model_name_or_path: org/base\nexport_dir: out/merged\n",  # LLaMA-Factory
        b"base_model: org/base  # the one\noutput_dir: ./out\n",  # axolotl merges into out/merged
    ],
    ids=["LLaMA-Factory", "axolotl"],
)
def test_a_recipe_that_writes_to_this_folder(tmp_path: Path, recipe: bytes) -> None:
    write_folder(tmp_path, {"merge.yaml": recipe})
    [trace] = look(tmp_path / "out" / "merged")
    assert trace.specs == ("org/base",)
    assert str(trace.source).endswith("merge.yaml")


def test_a_recipe_of_another_folder_is_not_followed(tmp_path: Path) -> None:
    write_folder(tmp_path, {"merge.yaml": b"base_model: org/other\noutput_dir: ./elsewhere\n"})
    write_folder(tmp_path, {"data.yml": b"base_model: org/other\n"})
    assert look(tmp_path / "out" / "merged") == ()


def test_the_files_of_a_run(tmp_path: Path) -> None:
    nemo = b"model:\n  _target_: nemo\n  pretrained_model_name_or_path: org/nemo-base\n"
    write_folder(tmp_path / "step_9", {"config.yaml": nemo})
    assert named(look(tmp_path / "step_9" / "model" / "consolidated")) == ["org/nemo-base"]
    verl = b"actor_rollout_ref:\n  model:\n    path: org/verl-base\n    use_shm: false\n"
    write_folder(tmp_path / "run", {".hydra/config.yaml": verl})
    assert named(look(tmp_path / "run" / "hf")) == ["org/verl-base"]


def test_the_checkpoint_that_a_trainer_names(tmp_path: Path) -> None:
    adapter = dump({"base_model_name_or_path": "org/base"})
    write_folder(tmp_path / "runs" / "checkpoint-7", {"adapter_config.json": adapter})
    state = dump({"best_model_checkpoint": "runs/checkpoint-7"})
    assert named(look(tmp_path / "final", **{"trainer_state.json": state})) == ["org/base"]


def test_words_by_their_path() -> None:
    text = "a: 1\nmodel:\n  path: x\n  deep:\n    path: y # z\nlist:\n  - path: no\nblock: |\n  path: no\n"
    assert yaml_words(text) == {"a": "1", "model.path": "x", "model.deep.path": "y"}
