"""A tiny tokenizer of 256 bytes, a few merges and the special tokens a model's files name."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from string import ascii_lowercase
from typing import Final

__all__ = ["KINDS", "special_tokens", "token_id", "write_tokenizer"]

FIRST_SPECIAL: Final = 320
COMMON: Final = ("<pad>", "<s>", "</s>", "<unk>", "<mask>", "<cls>", "<sep>", "<|im_start|>", "<|im_end|>")
NAMED: Final[Mapping[str, str]] = {
    "bos": "<s>",
    "eos": "</s>",
    "decoder_start": "<pad>",
    "forced_bos": "<s>",
} | {name: f"<{name}>" for name in ("pad", "unk", "mask", "cls", "sep")}
TEMPLATE: Final = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
WORDS: Final = ("he", "in", "an", "er", "on", "re", "at", "en", "th", "the")
KINDS: Final = ("BPE", "Unigram", "WordPiece")


def special_tokens(names: Iterable[str]) -> Mapping[str, int]:
    """Text to id; ``names`` are what config and processor call theirs (``image`` for ``image_token``)."""
    texts = dict.fromkeys((*COMMON, *(NAMED.get(name, f"<{name}>") for name in names)))
    return {text: FIRST_SPECIAL + number for number, text in enumerate(texts)}


def token_id(specials: Mapping[str, int], name: str) -> int:
    """The id of the token that a field ``<name>_token_id`` means."""
    return specials[NAMED.get(name, f"<{name}>")]


def _letters() -> list[str]:
    """The letter that stands for each byte in a byte-level vocabulary."""
    printable = {*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = iter(range(0x100, 0x200))
    return [chr(byte if byte in printable else next(others)) for byte in range(256)]


def _model(kind: str) -> dict[str, object]:
    pieces = [*_letters(), *WORDS, "[UNK]", *(f"##{letter}" for letter in ascii_lowercase)]
    pieces += [f"<unused{number}>" for number in range(FIRST_SPECIAL - len(pieces))]  # ids without a gap
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    if kind == "Unigram":
        scored = [[piece, -float(number)] for piece, number in vocabulary.items()]
        return {"type": kind, "unk_id": 0, "byte_fallback": False, "vocab": scored}
    if kind == "WordPiece":
        settings = {"unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100}
        return {"type": kind, **settings, "vocab": vocabulary}
    nothing = dict.fromkeys(("dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix"))
    merges = [f"{word[:-1]} {word[-1]}" for word in WORDS]
    return {
        "type": kind,
        **nothing,
        "fuse_unk": False,
        "byte_fallback": False,
        "vocab": vocabulary,
        "merges": merges,
    }


def write_tokenizer(
    folder: Path, kind: str, of_class: str, specials: Mapping[str, int], named: Iterable[str], *, chat: bool
) -> None:
    """The files of a tokenizer as they are published: ``tokenizer.json`` and ``tokenizer_config.json``.

    ``named`` are the tokens a processor asks its tokenizer for by attribute.
    """
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False) | {"special": True}
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    whole = {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": [{"id": number, "content": text} | flags for text, number in specials.items()],
        "normalizer": None, "pre_tokenizer": level, "post_processor": None, "decoder": level,
        "model": _model(kind),
    }  # fmt: skip
    settings: dict[str, object] = {
        "added_tokens_decoder": {str(number): {"content": text} | flags for text, number in specials.items()},
        "additional_special_tokens": ["<|im_start|>", "<|im_end|>"],
        "model_max_length": 512,
        "tokenizer_class": of_class,
    } | {f"{name}_token": NAMED[name] for name in ("bos", "eos", "pad", "unk", "mask", "cls", "sep")}
    if extra := {
        f"{name}_token": f"<{name}>" for name in named if f"<{name}>" in specials and name not in NAMED
    }:
        settings["extra_special_tokens"] = extra
    if chat:
        settings["chat_template"] = TEMPLATE
    for name, value in (("tokenizer.json", whole), ("tokenizer_config.json", settings)):
        (folder / name).write_text(json.dumps(value, indent=2), encoding="utf-8")
