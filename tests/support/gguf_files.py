"""GGUF files for tests, written by `struct` alone: as the format has them, or with faults."""

import struct
from collections.abc import Mapping, Sequence
from typing import Any

from tests.support.folders import CHATML, GLM_TEMPLATE

__all__ = ["GLM_KEYS", "QWEN_KEYS", "TENSORS", "Tensors", "edited", "gguf_bytes", "keys_of", "text_bytes"]

Tensors = Mapping[str, tuple[tuple[int, ...], bytes]]

GLM_TEXTS = [
    "<unk>",
    "<|endoftext|>X",
    "<|system|>",
    "<|user|>",
    "<|assistant|>",
    "<|observation|>",
    "[gMASK]",
    "<sop>",
]
QWEN_TEXTS = ["<unk>", "<|endoftext|>", "<|im_start|>", "<|im_end|>"]
WORDS = [f"w{number}" for number in range(24)]
WIDTH = 32


def keys_of(texts: Sequence[str], template: str | None, **more: Any) -> dict[str, Any]:
    """The keys of a small model with these special tokens; one more is given by ``key__with__dots``."""
    tokens = [*texts, *WORDS]
    keys: dict[str, Any] = {
        "general.architecture": "llama",
        "llama.context_length": 128,
        "llama.embedding_length": WIDTH,
        "llama.block_count": 1,
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": [2, *[3] * (len(texts) - 1), *[1] * len(WORDS)],
        "tokenizer.ggml.eos_token_id": 1,
    }
    if template is not None:
        keys["tokenizer.chat_template"] = template
    for name, value in more.items():
        keys[name.replace("__", ".")] = value
    return keys


GLM_KEYS = keys_of(GLM_TEXTS, GLM_TEMPLATE, tokenizer__ggml__eot_token_id=3)
"""Its turns end with a token that llama.cpp does not know by its text."""
QWEN_KEYS = keys_of(QWEN_TEXTS, CHATML) | {"tokenizer.ggml.eos_token_id": 3}


def tensors_of(rows: int, layers: Sequence[int] = (0,)) -> Tensors:
    """An embedding and one norm a layer, with numbers that differ from byte to byte."""
    embedding = bytes(place * 7 % 251 for place in range(rows * WIDTH * 4))
    norms = {f"blk.{layer}.attn_norm.weight": ((WIDTH,), bytes(range(WIDTH)) * 4) for layer in layers}
    return {"token_embd.weight": ((WIDTH, rows), embedding), **norms}


TENSORS = tensors_of(len(GLM_TEXTS) + len(WORDS))


def edited(keys: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    """Other values, by ``key__with__dots``; ``...`` takes a key away."""
    new = dict(keys)
    for name, value in changes.items():
        key = name.replace("__", ".")
        if value is ...:
            new.pop(key, None)
        else:
            new[key] = value
    return new


def gguf_bytes(
    keys: Mapping[str, Any],
    tensors: Tensors | None = None,
    *,
    alignment: int = 32,
    version: int = 3,
    offsets: Mapping[str, int] | None = None,
) -> bytes:
    """A whole file; ``offsets`` are other places than the right ones."""
    found = tensors_of(len(keys["tokenizer.ggml.tokens"])) if tensors is None else tensors
    head = b"GGUF" + struct.pack("<IQQ", version, len(found), len(keys))
    head += b"".join(text_bytes(key) + value_bytes(value) for key, value in keys.items())
    data = b""
    for name, (shape, content) in found.items():
        place = (offsets or {}).get(name, len(data))
        head += text_bytes(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, 0, place)
        data += content + bytes(-len(content) % alignment)
    return head + bytes(-len(head) % alignment) + data


def text_bytes(text: str | bytes) -> bytes:
    """A text after its length."""
    content = text.encode() if isinstance(text, str) else text
    return struct.pack("<Q", len(content)) + content


def value_bytes(value: Any) -> bytes:
    """A value after its type; bytes are taken as they are."""
    match value:
        case bytes():
            return value
        case bool():
            return struct.pack("<I?", 7, value)
        case int():
            return struct.pack("<II", 4, value)
        case float():
            return struct.pack("<If", 6, value)
        case str():
            return struct.pack("<I", 8) + text_bytes(value)
        case [str(), *_]:
            return struct.pack("<IIQ", 9, 8, len(value)) + b"".join(map(text_bytes, value))
        case _:
            return struct.pack(f"<IIQ{len(value)}i", 9, 5, len(value), *value)
