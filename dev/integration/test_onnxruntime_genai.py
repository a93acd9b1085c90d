"""A repair held against ONNX Runtime GenAI itself: a tiny Qwen2 is built by its own builder, and generates.

Built from the folder that lost its stop ids it runs to the limit, and built from the repaired one it stops.

Needs the builder, the runtime and what they read with: ``uv run --with torch==2.13.0 --with
transformers==5.24.0 --with onnxruntime-genai==0.18.0 --with onnxruntime --with onnx-ir==1.1.0 --with onnx
pytest dev/integration/test_onnxruntime_genai.py``.
"""

from pathlib import Path

import pytest

import genfix
from dev.conformance.tiny import USER, write
from genfix.engines.every import engine_view
from genfix.folder import LocalFolder
from genfix.model import Model

genai = pytest.importorskip("onnxruntime_genai")
builder = pytest.importorskip("onnxruntime_genai.models.builder")

LIMIT = 40


def built(folder: Path, place: Path) -> Path:
    """The ONNX model that the builder makes of a folder."""
    names = "", str(folder), str(place), "fp32", "cpu", str(place / "cache")
    builder.create_model(*names, **builder.parse_extra_options(*names, []))
    return place


def written(place: Path) -> int:
    """How many tokens the model writes before it stops, or the limit stops it."""
    model = genai.Model(str(place))
    tokenizer = genai.Tokenizer(model)
    parameters = genai.GeneratorParams(model)
    parameters.set_search_options(max_length=LIMIT, do_sample=False)
    generator = genai.Generator(model, parameters)
    question = tokenizer.encode("well?")
    generator.append_tokens(question)
    count = 0
    while not generator.is_done():
        generator.generate_next_token()
        count += 1
    return count


def stops(folder: Path) -> bool:
    """What the view says."""
    return USER in engine_view("onnxruntime-genai", Model(LocalFolder(folder))).stop_token_ids


@pytest.mark.parametrize("row", ["B", "F"])
def test_a_model_that_never_stops_does_after_the_repair(tmp_path: Path, row: str) -> None:
    write(tmp_path / "base", "A")
    write(tmp_path / "merged", row)
    assert not stops(tmp_path / "merged")
    assert written(built(tmp_path / "merged", tmp_path / "before")) > LIMIT // 2
    genfix.repair(tmp_path / "merged", tmp_path / "base")
    assert stops(tmp_path / "merged")
    assert written(built(tmp_path / "merged", tmp_path / "after")) < LIMIT // 2
