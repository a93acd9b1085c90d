"""What a proof costs: bytes of tensor data and range requests are counted, whatever the model's size."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from genfix.folder import LocalFolder
from genfix.model import Model
from genfix.weights.merge_proof import Verdict, prove_merge
from genfix.weights.merge_replay import Kind
from genfix.weights.tensor_comparison import State, compare_tensors
from genfix.weights.tensor_reader import MOST_BYTES, MOST_REQUESTS
from tests.support.elsewhere import elsewhere
from tests.support.folders import MemoryFolder, dump
from tests.support.merges import ADAPTER_CONFIG, MODULES, adapter_files, adapter_of, merge, model_of, world

BASE, ADAPTER = model_of(world()), adapter_files(adapter_of())
MERGED = model_of(merge(world(), adapter_of()))


def test_all_of_it_may_be_elsewhere(tmp_path: Path) -> None:
    base, merged, adapter = (
        elsewhere(files, tmp_path / name)
        for name, files in (("base", BASE), ("merged", MERGED), ("adapter", ADAPTER))
    )
    found = prove_merge(merged.model, base.model, adapter.model)
    assert found.verdict is Verdict.MERGED
    assert found.labels(Kind.HAS) == (*MODULES,)
    data = [part for side in (base, merged, adapter) for part in side.data]
    assert found.spent.requests == len(data) <= MOST_REQUESTS
    assert found.spent.data == sum(length for _, _, length in data) <= MOST_BYTES


def test_a_base_elsewhere_is_compared_by_a_few_ranges(tmp_path: Path) -> None:
    base = elsewhere(BASE, tmp_path / "base")
    found = compare_tensors(Model(MemoryFolder(MERGED)), base.model)
    assert found.states[State.TUNED] == len(MODULES)
    assert found.states[State.UNTOUCHED] == 5
    assert found.spent.requests == len(base.data) <= MOST_REQUESTS


# -- huge models, as sparse files -----------------------------------------------------------------

SHARDS, LAYERS, WIDTH, RANK = 200, 200, 16384, 64


def _tensors(names: list[str], shape: tuple[int, int], width: int) -> Iterator[tuple[str, dict[str, object]]]:
    size = shape[0] * shape[1] * width
    kind = {2: "BF16", 4: "F32"}[width]
    for number, name in enumerate(names):
        yield name, {"dtype": kind, "shape": [*shape], "data_offsets": [number * size, (number + 1) * size]}


def _sparse(path: Path, tensors: Mapping[str, dict[str, object]], size: int) -> None:
    text = json.dumps(tensors).encode()
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + size)


@pytest.fixture
def huge(tmp_path: Path) -> Path:
    """A base of 400 GB in 200 shards, and an adapter of 13 GB for its 800 matrices."""
    modules = [f"model.layers.{n}.self_attn.{part}_proj" for n in range(LAYERS) for part in "qkvo"]
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "config.json").write_text(json.dumps({"model_type": "llama"}))
    size = WIDTH * WIDTH * 2
    for shard in range(SHARDS):
        names = [f"{module}.weight" for module in modules[shard::SHARDS]]
        tensors = dict(_tensors(names, (WIDTH, WIDTH), 2))
        file = f"model-{shard + 1:05}-of-{SHARDS:05}.safetensors"
        _sparse(tmp_path / "base" / file, tensors, len(names) * size)
    (tmp_path / "adapter").mkdir()
    config = {**ADAPTER_CONFIG, "r": RANK}
    (tmp_path / "adapter" / "adapter_config.json").write_bytes(dump(config))
    header: dict[str, dict[str, object]] = {}
    at = 0
    for module in modules:
        for side, shape in (("A", [RANK, WIDTH]), ("B", [WIDTH, RANK])):
            end = at + RANK * WIDTH * 4
            header[f"base_model.model.{module}.lora_{side}.weight"] = {
                "dtype": "F32",
                "shape": shape,
                "data_offsets": [at, end],
            }
            at = end
    _sparse(tmp_path / "adapter" / "adapter_model.safetensors", header, at)
    return tmp_path


def test_a_huge_model_costs_no_more_than_16_mib(huge: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bytes are counted where they are read from the files, not where they are asked for."""
    read: list[int] = []
    pread = __import__("os").pread

    def counted(descriptor: int, length: int, offset: int) -> bytes:
        data: bytes = pread(descriptor, length, offset)
        read.append(len(data))
        return data

    monkeypatch.setattr("os.pread", counted)
    base, adapter = Model(LocalFolder(huge / "base")), Model(LocalFolder(huge / "adapter"))
    assert sum(path.stat().st_size for path in (huge / "base").iterdir()) > 400e9
    found = prove_merge(base, base, adapter)
    assert found.total == 4 * LAYERS
    assert len(found.matrices) > LAYERS
    assert 0 < sum(read) == found.spent.data <= MOST_BYTES
