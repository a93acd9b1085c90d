"""LMDeploy: its server and pipeline.

Read in LMDeploy 0.18.0: utils.py (``get_hf_gen_cfg``), messages.py (stop ids), serve/core/generation_config.py
(sampling), model.py (``HFChatTemplate``).
"""

from typing import Final

from genfix.engines.common import chosen, joined, load_problems, template_source
from genfix.engines.release import NEWEST, Release
from genfix.engines.stop_files import generation_stop
from genfix.engines.view import EngineView
from genfix.message import Message, message
from genfix.model import Model

__all__ = ["ENGINE", "OLDEST", "VERSION", "view"]

ENGINE: Final = "lmdeploy"
VERSION: Final = "0.18.0"
OLDEST: Final = "0.18.0"

_SAMPLING: Final = ("top_p", "top_k", "min_p", "temperature", "repetition_penalty", "min_new_tokens")


def view(model: Model, version: Release = NEWEST) -> EngineView:  # noqa: ARG001 - one behaviour is known
    """The tokenizer's EOS and generation_config.json; the config object where that cannot be read."""
    trace: list[Message] = []
    own = model.tokenizer.eos_token_id
    if own is not None:
        trace.append(message("trace-tokenizer-eos", token=model.tokenizer.eos_token, ids=[own]))
    stop = generation_stop(model, 5)
    return EngineView(
        ENGINE,
        VERSION,
        stop_token_ids=joined([] if own is None else [own], stop.eos.ids),
        sampling=chosen(stop.settings, _SAMPLING),
        chat_template=template_source(model),
        context_length=None,
        problems=load_problems(model),
        trace=(*trace, *stop.trace),
    )
