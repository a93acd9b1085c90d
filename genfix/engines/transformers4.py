"""transformers 4: ``model.generate()`` of the older major version.

Read and run in transformers 4.57.6: modeling_utils.py (the generation config made from the config object stays
where the file cannot be read), models/auto/tokenization_auto.py (classes it does not know), tokenization_utils_base.py.
"""

from typing import Final

from genfix.engines.common import chosen, load_problems, template_source, text_list
from genfix.engines.release import NEWEST, Release
from genfix.engines.stop_files import generation_stop
from genfix.engines.view import EngineView
from genfix.message import Message, message
from genfix.model import Model

__all__ = ["ENGINE", "OLDEST", "VERSION", "view"]

ENGINE: Final = "transformers4"
VERSION: Final = "4.57.6"
OLDEST: Final = "4.57.6"

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
_UNKNOWN_CLASSES: Final = frozenset(
    ["TokenizersBackend", "TokenizersBackendFast", "PythonBackend", "SentencePieceBackend"]
)
"""Names that only transformers 5 has."""


def view(model: Model, version: Release = NEWEST) -> EngineView:  # noqa: ARG001 - one behaviour is known
    """As transformers 5, but the fall back is the config *object*, with the defaults of its class."""
    stop = generation_stop(model, 4)
    settings = stop.settings or (model.config if model.generation_config.value is None else {})
    problems = (*load_problems(model), *_tokenizer_problems(model))
    if any(isinstance(entry, str) for entry in stop.eos.invalid):
        problems += (message("engine-fails-on-text-eos", file=model.generation_config.name),)
    return EngineView(
        ENGINE,
        VERSION,
        stop_token_ids=stop.eos.ids,
        sampling=chosen(settings, _SAMPLING),
        chat_template=template_source(model),
        context_length=None,
        problems=problems,
        trace=stop.trace,
        stop_strings=text_list(stop.settings, "stop_strings"),
    )


def _tokenizer_problems(model: Model) -> tuple[Message, ...]:
    problems: list[Message] = []
    name = model.tokenizer_config.get("tokenizer_class")
    if isinstance(name, str) and name in _UNKNOWN_CLASSES and "auto_map" not in model.tokenizer_config:
        problems.append(message("engine-cannot-find-class", name=name))
    if isinstance(model.tokenizer_config.get("extra_special_tokens"), list):
        problems.append(message("engine-cannot-read-list"))
    return tuple(problems)
