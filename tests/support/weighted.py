"""Whole small models with weights, and what lies beside them: their shards, an adapter, an embedder's modules."""

import json

from genfix.json_types import JsonValue
from genfix.rules import Finding, Severity
from tests.support.folders import Files, chatml_files, dump, with_json
from tests.support.judging import find
from tests.support.weight_files import SINGLE, causal, sharded, weight_file

CONFIG = "config.json"


QWEN = with_json(chatml_files(), CONFIG, num_hidden_layers=2, tie_word_embeddings=False)
WEIGHTED = QWEN | {SINGLE: weight_file(causal())}
TIED = with_json(QWEN, CONFIG, tie_word_embeddings=True) | {SINGLE: weight_file(causal(head=False))}
PREDICTING = causal(2) | {
    "model.layers.2.eh_proj.weight": (4, 8),
    "model.layers.2.enorm.weight": (4,),
    "model.layers.2.mlp.down_proj.weight": (4, 4),
}
SPECULATIVE = with_json(QWEN, CONFIG, num_nextn_predict_layers=1) | {SINGLE: weight_file(PREDICTING)}
FOUR_BITS: JsonValue = {"quant_method": "bitsandbytes", "load_in_4bit": True}
PACKED = {
    "gptq": ("qweight", "qzeros", "scales", "g_idx"),
    "awq": ("qweight", "qzeros", "scales"),
    "compressed-tensors": ("weight_packed", "weight_scale", "weight_shape"),
    "bitsandbytes": ("weight", "weight.absmax", "weight.quant_map", "weight.quant_state.bitsandbytes__nf4"),
}


def packed(method: str) -> bytes:
    tensors = {n: s for n, s in causal().items() if not n.endswith("down_proj.weight")}
    for layer in range(2):
        for part in PACKED[method]:
            tensors[f"model.layers.{layer}.mlp.down_proj.{part}"] = (4, 4)
    return weight_file(tensors)


SCORED = {**causal(head=False), "score.weight": (1, 4)}
SEEING = with_json(
    QWEN,
    CONFIG,
    architectures=["Qwen2VLForConditionalGeneration"],
    model_type="qwen2_vl",
    vision_config={"depth": 1},
) | {SINGLE: weight_file(causal() | {"visual.blocks.0.attn.qkv.weight": (4, 4)})}
SHARDS = QWEN | sharded(causal(), 3)
SECOND = "model-00002-of-00003.safetensors"
ADAPTER = {"adapter_config.json": dump({"base_model_name_or_path": "Qwen/Qwen2.5-7B", "peft_type": "LORA"})}
POOLING = "1_Pooling/config.json"
EMBEDDER = chatml_files() | {
    "modules.json": dump([{"idx": 0, "path": ""}, {"idx": 1, "path": "1_Pooling"}]),
    "sentence_bert_config.json": dump({"max_seq_length": 512}),
    POOLING: dump({"pooling_mode_lasttoken": True}),
}


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
