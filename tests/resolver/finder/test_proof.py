"""Which facts say that a folder is not the base of another."""

import json
import re
from pathlib import Path

import pytest

from genfix.errors import RefusedError
from genfix.folder import LocalFolder
from genfix.model import Model
from genfix.resolver import BaseFacts, prove_parentage
from tests.support.folders import (
    CHATML_TOKENS,
    Files,
    MemoryFolder,
    added_tokens,
    chatml_files,
    dump,
    glm_files,
    safetensors,
    vlm_files,
    with_token_list,
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
    """As long as too few sizes are known to outweigh it."""
    base = chatml_files()
    assert refused(changed(base, "config.json", model_type="llama"), base).count(";") == 0
    assert "128" in refused(changed(base, "config.json", hidden_size=128), base)
    moved = changed(
        base, "tokenizer.json", added_tokens=[{"id": 5, "content": "<|im_end|>", "special": True}]
    )
    assert "the token '<|im_end|>' is 5 here and 1002 in the base" in refused(moved, base)


SIZED = changed(chatml_files(), "config.json", num_hidden_layers=2, num_attention_heads=4)
MOVED = {text: number + 1 for text, number in CHATML_TOKENS.items()}


def test_where_all_sizes_and_ids_agree_type_and_tokens_are_damage() -> None:
    prove(changed(SIZED, "config.json", model_type="llama"), SIZED)
    prove(changed(SIZED, "config.json", model_type="qwen2_moe", architectures=["Qwen2MoeForCausalLM"]), SIZED)
    prove(with_token_list(SIZED, MOVED), SIZED)


@pytest.mark.parametrize(
    "other",
    [
        {"num_hidden_layers": 3},
        {"num_attention_heads": 8},
        {"vocab_size": 2048},
        {"vision_config": {"model_type": "clip"}},
    ],
    ids=str,
)
def test_another_type_with_another_size_or_part_is_another_model(other: dict[str, object]) -> None:
    refused(changed(SIZED, "config.json", model_type="llama", **other), SIZED)


@pytest.mark.parametrize(
    "other", [{"vocab_size": 2048}, {"eos_token_id": 1003}, {"model_type": "llama"}], ids=str
)
def test_moved_tokens_with_another_id_size_or_type_are_another_model(other: dict[str, object]) -> None:
    refused(changed(with_token_list(SIZED, MOVED), "config.json", **other), SIZED)


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


# another tokenizer ------------------------------------------------------------------------------------------


def tokens(table: dict[str, int], rows: int = 2048) -> Files:
    """A folder with these added tokens."""
    entries = [{"id": i, "content": text, "special": True} for text, i in table.items()]
    files = changed(chatml_files(), "tokenizer.json", added_tokens=entries)
    return changed(files, "config.json", vocab_size=rows)


def test_no_token_in_common() -> None:
    ours, theirs = {"<unk>": 0, "<s>": 1, "</s>": 2}, {"<a>": 1000, "<b>": 1001, "<c>": 1002}
    assert "none of its 3 added tokens is one of the base's 3" in refused(tokens(ours), tokens(theirs))
    # Of a table of one or two tokens the rest may be lost, which is what genfix is for.
    prove(tokens({"[PAD]": 2000}), tokens(theirs))


def test_the_same_ids_for_other_tokens() -> None:
    ours = {"<unk>": 0, "<s>": 1, "</s>": 2}
    theirs = {"<unk>": 0, "<|startoftext|>": 1, "<|endoftext|>": 2}
    told = refused(tokens(ours), tokens(theirs))
    assert "the token 1 is '<s>' here and '<|startoftext|>' in the base (and 1 more token)" in told


def test_a_few_renamed_tokens_are_a_training() -> None:
    theirs = {f"<|reserved_{number}|>": 1000 + number for number in range(10)}
    prove(tokens({**dict(list(theirs.items())[2:]), "<|tool|>": 1000, "<|call|>": 1001}), tokens(theirs))


def bare(rows: int, layers: int, **files: bytes) -> Files:
    """A folder of whose tokens nothing is known."""
    config = {"model_type": "chatglm", "hidden_size": 64, "padded_vocab_size": rows, "num_layers": layers}
    return {"config.json": dump(config)} | files


def test_unknown_tokens_with_another_vocabulary() -> None:
    ours, theirs = {"tokenizer.model": b"one"}, {"tokenizer.model": b"another"}
    told = refused(bare(65024, 28, **ours), bare(151552, 28, **theirs))
    assert "the vocabulary has 65024 tokens here and 151552 in the base, in another tokenizer.model" in told
    told = refused(bare(65024, 28), bare(151552, 40))
    assert "151552 in the base, and there are 28 layers here and 40 in the base" in told
    prove(bare(65024, 28, **ours), bare(65024, 28, **theirs))  # a newer version of the file
    prove(bare(65088, 28, **ours), bare(65024, 28, **ours))  # resized
    prove(bare(65088, 28, **{"vocab.txt": b"a\r\nb\r\n"}), bare(65024, 28, **{"vocab.txt": b"a\nb\n"}))
    prove(bare(65024, 28), bare(65024, 40))  # layers taken out


def test_tokens_beyond_the_vocabulary() -> None:
    assert "begin at 1000" in refused(
        bare(512, 2), bare(512, 2) | {"tokenizer.json": chatml_files()["tokenizer.json"]}
    )


def test_a_lost_config_leaves_the_width_of_the_embedding() -> None:
    merged = {"model.safetensors": safetensors(1024, hidden=128)}
    assert "hidden_size is 128 here and 64 in the base" in refused(merged, chatml_files())
    prove({"model.safetensors": safetensors(1024)}, chatml_files())


# real models ------------------------------------------------------------------------------------------------

FAMILY = {"Meta-Llama-3-8B": "llama3-8b", "Meta-Llama-3-8B-Instruct": "llama3-8b",
          "Meta-Llama-3.1-8B-Instruct": "llama3-8b", "Qwen2.5-7B": "qwen2.5-7b",
          "Qwen2.5-7B-Instruct": "qwen2.5-7b"}  # fmt: skip
"""Siblings, which no shape tells apart; each other model is a family of its own."""


def test_real_models_of_other_families_are_refused(real_configs: Path) -> None:
    names = sorted(path.name for path in real_configs.iterdir() if (path / "config.json").is_file())
    assert len(names) > 15
    families = {name: FAMILY.get(name.partition("__")[2], name) for name in names}
    taken = [
        (one, other)
        for one in names
        for other in names
        if families[one] != families[other] and _is_accepted(real_configs / one, real_configs / other)
    ]
    assert taken == []
    for name in names:
        assert _is_accepted(real_configs / name, real_configs / name)


def test_a_real_tokenizer_of_another_model_is_refused(real_configs: Path) -> None:
    """Folders that hold a tokenizer only, against all models whose tokens are known."""
    alone = [
        real_configs / "NousResearch__Meta-Llama-3-8B",
        real_configs / "deepseek-ai__deepseek-coder-6.7b-instruct",
    ]
    for base in alone:
        for merged in real_configs.glob("*__*"):
            known = len(Model(LocalFolder(merged)).tokenizer.ids) > 2
            if known and merged != base and "Llama-3" not in merged.name:
                assert not _is_accepted(merged, base), (merged.name, base.name)


def test_real_merges_are_accepted(merge_corpus: Path) -> None:
    merges = sorted(merge_corpus.glob("*/*/merged"))
    assert len(merges) > 30
    for merged in merges:
        assert _is_accepted(merged, merged.parent / "base"), merged


def test_a_real_merge_of_another_base_is_refused(merge_corpus: Path) -> None:
    """All tools, all other bases of the corpus: those of another family, in name and in tokenizer."""
    family = {
        "GLM-4-9B-0414": "glm4",
        "glm-4-9b-chat": "chatglm",
        "Llama": "llama",
        "Qwen2-VL": "vl",
        "Qwen2.5": "qwen",
    }

    def of(path: Path) -> str:
        return next(family[start] for start in family if path.parent.name.startswith(start))

    bases = {of(base): base for base in merge_corpus.glob("*/*/base")}
    assert len(bases) == 5
    for merged in merge_corpus.glob("*/*/merged"):
        for name, base in bases.items():
            assert _is_accepted(merged, base) is (name == of(merged)), (merged, base)


def _is_accepted(merged: Path, base: Path) -> bool:
    try:
        prove_parentage(Model(LocalFolder(merged)), Model(LocalFolder(base)))
    except RefusedError:
        return False
    return True
