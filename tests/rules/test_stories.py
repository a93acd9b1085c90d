"""What happened to people, each with a realistic folder and the exact outcome."""

from typing import NamedTuple

import pytest

from genfix.json_types import JsonValue
from genfix.model import Model
from genfix.planner.plan import Plan
from genfix.planner.planner import make_plan
from genfix.resolver import BaseFacts
from genfix.rules import Severity
from tests.support.folders import (
    CHATML,
    Files,
    MemoryFolder,
    chatml_files,
    dump,
    glm_files,
    pretrained_files,
    safetensors,
    with_json,
    without,
)
from tests.support.judging import find, written
from tests.support.weight_files import weight_file

GEN, TOK, CONFIG, JINJA = (
    "generation_config.json",
    "tokenizer_config.json",
    "config.json",
    "chat_template.jinja",
)
LLAMA3_TOKENS = {
    "<|begin_of_text|>": 128000,
    "<|end_of_text|>": 128001,
    "<|start_header_id|>": 128006,
    "<|end_header_id|>": 128007,
    "<|eom_id|>": 128008,
    "<|eot_id|>": 128009,
    "<|python_tag|>": 128010,
}
LLAMA3 = (
    "{{ bos_token }}{% for m in messages %}<|start_header_id|>{{ m.role }}<|end_header_id|>\n\n"
    "{{ m.content }}<|eot_id|>{% endfor %}"
    "{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
)
INST = (
    "{{ bos_token }}{% for m in messages %}{% if m.role == 'user' %}[INST] {{ m.content }} [/INST]"
    "{% else %}{{ m.content }}{{ eos_token }}{% endif %}{% endfor %}"
)
HARMONY = (
    "{% for m in messages %}{% if m.role == 'assistant' %}"
    "{% if m.thinking %}<|start|>assistant<|channel|>analysis<|message|>{{ m.thinking }}<|end|>{% endif %}"
    "<|start|>assistant<|channel|>final<|message|>{{ m.content }}"
    "{{ '<|return|>' if loop.last and not add_generation_prompt else '<|end|>' }}"
    "{% else %}<|start|>{{ m.role }}<|message|>{{ m.content }}<|end|>{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|start|>assistant{% endif %}"
)
THINKING = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{% if m.reasoning_content %}<think>\n"
    "{{ m.reasoning_content }}\n</think>\n\n{% endif %}{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def folder(
    tokens: dict[str, int], template: str | None, eos_token: str, config_eos: JsonValue, stops: JsonValue
) -> Files:
    """A folder as transformers saves it, with ``stops`` in its generation_config.json (`None`: no
    such file).
    """
    rows = max(tokens.values()) + 1
    entries = [{"id": i, "content": t, "special": True} for t, i in tokens.items()]
    config = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 64}
    tokenizer = {"bos_token": next(iter(tokens)), "eos_token": eos_token}
    files: Files = {
        CONFIG: dump({**config, "vocab_size": rows, "eos_token_id": config_eos, "rope_theta": 500000.0}),
        TOK: dump(tokenizer | ({"chat_template": template} if template else {})),
        "tokenizer.json": dump({"added_tokens": entries, "model": {"type": "BPE", "vocab": {}}}),
        "model.safetensors": safetensors(rows),
    }
    return files if stops is None else files | {GEN: dump({"do_sample": True, "eos_token_id": stops})}


class Outcome(NamedTuple):
    """What was found above info, and the stop set and EOS after the repair."""

    found: list[str]
    stops: JsonValue
    eos_token: JsonValue
    changed: list[str]


def outcome(merged: Files, base: Files | None, adapter: Files | None = None) -> Outcome:
    plan = planned(merged, base, adapter)
    after = Model(MemoryFolder(merged | written(plan)))
    again = (
        planned(dict(after.folder.files), base, adapter) if isinstance(after.folder, MemoryFolder) else plan
    )
    assert again.changes == ()
    return Outcome(
        sorted(f"{f.code}:{f.severity}" for f in plan.findings if f.severity is not Severity.INFO),
        after.object(GEN).get("eos_token_id"),
        after.tokenizer.eos_token,
        [change.name for change in plan.changes],
    )


def planned(merged: Files, base: Files | None, adapter: Files | None) -> Plan:
    witnesses = [
        BaseFacts(MemoryFolder(files, "w")) if files is not None else None for files in (base, adapter)
    ]
    return make_plan(MemoryFolder(merged), witnesses[0], adapter=witnesses[1])


# -- GLM-4 ---------------------------------------------------------------------------------------------------

GLM = glm_files()
GLM_STOPS = [151329, 151336, 151338]


def test_glm_4_whose_list_was_narrowed_to_the_tokenizers_eos() -> None:
    merged = with_json(GLM, GEN, eos_token_id=151329)
    assert outcome(merged, GLM) == (["GF101:error"], GLM_STOPS, "<|endoftext|>", [GEN])


def test_glm_4_narrowed_and_nobody_names_the_base() -> None:
    merged = with_json(
        with_json(GLM, GEN, eos_token_id=151329), CONFIG, eos_token_id=151329, _name_or_path="THUDM/x"
    )
    assert outcome(merged, None) == ([], 151329, "<|endoftext|>", [])
    (finding,) = find(merged, None, "GF102")
    assert (finding.severity, finding.fix and finding.fix.why.args) == (Severity.INFO, {"base": "THUDM/x"})


def test_glm_4_without_the_file_while_config_json_has_the_list() -> None:
    assert outcome(without(GLM, GEN), GLM) == (["GF601:warning"], GLM_STOPS, "<|endoftext|>", [GEN])


# -- pretrained models that ship a template ------------------------------------------------------------------

PRETRAINED = pretrained_files()


def test_a_pretrained_base_is_left_alone() -> None:
    assert outcome(PRETRAINED, PRETRAINED) == ([], 1000, "<|endoftext|>", [])
    assert outcome(PRETRAINED, None) == ([], 1000, "<|endoftext|>", [])


def test_a_pretrained_base_saved_again_by_another_tool_is_left_alone() -> None:
    merged = with_json(with_json(PRETRAINED, CONFIG, torch_dtype="float16"), GEN, transformers_version="5.0")
    assert outcome(merged, PRETRAINED) == ([], 1000, "<|endoftext|>", [])


@pytest.mark.parametrize(
    ("proof", "eos"),
    [
        ({"training_args.bin": b"PK"}, "<|endoftext|>"),
        ({"trainer_state.json": b"{}"}, "<|endoftext|>"),
        ({"README.md": b"---\ntags:\n- trl\n- sft\n---\n# mine\n"}, "<|endoftext|>"),
        ({TOK: with_json(PRETRAINED, TOK, eos_token="<|im_end|>")[TOK]}, "<|im_end|>"),
    ],
    ids=["trainer's arguments", "trainer's state", "model card", "EOS became the turn end"],
)
def test_a_pretrained_base_that_was_tuned_with_its_chatml_template(proof: Files, eos: str) -> None:
    assert outcome(PRETRAINED | proof, PRETRAINED) == (["GF102:error"], [1000, 1002], eos, [GEN])


def test_an_adapter_proves_the_tuning_too() -> None:
    adapter = {"adapter_config.json": b"{}"} | {name: PRETRAINED[name] for name in (TOK, "tokenizer.json")}
    assert outcome(PRETRAINED, PRETRAINED, adapter) == (["GF102:error"], [1000, 1002], "<|endoftext|>", [GEN])


def test_without_a_base_the_proof_is_enough() -> None:
    tuned = PRETRAINED | {"training_args.bin": b"PK"}
    assert outcome(tuned, None) == (["GF102:error"], [1000, 1002], "<|endoftext|>", [GEN])


def weights(fill: bytes) -> bytes:
    """A weights file with an embedding and one other matrix, filled with ``fill``."""
    head = safetensors(1024)[8:].replace(b'"data_offsets": [0, 0]', b'"data_offsets": [0, 0]')[:-1]
    head += b', "model.layers.0.self_attn.q_proj.weight": '
    head += b'{"dtype": "BF16", "shape": [8, 8], "data_offsets": [0, 128]}}'
    return len(head).to_bytes(8, "little") + head + fill * 128


def test_weights_that_differ_from_the_bases_prove_it() -> None:
    base = PRETRAINED | {"model.safetensors": weights(b"\1")}
    same, trained = base, base | {"model.safetensors": weights(b"\2")}
    assert outcome(same, base).found == []
    assert outcome(trained, base) == (["GF102:error"], [1000, 1002], "<|endoftext|>", [GEN])
    matrix = {"model.layers.0.self_attn.q_proj.weight": (8, 8), "model.embed_tokens.weight": (1024, 8)}
    parts = {f"model.layers.0.mlp.down_proj.{part}": (8, 8) for part in ("qweight", "qzeros", "scales")}
    quantised = with_json(trained, CONFIG, quantization_config={"quant_method": "awq"})
    assert outcome(quantised | {"model.safetensors": weight_file(matrix | parts)}, base).found == []


# -- Llama 3 -------------------------------------------------------------------------------------------------

LLAMA_BASE = folder(LLAMA3_TOKENS, None, "<|end_of_text|>", 128001, 128001)


def test_llama_3_base_tuned_with_its_own_one_token_end() -> None:
    merged = with_json(LLAMA_BASE, TOK, chat_template=LLAMA3)
    stops = [128001, 128009]
    assert outcome(merged, LLAMA_BASE) == (["GF102:error"], stops, "<|end_of_text|>", [GEN])


def test_llama_3_base_tuned_with_chatml_on_reserved_ids() -> None:
    tokens = LLAMA3_TOKENS | {"<|im_start|>": 128002, "<|im_end|>": 128003}
    merged = folder(tokens, CHATML, "<|im_end|>", 128003, 128003)
    assert outcome(merged, LLAMA_BASE) == ([], 128003, "<|im_end|>", [])


def test_llama_3_base_tuned_with_ends_that_are_no_token() -> None:
    merged = with_json(LLAMA_BASE, TOK, chat_template=CHATML)
    assert outcome(merged, LLAMA_BASE).changed == []
    (finding,) = find(merged, LLAMA_BASE, "GF107")
    assert (finding.severity, finding.message.args) == (Severity.ERROR, {"ends": ["<|im_end|>"]})


def test_llama_3_1_keeps_the_end_of_its_tool_calls() -> None:
    base = folder(LLAMA3_TOKENS, LLAMA3, "<|eot_id|>", [128001, 128008, 128009], [128001, 128008, 128009])
    merged = with_json(with_json(base, GEN, eos_token_id=128009), CONFIG, eos_token_id=128009)
    after = outcome(merged, base)
    assert after == (
        ["GF101:warning", "GF103:warning"],
        [128001, 128008, 128009],
        "<|eot_id|>",
        [CONFIG, GEN],
    )


def test_the_end_of_tool_calls_is_never_derived() -> None:
    merged = folder(LLAMA3_TOKENS, LLAMA3, "<|end_of_text|>", 128001, 128001) | {"training_args.bin": b""}
    assert outcome(merged, None).stops == [128001, 128009]


# -- templates that write eos_token --------------------------------------------------------------------------

MISTRAL_TOKENS = {"<s>": 1, "</s>": 2, "<unk>": 3}
MISTRAL = folder(MISTRAL_TOKENS, INST, "</s>", 2, 2)


def test_mistral_is_healthy() -> None:
    assert outcome(MISTRAL, MISTRAL) == ([], 2, "</s>", [])
    assert outcome(MISTRAL, None) == ([], 2, "</s>", [])


def test_an_eos_that_was_overwritten_comes_back() -> None:
    merged = with_json(with_json(MISTRAL, TOK, eos_token="<unk>"), GEN, eos_token_id=3)
    found, stops, eos, changed = outcome(merged, MISTRAL)
    assert (found, eos, changed) == (["GF101:error", "GF106:error"], "</s>", [GEN, TOK])
    assert stops == [2, 3]


def test_gemmas_turn_end_comes_back_to_the_tokenizer() -> None:
    tokens = {"<bos>": 2, "<eos>": 1, "<|turn>": 105, "<turn|>": 106}
    template = (
        "{% for m in messages %}<|turn>{{ m.role }}\n{{ m.content }}<turn|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|turn>assistant\n{% endif %}"
    )
    base = folder(tokens, template, "<turn|>", 106, [1, 106])
    merged = with_json(with_json(base, TOK, eos_token="<eos>"), GEN, eos_token_id=1)
    assert outcome(merged, base) == (["GF101:error", "GF106:error"], [1, 106], "<turn|>", [GEN, TOK])


def test_an_eos_token_of_ones_own_stays() -> None:
    tokens = MISTRAL_TOKENS | {"<|im_start|>": 32000, "<|im_end|>": 32001}
    merged = folder(tokens, CHATML, "<|im_end|>", 32001, [2, 32001])
    assert outcome(merged, MISTRAL) == ([], [2, 32001], "<|im_end|>", [])


# -- reasoning -----------------------------------------------------------------------------------------------

GPT_OSS_TOKENS = {
    "<|startoftext|>": 199998,
    "<|endoftext|>": 199999,
    "<|return|>": 200002,
    "<|channel|>": 200005,
    "<|start|>": 200006,
    "<|end|>": 200007,
    "<|message|>": 200008,
    "<|call|>": 200012,
}


def test_gpt_oss_never_stops_inside_its_reasoning() -> None:
    base = folder(GPT_OSS_TOKENS, HARMONY, "<|return|>", 200002, [200002, 199999, 200012])
    assert outcome(base, base).found == []
    merged = with_json(with_json(base, GEN, eos_token_id=199999), TOK, eos_token="<|endoftext|>")
    after = outcome(merged, base)
    assert after.stops == [200002, 199999, 200012]
    assert 200007 not in after.stops
    alone = outcome(merged | {"training_args.bin": b""}, None)
    assert alone.stops == [199999, 200002]


def test_qwen3_stops_after_its_answer_and_not_after_its_thought() -> None:
    tokens = {"<|endoftext|>": 151643, "<|im_start|>": 151644, "<|im_end|>": 151645, "<think>": 151667,
        "</think>": 151668}  # fmt: skip
    base = folder(tokens, THINKING, "<|im_end|>", 151645, [151645, 151643])
    merged = with_json(with_json(base, GEN, eos_token_id=151643), TOK, eos_token="<|endoftext|>")
    assert outcome(merged, base) == (
        ["GF101:error", "GF106:error"], [151645, 151643], "<|im_end|>", [GEN, TOK],
    )  # fmt: skip


# -- a template of one's own ---------------------------------------------------------------------------------


def test_a_chat_model_whose_template_the_user_changed() -> None:
    base = chatml_files()
    mine = "{% if messages[0].role != 'system' %}<|im_start|>system\nBe kind.<|im_end|>\n{% endif %}" + CHATML
    merged = with_json(base, TOK, chat_template=mine)
    assert outcome(merged, base) == ([], [1002, 1000], "<|im_end|>", [])
    narrowed = with_json(with_json(merged, GEN, eos_token_id=1000), TOK, eos_token="<|endoftext|>")
    assert outcome(narrowed, base) == (["GF102:error"], [1000, 1002], "<|endoftext|>", [GEN])


def test_a_folder_without_the_file_gets_one_that_hides_nothing() -> None:
    base = without(LLAMA_BASE, GEN)
    merged = with_json(
        with_json(base, TOK, chat_template=LLAMA3), CONFIG, temperature=0.6, pad_token_id=128001
    )
    found, stops, _, changed = outcome(merged, base)
    assert (found, stops, changed) == (["GF102:error"], [128001, 128009], [GEN])
    (change,) = planned(merged, base, None).changes
    assert change.before is None
    assert change.after == dump(
        {"eos_token_id": [128001, 128009], "pad_token_id": 128001, "temperature": 0.6}
    )
