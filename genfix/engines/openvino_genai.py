"""OpenVINO GenAI: ``LLMPipeline`` over the files of this folder, with the exported model beside them.

Read in the tags 2025.1 to 2026.3 and run in 2026.4.1: src/cpp/src/generation_config.cpp,
src/cpp/src/json_utils.hpp, src/cpp/src/tokenizer/tokenizer_impl.cpp. What the exporter bakes into
``openvino_tokenizer.xml`` (EOS and chat template) comes before every file; it is not read. What the exporter
itself needs is what transformers needs.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from genfix.engines.openvino_settings import SAMPLING, OpenvinoSettings, read_settings, refused_setting
from genfix.engines.shared.cpp_json import CppType, cpp_object, cpp_value
from genfix.engines.shared.engine import Engine
from genfix.engines.shared.release import NEWEST, Release
from genfix.engines.shared.view import Effect, EngineView, Problem, TemplateSource
from genfix.engines.shared.vocabularies import Vocabulary, loaded_vocabulary
from genfix.engines.shared.weight_formats import weight_problems
from genfix.engines.shared.wording import (
    NO_TOKENIZER,
    failing_setting,
    stop_from,
    stop_of_tokenizer,
    unreadable_file,
    unreadable_value,
)
from genfix.folder.folder import FolderFileError
from genfix.folder.kinds import CONFIG, GENERATION_CONFIG, SPECIAL_TOKENS_MAP, TOKENIZER_CONFIG
from genfix.json_types import JsonObject, JsonValue, decimal
from genfix.message import Message, message
from genfix.model import Model
from genfix.model.chat_template import JINJA_FILE

_ID: Final = "openvino-genai"
_VERSION: Final = "2026.4.1"
_OLDEST: Final = "2025.1"

_JINJA: Final = (2025, 4)
"""First to read chat_template.jinja."""
_NAMED: Final = (2025, 3)
"""First to read a list of named templates."""
_TEMPLATES: Final = ("chat_template.json", "processor_config.json", TOKENIZER_CONFIG)
"""After chat_template.jinja, the first that has one counts."""
_UNSET: Final = -1
_NAMES: Final = ("pad", "bos", "eos")


class _Eos(NamedTuple):
    """The tokenizer's one EOS, and what ends its loading."""

    id: int
    told: Message | None = None
    problem: Problem | None = None


class _UnreadableError(Exception):
    def __init__(self, key: str, file: str) -> None:
        super().__init__(key, file)
        self.key, self.file = key, file


def view(model: Model, version: Release = NEWEST) -> EngineView:
    """generation_config.json alone; without an id there, one EOS: config.json's number, else the
    tokenizer's.
    """
    settings = read_settings(cpp_object(model, GENERATION_CONFIG) or {}, version)
    stops, tokenizer = settings.stops, _tokenizer_eos(model)
    trace = [stop_from(GENERATION_CONFIG, stops)] if stops else []
    if settings.eos == _UNSET:
        stops = tuple(dict.fromkeys((*stops, tokenizer.id)))
        trace += [tokenizer.told] if tokenizer.told is not None else []
    return EngineView(
        _ID,
        _VERSION,
        stop_token_ids=tuple(entry for entry in stops if entry >= 0),
        sampling={key: settings.values[key] for key in SAMPLING if key in settings.values},
        chat_template=_template(model, version),
        context_length=None,
        problems=tuple(_problems(model, settings, tokenizer, stops)),
        trace=tuple(trace),
        stop_strings=settings.stop_strings,
    )


def _problems(
    model: Model, settings: OpenvinoSettings, tokenizer: _Eos, stops: Iterable[int]
) -> Iterator[Problem]:
    if loaded_vocabulary(model, 5, NEWEST) is not Vocabulary.FOUND:  # for the exporter
        yield NO_TOKENIZER
    yield from weight_problems(model, _ID)
    for file in (GENERATION_CONFIG, CONFIG, SPECIAL_TOKENS_MAP, *_TEMPLATES):
        if cpp_object(model, file) is None:
            yield unreadable_file(file)
    if settings.unreadable is not None:
        yield unreadable_value(settings.unreadable, GENERATION_CONFIG)
    if tokenizer.problem is not None:
        yield tokenizer.problem
    if any(entry < 0 for entry in stops):
        yield Problem(
            message(
                "engine-fails-without-end",
                "every request fails, since no file gives an id that ends generation",
            ),
            Effect.NO_ANSWER,
        )
    refused = refused_setting(settings.values)
    if refused is not None:
        yield failing_setting(refused, GENERATION_CONFIG)


def _tokenizer_eos(model: Model) -> _Eos:
    """config.json's number; else the id that tokenizer_config.json's added_tokens_decoder has for the EOS
    text.

    tokenizer.json is not read, and a token that is an object is an error unless special_tokens_map.json has
    it too.
    """
    try:
        ids = _config_ids(model)
        text = _eos_text(model, complete=_UNSET not in ids.values())
    except _UnreadableError as error:
        return _Eos(_UNSET, None, unreadable_value(error.key, error.file))
    found = ids["eos"]
    if found != _UNSET:
        return _Eos(found, stop_from(CONFIG, [found]))
    found = _decoder_id(cpp_object(model, TOKENIZER_CONFIG) or {}, text)
    return _Eos(found, stop_of_tokenizer(text, found) if found != _UNSET else None)


def _config_ids(model: Model) -> Mapping[str, int]:
    config = cpp_object(model, CONFIG) or {}
    ids: dict[str, int] = {}
    for name in _NAMES:
        key = f"{name}_token_id"
        number = _read(config.get(key), CppType.INTEGER, CONFIG, key)
        ids[name] = number if isinstance(number, int) else _UNSET
    return ids


def _eos_text(model: Model, *, complete: bool) -> str:
    """Of special_tokens_map.json, else of tokenizer_config.json, which is read unless nothing is lacking."""
    special = cpp_object(model, SPECIAL_TOKENS_MAP) or {}
    texts: dict[str, str] = {}
    for key in _NAMES:
        token = special.get(f"{key}_token")
        content = token.get("content") if isinstance(token, dict) else None
        texts[key] = _text(content, SPECIAL_TOKENS_MAP, f"{key}_token")
    if not (complete and all(texts.values())):
        tokenizer = cpp_object(model, TOKENIZER_CONFIG) or {}
        for key in _NAMES:
            texts[key] = texts[key] or _text(tokenizer.get(f"{key}_token"), TOKENIZER_CONFIG, f"{key}_token")
    return texts["eos"]


def _text(value: JsonValue, file: str, key: str) -> str:
    text = _read(value, CppType.TEXT, file, key)
    return text if isinstance(text, str) else ""


def _read(value: JsonValue, kind: CppType, file: str, key: str) -> JsonValue:
    try:
        return cpp_value(value, kind)
    except TypeError as error:
        raise _UnreadableError(key, file) from error


def _decoder_id(tokenizer: JsonObject, text: str) -> int:
    decoder = tokenizer.get("added_tokens_decoder")
    entries = sorted(decoder.items()) if isinstance(decoder, dict) else []
    return next(
        (
            number
            for key, value in entries
            if isinstance(value, dict)
            and value.get("content") == text
            and (number := decimal(key)) is not None
        ),
        _UNSET,
    )


def _template(model: Model, version: Release) -> TemplateSource | None:
    if model.has(JINJA_FILE) and version >= _JINJA:
        try:
            content = model.folder.read(JINJA_FILE)  # its bytes, line ends and all
        except FolderFileError:
            return None
        return TemplateSource(JINJA_FILE, hashlib.sha256(content).hexdigest()) if content else None
    for file in _TEMPLATES:
        text = _inline((cpp_object(model, file) or {}).get("chat_template"), version)
        if text is not None:
            return TemplateSource.of(file, text) if text else None
    return None


def _inline(value: JsonValue, version: Release) -> str | None:
    if isinstance(value, list) and version >= _NAMED:
        named = (
            entry.get("template")
            for entry in value
            if isinstance(entry, dict) and entry.get("name") == "default"
        )
        value = next((text for text in named if isinstance(text, str)), None)
    return value if isinstance(value, str) else None


ENGINE: Final = Engine(_ID, "OpenVINO GenAI", _VERSION, _OLDEST, view, server=None, shows_tokens=False)
