"""SGLang: the server and its offline engine.

Read in SGLang 0.5.23: srt/configs/model_config.py (``_get_hf_eos_token_id``), srt/managers/schedule_batch.py
(``_check_token_based_finish``), srt/utils/hf_transformers/common.py (context length, further stop tokens).
"""

from typing import Final

from genfix.engines.common import chosen, joined, load_problems, template_source
from genfix.engines.eos import read_eos
from genfix.engines.release import NEWEST, Release
from genfix.engines.stop_files import object_eos
from genfix.engines.view import EngineView
from genfix.message import Message, message
from genfix.model import Model

__all__ = ["ENGINE", "OLDEST", "VERSION", "view"]

ENGINE: Final = "sglang"
VERSION: Final = "0.5.23"
OLDEST: Final = "0.5.23"

_SAMPLING: Final = ("repetition_penalty", "temperature", "top_k", "top_p", "min_p")
_FURTHER: Final = ("<|eom_id|>", "<|content_model_end_sampling|>", "<|ifm|im_end|>")
_LENGTHS: Final = (
    "max_sequence_length",
    "seq_length",
    "max_seq_len",
    "model_max_length",
    "max_position_embeddings",
)
_USUAL_LENGTH: Final = 2048


def view(model: Model, version: Release = NEWEST) -> EngineView:  # noqa: ARG001 - one behaviour is known
    """The union of config.json, generation_config.json, the tokenizer's EOS and three tokens known by their text."""
    config, told = object_eos(model, 5)
    trace: list[Message] = [told]
    file = model.generation_config
    generation = read_eos(file.value or {})
    if file.value is not None:
        trace.append(message("trace-stop-from", file=file.name, ids=list(generation.ids)))
    own = model.tokenizer.eos_token_id
    if own is not None:
        trace.append(message("trace-tokenizer-eos", token=model.tokenizer.eos_token, ids=[own]))
    further = [model.tokenizer.ids[text] for text in _FURTHER if text in model.tokenizer.ids]
    if further:
        trace.append(message("trace-end-by-text", ids=[*further]))
    return EngineView(
        ENGINE,
        VERSION,
        stop_token_ids=joined(config.ids, generation.ids, [] if own is None else [own], further),
        sampling=chosen(file.value or {}, _SAMPLING),
        chat_template=template_source(
            model,
            ("chat_template.json", "processor_config.json", "chat_template.jinja", "tokenizer_config.json")
            if model.has("preprocessor_config.json") or model.has("processor_config.json")
            else (),
        ),
        context_length=_context_length(model),
        problems=load_problems(model),
        trace=tuple(trace),
    )


def _context_length(model: Model) -> int | None:
    """The first key that is there, times a scaling factor; unknown where RoPE is scaled in another way."""
    text = model.text_config or model.config
    if text.get("rope_scaling") is not None or text.get("rope_parameters") is not None:
        return None
    for key in _LENGTHS:
        value = text.get(key)
        if type(value) is int:
            return value
    return _USUAL_LENGTH
