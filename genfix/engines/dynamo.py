"""NVIDIA Dynamo: the model card by which its frontend ends answers and writes prompts.

Run in 1.6.1, and read in Dynamo at 01159fcc8 and about it: lib/llm/src/model_card.rs
(``from_repo_checkout``, ``architectural_max_context_length_from_repo``, ``HFConfig::from_json_file``,
``chat_template_from_disk``), lib/llm/src/preprocessor/prompt.rs (``prompt_formatter_from_mdc``),
lib/llm/src/discovery/watcher.rs (``prepare_worker_set``); template.rs and template/formatters.rs of its
renderer, and tiktoken.rs (``detect_bpe_pattern``) of its tokenizers. It takes comments and commas too many
in config.json; the engine behind it (vLLM, SGLang, TensorRT-LLM), which reads the folder too, does not.
"""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from genfix.engines.shared.common import joined
from genfix.engines.shared.engine import Engine
from genfix.engines.shared.release import NEWEST, Release
from genfix.engines.shared.serde_types import (
    TOKENIZER,
    Kind,
    is_count,
    is_id,
    is_template,
    refused_in_tokenizer,
    refused_key,
    repeated_key,
    taken,
)
from genfix.engines.shared.view import Effect, EngineView, Problem, TemplateSource
from genfix.engines.shared.weight_formats import weight_problems
from genfix.engines.shared.wording import (
    missing_file,
    refused_value,
    stop_from,
    stop_of_tokenizer,
    unknown_type,
    unreadable_file,
    unreadable_value,
)
from genfix.folder.kinds import CONFIG, FAST_TOKENIZER, SPECIAL_TOKENS_MAP, TOKENIZER_CONFIG
from genfix.json_types import JsonObject, JsonValue, decimal
from genfix.message import Message, message
from genfix.model import Model
from genfix.model.chat_template import JINJA_FILE
from genfix.model.tokenizer import token_text

_ID: Final = "dynamo"
_VERSION: Final = "1.6.1"

_EOS: Final = "eos_token_id"
_LENGTH: Final = "max_position_embeddings"
_EXPLICIT: Final = "chat_template.json"
_TEMPLATE: Final = "chat_template"
_U32: Final = 2**32
_U64: Final = 2**64
_PART: Final[Mapping[str, Kind]] = {
    "bos_token_id": is_id,
    **dict.fromkeys((_LENGTH, "num_hidden_layers", "num_attention_heads", "vocab_size"), is_count),
    "final_eos_token_ids": lambda value: isinstance(value, list) and all(map(is_id, value)),
}
"""Values of the language model's part of config.json."""
_WHOLE: Final = ("architectures", "model_type", "text_config", _EOS, _LENGTH)
"""Keys of the whole."""
_NATIVE: Final = frozenset(["deepseek_v32", "deepseek_v3_2", "deepseek_v4", "deepseek_v41", "kimi_k3"])
"""Model types whose chats it writes in code; DeepSeek-V3.2 is not served under a name with ``exp`` here."""
_TIKTOKEN: Final = frozenset(["deepseek_v3", "kimi", "kimi_k2", "kimi_k25", "kimi_k3", "kimi_linear"])
"""Model types whose words it cuts by a vocabulary of tiktoken."""
_NO_EOS: Final = Problem(
    message("engine-cannot-find-eos", "no file gives an eos_token_id, and the tokenizer has no EOS")
)
_NO_TEMPLATE: Final = Problem(
    message(
        "engine-cannot-do-without-template", "there is no chat template, and without one it serves no model"
    )
)
_ONLY_NAMED: Final = Problem(
    message(
        "engine-fails-on-named-templates",
        "chat requests fail: it finds none of the templates in a list by its name",
    ),
    Effect.NO_ANSWER,
)


class _Template(NamedTuple):
    """What chats are written by."""

    source: TemplateSource | None = None
    problem: Problem | None = None


class _Ids(NamedTuple):
    """What one file gives."""

    file: str
    ids: tuple[int, ...]


def view(model: Model, version: Release = NEWEST) -> EngineView:  # noqa: ARG001 - one behaviour is known
    """generation_config.json, else config.json, else the tokenizer; and tokenizer_config.json's EOS."""
    trace: list[Message] = []
    found = _of_files(model)
    own = _named(model, TOKENIZER_CONFIG)
    if found is not None:
        trace.append(stop_from(found.file, found.ids))
    elif own is None:
        own = _named(model, SPECIAL_TOKENS_MAP)
    ids = found.ids if found is not None else ()
    if own is not None and own not in ids:
        trace.append(stop_of_tokenizer(model.tokenizer.texts.get(own), own))
    template = _template(model)
    more = (template.problem, _NO_EOS if found is None and own is None else None)
    return EngineView(
        _ID,
        _VERSION,
        stop_token_ids=joined(ids, [] if own is None else [own]),
        sampling={},
        chat_template=template.source,
        context_length=_context_length(model),
        problems=(*_problems(model), *(problem for problem in more if problem is not None)),
        trace=tuple(trace),
    )


def _of_files(model: Model) -> _Ids | None:
    """The file that is asked, and its ids: a number, or a list of which in generation_config.json numbers
    alone count, and in config.json none where one entry is no id.
    """
    value = (taken(model.generation_config) or {}).get(_EOS)
    if isinstance(value, list) or _is_number(value):
        return _Ids(model.generation_config.name, _numbers(value))
    value = model.config.get(_EOS)
    value = _part(model).get(_EOS) if value is None else value
    if _is_number(value) or (isinstance(value, list) and all(map(is_id, value))):
        return _Ids(CONFIG, _numbers(value))
    return None


def _is_number(value: JsonValue) -> bool:
    return type(value) is int and 0 <= value < _U64


def _numbers(value: JsonValue) -> tuple[int, ...]:
    """Cut to the size of an id, as a cast does."""
    entries = value if isinstance(value, list) else [value]
    return tuple(
        dict.fromkeys(entry % _U32 for entry in entries if isinstance(entry, int) and _is_number(entry))
    )


def _part(model: Model) -> JsonObject:
    """The language model's part of config.json: the whole where it has no part."""
    part = model.config.get("text_config")
    return part if isinstance(part, dict) else model.config


def _context_length(model: Model) -> int | None:
    """Of config.json, else of tokenizer_config.json; nothing where the first that is asked says 0."""
    last: JsonObject = {_LENGTH: (taken(model.json(TOKENIZER_CONFIG)) or {}).get("model_max_length")}
    length = next(values[_LENGTH] for values in (model.config, _part(model), last) if _LENGTH in values)
    return length if isinstance(length, int) and is_id(length) and length > 0 else None


def _named(model: Model, file: str) -> int | None:
    """The EOS that a file names: by tokenizer_config.json's decoder, else tokenizer.json's added tokens."""
    text = token_text((taken(model.json(file)) or {}).get("eos_token"))
    decoder, entries = (
        (taken(model.json(TOKENIZER_CONFIG)) or {}).get("added_tokens_decoder"),
        model.tokenizer_head.get("added_tokens"),
    )
    pairs: list[tuple[JsonValue, JsonValue]] = []
    if isinstance(decoder, dict):
        pairs += [(decimal(key), one.get("content")) for key, one in decoder.items() if isinstance(one, dict)]
    if isinstance(entries, list):
        pairs += [(one.get("id"), one.get("content")) for one in entries if isinstance(one, dict)]
    ids = (number for number, content in pairs if content == text and isinstance(number, int))
    return None if text is None else next(filter(is_id, ids), None)


def _template(model: Model) -> _Template:
    """The file, else chat_template.json, else tokenizer_config.json, which must be there in any case."""
    if str(model.config.get("model_type")).lower() in _NATIVE:
        return _Template()
    inline = model.json(TOKENIZER_CONFIG)
    if not inline.present:
        return _Template(problem=missing_file(TOKENIZER_CONFIG))
    if taken(inline) is None:
        return _Template(problem=unreadable_file(TOKENIZER_CONFIG))
    refused = refused_in_tokenizer(model) or repeated_key(model, TOKENIZER_CONFIG, TOKENIZER)
    if refused is not None:
        return _Template(problem=unreadable_value(refused, TOKENIZER_CONFIG))
    if model.has(JINJA_FILE):
        if model.jinja.text is None:
            return _Template(problem=unreadable_file(JINJA_FILE))
        return _Template(TemplateSource.of(JINJA_FILE, model.jinja.text))
    explicit = model.json(_EXPLICIT)
    file = explicit if explicit.present else inline
    values = taken(file)
    return _Template(problem=unreadable_file(file.name)) if values is None else _chosen(file.name, values)


def _chosen(file: str, values: JsonObject) -> _Template:
    """The template under ``chat_template``; in a list, what has the key ``default``: names are no keys."""
    value = values.get(_TEMPLATE)
    if file == TOKENIZER_CONFIG and value is None:
        return _Template(problem=_NO_TEMPLATE)
    if not is_template(value):
        return _Template(problem=unreadable_value(_TEMPLATE, file))
    if isinstance(value, str):
        return _Template(TemplateSource.of(file, value))
    maps = [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
    keyed = {key: text for one in maps for key, text in one.items()}
    if not keyed:
        return _Template(problem=_NO_TEMPLATE)
    text = keyed.get("default")
    return (
        _Template(TemplateSource.of(file, text)) if isinstance(text, str) else _Template(problem=_ONLY_NAMED)
    )


def _problems(model: Model) -> Iterator[Problem]:
    config = model.json(CONFIG)
    if not config.present:
        yield missing_file(CONFIG)
    elif config.unreadable:
        yield unreadable_file(CONFIG)
    else:
        yield from _refused(model)
    yield from _tokenizer_problems(model)
    yield from weight_problems(model, _ID)


def _refused(model: Model) -> Iterator[Problem]:
    """Values of config.json that its structs do not take."""
    config, part = model.config, _part(model)
    names, inner = config.get("architectures"), config.get("text_config")
    has_part = inner is not None
    repeated = repeated_key(model, CONFIG, _WHOLE if has_part else (*_WHOLE, *_PART))
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        yield unreadable_value("architectures", CONFIG)
    elif not isinstance(config.get("model_type"), str):
        yield unreadable_value("model_type", CONFIG)
    elif has_part and not isinstance(inner, dict):
        yield unreadable_value("text_config", CONFIG)
    elif repeated is not None:
        yield unreadable_value(repeated, CONFIG)
    first = config if _LENGTH in config else part  # here, null is a value too
    key = _LENGTH if _LENGTH in first and not is_id(first[_LENGTH]) else refused_key(part, _PART)
    if key is not None:
        yield refused_value(key)


def _tokenizer_problems(model: Model) -> Iterator[Problem]:
    """tokenizer.json, else a vocabulary of tiktoken."""
    if model.has(FAST_TOKENIZER):
        if model.tokenizer_problem is not None or not model.tokenizer_head:
            yield unreadable_file(FAST_TOKENIZER)
        return
    names = [name for name in model.folder.names() if name.endswith(".tiktoken") and "/" not in name]
    if not model.has("tiktoken.model") and len(names) != 1:
        yield missing_file(FAST_TOKENIZER)
    elif model.model_type not in _TIKTOKEN:
        yield unknown_type(model.model_type)


ENGINE: Final = Engine(
    _ID, "NVIDIA Dynamo", _VERSION, _VERSION, view, server=None, shows_tokens=False, by_default=False
)
