"""The tiny checkpoints: the metadata of the verdict matrix, weights that are what they claim, and recorded
verdicts.
"""

import json
import struct
from pathlib import Path

import pytest

from dev.conformance.matrix import NOT_RUN, verdict, view_of
from dev.conformance.tiny import ANSWER, ARCHITECTURES, ROWS, SPECIAL, USER, rows, write
from genfix.engines.every import EVERY_ENGINE, engine_view
from genfix.json_types import JsonValue
from genfix.model import Model
from tests.support.engine_folders import MATRIX
from tests.support.engine_folders import USER as EXPECTED_USER
from tests.support.folders import Files, MemoryFolder
from tests.support.places import ROOT

RESULTS = ROOT / "dev" / "conformance" / "results"
RECORDED = sorted(RESULTS.glob("matrix-*.json"))


def says(files: Files) -> tuple[JsonValue, ...]:
    """All that a folder says of the end."""
    generation = Model(MemoryFolder(files)).generation_config
    config = json.loads(files["config.json"])
    eos = json.loads(files["tokenizer_config.json"])["eos_token"]
    own: JsonValue = "unreadable" if generation.unreadable else generation.present
    if generation.value is not None:
        own = ["file", generation.value.get("eos_token_id", "absent")]
    return own, config.get("eos_token_id", "absent"), eos


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_rows_are_those_of_the_views_own_tests(architecture: str) -> None:
    files = {row: dict(content) for row, content in rows(architecture).items()}
    assert {row: says(content) for row, content in files.items()} == {
        row: says(content) for row, (content, *_) in MATRIX.items()
    }
    assert USER == EXPECTED_USER
    assert all(row.sentence for row in ROWS.values())


# llama.cpp takes added tokens from tokenizer.json alone, where a sketch has none.
@pytest.mark.parametrize("engine", sorted(EVERY_ENGINE.keys() - {"llama.cpp"}))
@pytest.mark.parametrize("row", ROWS)
def test_views_stop_at_the_same_in_the_real_checkpoint_and_in_a_sketch(row: str, engine: str) -> None:
    real, sketch = (
        engine_view(engine, Model(MemoryFolder(files))) for files in (dict(rows()[row]), MATRIX[row][0])
    )
    assert (USER in real.stop_token_ids) == (USER in sketch.stop_token_ids)
    assert real.loads >= sketch.loads  # an engine may miss in a sketch what the real one has


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_what_an_engine_did_is_still_what_its_view_says(path: Path) -> None:
    recorded = json.loads(path.read_bytes())
    assert recorded["agree"] == recorded["answers"]
    made = {name: rows(name) for name in ARCHITECTURES}
    for row, answers in recorded["rows"].items():
        for architecture, answer in answers.items():
            model = Model(MemoryFolder(dict(made[architecture][row])))
            view = view_of(recorded["engine"], model, recorded["version"])
            assert answer in {verdict(view), NOT_RUN}, (row, architecture)


def tensors(content: bytes) -> dict[str, tuple[tuple[int, ...], tuple[float, ...]]]:
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    data = content[8 + size :]
    found = {}
    for name, entry in header.items():
        if name != "__metadata__":
            start, end = entry["data_offsets"]
            values = struct.unpack(f"<{(end - start) // 4}f", data[start:end])
            found[name] = (tuple(entry["shape"]), values)
    return found


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_weights_continue_every_token_with_the_answer(tmp_path: Path, architecture: str) -> None:
    write(tmp_path / "model", "B", architecture)
    found = tensors((tmp_path / "model" / "model.safetensors").read_bytes())
    (vocabulary, hidden), embedding = found["model.embed_tokens.weight"]
    shape, head = found["lm_head.weight"]
    assert shape == (vocabulary, hidden)
    assert hidden >= vocabulary  # so that every token has a direction of its own
    follower = dict(zip(ANSWER, [*ANSWER[1:], ANSWER[0]], strict=True))
    for token in range(vocabulary):
        assert [i for i in range(hidden) if embedding[token * hidden + i]] == [token]
        after = [row for row in range(vocabulary) if head[row * hidden + token]]
        assert after == [follower.get(token, ANSWER[0])]
    for name in ("self_attn.o_proj", "mlp.down_proj"):
        assert not any(found[f"model.layers.0.{name}.weight"][1])


def test_the_tokenizer_has_a_letter_for_each_byte_and_the_special_tokens_behind() -> None:
    document = json.loads(rows()["A"]["tokenizer.json"])
    vocabulary = document["model"]["vocab"]
    assert sorted(vocabulary.values()) == list(range(257))
    assert [vocabulary[letter] for letter in "aĠĊ"] == [*b"a \n"]
    assert {token["content"]: token["id"] for token in document["added_tokens"]} == SPECIAL
    assert list(SPECIAL.values()) == list(range(257, 267))
    config = json.loads(rows()["A"]["config.json"])
    assert config["vocab_size"] > max(SPECIAL.values())
