"""Engine views: pure functions of a model folder, one module per engine, what they share in `shared`.

`genfix.engines.every` has all of them; here is what rules judge by.
"""

from collections.abc import Callable, Mapping
from typing import Final

from genfix.engines import transformers5, vllm
from genfix.engines.shared.common import missing_code, named_code
from genfix.engines.shared.eos import EosValue, read_eos
from genfix.engines.shared.view import EngineView, Reading, StopVerdict, breaks, is_worse, stop_verdict
from genfix.model import Model

__all__ = [
    "ENGINES",
    "EngineView",
    "EosValue",
    "Reading",
    "StopVerdict",
    "breaks",
    "is_worse",
    "missing_code",
    "named_code",
    "read_eos",
    "readings",
    "stop_verdict",
]

ENGINES: Final[Mapping[str, Callable[[Model], Reading]]] = {
    transformers5.ENGINE.id: transformers5.reading,
    vllm.ENGINE.id: vllm.reading,
}
"""The engines that rules judge by, in the order of reports."""


def readings(model: Model) -> Mapping[str, Reading]:
    """How each of them reads ``model``."""
    return {name: reading(model) for name, reading in ENGINES.items()}
