"""llama.cpp: a GGUF that its converter makes of the folder, and the runtime that reads it.

Read in b11312 (commit 0c1e57098), converted there and opened by the library of b11549; the parts are in
`genfix.engines.gguf_converter` and `genfix.engines.gguf_ends`.
"""

import hashlib
from collections.abc import Iterator
from typing import Final

from genfix.engines import transformers4
from genfix.engines.gguf_converter import (
    architecture,
    context_length,
    is_length,
    sampling_settings,
    special_ids,
    vocabulary_problems,
)
from genfix.engines.gguf_ends import USUAL_EOS, ends_by_text
from genfix.engines.shared.common import joined
from genfix.engines.shared.engine import Engine
from genfix.engines.shared.release import NEWEST, Release
from genfix.engines.shared.view import Effect, EngineView, Problem, TemplateSource
from genfix.folder.kinds import CONFIG, TOKENIZER_CONFIG
from genfix.json_types import JsonValue
from genfix.message import Message, message
from genfix.model import Model
from genfix.model.chat_template import JINJA_FILE

_ID: Final = "llama.cpp"
_VERSION: Final = "b11312"
_OLDEST: Final = "b11312"

_TOKENIZER: Final = frozenset(
    [
        "engine-cannot-find-config",
        "engine-cannot-read-config",
        "engine-cannot-read-tokenizer-config",
        "engine-cannot-find-tokenizer",
        "engine-cannot-read-tokenizer",
        "engine-cannot-read-template",
        "engine-cannot-find-class",
        "engine-cannot-read-list",
        "engine-cannot-take-token",
        "engine-has-no-vocabulary",
    ]
)
"""Problems of transformers 4 that the converter meets too: it loads the tokenizer by it."""
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
        trace.append(message("trace-end-by-text", "tokens that end by their text give {ids}", ids=[*by_text]))
    turn = [special.ids[kind] for kind in ("eot", "eom") if kind in special.ids]
    return EngineView(
        _ID,
        _VERSION,
        stop_token_ids=joined([eos], turn, by_text),
        sampling=sampling.values,
        chat_template=_template(model),
        context_length=int(length) if isinstance(length, int) else None,
        problems=tuple(_problems(model, eos, special.problem, sampling.problem)),
        trace=tuple(trace),
    )


def _problems(model: Model, eos: int, *found: Problem | None) -> Iterator[Problem]:
    yield from (problem for problem in transformers4.view(model).problems if problem.id in _TOKENIZER)
    yield from vocabulary_problems(model)
    if model.config and architecture(model) is None:
        yield Problem(message("engine-cannot-tell-architecture", "config.json names no architecture"))
    yield from filter(None, found)
    length = context_length(model)
    if length is not None and not is_length(length):
        yield Problem(
            message(
                "engine-cannot-take-value",
                "it does not take the value of {key} in config.json",
                key="max_position_embeddings",
            )
        )
    if model.json(_LEGACY).unreadable and not model.has(JINJA_FILE):
        yield Problem(message("engine-cannot-read-file", "{file} cannot be read", file=_LEGACY))
    if eos == USUAL_EOS and model.tokenizer.is_known:
        yield Problem(
            message("engine-has-no-eos", "no EOS is found, so the runtime takes a fixed id of its own"),
            Effect.UNCERTAIN,
        )


def _told(model: Model, eos: int) -> Message:
    name = model.tokenizer.eos_token
    if name is not None and model.tokenizer.ids.get(name) == eos:
        return message(
            "trace-tokenizer-eos", "the tokenizer's EOS {token} gives {ids}", token=name, ids=[eos]
        )
    return message("trace-stop-from", "{file} gives {ids}", file=CONFIG, ids=[eos])


def _template(model: Model) -> TemplateSource | None:
    """tokenizer_config.json's, whatever stands there; only where it has no such key, another file's."""
    config = model.tokenizer_config
    if not config:
        return None
    file, value = TOKENIZER_CONFIG, config.get("chat_template")
    if "chat_template" not in config and model.has(JINJA_FILE):
        text = model.jinja.text
        file, value = JINJA_FILE, text and text.replace("\r\n", "\n").replace("\r", "\n")
    elif "chat_template" not in config:
        file, value = _LEGACY, model.object(_LEGACY).get("chat_template")
    text = _default(value)
    if not text:
        return None
    return TemplateSource(file, hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest())


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
