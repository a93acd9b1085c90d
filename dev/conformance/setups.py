"""How to get each engine, and which script asks it."""

import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

__all__ = ["HERE", "SETUPS", "Setup", "interpreter", "uv"]

HERE: Final = Path(__file__).parent


class Setup(NamedTuple):
    """One engine."""

    script: str
    """The file of ``ask/`` that runs inside the engine's interpreter."""
    installs: Sequence[Sequence[str]]
    """What uv's pip is called with, in order, in a new environment; `_archive` and `_over` are done here."""
    families: Sequence[str] = ("",)
    """How the names of the folders begin that it is asked about: some engines start none without weights."""


def _group(name: str) -> tuple[str, ...]:
    return ("install", "--group", f"{HERE / 'pyproject.toml'}:{name}")


def _alone(name: str) -> tuple[str, ...]:
    """A group without what it asks for: kernels for graphics cards. The engine's other group has the rest."""
    return (*_group(name), "--no-deps")


def _archive(package: str) -> tuple[str, ...]:
    """The source archive, left in the environment's folder."""
    return ("download", "--no-deps", "--no-binary", ":all:", package)


def _over(name: str, package: str) -> tuple[str, ...]:
    """The Python of the package in a group, whose binaries are for graphics cards, over another's."""
    return ("over", name, package)


def _beside(package: str) -> tuple[str, ...]:
    """A package for the scripts of ``ask/`` to take in, which would break the environment's own."""
    return ("install", "--no-deps", "--target", "image", package)


_TORCH: Final = ("install", "torch==2.13.0")
"""Before all else: the CPU wheel."""

_TEXT_MODELS: Final = ("qwen2/", "llama/", "glm4/", "phi3/")

_VISION: Final = "torchvision==0.28.0"

SETUPS: Final[Mapping[str, Setup]] = {
    "transformers5": Setup("ask_transformers.py", [_TORCH, _group("transformers5"), _beside(_VISION)]),
    "transformers4": Setup("ask_transformers.py", [_TORCH, _group("transformers4"), _beside(_VISION)]),
    "vllm": Setup(
        "ask_vllm.py",
        [
            _group("vllm"),
            # These are made for the torch with CUDA; vLLM does without, and processors of images without
            # operators.
            ("uninstall", "torchvision", "torchaudio", "torchcodec"),
            _beside(_VISION),
            # Its CPU build is a release behind, and its Python is all that files have to do with.
            _over("vllm-python", "vllm"),
        ],
    ),
    "mlx-lm": Setup("ask_mlx_lm.py", [_group("mlx-lm")]),
    "mlx-vlm": Setup("ask_mlx_vlm.py", [_group("mlx-vlm")]),
    "onnxruntime-genai": Setup(
        "ask_onnxruntime_genai.py", [_TORCH, _group("onnxruntime-genai")], _TEXT_MODELS
    ),
    "exllamav3": Setup("ask_exllamav3.py", [_TORCH, _group("exllamav3"), _alone("exllamav3-alone")]),
    "mistral.rs": Setup("ask_mistralrs.py", [_group("mistralrs")], _TEXT_MODELS[:3]),
    "llama.cpp": Setup(
        "ask_llama_cpp.py", [_TORCH, _group("llama-cpp"), _archive("llama_cpp_python==0.3.36")]
    ),
    "openvino-genai": Setup("ask_openvino_genai.py", [_group("openvino-genai")]),
    "sglang": Setup("ask_sglang.py", [_TORCH, _group("sglang"), _alone("sglang-alone")]),
    "dynamo": Setup("ask_dynamo.py", [_group("dynamo")]),
    "lmdeploy": Setup(
        "ask_lmdeploy.py", [_TORCH, _group("lmdeploy"), _alone("lmdeploy-alone"), _beside(_VISION)]
    ),
}


def uv(*arguments: str | Path, cwd: Path | None = None) -> None:
    """Run uv; of torch it takes the build for the processor. Raises where it fails."""
    found = shutil.which("uv")
    if found is None:
        sys.exit("there is no uv: https://docs.astral.sh/uv/ says how to get it")
    # A place that the caller names for wheels has the builds for the processor.
    backend = {} if "UV_FIND_LINKS" in os.environ else {"UV_TORCH_BACKEND": "cpu"}
    subprocess.run([found, *arguments, "--quiet"], check=True, cwd=cwd, env={**backend, **os.environ})


def interpreter(engine: str) -> Path:
    """The Python of the engine's own environment beside the project, made when it is not there, or is of
    other versions.
    """
    folder = HERE.parents[1] / f".venv-conformance-{engine}"
    python, ready, wanted = folder / "bin" / "python", folder / "ready", _wanted(engine)
    if not ready.exists() or ready.read_text("utf-8") != wanted:
        uv("venv", "--clear", "--seed", "--python", sys.executable, folder)
        for kind, *arguments in SETUPS[engine].installs:
            if kind == "download":
                subprocess.run([python, "-m", "pip", kind, *arguments, "--quiet"], check=True, cwd=folder)
            elif kind == "over":
                _lay_over(folder, python, *arguments)
            else:
                uv("pip", kind, "--python", python, *arguments, cwd=folder)
        ready.write_text(wanted, "utf-8")
    return python


def _wanted(engine: str) -> str:
    """What is to be installed, with the versions of its groups."""
    groups = tomllib.loads((HERE / "pyproject.toml").read_text("utf-8"))["dependency-groups"]
    return "".join(
        f"{word.rpartition('/')[2]} {groups.get(word.rpartition(':')[2], '')}\n"
        for install in SETUPS[engine].installs
        for word in install
    )


def _lay_over(folder: Path, python: Path, group: str, package: str) -> None:
    """Put the Python of ``package`` in the place of what is installed, whose binaries stay.

    It then says that it is the CPU build of that version.
    """
    new = folder / "over"
    uv("pip", *_group(group), "--python", python, "--no-deps", "--target", new, cwd=folder)
    (site,) = (folder / "lib").glob("python*/site-packages")
    for binary in new.joinpath(package).rglob("*.so"):
        binary.unlink()
    for code in site.joinpath(package).rglob("*.py"):
        code.unlink()
    shutil.copytree(new / package, site / package, dirs_exist_ok=True)
    (about,) = new.glob(f"{package}-*.dist-info")
    version = about.name.removesuffix(".dist-info").partition("-")[2]
    told = site / f"{package}-{version}+cpu.dist-info"
    told.mkdir()
    said = f"Metadata-Version: 2.4\nName: {package}\nVersion: {version}+cpu\n"
    (told / "METADATA").write_text(said, "utf-8")
    shutil.rmtree(new)
