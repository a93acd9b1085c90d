"""A folder that each rule finds something on, and one that it does not: examples of tests and pages."""

import json
from typing import NamedTuple, TypeAlias

from genfix.json_types import JsonObject
from tests.support.folders import (
    CHATML,
    CHATML_TOKENS,
    Files,
    chatml_files,
    dump,
    glm_files,
    pretrained_files,
    safetensors,
    vlm_files,
    with_head,
    with_json,
    with_token_list,
    without,
)
from tests.support.merges import adapter_files, adapter_of, merge, model_of, world
from tests.support.weight_files import INDEX, SINGLE, causal, weight_file
from tests.support.weighted import (
    ADAPTER,
    EMBEDDER,
    SCORED,
    SECOND,
    SHARDS,
    SPECULATIVE,
    TIED,
    WEIGHTED,
    packed,
)
from tests.support.whole_models import MIXED, OWN_CODE, WHOLE, lost, stacked, whole, whole_but

__all__ = ["CASES", "Case"]


class Case(NamedTuple):
    """One rule's two folders, and the base and adapter of both."""

    failing: Files
    passing: Files
    base: Files | None = None
    adapter: Files | None = None


_Entry: TypeAlias = tuple[Files, Files, Files | None] | tuple[Files, Files, Files | None, Files]


def weighted(layers: int = 2, rows: int = 1024, experts: int = 0) -> Files:
    """A whole small model whose weights are not what its config.json was written for."""
    return WEIGHTED | {SINGLE: weight_file(causal(layers, rows=rows, experts=experts))}


GLM, QWEN, VLM, PLAIN = glm_files(), chatml_files(), vlm_files(), pretrained_files()
QWEN3 = {
    "config.json": dump(
        {
            "architectures": ["Qwen3ForCausalLM"],
            "model_type": "qwen3",
            "hidden_size": 2560,
            "intermediate_size": 9728,
            "num_hidden_layers": 36,
            "head_dim": 128,
            "num_attention_heads": 32,
            "num_key_value_heads": 8,
            "vocab_size": 151936,
            "bos_token_id": 151643,
            "eos_token_id": 151645,
            "rope_theta": 1000000,
            "max_position_embeddings": 40960,
            "rms_norm_eps": 1e-06,
        }
    ),
    "generation_config.json": dump({"bos_token_id": 151643, "eos_token_id": [151645, 151643]}),
}
"""Qwen3-4B, as far as its sizes and ids say so."""
SIZED = with_json(QWEN, "config.json", num_hidden_layers=2, num_attention_heads=4)
MATRICES, UPDATES = world(), adapter_of()
ONCE = merge(MATRICES, UPDATES)
UNMERGED, MERGED, LORA = model_of(MATRICES), model_of(ONCE), adapter_files(UPDATES)
GEN, TOK = "generation_config.json", "tokenizer_config.json"
DEAF = with_json(GLM, "config.json", architectures=["MineForCausalLM"])
MINE = with_json(QWEN, TOK, chat_template=CHATML + "{# mine #}")
NEVER_STOPS = with_json(with_json(QWEN, TOK, eos_token="<|endoftext|>"), GEN, eos_token_id=1000)
UNTOKENED = with_json(QWEN, "tokenizer.json", added_tokens=[{"id": 1000, "content": "<|endoftext|>"}])
SWAPPED = with_json(QWEN, "tokenizer.json", added_tokens=[{"id": 1002, "content": "<|im_start|>"}])
UNMARKED = with_token_list(QWEN, CHATML_TOKENS, special=False)
TRAINED = with_token_list(QWEN, CHATML_TOKENS | {"<tool>": 1003})
TAGGED = CHATML.replace("{{ m.content }}", "{% generation %}{{ m.content }}{% endgeneration %}")
TRAINED_TEMPLATE = with_json(QWEN, TOK, chat_template="Mine." + CHATML)
JINJA_ONLY = with_json(QWEN, TOK, chat_template=...) | {"chat_template.jinja": CHATML.encode()}
TOOLS = "{% if tools %}<|im_start|>system\n{{ tools|tojson }}<|im_end|>\n{% endif %}" + CHATML
HASHES = (
    "{% for m in messages %}### {{ m.role }}:\n{{ m.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}### assistant:\n{% endif %}"
)
PROCESSOR = "chat_template.json"
SEEING = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{% for c in m.content %}{% if c.type == 'image' %}"
    "<|image_pad|>{% else %}{{ c.text }}{% endif %}{% endfor %}<|im_end|>\n{% endfor %}"
)
VLM = with_json(VLM, PROCESSOR, chat_template=SEEING)
NAMED: JsonObject = {"image_token": "<|im_end|>"}
GEMMA = with_json(VLM, "config.json", model_type="gemma3")
GEMMA = with_json(
    GEMMA, TOK, extra_special_tokens=dict.fromkeys(("boi_token", "eoi_token", "image_token"), "<|im_end|>")
)
COMPOSITE = with_json(VLM, "config.json", num_hidden_layers=...) | {SINGLE: weight_file(causal(head=False))}
BOS = with_json(
    QWEN,
    TOK,
    chat_template="{{ bos_token }}" + CHATML,
    bos_token="<|endoftext|>",
    tokenizer_class="LlamaTokenizerFast",
    add_bos_token=False,
)
FAST_ONLY = with_token_list(
    QWEN | {"tokenizer.model": b""},
    CHATML_TOKENS,
    lstrip=False,
    normalized=False,
    rstrip=False,
    single_word=False,
)
RESYNTHESISED = QWEN | {GEN: dump({"_from_model_config": True, "eos_token_id": 1002})}

SEEN = VLM | {SINGLE: weight_file({**causal(), "visual.blocks.0.attn.qkv.weight": (4, 4)})}
SEEN = with_json(SEEN, "config.json", vision_config={"depth": 1})
LLAVA = QWEN | {
    "config.json": dump(
        {
            "model_type": "llava",
            "architectures": ["LlavaForConditionalGeneration"],
            "vision_config": {"model_type": "clip_vision_model", "patch_size": 14},
        }
    ),
    "processor_config.json": dump({"processor_class": "LlavaProcessor"}),
}
ENCODER = QWEN | {
    "config.json": dump(
        {
            "model_type": "bert",
            "architectures": ["BertForSequenceClassification"],
            "max_position_embeddings": 512,
        }
    )
}
LABELED = with_json(
    QWEN,
    "config.json",
    architectures=["Qwen2ForSequenceClassification"],
    id2label={"0": "LABEL_0", "1": "LABEL_1"},
)
WHISPER = WEIGHTED | {
    "config.json": dump({"model_type": "whisper", "architectures": ["WhisperForConditionalGeneration"]}),
    GEN: dump({"eos_token_id": 1002, "no_timestamps_token_id": 1001}),
}
NEW_ROPE = {"rope_theta": 1e6, "rope_type": "default"}


def with_weights(dtype: str) -> Files:
    """A folder whose config.json says bfloat16, with one tensor of ``dtype``."""
    header = {"a.weight": {"dtype": dtype, "shape": [8], "data_offsets": [0, 32]}}
    text = json.dumps(header).encode()
    weights = len(text).to_bytes(8, "little") + text + bytes(32)
    return with_json(QWEN, "config.json", dtype="bfloat16") | {"model.safetensors": weights}


_ENTRIES: dict[str, _Entry] = {
    # code: (a folder it finds something on, one it does not, the base of both, the adapter where it needs
    # one)
    "GF101": (
        with_json(GLM, GEN, eos_token_id=151329),
        with_json(GLM, GEN, eos_token_id=[151338, 151336, 151329]),
        GLM,
    ),
    "GF102": (NEVER_STOPS | {"training_args.bin": b""}, NEVER_STOPS | {GEN: QWEN[GEN]}, None),
    "GF103": (with_json(QWEN, "config.json", eos_token_id=1000), QWEN, QWEN),
    "GF104": (with_json(GLM, GEN, eos_token_id="<|user|>"), with_json(GLM, GEN, eos_token_id=151336), None),
    "GF105": (SWAPPED, with_json(QWEN, "tokenizer.json", added_tokens=[]), QWEN),
    "GF106": (with_json(QWEN, TOK, eos_token="<|endoftext|>"), QWEN, QWEN),
    "GF107": (UNTOKENED, QWEN, None),
    "GF108": (
        with_json(QWEN, TOK, pad_token="<|im_end|>"),
        with_json(QWEN, TOK, pad_token="<|endoftext|>"),
        QWEN,
    ),
    "GF109": (with_json(GLM, GEN, eos_token_id=151329), GLM, None),
    "GF110": (
        with_json(with_json(PLAIN, GEN, eos_token_id=...), "config.json", eos_token_id=...),
        with_json(PLAIN, "config.json", eos_token_id=...),
        None,
    ),
    "GF111": (with_json(QWEN, TOK, eos_token=""), QWEN, None),
    "GF112": (
        DEAF | {"Modelfile": b'FROM .\nPARAMETER stop "<|im_start|>"\n'},
        DEAF | {"Modelfile": b'FROM .\nPARAMETER stop "<|user|>"\n'},
        None,
    ),
    "GF201": (with_json(QWEN, TOK, chat_template=...), MINE, QWEN),
    "GF202": (QWEN | {"chat_template.jinja": b"x"}, QWEN | {"chat_template.jinja": CHATML.encode()}, None),
    "GF203": (with_json(QWEN, TOK, chat_template="{% for"), with_json(QWEN, TOK, chat_template="x"), None),
    "GF204": (with_json(QWEN, TOK, chat_template=TAGGED), MINE, None),
    "GF205": (with_json(QWEN, TOK, chat_template="<|begin|>" + CHATML), MINE, None),
    "GF206": (with_json(VLM, PROCESSOR, chat_template=CHATML), VLM, VLM),
    "GF207": (JINJA_ONLY, JINJA_ONLY | {TOK: QWEN[TOK]}, QWEN),
    "GF208": (QWEN, TRAINED_TEMPLATE, QWEN, TRAINED_TEMPLATE),
    "GF209": (with_json(BOS, TOK, add_bos_token=True), BOS, BOS),
    "GF210": (
        QWEN,
        with_json(QWEN, TOK, chat_template=TOOLS + "{# mine #}"),
        with_json(QWEN, TOK, chat_template=TOOLS),
    ),
    "GF211": (with_json(QWEN, TOK, chat_template=CHATML.partition("{% if add")[0]), QWEN, None),
    "GF212": (
        with_json(QWEN, TOK, chat_template=HASHES),
        with_json(QWEN, TOK, chat_template=HASHES + "{{ eos_token }}"),
        None,
    ),
    "GF301": (without(QWEN, "tokenizer.json"), QWEN, QWEN | {"vocab.json": b"{}", "merges.txt": b""}),
    "GF302": (QWEN, TRAINED, QWEN, TRAINED),
    "GF303": (UNTOKENED, with_token_list(QWEN, {"<|endoftext|>": 1000, "<a>": 1001, "<b>": 1002}), QWEN),
    "GF304": (
        with_token_list(QWEN, CHATML_TOKENS, lstrip=True),
        QWEN,
        with_token_list(QWEN, CHATML_TOKENS, lstrip=False),
    ),
    "GF305": (
        with_json(UNMARKED, TOK, additional_special_tokens=["<|im_end|>"]),
        with_json(UNMARKED, TOK, extra_special_tokens=["<|im_end|>", "<|im_start|>"]),
        with_json(UNMARKED, TOK, additional_special_tokens=["<|im_start|>", "<|im_end|>"]),
    ),
    "GF306": (
        with_json(with_json(QWEN, TOK, pad_token="<|im_start|>"), GEN, pad_token_id=1001),
        with_json(with_json(QWEN, GEN, pad_token_id=1000), "config.json", pad_token_id=1000),
        with_json(with_json(QWEN, TOK, pad_token="<|endoftext|>"), GEN, pad_token_id=1000),
    ),
    "GF307": (
        with_json(QWEN, "config.json", pad_token_id=1024) | {"model.safetensors": safetensors(1024)},
        with_json(QWEN, "config.json", pad_token_id=-1) | {"model.safetensors": safetensors(1024)},
        None,
    ),
    "GF308": (
        with_head(QWEN, truncation={"max_length": 64}, padding={"strategy": {"Fixed": 64}}),
        with_head(QWEN, truncation=None, padding=None),
        None,
    ),
    "GF309": (
        with_json(QWEN, TOK, padding_side="right"),
        with_json(QWEN, TOK, padding_side="left"),
        with_json(QWEN, TOK, padding_side="left"),
    ),
    "GF310": (QWEN, QWEN | {"tokenizer.model": b"\n\x00"}, QWEN | {"tokenizer.model": b"\n\x00"}),
    "GF311": (
        with_head(QWEN, pre_tokenizer={"type": "Whitespace"}),
        with_head(QWEN, pre_tokenizer=None),
        with_head(QWEN, pre_tokenizer={"type": "Sequence", "pretokenizers": []}),
    ),
    "GF312": (
        with_json(QWEN, TOK, eos_token={"content": "<|im_end|>", "lstrip": False}),
        with_json(QWEN, TOK, eos_token={"__type": "AddedToken", "content": "<|im_end|>", "lstrip": False}),
        None,
    ),
    "GF313": (ENCODER, with_json(ENCODER, TOK, model_max_length=512), None),
    "GF401": (without(QWEN, "config.json"), QWEN, QWEN),
    "GF402": (with_json(QWEN, "config.json", rope_theta=...), QWEN, QWEN),
    "GF403": (
        with_json(QWEN, "config.json", use_cache=False),
        with_json(QWEN, "config.json", use_cache=True),
        QWEN,
    ),
    "GF404": (
        with_json(QWEN, TOK, model_max_length=64),
        with_json(QWEN, TOK, model_max_length=10**30),
        with_json(QWEN, TOK, model_max_length=10**15),
    ),
    "GF405": (with_weights("F32"), with_weights("BF16"), None),
    "GF406": (
        with_json(SIZED, "config.json", model_type="llama"),
        with_json(SIZED, "config.json", model_type="qwen2_moe", architectures=["Qwen2MoeForCausalLM"]),
        SIZED,
    ),
    "GF407": (
        with_json(SIZED, "config.json", hidden_act="gelu"),
        with_json(SIZED, "config.json", hidden_act="swish"),
        with_json(SIZED, "config.json", hidden_act="silu"),
    ),
    "GF408": (
        with_json(QWEN, "config.json", model_type="qwen2_new"),
        with_json(QWEN, "config.json", architectures=["OwnForCausalLM"]),
        None,
    ),
    "GF409": (
        with_json(weighted(experts=6), "config.json", num_experts=6),
        with_json(
            weighted(experts=6),
            "config.json",
            num_experts=6,
            model_type="qwen2_moe",
            architectures=["Qwen2MoeForCausalLM"],
        ),
        None,
    ),
    "GF410": (
        with_json(QWEN, "config.json", mm_vision_tower="/data/clip"),
        with_json(QWEN, "config.json", mm_vision_tower="openai/clip", _name_or_path="/data/qwen"),
        None,
    ),
    "GF411": (weighted(rows=1032), WEIGHTED, None),
    "GF412": (with_json(weighted(rows=1002), "config.json", vocab_size=1002), WEIGHTED, None),
    "GF413": (TIED | {SINGLE: weight_file(causal(), fill={"lm_head.weight": 7})}, TIED, TIED),
    "GF414": (weighted(layers=3), WEIGHTED, None),
    "GF415": (
        with_json(weighted(experts=6), "config.json", num_experts=8),
        with_json(weighted(experts=6), "config.json", num_experts=6),
        None,
    ),
    "GF416": (with_json(WEIGHTED, "config.json", num_nextn_predict_layers=1), SPECULATIVE, None),
    "GF417": (LABELED, with_json(LABELED, "config.json", id2label={"0": "bad", "1": "good"}), None),
    "GF418": (with_json(WHOLE, "config.json", intermediate_size=48), WHOLE, None),
    "GF419": (
        with_json(WHOLE, "config.json", layer_types=["full_attention"] * 5),
        with_json(WHOLE, "config.json", layer_types=["full_attention"] * 2),
        None,
    ),
    "GF421": (
        with_json(WEIGHTED, "config.json", quantization_config={"quant_method": "gptq", "bits": 4}),
        WEIGHTED,
        None,
    ),
    "GF422": (
        WEIGHTED | {SINGLE: packed("gptq")},
        with_json(WEIGHTED, "config.json", quantization_config={"quant_method": "gptq", "bits": 4})
        | {SINGLE: packed("gptq")},
        None,
    ),
    "GF423": (
        with_json(WEIGHTED, "config.json", quantization_config={"quant_method": "fp8"})
        | {SINGLE: packed("compressed-tensors")},
        with_json(WEIGHTED, "config.json", quantization_config={"quant_method": "compressed-tensors"})
        | {SINGLE: packed("compressed-tensors")},
        None,
    ),
    "GF431": (
        WEIGHTED | {SINGLE: weight_file(SCORED)},
        with_json(
            WEIGHTED | {SINGLE: weight_file(SCORED)},
            "config.json",
            architectures=["Qwen2ForSequenceClassification"],
        ),
        None,
    ),
    "GF432": (WEIGHTED | {SINGLE: weight_file({**causal(), "_orig_mod.norm.weight": (4,)})}, WEIGHTED, None),
    "GF433": (whole_but(lambda tensors: lost(tensors, "layers.1.input_layernorm.weight")), WHOLE, None),
    "GF434": (whole_but(lambda tensors: {**tensors, "model.norm.weight": (7,)}), WHOLE, None),
    "GF435": (whole_but(lambda tensors: {**tensors, "model.norm.weight": (0,)}), WHOLE, None),
    "GF436": (
        OWN_CODE | {SINGLE: weight_file(lost(whole(), "layers.1.input_layernorm.weight"))},
        OWN_CODE,
        OWN_CODE,
    ),
    "GF437": (MIXED | {SINGLE: weight_file(stacked())}, MIXED, MIXED),
    "GF438": (with_json(WHOLE, "config.json", architectures=...), WHOLE, None),
    "GF441": (UNMERGED, MERGED, UNMERGED, LORA),
    "GF442": (model_of(merge(MATRICES, UPDATES, lambda _: 4.0)), MERGED, UNMERGED, LORA),
    "GF443": (model_of(merge(MATRICES, adapter_of(2))), MERGED, UNMERGED, LORA),
    "GF444": (model_of(merge(ONCE, adapter_of(2))), MERGED, UNMERGED, LORA),
    "GF445": (UNMERGED | {"trainer_state.json": b"{}"}, MERGED | {"trainer_state.json": b"{}"}, UNMERGED),
    "GF501": (without(VLM, "preprocessor_config.json"), VLM, VLM),
    "GF502": (without(GLM, "modeling_chatglm.py"), GLM, GLM),
    "GF503": (without(GLM, "LICENSE"), without(GLM, "README.md"), GLM),
    "GF504": ({"README.md": b""}, {"config.json": b"{}"}, None),
    "GF505": (without(EMBEDDER, "modules.json"), EMBEDDER, EMBEDDER),
    "GF506": (without(SEEN, "preprocessor_config.json"), SEEN, None),
    "GF507": (LLAVA, with_json(LLAVA, "processor_config.json", patch_size=14), None),
    "GF508": (
        with_json(VLM, "preprocessor_config.json", image_processor_type="Qwen2VLImageReader"),
        VLM,
        VLM,
    ),
    "GF509": (
        with_json(GLM, "config.json", auto_map=..., model_type="own", architectures=["ChatGLMConfig"]),
        GLM,
        None,
    ),
    "GF510": (with_json(GLM, "config.json", auto_map={"AutoModel": "a/b--c.D"}), GLM, None),
    "GF511": (without(WEIGHTED, "tokenizer.json"), WEIGHTED, None),
    "GF512": (QWEN | {"pytorch_model.bin": b""}, WEIGHTED, None),
    "GF513": (with_json(WEIGHTED, GEN, pad_token_id="<pad>"), WEIGHTED, None),
    "GF521": (without(SHARDS, SECOND), SHARDS, None),
    "GF522": (SHARDS | {SECOND: SHARDS[SECOND][:-1]}, SHARDS, None),
    "GF523": (without(SHARDS, INDEX), SHARDS, None),
    "GF524": (SHARDS | {"old.safetensors": weight_file({"a": (1,)})}, SHARDS, WEIGHTED),
    "GF525": (WEIGHTED | {SINGLE: weight_file(causal(), metadata={"a": "b"})}, WEIGHTED, None),
    "GF601": (without(GLM, GEN), GLM, GLM),
    "GF602": (RESYNTHESISED, QWEN, QWEN),
    "GF603": (with_json(QWEN, GEN, max_new_tokens=64), with_json(QWEN, GEN, max_length=20), QWEN),
    "GF604": (with_json(QWEN, GEN, top_p=0), with_json(QWEN, GEN, top_p=1), None),
    "GF605": (with_json(QWEN, GEN, top_p=0.5), with_json(QWEN, GEN, top_p=1.0), QWEN),
    "GF606": (
        with_json(QWEN, GEN, temperature=0),
        with_json(QWEN, GEN, do_sample=False, temperature=0),
        None,
    ),
    "GF607": (with_json(QWEN, GEN, max_new_token=9), with_json(QWEN, GEN, chat_format="chatml"), None),
    "GF608": (without(WHISPER, GEN), WHISPER, None),
    "GF609": (with_json(QWEN3, GEN, _from_model_config=True), QWEN3, None),
    "GF701": (
        with_json(QWEN, TOK, tokenizer_class="TokenizersBackend"),
        with_json(QWEN, TOK, tokenizer_class="PreTrainedTokenizerFast"),
        QWEN,
    ),
    "GF702": (
        with_json(QWEN, TOK, extra_special_tokens=["<|im_end|>"]),
        with_json(QWEN, TOK, extra_special_tokens={"end": "<|im_end|>"}),
        QWEN,
    ),
    "GF704": (FAST_ONLY, without(FAST_ONLY, "tokenizer.model"), FAST_ONLY | {"added_tokens.json": b"{}"}),
    "GF705": (
        with_json(VLM, "preprocessor_config.json", processor_class="_Unsloth_Patched_Qwen2VLProcessor"),
        with_json(VLM, "preprocessor_config.json", processor_class="Qwen2VLProcessor"),
        None,
    ),
    "GF706": (
        with_json(VLM, TOK, model_specific_special_tokens=NAMED),
        with_json(VLM, TOK, model_specific_special_tokens=NAMED, extra_special_tokens=NAMED),
        with_json(VLM, TOK, extra_special_tokens=NAMED),
    ),
    "GF707": (with_json(GEMMA, TOK, extra_special_tokens=...), GEMMA, GEMMA),
    "GF711": (
        with_json(QWEN, "config.json", rope_theta=..., rope_parameters=NEW_ROPE),
        with_json(QWEN, "config.json", rope_parameters=NEW_ROPE),
        QWEN,
    ),
    "GF712": (
        with_json(QWEN, "config.json", rope_theta=2e6),
        with_json(QWEN, "config.json", rope_theta=..., rope_parameters=NEW_ROPE),
        QWEN,
    ),
    "GF713": (
        with_json(COMPOSITE, "config.json", tie_word_embeddings=True, text_config={"num_hidden_layers": 2}),
        with_json(
            COMPOSITE,
            "config.json",
            tie_word_embeddings=True,
            text_config={"num_hidden_layers": 2, "tie_word_embeddings": True},
        ),
        with_json(COMPOSITE, "config.json", tie_word_embeddings=True),
    ),
    "GF714": (
        with_json(QWEN, "config.json", rope_scaling={"type": "own", "factor": 2.0}),
        with_json(QWEN, "config.json", rope_scaling={"type": "linear", "factor": 2.0}),
        None,
    ),
    "GF721": (WEIGHTED | ADAPTER, WEIGHTED, None),
    "GF722": (WEIGHTED | {"optimizer.pt": b""}, WEIGHTED, None),
    "GF901": (QWEN | {"config.json": b"{"}, QWEN, None),
    "GF902": (QWEN | {"config.json": b'{"a": 1, "a": 2}'}, QWEN, None),
    "GF903": (QWEN | {"config.json": b"\xef\xbb\xbf{}"}, QWEN, None),
    # GF904 needs a disk: test_unreadable.py
    # GF213 needs a Hub: test_older_base.py
    "GF905": (with_json(QWEN, "config.json", rope_theta=float("nan")), QWEN, None),
    "GF906": (QWEN | {"tokenizer.json": b"version https://git-lfs.github.com/spec/v1\n"}, QWEN, None),
}

CASES: dict[str, Case] = {code: Case(*entry) for code, entry in _ENTRIES.items()}
