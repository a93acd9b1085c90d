"""Folders that answer alike are judged once, and every difference that a rule could see is seen."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from genfix.api.judging import Report, check_case
from genfix.api.opening import OpenedModels
from genfix.errors import StorageError
from genfix.folder.local import LocalFolder
from genfix.resolver.case import Case
from genfix.resolver.shared_work import SharedWork
from genfix.zoo import worker
from genfix.zoo.judgement import Judgement, Setup, Task
from genfix.zoo.known_verdicts import KnownVerdicts
from tests.support.folders import Files, dump, glm_files, safetensors, with_json, write_folder

GENERATION = "generation_config.json"
BAD = with_json(glm_files(), GENERATION, eos_token_id=151329) | {"model.safetensors": safetensors(151552)}
GOOD = glm_files() | {"model.safetensors": safetensors(151552)}

ALONE = Setup()


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The folders that rules were asked about, by a worker that knows nothing yet."""
    names: list[str] = []

    def counted(case: Case, opened: OpenedModels) -> Report:
        names.append(Path(case.target).name)
        return check_case(case, opened)

    monkeypatch.setattr(worker, "check_case", counted)
    monkeypatch.setattr(worker._HERE, "kept", None, raising=False)
    return names


def sweep(*folders: Path, setup: Setup = ALONE) -> Sequence[Judgement]:
    found = [worker.judge_folder(setup, Task(str(folder))) for folder in folders]
    return [one._replace(path="", inputs="", seconds=0) for one in found if one is not None]


def alone(folder: Path, monkeypatch: pytest.MonkeyPatch, setup: Setup = ALONE) -> Judgement:
    monkeypatch.setattr(worker._HERE, "kept", None, raising=False)
    [found] = sweep(folder, setup=setup)
    return found


def _lead_away(file: Path) -> None:
    file.unlink()
    file.symlink_to("/etc/hostname")


def copies(place: Path, files: Files, number: int = 3) -> list[Path]:
    return [write_folder(place / f"run-{count}", files) for count in range(number)]


@pytest.mark.parametrize("base", [None, "base"])
def test_copies_are_judged_once(
    tmp_path: Path, judged: list[str], monkeypatch: pytest.MonkeyPatch, base: str | None
) -> None:
    folders = copies(tmp_path, BAD)
    setup = Setup(base=str(write_folder(tmp_path / base, GOOD)) if base else None)
    found = sweep(*folders, setup=setup)
    assert judged == ["run-0"]
    assert {*found} == {alone(folders[2], monkeypatch, setup)}
    assert found[0].errors == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / GENERATION).write_bytes(glm_files()[GENERATION]),
        lambda folder: (folder / "NOTICE").write_bytes(b"as you like\n"),
        lambda folder: (folder / "model.safetensors").write_bytes(safetensors(1000)),
        lambda folder: (folder / "tokenizer_config.json").write_bytes(b"{"),
        lambda folder: (folder / "tokenizer_config.json").unlink(),
        lambda folder: _lead_away(folder / "config.json"),
    ],
    ids=["a setting", "a name", "weights", "no JSON", "a lost file", "no file"],
)
def test_what_differs_is_judged_by_itself(
    tmp_path: Path, judged: list[str], monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], object]
) -> None:
    folders = copies(tmp_path, BAD)
    change(folders[1])
    found = sweep(*folders, folders[1])
    assert judged == ["run-0", "run-1"]
    assert [found[1], found[3]] == [alone(folders[1], monkeypatch)] * 2
    assert found[0] == found[2]


def test_a_folder_that_names_itself_is_not_one_that_names_it(tmp_path: Path, judged: list[str]) -> None:
    """What a folder says of its base follows from where it lies too."""
    own = str(tmp_path / "run-0")
    folders = copies(tmp_path, with_json(BAD, "config.json", _name_or_path=own), 2)
    first, second = sweep(*folders)
    assert judged == ["run-0", "run-1"]
    assert (first.named_base, second.named_base) == ("", own)


def test_other_options_and_a_changed_base_are_other_verdicts(tmp_path: Path, judged: list[str]) -> None:
    base = write_folder(tmp_path / "base", GOOD)
    folders = copies(tmp_path, BAD)
    setup = Setup(base=str(base))
    assert [one.errors for one in sweep(*folders, setup=setup)] == [1, 1, 1]
    assert [one.errors for one in sweep(*folders, setup=setup._replace(ignore=("GF101",)))] == [0, 0, 0]
    settings = json.loads(glm_files()[GENERATION]) | {"eos_token_id": [151329]}
    (base / "next").write_bytes(dump(settings))
    (base / "next").replace(base / GENERATION)
    assert [one.errors for one in sweep(*folders, setup=setup)] == [0, 0, 0]
    assert judged == ["run-0"] * 3


def test_a_disk_that_fails_says_so_for_its_folder_alone(
    tmp_path: Path, judged: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = copies(tmp_path, BAD)
    read = LocalFolder.read

    def failing(self: LocalFolder, name: str) -> bytes:
        if self.root.name == "run-1":
            raise StorageError("the disk fails")
        return read(self, name)

    monkeypatch.setattr(LocalFolder, "read", failing)
    assert [one.state for one in sweep(*folders)] == ["judged", "failed", "judged"]
    assert judged == ["run-0"]


def test_few_verdicts_are_kept(tmp_path: Path, judged: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = [with_json(BAD, "config.json", note=number) for number in range(5)]
    folders = [
        copy for number, files in enumerate(kinds) for copy in copies(tmp_path / str(number), files, 2)
    ]
    kept = worker._Kept(SharedWork(), KnownVerdicts(most=3))
    monkeypatch.setattr(worker._HERE, "kept", kept, raising=False)
    sweep(*folders)
    assert len(judged) == 5
    sweep(folders[-1], folders[0])
    assert len(judged) == 6
