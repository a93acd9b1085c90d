"""Which bases a folder names: from which places, in which order, and what such a name can mean here."""

from pathlib import Path

import pytest

from genfix.folder import LocalFolder
from genfix.model import Model
from genfix.resolver.finder.traces import BaseTrace, find_traces
from genfix.resolver.finder.yaml_models import recipe_models, yaml_word
from genfix.resolver.naming.candidates import candidate_specs, repo_of_cache
from tests.support.folders import Files, dump, glm_files, write_folder

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")


def look(place: Path, files: Files) -> tuple[BaseTrace, ...]:
    write_folder(place, {"config.json": dump({"model_type": "qwen2"})} | files)
    return find_traces(Model(LocalFolder(place)), place)


def card(base: str, heading: str = "# my model") -> bytes:
    return f"---\nbase_model: {base}\n---\n{heading}\n".encode()


EVERY: Files = {
    "args.json": dump({"model": "org/swift", "use_hf": True}),
    "adapter_config.json": dump({"base_model_name_or_path": "org/peft"}),
    "config.json": dump({"_name_or_path": "org/config"}),
    "training_args.yaml": b"model_name_or_path: org/trainer\n",
    "README.md": card("org/card"),
}


def test_the_most_exact_place_comes_first(tmp_path: Path) -> None:
    found = look(tmp_path / "merged", EVERY)
    assert [(trace.specs, str(trace.source)) for trace in found] == [
        (("org/swift",), "model of args.json"),
        (("org/peft",), "base_model_name_or_path of adapter_config.json"),
        (("org/config",), "_name_or_path of config.json"),
        (("org/trainer",), "model_name_or_path of training_args.yaml"),
        (("org/card",), "base_model of README.md"),
    ]


def test_one_base_named_in_several_places_is_one_trace(tmp_path: Path) -> None:
    files = {"args.json": dump({"model": "org/x", "use_hf": True}), "README.md": card("org/x")}
    [trace] = look(tmp_path / "merged", files)
    assert str(trace.source) == "model of args.json"


@pytest.mark.parametrize("files", [{}, {"args.json": b"{"}, {"args.json": b"[]"}, {"README.md": b"# x"}])
def test_nothing_said(tmp_path: Path, files: Files) -> None:
    assert look(tmp_path / "merged", files) == ()


# ms-swift ---------------------------------------------------------------------------------------------------


def swift(tmp_path: Path, **args: object) -> tuple[BaseTrace, ...]:
    return look(tmp_path / "merged", {"args.json": dump(args)})


@pytest.mark.parametrize("use_hf", [False, None, "true"])
def test_an_id_of_swift_is_one_of_modelscope(tmp_path: Path, use_hf: object) -> None:
    [trace] = swift(tmp_path, model="Qwen/Qwen2.5-7B", use_hf=use_hf)
    assert trace.specs == ("ms://Qwen/Qwen2.5-7B", "Qwen/Qwen2.5-7B")
    [without] = swift(tmp_path, model="Qwen/Qwen2.5-7B", model_revision="v1")
    assert without.specs == ("ms://Qwen/Qwen2.5-7B@v1", "Qwen/Qwen2.5-7B@v1")


def test_the_folder_that_swift_read_comes_first(tmp_path: Path) -> None:
    base = write_folder(tmp_path / "models" / "base", glm_files())
    found = swift(tmp_path, model="Qwen/Qwen2.5-7B", model_dir=str(base))
    assert (found[0].text, str(found[0].source), found[0].specs) == (
        str(base),
        "model_dir of args.json",
        (str(base),),
    )
    assert found[1].specs == ("ms://Qwen/Qwen2.5-7B", "Qwen/Qwen2.5-7B")


def test_a_snapshot_that_is_gone_still_tells_repo_and_commit(tmp_path: Path) -> None:
    path = f"/root/.cache/huggingface/hub/models--Qwen--Qwen2.5-7B/snapshots/{COMMIT}"
    found = swift(tmp_path, model="Qwen/Qwen2.5-7B", model_dir=path, use_hf=True)
    assert [trace.specs for trace in found] == [(f"Qwen/Qwen2.5-7B@{COMMIT}",), ("Qwen/Qwen2.5-7B",)]


def test_a_path_that_reads_as_an_id_is_not_asked_for(tmp_path: Path) -> None:
    """``--model bases/glm`` was a folder, as ``model_dir`` shows: no Hub is asked for ``bases/glm``."""
    found = swift(tmp_path, model="bases/glm", model_dir="/data/bases/glm", use_hf=True)
    assert [trace.specs for trace in found] == [(), ()]


def test_the_other_models_in_swifts_file_are_no_traces(tmp_path: Path) -> None:
    meta = "ModelMeta(models=[Model(ms_model_id='Qwen/Other', hf_model_id='Qwen/Other')])"
    assert swift(tmp_path, model_meta=meta, hub_model_id="me/mine", adapters=["me/lora"]) == ()


# beside -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("merged", "run"),
    [("out/merged", "out"), ("v0/checkpoint-7-merged", "v0/checkpoint-7"), ("out/final", "out")],
)
def test_the_run_beside_the_folder_is_asked(tmp_path: Path, merged: str, run: str) -> None:
    peft = {"adapter_config.json": dump({"base_model_name_or_path": "org/base", "revision": "v2"})}
    write_folder(tmp_path / run, peft)
    [trace] = look(tmp_path / merged, {})
    assert trace.specs == ("org/base@v2",)
    assert str(trace.source) == f"base_model_name_or_path of {tmp_path / run}/adapter_config.json"


@pytest.mark.parametrize(("merged", "other"), [("work/qwen-merged", "work"), ("work/base", "work")])
def test_another_run_nearby_is_not_asked(tmp_path: Path, merged: str, other: str) -> None:
    write_folder(tmp_path / other, {"adapter_config.json": dump({"base_model_name_or_path": "org/base"})})
    assert look(tmp_path / merged, {}) == ()


def test_a_named_adapter_tells_its_base(tmp_path: Path) -> None:
    peft = {"adapter_config.json": dump({"base_model_name_or_path": "org/base"}), "args.json": b"{"}
    adapter = Model(LocalFolder(write_folder(tmp_path / "lora", peft)))
    merged = write_folder(tmp_path / "x", {"config.json": b"{}"})
    [trace] = find_traces(Model(LocalFolder(merged)), merged, adapter)
    assert trace.specs == ("org/base",)


# mergekit and other YAML ------------------------------------------------------------------------------------

RECIPES = {
    "models:\n  - model: a/one\n    parameters: {weight: 0.5}\n  - model: b/two\nmerge_method: linear\n": (
        "a/one",
        "b/two",
    ),
    "slices:\n- sources:\n  - model: a/one\n    layer_range: [0, 16]\n  - model: b/two+c/lora\n"
    "base_model: z/base\n": ("z/base", "a/one", "b/two"),
    "models: [{model: 'a/one'}, {model: \"b/two\", parameters: {weight: 1}}]\n": ("a/one", "b/two"),
    "base_model: /data/my models/x # here\r\n": ("/data/my models/x",),
    "chat_template: |\n  model: not/one\nmodels:\n  - {model: a/one}\n": ("a/one",),
    "base_model:\nmodel: &x a/b\nother: model: a/b\n": (),
    "": (),
    "\0\xff:::\n- - -\n": (),
}


@pytest.mark.parametrize("text", RECIPES)
def test_models_of_a_recipe(text: str) -> None:
    assert recipe_models(text) == RECIPES[text]


def test_a_recipe_in_the_folder(tmp_path: Path) -> None:
    """It was made from whole models: a run beside it, whatever its name, is another one."""
    write_folder(tmp_path / "out", {"adapter_config.json": dump({"base_model_name_or_path": "org/other"})})
    recipe = b"models:\n  - model: a/one\n  - model: b/two\n"
    found = look(tmp_path / "out" / "merged", {"mergekit_config.yml": recipe})
    assert [(trace.specs, str(trace.source)) for trace in found] == [
        (("a/one",), "mergekit_config.yml"),
        (("b/two",), "mergekit_config.yml"),
    ]


def test_a_word_of_yaml_stands_at_the_top_level() -> None:
    assert yaml_word("a: 1\nmodel_name_or_path: 'x/y' # z\n", "model_name_or_path") == "x/y"
    assert yaml_word("train:\n  model_name_or_path: x/y\n", "model_name_or_path") is None
    assert yaml_word("model_name_or_path:\n- x/y\n", "model_name_or_path") is None


# the model card ---------------------------------------------------------------------------------------------


def test_a_copied_card_names_the_bases_parent(tmp_path: Path) -> None:
    """axolotl copies the base's files: the card of Qwen2.5-7B-Instruct names Qwen2.5-7B."""
    copied = card("Qwen/Qwen2.5-7B", "# Qwen2.5-7B-Instruct")
    [trace] = look(tmp_path / "merged", {"README.md": copied})
    assert str(trace.objection) == "README.md is the card of Qwen2.5-7B-Instruct, whose parent it names"


@pytest.mark.parametrize(
    "heading", ["# my-finetune", "# Qwen2.5-7B-sft", "", "# Qwen2.5-7B Instruct tuned by me"]
)
def test_a_card_of_its_own_is_believed(tmp_path: Path, heading: str) -> None:
    [trace] = look(tmp_path / "merged", {"README.md": card("Qwen/Qwen2.5-7B", heading)})
    assert trace.objection is None


def test_a_card_with_several_bases_names_none(tmp_path: Path) -> None:
    files = {"README.md": b"---\nbase_model:\n- a/b\n- c/d\n---\n"}
    assert look(tmp_path / "merged", files) == ()


# what a name can mean ---------------------------------------------------------------------------------------


def test_relative_paths_are_tried_from_here_and_beside_the_folder(tmp_path: Path) -> None:
    merged = tmp_path / "out" / "v0" / "checkpoint-1-merged"
    merged.mkdir(parents=True)
    for place in (Path("bases/glm"), tmp_path / "bases" / "glm"):
        place.mkdir(parents=True)
    assert candidate_specs("bases/glm", merged) == ("./bases/glm", str(tmp_path / "bases/glm"), "bases/glm")
    assert candidate_specs("bases/glm", merged, remote=False) == ("./bases/glm", str(tmp_path / "bases/glm"))


def test_the_folder_itself_is_not_its_base(tmp_path: Path) -> None:
    merged = tmp_path / "merged"
    merged.mkdir()
    (tmp_path / "link").symlink_to(merged)
    for text in (str(merged), f"{merged}/", str(tmp_path / "link"), "../merged"):
        assert candidate_specs(text, merged) == ()


@pytest.mark.parametrize(
    ("text", "specs"),
    [
        ("org/name", ("org/name",)),
        ("org/name@v1", ("org/name@v1",)),
        ("hf://org/name", ("hf://org/name",)),
        ("ms://org/name", ("ms://org/name",)),
        ("https://huggingface.co/org/name", ("https://huggingface.co/org/name",)),
        ("file:///etc", ()),
        ("\\\\host\\share\\model", ()),
        ("//host/share/model", ()),
        ("/nowhere/at/all", ()),
        ("~nobody-at-all/x", ()),
        ("gpt2", ()),
        ("a/b/c", ()),
        ("x" * 300 + "/y", ()),
    ],
)
def test_what_a_name_can_mean(tmp_path: Path, text: str, specs: tuple[str, ...]) -> None:
    assert candidate_specs(text, tmp_path) == specs


@pytest.mark.parametrize(
    ("path", "spec"),
    [
        (f"/x/models--org--na.me/snapshots/{COMMIT}/", f"org/na.me@{COMMIT}"),
        (f"C:\\x\\models--org--name\\snapshots\\{COMMIT}", f"org/name@{COMMIT}"),
        ("/root/.cache/modelscope/hub/models/Qwen/Qwen2___5-7B", "ms://Qwen/Qwen2.5-7B"),
        ("/mnt/modelscope/Qwen/Qwen2___5-7B", "ms://Qwen/Qwen2.5-7B"),
        ("/x/models--gpt2/snapshots/" + COMMIT, None),
        ("/x/models/org/name", None),
    ],
)
def test_paths_into_caches(path: str, spec: str | None) -> None:
    assert repo_of_cache(path) == spec


def test_tokens_in_a_run_s_files_are_not_repeated(tmp_path: Path) -> None:
    secret = "hf_secret"
    args = {"model": f"https://me:{secret}@huggingface.co/org/x", "hub_token": secret, "model_revision": None}
    files = {
        "args.json": dump(args),
        "adapter_config.json": dump({"base_model_name_or_path": f"hf://a/b?t={secret}"}),
    }
    assert look(tmp_path / "merged", files) == ()
