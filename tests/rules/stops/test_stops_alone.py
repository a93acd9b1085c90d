"""A stop set that the folder's own files contradict, judged without a base and beside one."""

import json

import pytest

from genfix.rules import Applicability, Finding, Severity
from tests.support.folders import (
    CHATML,
    CHATML_TOKENS,
    Files,
    added_tokens,
    chatml_files,
    dump,
    glm_files,
    pretrained_files,
    with_json,
    with_token_list,
    without,
)
from tests.support.judging import find, only, plan, repaired

GEN, TOK, CONFIG = "generation_config.json", "tokenizer_config.json", "config.json"
GLM, QWEN, PRETRAINED = glm_files(), chatml_files(), pretrained_files()
GLM_STOPS = [151329, 151336, 151338]
TIGHT = with_json(QWEN, CONFIG, eos_token_id=1000)
"""A chat model whose config.json stops at another token than its turns and its tokenizer's EOS."""


def alone(files: Files, code: str = "GF1") -> Finding:
    """The one finding about stop tokens above information."""
    [finding] = [found for found in find(files, None, code) if found.severity is not Severity.INFO]
    assert finding.fix is not None
    assert finding.fix.applicability is Applicability.SAFE
    return finding


def told(files: Files) -> tuple[str, str, object, tuple[str, ...]]:
    finding = alone(files)
    return finding.code, finding.severity, finding.expected, finding.engines


def stops(files: Files) -> object:
    return json.loads(repaired(files, None)[GEN])["eos_token_id"]


# -- the template and the tokenizer against the file ---------------------------------------------------------


def test_a_turn_end_that_is_the_tokenizers_eos_is_missed_in_transformers_only() -> None:
    merged = with_json(QWEN, GEN, eos_token_id=1000)
    merged = with_json(merged, CONFIG, eos_token_id=1000)
    assert told(merged) == ("GF102", "warning", [1000, 1002], ("transformers5",))


def test_a_file_that_is_missing_is_made_of_what_config_json_says() -> None:
    merged = without(with_json(TIGHT, CONFIG, bos_token_id=1000, pad_token_id=1001), GEN)
    assert told(merged) == ("GF102", "warning", [1000, 1002], ("transformers5",))
    made = json.loads(repaired(merged, None)[GEN])
    assert made == {"bos_token_id": 1000, "eos_token_id": [1000, 1002], "pad_token_id": 1001}


def test_bos_and_pad_of_the_language_part_go_into_a_new_file() -> None:
    text = {"model_type": "qwen2_vl_text", "eos_token_id": 1000, "bos_token_id": 1000}
    config = {
        "model_type": "qwen2_vl",
        "architectures": ["Qwen2VLForConditionalGeneration"],
        "text_config": text,
    }
    merged = without(QWEN, GEN) | {CONFIG: dump(config)}
    made = json.loads(repaired(merged, None)[GEN])
    assert made == {"bos_token_id": 1000, "eos_token_id": [1000, 1002]}


def test_an_end_written_as_eos_token_is_the_tokenizers() -> None:
    template = CHATML.replace("<|im_end|>", "{{ eos_token }}")
    merged = with_json(with_json(TIGHT, TOK, chat_template=template), GEN, eos_token_id=1000)
    assert told(merged) == ("GF102", "warning", [1000, 1002], ("transformers5",))


def test_beside_its_base_an_end_written_as_eos_token_is_the_bases_to_tell() -> None:
    template = CHATML.replace("<|im_end|>", "{{ eos_token }}")
    base = with_json(with_json(PRETRAINED, TOK, chat_template=template), GEN, eos_token_id=1000)
    merged = with_json(base, TOK, eos_token="<|im_start|>")
    assert find(merged, base, "GF102") == []
    assert [finding.code for finding in find(merged, base, "GF1")] == ["GF106"]


@pytest.mark.parametrize("base", [None, PRETRAINED], ids=["alone", "its base"])
def test_a_pretrained_model_with_its_siblings_template_is_left_alone(base: Files | None) -> None:
    assert [found for found in find(PRETRAINED, base, "GF1") if found.severity is not Severity.INFO] == []
    assert plan(PRETRAINED, base).changes == ()


def test_one_of_the_ends_is_enough() -> None:
    assert find(with_json(GLM, GEN, eos_token_id=[151336]) | {CONFIG: b"{}"}, None, "GF102") == []


def test_a_base_with_the_same_gap_makes_it_information() -> None:
    merged = with_json(TIGHT, GEN, eos_token_id=1000)
    [finding] = find(merged, merged, "GF1")
    assert (finding.code, finding.severity) == ("GF102", Severity.INFO)
    assert only([finding], Applicability.UNSAFE)
    assert plan(merged, merged).changes == ()


# -- config.json against generation_config.json --------------------------------------------------------------


@pytest.mark.parametrize("left", [151329, [151329], None, [], ...])
def test_the_users_own_case_alone(left: object) -> None:
    merged = with_json(GLM, GEN, eos_token_id=left)
    engines = ("transformers5", "vllm")
    assert told(merged) == ("GF109", "error", GLM_STOPS, engines)
    assert str(alone(merged).message).startswith("never stops in transformers5, vllm: lists ")
    assert stops(merged) == GLM_STOPS


def test_an_inner_model_of_the_folders_own_class_may_generate() -> None:
    """As Florence-2 is published; a part with other ids, such as a speech encoder's, says nothing."""
    own = with_json(GLM, GEN, eos_token_id=...)
    inner = with_json(own, CONFIG, text_config={"eos_token_id": GLM_STOPS})
    [finding] = find(inner, None, "GF109")
    assert finding.severity is Severity.INFO
    assert finding.fix is not None
    assert finding.fix.applicability is Applicability.UNSAFE
    for other in (
        with_json(own, CONFIG, audio_config={"eos_token_id": 50257}),
        with_json(inner, CONFIG, auto_map=...),
        with_json(inner, GEN, eos_token_id=151329),
    ):
        assert told(other)[:2] == ("GF109", "error")


def test_without_a_template_every_hidden_id_may_be_the_turn_end() -> None:
    merged = with_json(with_json(GLM, TOK, chat_template=...), GEN, eos_token_id=151329)
    assert told(merged)[:3] == ("GF109", "error", GLM_STOPS)


def test_a_hidden_list_where_a_turn_still_ends_is_a_warning() -> None:
    merged = with_json(GLM, GEN, eos_token_id=[151329, 151336])
    assert told(merged) == ("GF109", "warning", GLM_STOPS, ())


def test_a_hidden_list_is_a_warning_where_vllm_has_the_tokenizers_eos() -> None:
    merged = with_json(with_json(QWEN, CONFIG, eos_token_id=[1002, 1000]), GEN, eos_token_id=1000)
    assert told(merged) == ("GF109", "warning", [1002, 1000], ("transformers5",))


def test_a_padding_token_in_the_place_of_the_list_is_kept_beside_it() -> None:
    merged = with_json(with_json(GLM, TOK, pad_token="[gMASK]"), GEN, eos_token_id=151331)
    assert told(merged)[:3] == ("GF109", "error", [*GLM_STOPS, 151331])


@pytest.mark.parametrize(
    "own", [151335, [151400, 151329], [*GLM_STOPS, 151400], GLM_STOPS[::-1]],
    ids=["another", "another too", "more", "another order"],
)  # fmt: skip
def test_a_list_that_is_no_part_of_config_jsons_is_meant(own: object) -> None:
    assert find(with_json(GLM, GEN, eos_token_id=own), None, "GF109") == []


def test_a_word_of_the_vocabulary_is_no_stop_token_beside_config_json_and_the_tokenizer() -> None:
    assert told(with_json(GLM, GEN, eos_token_id=0))[:3] == ("GF109", "error", [*GLM_STOPS, 0])
    unnamed = with_json(GLM, TOK, eos_token="<sop>")
    assert find(with_json(unnamed, GEN, eos_token_id=0), None, "GF109") == []


def test_a_padding_token_that_only_the_file_itself_names_ends_nothing() -> None:
    plain = {name: QWEN[name] for name in (CONFIG, GEN)}
    found = alone(with_json(plain, GEN, eos_token_id=5, pad_token_id=5), "GF109")
    assert (found.severity, found.expected) == ("error", [1002, 5])


def test_a_chat_model_that_the_folder_names_is_the_second_witness() -> None:
    narrow = with_json(PRETRAINED, CONFIG, _name_or_path="org/Model-7B-Instruct")
    assert told(narrow)[:3] == ("GF102", "error", [1000, 1002])
    assert find(without(narrow, GEN), None, "GF102")[0].severity is Severity.INFO
    named = with_json(PRETRAINED, CONFIG, _name_or_path="org/Model-7B")
    assert find(named, None, "GF102")[0].severity is Severity.INFO


def test_a_list_of_the_bases_beside_a_template_of_its_own_is_not_put_back() -> None:
    """A fine-tune that changed template and EOS together, and left the base's list in config.json."""
    tokens = json.loads(GLM[TOK])["added_tokens_decoder"] | added_tokens({"<|im_end|>": 151400})
    tuned = with_json(GLM, TOK, chat_template=CHATML, added_tokens_decoder=tokens, eos_token="<|im_end|>")
    tuned = with_json(tuned, GEN, eos_token_id=151400)
    for base in (None, GLM):
        assert [found for found in find(tuned, base, "GF1") if found.severity is not Severity.INFO] == []
        assert plan(tuned, base).changes == ()


def test_an_id_beyond_the_embedding_is_left_out() -> None:
    merged = with_json(with_json(GLM, CONFIG, eos_token_id=[*GLM_STOPS, 151999]), GEN, eos_token_id=151329)
    assert told(merged)[2] == GLM_STOPS


def test_a_base_that_hides_its_own_list_makes_it_information() -> None:
    base = with_json(GLM, GEN, eos_token_id=151329)
    [finding] = find(base, base, "GF109")
    assert finding.severity is Severity.INFO
    assert plan(base, base).changes == ()


def test_beside_the_right_base_its_list_is_the_one_that_is_asked() -> None:
    assert [found.code for found in find(with_json(GLM, GEN, eos_token_id=151329), GLM, "GF1")] == ["GF101"]


# -- nothing that stops --------------------------------------------------------------------------------------


def lost(files: Files) -> Files:
    """No file names a stop token."""
    return with_json(with_json(files, CONFIG, eos_token_id=...), GEN, eos_token_id=...)


def test_no_stop_at_all_gets_the_eos_and_the_templates_ends() -> None:
    # OpenVINO GenAI does not look up the EOS in tokenizer.json
    assert told(lost(PRETRAINED)) == (
        "GF110", "error", [1002, 1000], ("transformers5", "vllm", "openvino-genai"),
    )  # fmt: skip
    plain = with_json(PRETRAINED, TOK, chat_template=...)
    assert told(lost(plain)) == ("GF110", "warning", [1000], ("transformers5", "openvino-genai"))
    assert told(lost(QWEN)) == ("GF102", "warning", [1002], ("transformers5", "openvino-genai"))


def test_where_nothing_else_says_anything_the_template_tells() -> None:
    assert told(lost(with_json(QWEN, TOK, eos_token=...)))[:3] == ("GF110", "error", [1002])


def test_what_a_class_takes_by_itself_is_no_set_of_the_folders() -> None:
    """Gemma 3's class stops at 1, which is the tokenizer's EOS; the template ends turns with another."""
    config = {"model_type": "gemma3_text", "architectures": ["Gemma3ForCausalLM"], "vocab_size": 1024}
    tokens = {"<eos>": 1, "<|im_start|>": 1001, "<|im_end|>": 106}
    files = with_json(with_token_list(QWEN, tokens), TOK, eos_token="<eos>") | {CONFIG: dump(config)}
    for merged in (without(files, GEN), with_json(files, GEN, eos_token_id=...)):
        found = alone(merged, "GF110")
        assert (found.severity, found.expected) == ("error", [106, 1])


def test_a_class_default_that_is_not_the_eos_is_missed_to_be_said() -> None:
    """Llama's class stops at 2, whatever the tokenizer's EOS is."""
    config = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": 1024}
    plain = with_json(PRETRAINED, TOK, chat_template=...) | {CONFIG: dump(config)}
    assert told(without(plain, GEN))[:3] == ("GF110", "warning", [1000])


def test_a_new_file_keeps_what_vllm_takes_from_the_config_class() -> None:
    """Mllama's class stops at 128001 where no file says anything."""
    tokens = {"<|begin|>": 128000, "<|end|>": 128001, "<|eot|>": 128009}
    config = {
        "model_type": "mllama",
        "architectures": ["MllamaForConditionalGeneration"],
        "text_config": {"a": 1},
    }
    files = with_token_list(QWEN, tokens) | {CONFIG: dump(config)}
    template = CHATML.replace("<|im_start|>", "<|begin|>").replace("<|im_end|>", "<|eot|>")
    merged = without(with_json(files, TOK, chat_template=template, eos_token="<|eot|>"), GEN)
    assert stops(merged) == [128009, 128001]


def test_a_class_default_that_is_a_word_here_is_not_kept() -> None:
    """Llama's class stops at 2, which was ``</s>``, and is a word in later tokenizers."""
    config = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": 1024}
    assert stops(without(QWEN, GEN) | {CONFIG: dump(config)}) == [1002]


@pytest.mark.parametrize(
    "merged",
    [
        lost(with_json(PRETRAINED, CONFIG, auto_map={"AutoModel": "m.M"}) | {"m.py": b""}),
        with_json(with_json(with_json(PRETRAINED, TOK, chat_template=...), CONFIG, eos_token_id=None), GEN,
            eos_token_id=...),
    ],
    ids=["code of its own", "null written out"],
)  # fmt: skip
def test_a_model_that_may_stop_in_another_way_is_information(merged: Files) -> None:
    [finding] = find(merged, None, "GF110")
    assert finding.severity is Severity.INFO


@pytest.mark.parametrize(
    "merged",
    [
        without(lost(PRETRAINED), CONFIG),
        lost(with_json(PRETRAINED, TOK, eos_token=..., chat_template=...)),
        with_json(lost(PRETRAINED), CONFIG, thinker_config={"text_config": {"eos_token_id": 1000}}),
        with_json(lost(PRETRAINED), CONFIG, architectures=["Qwen2ForSequenceClassification"]),
        with_json(lost(PRETRAINED), CONFIG, architectures=["DPRQuestionEncoder"]),
        with_json(without(lost(PRETRAINED), GEN), CONFIG, model_type="distilbert", architectures=...),
    ],
    ids=["no model", "no EOS", "a part of config.json tells", "a classifier", "an encoder", "of no class"],
)
def test_no_stop_is_no_finding(merged: Files) -> None:
    assert find(merged, None, "GF110") == []


def test_several_models_in_one_stop_where_their_class_says() -> None:
    """Qwen2.5-Omni: one part of config.json has the stop id, and generation_config.json has none."""
    merged = with_json(lost(QWEN), CONFIG, thinker_config={"eos_token_id": 1002})
    assert find(merged, None, "GF1") == []


@pytest.mark.parametrize("key", ["pad_token", "bos_token", "unk_token"])
def test_a_token_that_ends_nothing_is_an_error(key: str) -> None:
    files = with_token_list(PRETRAINED, CHATML_TOKENS | {"<none>": 1003})
    files = with_json(files, TOK, **{key: "<none>"})
    merged = with_json(with_json(files, CONFIG, eos_token_id=1003), GEN, eos_token_id=[1003])
    assert told(merged)[:3] == ("GF110", "error", [1003, 1002, 1000])


def test_an_eos_that_is_padding_too_ends_something() -> None:
    merged = with_json(with_json(PRETRAINED, TOK, pad_token="<|endoftext|>"), CONFIG, bos_token_id=1000)
    assert [found.code for found in find(merged, None, "GF110")] == []


# -- text in config.json -------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["<|im_end|>", ["<|im_end|>"], 1002.0, True])
@pytest.mark.parametrize("base", [None, QWEN], ids=["alone", "its base"])
def test_config_json_with_what_is_no_id_is_refused_by_transformers(value: object, base: Files | None) -> None:
    [finding] = find(with_json(QWEN, CONFIG, eos_token_id=value), base, "GF104")
    assert (finding.file, finding.severity) == (CONFIG, Severity.ERROR)


def test_text_in_config_json_becomes_the_id_in_the_same_form() -> None:
    for value, expected in (("<|im_end|>", 1002), (["<|im_end|>"], [1002])):
        merged = with_json(QWEN, CONFIG, eos_token_id=value)
        assert json.loads(repaired(merged, None)[CONFIG])["eos_token_id"] == expected
        assert repaired(with_json(QWEN, CONFIG, eos_token_id="<|im_end|>"), QWEN) == QWEN


def test_text_in_the_language_part_is_found_there() -> None:
    config = {
        "model_type": "qwen2_vl",
        "text_config": {"model_type": "qwen2_vl_text", "eos_token_id": "<|im_end|>"},
    }
    [finding] = find(QWEN | {CONFIG: dump(config)}, None, "GF104")
    assert finding.pointer == "/text_config/eos_token_id"


def test_a_value_that_no_class_refuses_and_nobody_asks_is_a_warning() -> None:
    merged = with_json(GLM, CONFIG, eos_token_id="<|user|>")
    [finding] = find(merged, None, "GF104")
    assert finding.severity is Severity.WARNING
    [asked] = find(without(merged, GEN), None, "GF104")
    assert asked.severity is Severity.ERROR


def test_a_base_with_the_same_text_makes_it_information() -> None:
    for name in (CONFIG, GEN):
        base = with_json(QWEN, name, eos_token_id="<|im_end|>")
        [finding] = find(base, base, "GF104")
        assert finding.severity is Severity.INFO
        assert only([finding], Applicability.MANUAL)


def test_a_negative_id_in_config_json_is_taken() -> None:
    assert find(with_json(QWEN, CONFIG, eos_token_id=-1), None, "GF104") == []
