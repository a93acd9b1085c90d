"""Which tool wrote a folder last, as far as its files tell: a label to count by, no witness of anything."""

from collections.abc import Mapping
from typing import Final

from genfix.model import Model
from genfix.resolver.finder.run_folders import MERGEKIT, SWIFT, SWIFT_2

_BY_FILE: Final[Mapping[str, str]] = {
    SWIFT: "ms-swift",
    SWIFT_2: "ms-swift",
    **dict.fromkeys(MERGEKIT, "mergekit"),
    "Modelfile": "LLaMA-Factory",  # export writes one beside the model (0.9.5, train/tuner.py)
}
"""What each of these tools was seen to leave in the folder that it writes."""
_BY_METHOD: Final[Mapping[str, str]] = {
    "compressed-tensors": "llm-compressor",
    "awq": "AWQ",
    "gptq": "GPTQ",
    "bitsandbytes": "bitsandbytes",
}
"""``quant_method`` of ``quantization_config``."""


def maker_of(model: Model) -> str:
    """The tool, such as ``mergekit``; else the transformers that wrote ``config.json``; or empty."""
    for name, tool in _BY_FILE.items():
        if model.has(name):
            return tool
    config = model.config
    if any(key.startswith("unsloth_") for key in config):
        return "unsloth"
    quantized = config.get("quantization_config")
    method = quantized.get("quant_method") if isinstance(quantized, dict) else None
    if isinstance(method, str) and method in _BY_METHOD:
        return _BY_METHOD[method]
    version = config.get("transformers_version")
    if not isinstance(version, str):
        return ""
    major, _, rest = version.partition(".")
    minor = rest.partition(".")[0]
    return f"transformers {major}.{minor}" if major.isdecimal() and minor.isdecimal() else ""
