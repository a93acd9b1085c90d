"""Where words go, how they look, and what happens when nobody listens or somebody interrupts."""

import json
import os
import re
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from genfix import __version__
from genfix.rules import RULES
from tests.support.fakehub import FakeHub
from tests.support.folders import dump, glm_files, write_folder
from tests.support.places import ROOT
from tests.support.running import Run, spawn
from tests.support.trees import tree

GENERATION = "generation_config.json"
ESCAPE = "\x1b"


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "base", glm_files())


@pytest.fixture
def merged(tmp_path: Path) -> Path:
    """A folder with an error, a warning and information."""
    files = glm_files()
    document = json.loads(files[GENERATION]) | {
        "eos_token_id": 151329,
        "max_new_tokens": 9,
        "temperature": 0.1,
    }
    return write_folder(tmp_path / "merged", files | {GENERATION: dump(document)})


COMMANDS = ("check", "plan", "diff", "repair")


# The two streams --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", COMMANDS)
def test_the_report_is_all_of_stdout(run: Run, merged: Path, base: Path, verb: str) -> None:
    """With --quiet nothing but the report is left, and it is the same."""
    normal = run(verb, merged, "--base", base, *(["--dry-run"] if verb == "repair" else []))
    quiet = run(verb, merged, "--base", base, "--quiet", *(["--dry-run"] if verb == "repair" else []))
    assert quiet.err == ""
    assert quiet.out == normal.out
    assert quiet.code == normal.code
    assert normal.err
    assert "hint" not in normal.out


@pytest.mark.parametrize("verb", COMMANDS)
def test_stdout_is_one_json_document(run: Run, merged: Path, base: Path, verb: str) -> None:
    result = run(verb, merged, "--base", base, "--output-format", "json")
    assert isinstance(json.loads(result.out), dict)
    assert result.out.endswith("}\n")
    assert run("log", merged, "--output-format", "json").out.endswith("}\n")


def test_quiet_repair_undo_and_log(run: Run, merged: Path, base: Path) -> None:
    for verb in (("repair", merged, "--base", base), ("log", merged), ("undo", merged)):
        result = run(*verb, "-q")
        assert (result.code, result.err) == (0, "")
        assert GENERATION in result.out


def test_quiet_does_not_hide_an_error(run: Run, tmp_path: Path) -> None:
    result = run("check", tmp_path / "nowhere", "--quiet")
    assert result.code == 2
    assert result.err.startswith("error: ")


# Colour -----------------------------------------------------------------------------------------------------


def test_no_colour_without_a_terminal(run: Run, merged: Path, base: Path) -> None:
    for verb in COMMANDS:
        result = run(verb, merged, "--base", base)
        assert ESCAPE not in result.out + result.err


@pytest.mark.parametrize(
    ("environment", "option", "coloured"),
    [
        ({"FORCE_COLOR": "1"}, [], True),
        ({"NO_COLOR": "1"}, [], False),
        ({"NO_COLOR": ""}, [], False),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, [], False),
        ({"NO_COLOR": "1"}, ["--color", "always"], True),
        ({"FORCE_COLOR": "1"}, ["--color", "never"], False),
        ({"FORCE_COLOR": "1", "TERM": "dumb"}, [], False),
        ({}, ["--color", "always"], True),
        ({}, ["--color", "auto"], False),
    ],
)
def test_who_decides_on_colour(
    run: Run,
    merged: Path,
    base: Path,
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    option: list[str],
    *,
    coloured: bool,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    plain = run("check", merged, "--base", base, "--color", "never")
    result = run("check", merged, "--base", base, *option)
    assert (ESCAPE in result.out) is coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", result.out) == plain.out
    assert re.sub(r"\x1b\[[0-9;]*m", "", result.err) == plain.err
    document = run("check", merged, "--base", base, "--output-format", "json", *option).out
    assert ESCAPE not in document


def test_a_terminal_gets_colour(merged: Path, base: Path) -> None:
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm"}
    words = [sys.executable, "-m", "genfix", "check", str(merged), "--base", str(base)]
    with subprocess.Popen(words, stdout=theirs, stderr=subprocess.DEVNULL, env=environment) as process:
        os.close(theirs)
        shown = _read_terminal(ours)
        assert process.wait(30) == 1
    os.close(ours)
    assert b"\x1b[1;31merror" in shown


def _read_terminal(fd: int) -> bytes:
    parts = []
    while select.select([fd], [], [], 30)[0]:
        try:
            part = os.read(fd, 65536)
        except OSError:  # Linux says so when the other side is closed
            break
        if not part:
            break
        parts.append(part)
    return b"".join(parts)


# Untrusted text ---------------------------------------------------------------------------------------------


def test_names_and_values_cannot_act_on_the_terminal(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evil = "\x1b[2J\x1b]0;pwn\x07\u202e\u2066\x9b31m\r\u200b"
    shown = "\\x1b[2J"
    base_files = glm_files()
    tokenizer = json.loads(base_files["tokenizer_config.json"])
    tokenizer["added_tokens_decoder"]["151336"]["content"] = f"<|user{evil}|>"
    base_files["tokenizer_config.json"] = dump(tokenizer)
    files = base_files | {
        GENERATION: dump({"eos_token_id": 151329, "max_new_tokens": evil, evil: evil, "top_p": evil}),
        "config.json": base_files["config.json"],
        f"x{evil}.py": b"",
    }
    base = write_folder(tmp_path / "base", base_files)
    merged = write_folder(tmp_path / f"merged{evil}", files)
    seen = ""
    for verb in (
        ("check", "-v"),
        ("plan", "-v"),
        ("diff",),
        ("repair", "--unsafe-fixes"),
        ("log",),
        ("undo",),
    ):
        options = () if verb[0] in {"log", "undo"} else ("--base", base)
        result = run(verb[0], merged, *options, *verb[1:])
        assert result.code in {0, 1}, result.err
        seen += result.out + result.err
    seen += run("check", merged, "--base", tmp_path / f"nowhere{evil}").err
    seen += run("check", merged, "--base", f"org/{evil}").err
    seen += run("check", merged, "--select", evil).err
    seen += run("undo", merged, evil).err
    assert shown in seen
    assert all(char.isprintable() or char == "\n" for char in seen)
    assert tree(base)


@pytest.mark.parametrize(
    "words", [["check", "{}", "--{}"], ["{}"], ["check", "a", "--color", "{}"], ["check", "a", "{}"]]
)
def test_what_is_wrong_on_the_command_line_cannot_act_either(run: Run, words: list[str]) -> None:
    result = run(*(word.format("x\x1b[31m\u202e") for word in words))
    assert result.code == 2
    assert ESCAPE not in result.err
    assert "\u202e" not in result.err


def test_names_that_are_no_text(tmp_path: Path, base: Path) -> None:
    folder = tmp_path / os.fsdecode(b"merged-\xff\xfe")
    write_folder(folder, glm_files())
    result = spawn("check", folder, "--base", base)
    assert result.code == 0, result.err
    assert "merged-\\udcff\\udcfe" in result.err
    assert json.loads(spawn("check", folder, "--output-format", "json").out)["target"] == str(folder)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "gbk"])
def test_a_terminal_that_cannot_write_a_name(tmp_path: Path, base: Path, encoding: str) -> None:
    folder = tmp_path / "合并模型-größe-😀"
    document = json.loads(glm_files()[GENERATION]) | {"max_new_tokens": "很多😀"}
    write_folder(folder, glm_files() | {GENERATION: dump(document)})
    for verb in ("check", "diff"):
        result = subprocess.run(
            [sys.executable, "-m", "genfix", verb, folder, "--base", base],
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": encoding},
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert result.returncode in {0, 1}, result.stderr
        assert b"bug in genfix" not in result.stderr
        assert b"max_new_tokens" in result.stdout


# Nobody listens ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("streams", ["stdout", "both"])
@pytest.mark.parametrize("verb", ["check", "rules", "diff", "--help"])
def test_a_closed_pipe_is_no_news(merged: Path, base: Path, verb: str, streams: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    words: list[str | Path] = [verb]
    if verb in {"check", "diff"}:
        words += [merged, "--base", base]
    done = subprocess.run(
        [sys.executable, "-m", "genfix", *words],
        stdout=writing,
        stderr=writing if streams == "both" else subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=60,
        check=False,
    )
    os.close(writing)
    # 1 would say that findings are left, and rules, diff and --help have none.
    assert done.returncode in ({1, 141} if verb == "check" else {0, 141})
    if streams == "stdout":
        assert done.stderr is not None
        assert b"Traceback" not in done.stderr
        assert b"Exception ignored" not in done.stderr
        assert b"bug in genfix" not in done.stderr


def test_a_pipe_into_head(merged: Path, base: Path) -> None:
    line = f"'{sys.executable}' -m genfix check '{merged}' --base '{base}' -v | head -1"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(["sh", "-c", line], env=environment, capture_output=True, timeout=60, check=False)
    assert done.stdout.count(b"\n") == 1
    assert b"Traceback" not in done.stderr
    assert b"bug in genfix" not in done.stderr


def test_a_closed_pipe_does_not_stop_a_repair(merged: Path, base: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "genfix", "repair", merged, "--base", base],
        stdout=writing,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=60,
        check=False,
    )
    os.close(writing)
    assert done.returncode in {0, 141}
    assert b"Traceback" not in done.stderr
    assert b"undo:   genfix undo" in done.stderr
    assert json.loads((merged / GENERATION).read_bytes())["eos_token_id"] == [151329, 151336, 151338]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_full_disk_behind_stdout_is_an_error_and_no_bug(merged: Path, base: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "genfix", "check", merged, "--base", base],
            stdout=full,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            timeout=60,
            check=False,
        )
    assert done.returncode == 2
    assert b"bug in genfix" not in done.stderr
    assert b"Traceback" not in done.stderr
    assert b"Exception ignored" not in done.stderr


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_streams_that_are_not_there(merged: Path, base: Path, closed: str) -> None:
    """What a job scheduler may start us with."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for target, code in ((merged, 1), (base, 0)):
        line = f"'{sys.executable}' -m genfix check '{target}' --base '{base}' {closed}"
        done = subprocess.run(
            ["sh", "-c", line], env=environment, capture_output=True, timeout=60, check=False
        )
        assert done.returncode == code
        assert b"bug in genfix" not in done.stderr
        assert b"Traceback" not in done.stderr


# Interrupted ------------------------------------------------------------------------------------------------


@pytest.fixture
def slow_hub() -> Iterator[FakeHub]:
    with FakeHub() as hub:
        hub.add_repo("org/glm", glm_files())
        hub.fail("/api/models/", delay=8.0)
        yield hub


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("verb", ["check", "repair"])
def test_signals(slow_hub: FakeHub, tmp_path: Path, merged: Path, verb: str, number: int, code: int) -> None:
    asked = threading.Event()
    slow_hub.when("/api/models/", asked.set)
    before = tree(merged)
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "HF_ENDPOINT": slow_hub.endpoint,
        "HF_HOME": str(tmp_path / "hf"),
        "NO_PROXY": "*",
    }
    with subprocess.Popen(
        [sys.executable, "-m", "genfix", verb, merged, "--base", "org/glm"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        text=True,
    ) as process:
        assert asked.wait(30)
        process.send_signal(number)
        out, err = process.communicate(timeout=7)
    assert process.returncode == code
    assert out == ""
    assert "Traceback" not in err
    assert "bug in genfix" not in err
    assert ("interrupted; nothing is half done" in err) is (number == signal.SIGINT)
    assert tree(merged) == before


def test_an_interrupt_while_genfix_is_loaded(merged: Path) -> None:
    code = (
        "import sys, builtins; load = builtins.__import__\n"
        "def interrupted(name, *args):\n"
        "    if name in {'typer', 'genfix.cli.looking'}: raise KeyboardInterrupt\n"
        "    return load(name, *args)\n"
        "from genfix.__main__ import run\n"
        "if sys.argv[1] == 'command': import genfix.cli\n"
        "builtins.__import__ = interrupted; sys.argv[1:] = ['check', sys.argv[2]]; run()\n"
    )
    for when in ("command line", "command"):
        done = subprocess.run(
            [sys.executable, "-c", code, when, merged],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (done.returncode, done.stdout) == (130, "")
        assert done.stderr == "error: interrupted; nothing is half done\n"


# What is told about genfix itself ---------------------------------------------------------------------------


def test_help_and_version(run: Run) -> None:
    assert run("--version").out == f"genfix {__version__}\n"
    overview = run("--help")
    assert overview.code == 0
    for verb in ("check", "plan", "repair", "diff", "undo", "log", "explain", "rules"):
        assert f"  {verb} " in overview.out
        page = run(verb, "--help")
        assert (page.code, page.err) == (0, "")
        assert page.out.startswith(f"Usage: genfix {verb} ")
    assert "Exit codes:" in overview.out


def test_no_words_at_all_show_the_help(run: Run) -> None:
    result = run()
    assert "Usage: genfix" in result.out + result.err
    assert result.code in {0, 2}


def test_rules_are_listed(run: Run) -> None:
    lines = run("rules").out.splitlines()
    assert [line.split()[0] for line in lines] == sorted(RULES)
    assert [rule["code"] for rule in json.loads(run("rules", "--output-format", "json").out)] == sorted(RULES)


@pytest.mark.parametrize("code", sorted(RULES))
def test_every_rule_is_explained(run: Run, code: str) -> None:
    by_code, by_name = run("explain", code), run("explain", RULES[code].name)
    assert by_code == by_name == run("explain", code.lower())
    assert (by_code.code, by_code.err) == (0, "")
    assert by_code.out.startswith(f"{code} {RULES[code].name} ")
    for title in ("What", "Why it hurts", "Fix", "Safety", "Sources"):
        assert f"\n{title}\n" in by_code.out
    [document] = json.loads(run("explain", code, "--output-format", "json").out)
    assert document["code"] == code


@pytest.mark.parametrize("columns", ["40", "1", "1000", "x"])
def test_any_width(run: Run, merged: Path, base: Path, monkeypatch: pytest.MonkeyPatch, columns: str) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    result = run("check", merged, "--base", base, "-v")
    assert result.code == 1
    assert max(map(len, result.out.splitlines())) <= 120


def test_diff_names_each_value_and_gives_no_verdict(
    run: Run, tmp_path: Path, merged: Path, base: Path
) -> None:
    (merged / "LICENSE").unlink()
    (merged / "added_tokens.json").write_bytes(b"{}")
    (merged / "config.json").write_bytes((merged / "config.json").read_bytes().replace(b"\n", b""))
    before = tree(tmp_path)
    result = run("diff", merged, "--base", base)
    assert result.code == 0
    for line in (
        "- LICENSE: only in the base", "+ added_tokens.json: only here",
        "~ config.json: says the same in other bytes",
        f"~ {GENERATION}", "    /max_new_tokens", "      + 9", "    /temperature", "      - 0.8",
        "      + 0.1",
    ):  # fmt: skip
        assert line in result.out.splitlines()
    assert "error" not in result.out
    files = {
        file["file"]: file
        for file in json.loads(run("diff", merged, "--base", base, "--output-format", "json").out)["files"]
    }
    assert {name: file["status"] for name, file in files.items()} == {
        "LICENSE": "lost", "added_tokens.json": "added", "config.json": "respelled", GENERATION: "changed",
    }  # fmt: skip
    assert {"pointer": "/max_new_tokens", "merged": 9} in files[GENERATION]["values"]
    assert {"pointer": "/temperature", "base": 0.8, "merged": 0.1} in files[GENERATION]["values"]
    assert run("diff", base, "--base", base).out == ""
    assert tree(tmp_path) == before
