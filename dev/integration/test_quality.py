"""Faults that the rate of right answers shows, on a real model in `mlx_lm.server`: rows of the embedding in
another order, another base of RoPE, a tokenizer without its merges.

Needs MLX-LM, transformers and torch: ``pytest dev/integration/test_quality.py``. The model knows the answers
to the English questions of some kinds by heart, and to no others.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from dev.integration.real_servers import NEEDS_MLX, genfix, mlx_server
from dev.integration.tiny_language import FAULTS, KINDS, QUESTIONS, broken

pytestmark = NEEDS_MLX


@pytest.fixture(scope="session")
def served(sound: Path) -> Iterator[str]:
    with mlx_server(sound) as url:
        yield url


def probed(url: str, cwd: Path, *words: str | Path) -> tuple[int, dict[str, Any]]:
    """The exit code and the JSON report of a probe."""
    prompts, report = cwd / "prompts.jsonl", cwd / "report.json"
    prompts.write_text('{"prompt": "Hello"}\n', "utf-8")
    asked = ("--kinds", ",".join(KINDS), "--prompts", prompts, "--max-tokens", "48", "--min-stop-rate", "0")
    done = genfix("probe", url, *asked, *words, "--output-format", "json", "-o", report, cwd=cwd)
    return done.returncode, json.loads(report.read_text("utf-8"))


def test_the_sound_model_knows_what_it_learned(served: str, tmp_path: Path) -> None:
    code, report = probed(served, tmp_path, "--min-pass-rate", "0.4")
    passed = {one["prompt"] for one in report["quality"]["verdicts"] if one["passed"]}
    assert code == 0
    assert passed >= {one.id for one in QUESTIONS}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_told_from_the_sound_model(served: str, sound: Path, tmp_path: Path, fault: str) -> None:
    broken(sound, fault, tmp_path / fault)
    with mlx_server(tmp_path / fault) as url:
        code, report = probed(url, tmp_path, "--against", served, "--min-pass-rate", "0.4")
    print(json.dumps(report["verdict"], indent=1))
    total = report["quality"]["comparison"]["total"]
    assert code == 1
    assert total["p"] < 0.001
    assert total["difference"]["high"] < -0.1
    assert "probe-passes-fell" in [said["id"] for said in report["verdict"]]
