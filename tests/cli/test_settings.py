"""Settings of a project: where they are looked for, what they change, and what is wrong with them."""

import json
import os
from pathlib import Path

import pytest

from genfix.api.settings import Settings, find_settings, read_settings
from genfix.errors import InputError
from genfix.rules import Severity
from tests.support.folders import dump, glm_files, safetensors, write_folder
from tests.support.running import Run
from tests.support.trees import tree

GENERATION = "generation_config.json"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a base and two merged folders; the caller stands in it."""
    files = glm_files()
    broken = json.loads(files[GENERATION]) | {"eos_token_id": 151329, "max_new_tokens": 9}
    root = tmp_path / "project"
    write_folder(root / "models" / "base", files)
    write_folder(root / "out" / "merged", files | {GENERATION: dump(broken)})
    write_folder(root / "out" / "other", files | {GENERATION: dump(broken)})
    monkeypatch.chdir(root)
    return root


def codes(run: Run, *args: str | Path) -> set[str]:
    result = run("check", *args, "--output-format", "json")
    assert result.code in {0, 1}, result.err
    return {finding["code"] for finding in json.loads(result.out)["findings"]}


BASE = ("--base", "models/base")


def test_ignore_and_select(run: Run, project: Path) -> None:
    assert codes(run, "out/merged", *BASE) >= {"GF101", "GF603"}
    (project / "genfix.toml").write_text('ignore = ["GF1"]\n')
    assert "GF101" not in codes(run, "out/merged", *BASE)
    assert "GF603" in codes(run, "out/merged", *BASE)
    (project / "genfix.toml").write_text('select = ["GF1"]\n')
    assert codes(run, "out/merged", *BASE) == {"GF101"}


def test_what_is_typed_wins(run: Run, project: Path) -> None:
    (project / "genfix.toml").write_text('select = ["GF1"]\nignore = ["GF101"]\nfail-on = "warning"\n')
    assert codes(run, "out/merged", *BASE) == set()
    assert codes(run, "out/merged", *BASE, "--select", "GF101") == {"GF101"}
    assert codes(run, "out/merged", *BASE, "--isolated") >= {"GF101", "GF603"}
    (project / "genfix.toml").write_text('ignore = ["GF101"]\n')
    assert codes(run, "out/merged", *BASE, "--ignore", "GF603").isdisjoint({"GF101", "GF603"})
    assert codes(run, "out/merged", *BASE, "--ignore", "GF603") == codes(
        run, "out/merged", *BASE, "--isolated", "--ignore", "GF101,GF603"
    )


def test_fail_on(run: Run, project: Path) -> None:
    (project / "genfix.toml").write_text('select = ["GF603"]\n')
    assert run("check", "out/merged", *BASE).code == 0
    (project / "genfix.toml").write_text('select = ["GF603"]\nfail-on = "warning"\n')
    assert run("check", "out/merged", *BASE).code == 1
    assert run("check", "out/merged", *BASE, "--fail-on", "error").code == 0


def test_unsafe_fixes(run: Run, project: Path) -> None:
    weights = {"adapter_config.json": b"{}", "model.safetensors": safetensors(151552, 4096)}
    write_folder(project / "out/merged", weights)
    assert "adapter_config.json" not in run("plan", "out/merged", *BASE).out.partition("\n~ ")[2]
    (project / "genfix.toml").write_text("unsafe-fixes = true\n")
    assert "- adapter_config.json: moved" in run("plan", "out/merged", *BASE).out
    assert "- adapter_config.json: moved" not in run("plan", "out/merged", *BASE, "--no-unsafe-fixes").out


def test_a_base_is_seen_from_the_file(run: Run, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "genfix.toml").write_text('base = "./models/base"\n')
    monkeypatch.chdir(project / "out")
    assert "GF101" in codes(run, "merged")
    assert run("repair", "merged").code == 0
    assert json.loads((project / "out/merged" / GENERATION).read_bytes())["eos_token_id"] == [
        151329,
        151336,
        151338,
    ]


def test_per_path(run: Run, project: Path) -> None:
    (project / "genfix.toml").write_text(
        'base = "./models/base"\nignore = ["GF6"]\n[per-path]\n'
        '"out/oth*" = { ignore = ["GF1"], fail-on = "info" }\n'
        '"*/none" = { select = ["GF9"] }\n'
    )
    assert codes(run, "out/merged") == {"GF101"}
    assert codes(run, "out/other") == set()
    assert codes(run, project / "out" / "other") == set()


def test_engines(run: Run, project: Path) -> None:
    (project / "genfix.toml").write_text('engines = ["sglang", "vllm@0.6"]\n')
    told = json.loads(run("engines", "out/merged", "--output-format", "json").out)["engines"]
    assert [view["engine"] for view in told] == ["sglang", "vllm"]
    typed = run("engines", "out/merged", "--engine", "mlx-lm", "--output-format", "json").out
    assert [view["engine"] for view in json.loads(typed)["engines"]] == ["mlx-lm"]


def test_a_folder_is_judged_for_the_engines_that_run_it(run: Run, project: Path) -> None:
    asked = ("check", "out/merged", *BASE)
    assert run(*asked).code == 1
    typed = run(*asked, "--engine", "sglang", "--verbose")
    assert typed.code == 0
    assert "suffer, and sglang not" in " ".join(typed.out.split())
    (project / "genfix.toml").write_text('engines = ["sglang@0.5"]\n')
    assert run(*asked).code == 0
    assert run(*asked, "--engine", "vllm").code == 1
    assert run("repair", "out/merged", *BASE).code == 0
    assert "GF101" not in codes(run, "out/merged", *BASE)
    unknown = run(*asked, "--engine", "nobody")
    assert (unknown.code, unknown.out) == (2, "")
    assert "no view of an engine 'nobody'" in unknown.err


# Where they are looked for ----------------------------------------------------------------------------------


def test_the_nearest_one_counts(run: Run, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project.parent / "genfix.toml").write_text('ignore = ["GF101"]\n')
    assert "GF101" not in codes(run, "out/merged", *BASE)
    (project / "pyproject.toml").write_text('[project]\nname = "genfix-user"\n')
    assert "GF101" not in codes(run, "out/merged", *BASE)
    (project / "pyproject.toml").write_text('[tool.genfix]\nignore = ["GF603"]\n')
    assert "GF101" in codes(run, "out/merged", *BASE)
    (project / "genfix.toml").write_text("")
    assert "GF603" in codes(run, "out/merged", *BASE)
    (project / "a" / "b").mkdir(parents=True)
    (project / "genfix.toml").write_text('ignore = ["GF101"]\n')
    monkeypatch.chdir(project / "a" / "b")
    assert "GF101" not in codes(run, "../../out/merged", "--base", "../../models/base")


@pytest.mark.parametrize("inside", [".", "sub"])
@pytest.mark.parametrize("place", ["out/merged", "models/base", "out/other"])
def test_never_from_a_model_folder(
    run: Run, project: Path, monkeypatch: pytest.MonkeyPatch, place: str, inside: str
) -> None:
    """Not of the target, not of the base, and not of any other model the caller stands in."""
    here = project / place / inside
    here.mkdir(exist_ok=True)
    (project / place / "genfix.toml").write_text('ignore = ["GF"]\n')
    (here / "pyproject.toml").write_text('[tool.genfix]\nignore = ["GF"]\n')
    monkeypatch.chdir(here)
    result = run("check", project / "out/merged", "--base", project / "models/base")
    assert result.code == 1
    assert "GF101" in result.out
    assert "is not read, since it lies in a model folder" in result.told


def test_a_target_that_has_lost_nearly_all_is_still_no_place_for_settings(
    run: Run, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = write_folder(
        project / "bare", {GENERATION: b'{"eos_token_id": 151329}', "genfix.toml": b'ignore=["GF"]'}
    )
    monkeypatch.chdir(target)
    assert "not read" in run("check", ".", "--base", "../models/base").told


def test_a_named_file_is_read_wherever_it_lies(run: Run, project: Path) -> None:
    inside = project / "out/merged/genfix.toml"
    inside.write_text('ignore = ["GF101"]\n')
    assert "GF101" not in codes(run, "out/merged", *BASE, "--config", inside)
    assert run("check", "out/merged", *BASE, "--config", inside, "--isolated").code == 2
    missing = run("check", "out/merged", *BASE, "--config", "nowhere.toml")
    assert (missing.code, "cannot read the settings nowhere.toml" in missing.err) == (2, True)
    (project / "pyproject.toml").write_text("[project]\n")
    assert "[tool.genfix]" in run("check", "out/merged", *BASE, "--config", "pyproject.toml").err


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root to give a file away")
def test_a_file_of_another_user_is_not_read(project: Path) -> None:
    path = project.parent / "genfix.toml"
    path.write_text('ignore = ["GF"]\n')
    os.chown(path, 12345, 12345)
    found = find_settings(project)
    assert found.ignore == ()
    assert "belongs to another user" in str(found.notes[0])
    os.chown(project, 12345, 12345)  # unless the folder the caller stands in is that user's as well
    assert find_settings(project).ignore == ("GF",)


def test_a_search_writes_nothing(run: Run, project: Path) -> None:
    (project / "genfix.toml").write_text('ignore = ["GF101"]\n')
    before = tree(project)
    codes(run, "out/merged", *BASE)
    assert tree(project) == before


# What is wrong with them ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("selct = []", "selct: there is no such setting"),
        ("select = 1", "select: it must be a list of texts"),
        ("select = [1]", "select: it must be a list of texts"),
        ('select = "GF1"', "select: it must be a list of texts"),
        ('select = ["GFX"]', "select: there is no rule 'GFX'"),
        ('ignore = [""]', "ignore: there is no rule ''"),
        ('fail-on = "never"', "fail-on: 'never' is no severity"),
        ("fail-on = true", "fail-on: it must be text"),
        ("unsafe-fixes = 1", "unsafe-fixes: it must be true or false"),
        ("unsafe_fixes = true", "unsafe_fixes: there is no such setting"),
        ('engines = ["nosuch"]', "engines: there is no view of 'nosuch'"),
        ('base = ""', "base: it must be text"),
        (r'baseline = "a\u0000b"', "baseline: it must be text"),
        ("per-path = []", "per-path: it must be a table of tables"),
        ('[per-path]\n"out/*" = 1', "per-path: it must be a table of tables"),
        ('[per-path."out/*"]\nignor = []', 'per-path."out/*".ignor: there is no such setting'),
        ('[per-path."out/*".per-path."x"]', 'per-path."out/*".per-path: there is no such setting'),
        ("select = [", "is not valid TOML"),
        ("[a]\n[a]", "is not valid TOML"),
    ],
)
def test_errors_name_the_file_and_the_key(run: Run, project: Path, text: str, told: str) -> None:
    (project / "genfix.toml").write_text(text)
    result = run("check", "out/merged", *BASE)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(f"error: {project}/genfix.toml")
    assert told in result.err
    assert run("check", "out/merged", *BASE, "--isolated").code == 1


@pytest.mark.parametrize("content", [b"\xff\xfe", b"x = '\x1b[31m", b"[" * 100_000, b"a." * 5_000 + b"b = 1"])
def test_hostile_bytes_are_an_error(run: Run, project: Path, content: bytes) -> None:
    (project / "genfix.toml").write_bytes(content)
    result = run("check", "out/merged", *BASE)
    assert result.code == 2
    assert "bug in genfix" not in result.err
    assert "\x1b" not in result.err


def test_from_python(project: Path) -> None:
    path = project / "genfix.toml"
    path.write_text(
        'fail-on = "info"\nbaseline = "known.json"\noffline = true\n[per-path."a*"]\noffline = false\n'
    )
    found = read_settings(path)
    assert found == find_settings(project / "out")
    assert (found.fail_on, found.baseline, found.offline) == (Severity.INFO, project / "known.json", True)
    assert found.of(project / "abc").offline is False
    assert found.of(project / "b").offline is True
    assert found.of("hf://abc/def").offline is True
    assert (
        found._replace(per_path=(("hf://abc/*", Settings(offline=False)),)).of("hf://abc/def").offline
        is False
    )
    assert find_settings(Path("/")) == Settings()
    with pytest.raises(InputError):
        read_settings(project / "none.toml")


def test_a_sweep_reads_them_for_each_folder(run: Run, project: Path) -> None:
    def swept(*words: str) -> tuple[int, dict[str, int]]:
        told = run("sweep", "out", "--executor", "thread", "--jobs", "1", *words)
        found = json.loads(run("sweep", "report", "--output-format", "json").out)
        codes = {rule["rule"].split()[0]: rule["folders"] for rule in found["by_rule"]}
        return told.code, codes

    (project / "genfix.toml").write_text('base = "./models/base"\nselect = ["GF101", "GF603"]\n')
    assert swept() == (1, {"GF101": 2, "GF603": 2})
    with (project / "genfix.toml").open("a") as file:
        file.write('[per-path]\n"out/other" = {ignore = ["GF101"]}\n')
    told = run("sweep", "out", "--executor", "thread")
    assert "1 folder judged; 1 not changed since" in told.told, told.err
    assert swept() == (1, {"GF101": 1, "GF603": 2})
    assert swept("--ignore", "GF101") == (0, {"GF603": 2})
    (project / "genfix.toml").write_text('base = "./models/base"\nselect = ["GF603"]\nfail-on = "warning"\n')
    assert swept()[0] == 1
    assert swept("--fail-on", "error")[0] == 0
    assert swept("--isolated")[1] != swept()[1]
    (project / "genfix.toml").write_text("select = 1")
    assert run("sweep", "out").code == 2
