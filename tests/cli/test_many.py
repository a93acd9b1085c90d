"""Several folders in one command: one table, one exit code, each by itself."""

import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import termios
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from tests.support.folders import chatml_files, dump, glm_files, without, write_folder
from tests.support.places import ROOT
from tests.support.running import Run, spawn
from tests.support.trees import tree, user_files

GENERATION = "generation_config.json"
FORMATS = ("text", "concise", "json", "sarif", "github", "gitlab", "junit", "markdown")
jsonschema = import_module("jsonschema")  # it has no types of its own
SARIF = ROOT / "tests" / "report" / "schemas" / "sarif-2.1.0.json"


def narrowed() -> dict[str, bytes]:
    settings = json.loads(glm_files()[GENERATION]) | {"eos_token_id": 151329}
    return glm_files() | {GENERATION: dump(settings)}


@pytest.fixture
def zoo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One that never stops, one that is worse, one that is healthy, and an adapter; with their base."""
    monkeypatch.chdir(tmp_path)
    write_folder(tmp_path / "base", glm_files())
    write_folder(tmp_path / "zoo" / "endless", narrowed())
    write_folder(tmp_path / "zoo" / "healthy", glm_files())
    write_folder(tmp_path / "zoo" / "lost", without(glm_files(), GENERATION))
    write_folder(tmp_path / "zoo" / "adapter", {"adapter_config.json": b"{}"})
    return tmp_path / "zoo"


def lines_of(table: str) -> dict[str, list[str]]:
    """The rows of a table by their folder, words only."""
    rows = [line.split() for line in table.splitlines()[1:]]
    return {row[-1]: row[:-1] for row in rows if row}


def test_one_table_says_how_bad_each_is(run: Run, zoo: Path) -> None:
    before = tree(zoo)
    result = run("check", "zoo", "--base", "base")
    assert result.code == 1
    details, _, table = result.out.partition("state ")
    assert [line for line in details.splitlines() if line.startswith("==")] == [
        "== zoo/endless",
        "== zoo/lost",
    ]
    assert lines_of(table) == {
        "zoo/endless": ["never", "stops", "1", "error", "GF101", "stop-tokens-narrowed"],
        "zoo/healthy": ["healthy"],
        "zoo/lost": ["worse", "1", "warning", "GF601", "generation-config-missing"],
    }
    assert result.told == "3 folders: 1 with errors, 1 with warnings only"
    assert tree(zoo) == before


def test_one_that_cannot_be_judged_stops_no_other(run: Run, zoo: Path) -> None:
    words = ("zoo/healthy", "zoo/adapter", "zoo/nowhere", "zoo/endless")
    result = run("check", *words, "--base", "base")
    assert result.code == 2
    rows = lines_of(result.out.partition("state ")[2].partition("\n\n")[0])
    assert [*rows] == [*words]
    assert rows["zoo/adapter"] == rows["zoo/nowhere"] == ["not", "judged"]
    assert "zoo/adapter: zoo/adapter is an adapter" in result.out
    assert "zoo/nowhere: there is no folder zoo/nowhere" in result.out
    assert result.told == "4 folders: 1 with errors, 2 could not be judged or repaired"


def test_a_bug_that_one_folder_finds_is_its_own(run: Run, zoo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def judge(context: Any) -> Any:
        if context.merged.folder.origin.label == "zoo/endless":
            raise ZeroDivisionError("x")
        return ()

    monkeypatch.setattr("genfix.api.judging.judge", judge)
    result = run("check", "zoo")
    assert result.code == 2
    assert "zoo/endless: this is a bug in genfix: ZeroDivisionError: x" in result.out
    assert lines_of(result.out)["zoo/healthy"] == ["healthy"]


def test_repairs_are_each_all_or_none_and_no_one_stops_another(run: Run, zoo: Path) -> None:
    (zoo / "linked").mkdir()
    write_folder(zoo / "linked", narrowed())
    (zoo / "linked" / GENERATION).unlink()
    (zoo / "elsewhere.json").write_bytes(narrowed()[GENERATION])
    (zoo / "linked" / GENERATION).symlink_to("../elsewhere.json")
    refused = user_files(zoo / "linked")
    alone = run("repair", "zoo/linked", "--base", "base")
    assert user_files(zoo / "linked") == refused
    result = run("repair", "zoo", "--base", "base")
    assert result.code == alone.code != 0
    assert user_files(zoo / "linked") == refused
    assert (zoo / "lost" / GENERATION).read_bytes() == glm_files()[GENERATION]
    assert json.loads((zoo / "endless" / GENERATION).read_bytes())["eos_token_id"] == [151329, 151336, 151338]
    assert "2 repaired" in result.told
    assert "genfix undo zoo/endless" in result.told
    again = run("repair", "zoo/endless", "zoo/lost", "zoo/healthy", "--base", "base")
    assert (again.code, again.told) == (0, "3 folders: all healthy")
    assert run("undo", "zoo/endless").code == 0
    assert (zoo / "endless" / GENERATION).read_bytes() == narrowed()[GENERATION]


def test_a_plan_and_a_dry_run_write_nothing_and_say_what_would_change(run: Run, zoo: Path) -> None:
    before = tree(zoo)
    plan = run("plan", "zoo", "--base", "base")
    assert plan.code == 1
    assert "1 file to repair" in plan.out
    assert run("repair", "zoo", "--base", "base", "--dry-run") == plan
    assert run("plan", "zoo/healthy", "zoo/healthy/", "--base", "base").code == 0
    assert tree(zoo) == before


def test_fix_is_repair(run: Run, zoo: Path) -> None:
    assert run("fix", "zoo/endless", "--base", "base").code == 0
    assert run("check", "zoo/endless", "--base", "base").code == 0


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_has_all_folders_at_once(run: Run, zoo: Path, form: str) -> None:
    words = ("check", "zoo", "zoo/adapter", "--base", "base", "--output-format", form)
    result = run(*words)
    assert result.code == 2
    for said in ("zoo/endless", "zoo/adapter", "GF101", "GF601"):
        assert said in result.out
    assert run(*words) == result
    kept = run(*words, "-o", "report.out")
    assert kept.out == ""
    assert Path("report.out").read_text("utf-8") == result.out


def test_concise_is_a_line_a_finding_for_one_folder_and_for_several(run: Run, zoo: Path) -> None:
    one = run("check", "zoo/endless", "--base", "base", "--output-format", "concise")
    assert one.code == 1
    (line,) = one.out.splitlines()
    assert line.startswith("zoo/endless/generation_config.json:2: error GF101 [*] ")
    many = run("check", "zoo", "zoo/adapter", "--base", "base", "--output-format", "concise").out.splitlines()
    assert line in many
    assert many[-1].startswith("zoo/adapter: error: ")


def test_json_has_what_each_folder_has_alone(run: Run, zoo: Path) -> None:
    words = ("--base", "base", "--output-format", "json")
    document = json.loads(run("check", "zoo", "zoo/adapter", *words).out)
    assert (document["command"], document["exit_code"]) == ("check", 2)
    *judged, failed = document["folders"]
    for folder in judged:
        alone = run("check", folder["target"], *words)
        assert folder["report"] == json.loads(alone.out)
        assert (folder["exit_code"], folder["error"]) == (alone.code, None)
    assert failed["report"] is failed["worst"] is None
    assert failed["error"]["hint"]


def test_sarif_is_one_run_over_all_folders(run: Run, zoo: Path) -> None:
    found = json.loads(run("check", "zoo", "zoo/adapter", "--base", "base", "--output-format", "sarif").out)
    jsonschema.Draft4Validator(json.loads(SARIF.read_bytes())).validate(found)
    (only,) = found["runs"]
    rules = [rule["id"] for rule in only["tool"]["driver"]["rules"]]
    for result in only["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
    places = {
        one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].rpartition("/")[0]
        for one in only["results"]
    }
    assert {"zoo/endless", "zoo/lost"} <= places
    prints = [result["partialFingerprints"]["genfixFinding/v1"] for result in only["results"]]
    assert len({*prints}) == len(prints)
    assert only["invocations"][0]["executionSuccessful"] is False


def test_pages_are_an_index_and_one_for_each_model(run: Run, zoo: Path, tmp_path: Path) -> None:
    words = ("check", "zoo", "zoo/adapter", "--base", "base", "--output-format", "html")
    nowhere = run(*words)
    assert (nowhere.code, nowhere.out) == (2, "")
    assert "-o report" in nowhere.err
    assert run(*words, "-o", "zoo/healthy/report").code == 2
    assert not (zoo / "healthy" / "report").exists()
    assert run(*words, "-o", "report").code == 2  # the adapter's
    pages = sorted(path.name for path in (tmp_path / "report").iterdir())
    assert pages == ["0001-endless.html", "0002-healthy.html", "0003-lost.html", "index.html"]
    index = (tmp_path / "report" / "index.html").read_text("utf-8")
    assert all(f'href="{page}"' in index for page in pages[:3])
    assert "is an adapter" in index
    assert "GF101" in (tmp_path / "report" / "0001-endless.html").read_text("utf-8")
    assert run(*words, "-o", "report").err.startswith("error: report exists already")


def test_hostile_names_do_no_harm_to_any_format(run: Run, zoo: Path) -> None:
    name = "x<b>|`a\x1b[31m\u202e"
    write_folder(zoo / name, narrowed())
    for form in (*FORMATS, "html"):
        place = ("-o", "report") if form == "html" else ()
        result = run("check", "zoo", "--base", "base", "--output-format", form, *place)
        told = Path("report/index.html").read_text("utf-8") if place else result.out
        assert "\x1b" not in told + result.err
        assert "\u202e" not in told + result.err
        assert "x<b>" not in told or form not in {"html", "markdown"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("check", "zoo", "--write-baseline", "x.json"), "--write-baseline"),
        (("plan", "zoo", "-o", "plan.json"), "a plan file is of one folder"),
        (("plan", "zoo", "-o", "plan.json", "--output-format", "json"), "a plan file is of one folder"),
        (("repair", "zoo", "--output", "copy"), "--output makes a copy of one folder"),
    ],
)
def test_what_is_of_one_folder_is_refused_for_several(
    run: Run, zoo: Path, tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    before = tree(tmp_path)
    result = run(*words)
    assert result.code == 2
    assert (said in result.out) is ("json" in words)
    assert said in result.err
    assert tree(tmp_path) == before


def test_inside_a_model_folder_none_need_be_named(
    run: Run, zoo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(zoo / "endless")
    here = run("check", "--base", "../../base", "--output-format", "json")
    assert here == run("check", ".", "--base", "../../base", "--output-format", "json")
    assert here.code == 1
    assert run("engines").code == 0
    assert run("repair", "--base", "../../base").code == 0
    monkeypatch.chdir(zoo)
    assert run("check").err.startswith("error: Missing argument 'DIR'\n")


def test_engines_of_several(run: Run, zoo: Path) -> None:
    result = run("engines", "zoo", "zoo/adapter", "--engine", "vllm")
    assert result.code == 2
    titles = [line for line in result.out.splitlines() if line.startswith("==")]
    assert titles == ["== zoo/endless", "== zoo/healthy", "== zoo/lost", "== zoo/adapter"]


def test_settings_hold_for_each_folder_by_its_path(run: Run, zoo: Path) -> None:
    Path("genfix.toml").write_text(
        '[per-path."zoo/e*"]\nignore = ["GF101"]\n[per-path."zoo/lost"]\nfail-on = "warning"\n'
    )
    document = json.loads(run("check", "zoo", "--base", "base", "--output-format", "json").out)
    assert [folder["exit_code"] for folder in document["folders"]] == [0, 0, 1]


def test_families_may_be_mixed(run: Run, zoo: Path) -> None:
    write_folder(zoo / "chatml", chatml_files())
    result = run("check", "zoo", "--base", "base")
    assert result.code == 3
    assert lines_of(result.out.partition("state ")[2].partition("\n\n")[0])["zoo/chatml"] == ["refused"]


def test_a_bar_is_for_terminals_only(zoo: Path) -> None:
    piped = spawn("check", "zoo", "--base", "base", cwd=zoo.parent)
    assert "\r" not in piped.err
    ours, theirs = pty.openpty()
    fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    command = [sys.executable, "-m", "genfix", "check", "zoo", "--base", "base"]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm"}
    with subprocess.Popen(command, cwd=zoo.parent, env=env, stdout=subprocess.PIPE, stderr=theirs) as process:
        os.close(theirs)
        assert process.stdout is not None
        assert process.stdout.read().decode() == piped.out
    told = b""
    try:
        while part := os.read(ours, 4096):
            told += part
    except OSError:  # the other end is closed
        pass
    os.close(ours)
    assert b"check" in told
    assert b"3/3" in told
    assert piped.err.strip().encode() in told.replace(b"\r\n", b"\n")
