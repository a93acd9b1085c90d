"""Engine views: pure functions of a model folder, one module per engine."""

from collections.abc import Callable, Mapping
from typing import Final

from genfix.engines import transformers5, vllm
from genfix.engines.common import missing_code, named_code
from genfix.engines.eos import EosValue, read_eos
from genfix.engines.view import EngineView, StopVerdict, breaks, is_worse, stop_verdict
from genfix.model import Model

__all__ = [
    "ENGINES",
    "EngineView",
    "EosValue",
    "StopVerdict",
    "breaks",
    "is_worse",
    "missing_code",
    "named_code",
    "read_eos",
    "stop_verdict",
    "views",
]

ENGINES: Final[Mapping[str, Callable[[Model], EngineView]]] = {
    transformers5.ENGINE: transformers5.view,
    vllm.ENGINE: vllm.view,
}
"""The engines that rules judge by, in the order of reports; `genfix.engines.every` has all."""


def views(model: Model) -> Mapping[str, EngineView]:
    """How each engine reads ``model``."""
    return {name: view(model) for name, view in ENGINES.items()}
