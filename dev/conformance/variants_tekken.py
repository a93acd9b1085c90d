"""Folders with Mistral's own vocabulary, ``tekken.json``: alone, and beside what others read.

Which vocabulary is taken, and so which number the end has, depends on the model type, on the files beside it
and on whether Mistral's own library is installed. Its ``</s>`` has the id 2, that of ``tokenizer.json`` 257.
"""

import base64
import json
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Final

from dev.conformance.variants_more import Files
from genfix.json_types import JsonObject, JsonValue

__all__ = ["tekkens"]

_SPECIAL: Final = (
    *("<unk>", "<s>", "</s>", "[INST]", "[/INST]", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]"),
    *("[TOOL_RESULTS]", "[/TOOL_RESULTS]", "[TOOL_CALLS]", "[IMG]", "<pad>", "[IMG_BREAK]", "[IMG_END]"),
    *("[PREFIX]", "[MIDDLE]", "[SUFFIX]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]", "[TOOL_CONTENT]"),
    *("[ARGS]", "[CALL_ID]"),
)
_FILLED: Final = 24
_TEXT: Final = "{% for m in messages %}{{ m.role }}: {{ m.content }}{% endfor %}"


def _tekken(version: str, special: list[JsonValue] | None) -> JsonObject:
    words = [bytes([number]) for number in range(256)] + [b"ab", b"cd"]
    vocabulary: list[JsonValue] = [
        {"rank": rank, "token_bytes": base64.b64encode(word).decode(), "token_str": None}
        for rank, word in enumerate(words)
    ]
    config: dict[str, JsonValue] = {
        "pattern": r"\w+|\W",
        "num_vocab_tokens": len(words),
        "default_vocab_size": len(words) + _FILLED,
        "default_num_special_tokens": _FILLED,
        "version": version,
    }
    made: dict[str, JsonValue] = {"config": config, "vocab": vocabulary}
    return made if special is None else {**made, "special_tokens": special}


def _special(*texts: str) -> list[JsonValue]:
    return [{"rank": rank, "token_str": text, "is_control": True} for rank, text in enumerate(texts)]


def _dump(value: object) -> bytes:
    return (json.dumps(value, indent=2) + "\n").encode()


_NEWER: Final = _special(*_SPECIAL)
_VOCABULARIES: Final[Mapping[str, bytes | None]] = {
    "none": None,
    "newer": _dump(_tekken("v11", _NEWER)),
    "older": _dump(_tekken("v3", None)),
    "other-end": _dump(_tekken("v11", _special(*_SPECIAL[3:], "<unk>", "<s>", "</s>"))),
    "endless": _dump(_tekken("v11", _special(*_SPECIAL[:2], *_SPECIAL[3:]))),
    "gap": _dump(_tekken("v11", [*_NEWER[:5], *_NEWER[6:]])),
    "malformed": b'{"config": {',
    "empty-object": b"{}",
}
_SETTINGS: Final[Mapping[str, JsonObject | None]] = {
    "none": None,
    "llama": {"tokenizer_class": "LlamaTokenizer", "bos_token": "<s>", "eos_token": "</s>"},
    "llama-fast": {"tokenizer_class": "LlamaTokenizerFast", "eos_token": "[/INST]"},
    "backend": {"tokenizer_class": "TokenizersBackend", "eos_token": "</s>"},
    "generic": {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "</s>"},
    "mistral-common": {"tokenizer_class": "MistralCommonBackend", "eos_token": "</s>"},
    "unknown-end": {"tokenizer_class": "TokenizersBackend", "eos_token": "<|nobody|>"},
    "classless": {"eos_token": "</s>"},
    "empty": {},
}
_TEMPLATES: Final[Mapping[str, Files]] = {
    "none": {},
    "jinja": {"chat_template.jinja": f"{_TEXT}{{# file #}}".encode()},
    "json": {"chat_template.json": _dump({"chat_template": f"{_TEXT}{{# json #}}"})},
}
_HEADER: Final = b"\x08\0\0\0\0\0\0\0{}      "
"""Weights without a tensor."""
_WEIGHTS: Final[Mapping[str, Files]] = {
    "": {},
    ",consolidated": {"consolidated.safetensors": _HEADER, "model.safetensors": _HEADER},
}
_SOME: Final = ("none", "llama", "mistral-common")
"""Of the settings, those that are asked with every other file beside."""


def tekkens(config: JsonObject, tokenizer: bytes) -> Iterator[tuple[str, Files]]:
    """Names and files of all such folders; ``tokenizer`` is a tokenizer.json."""
    plain: Files = {"config.json": _dump(config)}
    usual: Files = {**plain, "generation_config.json": _dump({"eos_token_id": 4})}

    def files(tekken: str, settings: str, *, beside: bool) -> Files:
        content, values = _VOCABULARIES[tekken], _SETTINGS[settings]
        return {
            **({} if content is None else {"tekken.json": content}),
            **({} if values is None else {"tokenizer_config.json": _dump(values)}),
            **({"tokenizer.json": tokenizer} if beside else {}),
        }

    for tekken, settings, beside, (weights, more) in product(
        _VOCABULARIES, _SETTINGS, (False, True), _WEIGHTS.items()
    ):
        if settings in _SOME or not (beside or weights):
            name = f"tekken={tekken},settings={settings}{',tokenizer.json' if beside else ''}{weights}"
            yield name, usual | files(tekken, settings, beside=beside) | more
    for (place, template), beside, (weights, more) in product(
        _TEMPLATES.items(), (False, True), _WEIGHTS.items()
    ):
        name = f"tekken=newer{',tokenizer.json' if beside else ''}{weights},template={place}"
        yield name, plain | files("newer", "llama", beside=beside) | template | more
        own = {**(_SETTINGS["llama"] or {}), "chat_template": f"{_TEXT}{{# inline #}}"}
        inline: Files = {"tokenizer_config.json": _dump(own)}
        yield f"{name}+inline", plain | files("newer", "llama", beside=beside) | inline | template | more
