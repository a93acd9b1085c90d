"""Engines that are asked by name: `genfix engines DIR --engine NAME`, or all of them with `--all`."""

from collections.abc import Mapping
from typing import Final

from genfix.engines import (
    dynamo,
    exllamav3,
    mistral_rs,
    mlx_vlm,
    ollama,
    onnxruntime_genai,
    tensorrt_llm,
    tgi,
    xllm,
)
from genfix.engines.shared.engine import Engine

FURTHER_ENGINES: Final[Mapping[str, Engine]] = {
    module.ENGINE.id: module.ENGINE
    for module in (
        *(mlx_vlm, onnxruntime_genai, mistral_rs, exllamav3, dynamo),
        *(ollama, tgi, tensorrt_llm, xllm),
    )
}
"""By name, in the order of reports: those that were run, then those that were read."""
