"""Weights that are the base's although the folder says they were tuned: also where the base is elsewhere."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from genfix.folder import FileStat, LocalFolder, Origin
from genfix.folder.remote import RemoteFolder
from genfix.model import Model
from genfix.rules.core.context import Context
from genfix.rules.core.registry import judge
from genfix.weights.equal_weights import Equality, equality
from genfix.weights.tensor_reader import MOST_BYTES, MOST_REQUESTS
from tests.support.elsewhere import elsewhere
from tests.support.folders import Files, MemoryFolder
from tests.support.merges import HIDDEN, MODULES, adapter_of, merge, model_of, packed, random_matrix, world
from tests.support.weight_files import INDEX, SINGLE

BASE = model_of(world())
LAST = {MODULES[-1]: random_matrix(HIDDEN, HIDDEN, 0.02, 7)}
TUNED = {
    "all": model_of(world(1)),
    "by an adapter": model_of(merge(world(), adapter_of())),
    "in one matrix": model_of({**world(), **LAST}),
    "in another shape": model_of({**world(), MODULES[0]: random_matrix(HIDDEN, HIDDEN + 1, 0.02, 7)}),
}
TOTAL = 5 + len(MODULES)


def local(files: Files) -> Model:
    return Model(MemoryFolder(files))


@pytest.mark.parametrize("has_digests", [False, True])
def test_a_base_elsewhere_is_seen_to_be_equal(tmp_path: Path, *, has_digests: bool) -> None:
    base = elsewhere(BASE, tmp_path / "base", has_digests=has_digests)
    found = equality(local(BASE), base.model)
    assert found is not None
    assert (found.seen, found.total) == (TOTAL, TOTAL)
    assert (base.asked == []) is has_digests, "a small file is hashed, and nothing is asked for"


@pytest.mark.parametrize("tuned", TUNED)
@pytest.mark.parametrize("has_digests", [False, True])
def test_a_training_is_seen_by_a_few_ranges(tmp_path: Path, tuned: str, *, has_digests: bool) -> None:
    base = elsewhere(BASE, tmp_path / "base", has_digests=has_digests)
    assert equality(local(TUNED[tuned]), base.model) is None
    assert len(base.data) <= 8
    assert equality(local(TUNED[tuned]), local(BASE)) is None


def test_both_may_be_elsewhere(tmp_path: Path) -> None:
    merged, base = (elsewhere(BASE, tmp_path / name, has_digests=True) for name in ("merged", "base"))
    found = equality(merged.model, base.model)
    assert found is not None
    assert found.seen == TOTAL
    assert not base.asked, "the listings tell"


def with_tensor(files: Files, name: str, shape: tuple[int, int], value: float) -> Files:
    """The model with one tensor more, all of one value."""
    more = packed({name: ("BF16", shape, [value] * (shape[0] * shape[1]))})
    (length, *_), header = [int.from_bytes(more[:8], "little")], files[SINGLE]
    size = int.from_bytes(header[:8], "little")
    tensors, data = json.loads(header[8 : 8 + size]), header[8 + size :]
    entry = json.loads(more[8 : 8 + length])[name]
    entry["data_offsets"] = [len(data) + at for at in entry["data_offsets"]]
    text = json.dumps({**tensors, name: entry}).encode()
    return files | {SINGLE: len(text).to_bytes(8, "little") + text + data + more[8 + length :]}


@pytest.mark.parametrize("is_elsewhere", [False, True])
def test_a_head_trained_on_a_frozen_model_is_a_training(tmp_path: Path, *, is_elsewhere: bool) -> None:
    base = elsewhere(BASE, tmp_path / "base").model if is_elsewhere else local(BASE)
    assert equality(local(with_tensor(BASE, "score.weight", (2, 4), 0.5)), base) is None
    computed = with_tensor(BASE, "model.layers.0.self_attn.rotary_emb.inv_freq", (2, 4), 0.5)
    assert equality(local(computed), base) is not None


def test_a_folder_that_says_it_was_tuned_is_told_of_a_base_elsewhere(tmp_path: Path) -> None:
    base = elsewhere(BASE, tmp_path / "base")
    for files, expected in ((BASE, ["GF445"]), (TUNED["in one matrix"], [])):
        merged = local(files | {"trainer_state.json": b"{}"})
        codes = [finding.code for finding in judge(Context(merged, base.model))]
        assert [code for code in codes if code == "GF445"] == expected
    asked = len(base.data)
    judge(Context(local(BASE), base.model))
    assert len(base.data) == asked, "nobody says that it was tuned: no data is asked for"


# -- a large one, of which no byte is anywhere -----------------------------------------------------

KINDS: Mapping[str, tuple[int, ...]] = {
    "input_layernorm": (8192,),
    "mlp.down_proj": (8192, 28672),
    "mlp.gate_proj": (28672, 8192),
    "mlp.up_proj": (28672, 8192),
    "post_attention_layernorm": (8192,),
    "self_attn.k_proj": (1024, 8192),
    "self_attn.o_proj": (8192, 8192),
    "self_attn.q_proj": (8192, 8192),
    "self_attn.v_proj": (1024, 8192),
}


def shards(layers: int, count: int) -> dict[str, bytes]:
    """The headers of a model in so many files."""
    names = [f"model.layers.{layer}.{kind}.weight" for layer in range(layers) for kind in KINDS]
    found: dict[str, bytes] = {}
    for number in range(count):
        header: dict[str, object] = {}
        at = 0
        for name in names[number * len(names) // count : (number + 1) * len(names) // count]:
            shape = KINDS[".".join(name.split(".")[3:-1])]
            size = 2 * shape[0] * (shape[1] if len(shape) > 1 else 1)
            header[name] = {"dtype": "BF16", "shape": [*shape], "data_offsets": [at, at + size]}
            at += size
        text = json.dumps(header).encode()
        file = f"model-{number + 1:05}-of-{count:05}.safetensors"
        found[file] = len(text).to_bytes(8, "little") + text + at.to_bytes(8, "little")
    return found


def placed(place: Path, files: Mapping[str, bytes]) -> Model:
    """Files with holes in the place of numbers, and their index."""
    place.mkdir()
    index: dict[str, str] = {}
    (place / "config.json").write_text('{"model_type": "llama"}')
    for name, content in files.items():
        with (place / name).open("wb") as file:
            file.write(content[:-8])
            file.truncate(len(content) - 8 + int.from_bytes(content[-8:], "little"))
        index |= dict.fromkeys(json.loads(content[8:-8]), name)
    (place / INDEX).write_text(json.dumps({"weight_map": index}))
    return Model(LocalFolder(place))


def far(place: Path, asked: list[tuple[str, int, int]]) -> Model:
    """The same elsewhere; what was asked for once is kept, as headers from a Hub are."""

    def fetch_range(name: str, start: int, length: int) -> bytes:
        if (name, start, length) not in asked:
            asked.append((name, start, length))
        with (place / name).open("rb") as file:
            file.seek(start)
            return file.read(length)

    listing = {path.name: FileStat(path.stat().st_size) for path in place.iterdir()}
    origin = Origin("hub", "org/name", "0" * 40)
    return Model(RemoteFolder(origin, listing, lambda name: place / name, fetch_range=fetch_range))


@pytest.mark.parametrize(("layers", "count", "enough"), [(32, 4, True), (80, 160, True), (80, 700, False)])
def test_a_large_model_costs_no_more_than_the_limits(
    tmp_path: Path, layers: int, count: int, *, enough: bool
) -> None:
    merged = placed(tmp_path / "merged", shards(layers, 2))
    placed(tmp_path / "base", shards(layers, count))
    asked: list[tuple[str, int, int]] = []
    found = equality(merged, far(tmp_path / "base", asked))
    assert (found is not None) is enough
    assert len(asked) <= MOST_REQUESTS
    assert sum(length for _, start, length in asked if start > 8) <= MOST_BYTES
    if isinstance(found, Equality):
        assert found.total == layers * len(KINDS)
        assert found.seen >= 8 * len(KINDS)


def test_one_tuned_layer_of_many_is_seen(tmp_path: Path) -> None:
    merged = placed(tmp_path / "merged", shards(32, 2))
    placed(tmp_path / "base", shards(32, 4))
    tensors: Sequence[str] = [name for name in merged.weights.tensors if ".layers.31." in name]
    for name in tensors:
        tensor = merged.weights.tensors[name]
        with (tmp_path / "merged" / tensor.file).open("r+b") as file:
            for at in (0, tensor.size - 4096):
                file.seek(tensor.start + max(at, 0))
                file.write(b"\x01" * min(4096, tensor.size))
    assert equality(merged, far(tmp_path / "base", [])) is None
