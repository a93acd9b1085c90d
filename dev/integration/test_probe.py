"""`genfix probe` against a real server, and a folder run by real engines: 0 before the repair, 1 after it.

The server is `mlx_lm.server` on a GLM-4-shaped model that never stops of itself; the same folder is run by
transformers and by MLX-LM in a child process. Needs MLX-LM, transformers and torch:
``pytest dev/integration``. `real_servers` says how interpreters that are elsewhere are named.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from dev.conformance.tiny import write
from dev.integration.real_servers import NEEDS_MLX, NEEDS_TRANSFORMERS, PYTHONS, genfix, mlx_server

TURNS = [("user", "Hi"), ("assistant", "Hello"), ("user", "Who?")]
PROMPTS = (
    {"id": "one", "prompt": "Who sat?"},
    {"id": "two", "prompt": "谁坐着"},
    {"id": "turns", "messages": [{"role": role, "content": content} for role, content in TURNS]},
)


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """A base, and a merged folder that lost its generation config."""
    base, merged = tmp_path / "base", tmp_path / "merged"
    write(base, "A", "glm4")
    write(merged, "B", "glm4")
    return merged, base


def probed(target: str | Path, cwd: Path, *words: str | Path) -> tuple[int, dict[str, Any]]:
    """The exit code and the JSON report of a probe."""
    report = cwd / "report.json"
    options = ("--max-tokens", "64", "--output-format", "json", "-o", report)
    done = genfix("probe", target, *words, *options, cwd=cwd)
    return done.returncode, json.loads(report.read_text("utf-8"))


def stop_rate(report: dict[str, Any]) -> float:
    return float(report["run"]["summary"]["rates"]["stopped"]["value"])


@NEEDS_MLX
def test_a_real_server_before_and_after_the_repair(folders: tuple[Path, Path], tmp_path: Path) -> None:
    merged, base = folders
    with mlx_server(merged) as url:
        code, broken = probed(url, tmp_path, "--folder", merged)
    assert (code, stop_rate(broken)) == (1, 0.0)
    assert broken["run"]["summary"]["leaked_markers"] == {"<|user|>": 64}
    assert broken["run"]["diagnosis"][0]["id"] == "probe-files-lack"
    assert "<|user|>" in broken["run"]["diagnosis"][0]["message"]

    with mlx_server(merged) as old:
        assert genfix("repair", merged, "--base", base, cwd=tmp_path).returncode == 0
        _, stale = probed(old, tmp_path, "--folder", merged)
    assert stop_rate(stale) == 0.0
    assert stale["run"]["diagnosis"][0]["id"] == "probe-files-right-server-old"

    with mlx_server(merged) as url:
        code, repaired = probed(url, tmp_path, "--folder", merged)
    assert (code, stop_rate(repaired)) == (0, 1.0)
    assert repaired["run"]["summary"]["leaked_markers"] == {}


@pytest.mark.parametrize(
    "engine",
    [pytest.param("mlx-lm", marks=NEEDS_MLX), pytest.param("transformers", marks=NEEDS_TRANSFORMERS)],
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
