"""Whether an adapter is in the weights: real merges in small, and what goes wrong with them."""

from collections.abc import Mapping, Sequence

import pytest

from genfix.model import Model
from genfix.weights.merge_proof import MergeProof, Verdict, prove_merge
from genfix.weights.merge_replay import Kind
from genfix.weights.number_formats import rounded
from tests.support.folders import Files, MemoryFolder, dump, without
from tests.support.merges import (
    ADAPTER_CONFIG,
    HIDDEN,
    MODULES,
    RANK,
    Matrix,
    adapter_files,
    adapter_of,
    flat,
    merge,
    model_of,
    packed,
    product,
    random_matrix,
    world,
)
from tests.support.weight_files import SINGLE

BASE, ADAPTER, OTHER = world(), adapter_of(1), adapter_of(2)
ONCE = merge(BASE, ADAPTER)
TYPES = ["F32", "BF16", "F16"]


def proof(merged: Files, base: Files, adapter: Files) -> MergeProof:
    ours, theirs, trained = (Model(MemoryFolder(files)) for files in (merged, base, adapter))
    return prove_merge(ours, theirs, trained)


def verdict(merged: Mapping[str, Matrix], dtype: str = "BF16", **config: object) -> MergeProof:
    base = model_of(rounded_world(dtype), dtype)
    found = proof(model_of(merged, dtype), base, adapter_files(ADAPTER, "F32", **config))
    assert found.spent.data < 2**20
    return found


def rounded_world(dtype: str) -> dict[str, Matrix]:
    return {module: [[*rounded(row, dtype)] for row in matrix] for module, matrix in BASE.items()}


@pytest.mark.parametrize("dtype", TYPES)
def test_a_merge_is_proven(dtype: str) -> None:
    found = verdict(merge(rounded_world(dtype), ADAPTER), dtype)
    assert found.verdict is Verdict.MERGED
    assert found.labels(Kind.HAS) == (*MODULES,)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize(
    ("scale", "expected"), [(4.0, 2), (1.0, 0.5), (-2.0, -1), (2.6, 1.3), (16.0, 8), (2.1, 1.05)]
)
def test_another_scale_is_named(dtype: str, scale: float, expected: float) -> None:
    found = verdict(merge(rounded_world(dtype), ADAPTER, lambda _: scale), dtype)
    assert found.verdict is Verdict.SCALED
    assert found.scale == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize("dtype", TYPES)
def test_a_base_in_place_of_the_merge_is_named(dtype: str) -> None:
    assert verdict(rounded_world(dtype), dtype).verdict is Verdict.NOT_MERGED


@pytest.mark.parametrize("dtype", TYPES)
def test_a_matrix_that_was_left_out_is_named(dtype: str) -> None:
    base = rounded_world(dtype)
    merged = merge(base, ADAPTER) | {MODULES[3]: base[MODULES[3]]}
    found = verdict(merged, dtype)
    assert (found.verdict, found.labels(Kind.BASE)) == (Verdict.PARTLY, (MODULES[3],))


@pytest.mark.parametrize("dtype", TYPES)
def test_another_adapter_is_named(dtype: str) -> None:
    assert verdict(merge(rounded_world(dtype), OTHER), dtype).verdict is Verdict.OTHER


@pytest.mark.parametrize("dtype", TYPES)
def test_what_was_merged_further_cannot_be_told(dtype: str) -> None:
    found = verdict(merge(merge(rounded_world(dtype), ADAPTER), OTHER), dtype)
    assert (found.verdict, found.reason and found.reason.id) == (Verdict.UNTOLD, "proof-more")


def test_a_merge_of_some_matrices_at_another_scale_names_them() -> None:
    merged = merge(BASE, ADAPTER, lambda module: 6.0 if "q_proj" in module else 2.0)
    found = verdict(merged, "F32")
    assert found.verdict is Verdict.SCALED
    assert found.labels(Kind.SCALED) == tuple(name for name in MODULES if "q_proj" in name)


# -- what the adapter's config says ---------------------------------------------------------------

# settings, and the scale of a module by its name
SCALES = [
    ({"use_rslora": True}, lambda _: 8 / RANK**0.5),
    ({"lora_alpha": 4}, lambda _: 1.0),
    ({"alpha_pattern": {"v_proj": 16}}, lambda module: 4.0 if "v_proj" in module else 2.0),
    (
        {"alpha_pattern": {r"layers\.1\.self_attn.*": 2, "q_proj": 16}},
        lambda module: 0.5 if "layers.1.self_attn" in module else 4.0 if "q_proj" in module else 2.0,
    ),
]


@pytest.mark.parametrize(("config", "scale"), SCALES)
def test_the_scale_is_what_peft_makes_of_the_config(config: dict[str, object], scale: object) -> None:
    assert callable(scale)
    merged = merge(BASE, ADAPTER, scale)
    assert verdict(merged, "F32", **config).verdict is Verdict.MERGED
    assert verdict(merged, "F32").verdict is Verdict.SCALED


REFUSED = [
    ({"peft_type": "LOHA"}, "other-adapter-kind"),
    ({"r": 0}, "adapter-key-unusable"),
    ({"arrow_config": {"top_k": 1}}, "adapter-keys-unknown"),
    ({"some_new_way": True}, "adapter-keys-unknown"),
    ({"alpha_pattern": {"(a+)+$": 1}}, "adapter-key-unusable"),
    ({"rank_pattern": {"[": 1}}, "adapter-key-unusable"),
    ({"layer_replication": [[0, "x"]]}, "adapter-key-unusable"),
]


@pytest.mark.parametrize(("config", "reason"), REFUSED)
def test_what_is_not_known_is_never_a_pass(config: dict[str, object], reason: str) -> None:
    found = verdict(ONCE, "F32", **config)
    assert found.verdict is Verdict.UNTOLD
    assert found.reason is not None
    assert found.reason.id == reason


def test_a_setting_that_is_off_is_none() -> None:
    off: dict[str, object] = {
        "arrow_config": None,
        "use_qalora": False,
        "some_list": [],
        "qalora_group_size": 16,
    }
    assert verdict(ONCE, "F32", **off).verdict is Verdict.MERGED


def test_a_start_that_changes_the_base_is_no_alarm() -> None:
    """PiSSA's base has lost what its adapter began with."""
    found = verdict(merge(merge(BASE, ADAPTER), OTHER), "F32", init_lora_weights="pissa_niter_4")
    assert (found.verdict, found.reason and found.reason.id) == (Verdict.UNTOLD, "proof-base-changed")
    assert verdict(ONCE, "F32", init_lora_weights="gaussian").verdict is Verdict.MERGED


def later(name: str) -> str:
    """The module two layers on."""
    layer = int(name.split(".")[2])
    return name.replace(f"layers.{layer}.", f"layers.{layer + 2}.")


COPIED = BASE | {later(name): matrix for name, matrix in BASE.items()}
"""Layers 0, 1, 0, 1 of the base."""
FOUR = ADAPTER | {later(name): pair for name, pair in OTHER.items()}
"""An update for each of the four."""


def of_copies(merged: Mapping[str, Matrix], *ranges: tuple[int, int]) -> MergeProof:
    adapter = adapter_files(FOUR, layer_replication=[[*pair] for pair in ranges])
    return proof(model_of(merged, "F32"), model_of(BASE, "F32"), adapter)


def test_layers_that_were_copied_are_held_against_those_they_were_copied_from() -> None:
    """PEFT's ``layer_replication``: copies have updates of their own."""
    whole, given = merge(COPIED, FOUR), ((0, 2), (0, 2))
    assert of_copies(whole, *given).verdict is Verdict.MERGED
    assert of_copies(COPIED, *given).verdict is Verdict.NOT_MERGED
    left = later(MODULES[0])
    partly = of_copies(whole | {left: COPIED[left]}, *given)
    assert (partly.verdict, partly.labels(Kind.BASE)) == (Verdict.PARTLY, (left,))
    assert of_copies(merge(COPIED, FOUR, lambda _: 1.0), *given).verdict is Verdict.SCALED


def test_layers_that_were_copied_in_another_order_or_not_at_all_are_no_pass() -> None:
    whole = merge(COPIED, FOUR)
    for ranges in (((0, 1), (0, 1), (1, 2), (1, 2)), ((0, 2), (1, 2)), ((0, 2), (2, 4))):
        assert of_copies(whole, *ranges).verdict is not Verdict.MERGED
    alone = merge(BASE, FOUR)  # the copies are not there
    assert of_copies(alone, (0, 2), (0, 2)).verdict is not Verdict.MERGED


# -- other files ----------------------------------------------------------------------------------


def test_an_adapter_that_is_pickled_stays_closed() -> None:
    files = {"adapter_config.json": dump(ADAPTER_CONFIG), "adapter_model.bin": b"\x80\x04."}
    found = proof(model_of(ONCE), model_of(BASE), files)
    assert (found.verdict, found.reason and found.reason.id) == (Verdict.UNTOLD, "adapter-pickled")


def test_weights_that_are_pickled_stay_closed() -> None:
    merged = without(model_of(ONCE), SINGLE) | {"pytorch_model.bin": bytes(100)}
    found = proof(merged, model_of(BASE), adapter_files(ADAPTER))
    assert (found.verdict, found.reason and found.reason.id) == (Verdict.UNTOLD, "proof-no-tensors")


def test_an_adapter_without_effect_says_so() -> None:
    zero = {module: (first, [[0.0] * RANK] * HIDDEN) for module, (first, _) in ADAPTER.items()}
    found = proof(model_of(BASE), model_of(BASE), adapter_files(zero))
    assert (found.verdict, found.reason and found.reason.id) == (Verdict.UNTOLD, "proof-zero")


def test_an_update_that_rounding_takes_away_says_so() -> None:
    weak = adapter_of(1, strength=1e-7)
    base = rounded_world("BF16")
    for merged in (base, merge(base, weak)):
        found = proof(model_of(merged), model_of(base), adapter_files(weak))
        assert (found.verdict, found.reason and found.reason.id) == (Verdict.UNTOLD, "proof-hidden")


def test_weights_of_another_prefix_are_found() -> None:
    """As transformers 5 names the language model of a vision-language model."""
    merged = {name.replace("model.", "model.language_model."): matrix for name, matrix in ONCE.items()}
    found = proof(model_of(merged), model_of(BASE), adapter_files(ADAPTER))
    assert found.verdict is Verdict.MERGED


def test_a_module_that_is_nowhere_is_no_pass() -> None:
    extra = ADAPTER | {"model.layers.7.self_attn.q_proj": ADAPTER[MODULES[0]]}
    found = proof(model_of(ONCE), model_of(BASE), adapter_files(extra))
    assert (found.verdict, found.reason and found.reason.id) == (Verdict.UNTOLD, "proof-changes-untold")


def test_a_file_that_ends_too_early_is_no_pass() -> None:
    merged = model_of(ONCE)
    cut = merged | {SINGLE: merged[SINGLE][: len(merged[SINGLE]) // 4]}
    assert proof(cut, model_of(BASE), adapter_files(ADAPTER)).verdict is Verdict.UNTOLD


# -- other changes --------------------------------------------------------------------------------

Entry = tuple[str, Sequence[int], Sequence[float]]


def weights(tensors: Mapping[str, Entry]) -> Files:
    return {"config.json": dump({"model_type": "llama"}), SINGLE: packed(tensors)}


def adapted(tensors: Mapping[str, Entry], **config: object) -> Files:
    named = {f"base_model.model.{name}": entry for name, entry in tensors.items()}
    return {
        "adapter_config.json": dump({**ADAPTER_CONFIG, **config}),
        "adapter_model.safetensors": packed(named),
    }


def entry(matrix: Matrix, dtype: str = "F32") -> Entry:
    return dtype, (len(matrix), len(matrix[0])), flat(matrix)


def added(matrix: Matrix, update: Matrix, scale: float = 2.0) -> Matrix:
    return [
        [value + scale * more for value, more in zip(row, delta, strict=True)]
        for row, delta in zip(matrix, update, strict=True)
    ]


def turned(matrix: Matrix) -> Matrix:
    return [[*column] for column in zip(*matrix, strict=True)]


FIRST, SECOND = random_matrix(RANK, 40, 0.1, 1), random_matrix(56, RANK, 0.02, 2)
PLAIN = random_matrix(56, 40, 0.02, 3)
UPDATE = product(SECOND, FIRST)


def both(name: str, before: Matrix, after: Matrix, adapter: Files) -> tuple[Verdict, Verdict]:
    """The verdicts on the merged tensor, and on the base's in its place."""
    base = weights({name: entry(before)})
    return (proof(weights({name: entry(after)}), base, adapter).verdict, proof(base, base, adapter).verdict)


def test_transposed_matrices() -> None:
    adapter = adapted(
        {"h.0.c_fc.lora_A.weight": entry(FIRST), "h.0.c_fc.lora_B.weight": entry(SECOND)}, fan_in_fan_out=True
    )
    found = both("transformer.h.0.c_fc.weight", turned(PLAIN), turned(added(PLAIN, UPDATE)), adapter)
    assert found == (Verdict.MERGED, Verdict.NOT_MERGED)


def test_an_embedding() -> None:
    adapter = adapted(
        {
            "model.embed_tokens.lora_embedding_A": entry(turned(SECOND)),
            "model.embed_tokens.lora_embedding_B": entry(turned(FIRST)),
            "model.embed_tokens.base_layer.weight": entry(PLAIN),
        }
    )
    found = both("model.embed_tokens.weight", PLAIN, added(PLAIN, UPDATE), adapter)
    assert found == (Verdict.MERGED, Verdict.NOT_MERGED)


def test_mlx_lm() -> None:
    tensors = {
        "model.layers.0.q_proj.lora_a": entry(turned(FIRST)),
        "model.layers.0.q_proj.lora_b": entry(turned(SECOND)),
    }
    adapter = {
        "adapter_config.json": dump(
            {"fine_tune_type": "lora", "lora_parameters": {"rank": RANK, "scale": 20.0}, "num_layers": 1}
        ),
        "adapters.safetensors": packed(tensors),
    }
    found = both("model.layers.0.q_proj.weight", PLAIN, added(PLAIN, UPDATE, 20.0), adapter)
    assert found == (Verdict.MERGED, Verdict.NOT_MERGED)


def test_dora() -> None:
    lengths = [1 + 0.01 * number for number in range(56)]
    summed = added(PLAIN, UPDATE)
    merged = []
    for row, length in zip(summed, lengths, strict=True):
        norm = sum(value * value for value in row) ** 0.5
        merged.append([value * length / norm for value in row])
    adapter = adapted(
        {
            "model.layers.0.q_proj.lora_A.weight": entry(FIRST),
            "model.layers.0.q_proj.lora_B.weight": entry(SECOND),
            "model.layers.0.q_proj.lora_magnitude_vector": ("F32", (56,), lengths),
        },
        use_dora=True,
    )
    found = both("model.layers.0.q_proj.weight", PLAIN, merged, adapter)
    assert found == (Verdict.MERGED, Verdict.NOT_MERGED)


def test_a_tensor_that_was_trained_whole() -> None:
    adapter = adapted({"lm_head.weight": entry(PLAIN)})
    found = both("lm_head.weight", added(PLAIN, UPDATE), PLAIN, adapter)
    assert found == (Verdict.MERGED, Verdict.NOT_MERGED)


def test_tokens_that_were_trained_alone() -> None:
    rows = {3: [0.5] * 40, 17: [-0.25] * 40}
    trained = [rows.get(number, row) for number, row in enumerate(PLAIN)]
    adapter = adapted(
        {"model.embed_tokens.token_adapter.trainable_tokens_delta": entry([*rows.values()])},
        trainable_token_indices=[*rows],
    )
    found = both("model.embed_tokens.weight", PLAIN, trained, adapter)
    assert found == (Verdict.MERGED, Verdict.NOT_MERGED)


def test_a_bias() -> None:
    before, more = random_matrix(1, 56, 0.02, 5), random_matrix(1, 56, 0.02, 6)
    adapter = adapted(
        {
            "model.layers.0.q_proj.lora_A.weight": entry(FIRST),
            "model.layers.0.q_proj.lora_B.weight": entry(SECOND),
            "model.layers.0.q_proj.lora_B.bias": ("F32", (56,), more[0]),
        },
        lora_bias=True,
    )

    def folder(weight: Matrix, bias: Matrix) -> Files:
        name = "model.layers.0.q_proj"
        return weights({f"{name}.weight": entry(weight), f"{name}.bias": ("F32", (56,), bias[0])})

    base, right = folder(PLAIN, before), folder(added(PLAIN, UPDATE), added(before, more))
    forgotten = folder(added(PLAIN, UPDATE), before)
    assert proof(right, base, adapter).verdict is Verdict.MERGED
    found = proof(forgotten, base, adapter)
    assert (found.verdict, found.labels(Kind.BASE)) == (Verdict.PARTLY, ("model.layers.0.q_proj.bias",))


# -- experts ---------------------------------------------------------------------------------------

EXPERTS, WIDTH, INNER = 3, 40, 24
BLOCK = "model.layers.0.mlp.experts"
GATES = [random_matrix(2 * INNER, WIDTH, 0.02, 10 + number) for number in range(EXPERTS)]
GATE_A = random_matrix(EXPERTS * RANK, WIDTH, 0.1, 20)
GATE_B = random_matrix(2 * INNER, RANK * EXPERTS, 0.02, 21)


def expert_update(number: int) -> Matrix:
    """As PEFT lays out a stack: A is (experts x rank, in), B is (out, rank x experts)."""
    first = GATE_A[number * RANK : (number + 1) * RANK]
    return product([row[number::EXPERTS] for row in GATE_B], first)


MERGED_GATES = [added(gate, expert_update(number)) for number, gate in enumerate(GATES)]
STACKED = adapted(
    {f"{BLOCK}.lora_A.weight": entry(GATE_A), f"{BLOCK}.lora_B.weight": entry(GATE_B)},
    target_parameters=["mlp.experts.gate_up_proj"],
)


def fused(gates: Sequence[Matrix]) -> Files:
    shape = (EXPERTS, 2 * INNER, WIDTH)
    return weights({f"{BLOCK}.gate_up_proj": ("F32", shape, [v for gate in gates for v in flat(gate)])})


def apart(gates: Sequence[Matrix]) -> Files:
    return weights(
        {
            f"{BLOCK}.{number}.{part}_proj.weight": entry(half)
            for number, gate in enumerate(gates)
            for part, half in (("gate", gate[:INNER]), ("up", gate[INNER:]))
        }
    )


@pytest.mark.parametrize("base", [fused(GATES), apart(GATES)])
@pytest.mark.parametrize("kept", [fused, apart])
def test_experts_in_a_stack_or_apart(base: Files, kept: object) -> None:
    assert callable(kept)
    assert proof(kept(MERGED_GATES), base, STACKED).verdict is Verdict.MERGED
    assert proof(kept(GATES), base, STACKED).verdict is Verdict.NOT_MERGED
    partly = proof(kept([MERGED_GATES[0], GATES[1], MERGED_GATES[2]]), base, STACKED)
    assert partly.verdict is Verdict.PARTLY
    assert partly.labels(Kind.BASE) == (f"{BLOCK}.1.gate_proj", f"{BLOCK}.1.up_proj")
