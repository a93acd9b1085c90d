"""A folder with every sort of change to plan, its base and its adapter, and the plan file of it."""

import json
from pathlib import Path

import pytest

import genfix
from tests.support.folders import dump, glm_files, safetensors, write_folder
from tests.support.plan_world import GENERATION, World

TOKENIZER = "tokenizer_config.json"


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
