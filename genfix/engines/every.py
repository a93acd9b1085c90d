"""All engines genfix has a view of. `check` imports the two it judges by; this is for those who ask for more."""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from genfix.engines import (
    llama_cpp,
    lmdeploy,
    mlx_lm,
    openvino_genai,
    sglang,
    transformers4,
    transformers5,
    vllm,
)
from genfix.engines.view import EngineView
from genfix.model import Model

__all__ = ["EVERY_ENGINE", "Engine"]


class Engine(NamedTuple):
    """One engine at the version whose code its view follows."""

    version: str
    view: Callable[[Model], EngineView]


EVERY_ENGINE: Final[Mapping[str, Engine]] = {
    transformers5.ENGINE: Engine(transformers5.VERSION, transformers5.view),
    transformers4.ENGINE: Engine(transformers4.VERSION, transformers4.view),
    vllm.ENGINE: Engine(vllm.VERSION, vllm.view),
    sglang.ENGINE: Engine(sglang.VERSION, sglang.view),
    lmdeploy.ENGINE: Engine(lmdeploy.VERSION, lmdeploy.view),
    llama_cpp.ENGINE: Engine(llama_cpp.VERSION, llama_cpp.view),
    mlx_lm.ENGINE: Engine(mlx_lm.VERSION, mlx_lm.view),
    openvino_genai.ENGINE: Engine(openvino_genai.VERSION, openvino_genai.view),
}
"""By name, in the order of reports."""
