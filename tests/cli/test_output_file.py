"""`--output-file`: the report goes there, whole or not at all, and never over what belongs to a model."""

import json
import os
import stat
from itertools import product
from pathlib import Path

import pytest

from genfix.applier.fs import FileSystem
from genfix.applier.reports import write_report
from genfix.errors import StorageError
from tests.support.folders import dump, glm_files, write_folder
from tests.support.running import Run
from tests.support.trees import tree

GENERATION = "generation_config.json"


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    files = glm_files()
    generation = json.loads(files[GENERATION]) | {"eos_token_id": 151329}
    base = write_folder(tmp_path / "base", files)
    return write_folder(tmp_path / "merged", files | {GENERATION: dump(generation)}), base


@pytest.mark.parametrize(
    ("verb", "form"),
    [
        *product([("check",), ("repair", "--dry-run")], ["text", "json", "html", "sarif", "markdown"]),
        (("plan",), "html"),  # in text and JSON it is the plan that is kept
        (("plan",), "github"),
    ],
)
def test_the_file_has_what_stdout_would(
    run: Run, folders: tuple[Path, Path], tmp_path: Path, form: str, verb: tuple[str, ...]
) -> None:
    merged, base = folders
    command = (*verb, merged, "--base", base, "--output-format", form)
    before = tree(merged)
    printed = run(*command)
    report = tmp_path / "report"
    written = run(*command, "-o", report)
    assert (written.code, written.out) == (printed.code, "") == (1, "")
    assert report.read_text("utf-8") == printed.out
    assert written.err.endswith(f"wrote {report}\n")
    assert run(*command, "-o", "-").out == printed.out
    assert tree(merged) == before


def test_repair_writes_its_page_and_the_folder(run: Run, folders: tuple[Path, Path], tmp_path: Path) -> None:
    merged, base = folders
    report = tmp_path / "review.html"
    assert run("repair", merged, "--base", base, "--output-format", "html", "-o", report).code == 0
    text = report.read_text("utf-8")
    assert "The repair changed 1 file" in text
    assert f"genfix undo {merged}" in text


def test_an_earlier_report_is_replaced_and_keeps_its_permissions(
    run: Run, folders: tuple[Path, Path], tmp_path: Path
) -> None:
    report = tmp_path / "report.txt"
    report.write_text("old")
    report.chmod(0o640)
    run("check", folders[0], "--base", folders[1], "-o", report)
    assert "GF101" in report.read_text()
    assert stat.S_IMODE(report.stat().st_mode) == 0o640
    assert sorted(path.name for path in tmp_path.iterdir()) == ["base", "merged", "report.txt"]


def refusals(place: Path) -> dict[str, tuple[Path, int, str]]:
    (place / "folder").mkdir()
    (place / "link.html").symlink_to(place / "elsewhere")
    os.mkfifo(place / "pipe")
    state = place / "merged" / ".cache" / "huggingface" / "genfix"
    state.mkdir(parents=True)
    (place / "state").mkdir()
    return {
        "a folder": (place / "folder", 2, "is not a file"),
        "no folder": (place / "none" / "x.html", 2, "there is no folder"),
        "a link": (place / "link.html", 2, "is not a file"),
        "a pipe": (place / "pipe", 2, "is not a file"),
        "a config": (place / "merged" / "config.json", 3, "what a model's file is called"),
        "weights": (place / "new.safetensors", 3, "what a model's file is called"),
        "a lost config": (place / "folder" / GENERATION, 3, "what a model's file is called"),
        "backups": (state / "x.html", 3, "keeps its backups"),
        "other backups": (place / "state" / "x.html", 3, "keeps its backups"),
    }


@pytest.mark.parametrize("verb", ["check", "plan", "repair"])
def test_where_no_report_goes(run: Run, folders: tuple[Path, Path], tmp_path: Path, verb: str) -> None:
    """It is said before the work: a repair whose report has no place does nothing."""
    merged, base = folders
    cases = refusals(tmp_path)
    before = tree(tmp_path)
    for name, (path, code, told) in cases.items():
        options = ("-o", path, "--state-dir", tmp_path / "state", "--output-format", "html")
        result = run(verb, merged, "--base", base, *options)
        assert result.code == code, name
        assert told in result.err, name
        assert result.err.startswith("error: ")
        assert "\nhint: " in result.err
    assert tree(tmp_path) == before


def test_a_disk_that_fails_leaves_the_earlier_report(tmp_path: Path) -> None:
    class Full(FileSystem):
        def write(self, fd: int, content: bytes | memoryview) -> int:
            raise OSError(28, "No space left on device")

    report = tmp_path / "report.html"
    report.write_text("old")
    with pytest.raises(StorageError, match="No space left"):
        write_report(report, b"new", fs=Full())
    assert report.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_a_page_is_not_for_every_command(run: Run, folders: tuple[Path, Path]) -> None:
    for command in (("engines", folders[0]), ("rules",), ("explain", "GF101"), ("log", folders[0])):
        result = run(*command, "--output-format", "html")
        assert result.code == 2
        assert "'html' is not one of" in result.err
