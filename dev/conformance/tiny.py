r"""Tiny checkpoints with weights that really generate, each in fifteen forms that differ in nothing but
metadata.

The model answers every prompt with ``\nThe cat.<|user|>``, over and over: what comes next follows from the
last token alone. Attention and MLP add nothing (``o_proj`` and ``down_proj`` are zero), the embedding is
one-hot, and the head has one large number for each token. An engine stops after ten tokens where ``<|user|>``
is an end to it, or not at all.

    python -m dev.conformance.tiny FOLDER [ARCHITECTURE]

writes all forms below FOLDER.
"""

import json
import sys
from array import array
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

from genfix.json_types import JsonObject, JsonValue

__all__ = ["ANSWER", "ARCHITECTURES", "ROWS", "USER", "Row", "rows", "write"]

SPECIAL: Final[Mapping[str, int]] = {
    "<|endoftext|>": 257,
    "[MASK]": 258,
    "[gMASK]": 259,
    "[sMASK]": 260,
    "<sop>": 261,
    "<eop>": 262,
    "<|system|>": 263,
    "<|user|>": 264,
    "<|assistant|>": 265,
    "<|observation|>": 266,
}
"""After 256 bytes and the one merge of a GLM-like tokenizer."""
END: Final = SPECIAL["<|endoftext|>"]
USER: Final = SPECIAL["<|user|>"]
"""The end of a turn."""
LIST: Final = (END, USER, SPECIAL["<|observation|>"])
OUTSIDE: Final = (151329, 151336)
"""Ids of the real GLM-4, which this vocabulary does not have."""

TEMPLATE: Final = (
    "{% for m in messages %}<|{{ m.role }}|>\n{{ m.content }}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


class Row(NamedTuple):
    """What one form says about the end of generation; ``...`` where it says nothing."""

    generation: object = ...
    """``eos_token_id`` of generation_config.json; bytes are the whole file; ``...``: no file."""
    config: object = ...
    """``eos_token_id`` of config.json."""
    tokenizer: str | None = "<|endoftext|>"
    """``eos_token`` of tokenizer_config.json."""
    sentence: str = ""
    """The form in words."""


KEYLESS: Final = {"no": "key"}
"""As ``Row.generation``: the file is there and has no such key."""

ROWS: Final[Mapping[str, Row]] = {
    "A": Row(LIST, LIST, sentence="both files list all three ends"),
    "B": Row(..., END, sentence="no `generation_config.json`; `config.json` has only `<|endoftext|>`"),
    "C": Row(..., LIST, sentence="no `generation_config.json`; `config.json` lists all"),
    "D": Row(
        b'{"eos_token_id": [257,',
        LIST,
        sentence="`generation_config.json` is not JSON; `config.json` lists all",
    ),
    "E": Row(
        KEYLESS, LIST, sentence="`generation_config.json` has no `eos_token_id`; `config.json` lists all"
    ),
    "F": Row(
        END, LIST, sentence="`generation_config.json` has only `<|endoftext|>`; `config.json` lists all"
    ),
    "G": Row(["<|user|>"], LIST, sentence="`generation_config.json` lists texts; `config.json` lists all"),
    "H": Row([], LIST, sentence="`generation_config.json` has an empty list; `config.json` lists all"),
    "I": Row(
        USER, END, sentence="`generation_config.json` has only `<|user|>`, `config.json` only `<|endoftext|>`"
    ),
    "J": Row(..., ..., "<|user|>", "only the tokenizer's `eos_token` is `<|user|>`, no file has an id"),
    "K": Row(END, LIST, "<|user|>", "as F, and the tokenizer's `eos_token` is `<|user|>`"),
    "L": Row(LIST, ..., None, "`generation_config.json` lists all; nothing else names an end"),
    "M": Row(None, LIST, sentence="`generation_config.json` has `null`; `config.json` lists all"),
    "P": Row(
        OUTSIDE,
        LIST,
        sentence="`generation_config.json` has ids beyond the vocabulary; `config.json` lists all",
    ),
    "Q": Row(..., ..., sentence="no file has an id; the tokenizer's `eos_token` is `<|endoftext|>`"),
}
"""The rows of the verdict matrix."""

_HIDDEN: Final = 288
_HEADS: Final = 9
_GROUPS: Final = 3
_HEAD_SIZE: Final = 32
_INNER: Final = 64
_VOCABULARY: Final = 272
_LOGIT: Final = 8.0
"""Some seventeen times this after the norm: no sampling gets round it."""


class _Architecture(NamedTuple):
    name: str
    config: JsonObject
    bias: bool = False
    fused_mlp: bool = False
    norms: Sequence[str] = ("input_layernorm", "post_attention_layernorm")


_GLM: Final[JsonObject] = {"attention_bias": False, "head_dim": _HEAD_SIZE, "partial_rotary_factor": 0.5}
ARCHITECTURES: Final[Mapping[str, _Architecture]] = {
    "qwen2": _Architecture("Qwen2ForCausalLM", {"use_sliding_window": False}, bias=True),
    "llama": _Architecture("LlamaForCausalLM", {"attention_bias": False, "head_dim": _HEAD_SIZE}),
    "glm": _Architecture("GlmForCausalLM", _GLM, fused_mlp=True),
    "glm4": _Architecture(
        "Glm4ForCausalLM",
        _GLM,
        fused_mlp=True,
        norms=(
            "input_layernorm",
            "post_attention_layernorm",
            "post_self_attn_layernorm",
            "post_mlp_layernorm",
        ),
    ),
}
"""By model type."""


def _letters() -> Sequence[str]:
    """The letter that stands for each byte in a byte-level vocabulary: itself where it can be printed."""
    printable = {*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = iter(range(0x100, 0x200))
    return [chr(byte if byte in printable else next(others)) for byte in range(256)]


ANSWER: Final = (*b"\nThe cat.", USER)
"""The ids of one round."""


def _dump(value: object) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()


def _tokenizer_json() -> bytes:
    vocabulary = {letter: byte for byte, letter in enumerate(_letters())} | {"QZ": 256}
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False) | {"special": True}
    added: list[object] = [{"id": number, "content": text} | flags for text, number in SPECIAL.items()]
    level: JsonObject = {
        "type": "ByteLevel",
        "add_prefix_space": False,
        "trim_offsets": True,
        "use_regex": True,
    }
    plain = dict.fromkeys(("dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix"))
    # At least one merge: llama.cpp takes a vocabulary without any for a broken one.
    model = {"type": "BPE"} | plain | {"fuse_unk": False, "byte_fallback": False, "ignore_merges": False}
    return _dump(
        {"version": "1.0", "truncation": None, "padding": None, "added_tokens": added, "normalizer": None}
        | {"pre_tokenizer": level, "post_processor": None, "decoder": level}
        | {"model": model | {"vocab": vocabulary, "merges": [["Q", "Z"]]}}
    )


def _tokenizer_config(eos: str | None) -> bytes:
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False) | {"special": True}
    return _dump(
        {
            "added_tokens_decoder": {str(i): {"content": text} | flags for text, i in SPECIAL.items()},
            "chat_template": TEMPLATE,
            "clean_up_tokenization_spaces": False,
            "eos_token": eos,
            # Of a tokenizer without a class of its own, transformers 4 would pass on inputs no model takes.
            "model_input_names": ["input_ids", "attention_mask"],
            "pad_token": "<|endoftext|>",
            "tokenizer_class": "PreTrainedTokenizerFast",
        }
    )


def _config(kind: str, eos: object) -> bytes:
    architecture = ARCHITECTURES[kind]
    own = {"architectures": [architecture.name], "model_type": kind} | dict(architecture.config)
    return _dump(
        own
        | {
            "hidden_act": "silu",
            "hidden_size": _HIDDEN,
            "initializer_range": 0.02,
            "intermediate_size": _INNER,
            "max_position_embeddings": 512,
            "num_attention_heads": _HEADS,
            "num_hidden_layers": 1,
            "num_key_value_heads": _GROUPS,
            "pad_token_id": END,  # GLM's class would take an id beyond this vocabulary
            "rms_norm_eps": 1e-06,
            "rope_theta": 10000.0,
            "tie_word_embeddings": False,
            "torch_dtype": "float32",
            "vocab_size": _VOCABULARY,
        }
        | ({} if eos is ... else {"eos_token_id": eos})
    )


def _generation(value: object) -> dict[str, bytes]:
    if value is ...:
        return {}
    if isinstance(value, bytes):
        return {"generation_config.json": value}
    eos = {} if value is KEYLESS else {"eos_token_id": value}
    return {"generation_config.json": _dump(eos | {"pad_token_id": END})}


def rows(architecture: str = "qwen2") -> Mapping[str, Mapping[str, bytes]]:
    """The metadata files of each row of the matrix; all but the weights."""
    tokenizer = {"tokenizer.json": _tokenizer_json()}
    return {
        name: {"config.json": _config(architecture, row.config)}
        | _generation(row.generation)
        | tokenizer
        | {"tokenizer_config.json": _tokenizer_config(row.tokenizer)}
        for name, row in ROWS.items()
    }


def write(folder: Path, row: str, architecture: str = "qwen2") -> None:
    """Make ``folder`` the checkpoint of one row: metadata and weights."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in rows(architecture)[row].items():
        (folder / name).write_bytes(content)
    (folder / "model.safetensors").write_bytes(_safetensors(_weights(ARCHITECTURES[architecture])))


class _Tensor(NamedTuple):
    name: str
    shape: Sequence[int]
    values: "array[float]"


def _weights(architecture: _Architecture) -> Iterator[_Tensor]:
    def zeros(name: str, *shape: int) -> _Tensor:
        return _Tensor(name, shape, array("f", bytes(4 * shape[0] * (shape[1] if len(shape) > 1 else 1))))

    def marked(name: str, cells: Iterator[tuple[int, int]], value: float) -> _Tensor:
        tensor = zeros(name, _VOCABULARY, _HIDDEN)
        for row, column in cells:
            tensor.values[row * _HIDDEN + column] = value
        return tensor

    following = dict.fromkeys(range(_VOCABULARY), ANSWER[0]) | dict(pairwise(ANSWER))
    yield marked("model.embed_tokens.weight", ((token, token) for token in following), 1.0)
    yield marked("lm_head.weight", ((after, token) for token, after in following.items()), _LOGIT)
    ones = array("f", [1.0] * _HIDDEN)
    yield _Tensor("model.norm.weight", [_HIDDEN], ones)
    layer = "model.layers.0"
    for norm in architecture.norms:
        yield _Tensor(f"{layer}.{norm}.weight", [_HIDDEN], ones)
    for letter, heads in (("q", _HEADS), ("k", _GROUPS), ("v", _GROUPS)):
        yield zeros(f"{layer}.self_attn.{letter}_proj.weight", heads * _HEAD_SIZE, _HIDDEN)
        if architecture.bias:
            yield zeros(f"{layer}.self_attn.{letter}_proj.bias", heads * _HEAD_SIZE)
    yield zeros(f"{layer}.self_attn.o_proj.weight", _HIDDEN, _HEADS * _HEAD_SIZE)
    inner = (("gate_up", 2 * _INNER),) if architecture.fused_mlp else (("gate", _INNER), ("up", _INNER))
    for name, size in inner:
        yield zeros(f"{layer}.mlp.{name}_proj.weight", size, _HIDDEN)
    yield zeros(f"{layer}.mlp.down_proj.weight", _HIDDEN, _INNER)


def _safetensors(tensors: Iterator[_Tensor]) -> bytes:
    header: dict[str, JsonValue] = {"__metadata__": {"format": "pt"}}
    data = bytearray()
    for tensor in tensors:
        start = len(data)
        values = tensor.values
        if sys.byteorder == "big":  # the format has the small end first
            values = values[:]
            values.byteswap()
        data += values.tobytes()
        offsets: list[JsonValue] = [start, len(data)]
        header[tensor.name] = {"dtype": "F32", "shape": [*tensor.shape], "data_offsets": offsets}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + bytes(data)


def main(folder: Path, architecture: str) -> None:
    """Write every row."""
    for row in ROWS:
        write(folder / row, row, architecture)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "qwen2")
