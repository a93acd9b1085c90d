"""What is said about a base that passes all proofs: other sizes, its stop set, and the sibling it may be
taken for.
"""

import json
from pathlib import Path

import pytest

from genfix.folder import LocalFolder
from genfix.model import Model
from genfix.model.siblings import (
    are_of_other_contexts,
    are_siblings,
    chat_sibling_on_card,
    chat_word_of,
    model_name,
    same_name,
)
from genfix.resolver import choose_base
from genfix.resolver.case import Case
from tests.support.folders import Files, chatml_files, dump, glm_files, vlm_files, write_folder


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")


def config(files: Files, **values: object) -> Files:
    return files | {"config.json": dump(json.loads(files["config.json"]) | values)}


def notes(
    tmp_path: Path, merged: Files, base: Files, name: str = "merged", base_name: str = "base"
) -> tuple[str, ...]:
    folder = write_folder(tmp_path / name, merged)
    write_folder(Path(base_name), base)
    chosen = choose_base(Case(folder, f"./{base_name}"), Model(LocalFolder(folder)))
    return tuple(map(str, chosen.notes))


@pytest.mark.parametrize("files", [glm_files(), chatml_files(), vlm_files()])
def test_nothing_is_said_where_all_agrees(tmp_path: Path, files: Files) -> None:
    assert notes(tmp_path, files, files) == ()


CHATML = chatml_files()
SIZES = {
    "the vocabulary has 1088 rows here and 1024 in the base: it was resized": (
        config(CHATML, vocab_size=1088),
        CHATML,
    ),
    "there are 48 layers here and 32 in the base, as after a passthrough merge": (
        config(CHATML, num_hidden_layers=48),
        config(CHATML, num_hidden_layers=32),
    ),
    "the base is quantised and the other is not; what belongs to that is left alone": (
        CHATML,
        config(CHATML, quantization_config={"load_in_4bit": True}),
    ),
    "this folder is quantised and the other is not; what belongs to that is left alone": (
        config(CHATML, quantization_config={"bits": 4}),
        CHATML,
    ),
    "this is the language model of ./base, which also takes images or audio": (
        config(CHATML, model_type="gemma3_text"),
        config(CHATML, model_type="gemma3", text_config={"model_type": "gemma3_text", "hidden_size": 64}),
    ),
}


@pytest.mark.parametrize("said", SIZES)
def test_what_trainings_and_merges_change(tmp_path: Path, said: str) -> None:
    assert notes(tmp_path, *SIZES[said]) == (said,)


def test_another_stop_set_is_printed(tmp_path: Path) -> None:
    assert notes(tmp_path, chatml_files(eos=1002), chatml_files()) == (
        "the base stops at 1002 <|im_end|>, 1000 <|endoftext|>",
    )
    lost = {name: content for name, content in chatml_files().items() if name != "generation_config.json"}
    assert notes(tmp_path, chatml_files(eos=1000), lost, "second", "other") == (
        "the base stops at 1002 <|im_end|>",
    )


# siblings ---------------------------------------------------------------------------------------------------


def test_the_sibling_that_the_folder_names(tmp_path: Path) -> None:
    merged = chatml_files() | {"args.json": dump({"model": "Qwen/Qwen2.5-7B-Instruct", "use_hf": True})}
    [note] = notes(tmp_path, merged, chatml_files(), base_name="Qwen2.5-7B")
    assert note == (
        "model of args.json names Qwen/Qwen2.5-7B-Instruct, which passes the same proofs as ./Qwen2.5-7B: "
        "if that is the one, name it with --base"
    )
    assert notes(tmp_path, merged, chatml_files(), "second", "Qwen2.5-7B-Instruct") == ()


def test_the_bases_own_card_names_no_sibling(tmp_path: Path) -> None:
    """A tool copied the card along with the base's other files: it names the parent of the base, rightly."""
    card = {"README.md": b"---\nbase_model: Qwen/Qwen2.5-7B\n---\n"}
    files = chatml_files() | card
    assert notes(tmp_path, files, files, base_name="Qwen2.5-7B-Instruct") == ()
    [note] = notes(tmp_path, files, chatml_files(), "second", "x/Qwen2.5-7B-Instruct")
    assert note.startswith("base_model of README.md names Qwen/Qwen2.5-7B,")


def test_the_folders_name_tells_the_sibling(tmp_path: Path) -> None:
    [note] = notes(tmp_path, CHATML, CHATML, "qwen2.5-7b-instruct-sft-merged", "Qwen2.5-7B")
    assert note.startswith("the folder's name says instruct, and ./Qwen2.5-7B is its pretrained sibling: ")
    assert notes(tmp_path, CHATML, CHATML, "qwen2.5-7b-sft", "b/Qwen2.5-7B") == ()
    assert notes(tmp_path, CHATML, CHATML, "qwen2.5-7b-instruct-x", "c/Qwen2.5-7B-Instruct") == ()


@pytest.mark.parametrize(
    ("one", "other", "siblings"),
    [
        ("Qwen/Qwen2.5-7B", "Qwen/Qwen2.5-7B-Instruct", True),
        ("Qwen/Qwen3-8B", "./models/Qwen3-8B-Base", True),
        ("google/gemma-3-4b-it", "google/gemma-3-4b-pt@main", True),
        ("meta-llama/Llama-2-7b-hf", "hf://meta-llama/Llama-2-7b-chat-hf", True),
        ("meta-llama/Llama-3.1-8B", "meta-llama__Meta-Llama-3.1-8B-Instruct", True),
        ("unsloth/meta-llama-3.1-8b-bnb-4bit", "Llama-3.1-8B-Instruct", True),
        ("Llama3-8B", "models/Meta-Llama-3-8B-Instruct", True),
        ("deepseek-ai/deepseek-coder-6.7b-base", "deepseek-coder-6.7b-instruct", True),
        ("THUDM/glm-4-9b", "glm-4-9b-chat-hf", True),
        ("Qwen/Qwen3-4B-Base", "Qwen3-4B-Instruct-2507", True),
        ("Qwen/Qwen2.5-7B", "hub/Qwen/Qwen2___5-7B-Instruct", True),
        ("Qwen/Qwen2.5-7B", "unsloth/qwen2.5-7b", False),
        ("Meta-Llama-3.1-8B", "Llama-3.1-8B", False),
        ("Llama-3-8B", "Llama-3.1-8B-Instruct", False),
        ("Mistral-7B-v0.1", "Mistral-7B-Instruct-v0.2", False),
        ("base", "chat", False),
        ("Qwen/Qwen2.5-7B", "Qwen/Qwen2.5-14B-Instruct", False),
        ("Qwen/Qwen2.5-7B", "Qwen/Qwen2.5-Coder-7B-Instruct", False),
        ("", "x", False),
    ],
)
def test_siblings(one: str, other: str, siblings: bool) -> None:  # noqa: FBT001
    assert are_siblings(one, other) is siblings
    assert are_siblings(other, one) is siblings


def test_copies_and_lengths() -> None:
    assert same_name("unsloth/Meta-Llama-3.1-8B-Instruct-bnb-4bit", "x/Llama-3.1-8B-Instruct")
    assert not same_name("Llama-3.1-8B", "Llama-3.1-8B-Instruct")
    assert not same_name("", "x")
    assert are_of_other_contexts("Phi-3-mini-4k-instruct", "microsoft__Phi-3-mini-128k-instruct__full")
    assert are_of_other_contexts("glm-4-9b-chat", "glm-4-9b-chat-1m")
    assert not are_of_other_contexts("SmolLM-135M", "SmolLM-360M")
    assert not are_of_other_contexts("4k", "128k")


def test_names() -> None:
    assert model_name(f"/x/models--Qwen--Qwen2.5-7B/snapshots/{'a' * 40}/") == "Qwen2.5-7B"
    assert model_name("C:\\models\\x") == "x"
    assert chat_word_of("base", "base") is None
    assert chat_word_of("chat", "") is None
    assert chat_sibling_on_card("# Qwen2.5-7B-Instruct", "Qwen/Qwen2.5-7B") == "Qwen2.5-7B-Instruct"
    assert chat_sibling_on_card("# Qwen2.5-7B-Instruct", "Qwen/Qwen2.5-14B") is None
