"""What llama.cpp's converter takes from a folder, and why it gives up.

Read in llama.cpp b11312: convert_hf_to_gguf.py, conversion/base.py, glm.py, chatglm.py, gemma.py, phi.py;
gguf-py/gguf/vocab.py (``SpecialVocab``), metadata.py (sampling), gguf_writer.py. Its environment has
transformers 4.57.6.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from typing import Final, NamedTuple

from genfix.engines.shared.config_object import class_defaults
from genfix.engines.shared.loaders import loaders
from genfix.engines.shared.view import Problem
from genfix.engines.shared.wording import (
    UNREADABLE_GENERATION_CONFIG,
    missing_file,
    refused_value,
    unreadable_value,
)
from genfix.folder.folder import FolderFileError
from genfix.json_types import JsonObject, JsonValue
from genfix.jsontext.json_read import JsonProblem, JsonProblemKind
from genfix.message import message
from genfix.model import Model
from genfix.model.tokenizer import NAMED_TOKENS, first_special, token_text

_SPECIAL: Final = ("bos", "eos", "unk", "sep", "pad", "cls", "mask")
_END: Final = "<|endoftext|>"
_USER: Final = "<|user|>"
_FALLBACK: Final[Mapping[str, str]] = {"eos": _END, "eot": _USER}
_NEWER: Final[Mapping[str, str]] = {"eot": _USER, "eom": "<|observation|>"}
_CHATGLM: Final = ("GlmForCausalLM", "ChatGLMModel", "ChatGLMForConditionalGeneration")
_BY_CLASS: Final[Mapping[str, Mapping[str, str]]] = {
    **dict.fromkeys(
        ("Glm4ForCausalLM", "Glm4vForConditionalGeneration", "GlmOcrForConditionalGeneration", *_CHATGLM),
        _FALLBACK,
    ),
    **dict.fromkeys(
        (
            "Glm4MoeForCausalLM",
            "Glm4vMoeForConditionalGeneration",
            "Glm4MoeLiteForCausalLM",
            "GlmMoeDsaForCausalLM",
            "Glm5NextForConditionalGeneration",
        ),
        _NEWER,
    ),
    "SolarOpenForCausalLM": {"eos": _END, "eot": _END},
}
"""By class, the tokens that are set where the files set none; without one of them the converter gives up."""
_SENTENCEPIECE: Final = frozenset(
    ["Phi3ForCausalLM", "Phi4ForCausalLMV", "GemmaForCausalLM", "Gemma2ForCausalLM"]
)
"""Classes that need tokenizer.model."""
_GPT2: Final = "GPT2Tokenizer"
"""The tokenizer class with which Phi needs none."""
_LENGTHS: Final = (
    "max_position_embeddings",
    "n_ctx",
    "n_positions",
    "max_length",
    "max_sequence_length",
    "model_max_length",
)
_PARTS: Final = ("llm_config", "lm_config", "language_config", "text_config")
_TYPES: Final[Mapping[str, type]] = {
    "sequence": str,
    "top_k": int,
    "top_p": float,
    "min_p": float,
    "xtc_probability": float,
    "xtc_threshold": float,
    "temperature": float,
    "penalty_last_n": int,
    "repetition_penalty": float,
    "mirostat": int,
    "mirostat_tau": float,
    "mirostat_eta": float,
}
_INT32: Final = 2**31
_UINT32: Final = 2**32


class Special(NamedTuple):
    """Ids in the GGUF by their kind, and the first thing the converter cannot take."""

    ids: Mapping[str, int]
    by_class: tuple[int, ...] = ()
    """Those of them that the class sets."""
    problem: Problem | None = None


def architecture(model: Model) -> str | None:
    """The class by which the converter goes: the text part's own, else the top's."""
    for config in (_text_part(model), model.config):
        names = config.get("architectures")
        if isinstance(names, list) and names and isinstance(names[0], str):
            return names[0]
    return None


def _text_part(model: Model) -> JsonObject:
    part: JsonValue = next((model.config[key] for key in _PARTS if key in model.config), None)
    return part if isinstance(part, dict) else {}


def special_ids(model: Model) -> Special:
    """Special tokens: of tokenizer_config.json by their text, else the numbers of config.json, else those of
    the class.
    """
    found: dict[str, int] = {}
    names = _token_names(model)
    ids = _added_ids(model, {*names.values()})
    for kind in _SPECIAL:
        if names.get(kind) in ids:
            found[kind] = ids[names[kind]]
    nested = model.config.get("text_config")
    for kind in _SPECIAL:
        key = f"{kind}_token_id"
        number = model.config.get(key)
        if number is None and isinstance(nested, dict):
            number = nested.get(key)
        if isinstance(number, int):
            if number < 0:
                return Special(found, problem=refused_value(key))
            found.setdefault(kind, int(number))
    added: list[int] = []
    for kind, text in _BY_CLASS.get(architecture(model) or "", {}).items():
        if text not in model.tokenizer.ids:
            return Special(found, problem=_token_needed(text))
        if kind not in found:
            found[kind] = model.tokenizer.ids[text]
            added.append(found[kind])
    return Special(found, tuple(added))


def adds_bos(model: Model) -> bool | None:
    """Whether the GGUF has the runtime put a BOS in front of a text; `None` where the files do not say.

    What ``tokenizer.json`` does after cutting a text comes first, then the flag of tokenizer_config.json.
    """
    found: bool | None = None
    names = _token_names(model)
    processor = model.tokenizer_head.get("post_processor")
    steps = processor.get("processors", [processor]) if isinstance(processor, dict) else []
    for step in steps if isinstance(steps, list) else []:
        kind = step.get("type") if isinstance(step, dict) else None
        if not isinstance(step, dict) or kind not in ("ByteLevel", "TemplateProcessing", "RobertaProcessing"):
            continue
        first = first_special(step)
        if kind == "RobertaProcessing":
            found = True
        elif kind == "ByteLevel" and found is None:
            found = False
        elif first is not None:
            # Where one of the two is not named, it is the first token by that very template.
            known = (names.get("bos"), names.get("cls"))
            found = first in known or None in known
    flag = model.tokenizer_config.get("add_bos_token")
    return found if found is not None or not isinstance(flag, bool) else flag


def _token_needed(text: str) -> Problem:
    return Problem(
        message(
            "engine-cannot-find-token",
            "its converter needs the token {token}, which is no added token here",
            token=text,
        )
    )


def _token_names(model: Model) -> Mapping[str, str]:
    """Texts of the named tokens, by their kind; an EOS that is not named is the separator."""
    config = model.tokenizer_config
    names = {key.removesuffix("_token"): token_text(config.get(key)) for key in NAMED_TOKENS}
    for kind, other in (("bos", "cls"), ("eos", "sep")):
        if not config.get(f"{kind}_token"):
            names[kind] = names.get(other)
    return {kind: text for kind, text in names.items() if text is not None}


def _added_ids(model: Model, wanted: Collection[str]) -> Mapping[str, int]:
    """Those of tokenizer.json's added tokens that are ``wanted``; nothing else is looked through."""
    entries = model.tokenizer_head.get("added_tokens")
    ids: dict[str, int] = {}
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, dict):
            text, number = entry.get("content"), entry.get("id")
            if isinstance(text, str) and text in wanted and type(number) is int:
                ids.setdefault(text, number)
    return ids


def vocabulary_problems(model: Model) -> Iterator[Problem]:
    """Classes whose vocabulary the converter makes of a SentencePiece file alone."""
    name = architecture(model)
    if name not in _SENTENCEPIECE or model.has("tokenizer.model"):
        return
    if name.startswith("Phi") and model.tokenizer_config.get("tokenizer_class") == _GPT2:
        return
    yield missing_file("tokenizer.model")


def context_length(model: Model) -> JsonValue:
    """The length as the converter finds it, of whatever type; `None` where there is none or it is
    not known.
    """
    if architecture(model) in _CHATGLM:
        return model.config.get("seq_length", model.config.get("hidden_size"))
    for key in _LENGTHS:
        found = list(_hparam(model, key))
        if found:
            return found[0]
        if key == "n_positions" and _is_native(model):
            return None  # the config object has a max_length of its own, or the class another default
    return None


def _hparam(model: Model, key: str) -> Iterator[JsonValue]:
    """What ``hparams`` have for ``key``: nothing, or one value; the text part lies over the top, with its
    defaults.
    """
    config, part = model.config, _text_part(model)
    kind = config.get("model_type")
    defaults = class_defaults(4).get(kind, {}) if isinstance(kind, str) and _is_native(model) else {}
    text_kind = part.get("model_type") or defaults.get("text")
    text_defaults: JsonObject = (
        class_defaults(4).get(text_kind, {}) if defaults and isinstance(text_kind, str) else {}
    )
    order = (part, text_defaults, config, defaults) if part else (config, text_defaults, defaults)
    yield from (values[key] for values in order if key in values)


def _is_native(model: Model) -> bool:
    return model.model_type in loaders(4).model_types


def converted_values(model: Model, name: str) -> dict[str, JsonValue]:
    """What a GGUF of the folder has to say of tokens, template and length, by its keys; ``name`` is that of
    the architecture in the GGUF.
    """
    template = model.chat_template
    found: dict[str, JsonValue] = {
        f"tokenizer.ggml.{_KEYS.get(kind, kind)}_token_id": number
        for kind, number in special_ids(model).ids.items()
    }
    found |= {
        "tokenizer.ggml.add_bos_token": adds_bos(model),
        "tokenizer.chat_template": template.text if template is not None else None,
        f"{name}.context_length": context_length(model),
    }
    return {key: value for key, value in found.items() if value is not None}


_KEYS: Final[Mapping[str, str]] = {"unk": "unknown", "sep": "seperator", "pad": "padding"}
"""Kinds of tokens that have another name in a GGUF (gguf-py, constants.py)."""


class Sampling(NamedTuple):
    """Settings that go into the GGUF, by the names they have in generation_config.json."""

    values: JsonObject
    problem: Problem | None = None


def sampling_settings(model: Model) -> Sampling:
    """generation_config.json, which may be no JSON at all; JSON that is no object ends the conversion."""
    file = model.generation_config
    settings = file.value or {}
    if file.unreadable and not _is_passed_over(model):
        return Sampling({}, UNREADABLE_GENERATION_CONFIG)
    if settings.get("penalty_repeat") is not None:
        settings = {**settings, "repetition_penalty": settings["penalty_repeat"]}
    values: dict[str, JsonValue] = {}
    for key, kind in _TYPES.items():
        value = settings.get(key)
        if value is None:
            continue
        if not _fits(value, kind):
            return Sampling(values, unreadable_value(key, file.name))
        values[key] = value
    return Sampling(values)


def _is_passed_over(model: Model) -> bool:
    file = model.generation_config
    if not isinstance(file.problem, JsonProblem):
        return False
    if file.problem.kind is JsonProblemKind.NOT_AN_OBJECT:
        try:  # null and an empty list are as good as nothing
            return not json.loads(model.folder.read(file.name))
        except (FolderFileError, ValueError):
            return False
    return file.problem.kind in {JsonProblemKind.SYNTAX, JsonProblemKind.EMPTY, JsonProblemKind.BOM}


def _fits(value: JsonValue, kind: type) -> bool:
    if kind is str:
        return isinstance(value, str)
    if kind is int:
        return isinstance(value, int) and -_INT32 <= value < _INT32
    return isinstance(value, int | float)


def is_length(value: JsonValue) -> bool:
    """Whether a length can be written at all."""
    return isinstance(value, int) and 0 <= value < _UINT32
