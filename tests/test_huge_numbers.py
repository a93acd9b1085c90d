"""A number of hundreds of digits, in the place of any number of any file: findings or one sentence."""

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from genfix.catalogue.identify import facts_of
from genfix.errors import GenfixError
from genfix.json_types import JsonValue
from genfix.model import Model
from tests.support.folders import (
    Files,
    MemoryFolder,
    chatml_files,
    dump,
    glm_files,
    vlm_files,
    with_json,
    write_folder,
)
from tests.support.judging import find, plan, viewed
from tests.support.running import runner
from tests.support.weight_files import causal, weight_file

HUGE = 10**400
MORE: dict[str, JsonValue] = {
    "max_position_embeddings": 4096,
    "model_max_length": 4096,
    "sliding_window": 4096,
    "seq_length": 4096,
    "max_seq_len": 4096,
    "n_positions": 4096,
    "num_hidden_layers": 2,
    "num_experts": 8,
    "n_routed_experts": 8,
    "hidden_size": 4,
    "vocab_size": 1024,
    "padded_vocab_size": 1024,
    "head_dim": 64,
    "eos_token_id": [2, 1],
    "bos_token_id": 1,
    "pad_token_id": 0,
    "rope_theta": 1e6,
    "rope_scaling": {
        "rope_type": "yarn",
        "factor": 4.0,
        "original_max_position_embeddings": 4096,
        "long_factor": [1.0, 2.0],
    },
    "quantization_config": {"quant_method": "gptq", "bits": 4, "group_size": 128},
}


def replaced(value: JsonValue, by: JsonValue) -> Iterator[JsonValue]:
    """The document with each of its numbers replaced, one at a time."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield from ({**value, key: other} for other in replaced(part, by))
    elif isinstance(value, list):
        for place, part in enumerate(value[:4]):
            yield from ([*value[:place], other, *value[place + 1 :]] for other in replaced(part, by))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield by


def whole(files: Files) -> Files:
    weights = weight_file(causal() | {"lm_head.weight": (1024, 4)})
    changed = with_json(files, "config.json", **(json.loads(files["config.json"]) | MORE))
    return changed | {
        "model.safetensors": weights,
        "generation_config.json": dump(
            json.loads(files.get("generation_config.json", b"{}"))
            | {"temperature": 0.5, "top_k": 4, "max_length": 9, "eos_token_id": [2], "stop_token_ids": [3]}
        ),
    }


def judge_all(merged: Files, base: Files) -> None:
    """Every rule on both sides, what every engine makes of the folder, and which official model it is;
    whatever is wrong is raised.
    """
    facts_of(Model(MemoryFolder(merged)))
    with suppress(GenfixError):  # one sentence, as of a base that does not parse
        plan(merged, base, unsafe=True)
    with suppress(GenfixError):
        find(base, merged)
    viewed(Model(MemoryFolder(merged)))


@pytest.mark.parametrize("make", [glm_files, chatml_files, vlm_files])
@pytest.mark.parametrize("number", [HUGE, -HUGE, 1e308])
def test_any_number_may_be_huge(make: Callable[[], Files], number: float) -> None:
    files = whole(make())
    for name, content in files.items():
        if name.endswith(".json"):
            for document in replaced(json.loads(content), number):
                judge_all(files | {name: json.dumps(document).encode()}, files)


@pytest.mark.parametrize("digits", [400, 5000])
def test_ids_and_numbers_in_names_may_be_huge(digits: int) -> None:
    nines = "9" * digits
    files = whole(chatml_files())
    settings = json.loads(files["tokenizer_config.json"])
    settings["added_tokens_decoder"] = {nines: {"content": "<|im_end|>", "special": True}}
    tensors = {f"model.layers.{nines}.mlp.experts.{nines}.up_proj.weight": (4, 4)}
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'a' * 64}\nsize {nines}\n"
    changes: dict[str, Files] = {
        "decoder": {"tokenizer_config.json": dump(settings)},
        "tensors": {"model.safetensors": weight_file(causal() | tensors)},
        "number": {"generation_config.json": b'{"eos_token_id": %s}' % nines.encode()},
        "float": {"generation_config.json": f'{{"eos_token_id": [{nines}.0, 1e{nines[:4]}]}}'.encode()},
        "added": {"added_tokens.json": b'{"<|im_end|>": %s}' % nines.encode()},
        "pointer": {"tokenizer.json": pointer.encode()},
        "shard": {f"model-00001-of-{nines[:200]}.safetensors": weight_file(causal())},
        "version": {"config.json": dump({**MORE, "transformers_version": f"{nines}.{nines}"})},
    }
    for changed in changes.values():
        judge_all(files | changed, files)


@pytest.mark.parametrize("command", ["check", "plan", "engines", "repair", "diff"])
def test_a_huge_stop_token_is_told_by_every_command(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = whole(glm_files())
    base = write_folder(tmp_path / "base", files)
    merged = write_folder(
        tmp_path / "merged", files | {"generation_config.json": dump({"eos_token_id": HUGE})}
    )
    given = () if command == "engines" else ("--base", base)
    done = runner(capsys)(command, merged, *given)
    assert "bug in genfix" not in done.err
    assert done.code in {0, 1}
