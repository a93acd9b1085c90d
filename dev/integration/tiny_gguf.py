"""A model that llama.cpp runs and whose every word is known: each token has the one that follows it.

The layer adds nothing, so what is said next depends on the last token alone.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import gguf
import numpy as np

USER: Final = "<|user|>"
SPECIAL: Final = ("<|done|>", USER, "<|assistant|>", "<|system|>")
TEMPLATE: Final = (
    "{% for m in messages %}<|{{ m.role }}|>\n{{ m.content }}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)
"""The next turn's opener is all that ends one, as in GLM; llama.cpp does not know it by its text."""
WORDS: Final = ("yes", "no", "more")
_CHAIN: Final[Mapping[str, str]] = {"<0x0A>": "yes", "yes": "no", "no": USER, USER: "more", "more": "more"}
"""An answer is ``yes no``, and then the turn ends."""


def write_model(
    path: Path, *, eot: str | None = USER, template: str | None = TEMPLATE, normal: str = ""
) -> None:
    """Write the model with gguf-py; ``normal`` is a token that gets the type of ordinary ones."""
    tokens = ["<unk>", "<s>", *SPECIAL, *(f"<0x{byte:02X}>" for byte in range(256)), *WORDS]
    kinds = gguf.TokenType
    types = [kinds.UNKNOWN, kinds.CONTROL, *[kinds.CONTROL] * len(SPECIAL)]
    types += [kinds.BYTE] * 256 + [kinds.NORMAL] * len(WORDS)
    if normal:
        types[tokens.index(normal)] = kinds.NORMAL
    width = 64 * -(-len(tokens) // 64)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(256)
    writer.add_embedding_length(width)
    writer.add_block_count(1)
    writer.add_feed_forward_length(64)
    writer.add_head_count(2)
    writer.add_head_count_kv(2)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores([0.0] * len(tokens))
    writer.add_token_types(types)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(tokens.index("<|done|>"))
    writer.add_add_bos_token(False)
    if eot is not None:
        writer.add_eot_token_id(tokens.index(eot))
    if template is not None:
        writer.add_chat_template(template)
    embedding = np.eye(len(tokens), width, dtype=np.float32)
    head = np.zeros((len(tokens), width), dtype=np.float32)
    for said, following in _CHAIN.items():
        head[tokens.index(following), tokens.index(said)] = 10
    writer.add_tensor("token_embd.weight", embedding)
    writer.add_tensor("output_norm.weight", np.ones(width, dtype=np.float32))
    writer.add_tensor("output.weight", head)
    for name in ("attn_norm", "ffn_norm"):
        writer.add_tensor(f"blk.0.{name}.weight", np.ones(width, dtype=np.float32))
    for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
        writer.add_tensor(f"blk.0.{name}.weight", np.zeros((width, width), dtype=np.float32))
    for name in ("ffn_gate", "ffn_up"):
        writer.add_tensor(f"blk.0.{name}.weight", np.zeros((64, width), dtype=np.float32))
    writer.add_tensor("blk.0.ffn_down.weight", np.zeros((width, 64), dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
