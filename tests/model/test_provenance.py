"""Which base a folder names: the most exact place first, and nothing that cannot be a base's name."""

import pytest

from genfix.json_types import JsonValue
from genfix.model import Model
from genfix.model.provenance import base_hint
from tests.support.folders import Files, MemoryFolder, dump

SWIFT: Files = {"args.json": dump({"model": "Qwen/from-swift", "learning_rate": 1e-4})}
PEFT: Files = {"adapter_config.json": dump({"base_model_name_or_path": "Qwen/from-peft"})}
CONFIG: Files = {"config.json": dump({"_name_or_path": "Qwen/from-config", "model_type": "qwen2"})}
CARD: Files = {"README.md": b"---\nbase_model: Qwen/from-card\ntags:\n- trl\n---\n"}


def hint(files: Files, label: str = "merged") -> str | None:
    return base_hint(Model(MemoryFolder(files, label)))


def test_the_most_exact_place_counts() -> None:
    assert hint(CARD | CONFIG | PEFT | SWIFT) == "Qwen/from-swift"
    assert hint(CARD | CONFIG | PEFT) == "Qwen/from-peft"
    assert hint(CARD | CONFIG) == "Qwen/from-config"
    assert hint(CARD) == "Qwen/from-card"
    assert hint({}) is None


@pytest.mark.parametrize(
    "value",
    [
        None, "", " ", ".", "..", "./", "/", "../..", "~", "\n", "\t \n", 7, True, ["Qwen/x"],
        {"a": "Qwen/x"}, "None", "null", "unknown", "a\x1b[31mb", "a\nb", "a\u202eb", "x" * 301, "merged",
        "merged/",
    ],
)  # fmt: skip
def test_what_can_be_no_name_is_passed_over(value: JsonValue) -> None:
    broken = {
        "args.json": dump({"model": value}),
        "adapter_config.json": dump({"base_model_name_or_path": value}),
        "config.json": dump({"_name_or_path": value}),
    }
    assert hint(broken | CARD) == "Qwen/from-card"
    assert hint(broken) is None


@pytest.mark.parametrize(
    "value",
    ["Qwen/Qwen2.5-7B", "/data/models/x", "./base", "../base", "~/base", "C:\\models\\x", "base", "模型/基座",
        ".cache/x"],
)  # fmt: skip
def test_paths_and_ids_are_names(value: str) -> None:
    assert hint({"args.json": dump({"model": value})}) == value
    assert hint({"args.json": dump({"model": f" {value}\n"})}) == value


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff", b'"Qwen/x"'])
def test_a_broken_file_is_passed_over(content: bytes) -> None:
    for name in ("args.json", "adapter_config.json", "config.json"):
        assert hint({name: content} | CARD) == "Qwen/from-card"


def test_a_card_with_several_bases_names_none() -> None:
    """A merge of several models: none of them is the base."""
    assert hint({"README.md": b"---\nbase_model:\n- a/b\n- c/d\n---\n"}) is None
    assert hint({"README.md": b"---\nbase_model:\n- a/b\n---\n"}) == "a/b"
    assert hint({"README.md": b"---\nbase_model: null\n---\n"}) is None
    assert hint({"README.md": b"---\nbase_model: ./\n---\n"}) is None
    assert hint({"README.md": b"base_model: a/b\n"}) is None


def test_a_copied_card_names_the_bases_parent() -> None:
    card = b"---\nbase_model: Qwen/Qwen2.5-7B\n---\n\n# Qwen2.5-7B-Instruct\n"
    assert hint({"README.md": card}) is None
    assert hint({"README.md": card.replace(b"-Instruct", b"-mine")}) == "Qwen/Qwen2.5-7B"


@pytest.mark.parametrize(
    "address",
    ["https://me:hf_secret@huggingface.co/org/x", "https://hf_secret@hf.co/a/b", "hf://a/b?token=hf_secret"],
)
def test_an_address_that_may_hold_a_token_is_passed_over(address: str) -> None:
    assert hint({"args.json": dump({"model": address})}) is None
