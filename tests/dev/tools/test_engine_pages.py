"""docs/engines.md says what was measured, and of the rest that it was not."""

import json
from pathlib import Path

import pytest

from dev.conformance.tiny import ROWS
from dev.tools import engine_pages
from genfix.engines.every import EVERY_ENGINE, all_engines

FOLDERS = {
    "engine": "vllm",
    "version": "0.32.0",
    "libraries": {"transformers": "5.19.0"},
    "view": "0.32.0",
    "date": "2026-11-24",
    "folders": 5044,
    "agree": 5040,
    "known": {"The toy vocabulary is to blame": 3},
    "differ": 1,
}


def test_the_page_is_fresh() -> None:
    text = engine_pages.PAGE.read_text("utf-8")
    assert engine_pages.filled(text) == text, "run: python -m dev.tools.engine_pages"


def test_without_results_nothing_was_run(tmp_path: Path) -> None:
    parts = engine_pages.blocks(tmp_path)
    assert set(parts) == {"matrix", "commands", *all_engines()}
    for engine, known in all_engines().items():
        if not known.was_run:
            assert parts[engine].endswith("| asked | read, not run |")
            continue
        assert "| agreement | not run |" in parts[engine]
        assert "| generated | not run |" in parts[engine]
    for row in ROWS:
        (line,) = [line for line in parts["matrix"].splitlines() if line.startswith(f"| {row} |")]
        assert line.count("not run") == len(EVERY_ENGINE)


def test_a_result_comes_with_its_versions_its_date_and_what_differs(tmp_path: Path) -> None:
    (tmp_path / "vllm.json").write_text(json.dumps(FOLDERS))
    told = engine_pages.blocks(tmp_path)["vllm"]
    assert "0.32.0, transformers 5.19.0, 2026-11-24" in told
    assert "5,040 of 5,044 folders; 3 differ for a reason that is known, see below; **1 differ**" in told
    assert "- 3 folders: The toy vocabulary is to blame." in told


def test_a_row_tells_which_architecture_differs(tmp_path: Path) -> None:
    answers = {"qwen2": "length", "llama": "length", "glm4": "stop", "glm": "-"}
    matrix = {"version": "1", "date": "2026-11-24", "answers": 4, "agree": 4, "rows": {"B": answers}}
    (tmp_path / "matrix-llama.cpp.json").write_text(json.dumps(matrix | {"errors": {"B": "ValueError: x"}}))
    parts = engine_pages.blocks(tmp_path)
    assert "| length; stop for glm4; not run for glm |" in parts["matrix"]
    assert "- Row B, llama.cpp: `ValueError: x`" in parts["matrix"]
    assert "4 of 4 answers end as the view says" in parts["llama.cpp"]


@pytest.mark.parametrize("text", ["", "<!-- matrix:begin -->\n" * 2])
def test_a_page_without_its_markers_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="matrix"):
        engine_pages.filled(text)
