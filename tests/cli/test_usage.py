"""Help texts and what is said of wrong words: our own, whichever version of typer reads the command line."""

import re
from importlib import import_module
from pathlib import Path

import pytest

from genfix.cli.app import COMMANDS
from genfix.cli.choices import Format
from tests.support.running import Run, spawn

ERRORS = [
    ("check", "Missing argument 'DIR'", "check"),
    ("chekc", "No such command 'chekc'. Did you mean 'check'?", ""),
    ("nothing-like-it", "No such command 'nothing-like-it'", ""),
    ("--nope", "No such option: --nope", ""),
    ("undo a b c", "Got unexpected extra argument (c)", "undo"),
    ("undo a b c d", "Got unexpected extra arguments (c d)", "undo"),
    ("check a --zzz", "No such option: --zzz", "check"),
    (
        "check a --ofline",
        "No such option: --ofline (Possible options: --baseline, --ignore, --offline)",
        "check",
    ),
    ("check a -x", "No such option: -x", "check"),
    ("check a --base", "Option '--base' requires an argument", "check"),
    ("check a --quiet=3", "Option '--quiet' does not take a value", "check"),
    ("check a --help=3", "Option '--help' does not take a value", "check"),
    ("check a --lang fr", "Invalid value for '--lang': 'fr' is not one of 'en', 'zh'", "check"),
    ("check a --color=", "Invalid value for '--color': '' is not one of 'auto', 'always', 'never'", "check"),
    ("run --output x", "Missing argument 'CMD'", "run"),
    ("run -- true", "Missing option '--output'", "run"),
    ("backups prun", "No such command 'prun'. Did you mean 'prune'?", "backups"),
    ("backups prune x --keep -1", "Invalid value for '--keep': -1 is not in the range x>=0", "backups prune"),
    ("backups prune x --keep z", "Invalid value for '--keep': 'z' is not a whole number", "backups prune"),
    ("probe x --timeout z", "Invalid value for '--timeout': 'z' is not a number", "probe"),
    (
        "probe x --min-stop-rate nan",
        "Invalid value for '--min-stop-rate': nan is not in the range 0<=x<=1",
        "probe",
    ),
]


@pytest.mark.parametrize(("words", "said", "command"), ERRORS)
def test_what_is_wrong_is_said_in_our_words(run: Run, words: str, said: str, command: str) -> None:
    hint = f"see `genfix {command} --help`" if command else "see `genfix --help`"
    assert run(*words.split()) == (2, "", f"error: {said}\nhint: {hint}\n")


def test_of_several_things_help_comes_first(run: Run) -> None:
    for words in (["check", "--help"], ["check", "a", "--color", "blue", "-h"], ["run", "--help"]):
        result = run(*words)
        assert (result.code, result.err) == (0, "")
        assert result.out.startswith(f"Usage: genfix {words[0]} ")


@pytest.mark.parametrize("words", [[], ["--"], ["backups"]])
def test_no_command_at_all_shows_the_help(run: Run, words: list[str]) -> None:
    result = run(*words)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(
        f"Usage: genfix {'backups ' if words == ['backups'] else ''}[OPTIONS] COMMAND"
    )


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_a_command_is_what_the_overview_says(run: Run, name: str) -> None:
    entry = COMMANDS[name]
    page = run(name, "--help").out
    assert page.partition("\n\n")[2].startswith(f"  {entry.help}\n")
    assert (f"\nExample: {entry.example}\n" in page) is bool(entry.example)
    found: object = getattr(import_module(entry.module), name)
    if callable(found) and found.__doc__ and name not in {"backups", "sweep"}:
        assert found.__doc__.partition("\n")[0] == entry.help


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_help_fits_into_eighty_columns(run: Run, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert max(map(len, run(name, "--help").out.splitlines())) <= 80


def test_help_has_sections(run: Run) -> None:
    page = run("check", "--help").out
    titles = ["Arguments:", "Options:", "Base and adapter:", "Rules and settings:", "Report:"]
    assert [line for line in page.splitlines() if line.endswith(":") and not line.startswith(" ")] == titles
    told = " ".join(page.split())
    assert all(re.search(rf"How to write the report: .*\b{name}\b", told) for name in Format)
    assert "env var: GENFIX_OUTPUT_FORMAT; default: text]" in told
    assert "GENFIX_STATE_DIR]" in page


@pytest.mark.parametrize("how", ["option", "variable", "locale"])
def test_help_and_errors_speak_chinese(run: Run, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    monkeypatch.delenv("GENFIX_LANG", raising=False)
    if how != "option":
        monkeypatch.setenv("GENFIX_LANG" if how == "variable" else "LC_ALL", "zh_CN.UTF-8")
    asked = ["--lang", "zh"] if how == "option" else []
    for words in (["check", "--help"], ["check", "a", "b"], ["log"]):
        result = run(*words, *asked)
        assert any("\u4e00" <= char <= "\u9fff" for char in result.out + result.err)
        assert "Usage" not in result.out
        assert "error" not in result.err


def test_the_state_dir_comes_from_the_environment(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_bytes(b"{}")
    monkeypatch.setenv("GENFIX_STATE_DIR", str(tmp_path / "kept"))
    kept = run("snapshot", tmp_path / "model")
    assert (kept.code, (tmp_path / "kept").is_dir()) == (0, True)
    monkeypatch.setenv("GENFIX_STATE_DIR", "")
    assert run("log", tmp_path / "model").out == ""


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("genfix che", "check"),
        ("genfix check --allow", "--allow-base-mismatch"),
        ("genfix backups p", "prune"),
    ],
)
def test_a_shell_completes_commands_and_options(words: str, offered: str) -> None:
    asked = {"COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    assert spawn(env={"_GENFIX_COMPLETE": "complete_bash", **asked}).out.split() == [offered]
