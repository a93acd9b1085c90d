"""GGUF files held against llama.cpp itself: what genfix writes is read by gguf-py and by the runtime, a model
without its stop runs to the limit, and the repaired one stops.

Needs gguf and llama_cpp_python, which takes a while to build:
``uv run --group gguf pytest dev/integration/test_gguf.py``.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import genfix

gguf = pytest.importorskip("gguf")
llama_cpp = pytest.importorskip("llama_cpp")

from dev.integration.tiny_gguf import SPECIAL, TEMPLATE, USER, write_model  # noqa: E402 - it needs both
from genfix.engines.gguf_runtime import runtime_view  # noqa: E402
from genfix.folder import LocalFolder  # noqa: E402
from genfix.model.gguf_model import GgufModel  # noqa: E402

LIMIT = 24
QUESTION = [{"role": "user", "content": "well?"}]


@contextmanager
def loaded(path: Path, **options: object) -> Iterator["llama_cpp.Llama"]:
    model = llama_cpp.Llama(model_path=str(path), n_ctx=128, n_threads=1, verbose=False, **options)
    try:
        yield model
    finally:
        model.close()


def answer(path: Path) -> tuple[str, str]:
    """What the model says, and why it stopped."""
    with loaded(path) as model:
        (choice,) = model.create_chat_completion(QUESTION, max_tokens=LIMIT, temperature=0.0)["choices"]
    return choice["message"]["content"], choice["finish_reason"]


def real_ends(path: Path) -> set[int]:
    """The ids at which llama.cpp ends generation."""
    with loaded(path, vocab_only=True) as model:
        vocab = llama_cpp.llama_model_get_vocab(model.model)
        return {token for token in range(model.n_vocab()) if llama_cpp.llama_vocab_is_eog(vocab, token)}


def view_of(path: Path) -> set[int]:
    return {*runtime_view(GgufModel(LocalFolder(path.parent), path.name)).stop_token_ids}


def tensors(path: Path) -> dict[str, tuple[object, bytes]]:
    return {tensor.name: (tensor.tensor_type, bytes(tensor.data)) for tensor in gguf.GGUFReader(path).tensors}


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    path = tmp_path / "broken.gguf"
    write_model(path, eot=None)
    return path


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    path = tmp_path / "whole.gguf"
    write_model(path)
    return path


def test_the_broken_one_runs_on_and_the_repaired_one_stops(broken: Path, whole: Path, tmp_path: Path) -> None:
    assert answer(whole) == ("yesno", "stop")
    said, reason = answer(broken)
    assert reason == "length"
    assert said.startswith("yesno")
    assert "more" in said
    fixed = tmp_path / "fixed.gguf"
    done = genfix.repair(broken, whole, output=fixed)
    assert [finding.code for finding in done.plan.fixed] == ["GF101"]
    assert answer(fixed) == ("yesno", "stop")
    assert tensors(fixed) == tensors(broken)
    assert genfix.check(fixed, whole).findings == ()


def test_one_repaired_against_the_folder_it_was_made_of_stops(broken: Path, tmp_path: Path) -> None:
    folder = tmp_path / "NEW"
    folder.mkdir()
    entries = {
        str(number): {"content": text, "special": True, "normalized": False}
        for number, text in enumerate(("<unk>", "<s>", *SPECIAL))
    }
    settings = {"eos_token": USER, "chat_template": TEMPLATE, "added_tokens_decoder": entries}
    added = [{"id": int(number), **entry} for number, entry in entries.items()]
    ends = {"eos_token_id": [2, 3]}
    for name, values in {
        "config.json": {"model_type": "llama", "architectures": ["LlamaForCausalLM"], **ends},
        "generation_config.json": ends,
        "tokenizer_config.json": {"tokenizer_class": "LlamaTokenizer", "bos_token": "<s>", **settings},
        "tokenizer.json": {"version": "1.0", "added_tokens": added, "model": {"type": "BPE"}},
    }.items():
        (folder / name).write_text(json.dumps(values))
    assert answer(broken)[1] == "length"
    fixed = tmp_path / "fixed.gguf"
    genfix.repair(broken, folder, output=fixed)
    assert answer(fixed) == ("yesno", "stop")


def test_a_lost_template_comes_back(whole: Path, tmp_path: Path) -> None:
    bare, fixed = tmp_path / "bare.gguf", tmp_path / "fixed.gguf"
    write_model(bare, template=None)
    genfix.repair(bare, whole, output=fixed)
    assert answer(fixed) == ("yesno", "stop")


def test_gguf_py_reads_every_key(broken: Path, whole: Path, tmp_path: Path) -> None:
    fixed = tmp_path / "fixed.gguf"
    genfix.repair(broken, whole, output=fixed)
    ours = GgufModel(LocalFolder(tmp_path), "fixed.gguf").header
    theirs = gguf.GGUFReader(fixed)
    assert {key: ours.value(key) for key in ours.entries} == {
        name: field.contents() for name, field in theirs.fields.items() if not name.startswith("GGUF.")
    }
    assert {name: tensor.shape for name, tensor in ours.tensors.items()} == {
        tensor.name: tuple(map(int, tensor.shape)) for tensor in theirs.tensors
    }
    assert {name: ours.data_start + tensor.offset for name, tensor in ours.tensors.items()} == {
        tensor.name: tensor.data_offset for tensor in theirs.tensors
    }


@pytest.mark.parametrize("eot", [None, USER, "<|assistant|>"])
def test_the_view_stops_where_llama_cpp_does(eot: str | None, tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    write_model(path, eot=eot)
    assert view_of(path) == real_ends(path)


@pytest.mark.skipif(
    "GENFIX_GGUF_VOCABS" not in os.environ, reason="names a folder of ggml-vocab-*.gguf files"
)
def test_the_view_stops_where_llama_cpp_does_with_real_vocabularies() -> None:
    for path in sorted(Path(os.environ["GENFIX_GGUF_VOCABS"]).glob("*.gguf")):
        assert view_of(path) == real_ends(path), path.name


def test_a_token_that_is_cut_is_made_whole(whole: Path, tmp_path: Path) -> None:
    cut, fixed = tmp_path / "cut.gguf", tmp_path / "fixed.gguf"
    write_model(cut, normal="<|assistant|>")
    done = genfix.repair(cut, whole, output=fixed)
    assert [finding.code for finding in done.plan.fixed] == ["GF304"]
    prompt = b"<|assistant|>"
    with loaded(cut, vocab_only=True) as model:
        assert len(model.tokenize(prompt, add_bos=False, special=True)) > 1
    with loaded(fixed, vocab_only=True) as model:
        assert len(model.tokenize(prompt, add_bos=False, special=True)) == 1
    assert answer(fixed) == ("yesno", "stop")
