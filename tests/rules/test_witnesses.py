"""What each guard of a rule is for: a folder that it keeps from a false finding or a harmful fix."""

import json

import pytest

from genfix.engines.shared.eos import read_eos
from genfix.json_types import JsonValue
from genfix.rules import Applicability, CopyField, Finding, Severity
from tests.support.folders import (
    CHATML,
    CHATML_TOKENS,
    Files,
    chatml_files,
    dump,
    vlm_files,
    with_json,
    without,
)
from tests.support.judging import find, repaired
from tests.support.weight_files import causal, sharded, weight_file

GEN, TOK, CONFIG, FAST = "generation_config.json", "tokenizer_config.json", "config.json", "tokenizer.json"
BASE = chatml_files()
OTHER_TEMPLATE = CHATML.replace("<|im_start|>{{ m.role }}", "<|im_start|>{{ m.role }} says:")
NO_TOKENS = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"


def one(merged: Files, base: Files | None, code: str, adapter: Files | None = None) -> Finding:
    (finding,) = find(merged, base, code, adapter)
    assert finding.fix is not None
    return finding


def class_of(finding: Finding) -> Applicability | None:
    return finding.fix.applicability if finding.fix is not None else None


def renumbered(files: Files, **ids: int) -> Files:
    table = CHATML_TOKENS | {f"<|{name}|>": token_id for name, token_id in ids.items()}
    entries = [{"id": token_id, "content": text, "special": True} for text, token_id in table.items()]
    return with_json(files, FAST, added_tokens=entries)


# -- stop tokens -----------------------------------------------------------------------------------


def test_zero_is_a_token_id() -> None:
    assert read_eos({"eos_token_id": [0, 2]}).ids == (0, 2)
    assert read_eos({"eos_token_id": 0}).invalid == ()


def test_what_no_engine_can_read_is_one_finding_with_the_bases_template() -> None:
    merged = with_json(BASE, GEN, eos_token_id=["<|im_end|>"])
    assert [found.code for found in find(merged, BASE, "GF10")] == ["GF104"]
    other = with_json(merged, TOK, chat_template=OTHER_TEMPLATE)
    assert class_of(one(other, BASE, "GF101")) is Applicability.UNSAFE


@pytest.mark.parametrize("own", ["<|im_end|>", [True], 1.5])
def test_what_is_no_id_in_config_json_gives_way_to_the_ids_of_the_base(own: JsonValue) -> None:
    """transformers 5 and vLLM do not load the folder."""
    merged = with_json(BASE, CONFIG, eos_token_id=own)
    finding = one(merged, BASE, "GF104")
    expected: JsonValue = [1002] if isinstance(own, list) else 1002
    assert (finding.severity, finding.current, finding.expected) == (Severity.ERROR, own, expected)
    assert find(merged, BASE, "GF103") == []
    assert one(with_json(BASE, CONFIG, eos_token_id=1000), BASE, "GF103").expected == [1002, 1000]


def test_with_another_template_the_bases_list_in_config_json_says_nothing() -> None:
    """The folder's own tokenizer and template do: they agree on another id."""
    merged = with_json(with_json(BASE, CONFIG, eos_token_id=1000), TOK, chat_template=OTHER_TEMPLATE)
    finding = one(merged, BASE, "GF103")
    assert (finding.severity, finding.message.id) == (Severity.INFO, "config-stop-token-of-nobody")


def test_where_another_template_says_no_end_the_bases_ids_are_a_persons_choice() -> None:
    merged = with_json(with_json(BASE, TOK, chat_template=NO_TOKENS), GEN, eos_token_id=1002)
    finding = one(merged, BASE, "GF101")
    assert (finding.severity, class_of(finding)) == (Severity.WARNING, Applicability.UNSAFE)


def test_who_stops_at_all_ends_of_another_template_needs_no_id_of_the_bases() -> None:
    merged = with_json(with_json(BASE, TOK, chat_template=OTHER_TEMPLATE), GEN, eos_token_id=1002)
    assert find(merged, BASE, "GF101") == []


def test_the_first_id_beyond_the_rows_is_no_token() -> None:
    base = with_json(BASE, GEN, eos_token_id=[1002, 1010])
    merged = with_json(with_json(base, GEN, eos_token_id=1002), CONFIG, vocab_size=1010)
    assert find(merged, base, "GF101") == []
    assert find(with_json(merged, CONFIG, vocab_size=1011), base, "GF101") != []


def test_a_token_that_the_folders_table_does_not_name_may_be_the_bases() -> None:
    few = [{"id": 1001, "content": "<|im_start|>", "special": True}]
    merged = with_json(with_json(BASE, GEN, eos_token_id=1002), FAST, added_tokens=few)
    assert one(merged, BASE, "GF101").expected == [1002, 1000]
    assert find(merged, BASE, "GF105") == []


def test_a_renumbered_tokenizer_that_stops_is_in_order() -> None:
    merged = renumbered(BASE, im_end=1005, im_start=1002)
    assert one(merged, BASE, "GF105").severity is Severity.WARNING
    assert find(with_json(merged, GEN, eos_token_id=[1005]), BASE, "GF105") == []


def test_an_id_that_is_beyond_the_bases_rows_as_well_is_the_bases_own_affair() -> None:
    base = with_json(with_json(BASE, TOK, eos_token="<|endoftext|>"), GEN, eos_token_id=[1002, 5000])
    merged = with_json(base, GEN, eos_token_id=1000)
    assert one(merged, base, "GF101").expected == [1002, 1000]
    assert find(merged, base, "GF105") == []


def test_a_value_no_engine_reads_is_not_replaced_by_another_token() -> None:
    merged = renumbered(with_json(BASE, GEN, eos_token_id="none"), endoftext=1007, padding=1000)
    assert one(merged, BASE, "GF104").expected == [1002]


def test_the_eos_that_the_adapter_was_trained_with_stays() -> None:
    merged = with_json(BASE, TOK, eos_token="<|endoftext|>")
    assert class_of(one(merged, BASE, "GF106")) is Applicability.SAFE
    assert find(merged, BASE, "GF106", {TOK: merged[TOK]}) == []


def test_an_eos_that_was_added_here_may_have_been_trained() -> None:
    merged = with_json(renumbered(BASE, over=1003), TOK, eos_token="<|over|>")
    finding = one(merged, BASE, "GF106")
    assert (finding.severity, class_of(finding)) == (Severity.INFO, Applicability.UNSAFE)


def test_padding_with_the_turn_end_is_no_news_where_the_base_does_so() -> None:
    merged = with_json(BASE, TOK, pad_token="<|im_end|>")
    assert one(merged, BASE, "GF108").severity is Severity.INFO
    assert find(merged, merged, "GF108") == []
    assert find(with_json(merged, TOK, x=1), merged, "GF108") == []


def test_a_restored_file_keeps_another_stop_set_of_the_same_size() -> None:
    base = with_json(BASE, GEN, eos_token_id=[1002, 1000])
    merged = renumbered(without(BASE, GEN), endoftext=1007, padding=1000)
    merged = with_json(merged, CONFIG, eos_token_id=1007)
    assert json.loads(repaired(merged, base, unsafe=True)[GEN])["eos_token_id"] == [1002, 1007]


# -- settings --------------------------------------------------------------------------------------


def test_a_fault_of_the_bases_settings_is_not_brought_in() -> None:
    base = with_json(BASE, GEN, temperature=-1.0)
    assert find(with_json(base, GEN, temperature=0.6), base, "GF605") == []
    assert one(with_json(BASE, GEN, temperature=0.6), BASE, "GF605").pointer == "/temperature"


@pytest.mark.parametrize(("ours", "theirs", "count"), [(1, True, 1), (1, 1.0, 0), (True, True, 0)])
def test_true_is_not_one(ours: JsonValue, theirs: JsonValue, count: int) -> None:
    base = with_json(BASE, GEN, renormalize_logits=theirs)
    assert len(find(with_json(base, GEN, renormalize_logits=ours), base, "GF605")) == count


def test_settings_come_back_without_the_stop_set() -> None:
    """Which ids are right is another rule's question: they may be other tokens here."""
    merged = without(BASE, GEN) | {GEN: dump({"_from_model_config": True, "transformers_version": "5.23.0"})}
    finding = one(merged, BASE, "GF602")
    assert finding.fix is not None
    copied = {operation.pointer for operation in finding.fix.operations if isinstance(operation, CopyField)}
    assert "/eos_token_id" not in copied
    assert "/temperature" in copied


# -- weights and files -----------------------------------------------------------------------------


@pytest.mark.parametrize(("small", "large", "count"), [(2, 3, 0), (1, 99, 1)])
def test_only_what_nearly_all_weights_are_is_their_dtype(small: int, large: int, count: int) -> None:
    shapes = {"model.norm.weight": (small, 4), "model.embed_tokens.weight": (1024, large)}
    shapes["model.norm.weight"] = (1024, small)
    kinds = {"model.norm.weight": "F16", "model.embed_tokens.weight": "BF16"}
    merged = with_json(BASE, CONFIG, torch_dtype="float32") | {
        "model.safetensors": weight_file(shapes, kinds)
    }
    assert len(find(merged, None, "GF405")) == count


def test_experts_are_not_counted_where_a_shard_is_missing() -> None:
    base = with_json(BASE, CONFIG, num_hidden_layers=1, num_experts=4, tie_word_embeddings=False)
    shards = sharded(causal(1, experts=4), 12)
    assert find(base | shards, None, "GF415") == []
    assert one(with_json(base, CONFIG, num_experts=5) | shards, None, "GF415").expected == 4
    last = next(name for name, content in shards.items() if b"experts.3." in content and "index" not in name)
    assert find(base | without(shards, last), None, "GF415") == []


def test_a_flat_config_of_the_same_type_is_no_text_part() -> None:
    base = with_json(vlm_files(), CONFIG, text_config={"vocab_size": 1024})
    flat = without(vlm_files(), "preprocessor_config.json")
    assert one(flat, base, "GF501").file == "preprocessor_config.json"
    assert find(with_json(flat, CONFIG, model_type="qwen2"), base, "GF501") == []


def test_padding_is_not_compared_where_the_tokens_themselves_were_changed() -> None:
    base = with_json(BASE, TOK, pad_token="<|endoftext|>")
    merged = with_json(base, TOK, pad_token="<|im_start|>")
    assert one(merged, base, "GF306").file == TOK
    assert find(renumbered(merged, endoftext=1007), base, "GF306") == []
