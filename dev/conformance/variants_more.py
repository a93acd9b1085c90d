"""Folders that are rare: one of each, of one family."""

import json
from collections.abc import Iterator, Mapping
from typing import Final

from genfix.json_types import JsonObject

__all__ = ["Files", "more"]

Files = dict[str, bytes]

_GENERATION: Final[Mapping[str, JsonObject]] = {
    "empty-eos-with-pad": {"eos_token_id": [], "pad_token_id": 0},
    "empty-lists": {"eos_token_id": [[]]},
    "two-columns": {"eos_token_id": [[257, 258]]},
    "two-columns-with-pad": {"eos_token_id": [[257, 258]], "pad_token_id": 0},
    "ragged": {"eos_token_id": [257, [258]]},
    "null-in-list": {"eos_token_id": [257, None]},
    "fraction": {"eos_token_id": [258.5]},
    "beyond-64-bits": {"eos_token_id": 2**64},
    "pad-text": {"eos_token_id": 257, "pad_token_id": "<pad>"},
    "pad-list": {"eos_token_id": 257, "pad_token_id": [0]},
    "pad-negative": {"eos_token_id": 257, "pad_token_id": -1},
    "bos-text": {"eos_token_id": 257, "bos_token_id": "<bos>"},
    "bos-list": {"eos_token_id": 257, "bos_token_id": [256]},
    "no-new-tokens": {"eos_token_id": 257, "max_new_tokens": 0},
}
_CONFIG: Final[Mapping[str, JsonObject]] = {
    "generation-inside": {"generation_config": {"eos_token_id": [257, 258], "temperature": 0.5}},
    "auto-map-without-code": {"auto_map": {"AutoConfig": "configuration_own.OwnConfig"}},
    "pad-text": {"pad_token_id": "<pad>"},
    "bos-list": {"bos_token_id": [256]},
    "parts": {"decoder": {}, "text_config": {"eos_token_id": 258}},
    "stop-strings": {"stop_strings": ["\nUser:"]},
}
_NO_TOKENS: Final[Mapping[str, JsonObject]] = {
    "eos-empty": {"eos_token": ""},
    "eos-empty-for-unknown": {"eos_token": "", "unk_token": "<unk>"},
    "unknown-empty": {"unk_token": ""},
    "eos-and-unknown-empty": {"eos_token": "", "unk_token": ""},
    "class-with-scores": {"tokenizer_class": "AlbertTokenizer"},
    "code-without-file": {"auto_map": {"AutoTokenizer": ["tokenization_own.OwnTokenizer", None]}},
}
_MERGES: Final = b"#version: 0.2\n"


def _dump(value: object) -> bytes:
    return (json.dumps(value, indent=2) + "\n").encode()


def more(config: JsonObject, tokenizer: Files) -> Iterator[tuple[str, Files]]:
    """Variations of a folder with ``config`` and the files of ``tokenizer``, by name."""
    plain: Files = {"config.json": _dump(config), **tokenizer}
    usual: Files = {**plain, "generation_config.json": _dump({"eos_token_id": [257, 258]})}
    for name, generation in _GENERATION.items():
        yield f"more=generation-{name}", {**plain, "generation_config.json": _dump(generation)}
    for name, values in _CONFIG.items():
        for place, files in (("", plain), ("-and-generation", usual)):
            yield f"more=config-{name}{place}", {**files, "config.json": _dump({**config, **values})}
    for name, changed in _tokenizers(tokenizer):
        rest = {file: content for file, content in usual.items() if file not in tokenizer}
        yield f"more=tokenizer-{name}", {**rest, **changed}


def _tokenizers(files: Files) -> Iterator[tuple[str, Files]]:
    settings: dict[str, object] = json.loads(files["tokenizer_config.json"])
    whole: dict[str, object] = json.loads(files["tokenizer.json"])
    model = whole["model"]
    vocabulary = model["vocab"] if isinstance(model, dict) else {}
    config: Files = {"tokenizer_config.json": files["tokenizer_config.json"]}
    bare = {key: value for key, value in settings.items() if key != "added_tokens_decoder"}
    yield "truncated", {**files, "tokenizer.json": files["tokenizer.json"][:500]}
    yield "empty-object", {**files, "tokenizer.json": b"{}"}
    yield "slow", {**config, "vocab.json": _dump(vocabulary), "merges.txt": _MERGES}
    yield "slow-without-merges", {**config, "vocab.json": _dump(vocabulary)}
    yield "jinja-not-utf8", {**files, "chat_template.jinja": b"{{ '\xff' }}"}
    pad = {**settings, "pad_token": {"content": "<pad>"}}
    yield "pad-plain-object", {**files, "tokenizer_config.json": _dump(pad)}
    yield "bos-number", {**files, "tokenizer_config.json": _dump({**settings, "bos_token": 256})}
    plain = {**bare, "eos_token": {"content": "<|im_end|>"}}
    mapped = {**files, "special_tokens_map.json": _dump({"eos_token": "<|endoftext|>"})}
    yield "map-over-plain-object", {**mapped, "tokenizer_config.json": _dump(plain)}
    yield "map-over-text", {**mapped, "tokenizer_config.json": _dump({**bare, "eos_token": "<|tool|>"})}
    yield (
        "map-beside-decoder",
        {**mapped, "tokenizer_config.json": _dump({**settings, "eos_token": "<|tool|>"})},
    )
    nothing = {**files, "special_tokens_map.json": _dump({"eos_token": None})}
    yield (
        "map-null-over-text",
        {**nothing, "tokenizer_config.json": _dump({**bare, "eos_token": "<|tool|>"})},
    )
    for name, tokens in _NO_TOKENS.items():
        yield name, {**files, "tokenizer_config.json": _dump({**settings, **tokens})}
    for key, name in (("chat_template_type", "deepseek_v32"), ("tool_parser_type", "json_tools")):
        yield key, {**files, "tokenizer_config.json": _dump({**settings, key: name})}
    added = {**bare, "eos_token": "<|endoftext|>"}
    yield "without-decoder", {**files, "tokenizer_config.json": _dump(added)}
