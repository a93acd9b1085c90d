"""Versions of a folder's files from outside: snapshot, log, diff --at, restore, backups prune."""

import json
import shlex
from pathlib import Path

import pytest

from tests.support.folders import dump, glm_files, write_folder
from tests.support.running import Run
from tests.support.trees import user_files

GENERATION = "generation_config.json"


@pytest.fixture
def merged(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "merged", glm_files())


def test_each_stage_can_be_kept_compared_and_brought_back(run: Run, merged: Path) -> None:
    was = user_files(merged)
    taken = run("snapshot", merged, "-m", "before SFT stage 2")
    transaction = taken.out.strip()
    assert (taken.code, len(taken.out.splitlines())) == (0, 1)
    assert f"genfix restore {merged} {transaction}" in taken.err
    (merged / GENERATION).write_text('{"eos_token_id": 1}')
    shown = run("diff", merged, "--at", transaction)
    assert (shown.code, "/eos_token_id" in shown.out) == (0, True)
    back = run("restore", merged, transaction)
    assert (back.code, back.out) == (0, f"~ {GENERATION}\n")
    assert user_files(merged) == was
    listed = run("log", merged)
    assert "snapshot: before SFT stage 2" in listed.out
    assert f"restore to {transaction}" in listed.out


def test_the_json_log_has_the_files_of_a_snapshot(run: Run, merged: Path) -> None:
    run("snapshot", merged, "-m", "stage 1")
    [entry] = json.loads(run("log", merged, "--output-format", "json").out)["transactions"]
    assert (entry["kind"], entry["note"]["message"], entry["changes"]) == ("snapshot", "stage 1", [])
    digests = {file["file"]: file["sha256"] for file in entry["files"]}
    assert digests[GENERATION] == user_files(merged)[GENERATION].content


def test_prune_says_what_goes(run: Run, merged: Path) -> None:
    first, _ = (run("snapshot", merged).out.strip() for _ in range(2))
    assert run("backups", "prune", merged, "--keep", "0").out == ""
    would = run("backups", "prune", merged, "--keep", "1", "--snapshots", "--dry-run")
    assert (would.code, would.out) == (0, f"{first}\n")
    assert run("backups", "prune", merged, "--keep", "1", "--snapshots").out == f"{first}\n"
    gone = run("restore", merged, first)
    assert gone.code == 0  # the files are as that snapshot had them: nothing is read of it
    (merged / GENERATION).write_text("{}")
    gone = run("restore", merged, first)
    assert (gone.code, "was removed" in gone.err) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("restore", "{}", "20260101T000000Z-000000"), "there is no snapshot '20260101T000000Z-000000'"),
        (("diff", "{}", "--at", "x"), "there is no transaction 'x'"),
        (("diff", "{}"), "there is nothing to compare with"),
        (("diff", "{}", "--base", "{}", "--at", "x"), "there are two things to compare with"),
        (("snapshot", "{}/nowhere"), "there is no folder"),
        (("backups", "prune", "{}", "--keep", "-1"), "Invalid value for '--keep'"),
    ],
)
def test_what_is_not_there_is_said(run: Run, merged: Path, arguments: tuple[str, ...], said: str) -> None:
    was = user_files(merged)
    told = run(*(word.format(merged) for word in arguments))
    assert (told.code, told.out) == (2, "")
    assert said in told.err
    assert user_files(merged) == was


def test_the_command_that_brings_a_snapshot_back_has_its_state_dir(
    run: Run, tmp_path: Path, merged: Path
) -> None:
    taken = run("snapshot", merged, "--state-dir", tmp_path / "st ate")
    (line,) = (line for line in taken.err.splitlines() if "genfix restore" in line)
    words = shlex.split(line[line.index("genfix restore") :])
    assert run(*words[1:]).code == 0


def test_stages_of_one_folder_and_of_others_are_compared(run: Run, tmp_path: Path) -> None:
    """Before a repair, at a snapshot, and another folder: each as a stage."""
    base = write_folder(tmp_path / "base", glm_files())
    settings = json.loads(glm_files()["generation_config.json"])
    old = dump(settings | {"eos_token_id": 151329, "max_new_tokens": 7})
    merged = write_folder(tmp_path / "merged", glm_files() | {"generation_config.json": old})
    checkpoint = write_folder(tmp_path / "checkpoint", glm_files() | {"generation_config.json": old})
    first = run("snapshot", merged).out.strip()
    assert run("repair", merged, "--base", base).code == 0
    log = json.loads(run("log", merged, "--output-format", "json").out)["transactions"]
    repair = log[-1]["id"]
    assert log[-1]["kind"] == "repair"

    def differs(*words: str | Path) -> list[str]:
        found = run("diff", *words, "--output-format", "json")
        assert found.code == 0, found.err
        return [
            f"{file['file']} {value['pointer']}"
            for file in json.loads(found.out)["files"]
            for value in file["values"]
        ]

    changed = differs(merged, "--at", repair)
    assert "generation_config.json /max_new_tokens" in changed
    assert differs(merged, "--at", first) == changed
    assert differs(merged, "--with", checkpoint) == changed
    assert differs(checkpoint, "--with", f"{merged}@{repair}") == []
    assert differs(checkpoint, "--with", f"{merged}@{first}") == []
    assert differs(merged, "--at", f"{repair}:after") == []
    assert run("undo", merged).code == 0
    assert differs(merged, "--with", checkpoint) == []
    assert differs(merged, "--at", repair) == []
    assert differs(base, "--with", f"{merged}@{repair}:after") == []
    (merged / "generation_config.json").write_bytes(dump(settings))
    lost = run("diff", merged, "--at", f"{last_of(run, merged)}:after")
    assert (lost.code, "by something else" in lost.err) == (2, True)
    for words in (("--at", "nothing"), ("--with", f"{merged}@nothing"), ("--with", "nowhere"), ()):
        assert run("diff", merged, *words).code == 2
    assert run("diff", merged, "--at", first, "--with", checkpoint).code == 2
    assert run("backups", "prune", merged, "--keep", "0").code == 0
    assert "was removed" in run("diff", merged, "--at", repair).err


def last_of(run: Run, folder: Path) -> str:
    transactions = json.loads(run("log", folder, "--output-format", "json").out)["transactions"]
    return str(transactions[-1]["id"])


def test_one_timeline_of_the_folders_of_a_lineage(run: Run, tmp_path: Path) -> None:
    places = [write_folder(tmp_path / name, glm_files()) for name in ("checkpoint", "merged", "merged-awq")]
    taken = [run("snapshot", place, "-m", place.name).out.strip() for place in (*places, places[0])]
    told = run("log", *places)
    assert (told.code, told.err) == (0, "")
    lines = [line.partition(" ")[0] for line in told.out.splitlines()]
    assert sorted(lines) == sorted(
        f"{place}@{stage}" for place, stage in zip((*places, places[0]), taken, strict=True)
    )
    assert [line.rpartition("@")[2] for line in lines] == sorted(taken)
    assert run("diff", places[1], "--with", lines[0]).code == 0
    below = json.loads(run("log", tmp_path, "--output-format", "json").out)["transactions"]
    assert {one["target"] for one in below} == {*map(str, places)}


def test_a_folder_whose_log_cannot_be_read_keeps_no_other_from_the_timeline(run: Run, merged: Path) -> None:
    transaction = run("snapshot", merged).out.strip()
    told = run("log", merged, merged.parent / "nothing")
    assert (told.code, transaction in told.out) == (2, True)
    assert "nothing" in told.err
    none = run(
        "log", write_folder(merged.parent / "a", glm_files()), write_folder(merged.parent / "b", glm_files())
    )
    assert (none.code, none.out) == (0, "")
    assert "changed nothing in these folders" in none.err
