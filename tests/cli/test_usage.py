"""Help texts and what is said of wrong words: our own, whichever version of typer reads the command line."""

import re
import shlex
import shutil
import subprocess
import sys
from email.message import Message
from importlib import import_module
from pathlib import Path

import pytest

import genfix
from genfix.cli.app import COMMANDS
from genfix.cli.choices import Format
from genfix.engines.every import all_engines
from genfix.known_names import ENGINE_NAMES, RULE_NAMES
from genfix.rules import RULES
from tests.support.places import ROOT
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


@pytest.fixture
def glm(tmp_path: Path) -> Path:
    return Path(shutil.copytree(ROOT / "examples" / "glm4" / "merged", tmp_path / "glm"))


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
    examples = page.partition("\nExamples:\n")[2].partition("\n\n")[0].rstrip().splitlines()
    assert examples == [f"  {example}" for example in entry.examples] or name in {"backups", "sweep"}
    assert examples
    found: object = getattr(import_module(entry.module), name)
    if callable(found) and found.__doc__ and name not in {"backups", "sweep"}:
        assert found.__doc__.partition("\n")[0] == entry.help


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_help_fits_into_eighty_columns(run: Run, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert max(map(len, run(name, "--help").out.splitlines())) <= 80


@pytest.mark.parametrize("example", sorted({one for entry in COMMANDS.values() for one in entry.examples}))
def test_the_options_of_an_example_are_there(run: Run, example: str) -> None:
    _, *words = shlex.split(example)
    own = words[: words.index("--")] if "--" in words else words
    assert run(*own, "--help").code == 0


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_help_says_where_more_is_written(
    run: Run, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    """In the page about the command, in the reader's language where there is one."""
    links = Message()
    links["Project-URL"] = "Repository, https://example.org/genfix/"
    monkeypatch.setattr("importlib.metadata.metadata", lambda name: links)
    monkeypatch.setenv("GENFIX_LANG", language)
    for name, entry in COMMANDS.items():
        line = run(name, "--help").out.splitlines()[-1]
        address = line[line.index("https") :]
        assert address.startswith("https://example.org/genfix/blob/main/docs/"), name
        local = ROOT / "docs" / address.rpartition("/")[2]
        assert local.is_file(), name
        chinese = ROOT / "docs" / f"{entry.page}.zh-CN.md"
        if language == "zh" and name not in {"backups", "sweep"}:
            assert local == chinese or not chinese.exists()


def test_commands_stand_in_groups(run: Run) -> None:
    page = run("--help").out
    titles = [line for line in page.splitlines() if line.endswith(":") and not line.startswith(" ")]
    panels = [f"{panel}:" for panel in dict.fromkeys(entry.panel for entry in COMMANDS.values())]
    assert titles == ["Options:", *panels, "Examples:"]


@pytest.mark.parametrize("command", ["undo", "log", "snapshot", "restore", "backups prune", "apply"])
def test_a_folder_on_this_machine_is_no_address(run: Run, command: str) -> None:
    page = run(*command.split(), "--help").out
    arguments = page.partition("Arguments:\n")[2].partition("\n\n")[0]
    assert "hf://" not in arguments


@pytest.mark.parametrize(
    ("words", "near"),
    [
        ("explain GF10", "GF101 (stop-tokens-narrowed)"),
        ("explain stop-token-narrowed", "stop-tokens-narrowed"),
        ("check {folder} --select generation-config-mising", "generation-config-missing"),
        ("engines {folder} --engine vlm", "vllm"),
    ],
)
def test_a_slip_in_a_name_is_found(run: Run, glm: Path, words: str, near: str) -> None:
    result = run(*words.format(folder=glm).split())
    assert (result.code, result.out) == (2, "")
    assert "hint: did you mean " in result.err
    assert near in result.err


def test_rules_are_chosen_by_name_too(run: Run, glm: Path) -> None:
    named = run("check", glm, "--select", "stop-tokens-hidden,GF50", "-v")
    assert named.out == run("check", glm, "--select", "gf109", "--select", "GF50", "-v").out
    assert "GF109" in named.out


def test_names_of_rules_and_engines_are_known_without_loading_them() -> None:
    assert dict(RULE_NAMES) == {code: rule.name for code, rule in RULES.items()}
    assert tuple(all_engines()) == ENGINE_NAMES
    loaded = "import sys; from genfix.cli.main import main; main(sys.argv[1:])"
    loaded += "; print('genfix.rules' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", loaded, "explain", "nosuch"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    assert done.stdout == "False\n"


def test_help_has_sections(run: Run) -> None:
    page = run("check", "--help").out
    titles = ["Arguments:", "Options:", "Base and adapter:", "Rules and settings:", "Report:", "Examples:"]
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
        ("genfix explain GF90", "GF901 GF902 GF903 GF904 GF905 GF906"),
        ("genfix check a --ignore GF101,git-l", "GF101,git-lfs-pointer"),
        ("genfix engines a --engine open", "openvino-genai"),
        ("genfix undo {glm} 2", "{repair}"),
        ("genfix restore {glm} ", "{snapshot}"),
        ("genfix diff {glm} --at ", "{snapshot} {repair}"),
        ("genfix restore nowhere ", ""),
    ],
)
def test_a_shell_completes_what_genfix_knows(glm: Path, words: str, offered: str) -> None:
    receipt, kept = genfix.repair(glm).receipt, genfix.snapshot(glm, "by hand")
    assert receipt is not None
    words = words.format(glm=glm)
    asked = {"COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    found = spawn(env={"_GENFIX_COMPLETE": "complete_bash", **asked}).out.split()
    assert found == offered.format(repair=receipt.id, snapshot=kept.id).split()
