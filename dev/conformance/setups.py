"""How to get each engine, and which script asks it."""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

__all__ = ["SETUPS", "Setup", "interpreter"]

HERE: Final = Path(__file__).parent


class Setup(NamedTuple):
    """One engine."""

    script: str
    """The file of ``ask/`` that runs inside the engine's interpreter."""
    installs: Sequence[Sequence[str]]
    """What pip is called with, in order, in a new environment."""
    families: Sequence[str] = ("",)
    """How the names of the folders begin that it is asked about: some engines start none without weights."""


def _group(name: str) -> tuple[str, ...]:
    return ("install", "--group", f"{HERE / 'pyproject.toml'}:{name}")


def _alone(package: str) -> tuple[str, ...]:
    """Without what it asks for: kernels for graphics cards. The group has the rest."""
    return ("install", "--no-deps", package)


def _archive(package: str) -> tuple[str, ...]:
    """The source archive, left in the environment's folder."""
    return ("download", "--no-deps", "--no-binary", ":all:", package)


_TORCH: Final = ("install", "torch==2.13.0")
"""By pip and before all else: the CPU wheel, where one is offered."""

_TEXT_MODELS: Final = ("qwen2/", "llama/", "glm4/", "phi3/")

_VISION: Final = "torchvision==0.28.0"

SETUPS: Final[Mapping[str, Setup]] = {
    "transformers5": Setup("ask_transformers.py", [_TORCH, _group("transformers5")]),
    "transformers4": Setup("ask_transformers.py", [_TORCH, _group("transformers4")]),
    "vllm": Setup(
        "ask_vllm.py",
        [
            _group("vllm"),
            # These are made for the torch with CUDA; vLLM does without, and processors of images without
            # operators.
            ("uninstall", "--yes", "torchvision", "torchaudio", "torchcodec"),
            (
                "install",
                "--no-deps",
                "--target",
                f"{HERE.parents[1] / '.venv-conformance-vllm' / 'image'}",
                _VISION,
            ),
        ],
    ),
    "mlx-lm": Setup("ask_mlx_lm.py", [_group("mlx-lm")]),
    "mlx-vlm": Setup("ask_mlx_vlm.py", [_group("mlx-vlm")]),
    "onnxruntime-genai": Setup(
        "ask_onnxruntime_genai.py", [_TORCH, _group("onnxruntime-genai")], _TEXT_MODELS
    ),
    "exllamav3": Setup("ask_exllamav3.py", [_TORCH, _group("exllamav3"), _alone("exllamav3==1.6.5")]),
    "mistral.rs": Setup("ask_mistralrs.py", [_group("mistralrs")], _TEXT_MODELS[:3]),
    "llama.cpp": Setup(
        "ask_llama_cpp.py", [_TORCH, _group("llama-cpp"), _archive("llama_cpp_python==0.3.36")]
    ),
    "openvino-genai": Setup("ask_openvino_genai.py", [_group("openvino-genai")]),
    "sglang": Setup("ask_sglang.py", [_TORCH, _group("sglang"), _alone("sglang==0.5.23")]),
    "lmdeploy": Setup("ask_lmdeploy.py", [_TORCH, _group("lmdeploy"), _alone("lmdeploy==0.18.0")]),
}


def interpreter(engine: str) -> Path:
    """The Python of the engine's own environment beside the project, made when it is not there."""
    folder = HERE.parents[1] / f".venv-conformance-{engine}"
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        pip: list[str | Path] = [python, "-m", "pip"]
        subprocess.run([*pip, "install", "--quiet", "--upgrade", "pip>=25.1"], check=True)
        for arguments in SETUPS[engine].installs:
            subprocess.run([*pip, *arguments, "--quiet"], check=True, cwd=folder)
        (folder / "ready").touch()
    return python
