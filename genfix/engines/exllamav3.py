"""ExLlamaV3: the library, and TabbyAPI, which serves it.

Read and run in exllamav3 1.6.5: model/config.py (``Config``), tokenizer/tokenizer.py (``Tokenizer``). Of
TabbyAPI was read e632af41e, and not run: common/templating.py (``find_prompt_template``: the template),
common/transformers_utils.py and backends/exllamav3/model.py (what it adds to the stop tokens).
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from genfix.engines.shared.common import joined
from genfix.engines.shared.engine import Engine
from genfix.engines.shared.fast_tokens import FastTokens
from genfix.engines.shared.release import NEWEST, Release
from genfix.engines.shared.view import EngineView, Problem, TemplateSource
from genfix.engines.shared.weight_formats import weight_problems
from genfix.engines.shared.wording import (
    NO_ARCHITECTURE,
    NO_TOKENIZER,
    missing_file,
    stop_from,
    stop_of_class,
    stop_of_tokenizer,
    unreadable_file,
    unreadable_value,
)
from genfix.folder.folder import FolderFileError
from genfix.folder.kinds import CONFIG, FAST_TOKENIZER, TOKENIZER_CONFIG
from genfix.json_types import JsonObject, JsonValue, is_finite
from genfix.message import Message
from genfix.model import Model
from genfix.model.chat_template import JINJA_FILE
from genfix.model.line_ends import as_read
from genfix.model.tokenizer import token_text

_ID: Final = "exllamav3"
_VERSION: Final = "1.6.5"

_TABBY: Final = "tabby_template.jinja"
_JSON_TEMPLATES: Final = ("chat_template.json", TOKENIZER_CONFIG)
_EOS: Final = "eos_token_id"
_LENGTH: Final = "max_position_embeddings"
_INTEGERS: Final = (_LENGTH, "bos_token_id", "pad_token_id", "vocab_size")
_USUAL_EOS: Final = 2
_USUAL_LENGTH: Final = 8192


class _Ends(NamedTuple):
    ids: tuple[int, ...]
    problem: Problem | None = None


def view(model: Model, version: Release = NEWEST) -> EngineView:  # noqa: ARG001 - one behaviour is known
    """config.json's ids, the tokenizer's EOS and generation_config.json's ids, all together."""
    trace: list[Message] = []
    of_config = _config_ends(model.config)
    if of_config.ids:
        trace.append(stop_from(CONFIG, of_config.ids))
    own = _tokenizer_eos(model)
    if own:
        trace.append(stop_of_tokenizer(token_text(model.tokenizer_config.get("eos_token")), own))
    written = _integers((model.generation_config.value or {}).get(_EOS))
    added = tuple(entry for entry in written if entry or len(written) > 1)  # a lone zero is passed over
    if added:
        trace.append(stop_from(model.generation_config.name, added))
    stops = joined(of_config.ids, [own] if own else [], added)
    if not stops and "eos_token" not in model.tokenizer_config:
        stops = (_USUAL_EOS,)
        trace.append(stop_of_class(stops))
    return EngineView(
        _ID,
        _VERSION,
        stop_token_ids=stops,
        sampling={},
        chat_template=_template(model),
        context_length=_context_length(model.config),
        problems=(*_problems(model), *filter(None, [of_config.problem])),
        trace=tuple(trace),
    )


def _value(config: JsonObject, key: str) -> JsonValue:
    """Of the top, else of ``text_config``; null is as good as absent."""
    part = config.get("text_config")
    found = config.get(key)
    return part.get(key) if found is None and isinstance(part, dict) else found


def _config_ends(config: JsonObject) -> _Ends:
    """A number, which may be written with a point, or a list, which must have an entry."""
    value = _value(config, _EOS)
    if value is None or _whole(value) is not None:
        return _Ends(_integers(value if value is None else _whole(value)))
    if not isinstance(value, list) or not value:
        return _Ends((), unreadable_value(_EOS, CONFIG))
    return _Ends(_integers(value))


def _integers(value: JsonValue) -> tuple[int, ...]:
    entries = value if isinstance(value, list) else [value]
    return tuple(dict.fromkeys(int(entry) for entry in entries if isinstance(entry, int) and entry >= 0))


def _tokenizer_eos(model: Model) -> int | None:
    """The id that tokenizer.json has for the EOS of tokenizer_config.json."""
    text = token_text(model.tokenizer_config.get("eos_token"))
    return FastTokens(model).ids_of([text]).get(text) if text is not None else None


def _context_length(config: JsonObject) -> int | None:
    value = _value(config, _LENGTH)
    return _USUAL_LENGTH if value is None else _whole(value)


def _whole(value: JsonValue) -> int | None:
    """An integer, which may be written with a point."""
    if isinstance(value, float) and is_finite(value) and value.is_integer():
        return int(value)
    return int(value) if isinstance(value, int) else None


def _template(model: Model) -> TemplateSource | None:
    """TabbyAPI's own file, chat_template.jinja, chat_template.json, tokenizer_config.json: the first that has
    one; of several with names the first.
    """
    for file in (_TABBY, JINJA_FILE):
        if model.has(file):
            try:
                text = as_read(model.folder.read(file).decode("utf-8"))
            except (FolderFileError, UnicodeDecodeError):
                continue
            return TemplateSource.of(file, text)
    for file in _JSON_TEMPLATES:
        value = model.object(file).get("chat_template")
        if isinstance(value, list) and value:
            value = value[0].get("template") if isinstance(value[0], dict) else None
        if isinstance(value, str) and value:
            return TemplateSource.of(file, value)
    return None


def _problems(model: Model) -> Iterator[Problem]:
    config, names = model.json(CONFIG), model.config.get("architectures")
    if not config.present:
        yield missing_file(CONFIG)
    elif config.unreadable:
        yield unreadable_file(CONFIG)
    elif not isinstance(names, list) or len(names) != 1:
        yield NO_ARCHITECTURE
    for key in _INTEGERS:
        value = _value(model.config, key)
        if value is not None and _whole(value) is None:
            yield unreadable_value(key, CONFIG)
    for name in (TOKENIZER_CONFIG, model.generation_config.name, "added_tokens.json"):
        if model.json(name).unreadable:
            yield unreadable_file(name)
    decoder = model.tokenizer_config.get("added_tokens_decoder", {})
    entries = decoder.values() if isinstance(decoder, dict) else [None]
    if any(not isinstance(entry, dict) or not {"content", "special"} <= entry.keys() for entry in entries):
        yield unreadable_value("added_tokens_decoder", TOKENIZER_CONFIG)
    if not model.has(FAST_TOKENIZER):
        yield NO_TOKENIZER
    elif model.tokenizer_problem is not None or not model.tokenizer_head:
        yield unreadable_file(FAST_TOKENIZER)
    yield from weight_problems(model, _ID)


ENGINE: Final = Engine(
    _ID, "ExLlamaV3", _VERSION, _VERSION, view, server=None, shows_tokens=False, by_default=False
)
