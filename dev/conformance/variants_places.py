"""Folders of models that see or hear, with a chat template in every combination of the places for one.

Their processors are real ones, of settings of a few words: transformers makes them of these files.
"""

import json
from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Final, NamedTuple

from genfix.json_types import JsonObject, JsonValue

__all__ = ["SENSES", "places"]

Files = dict[str, bytes]


class Sense(NamedTuple):
    """What a processor of one model type is made of."""

    settings: JsonObject
    """Its preprocessor_config.json."""
    tokens: Mapping[str, str] = {}
    """What it asks its tokenizer for, by name."""
    words: tuple[str, ...] = ()
    """What it looks up in the vocabulary (vLLM's code around it does)."""


SENSES: Final[Mapping[str, Sense]] = {
    "qwen2_vl": Sense({"image_processor_type": "Qwen2VLImageProcessor"}),
    "gemma3": Sense(
        {"image_processor_type": "Gemma3ImageProcessor"},
        {"boi_token": "<bos>", "eoi_token": "<unk>", "image_token": "<|tool|>"},
        ("\n", "\n\n", "\n\n\n", "\n\n\n\n"),
    ),
    "qwen2_audio": Sense({"feature_extractor_type": "WhisperFeatureExtractor"}),
}
"""By model type."""
_TEXT: Final = "{% for m in messages %}{{ m.role }}: {{ m.content }}{% endfor %}"
_PLACES: Final[Mapping[str, str]] = {
    "inline": "tokenizer_config.json",
    "jinja": "chat_template.jinja",
    "json": "chat_template.json",
    "settings": "processor_config.json",
    "tools": "additional_chat_templates/tool_use.jinja",
    "default": "additional_chat_templates/default.jinja",
}


def _dump(value: object) -> bytes:
    return (json.dumps(value, indent=2) + "\n").encode()


def _combinations() -> Iterator[tuple[str, ...]]:
    for number in range(len(_PLACES) + 1):
        yield from combinations(_PLACES, number)


def places(kind: str, config: JsonObject, tokenizer: Mapping[str, bytes]) -> Iterator[tuple[str, Files]]:
    """Names and files of all such folders, with a processor and without one.

    ``tokenizer``: the files of a tokenizer that has no template.
    """
    sense = SENSES[kind]
    settings: dict[str, JsonValue] = json.loads(tokenizer["tokenizer_config.json"])
    whole = json.loads(tokenizer["tokenizer.json"])
    whole["model"]["vocab"] |= {word: 262 + number for number, word in enumerate(sense.words)}
    text = config.get("text_config")
    own = {**config, "text_config": {**text, "vocab_size": 272}} if isinstance(text, dict) else config
    plain: Files = {**tokenizer, "tokenizer.json": _dump(whole), "config.json": _dump(own)}
    processor: Files = {"preprocessor_config.json": _dump(sense.settings)}
    # transformers 5 takes them by their names, 4 from there alone.
    named: JsonObject = {
        **sense.tokens,
        **({"extra_special_tokens": {**sense.tokens}} if sense.tokens else {}),
    }
    for chosen in _combinations():
        texts = {place: _TEXT + f"{{# {place} #}}" for place in chosen}
        files = dict(plain)
        for place, template in texts.items():
            name = _PLACES[place]
            value = {"chat_template": template}
            stated = {**settings, **named, **value} if place == "inline" else value
            files[name] = template.encode() if name.endswith(".jinja") else _dump(stated)
        if "inline" not in texts:
            files["tokenizer_config.json"] = _dump({**settings, **named})
        title = "+".join(chosen) or "none"
        yield f"places={title},processor", files | processor
        if "settings" not in texts:
            yield f"places={title}", files
    for name, raw in (("array", b"[]"), ("malformed", b"{"), ("keyless", b"{}"), ("empty", _dump(_blank()))):
        both = {**plain, **processor, "chat_template.json": raw}
        both["chat_template.jinja"] = _TEXT.encode()
        both["tokenizer_config.json"] = _dump({**settings, **named})
        yield f"places=json-{name}+jinja,processor", both
    for name, tokens in _spellings(sense.tokens):
        both = {**plain, **processor, "tokenizer_config.json": _dump({**settings, **tokens})}
        yield f"places=none,tokens={name},processor", both


def _spellings(tokens: Mapping[str, str]) -> Iterator[tuple[str, JsonObject]]:
    """How tokenizer_config.json may name the tokens of a processor."""
    if not tokens:
        return
    first, *rest = tokens
    yield "none", {}
    yield "top", {**tokens}
    yield "extra", {"extra_special_tokens": {**tokens}}
    yield "list", {"extra_special_tokens": [*tokens.values()]}
    yield "newer", {"model_specific_special_tokens": {**tokens}}
    yield "without-first", {"extra_special_tokens": {name: tokens[name] for name in rest}}
    yield (
        "first-at-top",
        {first: tokens[first], "extra_special_tokens": {name: tokens[name] for name in rest}},
    )
    yield "null", {**tokens, first: None}
    yield "object", {**tokens, first: {"__type": "AddedToken", "content": tokens[first], "special": True}}
    yield "plain-object", {**tokens, first: {"content": tokens[first]}}
    yield "number", {**tokens, first: 7}


def _blank() -> JsonObject:
    return {"chat_template": ""}
