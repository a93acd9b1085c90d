"""The documentation says what the code does: commands, exit codes, links, both languages."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from genfix.cli.app import COMMANDS as COMMANDS_OF_GENFIX
from genfix.cli.app import EPILOG
from tests.support.docs import COMMANDS, PAGES, READMES, blocks, headings, relative
from tests.support.places import ROOT
from tests.support.running import runner

RUNNABLE = re.compile(r"^<!-- run(?:: (\d+))? -->\n```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
"""A block that is executed from the root of a clone, and the exit code it ends with."""

CI_COMMANDS = {
    "example": "python3 -m venv .venv-uv && .venv-uv/bin/pip install -q uv"
    " && .venv-uv/bin/uv run --no-dev python examples/glm4_never_stops.py",
    "test": "python3 -m venv .venv-uv && .venv-uv/bin/pip install -q uv && .venv-uv/bin/uv run "
    "pytest -n auto",
}


def table(text: str, head: str) -> list[list[str]]:
    """The cells of the table whose first line starts with ``head``."""
    lines = text[text.index(f"\n{head}") + 1 :].partition("\n\n")[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def anchor(heading: str) -> str:
    """The anchor GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lstrip("# ").lower()).replace(" ", "-")


COMMAND_PAGES = [ROOT / "docs" / name for name in ("commands.md", "commands.zh-CN.md")]


@pytest.mark.parametrize("page", COMMAND_PAGES, ids=relative)
def test_every_command_is_in_the_help_text_and_in_the_table(page: Path) -> None:
    names = [*COMMANDS_OF_GENFIX]
    text = page.read_text("utf-8")
    listed = text.partition("<!-- help:begin -->")[2].partition("<!-- help:end -->")[0]
    assert re.findall(r"^  ([a-z]+)  +[A-Z]", listed, re.MULTILINE) == names
    head = {"commands.md": "| command |", "commands.zh-CN.md": "| 命令 |"}[page.name]
    assert sorted(row[0].split()[1].strip("`") for row in table(text, head)) == sorted(names)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_shown_parses(command: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    # --help is looked at once the options are parsed: an unknown command or option fails before.
    own = command[1 : command.index("--")] if "--" in command else command[1:]  # what follows is another's
    result = runner(capsys)(*own, "--help")
    assert result.code == 0, result.err


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_files_of_the_project_that_are_named_are_there(page: Path) -> None:
    named = re.findall(r"`((?:dev|examples|genfix|tests)/[\w./-]+)`", page.read_text("utf-8"))
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_commands_were_found() -> None:
    assert {words[1] for words in COMMANDS} >= {"check", "plan", "repair", "undo"}


@pytest.mark.parametrize("page", COMMAND_PAGES, ids=relative)
def test_the_exit_codes_are_those_of_the_help_text(page: Path) -> None:
    epilog = EPILOG.partition("Exit codes: ")[2].rstrip(" .")
    told = [tuple(part.split(" ", 1)) for part in epilog.split("; ")]
    assert {int(code) for codes, _ in told for code in codes.split("/")} == {0, 1, 2, 3, 130, 143}
    head = {"commands.md": "| code | meaning |", "commands.zh-CN.md": "| 退出码 |"}[page.name]
    rows = [(row[0], row[1].replace("`", "")) for row in table(page.read_text("utf-8"), head)]
    if page.name == "commands.md":
        assert rows == told
    else:
        assert [code for code, _ in rows] == [code for code, _ in told]


@pytest.mark.parametrize("readme", READMES, ids=relative)
@pytest.mark.parametrize("name", CI_COMMANDS)
def test_the_commands_that_ci_runs(readme: Path, name: str) -> None:
    after = readme.read_text("utf-8").split(f"<!-- ci:{name} -->\n")
    assert len(after) == 2
    assert after[1].startswith(f"```sh\n{CI_COMMANDS[name]}\n```\n")


def test_both_readmes_have_the_same_shape() -> None:
    english, chinese = (path.read_text("utf-8") for path in READMES)
    levels = [[len(heading.split(" ")[0]) for heading in headings(text)] for text in (english, chinese)]
    assert levels[0] == levels[1]
    assert blocks(english) == blocks(chinese)
    rows = [
        [line.count("|") for line in text.splitlines() if line.startswith("|")] for text in (english, chinese)
    ]
    assert rows[0] == rows[1]


TRANSLATED = sorted((ROOT / "docs").glob("*.zh-CN.md"))


@pytest.mark.parametrize("chinese", TRANSLATED, ids=relative)
def test_a_page_in_chinese_has_the_shape_of_the_english_one(chinese: Path) -> None:
    """Headings, tables, list items, and what is in blocks that show no output."""
    english = chinese.with_name(chinese.name.replace(".zh-CN", ""))
    pages = [path.read_text("utf-8") for path in (english, chinese)]
    levels, rows, items, typed = (
        [count(text) for text in pages]
        for count in (
            lambda text: [heading.split(" ")[0] for heading in headings(text)],
            lambda text: [line.count("|") for line in text.splitlines() if line.startswith("|")],
            lambda text: len(re.findall(r"^- ", text, re.MULTILINE)),
            lambda text: [block for block in blocks(text) if block.language != "console"],
        )
    )
    for left, right in (levels, rows, items, typed):
        assert left == right


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
        if link.startswith("https://"):
            continue
        name, _, fragment = link.partition("#")
        target = (page.parent / name) if name else page
        assert target.exists(), link
        if fragment:
            assert fragment in {anchor(heading) for heading in headings(target.read_text("utf-8"))}, link


SCRIPTS = [
    pytest.param(match[2], int(match[1] or 0), id=f"{relative(page)}-{number}")
    for page in PAGES
    for number, match in enumerate(RUNNABLE.finditer(page.read_text("utf-8")))
]


@pytest.mark.parametrize(("text", "code"), SCRIPTS)
def test_a_block_that_says_it_runs_runs(tmp_path: Path, text: str, code: int) -> None:
    shutil.copytree(ROOT / "examples" / "glm4", tmp_path / "examples" / "glm4")
    command = tmp_path / "bin" / "genfix"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m genfix "$@"\n')
    command.chmod(0o700)
    environment = {**os.environ, "PATH": f"{command.parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        ["sh", "-c", text], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stderr


def test_blocks_that_run_are_the_same_in_both_languages() -> None:
    english, chinese = ((ROOT / "docs" / f"hooks{end}.md").read_text("utf-8") for end in ("", ".zh-CN"))
    assert RUNNABLE.findall(english)
    assert blocks(english) == blocks(chinese)
    assert [len(line) - len(line.lstrip("#")) for line in headings(english)] == [
        len(line) - len(line.lstrip("#")) for line in headings(chinese)
    ]


RECIPES = sorted(path.parent for path in (ROOT / "examples" / "recipes").glob("*/run.sh"))


def test_recipes_were_found() -> None:
    assert {folder.name for folder in RECIPES} >= {"mergekit", "peft", "trl"}


@pytest.mark.parametrize("folder", RECIPES, ids=lambda folder: folder.name)
def test_a_recipe_that_runs_is_installed_shown_and_healthy_at_its_end(folder: Path) -> None:
    runner_text = (ROOT / "examples" / "run_all").read_text("utf-8")
    assert f"[{folder.name}]=" in runner_text
    table_of_recipes = (folder.parent / "README.md").read_text("utf-8")
    assert f"({folder.name}/output.txt)" in table_of_recipes
    told = (folder / "output.txt").read_text("utf-8")
    assert "error:" not in told
    *_, last = told.split("\n$ ")
    assert last.startswith("genfix check ")
    assert "exit code" not in last


def test_the_python_example_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(ROOT / "examples" / "glm4", tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    (code,) = [block.text for block in blocks(READMES[0].read_text("utf-8")) if block.language == "python"]
    local = code.replace('"THUDM/glm-4-9b-chat"', '"./base"')
    assert local != code
    exec(compile(local, "README.md", "exec"), {})
    assert "info GF605 generation_config.json /temperature" in capsys.readouterr().out
