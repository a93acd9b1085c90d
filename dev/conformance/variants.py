"""Thousands of tiny model folders that differ in nothing but their metadata.

Each is a real shape of a real family (no weights, a vocabulary of a few tokens) with one value of every axis:
what generation_config.json and config.json say about the end, how the tokenizer names its own, where the chat
template lies. The same call always makes the same folders in the same order.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain, product
from pathlib import Path
from typing import Final, NamedTuple

from dev.conformance.variants_context import lengths
from dev.conformance.variants_keys import with_keys
from dev.conformance.variants_more import more
from dev.conformance.variants_places import SENSES, places
from dev.conformance.variants_sampling import samplings
from dev.conformance.variants_tekken import tekkens
from genfix.json_types import JsonObject, JsonValue

__all__ = ["FAMILIES", "Variant", "spread", "variants", "write", "write_all"]

BOS: Final = 256
END: Final = 257
TURN: Final = 258
TOOL: Final = 259
OUTSIDE: Final = 151336
"""An id that a vocabulary of this size does not have."""
_LARGE: Final = 1 << 16

TEMPLATE: Final = "{% for m in messages %}{{ m.role }}: {{ m.content }}{% endfor %}"

Files = dict[str, bytes]


class Variant(NamedTuple):
    """One folder."""

    name: str
    """Its family and the value of each axis."""
    files: Mapping[str, bytes]


class Family(NamedTuple):
    """What a model type brings along."""

    config: JsonObject
    tokenizer_class: str
    end: str
    turn: str
    nested: bool = False
    """Whether config.json has the language model's part under text_config."""


_SMALL: Final[JsonObject] = {
    "hidden_size": 64,
    "intermediate_size": 64,
    "num_attention_heads": 4,
    "num_hidden_layers": 1,
    "num_key_value_heads": 2,
    "vocab_size": 264,
}

FAMILIES: Final[Mapping[str, Family]] = {
    "qwen2": Family(
        {"architectures": ["Qwen2ForCausalLM"], **_SMALL}, "Qwen2Tokenizer", "<|endoftext|>", "<|im_end|>"
    ),
    "llama": Family(
        {"architectures": ["LlamaForCausalLM"], **_SMALL},
        "PreTrainedTokenizerFast",
        "<|end_of_text|>",
        "<|eot_id|>",
    ),
    "glm4": Family(
        {"architectures": ["Glm4ForCausalLM"], **_SMALL},
        "PreTrainedTokenizerFast",
        "<|endoftext|>",
        "<|user|>",
    ),
    "gemma3": Family(
        {"architectures": ["Gemma3ForConditionalGeneration"]},
        "GemmaTokenizer",
        "<eos>",
        "<end_of_turn>",
        nested=True,
    ),
    "phi3": Family(
        {"architectures": ["Phi3ForCausalLM"], "pad_token_id": 0, **_SMALL},
        "LlamaTokenizer",
        "<|endoftext|>",
        "<|end|>",
    ),
    "qwen2_vl": Family(
        {"architectures": ["Qwen2VLForConditionalGeneration"], **_SMALL},
        "Qwen2Tokenizer",
        "<|endoftext|>",
        "<|im_end|>",
    ),
}


def dump(value: object) -> bytes:
    """JSON as transformers saves it."""
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()


def _eos(value: object) -> bytes:
    return dump({"eos_token_id": value, "bos_token_id": BOS})


_GENERATION: Final[Mapping[str, bytes | None]] = {
    "missing": None,
    "malformed": b'{"eos_token_id": [257,',
    "no-bytes": b"",
    "not-utf8": b'{"eos_token_id": 258, "x": "\xff"}',
    "bom": b"\xef\xbb\xbf" + _eos([END, TURN]),
    "null": b"null",
    "array": b"[]",
    "number": b"257",
    "empty-object": b"{}",
    "twice": b'{"eos_token_id": 257, "eos_token_id": 258}',
    "int": _eos(END),
    "turn": _eos(TURN),
    "zero": _eos(0),
    "negative": _eos(-1),
    "list": _eos([END, TURN]),
    "list-empty": _eos([]),
    "duplicates": _eos([TURN, END, TURN]),
    "outside": _eos([OUTSIDE, END]),
    "key-null": _eos(None),
    "text": _eos("<|im_end|>"),
    "digits": _eos("257"),
    "list-of-texts": _eos(["<|im_end|>"]),
    "list-mixed": _eos([END, "<|im_end|>"]),
    "list-nested": _eos([[END], [TURN]]),
    "float": _eos(258.0),
    "list-of-floats": _eos([258.0, 257]),
    "bool": _eos(True),
    "object": _eos({"id": END}),
    "sampling": dump(
        {"eos_token_id": [TURN, END], "do_sample": True, "temperature": 0.6, "top_k": 20, "top_p": 0.9}
        | {"min_p": 0.05, "repetition_penalty": 1.05, "max_new_tokens": 99, "presence_penalty": 1.5}
    ),
    "sampling-of-defaults": dump(
        {
            "eos_token_id": END,
            "do_sample": True,
            "temperature": 1.0,
            "top_k": 50,
            "top_p": 1.0,
            "max_length": 20,
        }
    ),
    "sampling-unused": dump({"eos_token_id": END, "do_sample": False, "temperature": 0.6, "top_p": None}),
    "settings-of-engines": dump(
        {"eos_token_id": END, "presence_penalty": 1.5, "frequency_penalty": 0.5, "skip_special_tokens": False}
    ),
    "from-model-config": dump(
        {"_from_model_config": True, "eos_token_id": END, "temperature": 0.6, "presence_penalty": 1.5}
        | {"skip_special_tokens": False, "min_p": 0.05}
    ),
    "stop-strings": dump({"eos_token_id": END, "stop_strings": ["\nUser:"], "num_beams": 2}),
}
_CONFIG: Final[Mapping[str, JsonObject]] = {
    "int": {"eos_token_id": END},
    "list": {"eos_token_id": [END, TURN]},
    "absent": {},
    "null": {"eos_token_id": None},
    "list-empty": {"eos_token_id": []},
    "sampling": {"eos_token_id": TURN, "temperature": 0.7, "top_p": 0.5, "max_length": 77},
}
_NESTED: Final[Mapping[str, JsonObject]] = {
    "text-int": {"text_config": {"eos_token_id": TURN}},
    "text-list": {"text_config": {"eos_token_id": [END, TURN]}},
    "top-and-text": {"eos_token_id": [END, TURN], "text_config": {"eos_token_id": END}},
    "top-null": {"eos_token_id": None, "text_config": {"eos_token_id": TURN}},
    "text-absent": {"text_config": {}},
    "text-null": {"text_config": {"eos_token_id": None}},
    "text-sampling": {"text_config": {"eos_token_id": TURN, "temperature": 0.7}},
}
_BAD_CONFIG: Final[Mapping[str, bytes | None]] = {
    "missing": None,
    "malformed": b'{"model_type": "qwen2",',
    "no-model-type": b'{"vocab_size": 264, "eos_token_id": 257}',
    "unknown-model-type": b'{"model_type": "of-my-own", "eos_token_id": 257}',
    "array": b"[]",
    "text-for-id": b'{"model_type": "%s", "eos_token_id": "<|im_end|>"}',
    "float-for-id": b'{"model_type": "%s", "eos_token_id": 257.0}',
    "bool-for-id": b'{"model_type": "%s", "eos_token_id": true}',
    "negative": b'{"model_type": "%s", "eos_token_id": -1}',
    "list-of-texts": b'{"model_type": "%s", "eos_token_id": ["<|im_end|>"]}',
}


def _token_entry(text: str) -> dict[str, JsonValue]:
    return {
        "content": text,
        "lstrip": False,
        "normalized": False,
        "rstrip": False,
        "single_word": False,
        "special": True,
    }


def _special(family: Family) -> dict[str, int]:
    return {"<bos>": BOS, family.end: END, family.turn: TURN, "<|tool|>": TOOL, "<unk>": 260, "<pad>": 261}


def _tokenizer_json(family: Family, *, added: bool = True) -> bytes:
    letters = "abcdefghijklmnopqrstuvwxyz"
    vocabulary = {
        text: index for index, text in enumerate([*letters, *(f"#{i}" for i in range(256 - len(letters)))])
    }
    tokens = [{"id": number, **_token_entry(text)} for text, number in _special(family).items()]
    if not added or family.tokenizer_class == "GemmaTokenizer":  # whose class looks for <unk> there
        vocabulary |= _special(family)
    steps = ("truncation", "padding", "normalizer", "pre_tokenizer", "post_processor", "decoder")
    model: dict[str, object] = {
        "type": "BPE",
        **dict.fromkeys(("dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix")),
        "fuse_unk": False,
        "vocab": vocabulary,
        "merges": [],
    }
    added_tokens = tokens if added else []
    return dump({"version": "1.0", **dict.fromkeys(steps), "added_tokens": added_tokens, "model": model})


def _tokenizers(family: Family) -> Iterator[tuple[str, Files]]:
    """Layouts of both major versions, each with every way to name the end."""
    decoder: dict[str, JsonValue] = {
        str(number): _token_entry(text) for text, number in _special(family).items()
    }
    kinds: Mapping[str, JsonObject] = {
        "v4": {
            "added_tokens_decoder": decoder,
            "additional_special_tokens": [family.turn],
            "tokenizer_class": family.tokenizer_class,
            "model_max_length": 4096,
        },
        "v4-generic": {"added_tokens_decoder": decoder, "tokenizer_class": "PreTrainedTokenizerFast"},
        "v5": {
            "backend": "tokenizers",
            "extra_special_tokens": [family.turn],
            "tokenizer_class": "TokenizersBackend",
        },
        "classless": {"added_tokens_decoder": decoder},
    }
    names: Mapping[str, JsonObject] = {
        "text": {"eos_token": family.end},
        "turn": {"eos_token": family.turn},
        "object": {"eos_token": {"__type": "AddedToken", **_token_entry(family.turn)}},
        "plain-object": {"eos_token": {"content": family.turn}},
        "null": {"eos_token": None},
        "absent": {},
        "unknown": {"eos_token": "<|nobody|>"},
        "ordinary": {"eos_token": "a"},
    }
    whole = _tokenizer_json(family)
    for (kind, config), (name, end) in product(kinds.items(), names.items()):
        yield f"{kind}-{name}", {"tokenizer.json": whole, "tokenizer_config.json": dump({**config, **end})}
    v4 = {"tokenizer.json": whole, "tokenizer_config.json": dump(kinds["v4"])}
    yield "map-alone", v4 | {"special_tokens_map.json": dump({"eos_token": family.turn})}
    yield "map-object", v4 | {"special_tokens_map.json": dump({"eos_token": _token_entry(family.turn)})}
    yield (
        "map-differs",
        v4
        | {"tokenizer_config.json": dump({**kinds["v4"], **names["text"]})}
        | {"special_tokens_map.json": dump({"eos_token": family.turn})},
    )
    yield "no-config", {"tokenizer.json": whole}
    yield (
        "no-config-but-map",
        {"tokenizer.json": whole, "special_tokens_map.json": dump({"eos_token": family.turn})},
    )
    yield "malformed-config", {"tokenizer.json": whole, "tokenizer_config.json": b'{"eos_token": "<'}
    yield "nothing", {}
    yield (
        "decoder-alone",
        {"tokenizer.json": _tokenizer_json(family, added=False)}
        | {"tokenizer_config.json": dump({**kinds["v4"], **names["turn"]})},
    )
    generic = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": family.turn}
    yield (
        "not-added",
        {"tokenizer.json": _tokenizer_json(family, added=False), "tokenizer_config.json": dump(generic)},
    )
    yield (
        "unknown-class",
        {
            "tokenizer.json": whole,
            "tokenizer_config.json": dump({"tokenizer_class": "TokenizerOfMyOwn", "eos_token": family.turn}),
        },
    )


def _named(**templates: str) -> JsonValue:
    return [{"name": name, "template": template} for name, template in templates.items()]


_INLINE: Final[Mapping[str, JsonValue]] = {
    "": None,
    "inline": TEMPLATE,
    "inline-empty": "",
    "named": _named(default=TEMPLATE, tool_use=TEMPLATE + "t"),
    "named-without-default": _named(tool_use=TEMPLATE + "t", rag=TEMPLATE + "r"),
    "named-alone": _named(tool_use=TEMPLATE + "t"),
}
_FILES: Final[Mapping[str, Files]] = {
    "": {},
    "jinja": {"chat_template.jinja": (TEMPLATE + "{# file #}").encode()},
    "jinja-empty": {"chat_template.jinja": b""},
    "jinja-crlf": {"chat_template.jinja": (TEMPLATE + "\r\n{# file #}\r\n").encode()},
    "json": {"chat_template.json": dump({"chat_template": TEMPLATE + "{# json #}"})},
    "additional": {"additional_chat_templates/tool_use.jinja": (TEMPLATE + "t").encode()},
    "additional-default": {"additional_chat_templates/default.jinja": (TEMPLATE + "d").encode()},
}
_TEMPLATES: Final[Mapping[str, tuple[str, Sequence[str]]]] = {
    "none": ("", ()),
    **{name: (name, ()) for name in _INLINE if name},
    **{name: ("", (name,)) for name in _FILES if name},
    "both": ("inline", ("jinja",)),
    "inline-and-json": ("inline", ("json",)),
    "jinja-and-json": ("", ("jinja", "json")),
    "inline-and-additional": ("inline", ("additional",)),
    "jinja-and-additional": ("", ("jinja", "additional")),
}
"""What tokenizer_config.json says, and which files lie beside it."""


def _with_template(files: Files, place: str) -> Files:
    """``files`` with the chat templates of ``place``; nothing is put into a tokenizer_config.json that is no
    JSON.
    """
    name, beside = _TEMPLATES[place]
    out = dict(files)
    for file in beside:
        out |= _FILES[file]
    if name and out.get("tokenizer_config.json", b"").endswith(b"}\n"):
        config: dict[str, JsonValue] = json.loads(out["tokenizer_config.json"])
        out["tokenizer_config.json"] = dump({**config, "chat_template": _INLINE[name]})
    return out


_TOKENIZERS_FOR_STOPS: Final = ("v4-text", "v4-turn", "v5-text", "v4-generic-null")
_TOKENIZERS_FOR_TEMPLATES: Final = ("v4-text", "v4-generic-object", "v5-turn", "no-config")


def _config(kind: str, family: Family, values: JsonObject) -> bytes:
    config: dict[str, JsonValue] = {"model_type": kind, **family.config}
    if family.nested:
        text = values.get("text_config")
        own: JsonObject = text if isinstance(text, dict) else {}
        config["text_config"] = {"model_type": f"{kind}_text", **_SMALL, **own}
    return dump(config | {key: value for key, value in values.items() if key != "text_config"})


def _configs(kind: str, family: Family) -> Mapping[str, Files]:
    values: Mapping[str, JsonObject] = {**_CONFIG, **(_NESTED if family.nested else {})}
    return {name: {"config.json": _config(kind, family, value)} for name, value in values.items()}


def _generation(content: bytes | None) -> Files:
    return {} if content is None else {"generation_config.json": content}


def _of_family(kind: str, family: Family, keys: Sequence[str]) -> Iterator[Variant]:
    tokenizers = dict(_tokenizers(family))
    configs = _configs(kind, family)
    usual = configs["int"] | _generation(_GENERATION["list"])
    inline = {name: _with_template(files, "inline") for name, files in tokenizers.items()}
    for (g, content), (c, config), t in product(_GENERATION.items(), configs.items(), _TOKENIZERS_FOR_STOPS):
        yield Variant(
            f"{kind}/generation={g},config={c},tokenizer={t}", config | _generation(content) | inline[t]
        )
    for (c, raw), g in product(_BAD_CONFIG.items(), ("missing", "list", "malformed")):
        files = inline["v4-text"] | _generation(_GENERATION[g])
        bad: Files = {} if raw is None else {"config.json": raw.replace(b"%s", kind.encode())}
        yield Variant(f"{kind}/generation={g},config=bad-{c},tokenizer=v4-text", bad | files)
    for (t, files), g in product(inline.items(), ("missing", "list", "empty-object")):
        yield Variant(
            f"{kind}/generation={g},config=int,tokenizer={t}",
            configs["int"] | _generation(_GENERATION[g]) | files,
        )
    for t, place in product(_TOKENIZERS_FOR_TEMPLATES, _TEMPLATES):
        yield Variant(f"{kind}/tokenizer={t},template={place}", usual | _with_template(tokenizers[t], place))
    asked = json.loads(configs["int"]["config.json"])
    for name, lengthened in lengths(
        asked, inline["v4-text"], ("text_config", None) if family.nested else (None,)
    ):
        yield Variant(f"{kind}/{name}", lengthened)
    if kind in SENSES:
        for name, placed in places(kind, asked, tokenizers["v4-text"]):
            yield Variant(f"{kind}/{name}", placed)
    if kind == "qwen2":
        usual_files = inline["v4-text"]
        rares = (more(asked, usual_files), samplings(asked, usual_files), with_keys(asked, usual_files, keys))
        for name, rare in chain.from_iterable(rares):
            yield Variant(f"{kind}/{name}", rare)
    if kind in _OF_MISTRAL:
        yield from _of_mistral(kind)


def _hearing(kind: str) -> Iterator[Variant]:
    """Of a model that hears, where only the places of its template are asked."""
    text: dict[str, JsonValue] = {"model_type": "qwen2", **_SMALL}
    config: JsonObject = {
        "model_type": kind,
        "architectures": ["Qwen2AudioForConditionalGeneration"],
        "eos_token_id": END,
        "text_config": text,
        "audio_config": {"model_type": "qwen2_audio_encoder", "encoder_layers": 1},
    }
    tokenizers = dict(_tokenizers(FAMILIES["qwen2"]))
    for name, placed in places(kind, config, tokenizers["v4-text"]):
        yield Variant(f"{kind}/{name}", placed)


_OF_MISTRAL: Final[Mapping[str, str]] = {"llama": "LlamaForCausalLM", "mistral": "MistralForCausalLM"}
"""Model types that are asked with Mistral's own vocabulary: one has it for its usual one."""


def _of_mistral(kind: str) -> Iterator[Variant]:
    family = Family({"architectures": [_OF_MISTRAL[kind]], **_SMALL}, "LlamaTokenizer", "</s>", "[/INST]")
    config: JsonObject = {"model_type": kind, **family.config, "vocab_size": 282, "eos_token_id": 2}
    for name, files in tekkens(config, _tokenizer_json(family)):
        yield Variant(f"{kind}/{name}", files)


_FURTHER: Final[Mapping[str, Callable[[str], Iterator[Variant]]]] = {
    "qwen2_audio": _hearing,
    "mistral": _of_mistral,
}


def variants(kinds: Sequence[str] = (*FAMILIES, *_FURTHER), keys: Sequence[str] = ()) -> Iterator[Variant]:
    """All folders of the families called ``kinds``, and of each of ``keys``; a folder that two axes make
    comes once.
    """
    seen: set[str] = set()
    for kind in kinds:
        family = FAMILIES.get(kind)
        for variant in _FURTHER[kind](kind) if family is None else _of_family(kind, family, keys):
            if variant.name not in seen:
                seen.add(variant.name)
                yield variant


def spread(every: Sequence[Variant], number: int) -> Sequence[Variant]:
    """At most ``number`` of them, from all over."""
    taken = min(number, len(every))
    return [every[index * len(every) // taken] for index in range(taken)]


def write(folder: Path, variant: Variant) -> None:
    """Put ``variant`` into ``folder``."""
    write_all(folder.parent, {folder.name: variant})


def write_all(place: Path, chosen: Mapping[str, Variant]) -> None:
    """Put each of ``chosen`` into a folder of that name in ``place``.

    What several of them have is one file with several names: real vocabularies are large.
    """
    written: dict[int, Path] = {}
    for folder, variant in chosen.items():
        (place / folder).mkdir(parents=True, exist_ok=True)
        for name, content in variant.files.items():
            path = place / folder / name
            path.parent.mkdir(exist_ok=True)
            if id(content) in written and len(content) >= _LARGE:
                path.hardlink_to(written[id(content)])
            else:
                path.write_bytes(content)
                written[id(content)] = path
