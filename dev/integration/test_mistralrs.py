"""A repair held against mistral.rs itself: a tiny Qwen2 that lost its stop ids runs to the limit, and the
repaired one stops; where the engine says no before, the view says so.

Needs mistralrs: ``uv run --with mistralrs==0.9.5 pytest dev/integration/test_mistralrs.py``.
"""

from pathlib import Path

import pytest

import genfix
from dev.conformance.tiny import USER, write
from genfix.engines.every import engine_view
from genfix.folder import LocalFolder
from genfix.model import Model

mistralrs = pytest.importorskip("mistralrs")

LIMIT = 30


def answer(folder: Path) -> str:
    """Why the model stopped."""
    runner = mistralrs.Runner(which=mistralrs.Which.Plain(model_id=str(folder)))
    request = mistralrs.ChatCompletionRequest(
        messages=[{"role": "user", "content": "well?"}], model="default", max_tokens=LIMIT, temperature=0.0
    )
    return str(runner.send_chat_completion_request(request).choices[0].finish_reason)


def stops(folder: Path) -> bool:
    """What the view says."""
    return USER in engine_view("mistral.rs", Model(LocalFolder(folder))).stop_token_ids


@pytest.mark.parametrize("row", ["B", "E", "F"])
@pytest.mark.parametrize("architecture", ["qwen2", "llama", "glm4"])
def test_a_model_that_never_stops_does_after_the_repair(tmp_path: Path, row: str, architecture: str) -> None:
    write(tmp_path / "base", "A", architecture)
    write(tmp_path / "merged", row, architecture)
    assert (answer(tmp_path / "merged"), stops(tmp_path / "merged")) == ("length", False)
    genfix.repair(tmp_path / "merged", tmp_path / "base")
    assert (answer(tmp_path / "merged"), stops(tmp_path / "merged")) == ("stop", True)


def test_an_end_that_is_no_token_keeps_it_from_starting(tmp_path: Path) -> None:
    write(tmp_path / "merged", "P")
    view = engine_view("mistral.rs", Model(LocalFolder(tmp_path / "merged")))
    assert "engine-cannot-find-end" in {problem.id for problem in view.problems}
    with pytest.raises(BaseException, match="EOS token"):  # what Rust calls a panic is no Exception
        answer(tmp_path / "merged")
