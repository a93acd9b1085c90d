"""Ollama: a folder of safetensors that is imported (``ollama create``), and then runs as a GGUF in llama.cpp.

Read in Ollama fb3076099, and not run: convert/tokenizer.go (``parseTokenizer``), convert/convert.go
(``LoadModelMetadata``), convert/convert_glm4moelite.go, convert/convert_gptoss.go. What the GGUF says then
goes through llama.cpp's own code, which `gguf_ends` follows. Its runner for MLX reads the files themselves,
in another order: x/tokenizer/tokenizer_load.go.
"""

from collections.abc import Iterator
from typing import Final

from genfix.engines.gguf_ends import USUAL_EOS, ends_by_text
from genfix.engines.shared.common import architecture, joined
from genfix.engines.shared.engine import Engine
from genfix.engines.shared.eos import read_eos
from genfix.engines.shared.release import NEWEST, Release
from genfix.engines.shared.view import Effect, EngineView, Problem, TemplateSource
from genfix.engines.shared.weight_formats import weight_problems
from genfix.engines.shared.wording import (
    NO_ARCHITECTURE,
    NO_TOKENIZER,
    missing_file,
    stop_by_text,
    stop_from,
    stop_of_class,
    stop_of_tokenizer,
    unreadable_file,
)
from genfix.folder.kinds import CONFIG, FAST_TOKENIZER, TOKENIZER_CONFIG
from genfix.json_types import JsonValue
from genfix.message import Message, message
from genfix.model import Model
from genfix.model.tokenizer import token_text

_ID: Final = "ollama"
_VERSION: Final = "0.32"

_LISTED: Final = "Glm4MoeLiteForCausalLM"
"""The class that makes its second and third stop id end a turn."""
_GPT_OSS: Final = "GptOssForCausalLM"
_GPT_OSS_EOS: Final = 199999
_VOCABULARIES: Final = (FAST_TOKENIZER, "tokenizer.model")
_NO_EOS: Final = Problem(
    message("engine-has-no-eos", "no EOS is found, so the runtime takes a fixed id of its own"),
    Effect.UNCERTAIN,
)


def view(model: Model, version: Release = NEWEST) -> EngineView:  # noqa: ARG001 - one behaviour is known
    """One EOS: the tokenizer's, where tokenizer.json lists it among its added tokens; and ends by text."""
    eos, told = _eos(model)
    trace: list[Message] = [told] if told is not None else []
    listed = _listed(model) if eos is not None else ()
    if listed:
        trace.append(stop_from(model.generation_config.name, listed))
    by_text = ends_by_text(model.tokenizer.ids)
    if by_text:
        trace.append(stop_by_text(by_text))
    length = model.config_value("max_position_embeddings")
    return EngineView(
        _ID,
        _VERSION,
        stop_token_ids=joined([USUAL_EOS if eos is None else eos], listed, by_text),
        sampling={},
        chat_template=_template(model.tokenizer_config.get("chat_template")),
        context_length=length if type(length) is int else None,
        problems=(*_problems(model), *([_NO_EOS] if eos is None and model.tokenizer.is_known else ())),
        trace=tuple(trace),
    )


def _eos(model: Model) -> tuple[int | None, Message | None]:
    if architecture(model) == _GPT_OSS:
        return _GPT_OSS_EOS, stop_of_class([_GPT_OSS_EOS])
    text = token_text(model.tokenizer_config.get("eos_token"))
    entries = model.tokenizer_head.get("added_tokens")
    for entry in entries if isinstance(entries, list) and text is not None else ():
        number = entry.get("id") if isinstance(entry, dict) and entry.get("content") == text else None
        if type(number) is int:
            return number, stop_of_tokenizer(text, number)
    return None, None


def _listed(model: Model) -> tuple[int, ...]:
    """Of a list in generation_config.json what becomes an end of its own; other classes keep it unread."""
    value = (model.generation_config.value or {}).get("eos_token_id")
    if architecture(model) != _LISTED or not isinstance(value, list):
        return ()
    return read_eos({"eos_token_id": value[1:3]}).ids


def _template(value: JsonValue) -> TemplateSource | None:
    """tokenizer_config.json's own: no other file is read."""
    if isinstance(value, list):
        named = (one for one in value if isinstance(one, dict) and one.get("name") == "default")
        value = next((one.get("template") for one in named), None)
    return TemplateSource.of(TOKENIZER_CONFIG, value) if isinstance(value, str) and value else None


def _problems(model: Model) -> Iterator[Problem]:
    if not model.has(CONFIG):
        yield missing_file(CONFIG)
    elif model.json(CONFIG).unreadable:
        yield unreadable_file(CONFIG)
    elif architecture(model) is None:
        yield NO_ARCHITECTURE
    for file in (model.json(TOKENIZER_CONFIG), model.generation_config):
        if file.unreadable:
            yield unreadable_file(file.name)
    if not any(map(model.has, _VOCABULARIES)):
        yield NO_TOKENIZER
    elif model.has(FAST_TOKENIZER) and (model.tokenizer_problem is not None or not model.tokenizer_head):
        yield unreadable_file(FAST_TOKENIZER)
    yield from weight_problems(model, _ID)


ENGINE: Final = Engine(
    _ID,
    "Ollama",
    _VERSION,
    _VERSION,
    view,
    server="library",
    shows_tokens=False,
    by_default=False,
    was_run=False,
)
