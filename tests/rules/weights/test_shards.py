"""The files that hold the weights, and their index."""

import json

import pytest

from genfix.model import Model
from genfix.resolver import BaseFacts
from genfix.rules import Applicability, Context, Severity, judge
from tests.support.folders import Files, MemoryFolder, dump, without
from tests.support.judging import find, plan, repaired
from tests.support.weight_files import INDEX, ROWS, SINGLE, causal, sharded, weight_file
from tests.support.weighted import QWEN, SECOND, SHARDS, TIED, WEIGHTED, config, only, silent

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 12345\n"


@pytest.mark.parametrize("lost", [(SECOND,), (SECOND, INDEX)])
def test_a_missing_shard(lost: tuple[str, ...]) -> None:
    merged = without(SHARDS, *lost)
    assert only(merged, "GF521", None).file == SECOND
    assert find(merged, None, "GF523") == []
    assert find(merged, None, "GF414") == []


def test_a_folder_without_any_weights_misses_none() -> None:
    assert silent(QWEN | {INDEX: SHARDS[INDEX]}, None)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (SHARDS[SECOND][:-1], "shard-is-cut-off"),
        (SHARDS[SECOND][:40], "shard-has-no-header"),
        (b"", "shard-has-no-header"),
        (POINTER, "shard-is-lfs-pointer"),
    ],
)
def test_a_torn_shard(content: bytes, said: str) -> None:
    finding = only(SHARDS | {SECOND: content}, "GF522", None)
    assert (finding.file, finding.message.id) == (SECOND, said)


def test_a_missing_index_is_rebuilt_from_the_headers() -> None:
    assert repaired(without(SHARDS, INDEX), None)[INDEX] == SHARDS[INDEX]


def test_the_bases_index_is_replaced_by_one_of_these_shards() -> None:
    base = QWEN | sharded(causal(5), 3)
    merged = SHARDS | {INDEX: base[INDEX]}
    assert only(merged, "GF523", base).severity is Severity.ERROR
    assert json.loads(repaired(merged, base)[INDEX]) == json.loads(SHARDS[INDEX])


@pytest.mark.parametrize("content", [b"{", b"{}", b'{"weight_map": []}'])
def test_an_index_that_cannot_be_read_is_rebuilt(content: bytes) -> None:
    assert json.loads(repaired(SHARDS | {INDEX: content}, None)[INDEX]) == json.loads(SHARDS[INDEX])


def test_a_tensor_in_two_shards_is_for_a_person() -> None:
    twice: dict[str, tuple[int, ...]] = {"model.norm.weight": (4,)}
    first = weight_file({n: s for n, s in causal().items() if n != "lm_head.weight"} | twice)
    second = weight_file({**twice, "lm_head.weight": (ROWS, 4)})
    merged = QWEN | {"model-00001-of-00002.safetensors": first, "model-00002-of-00002.safetensors": second}
    fix = only(merged, "GF523", None).fix
    assert fix is not None
    assert fix.applicability is Applicability.MANUAL
    places = dict.fromkeys(causal() | twice, "model-00001-of-00002.safetensors")
    places["lm_head.weight"] = "model-00002-of-00002.safetensors"
    assert find(merged | {INDEX: dump({"weight_map": places})}, None, "GF523") == []


@pytest.mark.parametrize(
    "extra", ["model-00001-of-00009.safetensors", "old.safetensors"], ids=["series", "other"]
)
def test_shards_that_the_index_does_not_name(extra: str) -> None:
    merged = SHARDS | {extra: weight_file({"model.layers.77.x.weight": (4,)})}
    assert only(merged, "GF524").severity is Severity.WARNING
    assert find(merged, WEIGHTED, "GF414") == []
    assert plan(merged, WEIGHTED).changes == ()


def test_shards_beside_a_whole_model() -> None:
    assert (
        only(SHARDS | {SINGLE: weight_file(causal())}, "GF524", WEIGHTED).file
        == "model-00001-of-00003.safetensors"
    )


def test_mistrals_second_set_of_weights_is_no_stray() -> None:
    assert silent(
        SHARDS | {"consolidated.safetensors": weight_file({"layers.0.attention.wq.weight": (4, 4)})}
    )


def test_metadata_without_a_format() -> None:
    assert only(QWEN | {SINGLE: weight_file(causal(), metadata={"a": "b"})}, "GF525", None).file == SINGLE
    header = json.dumps({"a": {"dtype": "F32", "shape": [], "data_offsets": [0, 0]}}).encode()
    assert find({SINGLE: len(header).to_bytes(8, "little") + header}, None, "GF525") == []


class Counting(MemoryFolder):
    """Notes which parts of weight files are read."""

    def __init__(self, files: Files) -> None:
        super().__init__(files)
        self.parts: list[tuple[str, int, int]] = []

    def read(self, name: str) -> bytes:
        assert not name.endswith(".safetensors")
        return super().read(name)

    def read_range(self, name: str, start: int, length: int) -> bytes:
        if name.endswith(".safetensors"):
            self.parts.append((name, start, length))
        return super().read_range(name, start, length)


def test_no_byte_of_a_weight_is_read_but_headers_and_a_few_samples() -> None:
    big = weight_file({"model.embed_tokens.weight": (200_000, 8), "lm_head.weight": (200_000, 8)})
    merged, base = TIED | {SINGLE: big}, TIED | sharded(causal(head=False))
    ours, theirs = Counting(merged), Counting(base)
    judge(Context(Model(ours), BaseFacts(theirs)))
    for folder, files in ((ours, merged), (theirs, base)):
        for name in {name for name, _, _ in folder.parts}:
            header = 8 + int.from_bytes(files[name][:8], "little")
            data = sum(
                length for file, start, length in folder.parts if file == name and start + length > header
            )
            assert data <= 2 * 16 * 4096
            assert [part for part in folder.parts if part[0] == name and part[1] < header][:2] == [
                (name, 0, 8),
                (name, 8, header - 8),
            ]


@pytest.mark.parametrize("head", [True, False])
@pytest.mark.parametrize("wrong", [ROWS - 8, ROWS + 8])
def test_a_wrong_vocab_size_is_seen_with_a_head_and_without(*, head: bool, wrong: int) -> None:
    files = QWEN if head else TIED
    merged = config(files | {SINGLE: weight_file(causal(head=head))}, vocab_size=wrong)
    assert only(merged, "GF411", None).expected == ROWS
