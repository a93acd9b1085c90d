"""GF1xx: what genfix says about the token ids that end generation."""

import json

import pytest

from genfix.rules import Applicability, CopyField, Severity
from tests.support.folders import (
    CHATML,
    Files,
    added_tokens,
    chatml_files,
    dump,
    glm_files,
    pretrained_files,
    with_json,
    without,
)
from tests.support.judging import find, only

GLM_STOPS = [151329, 151336, 151338]


@pytest.mark.parametrize("left", [151329, [151329], None, [], ...])
def test_a_narrowed_list_that_no_longer_holds_the_turn_end_is_an_error(left: object) -> None:
    base = glm_files()
    [finding] = find(with_json(base, "generation_config.json", eos_token_id=left), base, "GF101")
    assert finding.severity is Severity.ERROR
    assert finding.expected == GLM_STOPS
    assert finding.engines == ("transformers5", "vllm")
    assert finding.fix is not None
    assert finding.fix.applicability is Applicability.SAFE


@pytest.mark.parametrize("line_end", ["\r\n", "\r"])
def test_line_ends_make_no_other_template(line_end: str) -> None:
    base = chatml_files()
    edited = with_json(base, "tokenizer_config.json", chat_template=CHATML.replace("\n", line_end))
    assert find(edited, base) == []
    [finding] = find(with_json(edited, "generation_config.json", eos_token_id=1000), base, "GF101")
    assert finding.fix is not None
    assert finding.fix.applicability is Applicability.SAFE


def test_a_narrowed_list_that_still_holds_the_turn_end_is_a_warning() -> None:
    base = chatml_files()
    [finding] = find(with_json(base, "generation_config.json", eos_token_id=1002), base, "GF1")
    assert (finding.code, finding.severity, finding.expected) == ("GF101", Severity.WARNING, [1002, 1000])


def test_an_end_the_tokenizer_gives_to_vllm_does_not_save_transformers() -> None:
    base = chatml_files()
    [finding] = find(with_json(base, "generation_config.json", eos_token_id=1000), base, "GF101")
    assert finding.severity is Severity.ERROR
    assert finding.engines == ("transformers5",)


def test_ids_the_merged_file_added_are_kept_behind_the_bases() -> None:
    base = glm_files()
    merged = with_json(base, "generation_config.json", eos_token_id=[151329, 151337])
    [finding] = find(merged, base, "GF101")
    assert finding.expected == [*GLM_STOPS, 151337]


@pytest.mark.parametrize("spelling", [GLM_STOPS[::-1], [*GLM_STOPS, *GLM_STOPS], [*GLM_STOPS, 7]])
def test_another_order_a_duplicate_or_an_extra_id_is_no_finding(spelling: list[int]) -> None:
    base = glm_files()
    assert find(with_json(base, "generation_config.json", eos_token_id=spelling), base, "GF1") == []


def test_without_any_template_every_lost_id_may_be_the_turn_end() -> None:
    base = with_json(glm_files(), "tokenizer_config.json", chat_template=...)
    [finding] = find(with_json(base, "generation_config.json", eos_token_id=151336), base, "GF101")
    assert finding.severity is Severity.ERROR


def test_a_chatml_tune_of_a_glm_base_is_told_its_own_end_and_not_the_bases() -> None:
    base = glm_files()
    tokens = json.loads(base["tokenizer_config.json"])["added_tokens_decoder"] | added_tokens(
        {"<|im_end|>": 151400}
    )
    merged = with_json(base, "tokenizer_config.json", chat_template=CHATML, added_tokens_decoder=tokens)
    merged = with_json(merged, "generation_config.json", eos_token_id=151329)
    own = find(merged, base, "GF102")
    assert [finding.expected for finding in own] == [[151329, 151400]]
    assert own[0].severity is Severity.ERROR
    others = find(merged, base, "GF101")
    assert [finding.severity for finding in others] == [Severity.INFO]
    assert others[0].fix is not None
    assert others[0].fix.applicability is Applicability.UNSAFE


def test_a_tune_with_its_own_template_and_its_own_end_is_healthy() -> None:
    base = glm_files()
    tokens = json.loads(base["tokenizer_config.json"])["added_tokens_decoder"] | added_tokens(
        {"<|im_end|>": 151400}
    )
    merged = with_json(base, "tokenizer_config.json", chat_template=CHATML, added_tokens_decoder=tokens)
    merged = with_json(merged, "generation_config.json", eos_token_id=[151400])
    assert [f for f in find(merged, base) if f.severity is not Severity.INFO] == []


def test_a_chat_tune_of_a_pretrained_base_keeps_its_own_end() -> None:
    """Qwen2.5: the pretrained repo ships the ChatML template, and its set holds <|endoftext|> only."""
    base = with_json(chatml_files(eos=1000), "config.json", eos_token_id=1000)
    merged = with_json(base, "generation_config.json", eos_token_id=1002)
    merged = with_json(merged, "config.json", eos_token_id=1002)
    assert find(merged, base, "GF1") == []


def test_the_bases_spelling_is_taken_over_with_its_list() -> None:
    base = glm_files()
    inline = base["generation_config.json"].replace(
        b"[\n    151329,\n    151336,\n    151338\n  ]", b"[151329, 151336, 151338]"
    )
    base |= {"generation_config.json": inline}
    merged = base | {"generation_config.json": inline.replace(b"[151329, 151336, 151338]", b"151329")}
    [finding] = find(merged, base, "GF101")
    assert finding.fix is not None
    assert finding.fix.operations == (CopyField("generation_config.json", "/eos_token_id"),)


def test_a_narrowed_config_is_a_warning_while_generation_config_is_right() -> None:
    base = glm_files()
    [finding] = find(with_json(base, "config.json", eos_token_id=151329), base, "GF1")
    assert (finding.code, finding.severity) == ("GF103", Severity.WARNING)


def test_a_narrowed_config_is_an_error_where_engines_fall_back_to_it() -> None:
    base = glm_files()
    del base["generation_config.json"]
    [finding] = find(with_json(base, "config.json", eos_token_id=151329), base, "GF1")
    assert (finding.code, finding.severity) == ("GF103", Severity.ERROR)


def test_a_config_that_tokenizer_and_template_contradict_is_information() -> None:
    merged = with_json(chatml_files(), "config.json", eos_token_id=1000)
    found = only(find(merged, None, "GF103"), Applicability.UNSAFE)
    assert (found.severity, found.expected) == (Severity.INFO, 1002)
    listed = with_json(merged, "config.json", eos_token_id=[1000])
    assert only(find(listed, None, "GF103"), Applicability.UNSAFE).expected == [1002, 1000]
    own = with_json(merged, "tokenizer_config.json", chat_template=CHATML + "{# mine #}")
    assert only(find(own, pretrained_files(), "GF103"), Applicability.UNSAFE).expected == 1002
    for healthy in (pretrained_files(), chatml_files()):
        assert find(healthy, None, "GF103") == []


@pytest.mark.parametrize("part", ["text_config", "llm_config"])
def test_stop_ids_of_the_language_part_are_read_and_set_there(part: str) -> None:
    base = chatml_files()
    config = {"model_type": "qwen2_vl", part: {"eos_token_id": [1002, 1000], "hidden_size": 64}}
    base |= {"config.json": dump(config)}
    narrow = {"model_type": "qwen2_vl", part: {"eos_token_id": 1000, "hidden_size": 64}}
    [finding] = find(base | {"config.json": dump(narrow)}, base, "GF103")
    assert finding.pointer == f"/{part}/eos_token_id"


def test_text_for_ids_is_an_error_and_becomes_ids() -> None:
    base = glm_files()
    [finding] = find(with_json(base, "generation_config.json", eos_token_id=["<|user|>"]), base, "GF1")
    assert (finding.code, finding.expected) == ("GF104", GLM_STOPS)
    [alone] = find(with_json(base, "generation_config.json", eos_token_id=["<|user|>"]), None, "GF1")
    assert alone.expected == [151336]


def test_text_that_is_no_token_gives_way_to_what_the_other_file_lists() -> None:
    files = with_json(glm_files(), "generation_config.json", eos_token_id="</stop>")
    found = only(find(files, None, "GF104"), Applicability.SAFE)
    assert found.expected == GLM_STOPS
    of_config = with_json(glm_files(), "config.json", eos_token_id="</stop>")
    assert only(find(of_config, None, "GF104"), Applicability.SAFE).expected == GLM_STOPS


def test_text_that_is_no_token_gives_way_to_the_tokenizers_eos() -> None:
    files = with_json(chatml_files(), "generation_config.json", eos_token_id="</stop>")
    files = with_json(files, "config.json", eos_token_id=...)
    assert only(find(files, None, "GF104"), Applicability.SAFE).expected == [1002]
    unnamed = with_json(files, "tokenizer_config.json", eos_token=...)
    only(find(unnamed, None, "GF104"), Applicability.MANUAL)


def test_an_id_that_is_another_token_here_is_never_added() -> None:
    base = glm_files()
    tokens = json.loads(base["tokenizer_config.json"])["added_tokens_decoder"]
    tokens["151336"], tokens["151338"] = {"content": "<|tool|>"}, {"content": "<|extra|>"}
    merged = with_json(base, "tokenizer_config.json", added_tokens_decoder=tokens)
    merged = with_json(merged, "generation_config.json", eos_token_id=151329)
    assert find(merged, base, "GF101") == []
    [finding] = find(merged, base, "GF105")
    assert finding.fix is not None
    assert finding.fix.applicability is Applicability.MANUAL


def test_no_base_no_proof_no_alarm() -> None:
    assert [f for f in find(pretrained_files()) if f.severity is not Severity.INFO] == []


UNTOLD = without(chatml_files(), "tokenizer.json", "tokenizer_config.json") | {
    "added_tokens.json": dump({"<|im_start|>": 1001}),
    "chat_template.jinja": CHATML.encode(),
}
"""A merge that saved lists of added tokens and no vocabulary."""


@pytest.mark.parametrize("base", [None, UNTOLD], ids=["alone", "base too"])
def test_without_a_vocabulary_nobody_says_that_the_turn_end_is_split(base: Files | None) -> None:
    [finding] = find(UNTOLD, base, "GF107")
    assert finding.message.id == "turn-end-without-vocabulary"
    assert finding.severity is Severity.INFO


def test_a_vocabulary_that_the_base_has_is_missed_instead() -> None:
    base = without(chatml_files(), "tokenizer_config.json") | {"chat_template.jinja": CHATML.encode()}
    codes = [finding.code for finding in find(UNTOLD, base)]
    assert "GF301" in codes
    assert not {"GF107", "GF205"} & {*codes}


def test_the_bases_turn_ends_count_while_the_vocabulary_is_lost() -> None:
    base = without(chatml_files(), "tokenizer_config.json") | {"chat_template.jinja": CHATML.encode()}
    lost = with_json(UNTOLD, "generation_config.json", eos_token_id=1000)
    [finding] = find(lost, base, "GF101")
    assert finding.severity is Severity.ERROR


@pytest.mark.parametrize(
    "more",
    [
        {"vocab.txt": b"<|im_end|>\n"},
        {"tokenizer_config.json": dump({"auto_map": {"AutoTokenizer": ["tokenization_mine.Mine", None]}})},
    ],
    ids=["in a vocabulary", "code of its own"],
)
def test_a_turn_end_that_may_be_a_token_is_nothing(more: Files) -> None:
    assert find(UNTOLD | more, None, "GF107") == []


def test_a_turn_end_that_the_vocabulary_lacks_is_split() -> None:
    [finding] = find(UNTOLD | {"vocab.txt": b"hello\n"}, None, "GF107")
    assert finding.message.id == "turn-end-not-a-token"


@pytest.mark.parametrize(("ids", "found"), [(2, []), ([2], []), ([2, 1000], ["GF103"])])
def test_an_eos_that_the_class_has_by_itself_is_not_missed(ids: object, found: list[str]) -> None:
    """Llama's class has 2; transformers 5 does not ask it where there are no settings."""
    base = with_json(chatml_files(eos=2), "config.json", model_type="llama", eos_token_id=ids)
    merged = with_json(base, "config.json", eos_token_id=...)
    assert [finding.code for finding in find(merged, base, "GF103")] == found
    assert find(without(merged, "generation_config.json"), base, "GF103") != []
    assert find(with_json(base, "config.json", eos_token_id=None), base, "GF103") != []


def test_ends_that_config_json_lists_are_the_finding_of_another_rule() -> None:
    pretrained = with_json(chatml_files(eos=1000), "tokenizer_config.json", eos_token="<|endoftext|>")
    alone = with_json(pretrained, "config.json", eos_token_id=1000)
    assert [finding.code for finding in find(alone)] == ["GF102"]
    hidden = with_json(alone, "config.json", eos_token_id=[1000, 1002])
    assert [finding.code for finding in find(hidden)] == ["GF109"]


def test_a_lost_list_in_config_json_is_a_warning_where_vllm_has_the_tokenizers_eos() -> None:
    base = without(chatml_files(), "generation_config.json")
    [finding] = find(with_json(base, "config.json", eos_token_id=...), base, "GF103")
    assert (finding.severity, finding.engines) == (Severity.WARNING, ("transformers5",))


EMPTY_EOS = with_json(chatml_files(), "tokenizer_config.json", eos_token="")


def test_an_empty_eos_becomes_the_stop_token_that_ends_a_turn() -> None:
    found = only(find(EMPTY_EOS, None, "GF111"), Applicability.SAFE)
    assert (found.severity, found.expected) == (Severity.WARNING, "<|im_end|>")


def test_an_empty_eos_is_a_persons_to_name_where_the_set_names_several() -> None:
    both = with_json(EMPTY_EOS, "config.json", eos_token_id=[1000, 1002])
    # Of two, the one that ends a turn is likely; Gemma's EOS is the other.
    assert only(find(both, None, "GF111"), Applicability.UNSAFE).expected == "<|im_end|>"
    plain = with_json(both, "tokenizer_config.json", chat_template=...)
    only(find(plain, None, "GF111"), Applicability.MANUAL)
    named = with_json(plain, "config.json", eos_token_id=1000)
    assert only(find(named, None, "GF111"), Applicability.SAFE).expected == "<|endoftext|>"
    one = with_json(plain, "generation_config.json", eos_token_id=1002)
    assert only(find(one, None, "GF111"), Applicability.SAFE).expected == "<|im_end|>"


def test_an_empty_eos_beside_a_base() -> None:
    assert [finding.code for finding in find(EMPTY_EOS, chatml_files(), "GF1")] == ["GF106"]
    assert [finding.severity for finding in find(EMPTY_EOS, EMPTY_EOS, "GF1")] == [Severity.INFO]
    scored = with_json(EMPTY_EOS, "config.json", architectures=["Qwen2ForSequenceClassification"])
    assert find(scored, None, "GF111") == []


def test_an_empty_eos_beside_a_map_that_names_it() -> None:
    """transformers lays the map over it where there is no ``added_tokens_decoder``, and only there."""
    names = {"special_tokens_map.json": dump({"eos_token": "<|im_end|>"})}
    read = with_json(EMPTY_EOS | names, "tokenizer_config.json", added_tokens_decoder=...)
    hidden = with_json(read, "tokenizer_config.json", added_tokens_decoder={})
    base = chatml_files() | names
    assert find(read, None, "GF111") == find(read, base, "GF106") == []
    assert [finding.code for finding in find(hidden, None, "GF111")] == ["GF111"]
    only(find(hidden, base, "GF106"), Applicability.SAFE)


def test_an_eos_that_the_tokenizer_does_not_have() -> None:
    merged = with_json(chatml_files(), "tokenizer_config.json", eos_token="</s>")
    found = only(find(merged, None, "GF111"), Applicability.SAFE)
    assert (found.severity, found.expected) == (Severity.WARNING, "<|im_end|>")
    [beside] = find(merged, chatml_files(), "GF1")
    assert (beside.code, beside.severity) == ("GF106", Severity.WARNING)
    assert beside.fix is not None
    assert beside.fix.applicability is Applicability.SAFE
    word = {"version": "1.0", "added_tokens": [], "model": {"type": "BPE", "vocab": {"</s>": 2}}}
    for healthy in (
        merged | {"tokenizer.json": dump(word)},
        without(merged, "tokenizer.json") | {"tokenizer.model": b"vocabulary"},
    ):
        assert find(healthy, None, "GF111") == []
