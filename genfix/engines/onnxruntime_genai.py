"""ONNX Runtime GenAI: what its model builder writes into ``genai_config.json``, all that the runtime reads.

Read and run (``config_only``) in onnxruntime-genai 0.18.0: models/builder.py (``get_hf_details``),
models/builders/base.py (``make_genai_config``, ``resolve_special_token_ids``, ``save_processing``). It loads
config, tokenizer and generation config by transformers 5.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from genfix.engines.shared.common import architecture, joined
from genfix.engines.shared.config_object import object_value
from genfix.engines.shared.engine import Engine
from genfix.engines.shared.generating import setting_problems
from genfix.engines.shared.hf_loading import auto_problems
from genfix.engines.shared.loaded_eos import loaded_eos
from genfix.engines.shared.release import NEWEST, Release
from genfix.engines.shared.rope_loading import NEW, OLD, RopeTraits, rope_traits
from genfix.engines.shared.templates import template_source
from genfix.engines.shared.text_part import TextPart, text_part
from genfix.engines.shared.view import EngineView, Problem, TemplateSource
from genfix.engines.shared.weight_formats import weight_problems
from genfix.engines.shared.wording import (
    NO_ARCHITECTURE,
    refused_value,
    stop_from,
    stop_of_class,
    stop_of_tokenizer,
)
from genfix.folder.kinds import CONFIG
from genfix.json_types import JsonObject, JsonValue
from genfix.message import Message, message
from genfix.model import Model

_ID: Final = "onnxruntime-genai"
_VERSION: Final = "0.18.0"

_OVERRIDES: Final[Mapping[str, JsonValue]] = {
    "do_sample": False,
    "eos_token_id": None,
    "pad_token_id": None,
    "temperature": 1.0,
    "top_k": 50,
    "top_p": 1.0,
}
"""Keys of generation_config.json that count, in the order in which they are set; each with the value that is
passed over.

The builder's own sampling defaults come of these; what config.json says of sampling, transformers 5 drops.
"""
_ROPES: Final = frozenset(["default", "linear", "yarn"])
"""Types of RoPE that its builders can write (``make_rope_init``)."""
_ANY_ROPE: Final = frozenset(
    ["HunYuanDenseV1ForCausalLM", "LlamaForCausalLM", "NemotronForCausalLM", "SmolLM3ForCausalLM"]
)
"""Architectures whose builder can write one more, and passes over all that it does not know."""
_PHI3: Final = "Phi3ForCausalLM"
_ORIGINAL: Final = 4096
"""Of Phi-3's class, for either length that config.json does not tell."""
_SECTIONS: Final = frozenset(["qwen2_5_vl_text", "qwen2_vl_text"])
"""Whose class makes ``default`` of ``mrope``."""
_IDS: Final = frozenset(["eos_token_id", "pad_token_id"])
"""Of these, the ones whose type the config object checks: on another nothing further is set."""
_SAMPLING: Final = ("do_sample", "temperature", "top_k", "top_p")
_NO_EOS: Final = Problem(
    message("engine-cannot-find-eos", "no file gives an eos_token_id, and the tokenizer has no EOS")
)


def view(model: Model, version: Release = NEWEST) -> EngineView:  # noqa: ARG001 - one behaviour is known
    """The tokenizer's EOS, and generation_config.json's ids where there are any, else the config object's."""
    overrides = _overrides(model)
    own = loaded_eos(model)
    ids, trace = _ids(model, overrides)
    if own is not None:
        trace = (*trace, stop_of_tokenizer(model.tokenizer.eos_token, own))
    return EngineView(
        _ID,
        _VERSION,
        stop_token_ids=joined([] if own is None or own in ids else [own], ids),
        sampling={key: overrides[key] for key in _SAMPLING if key in overrides},
        chat_template=_template(model),
        context_length=_context_length(text_part(model)),
        problems=(
            *auto_problems(model, 5),
            *_rope_problems(model, text_part(model)),
            *weight_problems(model, _ID),
            *_problems(model, has_eos=own is not None or _names_an_end(model, overrides)),
        ),
        trace=trace,
    )


def _overrides(model: Model) -> JsonObject:
    """What generation_config.json puts in the place of config.json's; any error in it is passed over."""
    file = model.generation_config
    settings = file.value or {}
    if setting_problems(file, settings):
        return {}
    found: dict[str, JsonValue] = {}
    for key, passed_over in _OVERRIDES.items():
        value = settings.get(key)
        if value is None or value == passed_over:
            continue
        if key in _IDS and not _is_id(value):
            break
        found[key] = value
    return found


def _is_id(value: JsonValue) -> bool:
    entries = value if isinstance(value, list) else [value]
    return all(type(entry) is int for entry in entries)


def _ids(model: Model, overrides: JsonObject) -> tuple[tuple[int, ...], tuple[Message, ...]]:
    if "eos_token_id" in overrides:
        ids = _as_ids(overrides["eos_token_id"])
        return ids, (stop_from(model.generation_config.name, ids),)
    found = object_value(model, "eos_token_id", 5)
    ids = _as_ids(found.value)
    if not ids:
        return (), ()
    return ids, (stop_of_class(ids) if found.is_default else stop_from(CONFIG, ids),)


def _names_an_end(model: Model, overrides: JsonObject) -> bool:
    """Whether a file or the class does, be it by a number that is no id; or a list with nothing in it, which
    needs a pad token.
    """
    value = overrides.get("eos_token_id", object_value(model, "eos_token_id", 5).value)
    if value == []:
        pads = (overrides.get("pad_token_id"), object_value(model, "pad_token_id", 5).value)
        return any(pad is not None for pad in (*pads, model.tokenizer_config.get("pad_token")))
    return value is not None


def _as_ids(value: JsonValue) -> tuple[int, ...]:
    entries = value if isinstance(value, list) else [value]
    return tuple(dict.fromkeys(entry for entry in entries if type(entry) is int and entry >= 0))


def _template(model: Model) -> TemplateSource | None:
    """The tokenizer's, which the builder saves anew; a processor's files are not asked."""
    found = template_source(model)
    return None if found is None or found.source.endswith("template.json") else found


def _context_length(part: TextPart) -> int | None:
    value = part.get("seq_length")
    if value is None and "seq_length" not in part.values:  # a null there is none, too
        value = part.get("max_position_embeddings")
    return value if type(value) is int else None


def _rope_problems(model: Model, part: TextPart) -> Iterator[Problem]:
    """A type of RoPE that the builder of this architecture cannot write, of those that classes take."""
    traits = rope_traits(part.kind, 5) or RopeTraits()
    if part.refused_rope is not None or not traits.has_field or traits.way in {"layers", "raw"}:
        return  # no RoPE, or one for each type of layer, which builders of their own read
    # One for each type of layer is none at all for a class that knows no such types.
    rope = {} if part.rope_by_layer else next(iter(part.ropes or ()), {})
    kind = str(rope.get("rope_type", rope.get("type", "default")))
    if kind == "mrope" and part.kind in _SECTIONS:
        kind = "default"
    name = architecture(model)
    if name == _PHI3 and _is_long(part.values):
        written = kind in {"longrope", "su", "yarn"} and "type" in rope
    else:
        written = (kind in _ROPES or name in _ANY_ROPE) and not (part.rope_by_layer and traits.layers)
    if not written:
        given = (key for key in (OLD, NEW) if part.values.get(key))
        yield refused_value(next(given, "max_position_embeddings"))


def _is_long(config: JsonObject) -> bool:
    """Whether the builder takes a Phi-3 for one with LongRoPE: its length is not its original one."""
    lengths = ("max_position_embeddings", "original_max_position_embeddings")
    return len({str(config.get(key, _ORIGINAL)) for key in lengths}) > 1


def _problems(model: Model, *, has_eos: bool) -> Iterator[Problem]:
    if model.json(CONFIG).value is not None and architecture(model) is None:
        yield NO_ARCHITECTURE
    if not has_eos:
        yield _NO_EOS


ENGINE: Final = Engine(
    _ID, "ONNX Runtime GenAI", _VERSION, _VERSION, view, server=None, shows_tokens=False, by_default=False
)
