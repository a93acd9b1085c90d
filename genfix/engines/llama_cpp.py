"""llama.cpp: a GGUF that its converter makes of the folder, and the runtime that reads it.

Read at ggml-org/llama.cpp 0c1e57098: gguf-py/gguf/vocab.py (``SpecialVocab``), gguf-py/gguf/metadata.py, conversion/glm.py
and chatglm.py, src/llama-vocab.cpp (ends of generation by their text). Converted and served for the verdict matrix.
"""

from typing import Final

from genfix.engines.common import chosen, joined, load_problems, template_source
from genfix.engines.release import NEWEST, Release
from genfix.engines.view import EngineView
from genfix.message import Message, message
from genfix.model import Model

__all__ = ["ENGINE", "OLDEST", "VERSION", "view"]

ENGINE: Final = "llama.cpp"
VERSION: Final = "0c1e57098"
OLDEST: Final = "0c1e57098"

_SAMPLING: Final = ("top_k", "top_p", "min_p", "temperature", "repetition_penalty")
_TEMPLATES: Final = ("tokenizer_config.json", "chat_template.jinja", "chat_template.json")
_ENDS: Final = (
    "<|eot_id|>",
    "<|im_end|>",
    "<|end|>",
    "<|return|>",
    "<|call|>",
    "<|flush|>",
    "<|calls|>",
    "<end_of_turn>",
    "<|endoftext|>",
    "</s>",
    "<|eom_id|>",
    "<EOT>",
    "_<EOT>",
    "[EOT]",
    "[EOS]",
    "<|end_of_text|>",
    "<end_of_utterance>",
    "<eos>",
    "<turn|>",
    "<|tool_response>",
    "<｜end▁of▁sentence｜>",  # noqa: RUF001 - DeepSeek's own characters
    "[e~[",
)
"""Texts of tokens at which the runtime ends, whatever the files say."""
_GLM: Final = frozenset(
    [
        "ChatGLMModel",
        "ChatGLMForConditionalGeneration",
        "GlmForCausalLM",
        "Glm4ForCausalLM",
        "Glm4MoeForCausalLM",
    ]
)
"""Classes whose converter makes ``<|user|>`` the end of a turn."""
_LENGTHS: Final = (
    "max_sequence_length",
    "max_position_embeddings",
    "n_positions",
    "n_ctx",
    "max_length",
)


def view(model: Model, version: Release = NEWEST) -> EngineView:  # noqa: ARG001 - one behaviour is known
    """One EOS, of the tokenizer or an integer of config.json, and tokens that end by their text."""
    trace: list[Message] = []
    eos = _eos(model, trace)
    ids = model.tokenizer.ids
    turn = [ids["<|user|>"]] if _is_glm(model) and "<|user|>" in ids else []
    if turn:
        trace.append(message("trace-end-of-class", ids=[*turn]))
    by_text = [ids[text] for text in _ENDS if text in ids]
    if by_text:
        trace.append(message("trace-end-by-text", ids=[*by_text]))
    problems = load_problems(model)
    if eos is None and model.tokenizer.is_known:
        problems += (message("engine-has-no-eos"),)
    return EngineView(
        ENGINE,
        VERSION,
        stop_token_ids=joined([] if eos is None else [eos], turn, by_text),
        sampling=chosen(model.generation_config.value or {}, _SAMPLING),
        chat_template=template_source(model, _TEMPLATES)
        if model.json("tokenizer_config.json").value is not None
        else None,
        context_length=next(
            (value for key in _LENGTHS if type(value := model.config_value(key)) is int), None
        ),
        problems=problems,
        trace=tuple(trace),
    )


def _eos(model: Model, trace: list[Message]) -> int | None:
    """The first that is there; lists are passed over, and generation_config.json is never asked."""
    own = model.tokenizer.eos_token_id if model.json("tokenizer_config.json").value is not None else None
    if own is not None:
        trace.append(message("trace-tokenizer-eos", token=model.tokenizer.eos_token, ids=[own]))
        return own
    for part in (model.config, model.text_config):
        value = part.get("eos_token_id")
        if type(value) is int:
            trace.append(message("trace-stop-from", file="config.json", ids=[value]))
            return value
    return None


def _is_glm(model: Model) -> bool:
    names = model.config.get("architectures")
    return isinstance(names, list) and bool(names) and names[0] in _GLM
