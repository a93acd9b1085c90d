"""SARIF, GitHub annotations and Markdown: valid, stable, and safe whatever the folder says."""

import json
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from genfix.planner.plan_markdown import escaped, fenced
from genfix.rules import RULES
from tests.support.folders import FAMILIES, dump, glm_files, write_folder
from tests.support.running import Run
from tests.support.trees import user_files

GENERATION = "generation_config.json"
FORMATS = ("sarif", "github", "gitlab", "junit", "markdown")
COMMANDS = ("check", "plan", "repair")
HERE = Path(__file__).resolve().parent

jsonschema = import_module("jsonschema")  # it has no types of its own
SARIF = jsonschema.Draft4Validator(json.loads((HERE / "schemas" / "sarif-2.1.0.json").read_bytes()))

HOSTILE = (
    "</details><script>alert(1)</script> | @everyone #1 o/r#2 GH-3 https://x.test www.x.test\n"
    "```\n::error::x\r%0A [a](http://x) ![i](//x) $x$ \x1b[31m\u202e"
)


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return write_folder(tmp_path / "base", glm_files())


@pytest.fixture
def merged(tmp_path: Path) -> Path:
    """A folder with an error, a warning and information."""
    generation = json.loads(glm_files()[GENERATION]) | {"eos_token_id": 151329, "max_new_tokens": 9}
    return write_folder(
        tmp_path / "merged", glm_files() | {GENERATION: dump(generation | {"temperature": 0.1})}
    )


def hostile(tmp_path: Path) -> Path:
    files = glm_files()
    tokenizer = json.loads(files["tokenizer_config.json"])
    tokenizer["eos_token"] = HOSTILE
    tokenizer["tokenizer_class"] = HOSTILE
    tokenizer["extra_special_tokens"] = [HOSTILE]
    generation = json.loads(files[GENERATION]) | {
        "eos_token_id": HOSTILE,
        "temperature": HOSTILE,
        HOSTILE: HOSTILE,
    }
    files |= {GENERATION: dump(generation), "tokenizer_config.json": dump(tokenizer)}
    files["config.json"] = dump(
        json.loads(files["config.json"]) | {"architectures": [HOSTILE], HOSTILE: HOSTILE}
    )
    return write_folder(tmp_path / "mer`ged <b>, @all %:", files)


def sarif(text: str) -> Any:
    document = json.loads(text)
    SARIF.validate(document)
    (only,) = document["runs"]
    return only


def plain(text: str) -> str:
    """Markdown without its fenced blocks."""
    return re.sub(r"^(`{3,})\w*\n.*?^\1$", "", text, flags=re.MULTILINE | re.DOTALL)


# What every format keeps ----------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("verb", COMMANDS)
def test_the_exit_code_is_that_of_text_and_the_report_is_the_same_twice(
    run: Run, base: Path, merged: Path, verb: str, form: str
) -> None:
    options = ("--base", "base", *(["--dry-run"] if verb == "repair" else []))
    told = run(verb, "merged", *options, "--output-format", form)
    assert told.code == run(verb, "merged", *options).code
    assert told == run(verb, "merged", *options, "--output-format", form)
    assert str(merged.parent) not in told.out
    assert GENERATION in told.out.replace("\\_", "_")


@pytest.mark.parametrize("form", FORMATS)
def test_a_repair_reports_what_is_left(run: Run, base: Path, merged: Path, form: str) -> None:
    told = run("repair", "merged", "--base", "base", "--output-format", form, "--verbose")
    assert told.code == 0
    assert "GF605" in told.out
    assert "repaired 1 file" in told.err
    if form != "markdown":
        assert "GF101" not in told.out
    else:
        assert told.out.startswith("### genfix: repaired 1 file; left: ")


@pytest.mark.parametrize("form", FORMATS)
def test_a_format_of_a_verdict_is_none_of_a_list(run: Run, merged: Path, form: str) -> None:
    assert run("rules", "--output-format", form).code == 2
    assert run("engines", merged, "--output-format", form).code == 2


# SARIF ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("verb", COMMANDS)
def test_sarif_follows_its_schema(run: Run, tmp_path: Path, family: str, verb: str) -> None:
    write_folder(tmp_path / "base", FAMILIES[family]())
    merged = write_folder(
        tmp_path / "merged", FAMILIES[family]() | {GENERATION: b'{"eos_token_id": 2}', "config.json": b"{"}
    )
    told = run(verb, merged, "--base", tmp_path / "base", "--allow-base-mismatch", "--output-format", "sarif")
    found = sarif(told.out)
    rules = found["tool"]["driver"]["rules"]
    assert found["results"]
    for result in found["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert RULES[result["ruleId"]].doc.what == rules[result["ruleIndex"]]["fullDescription"]["text"]


def test_sarif_names_the_line_and_the_path_from_where_it_ran(run: Run, base: Path, merged: Path) -> None:
    (result,) = (
        result
        for result in sarif(run("check", merged, "--base", "base", "--output-format", "sarif").out)["results"]
        if result["ruleId"] == "GF101"
    )
    (location,) = result["locations"]
    assert location["physicalLocation"]["artifactLocation"]["uri"] == "merged/generation_config.json"
    line = location["physicalLocation"]["region"]["startLine"]
    assert '"eos_token_id"' in (merged / GENERATION).read_text("utf-8").splitlines()[line - 1]
    assert location["logicalLocations"] == [{"fullyQualifiedName": "/eos_token_id"}]


def test_sarif_of_a_folder_elsewhere_has_no_absolute_path(
    run: Run, base: Path, merged: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(base)
    found = sarif(run("check", merged, "--base", "../base", "--output-format", "sarif").out)
    uris = {
        result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for result in found["results"]
    }
    assert uris == {GENERATION}


def test_sarif_says_what_a_plan_clears(run: Run, base: Path, merged: Path) -> None:
    found = sarif(run("plan", merged, "--base", "base", "--output-format", "sarif").out)
    planned = {result["ruleId"]: result["properties"]["planned"] for result in found["results"]}
    assert planned == {"GF101": True, "GF603": True, "GF605": False}


def test_a_fingerprint_outlives_other_lines(run: Run, base: Path, merged: Path) -> None:
    def prints() -> list[Any]:
        found = sarif(run("check", merged, "--base", "base", "--output-format", "sarif").out)
        return [result["partialFingerprints"] for result in found["results"]]

    before = prints()
    (merged / GENERATION).write_bytes(b"\n\n" + (merged / GENERATION).read_bytes())
    assert prints() == before


# GitHub ---------------------------------------------------------------------------------------------------


def test_an_annotation_per_finding(run: Run, base: Path, merged: Path) -> None:
    text = (merged / GENERATION).read_text("utf-8").splitlines()
    eos, limit = (
        next(i for i, line in enumerate(text, 1) if key in line) for key in ("eos_token", "max_new")
    )
    lines = run("check", "merged", "--base", "base", "--output-format", "github").out.splitlines()
    assert [line.partition("::")[2].partition(",title=")[0] for line in lines] == [
        f"error file=merged/generation_config.json,line={eos}",
        f"warning file=merged/generation_config.json,line={limit}",
    ]
    assert lines[0].startswith(f"::{lines[0].split('::')[1]}::generation_config.json: stops at 151329")
    told = run("check", "merged", "--base", "base", "--output-format", "github", "--verbose").out
    assert "::notice file=merged/generation_config.json," in told


def test_nothing_in_a_folder_makes_a_command_of_its_own(run: Run, base: Path, tmp_path: Path) -> None:
    folder = hostile(tmp_path)
    told = run(
        "check", folder, "--base", "base", "--allow-base-mismatch", "--output-format", "github", "--verbose"
    )
    lines = told.out.splitlines()
    assert len(lines) >= 4
    for line in lines:
        shape = r"::(error|warning|notice) file=[^,:]+,line=\d+,title=GF\d{3} [a-z0-9-]+::.+"
        assert re.fullmatch(shape, line), line
        assert line.isprintable()
    assert all("file=mer`ged <b>%2C @all %25%3A/" in line for line in lines)


# Markdown -------------------------------------------------------------------------------------------------


def test_a_comment_has_verdict_table_changes_engines_and_command(run: Run, base: Path, merged: Path) -> None:
    told = run("plan", "merged", "--base", "base", "--output-format", "markdown").out
    assert told.startswith("### genfix: 1 error, 1 warning, 1 info; 1 file to repair\n")
    assert (
        "| error | GF101 stop-tokens-narrowed | <code>generation\\_config.json</code> | stops at 151329"
        in told
    )
    assert "```diff\n" in told
    assert '\n-   "eos_token_id": 151329,\n' in told
    assert "| vllm | stops at 151329 | stops at 151329, 151336, 151338 |" in told
    assert told.endswith("```sh\ngenfix repair merged --base base\n```\n")


def test_nothing_to_do_is_said(run: Run, base: Path) -> None:
    told = run("plan", "base", "--base", "base", "--output-format", "markdown")
    assert told.out == "### genfix: nothing to change\n\n<code>base</code> against <code>base</code>\n"
    assert run("check", "base", "--output-format", "github").out == ""


def test_nothing_in_a_folder_reaches_a_comment_as_markup(run: Run, base: Path, tmp_path: Path) -> None:
    folder = hostile(tmp_path)
    options = ("--base", "base", "--allow-base-mismatch", "--unsafe-fixes", "--verbose")
    told = run("plan", folder.name, *options, "--output-format", "markdown").out
    words = plain(told)
    assert set(re.findall(r"<[^>]*>", words)) <= {
        "<code>", "</code>", "<details>", "</details>", "<summary>", "</summary>",
    }  # fmt: skip
    assert words.count("<details>") == words.count("</details>")
    assert re.findall(r"[@#]\w|://|\bGH-\d|www\.", words.replace("#8203;", "").replace("&#36;", "")) == []
    for line in words.splitlines():
        if line.startswith("| ") and "GF" in line:
            assert len(re.findall(r"(?<!\\)\|", line)) == 6


def test_a_reader_of_markdown_sees_the_very_text() -> None:
    markdown_it = pytest.importorskip("markdown_it")
    (block,) = (
        token
        for token in markdown_it.MarkdownIt("gfm-like", {"linkify": False}).parse(escaped(HOSTILE))
        if token.children
    )
    assert {child.type for child in block.children} <= {"text", "text_special"}
    seen = "".join(child.content for child in block.children).replace("\u200b", "")
    assert seen == HOSTILE.replace("\n", "\\x0a").replace("\r", "\\x0d").replace("\x1b", "\\x1b").replace(
        "\u202e", "\\u202e"
    )


def test_no_line_closes_its_block() -> None:
    assert fenced(["a", "````", "```"], "diff") == ["`````diff", "a", "````", "```", "`````"]


def test_a_comment_is_never_too_long_for_github(run: Run, base: Path, tmp_path: Path) -> None:
    big = dict(json.loads(glm_files()[GENERATION])) | {"eos_token_id": 151329}
    tokenizer = json.loads(glm_files()["tokenizer_config.json"]) | {
        "chat_template": "{% for %}" + "x" * 300_000
    }
    files = glm_files() | {GENERATION: dump(big), "tokenizer_config.json": dump(tokenizer)}
    folder = write_folder(tmp_path / "big", files)
    told = run("plan", folder, "--base", "base", "--unsafe-fixes", "--output-format", "markdown").out
    assert len(told) < 65_536


def test_no_format_writes_into_the_folder(run: Run, base: Path, merged: Path) -> None:
    was = user_files(merged)
    for form in FORMATS:
        run("repair", merged, "--base", "base", "--dry-run", "--output-format", form)
    assert user_files(merged) == was
    assert not (merged / ".cache").exists()
