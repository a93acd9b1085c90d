"""Text Generation Inference (TGI), whose development has ended.

Read at db931fcf (January 2026), and not run: server/.../models/flash_causal_lm.py, server/.../utils/tokens.py
(stop ids), router/src/server.rs (chat template). It loads config and tokenizer by transformers 4.
"""

from typing import Final

from genfix.engines.shared.common import joined
from genfix.engines.shared.engine import Engine
from genfix.engines.shared.eos import read_eos
from genfix.engines.shared.hf_loading import auto_problems
from genfix.engines.shared.loaded_eos import loaded_eos
from genfix.engines.shared.release import NEWEST, Release
from genfix.engines.shared.view import EngineView, TemplateSource
from genfix.engines.shared.weight_formats import weight_problems
from genfix.engines.shared.wording import stop_from, stop_of_tokenizer
from genfix.folder.kinds import TOKENIZER_CONFIG
from genfix.model import Model

_ID: Final = "tgi"
_VERSION: Final = "3.3.7"

_TEMPLATES: Final = ("chat_template.json", TOKENIZER_CONFIG)
_LENGTHS: Final = ("max_position_embeddings", "max_seq_len", "n_positions")


def view(model: Model, version: Release = NEWEST) -> EngineView:  # noqa: ARG001 - one behaviour is known
    """A *list* in generation_config.json; without one, the tokenizer's EOS alone."""
    value = (model.generation_config.value or {}).get("eos_token_id")
    listed = read_eos({"eos_token_id": value}).ids if isinstance(value, list) else ()
    own = loaded_eos(model) if not isinstance(value, list) else None
    trace = [stop_from(model.generation_config.name, listed)] if listed else []
    if own is not None:
        trace.append(stop_of_tokenizer(model.tokenizer.eos_token, own))
    lengths = (model.config_value(key) for key in _LENGTHS)
    length = next((value for value in lengths if type(value) is int), None)
    return EngineView(
        _ID,
        _VERSION,
        stop_token_ids=joined(listed, [] if own is None else [own]),
        sampling={},
        chat_template=_template(model),
        context_length=length,
        problems=(*auto_problems(model, 4), *weight_problems(model, _ID)),
        trace=tuple(trace),
    )


def _template(model: Model) -> TemplateSource | None:
    """chat_template.json, else tokenizer_config.json; no code of it reads chat_template.jinja."""
    for file in _TEMPLATES:
        value = model.object(file).get("chat_template")
        if isinstance(value, list):
            named = (one for one in value if isinstance(one, dict) and one.get("name") == "default")
            value = next((one.get("template") for one in named), None)
        if isinstance(value, str):
            return TemplateSource.of(file, value)
    return None


ENGINE: Final = Engine(
    _ID, "TGI", _VERSION, _VERSION, view, server=None, shows_tokens=False, by_default=False, was_run=False
)
