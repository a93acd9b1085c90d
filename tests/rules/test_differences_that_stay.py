"""Differences from the base that somebody meant: no finding above information, and a repair leaves every
byte.
"""

from typing import Final

import pytest

from genfix.json_types import JsonValue
from genfix.rules import Severity
from tests.support.folders import (
    CHATML,
    CHATML_TOKENS,
    Files,
    chatml_files,
    dump,
    glm_files,
    vlm_files,
    with_json,
    with_token_list,
    without,
)
from tests.support.judging import find, plan
from tests.support.weight_files import SINGLE, causal, weight_file
from tests.support.weighted import FOUR_BITS, SCORED, SEEING, packed

CONFIG, GEN, TOK, FAST = "config.json", "generation_config.json", "tokenizer_config.json", "tokenizer.json"
SIZES = {
    "num_hidden_layers": 2,
    "tie_word_embeddings": False,
    "max_position_embeddings": 32768,
    "use_cache": True,
}
WEIGHTS: Final = {SINGLE: weight_file(causal())}
CHAT: Final = with_json(chatml_files(), CONFIG, **SIZES) | WEIGHTS
PRETRAINED: Final = with_json(
    with_json(with_json(CHAT, GEN, eos_token_id=1000), CONFIG, eos_token_id=1000),
    TOK,
    eos_token="<|endoftext|>",
)
PLAIN: Final = with_json(PRETRAINED, TOK, chat_template=...)
RESERVED: Final = {"<|endoftext|>": 1000, "<|reserved_1|>": 1001, "<|reserved_2|>": 1002}
LLAMA_LIKE: Final = with_token_list(PLAIN, RESERVED)
TUNED: Final = with_json(
    with_json(with_json(PRETRAINED, GEN, eos_token_id=[1002, 1000]), CONFIG, eos_token_id=1002),
    TOK,
    eos_token="<|im_end|>",
    chat_template=CHATML,
)
YARN: JsonValue = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768}
GPTQ: JsonValue = {"quant_method": "gptq", "bits": 4}
GLM: Final = glm_files()
VLM: Final = vlm_files()
ELSEWHERE = {"AutoConfig": "THUDM/glm-4-9b-chat--configuration_chatglm.ChatGLMConfig"}

STAYS: Final[dict[str, tuple[Files, Files]]] = {
    # what was meant: (merged, base)
    "ChatML taught to a base, with the EOS changed": (TUNED, PRETRAINED),
    "ChatML on reserved ids": (with_token_list(TUNED, CHATML_TOKENS), LLAMA_LIKE),
    "a template of one's own": (with_json(CHAT, TOK, chat_template="Be kind.\n" + CHATML), CHAT),
    "other sampling": (with_json(CHAT, GEN, temperature=0.1, top_p=0.9, top_k=5), CHAT),
    "padding on the other side": (with_json(CHAT, TOK, padding_side="left"), CHAT),
    "a base saved again is no chat model": (PRETRAINED | {"README.md": b"# saved again\n"}, PRETRAINED),
    "another padding token": (with_json(CHAT, TOK, pad_token="<|im_start|>"), CHAT),
    "a padding token added": (with_json(CHAT, TOK, pad_token="<|endoftext|>"), CHAT),
    "a quantised base": (
        CHAT,
        with_json(CHAT, CONFIG, quantization_config=FOUR_BITS) | {SINGLE: packed("bitsandbytes")},
    ),
    "a resized vocabulary": (
        with_json(CHAT | {SINGLE: weight_file(causal(rows=1040))}, CONFIG, vocab_size=1040),
        CHAT,
    ),
    "padded rows": (
        with_json(CHAT | {SINGLE: weight_file(causal(rows=1088))}, CONFIG, vocab_size=1088),
        CHAT,
    ),
    "a longer context": (
        with_json(CHAT, CONFIG, rope_theta=5e6, rope_scaling=YARN, max_position_embeddings=131072),
        CHAT,
    ),
    "a shorter context": (with_json(CHAT, CONFIG, max_position_embeddings=4096), CHAT),
    "a classification head": (
        with_json(CHAT, CONFIG, architectures=["Qwen2ForSequenceClassification"], num_labels=1)
        | {SINGLE: weight_file(SCORED)},
        CHAT,
    ),
    "a value head": (CHAT | {SINGLE: weight_file({**causal(), "v_head.summary.weight": (1, 4)})}, CHAT),
    "other pixels": (
        VLM
        | {
            "preprocessor_config.json": dump(
                {"image_processor_type": "Qwen2VLImageProcessor", "min_pixels": 9}
            )
        },
        VLM,
    ),
    "the language model of a seeing one": (
        with_json(
            without(SEEING, SINGLE) | {SINGLE: weight_file(causal())},
            CONFIG,
            architectures=["Qwen2ForCausalLM"],
            model_type="qwen2",
            vision_config=...,
        ),
        with_json(SEEING, CONFIG, text_config={"model_type": "qwen2", "hidden_size": 64}),
    ),
    "more layers": (
        with_json(CHAT | {SINGLE: weight_file(causal(3))}, CONFIG, num_hidden_layers=3),
        CHAT,
    ),
    "a quantised copy": (with_json(CHAT, CONFIG, quantization_config=GPTQ) | {SINGLE: packed("gptq")}, CHAT),
    "a copy made whole again": (
        CHAT,
        with_json(CHAT, CONFIG, quantization_config=GPTQ) | {SINGLE: packed("gptq")},
    ),
    "code of another repo": (
        with_json(without(GLM, "configuration_chatglm.py"), CONFIG, auto_map=ELSEWHERE),
        GLM,
    ),
}


@pytest.mark.parametrize("name", STAYS)
def test_what_was_meant_stays(name: str) -> None:
    merged, base = STAYS[name]
    found = [
        f"{finding.code} {finding.pointer}"
        for finding in find(merged, base)
        if finding.severity is not Severity.INFO
    ]
    assert found == []
    kept = {change.name for change in plan(merged, base).changes} & merged.keys()
    assert kept == set()


@pytest.mark.parametrize("name", STAYS)
def test_it_stays_without_the_base_too(name: str) -> None:
    merged, _ = STAYS[name]
    assert [finding.code for finding in find(merged) if finding.severity is Severity.ERROR] == []
    assert plan(merged, None).changes == ()
