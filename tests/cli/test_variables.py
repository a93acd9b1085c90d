"""The variables of the environment: one for an option, by its name, the same for all commands."""

import json
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import FunctionType

import pytest

from genfix.cli.app import COMMANDS, backups, sweep
from genfix.cli.command import Commands, flat
from genfix.cli.declared import Declared, declared
from tests.support.folders import dump, glm_files, write_folder
from tests.support.places import ROOT
from tests.support.running import Run

GENERATION = "generation_config.json"
ONE_CALL = {
    *("--at", "--with", "--target", "--folder", "--model", "--against", "--against-model", "--python"),
    *("--output-file", "--report", "--output", "--write-baseline", "--message", "--register", "--keep"),
    *(
        "--dry-run",
        "--create-pr",
        "--push",
        "--repair",
        "--again",
        "--all",
        "--snapshots",
        "--from",
        "--most",
    ),
    *("--config-only", "--exit-non-zero-on-fix", "--probe", "--serve", "--download-tasks"),
}
"""What a call is about, where it writes to, and what it does."""
OTHER = {("probe", "--engine"), ("apply", "--base"), ("apply", "--adapter"), ("*", "--lang")}
"""What runs a folder is no engine to be told about; a plan names its own; the language is a locale too."""


def options() -> Iterator[tuple[str, str, Declared]]:
    """Each command, the name of an option of it, and the option."""
    below = [kind for typer in (backups, sweep) if (kind := typer.info.cls) is not None]
    groups = [COMMANDS, *(kind.entries for kind in below if issubclass(kind, Commands))]
    for entries in groups:
        for name, entry in entries.items():
            found: object = getattr(import_module(entry.module), name)
            if isinstance(found, FunctionType):
                for parameter in declared(flat(found)).values():
                    # typer's first word is the default, until it finds that it is a name
                    names = (parameter.info.default, *(parameter.info.param_decls or ()))
                    words = [str(each).partition("/")[0] for each in names if str(each).startswith("-")]
                    if words:
                        yield name, max(words, key=len), parameter


def test_every_option_has_the_variable_of_its_name_or_is_of_one_call() -> None:
    for command, option, parameter in options():
        if option in ONE_CALL or {(command, option), ("*", option)} & OTHER:
            assert not parameter.variable, (command, option)
        else:
            assert parameter.variable == f"GENFIX_{option[2:].upper().replace('-', '_')}", command


def test_every_variable_is_documented() -> None:
    page = (ROOT / "docs" / "configuration.md").read_text("utf-8").partition("## The environment")[2]
    rows = "\n".join(line for line in page.splitlines() if line.startswith("| `GENFIX"))
    told = {*re.findall(r"GENFIX_[A-Z_]+", rows)} - {"GENFIX_LANG"}
    assert told == {parameter.variable for *_, parameter in options()} - {""}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_folder(tmp_path / "base", glm_files())
    settings = json.loads(glm_files()[GENERATION]) | {"eos_token_id": 151329, "max_new_tokens": 9}
    write_folder(tmp_path / "merged", glm_files() | {GENERATION: dump(settings)})
    return tmp_path


@pytest.mark.parametrize(
    ("variables", "typed"),
    [
        ({"GENFIX_BASE": "base", "GENFIX_SELECT": "GF101, GF6"}, ("--select", "GF101,GF6", "--base", "base")),
        ({"GENFIX_IGNORE": "GF1", "GENFIX_FAIL_ON": "warning"}, ("--ignore", "GF1", "--fail-on", "warning")),
        ({"GENFIX_OUTPUT_FORMAT": "gitlab", "GENFIX_VERBOSE": "yes"}, ("--output-format", "gitlab", "-v")),
        ({"GENFIX_QUIET": "1", "GENFIX_COLOR": "always"}, ("-q", "--color", "always")),
        ({"GENFIX_QUIET": "0", "GENFIX_SELECT": "", "GENFIX_OFFLINE": "True"}, ("--offline",)),
    ],
)  # fmt: skip
def test_a_variable_is_as_good_as_its_option(
    run: Run, place: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], typed: tuple[str, ...]
) -> None:
    before = run("check", "merged", *typed)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert run("check", "merged") == before
    assert before.code in {0, 1}


def test_what_is_typed_wins_over_a_variable_and_that_over_the_settings(
    run: Run, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("genfix.toml").write_text('base = "./base"\nselect = ["GF101"]\nunsafe-fixes = true\n')
    words = ("plan", "merged", "--output-format", "json")
    seen = {finding["code"] for finding in json.loads(run(*words).out)["findings"]}
    assert seen == {"GF101"}
    monkeypatch.setenv("GENFIX_SELECT", "GF603")
    assert [each["code"] for each in json.loads(run(*words).out)["findings"]] == ["GF603"]
    typed = json.loads(run(*words, "--select", "GF101").out)
    assert [each["code"] for each in typed["findings"]] == ["GF101"]
    monkeypatch.setenv("GENFIX_ISOLATED", "1")
    assert json.loads(run(*words).out)["base"] is None


def test_a_wrong_value_is_said_of_the_variable(
    run: Run, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value, said in (
        ("GENFIX_FAIL_ON", "never", "Invalid value for 'GENFIX_FAIL_ON': 'never' is not one of 'error'"),
        ("GENFIX_OFFLINE", "maybe", "Invalid value for 'GENFIX_OFFLINE': 'maybe' is not one of '1', '0'"),
        ("GENFIX_OUTPUT_FORMAT", "xml", "Invalid value for 'GENFIX_OUTPUT_FORMAT': 'xml' is not one of"),
    ):
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            told = run("check", "merged")
            assert told.code == 2
            assert said in told.err
    monkeypatch.setenv("GENFIX_JOBS", "0")
    assert "'GENFIX_JOBS': 0 is not in the range" in run("sweep", "merged").err


def test_a_format_for_checks_leaves_other_commands_alone(
    run: Run, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = run("log", "merged"), run("engines", "merged"), run("rules")
    monkeypatch.setenv("GENFIX_OUTPUT_FORMAT", "github")
    assert (run("log", "merged"), run("engines", "merged"), run("rules")) == plain
    assert run("check", "merged", "--base", "base").out.startswith("::error ")
    assert run("check", "nope").out.startswith("::error title=genfix::")


def test_apply_takes_the_base_of_its_plan(run: Run, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("plan", "merged", "--base", "base", "-o", "plan.json").code == 1
    monkeypatch.setenv("GENFIX_BASE", "nope")
    monkeypatch.setenv("GENFIX_ADAPTER", "nope")
    assert run("apply", "plan.json").code == 0
