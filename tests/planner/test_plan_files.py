"""Plan files: what is in them, and that `apply` does exactly that, here and on another copy, or nothing."""

import base64
import hashlib
import json
import re
import shlex
import shutil
from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module, resources
from pathlib import Path
from typing import Any

import pytest

import genfix
from genfix.applier import Write
from genfix.applier import apply as write
from genfix.errors import ChangedError, GenfixError, InputError
from genfix.planner.document import PlanDocument
from genfix.planner.plan import Plan
from tests.support.disks import SimulatedCrash, crash_disk
from tests.support.fakehub import FakeHub
from tests.support.folders import FAMILIES, chatml_files, dump, glm_files, write_folder
from tests.support.places import ROOT
from tests.support.plan_world import GENERATION, World
from tests.support.running import Run, spawn
from tests.support.trees import picture, tree, user_files

jsonschema = import_module("jsonschema")  # it has no types of its own


def contents(folder: Path) -> Mapping[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and ".cache" not in path.parts
    }


def planned(plan: Plan, folder: Path) -> Mapping[str, bytes]:
    """What the dry run says the folder will be."""
    after = {change.name: change.after for change in plan.changes}
    return {name: content for name, content in ({**contents(folder), **after}).items() if content is not None}


def test_the_whole_story(run: Run, world: World) -> None:
    shutil.rmtree(world.merged.parent / "copy", ignore_errors=True)
    copy = Path(shutil.copytree(world.merged, world.merged.parent / "copy"))
    wanted = planned(genfix.plan(world.merged, world.base, unsafe_fixes=True), world.merged)
    shown = run("apply", world.plan, "--dry-run")
    assert (shown.code, user_files(world.merged)) == (1, user_files(copy))
    assert f"to make these changes: genfix apply {world.plan}" in shown.err
    done = run("apply", world.plan)
    assert done.code == 0, done.err
    assert "undo:   genfix undo" in done.err
    assert contents(world.merged) == wanted
    assert {"+", "~", "-"} <= {line[:1] for line in shown.out.splitlines()}
    assert (
        shown.out.partition("\n~ ")[2].partition("\n\n")[0]
        == done.out.partition("\n~ ")[2].partition("\n\n")[0]
    )
    assert run("apply", world.plan, "--target", copy).code == 0
    assert contents(copy) == wanted
    assert run("undo", copy).code == 0
    assert "tokenization_chatglm.py" not in contents(copy)


@pytest.mark.parametrize("family", FAMILIES)
def test_apply_writes_the_bytes_of_the_dry_run(tmp_path: Path, family: str) -> None:
    files = FAMILIES[family]()
    base = write_folder(tmp_path / "base", files)
    for lost in files:
        if lost == "config.json":
            continue
        kept = {name: content for name, content in files.items() if name != lost}
        merged, copy = (write_folder(tmp_path / f"{place}-{lost}", kept) for place in ("merged", "copy"))
        plan = genfix.plan(merged, base, unsafe_fixes=True)
        wanted = planned(plan, merged)
        file = tmp_path / f"plan-{lost}.json"
        genfix.save_plan(plan, file)
        loaded = genfix.load_plan(file)
        assert loaded.changes == plan.changes
        assert (loaded.inputs, loaded.views_before, loaded.views_after) == (
            plan.inputs, plan.views_before, plan.views_after,
        )  # fmt: skip
        assert (genfix.apply(loaded, target=copy) is None) is (not plan.changes)
        genfix.apply(loaded)
        assert contents(merged) == contents(copy) == wanted


def test_a_plan_follows_the_published_schema(world: World) -> None:
    text = resources.files("genfix.planner").joinpath("schemas", "plan-file.schema.json").read_text("utf-8")
    schema = json.loads(text)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    validator.validate(world.document)
    assert schema["properties"].keys() == PlanDocument.model_fields.keys()
    for damage in ({"extra": 1}, {"id": "x"}, {"inputs": {"config.json": None}}, {"genfix_plan": 2}):
        assert not validator.is_valid(world.document | damage)


def test_a_plan_is_the_same_bytes_each_time_and_has_no_absolute_path(world: World, tmp_path: Path) -> None:
    place = tmp_path / "elsewhere" / "deep"
    place.mkdir(parents=True)
    for name in ("merged", "base"):
        shutil.copytree(tmp_path / name, place / name)
    genfix.save_plan(genfix.plan(place / "merged", place / "base", unsafe_fixes=True), place / "plan.json")
    assert (place / "plan.json").read_bytes() == world.plan.read_bytes()
    assert str(tmp_path) not in world.plan.read_text()
    assert world.plan.read_text().isascii()
    far = tmp_path / "far.json"
    genfix.save_plan(genfix.plan(place / "merged", place / "base", unsafe_fixes=True), far)
    document = json.loads(far.read_bytes())
    assert document["places"]["target"] == "elsewhere/deep/merged"
    assert {**document, "places": 0} == {**world.document, "places": 0}


def test_field_level_edits(world: World) -> None:
    changes = {change["file"]: change for change in world.document["changes"]}
    assert changes[GENERATION]["edits"] == [
        {"pointer": "/eos_token_id", "before": 151329, "after": [151329, 151336, 151338]},
        {"pointer": "/max_new_tokens", "before": 9},
    ]
    assert changes["tokenization_chatglm.py"]["action"] == "create"
    assert changes["tokenization_chatglm.py"]["source"] == "base"
    assert changes["adapter_config.json"]["action"] == "quarantine"
    assert changes[GENERATION]["before_sha256"] == world.document["inputs"][GENERATION]


def test_every_input_in_turn_makes_it_stale(run: Run, world: World) -> None:
    document = world.document
    for folder, names in (
        (world.merged, [*document["inputs"], *document["absent"]]),
        (world.base, [*document["base"]["inputs"]]),
    ):
        for name in names:
            path = folder / name
            old = path.read_bytes() if path.exists() else None
            path.write_bytes((old or b"") + b" ")
            before = picture(world.merged, world.base)
            result = run("apply", world.plan)
            assert result.code == 3, name
            assert result.err.startswith("error: stale plan: ")
            assert name in result.err
            assert picture(world.merged, world.base) == before
            path.unlink() if old is None else path.write_bytes(old)
    assert run("apply", world.plan).code == 0


def test_an_input_that_changes_after_loading_is_seen_too(world: World) -> None:
    plan = genfix.load_plan(world.plan)
    config = world.merged / "config.json"
    config.write_bytes(config.read_bytes() + b"\n")
    before = tree(world.merged)
    with pytest.raises(ChangedError, match="stale plan: config"):
        genfix.apply(plan)
    assert tree(world.merged) == before


def test_a_second_apply_has_nothing_to_do(run: Run, world: World) -> None:
    assert run("apply", world.plan).code == 0
    before = tree(world.merged)
    again = run("apply", world.plan)
    assert again.code == 0
    assert "note: the plan was applied already" in again.err
    assert "nothing to change" in again.err
    assert tree(world.merged) == before
    assert genfix.apply(genfix.load_plan(world.plan)) is None
    assert run("undo", world.merged).code == 0
    assert run("apply", world.plan).code == 0
    (world.merged / GENERATION).write_bytes(b"{}")
    assert run("apply", world.plan).code == 3


def test_after_a_crash_apply_finishes_what_it_began(run: Run, world: World, tmp_path: Path) -> None:
    plan = genfix.load_plan(world.plan)
    before, after = contents(world.merged), planned(plan, world.merged)
    changed = {change.name: change.after for change in plan.changes}
    for at in range(1, 400):
        copy = Path(shutil.copytree(world.merged, tmp_path / str(at)))
        writes = [Write(name, plan.inputs[name], content) for name, content in changed.items()]
        with suppress(SimulatedCrash):
            write(copy, writes, inputs=plan.inputs, note={}, fs=crash_disk(at))
        if contents(copy) not in (before, after):
            break
    else:
        pytest.fail("no crash left the folder half done")
    result = run("apply", world.plan, "--target", copy)
    assert result.code == 0, result.err
    assert contents(copy) == after
    assert run("undo", copy).code == 0
    assert contents(copy) == before


def test_a_plan_without_changes_is_a_plan(run: Run, world: World, tmp_path: Path) -> None:
    file = tmp_path / "empty.json"
    assert run("plan", world.base, "--base", world.base, "-o", file).code == 0
    assert run("apply", file).code == 0
    assert run("apply", file, "--dry-run").code == 0
    (world.base / "config.json").write_bytes(b"{}")
    assert run("apply", file).code == 3


def test_without_its_base_a_plan_can_still_be_applied(run: Run, world: World) -> None:
    shutil.rmtree(world.base)
    assert run("apply", world.plan).code == 0
    assert (world.merged / "tokenization_chatglm.py").read_bytes() == glm_files()["tokenization_chatglm.py"]


def test_moved_together_they_are_found_and_alone_it_says_so(run: Run, world: World, tmp_path: Path) -> None:
    away = tmp_path / "away"
    away.mkdir()
    world.plan.rename(away / "plan.json")
    lost = run("apply", away / "plan.json")
    assert lost.code == 2
    assert "there is no folder" in lost.err
    world.merged.rename(away / "merged")
    assert run("apply", away / "plan.json").code == 0


def test_a_large_file_comes_from_the_base_or_as_a_splice(run: Run, tmp_path: Path) -> None:
    big = {"x" * 50 + str(number): number for number in range(30_000)}
    files = chatml_files()
    table = {"truncation": None} | json.loads(files["tokenizer.json"])
    table["model"]["vocab"] = big
    merges = b"#version: 0.2\n" + b"a b\n" * 300_000
    files |= {"tokenizer.json": dump(table), "merges.txt": merges, "vocab.json": dump(big)}
    base = write_folder(tmp_path / "large", files)
    cut = dump(table | {"truncation": {"max_length": 512}})
    merged = write_folder(tmp_path / "cut", files | {"tokenizer.json": cut})
    (merged / "merges.txt").unlink()
    (merged / "vocab.json").unlink()
    file = tmp_path / "big.json"
    plan = genfix.plan(merged, base, unsafe_fixes=True)
    wanted = planned(plan, merged)
    genfix.save_plan(plan, file)
    assert file.stat().st_size < 200_000
    kinds = {
        c["file"]: (c["content"] or {}).get("encoding") for c in json.loads(file.read_bytes())["changes"]
    }
    assert kinds["tokenizer.json"] == "splice"
    assert kinds["merges.txt"] == kinds["vocab.json"] == "source"
    base.rename(tmp_path / "moved")
    lost = run("apply", file)
    assert lost.code == 2
    assert "--base" in lost.err
    assert contents(merged) != wanted
    wrong = write_folder(tmp_path / "wrong", files | {"merges.txt": merges + b" "})
    assert run("apply", file, "--base", wrong).code == 2
    assert run("apply", file, "--base", tmp_path / "moved").code == 0
    assert contents(merged) == wanted


def test_bytes_that_are_no_text_are_carried(world: World, tmp_path: Path) -> None:
    code = b"# -*- coding: latin-1 -*-\nx = '\xe9'\n"
    (world.base / "tokenization_chatglm.py").write_bytes(code)
    genfix.save_plan(genfix.plan(world.merged, world.base, unsafe_fixes=True), world.plan)
    [change] = [c for c in world.document["changes"] if c["file"] == "tokenization_chatglm.py"]
    assert base64.b64decode(change["content"]["data"]) == code
    genfix.apply(genfix.load_plan(world.plan))
    assert (world.merged / "tokenization_chatglm.py").read_bytes() == code


def test_a_base_on_the_hub_is_named_by_its_commit_and_a_token_never(
    run: Run, world: World, tmp_path: Path
) -> None:
    file = tmp_path / "hub.json"
    with FakeHub() as hub:
        commit = hub.add_repo("org/glm", glm_files())
        secret = "hf_" + "s" * 34
        hub.tokens[secret] = True
        environment = {
            "HF_ENDPOINT": hub.endpoint, "HF_HOME": str(tmp_path / "hf"), "HF_TOKEN": secret, "NO_PROXY": "*",
        }  # fmt: skip
        made = spawn("plan", world.merged, "--base", "org/glm", "-o", file, "--unsafe-fixes", env=environment)
    assert made.code == 1, made.err
    document = json.loads(file.read_bytes())
    assert (document["base"]["name"], document["base"]["kind"]) == ("org/glm", "hub")
    assert document["base"]["revision"] == commit
    assert secret not in file.read_text()
    assert run("apply", file).code == 0  # the Hub is gone, and not asked


def test_a_plan_for_a_repo_is_applied_to_a_download_of_it(run: Run, world: World, tmp_path: Path) -> None:
    file = tmp_path / "repo.json"
    with FakeHub() as hub:
        hub.add_repo("org/merged", contents(world.merged))
        hub.add_repo("org/glm", glm_files())
        environment = {"HF_ENDPOINT": hub.endpoint, "HF_HOME": str(tmp_path / "hf"), "NO_PROXY": "*"}
        words = ("--base", "hf://org/glm", "-o", file, "--unsafe-fixes")
        made = spawn("plan", "hf://org/merged", *words, env=environment)
    assert made.code == 1, made.err
    assert f"genfix apply {file} --target hf://org/merged --create-pr" in made.err
    assert "is not a folder on this machine" in run("apply", file).err
    wanted = planned(genfix.load_plan(file, target=world.merged), world.merged)
    assert run("apply", file, "--target", world.merged).code == 0
    assert contents(world.merged) == wanted


# Where it is written ----------------------------------------------------------------------------------------


def test_not_into_the_model_folder_nor_over_a_folder(run: Run, world: World, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(world.merged)
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    before = {name: entry for name, entry in tree(tmp_path).items() if name != "."}
    for place in (
        world.merged / "plan.json", world.merged / "config.json", tmp_path / "link" / "x.json", tmp_path,
        tmp_path / "nowhere" / "plan.json", tmp_path / ("x" * 300), tmp_path / "loop",
    ):  # fmt: skip
        result = run("plan", world.merged, "--base", world.base, "-o", place)
        assert result.code == 2, place
        assert result.err.splitlines()[-2].startswith("error: ")
    # A draft that could not get its name has come and gone: only the time of the directory tells.
    assert {name: entry for name, entry in tree(tmp_path).items() if name != "."} == before


def test_an_older_plan_is_replaced_with_its_mode(run: Run, world: World) -> None:
    world.plan.write_bytes(b"old")
    world.plan.chmod(0o640)
    assert run("plan", world.merged, "--base", world.base, "-o", world.plan).code == 1
    assert world.document["genfix_plan"] == 1
    assert world.plan.stat().st_mode & 0o777 == 0o640
    assert [path.name for path in world.plan.parent.iterdir() if path.name.startswith(".")] == []


def test_the_next_command_is_told(run: Run, world: World) -> None:
    told = run("plan", world.merged, "--base", world.base, "-o", world.plan).err
    assert f"to make these changes: genfix apply {world.plan}\n" in told
    assert f"plan {world.document['id'][:12]} is in {world.plan}\n" in told


def test_a_plan_that_does_not_say_where(run: Run, world: World) -> None:
    document: dict[str, Any] = world.document
    document["places"] = dict.fromkeys(document["places"])
    world.rewrite(document)
    result = run("apply", world.plan)
    assert (result.code, "--target DIR" in result.err) == (2, True)
    with pytest.raises(InputError):
        genfix.load_plan(world.plan)
    assert run("apply", world.plan, "--target", world.merged).code == 0


def test_a_hash_in_the_plan_is_the_hash_of_the_file(world: World) -> None:
    for name, digest in world.document["base"]["inputs"].items():
        assert hashlib.sha256((world.base / name).read_bytes()).hexdigest() == digest


def test_a_plan_needs_a_folder_to_be_saved_for(world: World) -> None:
    plan = genfix.load_plan(world.plan)
    shutil.rmtree(world.merged)
    with pytest.raises(GenfixError):
        genfix.save_plan(plan, world.plan)


@pytest.mark.parametrize("page", ["plan-files.md", "configuration.md"])
def test_the_pages_commands_run(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, page: str) -> None:
    shutil.copytree(ROOT / "examples" / "glm4", tmp_path, dirs_exist_ok=True)
    (tmp_path / "ci").mkdir()
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "docs" / page).read_text("utf-8")
    for language, block in re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        if language == "python":
            run("undo", "merged")
            exec(compile(block, page, "exec"), {})
        elif language == "toml":
            (tmp_path / "ci" / "genfix.toml").write_text(block)
        for line in block.splitlines() if language in {"sh", "console"} else ():
            words = shlex.split(line.removeprefix("$ ").partition("||")[0])
            if "ci/genfix.toml" in words:
                words += ["--base", "base", "--baseline", "known.json", "--write-baseline", "known.json"]
            assert run(*words[1:]).code in {0, 1}, line
