"""A plan as a patch: `git apply` makes of a folder what a repair does, byte for byte."""

import json
import subprocess
from pathlib import Path

import pytest

from genfix.planner.plan import FileChange
from genfix.report.outcome import Outcome
from genfix.report.patch import patch
from tests.support.folders import FAMILIES, Files, safetensors, write_folder
from tests.support.running import Run

LINES = "".join(f"line {number}\n" for number in range(40))
CHANGES = {
    "edited": (LINES, LINES.replace("line 7\n", "line seven\nand more\n").replace("line 20\n", "")),
    "first": ("a\nb\nc\nd\ne\nf\n", "A\nb\nc\nd\ne\nf\n"),
    "last": ("a\nb\nc\nd\ne\nf\n", "a\nb\nc\nd\ne\n"),
    "no end before": ('{"a": 1}', '{"a": 2}\n'),
    "no end after": ('{"a": 1}\n', '{"a": 2}'),
    "no end at all": ("a\nb", "a\nc"),
    "only the end": ("a\nb", "a\nb\n"),
    "other ends": ("a\r\nb\u2028c\x0bd\r\ne\n", "a\r\nB\u2028c\x0bd\r\ne\n"),
    "new": (None, "a\n\nb"),
    "new and empty": (None, ""),
    "gone": ("a\nb\n", None),
    "gone, no end": ("a", None),
    "gone, empty": ("", None),
    "emptied": ("a\nb\n", ""),
    "filled": ("", "a\nb\n"),
    "Chinese": ("一\n二\n", "一\n三\n"),
}


def applied(folder: Path, text: str) -> None:
    subprocess.run(
        ["git", "apply", "--whitespace=nowarn", "-"], cwd=folder, input=(text + "\n").encode(), check=True
    )


@pytest.mark.parametrize("case", CHANGES)
@pytest.mark.parametrize("name", ["config.json", "sub/a file.json"])
def test_every_kind_of_change(tmp_path: Path, case: str, name: str) -> None:
    before, after = (None if text is None else text.encode() for text in CHANGES[case])
    folder = write_folder(tmp_path / "x", {"other.txt": b"x"} | ({} if before is None else {name: before}))
    outcome = Outcome(
        "x", None, (), lambda _: None, changes=[FileChange(name, before, after, None, ())], done=False
    )
    applied(folder, patch(outcome))
    assert (folder / name).exists() is (after is not None)
    assert after is None or (folder / name).read_bytes() == after


def contents(folder: Path) -> Files:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("family", FAMILIES)
def test_a_patch_is_the_repair(tmp_path: Path, run: Run, family: str) -> None:
    files: Files = FAMILIES[family]() | {
        "model.safetensors": safetensors(151552 if family == "glm" else 1024)
    }
    lost = {name: content for name, content in files.items() if name != "generation_config.json"}
    base = write_folder(tmp_path / "base", files)
    merged = write_folder(tmp_path / "merged", lost)
    copy = write_folder(tmp_path / "copy", lost)
    words = ("--base", base, "--allow-base-mismatch", "--isolated")
    planned = run("plan", merged, *words, "--output-format", "patch")
    file = tmp_path / "fix.patch"
    assert run("plan", merged, *words, "--output-format", "patch", "-o", file).code == planned.code == 1
    assert file.read_text() == planned.out
    run("repair", merged, *words, "--state-dir", tmp_path / "state")
    applied(copy, planned.out.removesuffix("\n"))
    assert contents(copy) == contents(merged)


def test_what_no_patch_can_hold(tmp_path: Path, run: Run) -> None:
    folder = write_folder(tmp_path / "merged", FAMILIES["chatml"]())
    result = run("check", folder, "--output-format", "patch")
    assert (result.code, result.out) == (2, "")
    assert "a patch has the changes of a plan" in result.err
    nothing = run("plan", folder, "--base", folder, "--output-format", "patch")
    assert (nothing.code, nothing.out) == (0, "")
    for content in (b"\xff\xfe", b"a\0b"):
        change = FileChange("config.json", b"{}", content, None, ())
        outcome = Outcome("x", None, (), json.loads, changes=[change], done=False)
        with pytest.raises(Exception, match="is not text"):
            patch(outcome)
