"""Which official model a folder is by its own files: type, sizes, vocabulary, special ids and what siblings
differ in.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Final, NamedTuple

from genfix.catalogue.official import OfficialModel, official_models, read_models
from genfix.engines import read_eos
from genfix.json_types import JsonValue
from genfix.message import Message, text
from genfix.model import Model
from genfix.model.chat_template import rendered_form
from genfix.model.kin import is_composite, model_types
from genfix.model.sizes import agree, context_length, sizes


class Match(NamedTuple):
    """An official model of the folder's type, sizes and vocabulary."""

    row: OfficialModel
    agreed: tuple[str, ...]
    """Further facts that both state and that are equal."""
    differing: tuple[str, ...]
    """Those that are not."""


class Identity(NamedTuple):
    """What the catalogue says of a folder."""

    named: OfficialModel | None
    """The one model whose every fact the folder has."""
    matches: tuple[Match, ...]
    """All of equal type, sizes and vocabulary, the likest first."""


def identify(model: Model) -> Identity:
    """Compare a folder with the catalogue. Weights are not asked."""
    ours = sizes(model)
    types, facts = model_types(model), facts_of(model)
    found = [
        _match(facts, row)
        for row in read_models()
        if row.type is not None and row.type.removesuffix("_text") in types and agree(ours, row.sizes)
    ]
    found.sort(key=lambda match: (len(match.differing), -len(match.agreed), match.row.id))
    alike = [match for match in found if not match.differing]
    by_template = [match for match in alike if "template" in match.agreed]
    one = by_template or alike
    is_one = len(one) == 1 and (_is_telling(one[0], facts) or not unread_relatives(one[0].row))
    return Identity(one[0].row if is_one else None, tuple(found))


def _match(ours: Mapping[str, JsonValue], row: OfficialModel) -> Match:
    both = [name for name in row.facts if ours.get(name) is not None and row.facts[name] is not None]
    equal = tuple(name for name in both if ours[name] == row.facts[name])
    differing = {*both} - {*equal} - _CHOSEN
    if "template" in equal and _is_part(ours["stops"], row.facts.get("stops")):
        differing -= {"stops"}  # what merges do to it
    return Match(row, equal, tuple(name for name in both if name in differing))


def _is_part(ours: JsonValue, theirs: JsonValue) -> bool:
    return isinstance(ours, list) and isinstance(theirs, list) and all(stop in theirs for stop in ours)


def _is_telling(match: Match, facts: Mapping[str, JsonValue]) -> bool:
    """Whether something agreed in which relatives of equal sizes differ: the chat template, the stop set, or
    the whole table of tokens with RoPE and with an EOS that is a set.
    """
    agreed = {*match.agreed}
    eos = facts["eos"]
    is_chat = isinstance(eos, list) and len(eos) > 1 and agreed >= {"eos", "tokens", "theta"}
    return is_chat or not agreed.isdisjoint({"template", "stops"})


_CHOSEN: Final = frozenset({"sampling"})
"""What anybody may choose: it tells no model from another."""


def unread_relatives(row: OfficialModel) -> tuple[str, ...]:
    """Models of the same family and size of which only the names are known: their facts may be equal."""
    ours = _family(row.id)
    return tuple(
        other.id for other in official_models() if other.type is None and ours.is_near(_family(other.id))
    )


class _Family(NamedTuple):
    """What a name tells of a model's relatives."""

    words: frozenset[str]
    sizes: frozenset[str]

    def is_near(self, other: "_Family") -> bool:
        """Whether both share a word of their family, and the number of parameters."""
        return not self.words.isdisjoint(other.words) and not self.sizes.isdisjoint(other.sizes)


@cache
def _family(model_id: str) -> _Family:
    parts = re.split(r"[-_/]+", model_id.rpartition("/")[2].lower())
    sizes = frozenset(part for part in parts if re.fullmatch(r"(?:\d+x)?\d+(?:\.\d+)?[bm]", part))
    words = (re.match(r"[a-z]+", part) for part in parts if part not in sizes)
    return _Family(frozenset(word[0] for word in words if word and len(word[0]) > 2) - _COMMON, sizes)


_COMMON: Final = frozenset(
    [
        *("instruct", "chat", "base", "preview", "thinking", "distill", "awq", "gptq", "fp", "int", "bit"),
        *("mini", "small", "large", "lite", "pro", "coder", "math", "code", "vision", "omni", "meta", "hf"),
    ]
)
"""Words in many families' names."""


def facts_of(model: Model) -> Mapping[str, JsonValue]:
    """What a folder says of itself beside its sizes; `None` where it says nothing.

    Of the chat template and the table of added tokens the digest is kept.
    """
    settings = model.generation_config.value
    template = model.chat_template
    return {
        "context": context_length(model),
        "bos": _ids(model, "bos_token_id"),
        "eos": _ids(model, "eos_token_id"),
        "stops": _sorted(read_eos(settings).ids) if settings is not None else None,
        "sampling": {key: settings[key] for key in _SAMPLING if settings.get(key) is not None}
        if settings
        else None,
        "theta": _theta(model),
        "epsilon": _number(model, "rms_norm_eps", "layernorm_epsilon", "layer_norm_eps"),
        "window": _number(model, "sliding_window"),
        "composite": is_composite(model),
        "quantised": model.config_value("quantization_config") is not None,
        "template": _digest(rendered_form(template.text)) if template is not None else None,
        "tokens": _digest(json.dumps(sorted(model.tokenizer.ids.items()))) if _tells_tokens(model) else None,
    }


_SAMPLING: Final = (
    *("do_sample", "temperature", "top_p", "top_k", "min_p", "repetition_penalty", "presence_penalty"),
)


def _tells_tokens(model: Model) -> bool:
    """Whether the whole table of added tokens is here: `tokenizer.model` has a part of it only."""
    return bool(model.tokenizer_head.get("added_tokens")) or "added_tokens_decoder" in model.tokenizer_config


def _ids(model: Model, key: str) -> JsonValue:
    return _sorted(read_eos({key: model.config_value(key)}, key).ids)


def _sorted(ids: Iterable[int]) -> JsonValue:
    return [*sorted(ids)] or None


def _number(model: Model, *keys: str) -> JsonValue:
    values = (model.config_value(key) for key in keys)
    return next((value for value in values if type(value) in {int, float}), None)


def _theta(model: Model) -> int | float | None:
    """The base of RoPE; 0 where ``config.json`` leaves it to the class."""
    value = model.config_value("rope_theta")
    if value is None:
        value = model.config_value("rope_ratio")  # ChatGLM's
    for key in ("rope_parameters", "rope_scaling"):
        part = model.config_value(key)
        if value is None and isinstance(part, dict):
            value = part.get("rope_theta")
    if isinstance(value, int | float):
        return value  # as it is: no float has hundreds of digits
    return 0.0 if model.config else None


def _digest(said: str) -> str:
    return hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def described(names: tuple[str, ...]) -> Iterator[Message]:
    """What facts are called."""
    for name in names:
        if name in _NAMES:
            yield _NAMES[name]


_NAMES: Final[Mapping[str, Message]] = {
    "context": text("context length"),
    "bos": text("special ids"),
    "eos": text("EOS in config.json"),
    "stops": text("stop set"),
    "theta": text("RoPE"),
    "window": text("sliding window"),
    "template": text("chat template"),
    "tokens": text("added tokens"),
}
