"""What genfix takes for a merged model, and what it sends back."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from genfix.errors import InputError
from genfix.resolver import open_target
from tests.support.folders import chatml_files, glm_files, safetensors, vlm_files, write_folder

CONFIG = {"config.json": b"{}"}
ADAPTER = {"adapter_config.json": b"{}"}

TAKEN: Mapping[str, Mapping[str, bytes]] = {
    "glm": glm_files(),
    "chatml": chatml_files(),
    "vlm": vlm_files(),
    "config alone": CONFIG,
    "generation config alone": {"generation_config.json": b"{}"},
    "weights alone": {"model.safetensors": safetensors(4)},
    "a broken config": {"config.json": b"\0"},
    "template alone": {"chat_template.jinja": b""},
    "full weights beside an adapter": CONFIG | ADAPTER | {"model.safetensors": safetensors(4)},
    "sharded weights beside an adapter": ADAPTER | {"model-00001-of-00002.safetensors": safetensors(4)},
    "old weights beside an adapter": CONFIG | ADAPTER | {"pytorch_model.bin": b"x"},
    "gguf beside a config": CONFIG | {"model.gguf": b"GGUF"},
    "checkpoints below a model": CONFIG | {"checkpoint-5/config.json": b"{}"},
}

SENT_BACK: Mapping[str, tuple[Mapping[str, bytes], str, str]] = {
    "adapter": (ADAPTER | {"adapter_model.safetensors": safetensors(4)}, "is an adapter", "merge it"),
    "adapter with tokenizer": (ADAPTER | {"tokenizer_config.json": b"{}"}, "is an adapter", "merge it"),
    "adapter with config": (ADAPTER | CONFIG | {"adapter_model.bin": b""}, "is an adapter", "merge it"),
    "gguf": ({"model.gguf": b"GGUF"}, "is a GGUF folder", "genfix check"),
    "gguf with tokenizer": (
        {"model.gguf": b"GGUF", "tokenizer_config.json": b"{}"},
        "is a GGUF folder",
        "genfix check",
    ),
    "diffusers": ({"model_index.json": b"{}"}, "is a diffusers pipeline", "language"),
    "diffusers with config": (CONFIG | {"model_index.json": b"{}"}, "is a diffusers pipeline", "language"),
    "one model below": ({"merged/config.json": b"{}"}, "has 1 inside", "merged"),
    "many below": (
        {f"checkpoint-{number}/config.json": b"{}" for number in (500, 1000)} | {"args.json": b"{}"},
        "has 2 inside",
        "checkpoint-",
    ),
    "empty": ({}, "no file of a model", "path"),
    "other things": ({"notes.txt": b"", "src/main.c": b""}, "no file of a model", "path"),
    "only hidden": ({".git/config": b"", ".cache/config.json": b"{}"}, "no file of a model", "path"),
}


@pytest.mark.parametrize("name", TAKEN)
def test_taken(tmp_path: Path, name: str) -> None:
    folder = open_target(write_folder(tmp_path / "merged", TAKEN[name]))
    assert folder.names() == TAKEN[name].keys()
    assert folder.origin.label == str(tmp_path / "merged")


@pytest.mark.parametrize("name", SENT_BACK)
def test_sent_back(tmp_path: Path, name: str) -> None:
    files, said, hint = SENT_BACK[name]
    (tmp_path / "merged").mkdir()
    with pytest.raises(InputError) as error:
        open_target(write_folder(tmp_path / "merged", files))
    assert error.value.exit_code == 2
    assert str(tmp_path / "merged") in error.value.message
    assert said in error.value.message
    assert hint in error.value.hint


def test_no_folder_and_no_directory(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes(b"{}")
    with pytest.raises(InputError, match="there is no folder"):
        open_target(tmp_path / "merged")
    with pytest.raises(InputError, match="is a file, not a model folder") as error:
        open_target(tmp_path / "config.json")
    assert str(tmp_path) in error.value.hint


def test_a_path_too_long_for_the_disk(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        open_target(tmp_path / ("x" * 5000))
