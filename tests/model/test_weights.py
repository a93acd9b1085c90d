"""Safetensors headers: tensor names and shapes, read by range and never trusted."""

import json
import struct
from pathlib import Path

import pytest

from genfix.folder import LocalFolder
from genfix.json_types import JsonValue
from genfix.model import Model
from genfix.model.safetensors import Tensor
from genfix.model.weights import Weights
from tests.support.folders import Files, MemoryFolder, dump, safetensors


def header(value: JsonValue, data: bytes = b"") -> bytes:
    text = json.dumps(value).encode()
    return struct.pack("<Q", len(text)) + text + data


def tensor(*shape: JsonValue) -> JsonValue:
    return {"dtype": "BF16", "shape": list(shape), "data_offsets": [0, 0]}


def rows(**tensors: JsonValue) -> int | None:
    named = {name.replace("__", "."): value for name, value in tensors.items()}
    return Weights(MemoryFolder({"model.safetensors": header(named)})).embedding_rows


def test_tensors_of_all_shards_are_known_by_name_and_file() -> None:
    files = {
        "model-00001-of-00002.safetensors": header(
            {"a": tensor(2, 3), "__metadata__": {"format": "pt"}}, b"data"
        ),
        "model-00002-of-00002.safetensors": header({"b": tensor()}),
        "sub/model.safetensors": header({"c": tensor(1)}),
        "adapter_model.safetensors": header({"d": tensor(1)}),
    }
    weights = Weights(MemoryFolder(files))
    assert weights.files == ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")
    assert weights.tensors == {
        "a": Tensor("BF16", (2, 3), "model-00001-of-00002.safetensors", 107),
        "b": Tensor("BF16", (), "model-00002-of-00002.safetensors", 69),
    }


@pytest.mark.parametrize(
    ("names", "found"),
    [
        ({"model__embed_tokens__weight": tensor(1024, 8)}, 1024),
        ({"transformer__embedding__word_embeddings__weight": tensor(7, 8)}, 7),
        ({"transformer__wte__weight": tensor(7, 8)}, 7),
        ({"model__language_model__embed_tokens__weight": tensor(7, 8), "lm_head__weight": tensor(9, 8)}, 7),
        ({"model__visual__embed_tokens__weight": tensor(99, 8)}, None),
        ({"vision_tower__wte__weight": tensor(99, 8), "model__embed_tokens__weight": tensor(7, 8)}, 7),
        ({"model__embed_tokens_per_layer__weight": tensor(99, 8)}, None),
        ({"model__embed_tokens__weight": tensor(1024)}, None),
        ({"model__embed_tokens__weight": tensor(4, "x")}, None),
        ({"model__embed_tokens__weight": tensor(True, 8)}, None),
        ({"model__embed_tokens__weight": {"dtype": 5, "shape": [4, 8]}}, None),
        ({"model__embed_tokens__weight": None}, None),
        ({"lm_head__weight": tensor(9, 8)}, None),
    ],
)
def test_the_input_embedding_tells_the_rows(names: dict[str, JsonValue], found: int | None) -> None:
    assert rows(**names) == found


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"1234567",
        struct.pack("<Q", 1 << 60) + b"{}",
        struct.pack("<Q", 99) + b"{}",
        struct.pack("<Q", 2) + b"[]",
        struct.pack("<Q", 2) + b"{x",
        struct.pack("<Q", 3) + b"\xff\xfe{",
        struct.pack("<Q", 200_000) + b"[" * 200_000,
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
        header(5),
    ],
)
def test_a_header_that_is_none_tells_nothing(content: bytes) -> None:
    weights = Weights(MemoryFolder({"model.safetensors": content}))
    assert (weights.tensors, weights.embedding_rows) == ({}, None)


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("model.safetensors", True), ("pytorch_model.bin", True), ("consolidated.00.pth", True),
        ("anything.safetensors", True), ("training_args.bin", False), ("optimizer.pt", False),
        ("scheduler.pt", False), ("rng_state.pth", False), ("adapter_model.bin", False),
    ],
)  # fmt: skip
def test_full_weights_are_told_from_what_a_trainer_leaves(name: str, *, counts: bool) -> None:
    assert bool(Weights(MemoryFolder({name: b""})).files) is counts


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({"config.json": dump({"vocab_size": 5})}, 5),
        ({"config.json": dump({"padded_vocab_size": 6})}, 6),
        ({"config.json": dump({"text_config": {"vocab_size": 7}})}, 7),
        ({"config.json": dump({"vocab_size": "8"})}, None),
        ({"config.json": dump({"vocab_size": 5}), "model.safetensors": safetensors(9)}, 9),
        ({"config.json": dump({"vocab_size": 5}), "model.safetensors": b"torn"}, 5),
        ({}, None),
    ],
)
def test_the_weights_know_the_rows_better_than_config(files: Files, found: int | None) -> None:
    assert Model(MemoryFolder(files)).vocab_rows == found


def test_a_sparse_giant_is_read_at_its_head_only(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(safetensors(1024))
    with path.open("r+b") as file:
        file.truncate(1 << 40)
    assert Weights(LocalFolder(tmp_path)).embedding_rows == 1024
