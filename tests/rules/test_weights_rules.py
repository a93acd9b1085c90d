"""What config.json and the index say against the weights, and what is no contradiction."""

import json

import pytest

from genfix.json_types import JsonValue
from genfix.model import Model
from genfix.resolver import BaseFacts
from genfix.rules import Applicability, Context, Finding, Severity, judge
from tests.support.folders import Files, MemoryFolder, dump, glm_files, with_json, without
from tests.support.judging import find, plan, repaired
from tests.support.weight_files import INDEX, ROWS, SINGLE, causal, sharded, weight_file
from tests.support.weighted import (
    FOUR_BITS,
    PACKED,
    PREDICTING,
    QWEN,
    SCORED,
    SECOND,
    SEEING,
    SHARDS,
    SPECULATIVE,
    TIED,
    WEIGHTED,
    packed,
)

CONFIG = "config.json"


def config(files: Files, **values: object) -> Files:
    return with_json(files, CONFIG, **values)


def value(files: Files, key: str) -> JsonValue:
    found: JsonValue = json.loads(files[CONFIG]).get(key)
    return found


def only(merged: Files, code: str, base: Files | None = WEIGHTED) -> Finding:
    (finding,) = find(merged, base, code)
    return finding


def silent(merged: Files, base: Files | None = WEIGHTED) -> bool:
    return [f for f in find(merged, base) if f.code[2] in "45" and f.severity is not Severity.INFO] == []


def test_a_whole_model_is_healthy_in_one_file_and_in_shards() -> None:
    for merged in (WEIGHTED, QWEN | sharded(causal()), QWEN | sharded(causal(), 5)):
        assert silent(merged)
        assert silent(merged, None)
        assert silent(merged, merged)


# -- rows ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("base", [WEIGHTED, None], ids=["base", "alone"])
def test_the_rows_of_the_weights_win_over_the_bases_vocab_size(base: Files | None) -> None:
    resized = QWEN | {SINGLE: weight_file(causal(rows=1032))}
    finding = only(resized, "GF411", base)
    assert (finding.severity, finding.expected) == (Severity.ERROR, 1032)
    assert value(repaired(resized, base), "vocab_size") == 1032


def test_a_resized_vocabulary_with_its_own_number_stays() -> None:
    assert silent(config(QWEN | {SINGLE: weight_file(causal(rows=1088))}, vocab_size=1088))


def test_padded_rows_beyond_the_tokens_are_normal() -> None:
    padded = config(QWEN | {SINGLE: weight_file(causal(rows=2048))}, vocab_size=2048)
    assert silent(padded, None)


def test_an_embedding_with_more_rows_than_the_head_is_a_models_own_habit() -> None:
    """Llama 3.2 Vision: eight rows more than the vocabulary, for the image token."""
    tensors = causal() | {"model.embed_tokens.weight": (ROWS + 8, 4)}
    assert silent(QWEN | {SINGLE: weight_file(tensors)}, None)


def test_the_language_models_own_part_is_what_counts() -> None:
    composite = config(
        QWEN | {SINGLE: weight_file(causal(rows=1032))},
        vocab_size=...,
        text_config={"vocab_size": 1024, "num_hidden_layers": 2},
    )
    assert only(composite, "GF411", None).pointer == "/text_config/vocab_size"
    right = config(composite, vocab_size=5, text_config={"vocab_size": 1032})
    assert find(right, None, "GF411") == []


def test_chatglm_counts_its_padded_rows() -> None:
    glm = with_json(glm_files(), CONFIG, padded_vocab_size=151552, vocab_size=150000)
    assert (
        find(
            glm | {SINGLE: weight_file({"transformer.embedding.word_embeddings.weight": (151552, 1)})},
            None,
            "GF411",
        )
        == []
    )


def test_custom_code_may_mean_another_number() -> None:
    merged = config(
        WEIGHTED | {SINGLE: weight_file(causal(rows=1032))}, auto_map={"AutoModel": "modeling_x.X"}
    )
    finding = only(merged, "GF411", None)
    assert finding.fix is not None
    assert (finding.severity, finding.fix.applicability) == (Severity.INFO, Applicability.UNSAFE)


def test_a_packed_embedding_says_nothing_about_rows() -> None:
    packed = weight_file(causal(), {"model.embed_tokens.weight": "U32"})
    assert find(config(QWEN | {SINGLE: packed}, vocab_size=8192), None, "GF411") == []


@pytest.mark.parametrize(
    ("rows", "severity"), [(1002, Severity.ERROR), (1003, None), (1024, None)], ids=["used", "fits", "padded"]
)
def test_tokens_beyond_the_embedding(rows: int, severity: Severity | None) -> None:
    merged = config(QWEN | {SINGLE: weight_file(causal(rows=rows))}, vocab_size=rows)
    found = find(merged, WEIGHTED, "GF412")
    assert [f.severity for f in found] == ([severity] if severity else [])
    assert [f.fix.applicability for f in found if f.fix] == ([Applicability.MANUAL] if severity else [])


def test_a_token_beyond_that_nothing_writes_is_information_alone() -> None:
    tokens = [
        {"id": 1002, "content": "<|im_end|>"},
        {"id": 1001, "content": "<|im_start|>"},
        {"id": 1000, "content": "<|endoftext|>"},
        {"id": 4000, "content": "<|extra|>"},
    ]
    merged = with_json(WEIGHTED, "tokenizer.json", added_tokens=tokens)
    assert only(merged, "GF412", None).severity is Severity.INFO
    assert only(merged, "GF412", WEIGHTED).severity is Severity.WARNING
    assert only(merged, "GF412", merged).severity is Severity.INFO


# -- the head --------------------------------------------------------------------------------------------------


def test_a_trained_head_is_no_longer_thrown_away() -> None:
    merged = TIED | {SINGLE: weight_file(causal(), fill={"lm_head.weight": 7})}
    assert only(merged, "GF413", TIED).severity is Severity.ERROR
    assert value(repaired(merged, TIED), "tie_word_embeddings") is False
    assert value(repaired(merged, None), "tie_word_embeddings") is False


def test_a_head_that_is_a_copy_of_the_embedding_is_harmless() -> None:
    assert silent(TIED | {SINGLE: weight_file(causal())}, TIED)


def test_a_tied_model_without_a_head_is_healthy() -> None:
    assert silent(TIED, TIED)


def test_a_model_that_says_it_has_a_head_and_has_none() -> None:
    merged = config(TIED, tie_word_embeddings=False)
    assert value(repaired(merged, TIED), "tie_word_embeddings") is True
    assert only(merged, "GF413", None).severity is Severity.INFO


def test_a_head_under_another_name_is_one() -> None:
    """RemBERT: ``cls.predictions.decoder``."""
    tensors = causal(head=False) | {"cls.predictions.decoder.weight": (ROWS, 4)}
    assert silent(QWEN | {SINGLE: weight_file(tensors)}, TIED)


def test_a_head_that_the_merge_lost_is_not_replaced_by_the_embedding() -> None:
    finding = only(QWEN | {SINGLE: weight_file(causal(head=False))}, "GF413", WEIGHTED)
    assert finding.severity is Severity.ERROR
    assert finding.fix is not None
    assert finding.fix.applicability is Applicability.MANUAL


# -- layers and experts ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("layers", [1, 3, 12])
def test_the_layers_of_the_weights_win(layers: int) -> None:
    merged = QWEN | {SINGLE: weight_file(causal(layers))}
    assert only(merged, "GF414").expected == layers
    assert value(repaired(merged, WEIGHTED), "num_hidden_layers") == layers


def test_a_passthrough_merge_with_more_layers_stays() -> None:
    assert silent(config(QWEN | {SINGLE: weight_file(causal(3))}, num_hidden_layers=3))


def test_lists_with_an_entry_per_layer_are_for_a_person() -> None:
    kinds = ["full_attention"] * 4
    merged = config(QWEN | {SINGLE: weight_file(causal(5))}, num_hidden_layers=4, layer_types=kinds)
    fix = only(merged, "GF414", None).fix
    assert fix is not None
    assert fix.applicability is Applicability.MANUAL


def test_a_layer_that_is_missing_between_others_is_lost() -> None:
    tensors = {name: shape for name, shape in causal(3).items() if ".layers.1." not in name}
    finding = only(config(QWEN | {SINGLE: weight_file(tensors)}, num_hidden_layers=3), "GF414")
    assert finding.message.id == "layers-missing"


def test_prediction_layers_are_counted_apart() -> None:
    assert silent(SPECULATIVE, SPECULATIVE)
    assert silent(SPECULATIVE, None)
    nameless = causal(3)
    assert silent(config(QWEN, num_nextn_predict_layers=1) | {SINGLE: weight_file(nameless)}, None)


def test_prediction_layers_that_were_dropped() -> None:
    merged = SPECULATIVE | {SINGLE: weight_file(causal(2))}
    assert only(merged, "GF416", SPECULATIVE).severity is Severity.WARNING
    assert only(merged, "GF416", None).severity is Severity.INFO
    assert only(merged, "GF416", merged).severity is Severity.INFO


def test_an_index_alone_tells_that_the_base_had_them() -> None:
    base = config(QWEN, num_nextn_predict_layers=1) | {INDEX: sharded(PREDICTING)[INDEX]}
    merged = SPECULATIVE | {SINGLE: weight_file(causal(2))}
    assert only(merged, "GF416", base).severity is Severity.WARNING


@pytest.mark.parametrize("key", ["num_experts", "n_routed_experts", "num_local_experts"])
def test_the_experts_of_the_weights_win(key: str) -> None:
    merged = config(QWEN | {SINGLE: weight_file(causal(experts=6))}, **{key: 8})
    assert value(repaired(merged, None), key) == 6
    assert silent(config(merged, **{key: 6}), None)


def test_fused_experts_are_counted_too() -> None:
    fused = causal() | {f"model.layers.{n}.mlp.experts.gate_up_proj": (6, 4, 8) for n in range(2)}
    assert only(config(QWEN | {SINGLE: weight_file(fused)}, num_experts=8), "GF415", None).expected == 6


def test_experts_that_compute_nothing_are_told_by_the_config() -> None:
    fused = causal() | {f"model.layers.{n}.mlp.experts.gate_up_proj": (6, 4, 8) for n in range(2)}
    merged = config(QWEN | {SINGLE: weight_file(fused)}, n_routed_experts=4, zero_expert_num=2)
    assert silent(merged, None)


def test_two_stacks_are_not_judged() -> None:
    both = causal(2) | {f"decoder.block.{n}.q.weight": (4, 4) for n in range(5)}
    assert silent(config(QWEN | {SINGLE: weight_file(both)}, num_hidden_layers=9), None)


def test_layers_that_see_are_not_the_language_models() -> None:
    seeing = causal(2) | {f"visual.blocks.{n}.attn.qkv.weight": (4, 4) for n in range(9)}
    assert silent(QWEN | {SINGLE: weight_file(seeing)}, None)


# -- quantisation ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", PACKED)
def test_a_quantised_copy_stays_as_it_is(method: str) -> None:
    declared: JsonValue = {"quant_method": method, "config_groups": {"g": {}}}
    copy = config(QWEN, quantization_config=declared) | {SINGLE: packed(method)}
    assert silent(copy, WEIGHTED)
    assert silent(copy, copy)
    assert silent(copy, None)


@pytest.mark.parametrize("method", PACKED)
def test_what_a_quantised_base_left_in_a_plain_merge(method: str) -> None:
    declared: JsonValue = {"quant_method": method, "config_groups": {"g": {}}}
    base = config(QWEN, quantization_config=declared) | {SINGLE: packed(method)}
    merged = config(WEIGHTED, quantization_config=declared)
    assert only(merged, "GF421", base).severity is Severity.ERROR
    assert value(repaired(merged, base), "quantization_config") is None
    assert silent(WEIGHTED, base)


def test_quantising_on_loading_is_the_bases_choice_or_the_authors() -> None:
    base = config(WEIGHTED, quantization_config=FOUR_BITS)
    assert find(base, base, "GF421") == []
    alone = only(base, "GF421", None)
    assert alone.fix is not None
    assert (alone.severity, alone.fix.applicability) == (Severity.INFO, Applicability.UNSAFE)


def test_methods_that_nobody_knows_are_left_alone() -> None:
    assert silent(config(WEIGHTED, quantization_config={"quant_method": "quark"}))
    assert silent(
        config(WEIGHTED, quantization_config={"quant_method": "compressed-tensors", "format": "dense"})
    )


@pytest.mark.parametrize("method", PACKED)
def test_quantised_weights_get_their_declaration_back(method: str) -> None:
    declared: JsonValue = {"quant_method": method, "bits": 4}
    base = config(QWEN, quantization_config=declared) | {SINGLE: packed(method)}
    merged = QWEN | {SINGLE: packed(method)}
    assert value(repaired(merged, base), "quantization_config") == declared
    fix = only(merged, "GF422", WEIGHTED).fix
    assert fix is not None
    assert fix.applicability is Applicability.MANUAL


@pytest.mark.parametrize("name", ["quantize_config.json", "hf_quant_config.json"])
def test_a_declaration_in_a_file_of_its_own_is_one(name: str) -> None:
    assert find(QWEN | {SINGLE: packed("gptq"), name: b"{}"}, None, "GF422") == []


# -- the class -------------------------------------------------------------------------------------------------


def test_a_class_without_its_head() -> None:
    merged = config(WEIGHTED, architectures=["Qwen2Model"])
    assert only(merged, "GF431").severity is Severity.ERROR
    assert value(repaired(merged, WEIGHTED), "architectures") == ["Qwen2ForCausalLM"]


def test_an_embedding_model_made_from_a_generating_one_stays() -> None:
    bare = weight_file(causal(head=False, prefix=""))
    assert silent(config(QWEN | {SINGLE: bare}, architectures=["Qwen2Model"]))
    assert silent(config(WEIGHTED | {"modules.json": b"[]"}, architectures=["Qwen2Model"]))


def test_a_tied_trunk_may_be_an_embedding_model() -> None:
    finding = only(config(TIED, architectures=["Qwen2Model"]), "GF431", TIED)
    assert finding.fix is not None
    assert (finding.severity, finding.fix.applicability) == (Severity.WARNING, Applicability.UNSAFE)


def test_a_reward_model_that_was_saved_as_a_generating_one() -> None:
    merged = QWEN | {SINGLE: weight_file(SCORED)}
    reward = config(merged, architectures=["Qwen2ForSequenceClassification"])
    assert value(repaired(merged, reward), "architectures") == ["Qwen2ForSequenceClassification"]
    fix = only(merged, "GF431", WEIGHTED).fix
    assert fix is not None
    assert fix.applicability is Applicability.MANUAL


def test_classification_and_value_heads_stay() -> None:
    merged = config(QWEN | {SINGLE: weight_file(SCORED)}, architectures=["Qwen2ForSequenceClassification"])
    assert silent(merged)
    assert silent(WEIGHTED | {SINGLE: weight_file({**causal(), "v_head.summary.weight": (1, 4)})})


def test_a_language_model_that_still_calls_itself_seeing() -> None:
    finding = only(SEEING | {SINGLE: weight_file(causal())}, "GF431", SEEING)
    assert finding.message.id == "part-is-gone"
    assert find(SEEING, SEEING, "GF431") == []


def test_a_language_model_taken_out_with_its_own_class_stays() -> None:
    taken = config(SEEING, architectures=["Qwen2ForCausalLM"], vision_config=..., model_type="qwen2_vl_text")
    assert find(taken | {SINGLE: weight_file(causal())}, SEEING, "GF431") == []


@pytest.mark.parametrize(
    "name",
    [
        "base_model.model.model.layers.0.self_attn.q_proj.weight",
        "_orig_mod.model.layers.0.mlp.down_proj.weight",
        "model.layers.0.self_attn.q_proj.base_layer.weight",
        "model.layers.0.self_attn.q_proj.lora_A.default.weight",
    ],
)
def test_names_that_a_trainer_wrapped(name: str) -> None:
    merged = QWEN | {SINGLE: weight_file({**causal(), name: (4, 4)})}
    assert only(merged, "GF432", None).severity is Severity.ERROR


# -- files -----------------------------------------------------------------------------------------------------


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
