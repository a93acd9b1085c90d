"""The promise of the README, kept with the real thing.

A real model is fine-tuned with a real PEFT adapter, merged, and damaged as a training framework once did it.
``generate()`` then runs to its limit. After ``genfix repair`` it stops where the answer ends, after
``genfix undo`` it does not again, and nobody has touched the weights.

Needs torch, transformers and peft, so it is not part of the plain test run: ``pytest dev/integration``.
"""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig

from dev.integration.tiny_glm import STOP_IDS, TUNED_ANSWER, USER, build_adapter, build_base, merge

LIMIT = 64
TOKENIZER_FILES = ("chat_template.jinja", "tokenizer.json", "tokenizer_config.json")

# PEFT calls what transformers is about to rename; neither is ours to fix.
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model the fine-tune started from."""
    folder = tmp_path_factory.mktemp("base") / "glm-4-tiny"
    build_base(folder)
    return folder


@pytest.fixture(scope="session")
def adapter(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The LoRA that was trained on it."""
    folder = tmp_path_factory.mktemp("adapter") / "checkpoint-93"
    build_adapter(base, folder)
    return folder


@pytest.fixture
def merged(base: Path, adapter: Path, tmp_path: Path) -> Path:
    """A healthy merge of the two, with its tokenizer."""
    folder = tmp_path / "merged"
    merge(base, adapter, folder, with_tokenizer=True)
    return folder


def narrow(merged: Path, base: Path) -> None:
    """Write the generation config as ms-swift did until August 2024.

    A new object gets the settings of the run and the one ``eos_token`` of the tokenizer; of the model's own
    object only the keys are kept that the new one does not know, and it knows ``eos_token_id``.
    """
    tokenizer = AutoTokenizer.from_pretrained(base)
    written = GenerationConfig(
        max_new_tokens=2048,
        temperature=0.3,
        top_k=20,
        top_p=0.7,
        do_sample=True,
        repetition_penalty=1.0,
        num_beams=1,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    for key, value in vars(GenerationConfig.from_pretrained(merged)).items():
        if key not in vars(written):
            setattr(written, key, value)
    written.save_pretrained(merged)


def lose(merged: Path, base: Path) -> None:
    """Lose the generation config, and narrow what the engines fall back to."""
    (merged / "generation_config.json").unlink()
    path = merged / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    config["eos_token_id"] = AutoTokenizer.from_pretrained(base).eos_token_id
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def chat(folder: Path) -> list[int]:
    """Load the folder, ask a question, and return the ids of the answer."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder)
    prompt = tokenizer.apply_chat_template(
        [{"role": "user", "content": "Who sat?"}],
        add_generation_prompt=True,
        return_dict=True,
        return_tensors="pt",
    )
    output = model.generate(**prompt, max_new_tokens=LIMIT, do_sample=False)
    return output[0, prompt["input_ids"].shape[1] :].tolist()


def genfix(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run the command line as a user does, in a process of its own."""
    environment = os.environ | {"XDG_CACHE_HOME": str(cwd / "cache"), "NO_COLOR": "1"}
    result = subprocess.run(
        [sys.executable, "-m", "genfix", *map(str, arguments)],
        check=False,
        capture_output=True,
        cwd=cwd,
        encoding="utf-8",
        env=environment,
        timeout=60,
    )
    print(result.args[2:], result.returncode, result.stdout, result.stderr, sep="\n")
    return result


def contents(folder: Path) -> dict[str, str]:
    """Map each file of the model to its digest; what genfix keeps for undo is in ``.cache``."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and ".cache" not in path.parts
    }


def identity(weights: Path) -> tuple[str, int, int, int]:
    """What must never change about the weights: the bytes, the file and its time."""
    stat = weights.stat()
    return hashlib.sha256(weights.read_bytes()).hexdigest(), stat.st_ino, stat.st_mtime_ns, stat.st_nlink


def test_the_merge_is_real(base: Path, merged: Path) -> None:
    """The adapter is in the weights, and nothing of it is left beside them."""
    before, after = load_file(base / "model.safetensors"), load_file(merged / "model.safetensors")
    changed = {
        name.removesuffix(".weight").rpartition(".")[2]
        for name in before
        if not torch.equal(before[name], after[name])
    }
    assert before.keys() == after.keys()
    assert changed == {"q_proj", "v_proj", "lm_head"}
    tokenizer = AutoTokenizer.from_pretrained(merged)
    assert chat(merged) == [*tokenizer.encode(TUNED_ANSWER), USER]


def test_a_healthy_merge_is_left_alone(base: Path, merged: Path, tmp_path: Path) -> None:
    before = contents(merged)
    assert genfix("check", merged, "--base", base, cwd=tmp_path).returncode == 0
    assert genfix("repair", merged, "--base", base, cwd=tmp_path).returncode == 0
    assert contents(merged) == before


@pytest.mark.parametrize("damage", [narrow, lose])
def test_repair_makes_it_stop_and_undo_takes_that_back(
    base: Path, merged: Path, tmp_path: Path, damage: Callable[[Path, Path], None]
) -> None:
    weights = identity(merged / "model.safetensors")
    damage(merged, base)
    damaged = contents(merged)

    endless = chat(merged)
    assert len(endless) == LIMIT
    assert USER in endless
    end = endless.index(USER) + 1
    assert end < LIMIT

    found = genfix("check", merged, "--base", base, cwd=tmp_path)
    assert found.returncode == 1
    assert "eos_token_id" in found.stdout
    assert contents(merged) == damaged

    assert genfix("repair", merged, "--base", base, cwd=tmp_path).returncode == 0
    assert chat(merged) == endless[:end]
    assert GenerationConfig.from_pretrained(merged).eos_token_id == STOP_IDS
    assert genfix("check", merged, "--base", base, cwd=tmp_path).returncode == 0

    repaired = contents(merged)
    assert genfix("repair", merged, "--base", base, cwd=tmp_path).returncode == 0
    assert contents(merged) == repaired

    assert genfix("undo", merged, cwd=tmp_path).returncode == 0
    assert contents(merged) == damaged
    assert chat(merged) == endless
    assert identity(merged / "model.safetensors") == weights


def test_repair_brings_a_lost_tokenizer_back(base: Path, adapter: Path, tmp_path: Path) -> None:
    """Only the model was saved after the merge: PEFT's guide does not say that the tokenizer is another
    object.
    """
    merged = tmp_path / "merged"
    merge(base, adapter, merged, with_tokenizer=False)
    narrow(merged, base)
    damaged, weights = contents(merged), identity(merged / "model.safetensors")
    assert not damaged.keys() & set(TOKENIZER_FILES)
    with pytest.raises(ValueError, match="tokenizer"):
        AutoTokenizer.from_pretrained(merged)

    assert genfix("repair", merged, "--base", base, cwd=tmp_path).returncode == 0
    for name in TOKENIZER_FILES:
        assert (merged / name).read_bytes() == (base / name).read_bytes()
    tokenizer = AutoTokenizer.from_pretrained(merged)
    assert chat(merged) == [*tokenizer.encode(TUNED_ANSWER), USER]

    assert genfix("undo", merged, cwd=tmp_path).returncode == 0
    assert contents(merged) == damaged
    assert identity(merged / "model.safetensors") == weights
