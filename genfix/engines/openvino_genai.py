"""OpenVINO GenAI: ``LLMPipeline`` over a folder that was exported from this one.

Read and run at commit da1db864d2bc (2026-08-21): src/cpp/src/generation_config.cpp, src/cpp/src/tokenizer_impl.cpp. What
the exporter bakes into ``openvino_tokenizer.xml`` (EOS and chat template) comes before every file; it is not read.
"""

from typing import Final

from genfix.engines.common import chosen, load_problems, template_source, text_list
from genfix.engines.eos import read_eos
from genfix.engines.release import NEWEST, Release
from genfix.engines.view import EngineView
from genfix.message import Message, message
from genfix.model import Model

__all__ = ["ENGINE", "OLDEST", "VERSION", "view"]

ENGINE: Final = "openvino-genai"
VERSION: Final = "2026.4.1"
OLDEST: Final = "2026.4.1"

_SAMPLING: Final = (
    "do_sample",
    "temperature",
    "top_k",
    "top_p",
    "min_p",
    "repetition_penalty",
    "presence_penalty",
    "frequency_penalty",
    "num_beams",
    "max_length",
    "max_new_tokens",
    "min_new_tokens",
)
_TEMPLATES: Final = (
    "chat_template.jinja",
    "chat_template.json",
    "processor_config.json",
    "tokenizer_config.json",
)


def view(model: Model, version: Release = NEWEST) -> EngineView:  # noqa: ARG001 - one behaviour is known
    """generation_config.json alone; without ids there, one EOS: config.json's integer, else the tokenizer's."""
    file = model.generation_config
    settings = file.value or {}
    eos = read_eos(settings)
    ids, trace = eos.ids, [message("trace-stop-from", file=file.name, ids=list(eos.ids))]
    if not ids:
        ids, told = _single_eos(model)
        trace = [told] if told is not None else []
    problems = load_problems(model)
    if file.unreadable:
        problems += (message("engine-cannot-read-generation-config"),)
    if any(isinstance(entry, str) for entry in eos.invalid):
        problems += (message("engine-cannot-read-text-eos", file=file.name),)
    return EngineView(
        ENGINE,
        VERSION,
        stop_token_ids=ids,
        sampling=chosen(settings, _SAMPLING),
        chat_template=template_source(model, _TEMPLATES),
        context_length=None,
        problems=problems,
        trace=tuple(trace),
        stop_strings=text_list(settings, "stop_strings"),
    )


def _single_eos(model: Model) -> tuple[tuple[int, ...], Message | None]:
    value = model.config.get("eos_token_id")
    if type(value) is int:
        return (value,), message("trace-stop-from", file="config.json", ids=[value])
    own = model.tokenizer.eos_token_id
    if own is None:
        return (), None
    return (own,), message("trace-tokenizer-eos", token=model.tokenizer.eos_token, ids=[own])
