"""mistral.rs: ``mistralrs serve``, ``mistralrs run`` and its Python package, over safetensors.

Read in mistral.rs at 9e922623f and run in 0.9.5: mistralrs-core/src/pipeline/chat_template.rs
(``calculate_eos_tokens``), paths.rs (``get_chat_template``), macros.rs (which files are taken), auto.rs,
sampler.rs (``apply_model_defaults``).
"""

import hashlib
from collections.abc import Iterator
from typing import Final, NamedTuple

from genfix.engines.mistral_rs_files import generation, named_eos
from genfix.engines.shared.common import architecture
from genfix.engines.shared.engine import Engine
from genfix.engines.shared.eos import read_eos
from genfix.engines.shared.fast_tokens import FastTokens
from genfix.engines.shared.release import NEWEST, Release
from genfix.engines.shared.serde_types import refused_in_tokenizer, taken
from genfix.engines.shared.view import EngineView, Problem, TemplateSource
from genfix.engines.shared.weight_formats import weight_problems
from genfix.engines.shared.wording import (
    NO_ARCHITECTURE,
    NO_TOKENIZER,
    missing_file,
    refused_value,
    stop_by_text,
    stop_from,
    stop_of_tokenizer,
    unreadable_file,
    unreadable_value,
)
from genfix.folder.folder import FolderFileError
from genfix.folder.kinds import CONFIG, FAST_TOKENIZER, TEKKEN, TOKENIZER_CONFIG
from genfix.json_types import JsonObject, JsonValue
from genfix.jsontext.json_read import JsonProblem, JsonProblemKind
from genfix.message import Message, message
from genfix.model import Model
from genfix.model.chat_template import JINJA_FILE

_ID: Final = "mistral.rs"
_VERSION: Final = "0.9.5"

_BY_TEXT: Final = ("<|im_end|>", "<end_of_turn>", "<|end_of_text|>", "<|end|>", "<|eot_id|>")
"""Tokens that end an answer where the template writes them."""
_HARMONY: Final = ("<|message|>", "<|start|>", "<|channel|>")
"""Tokens of OpenAI's format, which then end an answer, too."""
_SAMPLING: Final = (
    "do_sample",
    "temperature",
    "top_k",
    "top_p",
    "min_p",
    "repetition_penalty",
    "max_new_tokens",
)
_LENGTH: Final = "max_position_embeddings"
_U64: Final = 2**64
_LLAMA: Final = "LlamaForCausalLM"
_ROPES: Final = ("llama3", "linear", "default")
"""The kinds of RoPE that Llama's struct has."""
_PASSED_OVER: Final = frozenset(
    [
        *(JsonProblemKind.SYNTAX, JsonProblemKind.EMPTY, JsonProblemKind.BOM),
        *(JsonProblemKind.NOT_AN_OBJECT, JsonProblemKind.TOO_DEEP, JsonProblemKind.DUPLICATE_KEY),
    ]
)
_PROCESSOR: Final = "processor_config.json"
_EXPLICIT: Final = "chat_template.json"


class _Template(NamedTuple):
    """The template that chats are written by, and all texts that are looked through for ends."""

    source: TemplateSource | None = None
    texts: tuple[str, ...] = ()
    problem: Problem | None = None


class _Stops(NamedTuple):
    ids: tuple[int, ...]
    trace: tuple[Message, ...]
    problem: Problem | None = None


def view(model: Model, version: Release = NEWEST) -> EngineView:  # noqa: ARG001 - one behaviour is known
    """The tokenizer's EOS, tokens that the template writes, generation_config.json, else config.json."""
    template = _template(model)
    stops = _stops(model, template.texts)
    values = generation(model).values
    found = [template.problem, stops.problem]
    length = model.config_value(_LENGTH)
    return EngineView(
        _ID,
        _VERSION,
        stop_token_ids=stops.ids,
        sampling={key: values[key] for key in _SAMPLING if values.get(key) is not None},
        chat_template=template.source,
        context_length=length if type(length) is int else None,
        problems=(*_problems(model), *(problem for problem in found if problem is not None)),
        trace=stops.trace,
    )


def _stops(model: Model, templates: tuple[str, ...]) -> _Stops:
    """Each end is a text in between: one that is no token of tokenizer.json ends the start."""
    vocabulary = FastTokens(model)
    trace: list[Message] = []
    own = named_eos(model, beside_jinja=model.has(JINJA_FILE))
    wanted = [own] if own is not None else []
    written = [text for text in _ends_by_text(templates) if any(text in template for template in templates)]
    by_text = [text for text in written if vocabulary.ids_of([text])]
    config = generation(model)
    listed = read_eos(config.values).ids
    texts = [vocabulary.text_of(number) for number in listed]
    known = vocabulary.ids_of([*wanted, *by_text, *(text for text in texts if text is not None)])
    if own is not None and own in known:
        trace.append(stop_of_tokenizer(own, known[own]))
    if by_text:
        trace.append(stop_by_text([known[text] for text in by_text]))
    if listed:
        trace.append(stop_from(model.generation_config.name if config.is_own else CONFIG, listed))
    lost = [own] if own is not None and own not in known else []
    unknown = [number for number, text in zip(listed, texts, strict=True) if text is None]
    problem = _unknown_end(lost[0] if lost else str(unknown[0])) if lost or unknown else None
    return _Stops(tuple(dict.fromkeys(known.values())), tuple(trace), problem)


def _ends_by_text(templates: tuple[str, ...]) -> tuple[str, ...]:
    """OpenAI's format, which is known by the last of its tokens or the other two, adds its own."""
    first, second, last = _HARMONY
    of_harmony = any(last in text or (first in text and second in text) for text in templates)
    return (*_BY_TEXT, *_HARMONY) if of_harmony else _BY_TEXT


def _unknown_end(token: str) -> Problem:
    return Problem(
        message(
            "engine-cannot-find-end",
            "{token} is to end generation, and is no token of tokenizer.json",
            token=token,
        )
    )


def _template(model: Model) -> _Template:
    """The file, else tokenizer_config.json, else chat_template.json; processor_config.json over all."""
    found = _of_files(model)
    explicit = model.json(_EXPLICIT)
    if found.problem is None and not found.texts and explicit.present:
        text = (explicit.value or {}).get("chat_template")
        if not isinstance(text, str):
            return _Template(problem=unreadable_file(_EXPLICIT))
        found = _Template(TemplateSource.of(_EXPLICIT, text), (text,))
    processor = model.json(_PROCESSOR)
    if processor.unreadable:
        return found._replace(problem=unreadable_file(_PROCESSOR))
    text = (processor.value or {}).get("chat_template")
    if text is not None and not isinstance(text, str):
        return found._replace(problem=unreadable_value("chat_template", _PROCESSOR))
    return found if text is None else _Template(TemplateSource.of(_PROCESSOR, text), (text,), found.problem)


def _of_files(model: Model) -> _Template:
    if model.has(JINJA_FILE):
        try:
            content = model.folder.read(JINJA_FILE)  # line ends and all
            text = content.decode("utf-8")
        except (FolderFileError, UnicodeDecodeError):
            return _Template(problem=unreadable_file(JINJA_FILE))
        return _Template(TemplateSource(JINJA_FILE, hashlib.sha256(content).hexdigest()), (text,))
    if not model.has(TOKENIZER_CONFIG):
        return _Template()
    if model.json(TOKENIZER_CONFIG).value is None:
        return _Template(problem=unreadable_file(TOKENIZER_CONFIG))
    refused = refused_in_tokenizer(model)
    if refused is not None:
        return _Template(problem=unreadable_value(refused, TOKENIZER_CONFIG))
    return _inline(model.tokenizer_config.get("chat_template"))


def _inline(value: JsonValue) -> _Template:
    """Of several the default, else the last."""
    if isinstance(value, str):
        return _Template(TemplateSource.of(TOKENIZER_CONFIG, value), (value,))
    entries: list[JsonObject] = (
        [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []
    )
    named = {str(entry.get("name")): entry.get("template") for entry in entries}
    chosen = named.get("default", entries[-1].get("template") if entries else None)
    texts = tuple(str(text) for entry in entries for text in entry.values())
    return _Template(TemplateSource.of(TOKENIZER_CONFIG, chosen) if isinstance(chosen, str) else None, texts)


def _problems(model: Model) -> Iterator[Problem]:
    config, file = model.json(CONFIG), model.generation_config
    if not config.present:
        yield missing_file(CONFIG)
    elif config.unreadable or taken(config) is None:
        yield unreadable_file(CONFIG)
    elif architecture(model) is None:
        yield NO_ARCHITECTURE
    if file.unreadable and not (isinstance(file.problem, JsonProblem) and file.problem.kind in _PASSED_OVER):
        yield unreadable_file(file.name)
    yield from _refused(model)
    if not model.has(FAST_TOKENIZER):
        if not model.has(TEKKEN):
            yield NO_TOKENIZER
    elif model.tokenizer_problem is not None or not model.tokenizer_head:
        yield unreadable_file(FAST_TOKENIZER)
    yield from weight_problems(model, _ID)


def _refused(model: Model) -> Iterator[Problem]:
    """Values of config.json that its structs do not take; of RoPE, those of Llama."""
    length = model.config.get(_LENGTH)
    if _LENGTH in model.config and not (type(length) is int and 0 < length < _U64):
        yield refused_value(_LENGTH)
    rope = model.config.get("rope_scaling")
    if architecture(model) != _LLAMA or rope is None:
        return
    known = isinstance(rope, dict) and rope.get("rope_type") in _ROPES
    factor = rope.get("factor") if isinstance(rope, dict) else None
    if not known or not isinstance(factor, int | float) or isinstance(factor, bool):
        yield refused_value("rope_scaling")


ENGINE: Final = Engine(
    _ID, "mistral.rs", _VERSION, _VERSION, view, server=None, shows_tokens=False, by_default=False
)
