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


def _group(name: str) -> tuple[str, ...]:
    return ("install", "--group", f"{HERE / 'pyproject.toml'}:{name}")


_TORCH: Final = ("install", "torch==2.13.0")
"""By pip and before all else: the CPU wheel, where one is offered."""

SETUPS: Final[Mapping[str, Setup]] = {
    "transformers5": Setup("ask_transformers.py", [_TORCH, _group("transformers5")]),
    "transformers4": Setup("ask_transformers.py", [_TORCH, _group("transformers4")]),
    "vllm": Setup("ask_vllm.py", [_group("vllm")]),
    "mlx-lm": Setup("ask_mlx_lm.py", [_group("mlx-lm")]),
}


def interpreter(engine: str) -> Path:
    """The Python of the engine's own environment beside the project, made when it is not there."""
    folder = HERE.parent / f".venv-conformance-{engine}"
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        pip = [python, "-m", "pip"]
        subprocess.run([*pip, "install", "--quiet", "--upgrade", "pip>=25.1"], check=True)
        for arguments in SETUPS[engine].installs:
            subprocess.run([*pip, *arguments, "--quiet"], check=True)
        (folder / "ready").touch()
    return python
