"""Data of the engines' own code: of the very versions that the views claim."""

import json
from pathlib import Path

import pytest

from genfix.engines import transformers4, transformers5
from genfix.engines.every import EVERY_ENGINE
from genfix.engines.shared import loaders
from genfix.engines.shared.loaders import own_types

DATA = Path(loaders.__file__).parents[1] / "data"


@pytest.mark.parametrize(
    ("file", "version"),
    [
        ("loaders4.json", transformers4.ENGINE.version),
        ("loaders5.json", transformers5.ENGINE.version),
        ("ropes4.json", transformers4.ENGINE.version),
        ("ropes5.json", transformers5.ENGINE.version),
        ("transformers4.json", transformers4.ENGINE.version),
        ("transformers5.json", transformers5.ENGINE.version),
        ("tokenizer_parts.json", transformers5.ENGINE.version),
    ],
)
def test_what_was_asked_of_a_library_is_of_the_version_that_its_view_claims(file: str, version: str) -> None:
    assert json.loads((DATA / file).read_text("utf-8"))["transformers"] == version


@pytest.mark.parametrize("engine", json.loads((DATA / "engine_types.json").read_text("utf-8")))
def test_types_of_an_engine_are_of_the_version_that_its_view_claims(engine: str) -> None:
    found = json.loads((DATA / "engine_types.json").read_text("utf-8"))[engine]
    assert found["version"] == EVERY_ENGINE[engine].version
    assert own_types(engine).types
