"""The files that hold the weights, and their index."""

import json

import pytest

from genfix.model import Model
from genfix.resolver import BaseFacts
from genfix.rules import Applicability, Context, Severity, judge
from tests.support.folders import Files, MemoryFolder, dump, without
from tests.support.judging import find, plan, repaired
from tests.support.weight_files import INDEX, ROWS, SINGLE, causal, sharded, weight_file
from tests.support.weighted import QWEN, SECOND, SHARDS, SPECULATIVE, TIED, WEIGHTED, config, only, silent

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


EMPTY = weight_file(dict.fromkeys(causal(), (0,)))


@pytest.mark.parametrize("stub", [EMPTY, weight_file({"model.norm.weight": (4,)}), b"", POINTER])
@pytest.mark.parametrize("base", [None, SHARDS, WEIGHTED], ids=["alone", "series", "single"])
def test_the_stub_is_the_stray_and_never_the_shards_beside_it(stub: bytes, base: Files | None) -> None:
    merged = SHARDS | {SINGLE: stub}
    finding = only(merged, "GF524", base)
    assert (finding.file, finding.severity) == (SINGLE, Severity.ERROR)
    assert finding.engines
    assert "vllm" not in finding.engines  # it reads what the index names
    assert [found.code for found in find(merged, base) if found.code[2:4] == "52"] == ["GF524"]
    assert only(merged, "GF524", merged).severity is Severity.INFO
    assert plan(merged, base).changes == ()


def test_pickles_behind_a_stub() -> None:
    merged = QWEN | {SINGLE: b"", "pytorch_model.bin": b"PK" * 99}
    finding = only(merged, "GF524", None)
    assert (finding.file, finding.severity) == (SINGLE, Severity.ERROR)
    assert "pytorch_model.bin" in finding.text
    assert find(merged, None, "GF522") == []


def test_two_whole_models() -> None:
    merged = SHARDS | {SINGLE: WEIGHTED[SINGLE]}
    assert only(merged, "GF524", WEIGHTED).severity is Severity.WARNING
    assert only(merged, "GF524", None).severity is Severity.INFO
    assert only(merged, "GF524", merged).severity is Severity.INFO
    # a number that both contradict is still judged, one that only the first contradicts is not
    wrong = config(merged, num_hidden_layers=3)
    assert [found.code for found in find(wrong, None, "GF41")] == ["GF414"]
    other = config(SHARDS | {SINGLE: weight_file(causal(rows=1032))}, num_hidden_layers=3)
    assert find(other, None, "GF414") == []


def test_two_whole_series_without_an_index_are_for_a_person() -> None:
    merged = without(SHARDS | sharded(causal(), 2), INDEX)
    assert only(merged, "GF524", None).file.endswith("-of-00003.safetensors")
    fix = only(merged, "GF523", None).fix
    assert fix is not None
    assert fix.applicability is Applicability.MANUAL


@pytest.mark.parametrize("base", [None, QWEN | sharded(causal(), 5)], ids=["alone", "base"])
@pytest.mark.parametrize(
    "files",
    [sharded(causal(), 3), sharded(causal(), 1), {SINGLE: weight_file(causal())}],
    ids=["three", "one", "single"],
)
def test_the_index_of_another_save_is_rebuilt_and_nothing_is_missing(
    files: Files, base: Files | None
) -> None:
    merged = QWEN | files | {INDEX: sharded(causal(), 5)[INDEX]}
    assert find(merged, base, "GF521") == []
    index = json.loads(repaired(merged, base)[INDEX])
    assert set(index["weight_map"]) == set(causal())
    assert set(index["weight_map"].values()) == files.keys() - {INDEX}
    assert find(merged | {INDEX: dump(index)}, base, "GF52") == []


def test_an_index_of_which_a_shard_is_there_is_not_rebuilt_over_an_older_save() -> None:
    merged = SHARDS | without(sharded(causal(), 2), SECOND.replace("3", "2"))
    assert only(merged, "GF521", SHARDS).file == SECOND.replace("3", "2")
    assert find(merged, SHARDS, "GF523") == []
    assert plan(merged, SHARDS, unsafe=True).changes == ()


def test_an_interrupted_save_beside_a_whole_one_makes_the_new_index_unsafe() -> None:
    first = "model-00001-of-00002.safetensors"
    merged = without(SHARDS, INDEX) | {first: sharded(causal(), 2)[first]}
    assert only(merged, "GF524", None).file == first
    fix = only(merged, "GF523", None).fix
    assert fix is not None
    assert fix.applicability is Applicability.UNSAFE
    assert json.loads(repaired(merged, None, unsafe=True)[INDEX]) == json.loads(SHARDS[INDEX])


def test_one_file_needs_no_index_and_of_one_that_is_there_only_the_files_names_count() -> None:
    right = {INDEX: dump({"weight_map": dict.fromkeys([*causal(), "gone.weight"], SINGLE)})}
    assert silent(WEIGHTED | right, None)
    for wrong in (b"{", dump({"weight_map": {}}), SHARDS[INDEX]):
        finding = only(WEIGHTED | {INDEX: wrong}, "GF523", None)
        assert (finding.severity, finding.engines) == (Severity.ERROR, ("vllm",))


def test_files_in_a_folder_below_are_left_to_the_index_that_names_them() -> None:
    index = json.loads(SHARDS[INDEX])
    index["weight_map"]["tower.weight"] = "tower/model.safetensors"
    below = {"tower/model.safetensors": weight_file({"tower.weight": (4,)}), INDEX: dump(index)}
    assert silent(SHARDS | below, None)


MTP = "mtp.safetensors"
PREDICTS = config(SHARDS, num_nextn_predict_layers=1) | {MTP: weight_file({"mtp.fc.weight": (4, 8)})}


@pytest.mark.parametrize("base", [None, SPECULATIVE], ids=["alone", "base"])
def test_a_file_of_prediction_layers_is_added_to_the_index(base: Files | None) -> None:
    finding = only(PREDICTS, "GF523", base)
    assert (finding.severity, finding.message.id) == (Severity.WARNING, "index-omits")
    assert [find(PREDICTS, base, code) for code in ("GF416", "GF524")] == [[], []]
    assert json.loads(repaired(PREDICTS, base)[INDEX])["weight_map"]["mtp.fc.weight"] == MTP
    assert only(PREDICTS, "GF523", PREDICTS).severity is Severity.INFO


def test_a_file_of_layers_that_the_index_omits_is_an_error() -> None:
    late = weight_file({name: shape for name, shape in causal(3).items() if ".layers.2." in name})
    finding = only(config(SHARDS, num_hidden_layers=3) | {"late.safetensors": late}, "GF523", None)
    assert (finding.severity, finding.message.id) == (Severity.ERROR, "index-omits")


def test_a_shard_that_the_index_omits_may_have_been_taken_out() -> None:
    index = json.loads(SHARDS[INDEX])
    index["weight_map"] = {n: f for n, f in index["weight_map"].items() if f != SECOND}
    files = config(SHARDS, num_hidden_layers=2, tie_word_embeddings=None)
    files |= {SECOND: weight_file({"model.rotary.inv_freq": (4,)}), INDEX: dump(index)}
    finding = only(files, "GF523", None)
    assert (finding.severity, finding.message.id) == (Severity.WARNING, "index-omits-shards")
    assert finding.fix is not None
    assert finding.fix.applicability is Applicability.UNSAFE
    assert find(files, None, "GF524") == []
    assert (
        json.loads(repaired(files, None, unsafe=True)[INDEX])["weight_map"]["model.rotary.inv_freq"] == SECOND
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
