"""`repair --output`: the folder stays as it is, and a repaired copy stands beside it."""

import json
from contextlib import suppress
from pathlib import Path

import pytest

from genfix.applier import Write, apply
from genfix.folder import content_digest
from tests.support.disks import DiesAtRename, SimulatedCrash
from tests.support.folders import dump, glm_files, write_folder
from tests.support.running import Run
from tests.support.trees import tree

GENERATION = "generation_config.json"


def contents(place: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in place.rglob("*") if path.is_file()}


def narrowed(tmp_path: Path) -> tuple[Path, Path]:
    base = write_folder(tmp_path / "base", glm_files())
    merged = write_folder(tmp_path / "merged", glm_files())
    config = json.loads((merged / GENERATION).read_bytes())
    (merged / GENERATION).write_bytes(dump(config | {"eos_token_id": 151329}))
    return merged, base


def test_a_repaired_copy_is_made_and_the_folder_only_read(run: Run, tmp_path: Path) -> None:
    merged, base = narrowed(tmp_path)
    was = tree(merged)
    done = run("repair", merged, "--base", base, "--output", tmp_path / "fixed")
    assert done.code == 0
    assert "1 of them repaired" in done.err
    assert tree(merged) == was
    assert json.loads((tmp_path / "fixed" / GENERATION).read_bytes())["eos_token_id"] == [
        151329,
        151336,
        151338,
    ]
    assert run("check", tmp_path / "fixed", "--base", base).code == 0


def test_a_healthy_folder_is_copied_as_well_so_that_a_script_can_go_on(run: Run, tmp_path: Path) -> None:
    _, base = narrowed(tmp_path)
    assert run("repair", base, "--base", base, "--output", tmp_path / "copy").code == 0
    assert (tmp_path / "copy" / GENERATION).read_bytes() == (base / GENERATION).read_bytes()


def test_a_place_that_is_taken_is_refused(run: Run, tmp_path: Path) -> None:
    merged, base = narrowed(tmp_path)
    was = tree(tmp_path)
    done = run("repair", merged, "--base", base, "--output", base)
    assert (done.code, done.out) == (2, "")
    assert "exists already" in done.err
    assert tree(tmp_path) == was


def test_what_a_killed_command_left_is_named_and_removed(run: Run, tmp_path: Path) -> None:
    merged, base = narrowed(tmp_path)
    left = tmp_path / ".fixed.genfix-0123abcd"
    left.mkdir()
    (left / "config.json").write_bytes(b"{}")
    report = tmp_path / ".0123456789ab.genfix"
    report.write_bytes(b"half a rep")
    told = run("check", merged, "--base", base).err.replace("\n", "")
    assert str(left) in told
    assert str(report) in told
    assert left.exists()
    assert report.exists()
    run("repair", merged, "--base", base)
    assert not left.exists()
    assert not report.exists()


def test_a_folder_that_is_half_done_is_not_copied(run: Run, tmp_path: Path) -> None:
    merged, base = narrowed(tmp_path)
    (merged / "config.json").write_bytes(b"{}")
    wanted = [
        Write(name, content_digest((merged / name).read_bytes()), (base / name).read_bytes())
        for name in ("config.json", GENERATION)
    ]
    with suppress(SimulatedCrash):
        apply(merged, wanted, inputs={}, note={}, fs=DiesAtRename("config.json"))
    was = tree(tmp_path)
    done = run("repair", merged, "--base", base, "--output", tmp_path / "copy")
    assert done.code == 3
    assert "is half done" in done.err
    assert tree(tmp_path) == was


@pytest.mark.parametrize(
    "words",
    [
        ("repair", "--write-baseline", "x", "-o", "x"),
        ("repair", "--write-baseline", "x", "-o", "./x"),
        ("repair", "--output", "x", "-o", "x"),
        ("repair", "--output", "x", "--write-baseline", "x"),
        ("plan", "--write-baseline", "x", "-o", "x"),
        ("check", "--baseline", "known.json", "-o", "known.json"),
        ("check", "--config", "genfix.toml", "-o", "genfix.toml"),
    ],
    ids=" ".join,
)
def test_one_place_for_two_things_is_refused(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    merged, base = narrowed(tmp_path)
    monkeypatch.chdir(tmp_path)
    run("check", merged, "--base", base, "--write-baseline", "known.json")
    (tmp_path / "genfix.toml").write_text("")
    was = contents(tmp_path)
    command, *options = words
    done = run(command, merged, "--base", base, *options)
    assert (done.code, done.out) == (2, "")
    assert "is named for two things" in done.err
    assert contents(tmp_path) == was
