"""vLLM: the OpenAI-compatible server and ``LLM.chat``.

Read in vLLM 0.32.0: transformers_utils/config.py (``try_get_generation_config``), sampling_params.py
(``update_from_generation_config``), config/model.py (``get_diff_sampling_param``, ``_get_and_verify_max_len``),
renderers/hf.py (chat template).
"""

from typing import Final

from genfix.engines.common import chosen, joined, load_problems, template_source
from genfix.engines.release import NEWEST, Release
from genfix.engines.stop_files import generation_stop
from genfix.engines.view import EngineView
from genfix.message import Message, message
from genfix.model import Model

__all__ = ["ENGINE", "OLDEST", "VERSION", "view"]

ENGINE: Final = "vllm"
VERSION: Final = "0.32.0"
OLDEST: Final = "0.32.0"

_SAMPLING: Final = (
    "repetition_penalty",
    "presence_penalty",
    "frequency_penalty",
    "temperature",
    "top_k",
    "top_p",
    "min_p",
    "max_new_tokens",
)
_LENGTHS: Final = (
    "max_position_embeddings",
    "n_positions",
    "max_seq_len",
    "seq_length",
    "model_max_length",
    "max_target_positions",
    "max_sequence_length",
    "max_seq_length",
    "seq_len",
)


def view(model: Model, version: Release = NEWEST) -> EngineView:  # noqa: ARG001 - one behaviour is known
    """The tokenizer's EOS and the ids of generation_config.json; the config object only when that cannot be read."""
    trace: list[Message] = []
    ids: list[int] = []
    primary = model.tokenizer.eos_token_id
    if primary is not None:
        ids.append(primary)
        trace.append(message("trace-tokenizer-eos", token=model.tokenizer.eos_token, ids=[primary]))
    stop = generation_stop(model, 5)
    trace += stop.trace
    return EngineView(
        ENGINE,
        VERSION,
        stop_token_ids=joined(ids, stop.eos.ids),
        sampling=chosen(stop.settings, _SAMPLING),
        chat_template=template_source(model),
        context_length=_context_length(model),
        problems=load_problems(model),
        trace=tuple(trace),
    )


def _context_length(model: Model) -> int | None:
    """The smallest of the length keys and the tokenizer's ``model_max_length``; unknown with scaled RoPE."""
    text = model.text_config or model.config
    if text.get("rope_scaling") is not None:
        return None
    lengths = [value for key in _LENGTHS if isinstance(value := text.get(key), int) and value > 0]
    limit = model.tokenizer_config.get("model_max_length")
    if isinstance(limit, int) and lengths:
        lengths.append(limit)
    return min(lengths) if lengths else None
