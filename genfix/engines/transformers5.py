"""transformers 5: ``model.generate()`` and the pipelines over it.

Read in transformers 5.23.0: generation/utils.py (``adjust_generation_fn``, ``_prepare_special_tokens``),
generation/configuration_utils.py (``from_pretrained``, ``from_model_config``).
"""

from typing import Final

from genfix.engines.common import chosen, load_problems, template_source, text_list
from genfix.engines.eos import EosValue, read_eos
from genfix.engines.release import NEWEST, Release
from genfix.engines.view import EngineView
from genfix.json_types import JsonObject, JsonValue
from genfix.message import Message, message
from genfix.model import Model

__all__ = ["ENGINE", "OLDEST", "VERSION", "view"]

ENGINE: Final = "transformers5"
VERSION: Final = "5.23.0"
OLDEST: Final = "5.23.0"

_SAMPLING: Final = (
    "do_sample",
    "temperature",
    "top_k",
    "top_p",
    "min_p",
    "repetition_penalty",
    "num_beams",
    "max_length",
    "max_new_tokens",
)
_PARTS: Final = ("decoder", "generator", "text_config")
"""Nested configs ``from_model_config`` looks into, in this order, the first one that is not empty."""


def view(model: Model, version: Release = NEWEST) -> EngineView:  # noqa: ARG001 - one behaviour is known
    """The stop set comes from generation_config.json alone; config.json counts only when that file cannot be read."""
    file = model.generation_config
    if file.value is not None:
        source, eos, sampling = file.name, read_eos(file.value), file.value
    else:
        source, eos, sampling = "config.json", _fallback_eos(model.config), model.config
    trace = [_stop_trace(source, eos, file.unreadable)]
    hidden = read_eos(model.config)
    if file.value is not None and set(hidden.ids) - set(eos.ids):
        trace.append(message("trace-config-eos-hidden", ids=list(hidden.ids)))
    problems = load_problems(model)
    if any(isinstance(entry, str) for entry in eos.invalid):
        problems += (message("engine-fails-on-text-eos", file=source),)
    return EngineView(
        ENGINE,
        VERSION,
        stop_token_ids=eos.ids,
        sampling=chosen(sampling, _SAMPLING),
        chat_template=template_source(model),
        context_length=None,
        problems=problems,
        trace=tuple(trace),
        stop_strings=text_list(file.value or {}, "stop_strings"),
    )


def _fallback_eos(config: JsonObject) -> EosValue:
    """``eos_token_id`` of the raw config.json, else of the first nested part that is not empty.

    Defaults of the config class do not count here (transformers 4 and vLLM do count them).
    """
    if config.get("eos_token_id") is not None:
        return read_eos(config)
    for key in _PARTS:
        part: JsonValue = config.get(key)
        if isinstance(part, dict) and part:
            return read_eos(part)
    return EosValue()


def _stop_trace(source: str, eos: EosValue, unreadable: bool) -> Message:  # noqa: FBT001 - one private caller
    if unreadable:
        return message("trace-stop-fallback-unreadable", ids=list(eos.ids))
    if source == "config.json":
        return message("trace-stop-fallback-missing", ids=list(eos.ids))
    return message("trace-stop-from", file=source, ids=list(eos.ids))
