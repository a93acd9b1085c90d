"""Real servers on a free port, each in the interpreter that has it.

That is this one, or the one that is named in the environment: GENFIX_MLX_PYTHON (mlx-lm),
GENFIX_TRANSFORMERS_PYTHON (transformers, torch), GENFIX_LLAMA_PYTHON, where ``pip install
'llama-cpp-python[server]==0.3.36' gguf==0.19.0 safetensors`` was run, which builds llama.cpp, and
GENFIX_VLLM_PYTHON, with vLLM's build for processors: group ``vllm`` of dev/conformance/pyproject.toml.
"""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest

PYTHONS = {
    "mlx-lm": os.environ.get("GENFIX_MLX_PYTHON", sys.executable),
    "transformers": os.environ.get("GENFIX_TRANSFORMERS_PYTHON", sys.executable),
    "llama-cpp-python": os.environ.get("GENFIX_LLAMA_PYTHON", sys.executable),
    "vllm": os.environ.get("GENFIX_VLLM_PYTHON", sys.executable),
}


def needs(engine: str, modules: str) -> pytest.MarkDecorator:
    """Skips where the engine's interpreter has not all of some modules."""
    command = [PYTHONS[engine], "-c", f"import {modules}"]
    found = subprocess.run(command, capture_output=True, check=False).returncode == 0
    return pytest.mark.skipif(not found, reason=f"{PYTHONS[engine]} cannot import {modules}")


NEEDS_MLX = needs("mlx-lm", "mlx_lm")
NEEDS_TRANSFORMERS = needs("transformers", "torch, transformers")
NEEDS_LLAMA = needs("llama-cpp-python", "llama_cpp, uvicorn, gguf, safetensors")
# The import takes half a minute: only the interpreter's name is asked for.
NEEDS_VLLM = pytest.mark.skipif("GENFIX_VLLM_PYTHON" not in os.environ, reason="no GENFIX_VLLM_PYTHON")


@contextmanager
def mlx_server(folder: Path) -> Iterator[str]:
    """`mlx_lm.server`, up and well."""
    home = folder.parent / "hf"  # the server lists the Hub's cache, and fails without one
    (home / "hub").mkdir(parents=True, exist_ok=True)
    words = ["-m", "mlx_lm", "server", "--model", str(folder)]
    with _serving(
        [PYTHONS["mlx-lm"], *words], "health", {"HF_HUB_OFFLINE": "1", "HF_HOME": str(home)}
    ) as url:
        yield url


@contextmanager
def llama_server(file: Path) -> Iterator[str]:
    """llama-cpp-python's server of a GGUF, up and well."""
    command = [PYTHONS["llama-cpp-python"], "-m", "llama_cpp.server", "--model", str(file)]
    with _serving([*command, "--n_ctx", "4096", "--n_threads", "1"], "v1/models", {}) as url:
        yield url


@contextmanager
def vllm_server(folder: Path, *options: str) -> Iterator[str]:
    """vLLM's server of a folder on a processor, up and well."""
    # As in dev/conformance/serve_vllm.py; with less than float32 the numbers are not those of the folder.
    words = ["-m", "vllm.entrypoints.openai.api_server", "--model", str(folder), "--host", "127.0.0.1"]
    settings = {"VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_NO_USAGE_STATS": "1", "HF_HUB_OFFLINE": "1"}
    command = [PYTHONS["vllm"], *words, "--enforce-eager", "--dtype", "float32", *options]
    with _serving(command, "health", settings) as url:
        yield url


@contextmanager
def _serving(command: list[str], health: str, environment: Mapping[str, str]) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [*command, "--port", str(port)],
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(1500):
            assert server.poll() is None, "the server ended"
            try:
                with urlopen(f"{url}/{health}", timeout=5):
                    break
            except OSError:
                time.sleep(0.2)
        else:
            raise AssertionError("the server was not up in time")
        yield url
    finally:
        server.terminate()
        server.wait(60)


def genfix(*words: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """The command line."""
    done = subprocess.run(
        [sys.executable, "-m", "genfix", *map(str, words)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
        cwd=cwd,
        timeout=600,
        check=False,
    )
    print(*words, done.returncode, done.stdout, done.stderr, sep="\n")
    return done
