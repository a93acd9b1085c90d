"""Folders that engines were asked about: the toy checkpoint of the verdict matrix, and one of another family.

The toy emits ``<|user|>`` (264) at the end of each answer; an engine that does not stop there runs on.
"""

from genfix.json_types import JsonValue
from tests.support.folders import CHATML, Files, dump

__all__ = ["LIST", "MATRIX", "QWEN", "TOKENS", "USER", "inline", "toy"]


USER = 264
LIST = [257, 264, 266]
_TOY_TOKENS: dict[str, JsonValue] = {"257": {"content": "<|endoftext|>"}, "264": {"content": "<|user|>"}}


def toy(generation: object = ..., config: object = ..., tokenizer: str | None = "<|endoftext|>") -> Files:
    """The toy checkpoint's metadata: eos_token_id of both files and the tokenizer's EOS token."""
    files = {
        "config.json": dump(
            {"model_type": "qwen2", "architectures": ["Qwen2ForCausalLM"]}
            | ({} if config is ... else {"eos_token_id": config})
        ),
        "tokenizer.json": dump({"added_tokens": [], "model": {}}),
        "tokenizer_config.json": dump(
            {"added_tokens_decoder": _TOY_TOKENS, "eos_token": tokenizer, "chat_template": CHATML}
        ),
    }
    match generation:
        case bytes():
            files["generation_config.json"] = generation
        case _ if generation is not ...:
            value = {} if generation == "absent" else {"eos_token_id": generation}
            files["generation_config.json"] = dump(value | {"top_k": 20})
        case _:
            pass
    return files


MATRIX = {
    # row: (folder, transformers 5 stops, vLLM stops)
    "A": (toy(LIST, LIST), True, True),
    "B": (toy(..., 257), False, False),
    "C": (toy(..., LIST), True, True),
    "D": (toy(b'{"eos_token_id": [', LIST), True, True),
    "E": (toy("absent", LIST), False, False),
    "F": (toy(257, LIST), False, False),
    "G": (toy(["<|user|>"], LIST), False, False),
    "H": (toy([], LIST), False, False),
    "I": (toy(264, 257), True, True),
    "J": (toy(..., ..., "<|user|>"), False, True),
    "K": (toy(257, LIST, "<|user|>"), False, True),
    "L": (toy(LIST, ..., None), True, True),
    "M": (toy(None, LIST), False, False),
    "P": (toy([151329, 151336], LIST), False, False),
    "Q": (toy(..., ...), False, False),
}
QWEN = {"model_type": "qwen2", "architectures": ["Qwen2ForCausalLM"]}
TOKENS = {
    "257": {"content": "<|endoftext|>"},
    "258": {"content": "<|im_end|>"},
    "259": {"content": "<|eom_id|>"},
}


def inline(config: object = None, generation: object = None, **more: bytes) -> Files:
    """A folder of config files; a template stands in tokenizer_config.json."""
    inline = {"added_tokens_decoder": TOKENS, "eos_token": "<|endoftext|>", "chat_template": "inline"}
    files = {
        "config.json": dump(QWEN if config is None else config),
        "tokenizer.json": dump({"added_tokens": [], "model": {}}),
        "tokenizer_config.json": dump(inline),
    }
    if generation is not None:
        files["generation_config.json"] = dump(generation)
    return files | {name.replace("__", "."): content for name, content in more.items()}
