"""A base on ModelScope, from the command line: requests and bytes counted, offline, refused, and no token
shown.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.support.fakemodelscope import Body, FakeModelScope
from tests.support.folders import Files, chatml_files, dump, glm_files, safetensors, write_folder
from tests.support.hub_scene import pretrained, tuned
from tests.support.places import ROOT
from tests.support.running import Result
from tests.support.trees import tree

GENERATION = "generation_config.json"
WEIGHTS = "model-00001-of-00001.safetensors"
BASE = "ms://org/glm"
PUBLISHED: Files = glm_files() | {WEIGHTS: b"w" * 4096, "figures/a.png": b"p"}


class Machine(NamedTuple):
    """A machine that uses a fake ModelScope, and knows no Hub."""

    home: Path
    site: FakeModelScope
    environment: dict[str, str]

    def __call__(self, *args: str | Path) -> Result:
        self.site.requests.clear()
        done = subprocess.run(
            [sys.executable, "-m", "genfix", *map(str, args)],
            env=self.environment,
            cwd=self.home,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert "Traceback" not in done.stderr
        assert "bug in genfix" not in done.stderr
        return Result(done.returncode, done.stdout, done.stderr)

    def json(self, *args: str | Path) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self(*args, "--output-format", "json").out)
        return document

    def folder(self, **changed: bytes | None) -> Path:
        """A GLM folder with ``generation_config=...`` changed, or lost."""
        files = glm_files() | {"model.safetensors": safetensors(151552)}
        for stem, content in changed.items():
            del files[f"{stem}.json"]
            files |= {f"{stem}.json": content} if content is not None else {}
        return write_folder(self.home / f"merged{len(list(self.home.iterdir()))}", files)


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    environment = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
    with FakeModelScope() as site:
        environment |= {
            "HOME": str(tmp_path),
            "MODELSCOPE_ENDPOINT": site.endpoint,
            "HF_ENDPOINT": "http://127.0.0.1:9",
            "NO_PROXY": "*",
            "PYTHONPATH": str(ROOT),
        }
        yield Machine(tmp_path, site, environment)


def test_an_identical_folder_moves_no_file(machine: Machine) -> None:
    large = {"vocab.txt": b"x" * 20_000_000}
    commit = machine.site.add("org/glm", PUBLISHED | large)
    merged = write_folder(machine.folder(), large)
    assert machine.json("check", merged, "--base", BASE)["base"] == f"{BASE}@{commit}"
    assert len(machine.site.requests) == 1
    assert machine.site.sent() == 0


def test_one_file_that_differs_costs_its_bytes(machine: Machine) -> None:
    machine.site.add("org/glm", PUBLISHED)
    lacking = json.loads(glm_files()[GENERATION]) | {"eos_token_id": 151329}
    merged = machine.folder(generation_config=dump(lacking))
    assert machine("check", merged, "--base", BASE).code in {0, 1}
    assert len(machine.site.requests) == 2
    assert machine.site.sent() == len(glm_files()[GENERATION])
    machine("check", merged, "--base", BASE)
    assert len(machine.site.requests) == 1
    assert machine("check", merged, "--base", BASE, "--offline").code in {0, 1}
    assert machine.site.requests == []


def test_a_lost_file_is_restored_and_undone(machine: Machine) -> None:
    commit = machine.site.add("org/glm", PUBLISHED)
    merged = machine.folder(generation_config=None)
    done = machine.json("repair", merged, "--base", BASE)
    assert done["base"] == f"{BASE}@{commit}"
    assert (merged / GENERATION).read_bytes() == glm_files()[GENERATION]
    assert machine.site.asked("safetensors") == []
    [entry] = machine.json("log", merged)["transactions"]
    assert entry["note"]["base"] == f"{BASE}@{commit}"
    assert machine("undo", merged).code == 0
    assert not (merged / GENERATION).exists()
    machine.environment["MODELSCOPE_ENDPOINT"] = machine.site.endpoint
    again = machine("repair", merged, "--base", f"{BASE}@{commit}")
    assert (again.code, machine.site.requests) == (0, [])


def test_a_base_says_the_same_from_modelscope_and_from_a_folder(machine: Machine) -> None:
    """Whether it was trained on, its weights tell: a part of each file is read, as from the Hub."""
    machine.site.add("org/base", pretrained())
    merged, here = (
        write_folder(machine.home / name, files) for name, files in (("m", tuned()), ("b", pretrained()))
    )
    found = [machine.json("check", merged, "--base", base)["findings"] for base in (here, "ms://org/base")]
    assert "GF102" in {finding["code"] for finding in found[0]}
    assert [finding["code"] for finding in found[1]] == [finding["code"] for finding in found[0]]


def test_a_base_of_another_architecture(machine: Machine) -> None:
    machine.site.add("org/qwen", chatml_files())
    merged = machine.folder(generation_config=None)
    before = tree(merged)
    result = machine("repair", merged, "--base", "ms://org/qwen")
    assert (result.code, tree(merged)) == (3, before)
    assert "ms://org/qwen@" in result.err


@pytest.mark.parametrize("body", ["drop", "truncate", "wrong", "html", "garbage", "long"])
@pytest.mark.parametrize("match", ["repo/files", "FilePath="])
def test_every_fault_at_every_request_of_a_repair(machine: Machine, match: str, body: Body) -> None:
    machine.site.add("org/glm", PUBLISHED)
    machine.site.fail(match, body=body)
    merged = machine.folder(generation_config=None)
    before = tree(merged)
    result = machine("repair", merged, "--base", BASE)
    if (match, body) == ("repo/files", "long"):
        assert result.code == 2
    assert (result.code, result.out) == (2, "")
    assert [line[:7] for line in result.err.splitlines()] == [
        "error: ",
        "hint: " + result.err.splitlines()[1][6],
    ]
    assert tree(merged) == before
    assert not list((machine.home / ".cache" / "genfix" / "files").glob("*"))


def test_the_token_is_never_shown(machine: Machine) -> None:
    token = machine.site.token
    machine.site.add("org/glm", PUBLISHED, private=True)
    merged = machine.folder(generation_config=None)
    machine.environment["MODELSCOPE_API_TOKEN"] = token
    results = [machine("plan", merged, "--base", BASE, "--output-format", "json")]
    results.append(machine("repair", merged, "--base", BASE, "--verbose"))
    machine.site.fail("repo/files", status=401)
    results.append(machine("check", merged, "--base", BASE))
    assert [result.code for result in results] == [1, 0, 2]
    assert not [result for result in results if token in result.out + result.err]
    written = [path for path in machine.home.rglob("*") if path.is_file()]
    assert not [path for path in written if token.encode() in path.read_bytes()]


def test_what_swift_wrote_down_is_found_on_modelscope(machine: Machine) -> None:
    """Without ``use_hf`` the id in args.json is one of ModelScope; the Hub is not asked."""
    commit = machine.site.add("org/glm", PUBLISHED)
    merged = machine.folder(generation_config=None)
    write_folder(merged, {"args.json": dump({"model": "org/glm", "model_dir": "/gone", "use_hf": None})})
    result = machine("repair", merged, "--base", "auto")
    assert f"note: the base is {BASE}@{commit[:12]}, which stops at " in result.told
    assert "model of args.json names it" in result.told
    assert (merged / GENERATION).read_bytes() == glm_files()[GENERATION]


def test_a_capsule_of_it_needs_it_no_more(machine: Machine) -> None:
    commit = machine.site.add("org/glm", PUBLISHED)
    merged = machine.folder(generation_config=None)
    made = machine("capsule", BASE, "cap")
    assert (made.code, made.out) == (0, f"{BASE}@{commit}\n"), made.err
    assert not any(WEIGHTS in str(request) for request in machine.site.requests)
    result = machine("repair", merged, "--base", "./cap")
    assert f"note: ./cap is a capsule of {BASE}@{commit}" in result.told
    assert (merged / GENERATION).read_bytes() == glm_files()[GENERATION]
    assert machine.site.requests == []
    assert machine("capsule", "./cap", "again").out == made.out
    assert tree(machine.home / "again").keys() == tree(machine.home / "cap").keys()
    manifest = "genfix-capsule.json"
    assert (machine.home / "again" / manifest).read_bytes() == (machine.home / "cap" / manifest).read_bytes()


def test_a_model_on_modelscope_is_judged_and_planned_for_and_never_written_to(machine: Machine) -> None:
    """Its plan, or its patch, makes of a download what a repair does."""
    lost = {name: content for name, content in glm_files().items() if name != GENERATION}
    files = lost | {"model.safetensors": safetensors(151552)}
    machine.site.add("org/glm", PUBLISHED)
    machine.site.add("me/merged", files)
    folder = write_folder(machine.home / "download", files)
    there = machine.json("check", "ms://me/merged", "--base", BASE)
    assert there["findings"] == machine.json("check", folder, "--base", BASE)["findings"]
    assert "ms://me/merged" in there["target"]
    assert there["findings"]
    machine.site.fail("(safetensors|[0-9a-f]{64}$)", body="whole")
    headless = machine("check", "ms://me/merged", "--base", BASE)
    assert (headless.code, headless.out) == (2, "")
    assert "gives no part of model.safetensors of ms://me/merged" in headless.err
    machine.site.faults.clear()
    plan = machine.home / "plan.json"
    planned = machine("plan", "ms://me/merged", "--base", BASE, "-o", plan)
    assert planned.code == 1
    assert f"genfix apply {plan} --target DIR" in planned.err
    shown = machine("plan", "ms://me/merged", "--base", BASE)
    assert "modelscope download --model me/merged" in shown.err
    patch = machine("plan", "ms://me/merged", "--base", BASE, "--output-format", "patch")
    for words in (
        ("repair", "ms://me/merged", "--base", BASE, "--create-pr"),
        ("apply", plan, "--create-pr"),
        ("apply", plan, "--target", "ms://me/merged", "--push"),
        ("undo", "ms://me/merged", "--create-pr"),
    ):
        refused = machine(*words)
        assert (refused.code, refused.out) == (2, ""), words
        assert "genfix makes no commits on ModelScope" in refused.err
        assert "--output-format patch" in refused.err
    refused = machine("repair", "ms://me/merged", "--base", BASE)
    assert (refused.code, refused.out) == (2, "")
    assert "modelscope download --model me/merged --local_dir merged" in refused.err
    assert "--create-pr" not in refused.err
    patched = write_folder(machine.home / "patched", files)
    subprocess.run(["git", "apply", "-"], cwd=patched, input=patch.out.encode(), check=True)
    assert machine("apply", plan, "--target", folder, "--state-dir", machine.home / "state").code == 0
    for name in (*files, GENERATION):
        assert (patched / name).read_bytes() == (folder / name).read_bytes()
    assert (folder / GENERATION).read_bytes() == PUBLISHED[GENERATION]
