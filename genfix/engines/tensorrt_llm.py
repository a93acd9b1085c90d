"""TensorRT-LLM: ``trtllm-serve`` and its Python API.

Read and not run: tensorrt_llm/sampling_params.py (``_setup``: the tokenizer's EOS ends an answer). That the
ids of generation_config.json do too is what its pull requests 9514 and 10389 say, merged by January 2026.
"""

from typing import Final

from genfix.engines.shared.common import joined
from genfix.engines.shared.engine import Engine
from genfix.engines.shared.eos import read_eos
from genfix.engines.shared.hf_loading import auto_problems
from genfix.engines.shared.loaded_eos import loaded_eos
from genfix.engines.shared.release import NEWEST, Release
from genfix.engines.shared.templates import template_source
from genfix.engines.shared.view import EngineView
from genfix.engines.shared.weight_formats import weight_problems
from genfix.engines.shared.wording import stop_from, stop_of_tokenizer
from genfix.message import Message
from genfix.model import Model

_ID: Final = "tensorrt-llm"
_VERSION: Final = "1.2"
_OLDEST: Final = "1.0"

_GENERATION: Final = (1, 2)
"""First to take the ids of generation_config.json."""


def view(model: Model, version: Release = NEWEST) -> EngineView:
    """The tokenizer's EOS, and the ids of generation_config.json."""
    own = loaded_eos(model)
    trace: list[Message] = []
    if own is not None:
        trace.append(stop_of_tokenizer(model.tokenizer.eos_token, own))
    ids = read_eos(model.generation_config.value or {}).ids if version >= _GENERATION else ()
    if ids:
        trace.append(stop_from(model.generation_config.name, ids))
    length = model.config_value("max_position_embeddings")
    return EngineView(
        _ID,
        _VERSION,
        stop_token_ids=joined([] if own is None else [own], ids),
        sampling={},
        chat_template=template_source(model),
        context_length=length if type(length) is int else None,
        problems=(*auto_problems(model, 4), *weight_problems(model, _ID)),
        trace=tuple(trace),
    )


ENGINE: Final = Engine(
    _ID,
    "TensorRT-LLM",
    _VERSION,
    _OLDEST,
    view,
    server=None,
    shows_tokens=False,
    by_default=False,
    was_run=False,
)
