"""xLLM: its server.

Read at 87e8d6ed, and not run: xllm/models/llm/*.h (``stop_token_ids`` of each class), xllm/core/framework/
hf_model_loader.cpp (``load_tokenizer_args``). No code of it reads generation_config.json.
"""

from collections.abc import Iterator
from typing import Final

from genfix.engines.shared.engine import Engine
from genfix.engines.shared.eos import read_eos
from genfix.engines.shared.release import NEWEST, Release
from genfix.engines.shared.view import EngineView, Problem, TemplateSource
from genfix.engines.shared.weight_formats import weight_problems
from genfix.engines.shared.wording import (
    NO_TOKENIZER,
    missing_file,
    stop_from,
    stop_of_class,
    unreadable_file,
)
from genfix.folder.folder import FolderFileError
from genfix.folder.kinds import CONFIG, FAST_TOKENIZER, TOKENIZER_CONFIG
from genfix.message import Message
from genfix.model import Model
from genfix.model.chat_template import JINJA_FILE
from genfix.model.line_ends import as_read

_ID: Final = "xllm"
_VERSION: Final = "0.9"

_EXPLICIT: Final = "chat_template.json"
_FIXED: Final = {
    **dict.fromkeys(("deepseek_v3", "deepseek_v32", "joyai_llm_flash"), 1),
    "deepseek_v2": 100001,
}
"""Model types whose end stands in the code, whatever the files say."""
_OF_GLM: Final = ("glm", "chatglm")
_USUAL: Final = 151643
"""Of the classes that read one number, where config.json has none: Qwen's."""


def view(model: Model, version: Release = NEWEST) -> EngineView:  # noqa: ARG001 - one behaviour is known
    """GLM's list in config.json, or the one number there; a constant of the class for others."""
    ids, told = _stops(model)
    length = model.config_value("max_position_embeddings")
    return EngineView(
        _ID,
        _VERSION,
        stop_token_ids=ids,
        sampling={},
        chat_template=_template(model),
        context_length=length if type(length) is int else None,
        problems=tuple(_problems(model)),
        trace=(told,),
    )


def _stops(model: Model) -> tuple[tuple[int, ...], Message]:
    fixed = _FIXED.get(model.model_type)
    if fixed is not None:
        return (fixed,), stop_of_class([fixed])
    value = model.config_value("eos_token_id")
    ids = read_eos({"eos_token_id": value}).ids
    if model.model_type.startswith(_OF_GLM) or not isinstance(value, list):
        return (ids, stop_from(CONFIG, ids)) if ids else ((_USUAL,), stop_of_class([_USUAL]))
    return (_USUAL,), stop_of_class([_USUAL])


def _template(model: Model) -> TemplateSource | None:
    """chat_template.json, chat_template.jinja, tokenizer_config.json; none without the last of these."""
    if model.json(TOKENIZER_CONFIG).value is None:
        return None
    text = model.object(_EXPLICIT).get("chat_template")
    if isinstance(text, str):
        return TemplateSource.of(_EXPLICIT, text)
    if model.has(JINJA_FILE):
        try:
            return TemplateSource.of(JINJA_FILE, as_read(model.folder.read(JINJA_FILE).decode("utf-8")))
        except (FolderFileError, UnicodeDecodeError):
            return None
    text = model.tokenizer_config.get("chat_template")
    return TemplateSource.of(TOKENIZER_CONFIG, text) if isinstance(text, str) else None


def _problems(model: Model) -> Iterator[Problem]:
    if not model.has(CONFIG):
        yield missing_file(CONFIG)
    elif model.json(CONFIG).unreadable:
        yield unreadable_file(CONFIG)
    if not model.has(FAST_TOKENIZER) and not model.vocabularies:
        yield NO_TOKENIZER
    yield from weight_problems(model, _ID)


ENGINE: Final = Engine(
    _ID, "xLLM", _VERSION, _VERSION, view, server=None, shows_tokens=False, by_default=False, was_run=False
)
