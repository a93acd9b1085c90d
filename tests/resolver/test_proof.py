"""Which facts say that a folder is not the base of another."""

import json
import re

import pytest

from genfix.errors import RefusedError
from genfix.model import Model
from genfix.resolver import BaseFacts, prove_parentage
from tests.folders import (
    CHATML_TOKENS,
    Files,
    MemoryFolder,
    added_tokens,
    chatml_files,
    dump,
    glm_files,
    safetensors,
    vlm_files,
)


def changed(files: Files, name: str, **values: object) -> Files:
    document = json.loads(files[name]) | values
    return files | {name: dump({key: value for key, value in document.items() if value is not ...})}


def prove(merged: Files, base: Files) -> None:
    prove_parentage(Model(MemoryFolder(merged)), BaseFacts(MemoryFolder(base, "org/base")))


def refused(merged: Files, base: Files) -> str:
    with pytest.raises(RefusedError) as error:
        prove(merged, base)
    assert error.value.exit_code == 3
    assert "--allow-base-mismatch" in error.value.hint
    return error.value.message


@pytest.mark.parametrize("files", [glm_files(), chatml_files(), vlm_files()])
def test_a_model_is_its_own_base(files: Files) -> None:
    prove(files, files)


def test_every_disagreement_is_named() -> None:
    told = refused(glm_files(), chatml_files())
    assert told.startswith("org/base is not the base of merged: ")
    assert "model_type is 'chatglm' here and 'qwen2' in the base" in told
    assert "hidden_size is 4096 here and 64 in the base" in told
    assert "the token '<|endoftext|>' is 151329 here and 1000 in the base" in told


def test_one_disagreement_is_enough() -> None:
    base = chatml_files()
    assert refused(changed(base, "config.json", model_type="llama"), base).count(";") == 0
    assert "128" in refused(changed(base, "config.json", hidden_size=128), base)
    moved = changed(
        base, "tokenizer.json", added_tokens=[{"id": 5, "content": "<|im_end|>", "special": True}]
    )
    assert "the token '<|im_end|>' is 5 here and 1002 in the base" in refused(moved, base)


def with_moved_tokens(count: int) -> tuple[Files, Files]:
    """A folder in which ``count`` of the base's three tokens have other ids, and that base."""
    base = changed(chatml_files(), "tokenizer_config.json", added_tokens_decoder=added_tokens(CHATML_TOKENS))
    names = sorted(CHATML_TOKENS)[:count]
    tokens = CHATML_TOKENS | {name: 500 + number for number, name in enumerate(names)}
    merged = changed(chatml_files(), "tokenizer_config.json", added_tokens_decoder=added_tokens(tokens))
    del merged["tokenizer.json"], base["tokenizer.json"]
    return merged, base


@pytest.mark.parametrize(("count", "said"), [(2, "1 more token"), (3, "2 more tokens")])
def test_moved_tokens_are_counted(count: int, said: str) -> None:
    told = refused(*with_moved_tokens(count))
    assert f"the token {min(CHATML_TOKENS)!r}" in told
    assert re.findall(r"\d+ more tokens?", told) == [said]


def test_one_moved_token_of_three_is_damage_and_no_disproof() -> None:
    prove(*with_moved_tokens(1))


NO_DISPROOF: dict[str, Files] = {
    "more rows": changed(chatml_files(), "config.json", vocab_size=2048),
    "fewer layers": changed(chatml_files(), "config.json", num_hidden_layers=1),
    "quantised": changed(chatml_files(), "config.json", quantization_config={"bits": 4}),
    "another class": changed(chatml_files(), "config.json", architectures=["Qwen2Model"]),
    "another dtype": changed(chatml_files(), "config.json", torch_dtype="float32"),
    "no model_type": changed(chatml_files(), "config.json", model_type=...),
    "a strange model_type": changed(chatml_files(), "config.json", model_type=7),
    "a strange hidden_size": changed(chatml_files(), "config.json", hidden_size="64"),
    "no config.json": {name: content for name, content in chatml_files().items() if name != "config.json"},
    "a broken config.json": chatml_files() | {"config.json": b"{"},
    "no tokenizer": {"config.json": chatml_files()["config.json"]},
    "a new token": changed(
        chatml_files(),
        "tokenizer.json",
        added_tokens=[
            *({"id": i, "content": t, "special": True} for t, i in CHATML_TOKENS.items()),
            {"id": 1003, "content": "<|new|>", "special": True},
        ],
    ),
    "weights": chatml_files() | {"model.safetensors": safetensors(1003)},
}


@pytest.mark.parametrize("name", NO_DISPROOF)
def test_what_merges_and_trainings_change_is_no_disproof(name: str) -> None:
    prove(NO_DISPROOF[name], chatml_files())


def test_the_language_model_of_a_vision_model() -> None:
    text = json.loads(chatml_files()["config.json"]) | {"model_type": "gemma3_text"}
    nested = {"model_type": "gemma3", "text_config": {"model_type": "gemma3_text", "hidden_size": 64}}
    vision = chatml_files() | {"config.json": dump(nested)}
    language = chatml_files() | {"config.json": dump(text)}
    prove(language, vision)
    prove(vision, vision)
    other = chatml_files() | {"config.json": dump(text | {"model_type": "llama"})}
    assert "model_type" in refused(other, vision)


def test_hostile_facts_are_only_data() -> None:
    base = chatml_files()
    merged = changed(base, "config.json", model_type="\x1b[31m\n", hidden_size=1)
    told = refused(merged, base)
    assert "\x1b" not in told
    assert "\n" not in told
