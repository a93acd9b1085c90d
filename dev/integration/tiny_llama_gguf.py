"""A GGUF of a tiny Llama folder with a byte-level BPE tokenizer, as llama.cpp's own converter makes one.

That converter is on no package index. What matters of it here: the rows of ``q_proj`` and ``k_proj`` are put
in llama.cpp's order, theta and the merges are the folder's, and a BOS stands before every text. Needs gguf
and safetensors only, so that it runs where the server does: ``python tiny_llama_gguf.py FOLDER FILE``.
"""

import json
import sys
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from safetensors.numpy import load_file

NAMES = {
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "lm_head": "output",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def write_gguf(folder: Path, path: Path, *, add_bos: bool = True) -> None:
    """Write the folder as one file."""
    config = json.loads((folder / "config.json").read_text("utf-8"))
    heads = {"q": config["num_attention_heads"], "k": config["num_key_value_heads"]}
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(heads["q"])
    writer.add_head_count_kv(heads["k"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_freq_base(config["rope_theta"])
    _add_tokenizer(writer, folder, config, add_bos=add_bos)
    for name, tensor in load_file(folder / "model.safetensors").items():
        *_, kind = name.removesuffix("_proj.weight").rpartition(".")
        writer.add_tensor(_name(name), _ordered(tensor, heads[kind]) if kind in heads else tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add_tokenizer(writer: gguf.GGUFWriter, folder: Path, config: dict[str, Any], *, add_bos: bool) -> None:
    tokenizer = json.loads((folder / "tokenizer.json").read_text("utf-8"))
    ids: dict[str, int] = tokenizer["model"]["vocab"]
    special = {token["content"] for token in tokenizer["added_tokens"] if token["special"]}
    tokens = sorted(ids, key=lambda token: ids[token])
    kinds = gguf.TokenType
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types([kinds.CONTROL if token in special else kinds.NORMAL for token in tokens])
    # llama.cpp wants one merge at least: this one joins nothing that is ever written
    merges = [*map(" ".join, tokenizer["model"]["merges"])] or [f"{tokens[-1]} {tokens[-1]}"]
    writer.add_token_merges(merges)
    writer.add_bos_token_id(config["bos_token_id"])
    writer.add_eos_token_id(config["eos_token_id"])
    writer.add_add_bos_token(add_bos)
    template = folder / "chat_template.jinja"
    if template.is_file():
        writer.add_chat_template(template.read_text("utf-8"))


def _name(name: str) -> str:
    bare = name.removesuffix(".weight")
    match bare.split(".", 3):
        case ["model", "layers", number, part]:
            return f"blk.{number}.{NAMES[part]}.weight"
        case _:
            return f"{NAMES[bare]}.weight"


def _ordered(tensor: np.ndarray, heads: int) -> np.ndarray:
    """Llama's rotation turns a head's first half with its second; llama.cpp's, neighbors."""
    rows, columns = tensor.shape
    halves = tensor.reshape(heads, 2, rows // heads // 2, columns)
    return np.ascontiguousarray(halves.swapaxes(1, 2).reshape(rows, columns))


if __name__ == "__main__":
    write_gguf(Path(sys.argv[1]), Path(sys.argv[2]), add_bos="--no-bos" not in sys.argv)
