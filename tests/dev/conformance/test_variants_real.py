"""Real config sets in changed forms: one change each, everything else as it was."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from dev.conformance.variants import Variant, write_all
from dev.conformance.variants_real import real_folders
from tests.support.folders import MemoryFolder, chatml_files, with_json

SET = with_json(chatml_files(), "config.json", eos_token_id=1002) | {"vocab.json": b" " * (1 << 17)}


@pytest.fixture
def forms(tmp_path: Path) -> dict[str, Mapping[str, bytes]]:
    place = tmp_path / "sets" / "org__name"
    place.mkdir(parents=True)
    for name, content in SET.items():
        (place / name).write_bytes(content)
    (place / "model.safetensors.index.json").write_bytes(b"{}")
    return dict(real_folders([tmp_path / "sets"]))


def changed(forms: Mapping[str, Mapping[str, bytes]], change: str) -> dict[str, bytes]:
    form = forms[f"sets/org__name/{change}"]
    return {name: form.get(name, b"lost") for name in {*form, *SET} if form.get(name) != SET.get(name)}


def test_a_set_comes_as_it_is_without_its_weights(forms: dict[str, Mapping[str, bytes]]) -> None:
    assert changed(forms, "as-is") == {}
    assert len(forms) > 60


@pytest.mark.parametrize(
    "change", ["generation-lost", "config-class-lost", "tokenizer-eos-null", "vocabulary-lost"]
)
def test_a_change_is_of_one_thing(forms: dict[str, Mapping[str, bytes]], change: str) -> None:
    files = {"generation": 1, "config": 1, "tokenizer": 1, "vocabulary": 2}
    assert len(changed(forms, change)) == files[change.partition("-")[0]]


def test_ids_come_from_the_set_itself(forms: dict[str, Mapping[str, bytes]]) -> None:
    ends = json.loads(SET["generation_config.json"])["eos_token_id"]
    first = json.loads(changed(forms, "generation-eos-first")["generation_config.json"])["eos_token_id"]
    assert first == (ends[0] if isinstance(ends, list) else ends)


def test_two_changes_that_come_to_the_same_are_one(forms: dict[str, Mapping[str, bytes]]) -> None:
    contents = [tuple(sorted(files.items())) for files in forms.values()]
    assert len({*contents}) == len(contents)


def test_large_files_are_written_once(forms: dict[str, Mapping[str, bytes]], tmp_path: Path) -> None:
    chosen = {str(number): Variant(*form) for number, form in enumerate(forms.items())}
    write_all(tmp_path / "written", chosen)
    places = [*(tmp_path / "written").glob("*/vocab.json")]
    assert len(places) > 60
    assert len({place.stat().st_ino for place in places}) == 1
    small = [*(tmp_path / "written").glob("*/config.json")]
    assert len({place.stat().st_ino for place in small}) == len(small)
    assert MemoryFolder(SET).read("config.json") == (tmp_path / "written" / "0" / "config.json").read_bytes()
