"""The hooks for pre-commit, the GitHub Action and shell completion do what their pages say."""

import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from tests.support.folders import dump, glm_files, write_folder
from tests.support.places import ROOT
from tests.support.running import Run

GENERATION = "generation_config.json"
BROKEN = glm_files() | {GENERATION: dump(json.loads(glm_files()[GENERATION]) | {"eos_token_id": 151329})}
COMMAND = f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m genfix "$@"\n'

yaml = import_module("yaml")  # it has no types of its own


def installed(folder: Path) -> Path:
    """A folder with a ``genfix`` command in it."""
    folder.mkdir(parents=True)
    (folder / "genfix").write_text(COMMAND)
    (folder / "genfix").chmod(stat.S_IRWXU)
    return folder


# pre-commit -----------------------------------------------------------------------------------------------


class Repository:
    """A model's git repository that uses the hooks."""

    def __init__(self, root: Path, base: Path, bin_: Path) -> None:
        self.root = root
        self.environment = {
            **os.environ, "PATH": f"{bin_}{os.pathsep}{os.environ['PATH']}",
            "PRE_COMMIT_HOME": str(root.parent / "cache"), "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_SYSTEM": os.devnull, "GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@b.c",
            "GIT_COMMITTER_NAME": "A", "GIT_COMMITTER_EMAIL": "a@b.c",
        }  # fmt: skip
        hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
        # As the manifest has them, but for the installation, which needs a network.
        mine = [{**hook, "language": "system", "args": ["--base", str(base)]} for hook in hooks]
        config = {"repos": [{"repo": "local", "hooks": mine}]}
        (root / ".pre-commit-config.yaml").write_text(json.dumps(config))
        self.git("init", "-q")
        self.git("add", "-A")

    def git(self, *words: str) -> None:
        subprocess.run(["git", *words], cwd=self.root, env=self.environment, check=True)

    def hook(self, name: str, *options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["pre-commit", "run", name, "--verbose", *options],
            cwd=self.root,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    if shutil.which("pre-commit") is None:
        pytest.skip("pre-commit is not on this machine")
    base = write_folder(tmp_path / "base", glm_files())
    return Repository(write_folder(tmp_path / "model", BROKEN), base, installed(tmp_path / "bin"))


def test_the_check_hook_names_what_is_wrong_and_writes_nothing(repository: Repository) -> None:
    done = repository.hook("genfix-check")
    assert done.returncode == 1
    assert "GF101 generation_config.json" in done.stdout
    assert (repository.root / GENERATION).read_bytes() == BROKEN[GENERATION]


def test_the_repair_hook_repairs_once_and_fails_until_that_is_added(repository: Repository) -> None:
    (repository.root / "config.json").unlink()  # a new file alone is nothing pre-commit would notice
    repository.git("add", "-A")
    first = repository.hook("genfix-repair")
    assert first.returncode == 1
    assert "repaired 2 files of ." in first.stdout
    repository.git("add", "-A")
    assert repository.hook("genfix-repair").returncode == 0
    assert repository.hook("genfix-check").returncode == 0
    listed = subprocess.run(
        ["git", "ls-files"], cwd=repository.root, env=repository.environment, capture_output=True, check=True
    )
    assert b".cache" not in listed.stdout


def test_the_hooks_rest_where_no_file_of_a_model_changed(repository: Repository) -> None:
    repository.git("commit", "-qm", "model", "--no-verify")
    (repository.root / "notes.md").write_text("x")
    repository.git("add", "-A")
    assert "no files to check" in repository.hook("genfix-check").stdout
    (repository.root / "chat_template.jinja").write_text("x")
    repository.git("add", "-A")
    assert "GF101" in repository.hook("genfix-check").stdout


def test_the_manifest_names_commands_that_are_there(run: Run) -> None:
    for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8")):
        program, *words = hook["entry"].split()
        assert program == "genfix"
        assert run(*words, "--help").code == 0


# The GitHub Action ----------------------------------------------------------------------------------------


def steps() -> Iterator[Mapping[str, Any]]:
    yield from yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))["runs"]["steps"]


def act(folder: Path, **inputs: str) -> tuple[subprocess.CompletedProcess[str], str]:
    """The step that checks, as a runner starts it; and the summary it wrote."""
    action = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
    given = {name: str(entry["default"]) for name, entry in action["inputs"].items()} | inputs
    (step,) = (step for step in steps() if step.get("name") == "Check")
    environment = {
        name: given[value.removeprefix("${{ inputs.").removesuffix(" }}")]
        for name, value in step["env"].items()
    }
    if not (folder / "tools").exists():
        installed(folder / "tools" / "genfix" / "bin")
    summary = folder / "summary.md"
    summary.write_text("")
    runner_has = {"RUNNER_TEMP": str(folder / "tools"), "GITHUB_STEP_SUMMARY": str(summary)}
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
        cwd=folder, env={**os.environ, **environment, **runner_has}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    return done, summary.read_text("utf-8")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    write_folder(tmp_path / "base", glm_files())
    write_folder(tmp_path / "my model", BROKEN)
    return tmp_path


def test_the_action_annotates_summarises_and_fails(model: Path) -> None:
    done, summary = act(model, path="my model", base="base")
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith("::error file=my model/generation_config.json,line=")
    assert summary.startswith("### genfix: 1 error; 1 file to repair\n")
    assert "```diff" in summary


def test_the_action_passes_where_nothing_is_wrong(model: Path) -> None:
    done, summary = act(model, path="base", base="base")
    assert (done.returncode, done.stdout) == (0, "")
    assert summary.startswith("### genfix: nothing to change")


def test_the_action_takes_options_as_words_and_nothing_as_code(model: Path) -> None:
    done, _ = act(model, path="my model", base="base", args="--ignore GF101,GF103 --verbose")
    assert done.returncode == 0, done.stderr
    done, summary = act(
        model, path="$(touch hacked)", base="`touch hacked`", args="--select * ; touch hacked"
    )
    assert done.returncode == 2
    assert done.stdout.startswith("::error title=genfix::")
    assert summary == ""
    assert not (model / "hacked").exists()
    assert act(model, path="my model", base="base", **{"fail-on": "never"})[0].returncode == 2


def test_the_action_hands_the_token_on_and_leaves_that_of_the_job(model: Path) -> None:
    tools = model / "tools" / "genfix" / "bin"
    tools.mkdir(parents=True)
    (tools / "genfix").write_text('#!/bin/sh\necho "token: $HF_TOKEN"\n')
    (tools / "genfix").chmod(stat.S_IRWXU)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_TOKEN", "of the job")
        assert act(model)[0].stdout == "token: of the job\n"
        assert act(model, **{"hf-token": "hf_x"})[0].stdout == "token: hf_x\n"


def test_no_input_is_pasted_into_a_script() -> None:
    assert not any("${{" in step.get("run", "") for step in steps())


# Shell completion -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_gets_its_completion(run: Run, monkeypatch: pytest.MonkeyPatch, shell: str) -> None:
    monkeypatch.setenv("_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION", "1")
    told = run("--show-completion", shell)
    assert told.code == 0
    assert "_GENFIX_COMPLETE" in told.out


def test_words_are_completed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_GENFIX_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "genfix re")
    monkeypatch.setenv("COMP_CWORD", "1")
    assert run().out.split() == ["repair", "restore"]
    monkeypatch.setenv("COMP_WORDS", "genfix check --output-format ")
    monkeypatch.setenv("COMP_CWORD", "3")
    assert {"text", "json", "sarif", "github", "markdown"} <= set(run().out.split())
