"""OpenVINO GenAI: ``LLMPipeline`` over the files of this folder, with the exported model beside them.

Read in the tags 2025.1 to 2026.3 and run in 2026.4.1: src/cpp/src/generation_config.cpp, src/cpp/src/json_utils.hpp,
src/cpp/src/tokenizer/tokenizer_impl.cpp. What the exporter bakes into ``openvino_tokenizer.xml`` (EOS and chat template)
comes before every file; it is not read. What the exporter itself needs is what transformers needs.
"""

import hashlib
from typing import Final, NamedTuple

from genfix.engines.common import load_problems
from genfix.engines.cpp_json import CppType, cpp_object, cpp_value
from genfix.engines.openvino_settings import SAMPLING, read_settings, refused_setting
from genfix.engines.release import NEWEST, Release
from genfix.engines.view import EngineView, TemplateSource
from genfix.folder.folder import FolderFileError
from genfix.json_types import JsonObject, JsonValue
from genfix.message import Message, message
from genfix.model import Model

__all__ = ["ENGINE", "OLDEST", "VERSION", "view"]

ENGINE: Final = "openvino-genai"
VERSION: Final = "2026.4.1"
OLDEST: Final = "2025.1"

_JINJA: Final = (2025, 4)
"""First to read chat_template.jinja."""
_NAMED: Final = (2025, 3)
"""First to read a list of named templates."""
_JINJA_FILE: Final = "chat_template.jinja"
_TEMPLATES: Final = ("chat_template.json", "processor_config.json", "tokenizer_config.json")
"""After chat_template.jinja, the first that has one counts."""
_UNSET: Final = -1
_NAMES: Final = ("pad", "bos", "eos")


class _Eos(NamedTuple):
    """The tokenizer's one EOS, and what ends its loading."""

    id: int
    told: Message | None = None
    problem: Message | None = None


def view(model: Model, version: Release = NEWEST) -> EngineView:
    """generation_config.json alone; without an id there, one EOS: config.json's number, else the tokenizer's."""
    name = model.generation_config.name
    problems = [problem for problem in load_problems(model) if problem.id == "engine-cannot-find-tokenizer"]
    problems += [
        message("engine-cannot-read-file", file=file)
        for file in (name, "config.json", "special_tokens_map.json", *_TEMPLATES)
        if cpp_object(model, file) is None
    ]
    settings = read_settings(cpp_object(model, name) or {}, version)
    if settings.unreadable is not None:
        problems.append(message("engine-cannot-read-value", key=settings.unreadable, file=name))
    trace: list[Message] = []
    stops = settings.stops
    if stops:
        trace.append(message("trace-stop-from", file=name, ids=[*stops]))
    tokenizer = _tokenizer_eos(model)
    if tokenizer.problem is not None:
        problems.append(tokenizer.problem)
    if settings.eos == _UNSET:
        stops = tuple(dict.fromkeys((*stops, tokenizer.id)))
        trace += [tokenizer.told] if tokenizer.told is not None else []
    if any(entry < 0 for entry in stops):
        problems.append(message("engine-fails-without-end"))
    refused = refused_setting(settings.values)
    if refused is not None:
        problems.append(message("engine-fails-on-setting", key=refused))
    return EngineView(
        ENGINE,
        VERSION,
        stop_token_ids=tuple(entry for entry in stops if entry >= 0),
        sampling={key: settings.values[key] for key in SAMPLING if key in settings.values},
        chat_template=_template(model, version),
        context_length=None,
        problems=tuple(problems),
        trace=tuple(trace),
        stop_strings=settings.stop_strings,
    )


def _tokenizer_eos(model: Model) -> _Eos:
    """config.json's number; else the id that tokenizer_config.json's added_tokens_decoder has for the EOS text.

    tokenizer.json is not read, and a token that is an object is an error unless special_tokens_map.json has it too.
    """
    file, key = "config.json", ""
    ids = dict.fromkeys(_NAMES, _UNSET)
    texts = dict.fromkeys(_NAMES, "")
    try:
        config = cpp_object(model, file) or {}
        for name in _NAMES:
            key = f"{name}_token_id"
            number = cpp_value(config.get(key), CppType.INTEGER)
            ids[name] = number if isinstance(number, int) else _UNSET
        told = message("trace-stop-from", file=file, ids=[ids["eos"]]) if ids["eos"] != _UNSET else None
        file = "special_tokens_map.json"
        special = cpp_object(model, file) or {}
        for name in _NAMES:
            key = f"{name}_token"
            texts[name] = _content(special.get(key))
        if _UNSET not in ids.values() and all(texts.values()):
            return _Eos(ids["eos"], told)
        file = "tokenizer_config.json"
        tokenizer = cpp_object(model, file) or {}
        for name in _NAMES:
            key = f"{name}_token"
            if not texts[name]:
                text = cpp_value(tokenizer.get(key), CppType.TEXT)
                texts[name] = text if isinstance(text, str) else ""
    except TypeError:
        return _Eos(_UNSET, None, message("engine-cannot-read-value", key=key, file=file))
    if ids["eos"] != _UNSET:
        return _Eos(ids["eos"], told)
    found = _decoder_id(tokenizer, texts["eos"])
    if found == _UNSET:
        return _Eos(_UNSET)
    return _Eos(found, message("trace-tokenizer-eos", token=texts["eos"], ids=[found]))


def _content(value: JsonValue) -> str:
    content = cpp_value(value.get("content"), CppType.TEXT) if isinstance(value, dict) else None
    return content if isinstance(content, str) else ""


def _decoder_id(tokenizer: JsonObject, text: str) -> int:
    decoder = tokenizer.get("added_tokens_decoder")
    entries = sorted(decoder.items()) if isinstance(decoder, dict) else []
    return next(
        (
            int(key)
            for key, value in entries
            if isinstance(value, dict) and value.get("content") == text and key.isdecimal()
        ),
        _UNSET,
    )


def _template(model: Model, version: Release) -> TemplateSource | None:
    if model.has(_JINJA_FILE) and version >= _JINJA:
        try:
            content = model.folder.read(_JINJA_FILE)  # its bytes, line ends and all
        except FolderFileError:
            return None
        return TemplateSource(_JINJA_FILE, hashlib.sha256(content).hexdigest()) if content else None
    for file in _TEMPLATES:
        text = _inline((cpp_object(model, file) or {}).get("chat_template"), version)
        if text is not None:
            digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
            return TemplateSource(file, digest) if text else None
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
