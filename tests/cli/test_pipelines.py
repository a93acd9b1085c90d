"""What a pipeline reads: errors in its own format, the counts of a report in a file, where a plan goes."""

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.support.folders import chatml_files, dump, glm_files, write_folder
from tests.support.running import Run
from tests.support.schemas import jsonschema, validate

GENERATION = "generation_config.json"
SARIF = Path(__file__).parent.parent / "report" / "schemas" / "sarif-2.1.0.json"
MACHINES = ("json", "sarif", "github", "gitlab", "junit", "concise")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with a base and a folder that has an error."""
    monkeypatch.chdir(tmp_path)
    write_folder(tmp_path / "base", glm_files())
    settings = json.loads(glm_files()[GENERATION]) | {"eos_token_id": 151329}
    write_folder(tmp_path / "merged", glm_files() | {GENERATION: dump(settings)})
    return tmp_path


def read(form: str, text: str) -> str:
    """What a document says is wrong; it has to be valid."""
    if form == "json":
        document = validate(text, "error")
        return f"{document['command']}: {document['error']['message']}"
    if form == "sarif":
        document = json.loads(text)
        jsonschema.Draft4Validator(json.loads(SARIF.read_bytes())).validate(document)
        (ended,) = document["runs"][0]["invocations"]
        assert ended["executionSuccessful"] is False
        assert document["runs"][0]["results"] == []
        return str(ended["toolExecutionNotifications"][0]["message"]["text"])
    if form == "gitlab":
        (issue,) = json.loads(text)
        assert issue["severity"] == "blocker"
        return str(issue["description"])
    if form == "junit":
        (error,) = ET.fromstring(text).iter("error")
        return error.attrib["message"]
    assert text.startswith("::error title=genfix::" if form == "github" else "genfix: error: ")
    assert text.count("\n") == 1
    return text


# Errors ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", MACHINES)
def test_an_error_is_a_report_of_its_format(run: Run, place: Path, form: str) -> None:
    write_folder(place / "other", chatml_files())
    wrong = (
        (("check", "nope"), 2, "there is no folder nope"),  # the work cannot be done
        (("check", "merged", "--fail-on", "x"), 2, "Invalid value for '--fail-on'"),  # nor be begun
        (("repair", "merged", "--base", "other"), 3, "other"),
        (("check", "merged", "--base", "merged/config.json/x"), 2, "merged/config.json/x"),
    )
    for words, code, said in wrong:
        told = run(*words, "--output-format", form)
        assert told.code == code, told
        assert said in read(form, told.out)
        assert told.err.startswith("error: ")


@pytest.mark.parametrize("form", MACHINES)
def test_an_error_takes_the_place_of_an_earlier_report(run: Run, place: Path, form: str) -> None:
    words = ("--base", "nope", "--output-format", form)
    for command, option in (("check", "-o"), ("repair", "-o"), ("plan", "--report")):
        Path("report").write_text("of yesterday: all is well\n")
        told = run(command, "merged", *words, option, "report")
        assert (told.code, told.out) == (2, "")
        assert "nope" in read(form, Path("report").read_text("utf-8"))


def test_a_report_that_cannot_be_written_is_an_error_on_stdout(run: Run, place: Path) -> None:
    for name in ("none/report", "merged/config.json"):
        told = run("check", "merged", "--output-format", "json", "-o", name)
        assert told.code in {2, 3}
        assert read("json", told.out).startswith("check: ")
    assert (place / "merged" / "config.json").read_bytes() == glm_files()["config.json"]


def test_a_plan_file_is_no_report(run: Run, place: Path) -> None:
    """An error must not stand where `genfix apply` looks."""
    assert run("plan", "merged", "--base", "base", "-o", "plan.json").code == 1
    kept = Path("plan.json").read_bytes()
    told = run("plan", "merged", "--base", "nope", "-o", "plan.json", "--output-format", "json")
    assert "nope" in read("json", told.out)
    assert Path("plan.json").read_bytes() == kept


def test_files_of_the_merge_command_are_not_ours(run: Run, place: Path) -> None:
    Path("model.json").write_text("theirs")
    told = run(
        "run", "--output", "merged", "--base", "nope", "--output-format", "json", "true", "-o", "model.json"
    )
    assert told.code == 2
    assert Path("model.json").read_text("utf-8") == "theirs"
    assert read("json", told.out).startswith("run: ")


def test_what_fails_behind_a_report_makes_no_second_one(run: Run, place: Path) -> None:
    words = ("check", "merged", "--base", "base", "--output-format", "json")

    def fails(*args: object, **options: object) -> int:
        from genfix.errors import StorageError  # noqa: PLC0415 - as the disk would

        raise StorageError("the disk is full")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("genfix.api.baseline.write_baseline", fails)
        told = run(*words, "--write-baseline", "none.json")
        filed = run(*words, "--write-baseline", "none.json", "-o", "report.json")
    assert told.code == filed.code == 2
    assert "the disk is full" in told.err
    assert validate(told.out, "check") == validate(Path("report.json").read_text("utf-8"), "check")


@pytest.mark.parametrize("form", ["text", "markdown", "html", "patch"])
def test_people_read_stderr(run: Run, place: Path, form: str) -> None:
    told = run("plan", "nope", "--output-format", form)
    assert (told.code, told.out) == (2, "")
    assert told.err == "error: there is no folder nope\nhint: check the path of the merged model\n"


# Counts ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["text", *MACHINES, "markdown", "html"])
def test_a_report_in_a_file_leaves_the_counts_to_see(run: Run, place: Path, form: str) -> None:
    words = ("merged", "--base", "base", "--output-format", form)
    assert "merged against base: 1 error" in run("check", *words, "-o", "report").told
    assert "merged against base: 1 file to repair, 1 error" in run("plan", *words, "--report", "report").told
    assert run("check", *words, "-o", "report", "--quiet").err == ""
    assert "merged against base: 1 file repaired" in run("repair", *words, "-o", "report").told


# Plans ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["text", "json", "gitlab", "junit"])
def test_a_plan_is_kept_beside_its_report_on_stdout(run: Run, place: Path, form: str) -> None:
    words = ("plan", "merged", "--base", "base", "--output-format", form)
    printed = run(*words)
    kept = run(*words, "-o", "plan.json")
    assert kept.out == printed.out
    assert json.loads(Path("plan.json").read_bytes())["genfix_plan"]
    assert run("apply", "plan.json").code == 0


@pytest.mark.parametrize("form", ["text", "json", "sarif", "github", "markdown", "concise", "html", "patch"])
def test_a_plan_and_its_report_in_one_call(run: Run, place: Path, form: str) -> None:
    words = ("plan", "merged", "--base", "base", "--output-format", form)
    printed = run(*words)
    both = run(*words, "-o", "plan.json", "--report", "report")
    assert (both.code, both.out) == (1, "")
    assert json.loads(Path("plan.json").read_bytes())["genfix_plan"]
    if form not in {"html", "markdown"}:  # whose commands name the plan
        assert Path("report").read_text("utf-8") == printed.out
    assert "genfix apply plan.json" in both.told
    assert "as it did in 0.1.0" not in both.err


@pytest.mark.parametrize("form", ["sarif", "github", "markdown", "concise", "html", "patch"])
def test_the_spelling_of_0_1_0_still_writes_the_report(run: Run, place: Path, form: str) -> None:
    words = ("plan", "merged", "--base", "base", "--output-format", form)
    plain = run(*words, "--report", "new")
    old = run(*words, "-o", "old")
    assert (old.code, old.out) == (1, "")
    assert Path("old").read_bytes() == Path("new").read_bytes()
    assert "--report old says so plainly" in old.told
    assert "--report" not in plain.err


def test_one_file_is_not_for_plan_and_report(run: Run, place: Path) -> None:
    told = run("plan", "merged", "--base", "base", "-o", "x", "--report", "./x")
    assert (told.code, "named for two things" in told.err) == (2, True)
    many = run("plan", "merged", "base", "--base", "base", "-o", "x", "--output-format", "gitlab")
    assert (many.code, "a plan file is of one folder" in many.err) == (2, True)
    assert not Path("x").exists()


def test_a_page_with_a_plan_hash_offers_that_very_plan(run: Run, place: Path) -> None:
    words = ("merged", "--base", "base", "--output-format", "html")
    page = run("plan", *words).out
    assert "genfix plan merged --base base -o plan.json" in page
    assert "genfix apply plan.json" in page
    assert "genfix repair merged" not in page
    kept = run("plan", *words, "-o", "my.json", "--report", "page.html")
    page = Path("page.html").read_text("utf-8")
    assert kept.code == 1
    assert "genfix apply my.json" in page
    assert "genfix repair merged" not in page
    dry = run("repair", *words, "--dry-run").out
    assert "genfix repair merged --base base" in dry
    assert "makes exactly this change" in page
    assert "makes exactly this change" not in dry


def test_a_hook_checks_all_models_of_a_repository_each_against_its_own_base(run: Run, place: Path) -> None:
    write_folder(place / "models" / "chat", glm_files())
    write_folder(place / "models" / "qwen", chatml_files())
    write_folder(place / "bases" / "qwen", chatml_files())
    Path("merged").rename("models/endless")
    settings = '"models/[ce]*" = { base = "./base" }\n"models/qwen" = { base = "./bases/qwen" }\n'
    Path("genfix.toml").write_text(f"[per-path]\n{settings}")
    told = run("check", ".", "--output-format", "json")
    assert told.code == 1
    judged = {
        folder["target"]: (folder["exit_code"], Path(folder["report"]["base"] or "/none").name)
        for folder in json.loads(told.out)["folders"]
        if folder["target"].startswith("models")
    }
    assert judged == {"models/chat": (0, "base"), "models/endless": (1, "base"), "models/qwen": (0, "qwen")}


# GitLab and JUnit -----------------------------------------------------------------------------------------


def test_gitlab_gets_an_entry_a_finding_with_a_print_of_its_own(run: Run, place: Path) -> None:
    settings = json.loads((place / "merged" / GENERATION).read_bytes())
    content = dump(settings | {"max_new_tokens": 9, "temperature": 0.1})
    (place / "merged" / GENERATION).write_bytes(content)
    words = ("check", "merged", "--base", "base", "--output-format", "gitlab")
    issues = json.loads(run(*words, "--verbose").out)
    assert {issue["severity"] for issue in issues} == {"critical", "minor", "info"}
    assert len({issue["fingerprint"] for issue in issues}) == len(issues)
    assert all(issue["location"]["path"] == "merged/generation_config.json" for issue in issues)
    lines = content.decode().splitlines()
    assert '"eos_token_id"' in lines[issues[0]["location"]["lines"]["begin"] - 1]
    assert json.loads(run(*words).out) == [issue for issue in issues if issue["severity"] != "info"]
    assert json.loads(run("check", "base", "--base", "base", "--output-format", "gitlab").out) == []


def test_junit_gets_a_test_a_finding_and_one_that_passes_for_a_clean_folder(run: Run, place: Path) -> None:
    told = run("check", "merged", "base", "nope", "--base", "base", "--output-format", "junit")
    assert told.code == 2
    broken, clean, missing = ET.fromstring(told.out)
    assert [suite.attrib["name"] for suite in (broken, clean, missing)] == ["merged", "base", "nope"]
    (failure,) = broken.iter("failure")
    assert failure.attrib["type"] == "error"
    assert "generation_config.json:2: stops at 151329" in (failure.text or "")
    assert (clean.attrib["tests"], clean.attrib["failures"], len([*clean])) == ("1", "0", 1)
    assert missing.attrib["errors"] == "1"


def test_junit_is_xml_whatever_a_folder_says(run: Run, place: Path) -> None:
    hostile = "]]>\x00\x1b\u202e\ud800<a b='\"'>&amp;"
    settings = json.loads((place / "merged" / GENERATION).read_bytes()) | {hostile: hostile}
    (place / "merged" / GENERATION).write_text(json.dumps(settings | {"eos_token_id": hostile}))
    told = run("check", "merged", "--base", "base", "--output-format", "junit", "--verbose")
    assert told.code == 1
    assert [*ET.fromstring(told.out).iter("failure")]
