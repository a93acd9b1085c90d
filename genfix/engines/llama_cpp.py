"""llama.cpp: a GGUF that its converter makes of the folder, and the runtime that reads it.

Read in b11312 (commit 0c1e57098), converted there and opened by the library of b11549; the parts are in
`genfix.engines.gguf_converter`, `genfix.engines.gguf_rope` and `genfix.engines.gguf_ends`.
"""

from collections.abc import Iterator
from typing import Final

from genfix.engines.gguf_converter import (
    architecture,
    context_length,
    is_length,
    sampling_settings,
    special_ids,
    vocabulary_problems,
)
from genfix.engines.gguf_ends import USUAL_EOS, ends_by_text
from genfix.engines.gguf_rope import refused_by_converter
from genfix.engines.shared.common import joined
from genfix.engines.shared.engine import Engine
from genfix.engines.shared.hf_loading import Loads, auto_problems, limit_problems
from genfix.engines.shared.release import NEWEST, Release
from genfix.engines.shared.view import Effect, EngineView, Problem, TemplateSource
from genfix.engines.shared.weight_formats import weight_problems
from genfix.engines.shared.wording import (
    NO_ARCHITECTURE,
    refused_value,
    stop_by_text,
    stop_from,
    stop_of_tokenizer,
    unreadable_file,
)
from genfix.engines.transformers4 import class_problems
from genfix.folder.kinds import ADDITIONAL_TEMPLATES, CONFIG, FAST_TOKENIZER, TOKENIZER_CONFIG
from genfix.json_types import JsonValue
from genfix.message import Message, message
from genfix.model import Model
from genfix.model.chat_template import JINJA_FILE
from genfix.model.line_ends import as_read

_ID: Final = "llama.cpp"
_VERSION: Final = "b11312"
_OLDEST: Final = "b11312"

_LEGACY: Final = "chat_template.json"


def view(model: Model, version: Release = NEWEST) -> EngineView:  # noqa: ARG001 - one behaviour is known
    """One EOS, of the tokenizer or a number of config.json, and tokens that end by their text."""
    trace: list[Message] = []
    special, sampling, length = special_ids(model), sampling_settings(model), context_length(model)
    eos, rows = special.ids.get("eos"), model.config_value("vocab_size")
    if eos is None or (isinstance(rows, int) and eos >= rows):
        eos = USUAL_EOS
    else:
        trace.append(_told(model, eos))
    if special.by_class:
        trace.append(
            message("trace-end-of-class", "the converter of this class adds {ids}", ids=[*special.by_class])
        )
    by_text = ends_by_text(model.tokenizer.ids)
    if by_text:
        trace.append(stop_by_text(by_text))
    turn = [special.ids[kind] for kind in ("eot", "eom") if kind in special.ids]
    return EngineView(
        _ID,
        _VERSION,
        stop_token_ids=joined([eos], turn, by_text),
        sampling=sampling.values,
        chat_template=_template(model),
        context_length=int(length) if isinstance(length, int) else None,
        problems=tuple(_problems(model, eos, length, special.problem, sampling.problem)),
        trace=tuple(trace),
    )


def _problems(model: Model, eos: int, length: JsonValue, *found: Problem | None) -> Iterator[Problem]:
    yield from auto_problems(model, 4, loads=Loads.TOKENIZER)  # the converter loads it by transformers 4
    yield from class_problems(model, NEWEST)
    yield from vocabulary_problems(model)
    if model.has(FAST_TOKENIZER):  # with which the converter tries what it knows vocabularies by
        yield from limit_problems(model)
    yield from weight_problems(model, _ID)
    if model.config and architecture(model) is None:
        yield NO_ARCHITECTURE
    yield from filter(None, found)
    if length is not None and not is_length(length):
        yield refused_value()
    rope = refused_by_converter(model)
    if rope is not None:
        yield refused_value(rope)
    if model.json(_LEGACY).unreadable and not model.has(JINJA_FILE):
        yield unreadable_file(_LEGACY)
    if eos == USUAL_EOS and model.tokenizer.is_known:
        yield Problem(
            message("engine-has-no-eos", "no EOS is found, so the runtime takes a fixed id of its own"),
            Effect.UNCERTAIN,
        )


def _told(model: Model, eos: int) -> Message:
    name = model.tokenizer.eos_token
    if name is not None and model.tokenizer.ids.get(name) == eos:
        return stop_of_tokenizer(name, eos)
    return stop_from(CONFIG, [eos])


def _template(model: Model) -> TemplateSource | None:
    """tokenizer_config.json's, whatever stands there; only where it has no such key, another file's."""
    config = model.tokenizer_config
    if not config:
        return None
    file, value = TOKENIZER_CONFIG, config.get("chat_template")
    if "chat_template" not in config and model.has(JINJA_FILE):
        additional = f"{ADDITIONAL_TEMPLATES}default.jinja"  # which has the same name, and comes later
        file, value = JINJA_FILE, as_read(model.jinja.text or "")
        if model.has(additional):
            file, value = additional, as_read(model.folder.read(additional).decode("utf-8", "replace"))
    elif "chat_template" not in config:
        file, value = _LEGACY, model.object(_LEGACY).get("chat_template")
    text = _default(value)
    return TemplateSource.of(file, text) if text else None


def _default(value: JsonValue) -> str | None:
    if isinstance(value, list):
        named = [
            entry.get("template")
            for entry in value
            if isinstance(entry, dict) and entry.get("name") == "default"
        ]
        value = named[-1] if named else None
    return value if isinstance(value, str) else None


ENGINE: Final = Engine(_ID, "llama.cpp", _VERSION, _OLDEST, view, server="llamacpp", shows_tokens=False)
