"""What counts as proof that chats were trained, each piece alone, and what does not."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from genfix.folder import FileProblem, FolderFileError, LocalFolder
from genfix.model import Model
from genfix.resolver import BaseFacts
from genfix.rules.core.chat_training import chat_training
from tests.support.folders import (
    CHATML,
    CHATML_TOKENS,
    Files,
    MemoryFolder,
    dump,
    pretrained_files,
    with_json,
    write_folder,
)
from tests.support.judging import find
from tests.support.weight_files import causal, sharded, weight_file

GEN, TOK, CONFIG, RUN = "generation_config.json", "tokenizer_config.json", "config.json", "args.json"
SINGLE = "model.safetensors"
ADAPTER: Files = {"adapter_config.json": b"{}"}
SHAPES = causal(24)

CARD = b"---\nlicense: apache-2.0\n---\n# Base\n"
PRETRAINED = pretrained_files() | {SINGLE: weight_file(SHAPES), "README.md": CARD}
"""Qwen2.5: a pretrained model whose repo ships the ChatML template, and whose stop set is right for it."""


def proofs(merged: Files, base: Files | None = PRETRAINED, adapter: Files | None = None) -> list[str]:
    witnesses = [
        BaseFacts(MemoryFolder(files, "witness")) if files is not None else None for files in (base, adapter)
    ]
    return [proof.id for proof in chat_training(Model(MemoryFolder(merged)), *witnesses)]


def trained(*names: str) -> Files:
    """The base's weights, where training changed these tensors."""
    return {SINGLE: weight_file(SHAPES, fill=dict.fromkeys(names, 7))}


def card(front: str) -> Files:
    return {"README.md": f"---\n{front}\n---\n# Mine\n".encode()}


def swift(**values: object) -> Files:
    """What ms-swift writes about a run."""
    return {RUN: dump({"learning_rate": 1e-4, "num_train_epochs": 1.0, "use_chat_template": True} | values)}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("README.md", b"---\ntags:\n- trl\n---\n# Base\n"),
        ("training_args.yaml", b"stage: sft\n"),
        (RUN, swift()[RUN]),
    ],
)
def test_papers_of_the_base_prove_nothing_in_other_line_ends(name: str, content: bytes) -> None:
    base = PRETRAINED | {name: content}
    assert proofs(base | {name: content.replace(b"\n", b"\r\n")}, base) == []


# -- nothing was trained -------------------------------------------------------------------------------------


@pytest.mark.parametrize("base", [PRETRAINED, None], ids=["against itself", "alone"])
def test_an_untouched_pretrained_model_proves_nothing(base: Files | None) -> None:
    assert proofs(PRETRAINED, base) == []
    assert [finding for finding in find(PRETRAINED, base, "GF1") if finding.severity == "error"] == []


@pytest.mark.parametrize(
    "changed",
    [
        {"README.md": b"# my copy\n"},
        {"README.md": PRETRAINED["README.md"].replace(b"\n", b"\r\n")},
        {GEN: with_json(PRETRAINED, GEN, transformers_version="5.0", temperature=0.1)[GEN]},
        {TOK: with_json(PRETRAINED, TOK, chat_template=...)[TOK],
            "chat_template.jinja": CHATML.encode() + b"\n"},
        {TOK: with_json(PRETRAINED, TOK, chat_template=...)[TOK]},
        {SINGLE: weight_file(SHAPES, metadata={"format": "pt", "saved": "again"})},
        {SINGLE: weight_file(SHAPES, "F16")},
        {SINGLE: weight_file(SHAPES | {"model.embed_tokens.weight": (1088, 4), "lm_head.weight": (1088, 4)})},
        {SINGLE: weight_file({name: SHAPES[name] for name in reversed(SHAPES)})},
        {SINGLE: PRETRAINED[SINGLE][:-4000]},
        {SINGLE: b""},
        {SINGLE: None},
    ],
    ids=["another card", "a card from Windows", "other settings", "the template in its own file",
         "no template",
         "saved again", "another type", "a resized embedding", "another order", "cut off", "no weights yet",
         "config files alone"],
)  # fmt: skip
def test_a_copy_that_was_only_saved_again_proves_nothing(changed: dict[str, bytes | None]) -> None:
    merged = {name: content for name, content in (PRETRAINED | changed).items() if content is not None}
    assert proofs(merged) == []


def test_shards_of_the_same_weights_prove_nothing() -> None:
    merged = {name: content for name, content in PRETRAINED.items() if name != SINGLE} | sharded(SHAPES, 3)
    assert proofs(merged) == []


QUANTISED = {
    "a config that says so": (
        with_json(PRETRAINED, CONFIG, quantization_config={"quant_method": "fp8"}) | trained(*SHAPES)
    ),
    "MLX": with_json(PRETRAINED, CONFIG, quantization={"bits": 4, "group_size": 64}) | trained(*SHAPES),
    "a config that lost it": PRETRAINED
    | {
        SINGLE: weight_file(
            SHAPES
            | {"model.layers.0.mlp.up_proj.qweight": (4, 4), "model.layers.0.mlp.up_proj.qzeros": (4, 4)},
            fill=dict.fromkeys(SHAPES, 7),
        )
    },
}


@pytest.mark.parametrize("name", QUANTISED)
def test_a_quantised_model_differs_without_training(name: str) -> None:
    assert proofs(QUANTISED[name]) == []
    assert proofs(PRETRAINED, QUANTISED[name]) == []
    assert proofs(QUANTISED[name] | {"training_args.bin": b"PK"}) == ["proof-trainer-file"]


# -- papers --------------------------------------------------------------------------------------------------


def test_an_adapter_proves_it() -> None:
    assert proofs(PRETRAINED, PRETRAINED, ADAPTER) == ["proof-adapter"]
    assert proofs(PRETRAINED, None, ADAPTER) == ["proof-adapter"]


@pytest.mark.parametrize(
    "name",
    [
        "training_args.bin",
        "trainer_state.json",
        "train_results.json",
        "trainer_log.jsonl",
        "training_args.yaml",
    ],
)
def test_a_file_that_a_trainer_left_proves_it(name: str) -> None:
    tuned = PRETRAINED | {name: b"x"}
    assert proofs(tuned) == proofs(tuned, None) == ["proof-trainer-file"]
    assert proofs(tuned, tuned) == []  # it is of the base's training
    assert proofs(tuned, PRETRAINED | {name: b"y"}) == ["proof-trainer-file"]


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        (swift(), ["proof-trainer-file"]),
        ({RUN: dump({"lr": 1e-5, "train_iters": 100})}, ["proof-trainer-file"]),  # Megatron
        ({RUN: dump({"quant_method": "awq", "quant_bits": 4, "learning_rate": None})}, []),
        ({RUN: dump({"to_hf": True, "model": "Qwen/Qwen2.5-7B"})}, []),
        ({RUN: b"{}"}, []),
        ({RUN: b"{"}, []),
        ({RUN: b"[1]"}, []),
    ],
    ids=["training", "Megatron", "quantising", "converting", "empty", "torn", "no object"],
)
def test_ms_swifts_arguments_prove_it_where_they_are_of_a_training(run: Files, expected: list[str]) -> None:
    assert proofs(PRETRAINED | run) == proofs(PRETRAINED | run, None) == expected


@pytest.mark.parametrize(
    "front",
    [
        "tags:\n- trl\n- sft",
        "tags: [text-generation, sft]",
        "tags:\n- llama-factory\n- full\n- generated_from_trainer",
        "tags: Axolotl",
        "base_model: Qwen/Qwen2.5-7B\ntags:\n- 'dpo' # preferences",
    ],
)
def test_a_trainers_tag_on_the_model_card_proves_it(front: str) -> None:
    tuned = PRETRAINED | card(front)
    assert proofs(tuned) == proofs(tuned, None) == ["proof-model-card"]
    assert proofs(tuned, tuned) == []  # it is the base's card


@pytest.mark.parametrize(
    "front",
    [
        "tags:\n- text-generation\n- unsloth\n- chat\n- swift\n- code",
        "base_model: Qwen/Qwen2.5-7B",
        "base_model: someone/sft",
        "datasets:\n- trl",
        "tags: [trl",
        "tags: &x\n  trl: *x",
        "tags: >\n  trl",
        "tags:\n" + "- x\n" * 10_000,
        "[" * 50_000,
    ],
)
def test_other_words_on_the_model_card_do_not(front: str) -> None:
    assert proofs(PRETRAINED | card(front)) == []


@pytest.mark.parametrize(
    "content", [b"", b"---\ntags:\n- trl\n", b"# trl\ntags: sft\n", b"\xff\xfe---\n", b"---\n" * 99]
)
def test_a_model_card_without_whole_front_matter_does_not(content: bytes) -> None:
    assert proofs(PRETRAINED | {"README.md": content}) == []


# -- training on plain text ----------------------------------------------------------------------------------

ALL_TRAINED = trained(*SHAPES)
FACTORY_PT = {"training_args.yaml": b"do_train: true\nstage: pt\ntemplate: default\n"}


@pytest.mark.parametrize(
    ("own", "adapter"),
    [
        (swift(use_chat_template=False), None),
        (swift(use_chat_template=False) | {"training_args.bin": b"PK"} | card("tags: [sft]"), ADAPTER),
        (
            FACTORY_PT
            | {"trainer_state.json": b"{}"}
            | card("tags: [llama-factory, generated_from_trainer]"),
            None,
        ),
        ({"trainer_state.json": b"{}"}, ADAPTER | swift(use_chat_template=False)),
    ],
)
def test_a_run_that_says_it_was_a_pretraining_proves_nothing(own: Files, adapter: Files | None) -> None:
    assert proofs(PRETRAINED | ALL_TRAINED | own, PRETRAINED, adapter) == []
    assert proofs(PRETRAINED | ALL_TRAINED | own, None, adapter) == []


def test_a_turn_end_that_was_added_all_the_same_does() -> None:
    merged = with_json(PRETRAINED, TOK, eos_token="<|im_end|>") | swift(use_chat_template=False)
    assert proofs(merged) == ["proof-eos-changed"]


@pytest.mark.parametrize(
    ("own", "base", "adapter", "expected"),
    [
        # the base's run says nothing about this one
        (swift(use_chat_template=False), PRETRAINED | swift(use_chat_template=False), None, "proof-weights"),
        (FACTORY_PT, PRETRAINED | FACTORY_PT, None, "proof-weights"),
        ({"training_args.yaml": b"stage: sft\n"}, PRETRAINED, None, "proof-trainer-file"),
        (
            {"training_args.yaml": b"dataset: x\n# stage: pt\nsub:\n  stage: pt\n"},
            PRETRAINED,
            None,
            "proof-trainer-file",
        ),
        # a witness's torn file is not read here
        ({}, PRETRAINED, ADAPTER | {RUN: b"{"}, "proof-adapter"),
    ],
)
def test_only_the_last_runs_own_word_counts(
    own: Files, base: Files, adapter: Files | None, expected: str
) -> None:
    assert proofs(PRETRAINED | ALL_TRAINED | own, base, adapter) == [expected]


# -- template and tokens -------------------------------------------------------------------------------------


def test_a_template_that_is_not_the_bases_proves_it() -> None:
    own = with_json(PRETRAINED, TOK, chat_template=CHATML + "{# mine #}")
    assert proofs(own) == ["proof-own-template"]
    assert proofs(PRETRAINED, with_json(PRETRAINED, TOK, chat_template=...)) == ["proof-own-template"]
    two = PRETRAINED | {"chat_template.jinja": (CHATML + "{# mine #}").encode()}
    assert proofs(own, two) == []  # it is one of the base's
    assert proofs(own, None) == []


def test_a_template_without_turn_ends_does_not() -> None:
    assert proofs(with_json(PRETRAINED, TOK, chat_template="{{ messages[0].content }}")) == []


def test_a_turn_end_that_was_added_proves_it() -> None:
    entries = [{"id": i, "content": t, "special": True} for t, i in CHATML_TOKENS.items() if i != 1002]
    base = with_json(PRETRAINED, "tokenizer.json", added_tokens=entries)
    assert proofs(PRETRAINED, base) == ["proof-tokens-added"]
    unknown = {name: content for name, content in PRETRAINED.items() if name != "tokenizer.json"}
    assert proofs(PRETRAINED, unknown) == []


def test_an_eos_that_became_the_turn_end_proves_it() -> None:
    tuned = with_json(PRETRAINED, TOK, eos_token="<|im_end|>")
    assert proofs(tuned) == ["proof-eos-changed"]
    assert proofs(tuned, tuned) == proofs(tuned, None) == []
    assert proofs(tuned, with_json(PRETRAINED, TOK, eos_token=...)) == []
    assert proofs(with_json(PRETRAINED, TOK, eos_token="<|im_start|>")) == []


# -- weights -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "names",
    [
        tuple(SHAPES),
        tuple(name for name in SHAPES if "q_proj" in name),
        tuple(name for name in SHAPES if "down_proj" in name),
        tuple(name for name in SHAPES if ".23." in name),
        tuple(name for name in SHAPES if any(f".{layer}." in name for layer in range(12, 24))),
        ("model.embed_tokens.weight",),
        ("lm_head.weight",),
    ],
    ids=["all", "one kind", "another kind", "the last layer", "the upper half", "the embedding", "the head"],
)
def test_a_matrix_that_is_not_the_bases_proves_it(names: tuple[str, ...]) -> None:
    assert proofs(PRETRAINED | trained(*names)) == ["proof-weights"]
    assert proofs(PRETRAINED | trained(*names), None) == []


def test_vectors_alone_do_not() -> None:
    """Rotary tables and norms are saved in several ways."""
    assert proofs(PRETRAINED | trained(*(name for name in SHAPES if "norm" in name))) == []


def test_papers_are_asked_before_the_weights() -> None:
    merged = PRETRAINED | ALL_TRAINED | {"training_args.bin": b"PK"}
    assert proofs(merged) == ["proof-trainer-file"]


class DigestsOnly(MemoryFolder):
    """A base whose weights are on the Hub: sizes and digests are listed, and nothing of them can be read."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        super().__init__(files, "org/base")
        self.asked: list[str] = []

    def read_range(self, name: str, start: int, length: int) -> bytes:
        if name.endswith(".safetensors"):
            raise FolderFileError(name, FileProblem.UNREADABLE, "not cached", "")
        return super().read_range(name, start, length)


def against_digests(tmp_path: Path, merged: Files, base: Files) -> list[str]:
    folder = LocalFolder(write_folder(tmp_path, merged))
    return [proof.id for proof in chat_training(Model(folder), BaseFacts(DigestsOnly(base)), None)]


def test_without_the_bases_weights_their_digest_decides(tmp_path: Path) -> None:
    assert against_digests(tmp_path / "same", PRETRAINED, PRETRAINED) == []
    assert against_digests(tmp_path / "other", PRETRAINED | ALL_TRAINED, PRETRAINED) == ["proof-weights-file"]
    longer = PRETRAINED | {SINGLE: weight_file(SHAPES, metadata={"format": "pt", "saved": "again"})}
    assert against_digests(tmp_path / "longer", longer, PRETRAINED) == []
    quantised = with_json(PRETRAINED, CONFIG, quantization_config={"quant_method": "fp8"}) | ALL_TRAINED
    assert against_digests(tmp_path / "quantised", quantised, PRETRAINED) == []


def test_a_shard_with_the_embedding_alone_does_not_decide(tmp_path: Path) -> None:
    """The smallest file is hashed: Llama 3's last shard has the output head and little else."""
    first, last = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"
    layers = {name: shape for name, shape in SHAPES.items() if "layers" in name}
    head = {"lm_head.weight": (4, 4)}

    def files(fill: int) -> Files:
        whole = weight_file(layers, fill=dict.fromkeys(layers, fill))
        return {name: PRETRAINED[name] for name in PRETRAINED if name != SINGLE} | {
            first: whole,
            last: weight_file(head),
        }

    assert against_digests(tmp_path / "trained", files(7), files(0)) == ["proof-weights-file"]
    assert against_digests(tmp_path / "same", files(0), files(0)) == []
