"""Which directories are model folders, and which of them words on a command line name."""

import os
from pathlib import Path

import pytest

from genfix.zoo.model_folders import Named, folders_below, is_model_folder, named_folders
from tests.support.folders import glm_files, write_folder

KINDS = {
    "whole": (["config.json", "model.safetensors"], True),
    "lost its config": (["model.safetensors", "tokenizer.json"], True),
    "config files only": (["config.json", "tokenizer_config.json"], True),
    "adapter": (["adapter_config.json", "adapter_model.bin", "tokenizer.json", "merges.txt"], False),
    "adapter files beside whole weights": (["adapter_config.json", "config.json", "model.safetensors"], True),
    "pipeline": (["model_index.json", "config.json", "model.safetensors"], False),
    "capsule": (["genfix-capsule.json", "config.json", "tokenizer_config.json"], False),
    "web project": (["config.json", "main.py", "LICENSE", "README.md"], False),
    "nothing": ([], False),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_a_model_folder(kind: str) -> None:
    names, expected = KINDS[kind]
    assert is_model_folder(frozenset(names)) is expected


@pytest.fixture
def zoo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three models, one with a checkpoint in it, one deep below; and what is none."""
    for name in (
        "a",
        "b",
        "b/checkpoint-20",
        "b/original",
        "runs/2026/c",
        "b/.cache/old",
        "pipe/text_encoder",
    ):
        write_folder(tmp_path / "zoo" / name, glm_files())
    (tmp_path / "zoo" / "pipe" / "model_index.json").write_bytes(b"{}")
    (tmp_path / "zoo" / "notes.txt").write_bytes(b"x")
    (tmp_path / "zoo" / "again").symlink_to("a")
    (tmp_path / "zoo" / "round").symlink_to("..")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "zoo"


ALL = ("zoo/a", "zoo/b", "zoo/b/checkpoint-20", "zoo/runs/2026/c")


def test_all_models_below_are_found_once_and_no_part_of_one(zoo: Path) -> None:
    assert tuple(folders_below("zoo")) == ALL
    assert tuple(folders_below(zoo)) == tuple(str(zoo.parent / name) for name in ALL)


def test_from_where_one_stands_paths_have_no_dot(zoo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(zoo)
    assert tuple(folders_below(".")) == tuple(name.removeprefix("zoo/") for name in ALL)


WORDS = {
    "a model": (["zoo/b"], "zoo/b"),
    "an address": (["hf://me/merged"], "hf://me/merged"),
    "nothing there": (["nowhere"], "nowhere"),
    "no model in it": (["zoo/pipe"], "zoo/pipe"),
    "a parent": (["zoo"], ALL),
    "several": (["zoo/b", "zoo/a", "zoo/b"], ("zoo/b", "zoo/a")),
    "a shell's pattern": (["zoo/a", "zoo/notes.txt", "zoo/runs"], ("zoo/a", "zoo/runs/2026/c")),
    "a quoted pattern": (["zoo/[ab]"], ("zoo/a", "zoo/b")),
    "one match": (["zoo/a*n"], ("zoo/again",)),
    "no match": (["zoo/x*"], "zoo/x*"),
    "a typo among others": (["zoo/a", "zoo/c"], ("zoo/a", "zoo/c")),
}


@pytest.mark.parametrize("words", WORDS)
def test_what_words_name(zoo: Path, words: str) -> None:
    given, expected = WORDS[words]
    found = named_folders(given)
    assert (found if isinstance(found, str) else found.targets) == expected


def test_what_is_passed_over_is_said(zoo: Path) -> None:
    found = named_folders(["zoo/a", "zoo/notes.txt"])
    assert isinstance(found, Named)
    assert [*map(str, found.notes)] == ["zoo/notes.txt is a file, no model folder: passed over"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may look everywhere")
def test_a_directory_that_is_closed_is_said(zoo: Path) -> None:
    (zoo / "runs").chmod(0)
    try:
        found = named_folders(["zoo"])
    finally:
        (zoo / "runs").chmod(0o755)
    assert isinstance(found, Named)
    assert found.targets == ALL[:3]
    assert [*map(str, found.notes)] == ["cannot look into zoo/runs: Permission denied"]
