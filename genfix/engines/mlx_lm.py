"""MLX-LM: ``mlx_lm.generate`` and ``mlx_lm.server``.

Read and run in mlx-lm 0.32.2: utils.py (``load_config``), tokenizer_utils.py (the set of EOS ids).
"""

from typing import Final

from genfix.engines.common import joined, load_problems, template_source
from genfix.engines.eos import EosValue, read_eos
from genfix.engines.release import NEWEST, Release
from genfix.engines.view import EngineView
from genfix.message import Message, message
from genfix.model import Model

__all__ = ["ENGINE", "OLDEST", "VERSION", "view"]

ENGINE: Final = "mlx-lm"
VERSION: Final = "0.32.2"
OLDEST: Final = "0.32.2"


def view(model: Model, version: Release = NEWEST) -> EngineView:  # noqa: ARG001 - one behaviour is known
    """generation_config.json's ids if there are any, else those of config.json's top; and the tokenizer's EOS."""
    file = model.generation_config
    eos = read_eos(file.value or {})
    source = file.name
    if not eos.ids and not eos.invalid:  # null, an empty list or no key: the other file counts
        eos, source = _top_eos(model), "config.json"
    trace: list[Message] = [message("trace-stop-from", file=source, ids=list(eos.ids))]
    own = model.tokenizer.eos_token_id
    if own is not None:
        trace.append(message("trace-tokenizer-eos", token=model.tokenizer.eos_token, ids=[own]))
    return EngineView(
        ENGINE,
        VERSION,
        stop_token_ids=joined(eos.ids, [] if own is None else [own]),
        sampling={},
        chat_template=template_source(model),
        context_length=None,
        problems=load_problems(model),
        trace=tuple(trace),
    )


def _top_eos(model: Model) -> EosValue:
    return read_eos(model.config)
