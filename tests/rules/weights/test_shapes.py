"""What config.json says against the shapes of the weights, and what is no contradiction."""

import pytest

from genfix.rules import Applicability, Severity
from tests.support.folders import Files, glm_files, with_json
from tests.support.judging import find, repaired
from tests.support.weight_files import INDEX, ROWS, SINGLE, causal, sharded, weight_file
from tests.support.weighted import (
    CONFIG,
    PREDICTING,
    QWEN,
    SPECULATIVE,
    TIED,
    WEIGHTED,
    config,
    only,
    silent,
    value,
)


def test_a_whole_model_is_healthy_in_one_file_and_in_shards() -> None:
    for merged in (WEIGHTED, QWEN | sharded(causal()), QWEN | sharded(causal(), 5)):
        assert silent(merged)
        assert silent(merged, None)
        assert silent(merged, merged)


# -- rows ----------------------------------------------------------------------------------------------------


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


def test_rows_that_only_the_embedding_tells_of_may_be_added_by_the_class() -> None:
    """Mllama's text model without its head: changing `vocab_size` would keep it from loading."""
    trunk = config(QWEN, architectures=["MllamaTextModel"], model_type="mllama_text_model")
    trunk |= {SINGLE: weight_file(causal(rows=ROWS + 8, head=False))}
    finding = only(trunk, "GF411", None)
    assert finding.fix is not None
    assert (finding.severity, finding.fix.applicability) == (Severity.INFO, Applicability.MANUAL)


@pytest.mark.parametrize("head", [False, True], ids=["no head", "another head"])
def test_fewer_rows_than_the_vocabulary_never_load_but_nobody_tells_the_number(*, head: bool) -> None:
    tensors = causal(rows=ROWS, head=False) | ({"lm_head.weight": (ROWS - 8, 4)} if head else {})
    trunk = config(QWEN | {SINGLE: weight_file(tensors)}, vocab_size=ROWS + 64, architectures=["Qwen2Model"])
    finding = only(trunk, "GF411", None)
    assert finding.fix is not None
    assert (finding.severity, finding.fix.applicability) == (Severity.ERROR, Applicability.UNSAFE)


@pytest.mark.parametrize("tied", [True, False], ids=["tied", "base"])
def test_a_tied_head_or_the_bases_count_is_a_second_witness(*, tied: bool) -> None:
    rows = weight_file(causal(rows=ROWS + 8, head=False))
    merged = TIED if tied else config(TIED, architectures=["Qwen2Model"])
    base = None if tied else TIED
    assert value(repaired(merged | {SINGLE: rows}, base), "vocab_size") == ROWS + 8


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


def test_code_of_its_own_is_no_objection_where_the_base_has_what_the_weights_say() -> None:
    base = config(WEIGHTED, auto_map={"AutoModel": "modeling_x.X"})
    finding = only(config(base, vocab_size=ROWS + 64), "GF411", base)
    assert finding.fix is not None
    assert finding.fix.applicability is Applicability.SAFE


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


# -- the head ------------------------------------------------------------------------------------------------


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
    assert only(merged, "GF413", None).severity is Severity.ERROR


@pytest.mark.parametrize("marker", ["modules.json", "1_Pooling/config.json"])
@pytest.mark.parametrize("base", [None, TIED], ids=["alone", "its base"])
def test_an_embedding_model_has_no_use_for_a_head(marker: str, base: Files | None) -> None:
    merged = config(TIED, tie_word_embeddings=False) | {marker: b"{}"}
    assert only(merged, "GF413", base).severity is Severity.INFO


@pytest.mark.parametrize(("kind", "is_default"), [("qwen2", False), ("gemma2", True), ("brand_new", None)])
def test_what_is_not_said_of_the_head_is_the_default_of_the_class(
    kind: str, *, is_default: bool | None
) -> None:
    own, none = (
        config(files, model_type=kind, tie_word_embeddings=...)
        for files in (QWEN | {SINGLE: weight_file(causal(), fill={"lm_head.weight": 7})}, TIED)
    )
    has_own = [finding.expected for finding in find(own, None, "GF413")]
    has_none = [finding.expected for finding in find(none, None, "GF413")]
    assert (has_own, has_none) == ([False] * (is_default is True), [True] * (is_default is False))


def test_a_head_under_another_name_is_one() -> None:
    """RemBERT: ``cls.predictions.decoder``."""
    tensors = causal(head=False) | {"cls.predictions.decoder.weight": (ROWS, 4)}
    assert silent(QWEN | {SINGLE: weight_file(tensors)}, TIED)


def test_a_head_that_the_merge_lost_is_not_replaced_by_the_embedding() -> None:
    finding = only(QWEN | {SINGLE: weight_file(causal(head=False))}, "GF413", WEIGHTED)
    assert finding.severity is Severity.ERROR
    assert finding.fix is not None
    assert finding.fix.applicability is Applicability.MANUAL


# -- layers and experts --------------------------------------------------------------------------------------


@pytest.mark.parametrize("layers", [1, 3, 12])
def test_the_layers_of_the_weights_win(layers: int) -> None:
    merged = QWEN | {SINGLE: weight_file(causal(layers))}
    assert only(merged, "GF414").expected == layers
    assert value(repaired(merged, WEIGHTED), "num_hidden_layers") == layers


def test_who_counts_another_thing_by_the_key_as_the_base_does_is_left_alone() -> None:
    """EfficientNet: four times the blocks of each stage, before the depth coefficient."""
    merged = config(QWEN, num_hidden_layers=64) | {SINGLE: weight_file(causal(3))}
    assert find(merged, merged, "GF414") == []
    assert only(merged, "GF414", config(merged, num_hidden_layers=3)).expected == 3


def test_at_the_top_the_layers_of_all_parts_may_be_counted() -> None:
    """CLAP: the layers of the text tower and of the audio tower."""
    whole = config(QWEN, num_hidden_layers=6, text_config={"model_type": "qwen2", "num_hidden_layers": 2})
    assert find(whole | {SINGLE: weight_file(causal(2))}, None, "GF414") == []
    assert find(whole | {SINGLE: weight_file(causal(3))}, None, "GF414") != []


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
    as_in_base = only(merged, "GF416", merged)
    assert (as_in_base.severity, as_in_base.fix) == (Severity.INFO, None)


def test_an_index_alone_tells_that_the_base_had_them() -> None:
    base = config(QWEN, num_nextn_predict_layers=1) | {INDEX: sharded(PREDICTING)[INDEX]}
    merged = SPECULATIVE | {SINGLE: weight_file(causal(2))}
    assert only(merged, "GF416", base).severity is Severity.WARNING


MIXTURE = config(QWEN, model_type="qwen2_moe", architectures=["Qwen2MoeForCausalLM"])


@pytest.mark.parametrize("key", ["num_experts", "n_routed_experts", "num_local_experts"])
def test_the_experts_of_the_weights_win(key: str) -> None:
    merged = config(MIXTURE | {SINGLE: weight_file(causal(experts=6))}, **{key: 8})
    assert value(repaired(merged, None), key) == 6
    assert silent(config(merged, **{key: 6}), None)


def test_fused_experts_are_counted_too() -> None:
    fused = causal() | {f"model.layers.{n}.mlp.experts.gate_up_proj": (6, 4, 8) for n in range(2)}
    assert only(config(QWEN | {SINGLE: weight_file(fused)}, num_experts=8), "GF415", None).expected == 6


def test_experts_that_compute_nothing_are_told_by_the_config() -> None:
    fused = causal() | {f"model.layers.{n}.mlp.experts.gate_up_proj": (6, 4, 8) for n in range(2)}
    merged = config(MIXTURE | {SINGLE: weight_file(fused)}, n_routed_experts=4, zero_expert_num=2)
    assert silent(merged, None)


def test_two_stacks_are_not_judged() -> None:
    both = causal(2) | {f"decoder.block.{n}.q.weight": (4, 4) for n in range(5)}
    assert silent(config(QWEN | {SINGLE: weight_file(both)}, num_hidden_layers=9), None)


def test_layers_that_see_are_not_the_language_models() -> None:
    seeing = causal(2) | {f"visual.blocks.{n}.attn.qkv.weight": (4, 4) for n in range(8)}
    assert silent(QWEN | {SINGLE: weight_file(seeing)}, None)


def test_one_embedding_for_several_code_books_has_their_rows() -> None:
    heard = config(WEIGHTED, vocab_size=ROWS // 4, num_codebooks=4)
    assert find(heard, None, "GF411") == find(heard, heard, "GF411") == []
    assert find(config(heard, num_codebooks=3), None, "GF411") != []


def test_rows_that_the_base_has_under_the_same_number_are_its_habit() -> None:
    odd = config(WEIGHTED, vocab_size=7)
    assert find(odd, odd, "GF411") == []
    assert find(odd, WEIGHTED, "GF411") != []


def test_a_model_without_a_vocabulary_may_count_other_things_by_these_keys() -> None:
    stages = {f"blocks.{n}.conv.weight": (4, 4) for n in range(3)} | {"experts.0.w1": (4, 4)}
    seeing = config(WEIGHTED, num_hidden_layers=64, num_experts=8) | {SINGLE: weight_file(stages)}
    assert [f for f in find(seeing, None) if f.code in {"GF414", "GF415", "GF416"}] == []
