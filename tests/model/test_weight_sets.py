"""Which files are the model: every mixture of one file, series, index, leftovers and pickles."""

import json

import pytest

from genfix.model import Model
from genfix.model.weight_sets import WeightSet
from tests.support.folders import Files, MemoryFolder, dump, without
from tests.support.weight_files import INDEX, SINGLE, causal, sharded, weight_file

CONFIG: Files = {"config.json": dump({"num_hidden_layers": 2, "tie_word_embeddings": False})}
PREDICTING: Files = {"config.json": dump({"num_hidden_layers": 2, "num_nextn_predict_layers": 1})}
TWO, THREE = sharded(causal(), 2), sharded(causal(), 3)
TWO_NAMES = tuple(sorted(TWO.keys() - {INDEX}))
THREE_NAMES = tuple(sorted(THREE.keys() - {INDEX}))
WHOLE = weight_file(causal())
EMPTY = weight_file(dict.fromkeys(causal(), (0,)))
FEW = weight_file({"model.norm.weight": (4,)})
MTP = weight_file({"mtp.fc.weight": (4, 8)})
LAYER = {name: shape for name, shape in causal().items() if ".layers.1." in name}
REST = {name: shape for name, shape in causal().items() if ".layers.1." not in name}
TRUNK = causal(head=False)
INDEXED_TRUNK = sharded(TRUNK)


def chosen(files: Files) -> WeightSet:
    return Model(MemoryFolder(files)).weights.chosen


def indexed(tensors: dict[str, tuple[int, ...]], file: str) -> bytes:
    return dump({"weight_map": dict.fromkeys(tensors, file)})


def test_plain_layouts_have_nothing_beside() -> None:
    assert chosen(CONFIG | {SINGLE: WHOLE}) == WeightSet((SINGLE,))
    assert chosen(CONFIG | TWO) == WeightSet(TWO_NAMES)
    assert chosen(CONFIG | without(TWO, INDEX)) == WeightSet(TWO_NAMES)
    assert chosen(CONFIG) == WeightSet()
    assert chosen(CONFIG | {"pytorch_model.bin": b"PK"}) == WeightSet()
    assert chosen(CONFIG | {SINGLE: WHOLE, "pytorch_model.bin": b"PK" * 99_999}) == WeightSet((SINGLE,))


@pytest.mark.parametrize("stub", [EMPTY, FEW, b"", WHOLE[:40], WHOLE[:-1], weight_file({})])
@pytest.mark.parametrize("config", [CONFIG, {}])
@pytest.mark.parametrize("lost", [(), (INDEX,)])
def test_one_file_that_is_empty_torn_or_has_fewer_tensors_is_not_the_model(
    stub: bytes, config: Files, lost: tuple[str, ...]
) -> None:
    found = chosen(config | without(TWO, *lost) | {SINGLE: stub})
    assert found == WeightSet(TWO_NAMES, strays=(SINGLE,))
    assert found.stub == SINGLE


def test_a_stub_is_none_either_where_its_own_index_came_along() -> None:
    found = chosen(CONFIG | TWO | {SINGLE: FEW, INDEX: indexed({"model.norm.weight": (4,)}, SINGLE)})
    assert (found.files, found.strays) == (TWO_NAMES, (SINGLE,))


@pytest.mark.parametrize("config", [CONFIG, {}])
def test_a_stub_beside_pickles_hides_them(config: Files) -> None:
    pickles = {"pytorch_model-00001-of-00001.bin": b"PK" * 9_999}
    assert chosen(config | pickles | {SINGLE: b""}) == WeightSet(strays=(SINGLE,))
    assert chosen(config | pickles | {SINGLE: weight_file({})}) == WeightSet(strays=(SINGLE,))
    assert chosen(config | pickles | {SINGLE: FEW}).files == (SINGLE,)


def test_the_series_is_left_over_where_it_lacks_what_the_one_file_has() -> None:
    old = sharded(causal(1), 2)
    assert chosen(CONFIG | old | {SINGLE: WHOLE}) == WeightSet((SINGLE,), strays=TWO_NAMES)
    torn = TWO | {TWO_NAMES[0]: TWO[TWO_NAMES[0]][:-1]}
    assert chosen(CONFIG | torn | {SINGLE: WHOLE}) == WeightSet((SINGLE,), strays=TWO_NAMES)
    assert chosen(CONFIG | without(TWO, TWO_NAMES[0]) | {SINGLE: WHOLE}).strays == TWO_NAMES[1:]


def test_a_pruned_model_is_no_stub_beside_the_series_it_was_made_of() -> None:
    found = chosen(CONFIG | sharded(causal(3), 2) | {SINGLE: WHOLE})
    assert found == WeightSet((SINGLE,), strays=TWO_NAMES)
    pruned = {"config.json": dump({"num_hidden_layers": 3})}
    assert chosen(pruned | sharded(causal(3), 2) | {SINGLE: WHOLE}).strays == (SINGLE,)


@pytest.mark.parametrize("more", [{"mtp.fc.weight": (4, 8)}, {"visual.blocks.0.attn.qkv.weight": (4, 4)}])
def test_a_save_without_prediction_or_tower_is_no_stub(more: dict[str, tuple[int, ...]]) -> None:
    """Which of them is meant nothing tells: ``save_pretrained`` drops such tensors."""
    found = chosen(PREDICTING | sharded({**TRUNK, **more}) | {SINGLE: weight_file(TRUNK)})
    assert found == WeightSet((SINGLE,), rivals=TWO_NAMES)


def test_the_same_model_twice_has_rivals() -> None:
    assert chosen(CONFIG | TWO | {SINGLE: WHOLE}) == WeightSet((SINGLE,), rivals=TWO_NAMES)
    tied = {"config.json": dump({"num_hidden_layers": 2, "tie_word_embeddings": True})}
    assert chosen(tied | TWO | {SINGLE: weight_file(TRUNK)}).rivals == TWO_NAMES
    both = chosen(CONFIG | without(TWO | THREE, INDEX))
    assert (both.files, both.rivals) == (TWO_NAMES, THREE_NAMES)


def test_a_series_that_the_index_does_not_name_is_of_another_save() -> None:
    assert chosen(CONFIG | THREE | TWO) == WeightSet(TWO_NAMES, strays=THREE_NAMES)


def test_an_index_of_another_save_counts_for_nothing() -> None:
    assert chosen(CONFIG | THREE | {INDEX: TWO[INDEX]}) == WeightSet(THREE_NAMES)
    assert chosen(CONFIG | {SINGLE: WHOLE, INDEX: TWO[INDEX]}) == WeightSet((SINGLE,))


def test_an_index_of_which_a_part_is_there_may_be_the_newer_one() -> None:
    found = chosen(CONFIG | without(TWO, TWO_NAMES[0]) | without(THREE, INDEX))
    assert found == WeightSet(TWO_NAMES[1:], TWO_NAMES[:1], rivals=THREE_NAMES)


def test_an_interrupted_series_beside_a_whole_one() -> None:
    found = chosen(CONFIG | without(TWO, INDEX) | {THREE_NAMES[0]: THREE[THREE_NAMES[0]]})
    assert found == WeightSet(TWO_NAMES, strays=THREE_NAMES[:1])


def test_an_interrupted_series_beside_one_file() -> None:
    part = without(TWO, TWO_NAMES[0])
    assert chosen(CONFIG | part | {SINGLE: EMPTY}) == WeightSet(
        TWO_NAMES[1:], TWO_NAMES[:1], strays=(SINGLE,)
    )
    assert chosen(CONFIG | part | {SINGLE: b""}) == WeightSet((SINGLE,), rivals=TWO_NAMES[1:])


def test_numbers_in_names_tell_what_is_missing_where_no_index_does() -> None:
    part = without(THREE, INDEX, THREE_NAMES[1])
    assert chosen(CONFIG | part).missing == THREE_NAMES[1:2]
    assert chosen(CONFIG | part | {INDEX: TWO[INDEX]}).missing == THREE_NAMES[1:2]


def test_a_file_that_only_a_copied_index_names_is_not_missing() -> None:
    """The base's index over shards of the same names, of which the base had one more for prediction."""
    index = json.loads(TWO[INDEX])
    index["weight_map"]["mtp.fc.weight"] = "mtp.safetensors"
    files = TWO | {INDEX: dump(index)}
    assert chosen(PREDICTING | files) == WeightSet(TWO_NAMES)
    assert chosen(files) == WeightSet(TWO_NAMES)
    index["weight_map"] = {
        **json.loads(TWO[INDEX])["weight_map"],
        "projector.weight": "projector.safetensors",
    }
    assert chosen(CONFIG | TWO | {INDEX: dump(index)}).missing == ("projector.safetensors",)


def test_what_config_declares_belongs_to_the_model_though_the_index_omits_it() -> None:
    files = INDEXED_TRUNK | {"mtp.safetensors": MTP}
    names = (*TWO_NAMES, "mtp.safetensors")
    assert chosen(PREDICTING | files) == WeightSet(names, omitted=("mtp.safetensors",))
    assert chosen(files) == WeightSet(TWO_NAMES, strays=("mtp.safetensors",))
    seen = weight_file({"visual.blocks.0.attn.qkv.weight": (4, 4)})
    seeing = {"config.json": dump({"num_hidden_layers": 2, "vision_config": {}})}
    assert chosen(seeing | INDEXED_TRUNK | {"tower.safetensors": seen}).omitted == ("tower.safetensors",)
    head = weight_file({"lm_head.weight": (1024, 4)})
    assert chosen(CONFIG | INDEXED_TRUNK | {"head.safetensors": head}).omitted == ("head.safetensors",)
    rest = sharded(REST) | {"late.safetensors": weight_file(LAYER)}
    assert chosen(CONFIG | rest).omitted == ("late.safetensors",)


@pytest.mark.parametrize("name", ["model-00009-of-00009.safetensors", "mtp.safetensors"])
def test_another_saves_shards_and_second_copies_do_not_belong(name: str) -> None:
    tensors = {"mtp.fc.weight": (4, 8)} | ({"model.norm.weight": (4,)} if name == "mtp.safetensors" else {})
    found = chosen(PREDICTING | INDEXED_TRUNK | {name: weight_file(tensors)})
    assert found == WeightSet(TWO_NAMES, strays=(name,))


def test_a_shard_of_the_same_series_that_the_index_omits() -> None:
    norm = {"model.norm.weight": (4,)}
    rest = {name: shape for name, shape in causal().items() if name not in norm}
    shards = {TWO_NAMES[0]: weight_file(rest), TWO_NAMES[1]: weight_file(norm)}
    files = CONFIG | shards | {INDEX: indexed(rest, TWO_NAMES[0])}
    assert chosen(files) == WeightSet(TWO_NAMES[:1], unsettled=TWO_NAMES[1:])


def test_files_of_a_layout_of_their_own_are_all_read() -> None:
    parts = {"a.safetensors": weight_file(REST), "b.safetensors": weight_file(LAYER)}
    assert chosen(CONFIG | parts) == WeightSet(tuple(parts), unclear=tuple(parts))
    assert Model(MemoryFolder(CONFIG | parts)).weights.facts.layers == 2
    assert chosen(CONFIG | parts | {INDEX: indexed(REST, "a.safetensors")}).omitted == ("b.safetensors",)


def test_a_file_beside_model_safetensors_that_its_index_names() -> None:
    index = dump({"weight_map": dict.fromkeys(TRUNK, SINGLE) | {"mtp.fc.weight": "mtp.safetensors"}})
    files = PREDICTING | {SINGLE: weight_file(TRUNK), "mtp.safetensors": MTP, INDEX: index}
    assert chosen(files) == WeightSet((SINGLE, "mtp.safetensors"))
    assert chosen(files | {INDEX: indexed(TRUNK, SINGLE)}).omitted == ("mtp.safetensors",)
