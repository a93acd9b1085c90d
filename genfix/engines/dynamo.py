"""NVIDIA Dynamo: the model card by which its frontend ends answers and writes prompts.

Read in Dynamo 01159fcc8, and not run: lib/llm/src/model_card.rs (``HFConfig::from_json_file``,
``chat_template_from_disk``). The engine behind it (vLLM, SGLang, TensorRT-LLM) reads the folder too.
"""

from collections.abc import Iterator
from typing import Final

from genfix.engines.shared.common import joined
from genfix.engines.shared.engine import Engine
from genfix.engines.shared.release import NEWEST, Release
from genfix.engines.shared.view import EngineView, Problem, TemplateSource
from genfix.engines.shared.weight_formats import weight_problems
from genfix.engines.shared.wording import missing_file, stop_from, stop_of_tokenizer, unreadable_file
from genfix.engines.shared.wording import unreadable_value as unreadable
from genfix.folder.folder import FolderFileError
from genfix.folder.kinds import CONFIG, SPECIAL_TOKENS_MAP, TOKENIZER_CONFIG
from genfix.json_types import JsonObject, JsonValue, decimal
from genfix.message import Message, message
from genfix.model import Model
from genfix.model.chat_template import JINJA_FILE
from genfix.model.line_ends import as_read
from genfix.model.tokenizer import token_text

_ID: Final = "dynamo"
_VERSION: Final = "1.6.1"

_EOS: Final = "eos_token_id"
_EXPLICIT: Final = "chat_template.json"
_NO_EOS: Final = Problem(
    message("engine-cannot-find-eos", "no file gives an eos_token_id, and the tokenizer has no EOS")
)


def view(model: Model, version: Release = NEWEST) -> EngineView:  # noqa: ARG001 - one behaviour is known
    """generation_config.json, else config.json, else the tokenizer; and tokenizer_config.json's EOS."""
    trace: list[Message] = []
    found = _of_files(model)
    own = _token_id(model, token_text(model.tokenizer_config.get("eos_token")))
    if found is not None:
        trace.append(stop_from(*found))
    ids = found[1] if found is not None else ()
    if found is None and own is None:
        own = _token_id(model, token_text(model.object(SPECIAL_TOKENS_MAP).get("eos_token")))
    if own is not None and own not in ids:
        trace.append(stop_of_tokenizer(model.tokenizer.texts.get(own), own))
    length = model.config_value("max_position_embeddings")
    return EngineView(
        _ID,
        _VERSION,
        stop_token_ids=joined(ids, [] if own is None else [own]),
        sampling={},
        chat_template=_template(model),
        context_length=length if type(length) is int else None,
        problems=(*_problems(model), *([_NO_EOS] if found is None and own is None else ())),
        trace=tuple(trace),
    )


def _of_files(model: Model) -> tuple[str, tuple[int, ...]] | None:
    """The file that is asked, and its ids: a number, or a list of which only numbers count."""
    file = model.generation_config
    value = (file.value or {}).get(_EOS)
    if isinstance(value, list) or _is_id(value):
        return file.name, _ids(value)
    part = model.config.get("text_config")
    inner: JsonObject = part if isinstance(part, dict) else {}
    value = model.config.get(_EOS)
    value = inner.get(_EOS) if value is None else value
    entries = value if isinstance(value, list) else [value]
    return (CONFIG, _ids(value)) if all(map(_is_id, entries)) else None


def _is_id(value: JsonValue) -> bool:
    return type(value) is int and value >= 0


def _ids(value: JsonValue) -> tuple[int, ...]:
    entries = value if isinstance(value, list) else [value]
    return tuple(dict.fromkeys(entry for entry in entries if isinstance(entry, int) and _is_id(entry)))


def _token_id(model: Model, text: str | None) -> int | None:
    """By tokenizer_config.json's decoder, else tokenizer.json's added tokens."""
    decoder, entries = (
        model.tokenizer_config.get("added_tokens_decoder"),
        model.tokenizer_head.get("added_tokens"),
    )
    pairs: list[tuple[JsonValue, JsonValue]] = []
    if isinstance(decoder, dict):
        pairs += [(decimal(key), one.get("content")) for key, one in decoder.items() if isinstance(one, dict)]
    if isinstance(entries, list):
        pairs += [(one.get("id"), one.get("content")) for one in entries if isinstance(one, dict)]
    if text is None:
        return None
    return next((number for number, content in pairs if content == text and isinstance(number, int)), None)


def _template(model: Model) -> TemplateSource | None:
    """The file, else chat_template.json, else tokenizer_config.json."""
    if model.has(JINJA_FILE):
        try:
            text: JsonValue = as_read(model.folder.read(JINJA_FILE).decode("utf-8"))
        except (FolderFileError, UnicodeDecodeError):
            return None
        file = JINJA_FILE
    else:
        file = _EXPLICIT if model.has(_EXPLICIT) else TOKENIZER_CONFIG
        text = model.object(file).get("chat_template")
    if isinstance(text, list):
        named = (one for one in text if isinstance(one, dict) and one.get("name") == "default")
        text = next((one.get("template") for one in named), None)
    return TemplateSource.of(file, text) if isinstance(text, str) else None


def _problems(model: Model) -> Iterator[Problem]:
    config, names = model.json(CONFIG), model.config.get("architectures")
    if not config.present:
        yield missing_file(CONFIG)
    elif config.unreadable:
        yield unreadable_file(CONFIG)
    elif not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        yield unreadable("architectures", CONFIG)
    elif not isinstance(model.config.get("model_type"), str):
        yield unreadable("model_type", CONFIG)
    yield from weight_problems(model, _ID)


ENGINE: Final = Engine(
    _ID,
    "NVIDIA Dynamo",
    _VERSION,
    _VERSION,
    view,
    server=None,
    shows_tokens=False,
    by_default=False,
    was_run=False,
)
