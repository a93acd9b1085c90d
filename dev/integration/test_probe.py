"""`genfix probe` against a real server, and a folder run by real engines: 0 before the repair, 1 after it.

The server is `mlx_lm.server` on a GLM-4-shaped model that never stops of itself; the same folder is run by
transformers and by MLX-LM in a child process. Needs MLX-LM, transformers and torch:
``pytest dev/integration``. Interpreters that are elsewhere are named by GENFIX_MLX_PYTHON and
GENFIX_TRANSFORMERS_PYTHON.
"""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from dev.conformance.tiny import write

PYTHONS = {
    "mlx-lm": os.environ.get("GENFIX_MLX_PYTHON", sys.executable),
    "transformers": os.environ.get("GENFIX_TRANSFORMERS_PYTHON", sys.executable),
}
TURNS = [("user", "Hi"), ("assistant", "Hello"), ("user", "Who?")]
PROMPTS = (
    {"id": "one", "prompt": "Who sat?"},
    {"id": "two", "prompt": "谁坐着"},
    {"id": "turns", "messages": [{"role": role, "content": content} for role, content in TURNS]},
)


def has(engine: str, module: str) -> bool:
    command = [PYTHONS[engine], "-c", f"import {module}"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


needs_mlx = pytest.mark.skipif(not has("mlx-lm", "mlx_lm"), reason="MLX-LM is not installed")
needs_transformers = pytest.mark.skipif(
    not has("transformers", "torch, transformers"), reason="no transformers"
)


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """A base, and a merged folder that lost its generation config."""
    base, merged = tmp_path / "base", tmp_path / "merged"
    write(base, "A", "glm4")
    write(merged, "B", "glm4")
    return merged, base


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """`mlx_lm.server` on a free port, up and well."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [PYTHONS["mlx-lm"], "-m", "mlx_lm", "server", "--model", str(folder), "--port", str(port)]
    home = folder.parent / "hf"
    (home / "hub").mkdir(
        parents=True, exist_ok=True
    )  # the server lists the Hub's cache, and fails without one
    server = subprocess.Popen(
        command,
        env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            assert server.poll() is None, "the server ended"
            try:
                with urlopen(f"{url}/health", timeout=5):
                    break
            except OSError:
                time.sleep(0.2)
        yield url
    finally:
        server.terminate()
        server.wait(30)


def genfix(*words: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
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


def probed(target: str | Path, cwd: Path, *words: str | Path) -> tuple[int, dict[str, Any]]:
    """The exit code and the JSON report of a probe."""
    report = cwd / "report.json"
    options = ("--max-tokens", "64", "--output-format", "json", "-o", report)
    done = genfix("probe", target, *words, *options, cwd=cwd)
    return done.returncode, json.loads(report.read_text("utf-8"))


def stop_rate(report: dict[str, Any]) -> float:
    return float(report["run"]["summary"]["rates"]["stopped"]["value"])


@needs_mlx
def test_a_real_server_before_and_after_the_repair(folders: tuple[Path, Path], tmp_path: Path) -> None:
    merged, base = folders
    with serving(merged) as url:
        code, broken = probed(url, tmp_path, "--folder", merged)
    assert (code, stop_rate(broken)) == (1, 0.0)
    assert broken["run"]["summary"]["leaked_markers"] == {"<|user|>": 64}
    assert broken["run"]["diagnosis"][0]["id"] == "probe-files-lack"
    assert "<|user|>" in broken["run"]["diagnosis"][0]["message"]

    with serving(merged) as old:
        assert genfix("repair", merged, "--base", base, cwd=tmp_path).returncode == 0
        _, stale = probed(old, tmp_path, "--folder", merged)
    assert stop_rate(stale) == 0.0
    assert stale["run"]["diagnosis"][0]["id"] == "probe-files-right-server-old"

    with serving(merged) as url:
        code, repaired = probed(url, tmp_path, "--folder", merged)
    assert (code, stop_rate(repaired)) == (0, 1.0)
    assert repaired["run"]["summary"]["leaked_markers"] == {}


@pytest.mark.parametrize(
    "engine",
    [pytest.param("mlx-lm", marks=needs_mlx), pytest.param("transformers", marks=needs_transformers)],
)
def test_a_folder_run_by_its_engine(folders: tuple[Path, Path], tmp_path: Path, engine: str) -> None:
    merged, base = folders
    prompts = tmp_path / "prompts.jsonl"
    prompts.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in PROMPTS), "utf-8")
    options = ("--engine", engine, "--python", PYTHONS[engine], "--prompts", prompts)
    code, report = probed(merged, tmp_path, *options, "--against", base)
    assert (code, stop_rate(report)) == (1, 0.0)
    assert report["run"]["summary"]["leaked_markers"] == {"<|user|>": 3}
    assert report["against"]["summary"]["turn_ends"] == {"<|user|>": 3}
    assert report["comparison"]["rates"]["stopped"]["value"] == -1

    assert genfix("repair", merged, "--base", base, cwd=tmp_path).returncode == 0
    code, report = probed(merged, tmp_path, *options)
    assert (code, stop_rate(report)) == (0, 1.0)
    assert report["run"]["summary"]["turn_ends"] == {"<|user|>": 3}
