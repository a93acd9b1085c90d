"""Kin as the base: a chat sibling, one of another context length, a text base, what was upcycled.

Each is recognised, told in one note, and nothing of how it behaves is imported by a safe fix. A folder that
looks like it and was made from the base itself is repaired as before.
"""

import json
from pathlib import Path

import pytest

from genfix import check, plan
from genfix.api.judging import Report
from genfix.errors import RefusedError
from genfix.rules import Applicability, Finding, Severity
from tests.support.folders import Files, added_tokens, dump, with_json, with_token_list, without, write_folder

GEN, TOK, CONFIG, MAP = (
    "generation_config.json",
    "tokenizer_config.json",
    "config.json",
    "special_tokens_map.json",
)
TEXT_END, TURN_END = "<|end_of_text|>", "<|eot_id|>"
TOKENS = {"<|begin_of_text|>": 1000, TEXT_END: 1001, "<|head|>": 1006, "<|/head|>": 1007, TURN_END: 1009}
TEMPLATE = (
    "{% for m in messages %}<|head|>{{ m.role }}<|/head|>\n\n{{ m.content }}<|eot_id|>{% endfor %}"
    "{% if add_generation_prompt %}<|head|>assistant<|/head|>\n\n{% endif %}"
)
SIZES = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
         "intermediate_size": 128, "vocab_size": 1024}  # fmt: skip


def llama(eos: object, named: str, **tokenizer: object) -> Files:
    """Files in the shape of Llama 3.1, pretrained or instruct."""
    head = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "rope_theta": 500000.0}
    ids = {"bos_token_id": 1000, "eos_token_id": eos}
    table = [{"id": i, "content": text, "special": True} for text, i in TOKENS.items()]
    settings = {"bos_token": "<|begin_of_text|>", "eos_token": named, "tokenizer_class": "TokenizersBackend"}
    return {
        CONFIG: dump({**head, **SIZES, **ids, "max_position_embeddings": 131072}),
        GEN: dump({**ids, "do_sample": True, "temperature": 0.6}),
        TOK: dump(settings | {"added_tokens_decoder": added_tokens(TOKENS)} | tokenizer),
        "tokenizer.json": dump(
            {"version": "1.0", "added_tokens": table, "model": {"type": "BPE", "vocab": {}}}
        ),
    }


PRETRAINED = llama(1001, TEXT_END)
CHAT = llama([1001, 1008, 1009], TURN_END, chat_template=TEMPLATE)
TRACED = with_json(PRETRAINED, CONFIG, _name_or_path="meta-llama/Llama-3.1-8B")
BASE_NAME = "Meta-Llama-3.1-8B-Instruct"
STOPS = {"GF101", "GF103", "GF106", "GF201"}


def against(tmp_path: Path, merged: Files, base: Files, name: str = BASE_NAME) -> Report:
    return check(write_folder(tmp_path / "merged", merged), write_folder(tmp_path / name, base))


def of(report: Report, applicability: Applicability) -> dict[str, Finding]:
    return {f.code: f for f in report.findings if f.fix is not None and f.fix.applicability is applicability}


def kin_notes(report: Report) -> list[str]:
    """All notes but the sizes and stops that are told of any base."""
    told = [str(note) for note in report.notes]
    return [note for note in told if not note.startswith(("the base stops at", "the vocabulary has"))]


# a chat sibling ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "where", [f"x/{BASE_NAME}", f"x/meta-llama__{BASE_NAME}", "x/llama3.1-8b-instruct-hf"]
)
def test_the_chat_sibling_of_the_named_base_gives_nothing(tmp_path: Path, where: str) -> None:
    report = against(tmp_path, TRACED, CHAT, where)
    assert of(report, Applicability.SAFE) == {}
    asked = of(report, Applicability.UNSAFE)
    assert asked.keys() >= STOPS
    reasons = {str(finding.fix.why) for code, finding in asked.items() if finding.fix and code in STOPS}
    assert len(reasons) == 1
    assert "names meta-llama/Llama-3.1-8B" in reasons.pop()
    assert [f for f in report.findings if f.severity.rank < 2] == []
    [note] = kin_notes(report)
    assert "names meta-llama/Llama-3.1-8B, which passes the same proofs" in note
    assert plan(tmp_path / "merged", tmp_path / where).changes == ()


def test_whole_files_of_a_sibling_are_not_put_back_safely(tmp_path: Path) -> None:
    merged = without(TRACED, GEN, TOK) | {MAP: dump({"bos_token": "<|begin_of_text|>"})}
    base = CHAT | {MAP: dump({"eos_token": TURN_END})}
    report = against(tmp_path, merged, base)
    assert of(report, Applicability.UNSAFE).keys() >= {"GF601", "GF301"}
    assert of(report, Applicability.SAFE) == {}


def test_a_folder_of_plain_text_tells_it_without_a_name(tmp_path: Path) -> None:
    """No template, and every file ends a text with a token that ends no turn of the base's."""
    report = against(tmp_path, PRETRAINED, CHAT, "base")
    assert of(report, Applicability.SAFE) == {}
    [note] = kin_notes(report)
    assert f"all files end a text with {TEXT_END}" in note


LOST_TEMPLATE = with_json(CHAT, TOK, chat_template=...)
LOOK_ALIKES = {
    "a lost template": LOST_TEMPLATE,
    "a lost template and stop set": with_json(LOST_TEMPLATE, GEN, eos_token_id=1001),
    "the EOS of one file only": with_json(LOST_TEMPLATE, TOK, eos_token=TEXT_END),
    "the base is named": with_json(LOST_TEMPLATE, CONFIG, _name_or_path=f"meta-llama/{BASE_NAME}"),
    "every EOS reset, and the base is named": with_json(
        PRETRAINED, CONFIG, _name_or_path=f"meta-llama/{BASE_NAME}"
    ),
    "another copy of the base is named": with_json(
        LOST_TEMPLATE, CONFIG, _name_or_path="unsloth/llama-3.1-8b-instruct-bnb-4bit"
    ),
    "both are named": with_json(LOST_TEMPLATE, CONFIG, _name_or_path="meta-llama/Llama-3.1-8B")
    | {"mergekit_config.yml": f"models:\n  - model: meta-llama/{BASE_NAME}\n".encode()},
}


@pytest.mark.parametrize("name", LOOK_ALIKES)
def test_what_was_made_from_the_chat_model_gets_its_template_back(tmp_path: Path, name: str) -> None:
    report = against(tmp_path, LOOK_ALIKES[name], CHAT)
    assert kin_notes(report) == []
    assert "GF201" in of(report, Applicability.SAFE)
    done = {change.name: change.after for change in plan(tmp_path / "merged", tmp_path / BASE_NAME).changes}
    assert json.loads(done[TOK] or b"{}")["chat_template"] == TEMPLATE
    after = json.loads(done.get(GEN) or LOOK_ALIKES[name][GEN])
    assert set(after["eos_token_id"]) == {1001, 1008, 1009}


def test_a_trace_that_the_base_itself_has_names_the_bases_parent(tmp_path: Path) -> None:
    """A merge tool copied the base's config.json, which an author's trainer had written."""
    named = {"_name_or_path": "meta-llama/Llama-3.1-8B"}
    report = against(tmp_path, with_json(LOST_TEMPLATE, CONFIG, **named), with_json(CHAT, CONFIG, **named))
    assert "GF201" in of(report, Applicability.SAFE)
    assert kin_notes(report) == []


def test_an_absent_template_is_told_as_absent(tmp_path: Path) -> None:
    merged = with_json(LOST_TEMPLATE, GEN, eos_token_id=1001)
    fix = of(against(tmp_path, merged, CHAT), Applicability.SAFE)["GF101"].fix
    assert fix is not None
    assert "template is lost here" in str(fix.why)
    same = with_json(CHAT, GEN, eos_token_id=1001)
    fix = of(against(tmp_path / "b", same, CHAT), Applicability.SAFE)["GF101"].fix
    assert fix is not None
    assert "the chat template is the base's" in str(fix.why)


def test_the_base_that_the_folder_names_is_no_sibling(tmp_path: Path) -> None:
    """``auto`` follows the run beside the folder, whose name says nothing to compare."""
    write_folder(tmp_path / "run" / "base", CHAT)
    merged = write_folder(tmp_path / "run" / "merged", PRETRAINED)
    write_folder(tmp_path / "run", {"args.json": dump({"model_dir": str(tmp_path / "run" / "base")})})
    assert "GF201" in of(check(merged, "auto"), Applicability.SAFE)


# another context length -------------------------------------------------------------------------------------

LONG = {"rope_scaling": {"type": "longrope", "long_factor": [1.1], "short_factor": [1.0]},
        "max_position_embeddings": 131072, "original_max_position_embeddings": 4096}  # fmt: skip
PHI = with_json(CHAT, CONFIG, model_type="phi3", architectures=["Phi3ForCausalLM"], rope_theta=10000.0)
PHI_128K = with_json(PHI, CONFIG, **LONG)
PHI_4K = with_json(PHI, CONFIG, max_position_embeddings=4096, original_max_position_embeddings=4096)


def test_the_rope_of_a_longer_sibling_is_not_taken(tmp_path: Path) -> None:
    report = against(tmp_path, PHI_4K, PHI_128K, "base")
    assert of(report, Applicability.SAFE) == {}
    assert kin_notes(report) == [
        "the context is 4096 here and 131072 in the base: it is a sibling with another RoPE"
    ]


def test_the_name_tells_a_length_too(tmp_path: Path) -> None:
    merged = with_json(PHI, CONFIG, _name_or_path="microsoft/Phi-3-mini-4k-instruct")
    report = against(tmp_path, merged, PHI_128K, "microsoft__Phi-3-mini-128k-instruct")
    assert of(report, Applicability.SAFE) == {}
    [note] = kin_notes(report)
    assert "names microsoft/Phi-3-mini-4k-instruct" in note


def test_rope_that_was_lost_comes_back(tmp_path: Path) -> None:
    report = against(tmp_path, with_json(PHI_128K, CONFIG, rope_scaling=...), PHI_128K)
    assert "GF402" in of(report, Applicability.SAFE)
    assert kin_notes(report) == []


# a text base, an upcycled mixture of experts ----------------------------------------------------------------


def test_a_text_base_changes_nothing_in_a_composite_config_by_itself(tmp_path: Path) -> None:
    text = {
        key: value
        for key, value in json.loads(CHAT[CONFIG]).items()
        if key not in ("rope_theta", "architectures")
    }
    whole = {"model_type": "llava", "architectures": ["LlavaForConditionalGeneration"], "text_config": text,
             "vision_config": {"model_type": "clip_vision_model"}, "image_token_index": 1010}  # fmt: skip
    report = against(tmp_path, LOST_TEMPLATE | {CONFIG: dump(whole)}, CHAT)
    assert of(report, Applicability.SAFE) == {}
    lost = [finding for finding in report.findings if finding.code == "GF402"]
    assert [(finding.pointer, finding.severity) for finding in lost] == [
        ("/text_config/rope_theta", Severity.INFO)
    ]
    [note] = kin_notes(report)
    assert "this one also takes images or audio" in note


MISTRAL = with_json(
    CHAT, CONFIG, model_type="mistral", architectures=["MistralForCausalLM"], sliding_window=4096
)
MIXTRAL = with_json(
    CHAT, CONFIG, model_type="mixtral", architectures=["MixtralForCausalLM"], num_local_experts=4,
    num_experts_per_tok=2, rope_theta=...,
)  # fmt: skip


def test_what_an_upcycled_model_lost_comes_back(tmp_path: Path) -> None:
    """mergekit-moe keeps the tokens, and loses the template and the settings."""
    merged = with_json(without(MIXTRAL, GEN), TOK, chat_template=...)
    report = against(tmp_path, merged, MISTRAL)
    safe = of(report, Applicability.SAFE)
    assert safe.keys() >= {"GF201", "GF601"}
    assert all(f.file != CONFIG for f in safe.values() if f.code != "GF103")
    assert kin_notes(report) == [
        "model_type is mixtral here and mistral in the base: only what both kinds of model have is compared"
    ]


@pytest.mark.parametrize(
    "other",
    [
        with_json(MISTRAL, CONFIG, num_key_value_heads=4),
        with_json(MISTRAL, CONFIG, hidden_size=128),
        with_json(with_token_list(MISTRAL, {"<unk>": 0, "<s>": 1, "</s>": 2}), TOK, added_tokens_decoder=...),
        with_json(without(MISTRAL, TOK, "tokenizer.json"), CONFIG, eos_token_id=2),
    ],
    ids=["heads", "width", "tokens", "ids"],
)
def test_another_model_of_another_type_is_refused(tmp_path: Path, other: Files) -> None:
    with pytest.raises(RefusedError, match="is not the base of"):
        against(tmp_path, MIXTRAL, other)


# damage that made the right base look like another ----------------------------------------------------------


@pytest.mark.parametrize("own", ["mistral", "lama", 7])
def test_a_damaged_model_type_is_the_finding(tmp_path: Path, own: object) -> None:
    finding = of(against(tmp_path, with_json(CHAT, CONFIG, model_type=own), CHAT), Applicability.SAFE)[
        "GF406"
    ]
    assert finding.severity.rank == 0
    assert finding.expected == "llama"


def test_shifted_token_ids_are_the_finding(tmp_path: Path) -> None:
    shifted = {text: number + 1 for text, number in TOKENS.items()}
    table = [{"id": i, "content": text, "special": True} for text, i in shifted.items()]
    merged = with_json(CHAT, TOK, added_tokens_decoder=added_tokens(shifted))
    merged = with_json(merged, "tokenizer.json", added_tokens=table)
    report = against(tmp_path, merged, CHAT)
    assert "GF303" in {finding.code for finding in report.findings if finding.severity.rank == 0}
    with pytest.raises(RefusedError):  # the ids of the config tell another model
        against(tmp_path / "b", with_json(merged, CONFIG, eos_token_id=1010, bos_token_id=1001), CHAT)


# real folders -----------------------------------------------------------------------------------------------

FIELD = {
    "06-wrong-sibling-base/case-1": "meta-llama__Meta-Llama-3.1-8B-Instruct",
    "06-wrong-sibling-base/case-2": "deepseek-ai__deepseek-coder-6.7b-instruct",
    "04-phi3-4k-vs-128k": "microsoft__Phi-3-mini-128k-instruct__full",
}


@pytest.mark.parametrize("case", FIELD)
def test_real_siblings_import_nothing(real_configs: Path, case: str) -> None:
    merged = real_configs.parent / "field_cases" / case
    if not merged.is_dir():
        pytest.skip("the collection of field cases is not on this machine")
    report = check(merged, real_configs / FIELD[case])
    assert len(kin_notes(report)) == 1 + ("quantised" in str(report.notes))
    safe = of(report, Applicability.SAFE)
    assert not {finding.file for finding in safe.values()} & {CONFIG, TOK}
    if case.startswith("06"):
        assert safe.keys() <= {"GF301"}  # the vocabulary, which siblings share


def test_a_real_mixture_of_experts_is_judged(real_configs: Path) -> None:
    cases = sorted((real_configs.parent / "merge_corpus_2").glob("mergekit-moe*/*"))
    if not cases:
        pytest.skip("the second collection of merges is not on this machine")
    for case in cases:
        report = check(case / "merged", case / "base")
        assert "GF601" in of(report, Applicability.SAFE)
        assert len(kin_notes(report)) == 1
