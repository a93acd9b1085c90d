"""A folder with every sort of change to plan, its base and its adapter, and the plan file of it."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import genfix
from genfix.planner.saving import canonical_id
from tests.cli.conftest import Run, runner
from tests.folders import dump, glm_files, safetensors, write_folder

GENERATION, TOKENIZER = "generation_config.json", "tokenizer_config.json"


class World(NamedTuple):
    """Folders, and a plan file beside them."""

    merged: Path
    base: Path
    plan: Path

    @property
    def document(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.plan.read_bytes())
        return document

    def rewrite(self, document: dict[str, Any], *, sign: bool = True) -> None:
        """Put another plan there, with the id it should have."""
        if sign:
            document["id"] = canonical_id(document)
        self.plan.write_text(json.dumps(document))


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(capsys)


@pytest.fixture
def world(tmp_path: Path) -> World:
    files = glm_files()
    base = write_folder(tmp_path / "base", files)
    broken = json.loads(files[GENERATION]) | {"eos_token_id": 151329, "max_new_tokens": 9}
    merged = write_folder(
        tmp_path / "merged",
        {name: content for name, content in files.items() if name != "tokenization_chatglm.py"}
        | {
            GENERATION: dump(broken),
            TOKENIZER: b"\xef\xbb\xbf" + files[TOKENIZER],
            "model.safetensors": safetensors(151552, 4096),
            "adapter_config.json": b"{}",
        },
    )
    path = tmp_path / "plan.json"
    genfix.save_plan(genfix.plan(merged, base, unsafe_fixes=True), path)
    return World(merged, base, path)
