"""Faults that the rate of right answers shows, on a real model in `mlx_lm.server` and vLLM: rows of the
embedding in another order, another base of RoPE, a tokenizer without its merges.

Needs transformers, torch, and MLX-LM or vLLM (`real_servers`): ``pytest dev/integration/test_quality.py``.
The model knows the answers to the English questions of some kinds by heart, and to no others.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from dev.integration.real_servers import NEEDS_MLX, NEEDS_VLLM, genfix, mlx_server, vllm_server
from dev.integration.tiny_language import FAULTS, KINDS, QUESTIONS, broken

SERVERS = {"mlx-lm": mlx_server, "vllm": vllm_server}


@pytest.fixture(
    scope="session", params=[pytest.param("mlx-lm", marks=NEEDS_MLX), pytest.param("vllm", marks=NEEDS_VLLM)]
)
def served(request: pytest.FixtureRequest, sound: Path) -> Iterator[tuple[str, str]]:
    """The engine, and the URL of the sound model in it."""
    if request.param == "vllm":
        yield "vllm", request.getfixturevalue("sound_in_vllm")
    else:
        with mlx_server(sound) as url:
            yield request.param, url


def probed(url: str, cwd: Path, *words: str | Path) -> tuple[int, dict[str, Any]]:
    """The exit code and the JSON report of a probe."""
    prompts, report = cwd / "prompts.jsonl", cwd / "report.json"
    prompts.write_text('{"prompt": "Hello"}\n', "utf-8")
    asked = ("--kinds", ",".join(KINDS), "--prompts", prompts, "--max-tokens", "48", "--min-stop-rate", "0")
    # vLLM samples where nothing says otherwise.
    words = (*asked, "--temperature", "0", *words, "--output-format", "json", "-o", report)
    done = genfix("probe", url, *words, cwd=cwd)
    return done.returncode, json.loads(report.read_text("utf-8"))


def test_the_sound_model_knows_what_it_learned(served: tuple[str, str], tmp_path: Path) -> None:
    code, report = probed(served[1], tmp_path, "--min-pass-rate", "0.4")
    passed = {one["prompt"] for one in report["quality"]["verdicts"] if one["passed"]}
    assert code == 0
    assert passed >= {one.id for one in QUESTIONS}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_told_from_the_sound_model(
    served: tuple[str, str], sound: Path, tmp_path: Path, fault: str
) -> None:
    engine, well = served
    broken(sound, fault, tmp_path / fault)
    with SERVERS[engine](tmp_path / fault) as url:
        code, report = probed(url, tmp_path, "--against", well, "--min-pass-rate", "0.4")
    print(json.dumps(report["verdict"], indent=1))
    total = report["quality"]["comparison"]["total"]
    assert code == 1
    assert total["p"] < 0.001
    assert total["difference"]["high"] < -0.1
    assert "probe-passes-fell" in [said["id"] for said in report["verdict"]]
