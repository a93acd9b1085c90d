"""Tags and names from the front matter of a model card, and nothing from what only looks like one."""

import string
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genfix.model.front_matter import front_matter_list
from tests.support.folders import MemoryFolder
from tests.support.work import steps


def card(text: str | bytes, key: str = "tags") -> tuple[str, ...]:
    content = text.encode() if isinstance(text, str) else text
    return front_matter_list(MemoryFolder({"README.md": content}), key)


def front(yaml: str) -> tuple[str, ...]:
    return card(f"---\n{yaml}\n---\n# A model\n")


@pytest.mark.parametrize(
    "yaml",
    [
        "tags:\n- trl\n- sft",
        "tags:\n  - trl\n  - sft",
        "tags:\n-   trl   \n-\tsft\t",
        "tags: [trl, sft]",
        "tags: [ trl,sft, ]",
        "tags: ['trl', \"sft\"]",
        "tags: [trl, # why\n  sft]",
        "tags: [\n  trl,\n  sft\n]",
        "tags: [trl, sft] # both",
        "tags: # both\n- trl # one\n# another\n\n- 'sft' # two",
        '"tags":\n- "trl"\n- "sft"',
        "tags :\n- trl\n- sft",
        "license: mit\ntags:\n- trl\n- sft\nbase_model: x",
        "model-index:\n- name: tags\n  results: []\ntags:\n- trl\n- sft",
        "tags:\n- trl\n-\n- null\n- ~\n- ''\n- sft",
        "tags:\n- trl\n- [a, b]\n- {a: b}\n- *x\n- a: b\n- - a\n- sft",
    ],
)
def test_a_list_in_any_of_its_spellings(yaml: str) -> None:
    assert front(yaml) == ("trl", "sft")


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("Qwen/Qwen2.5-7B", "Qwen/Qwen2.5-7B"),
        (" 'Qwen/Qwen2.5-7B' # this one", "Qwen/Qwen2.5-7B"),
        ("\n- Qwen/Qwen2.5-7B", "Qwen/Qwen2.5-7B"),
        ("a, b", "a, b"),
        ("./out#1", "./out#1"),
        ("C:\\models\\x", "C:\\models\\x"),
    ],
)
def test_one_word_is_a_list_of_one(value: str, name: str) -> None:
    assert card(f"---\nbase_model: {value}\n---\n", "base_model") == (name,)


@pytest.mark.parametrize(
    "yaml",
    [
        "",
        "license: mit",
        "tags:",
        "tags: []",
        "tags: null",
        "tags: ~",
        "tags: ''",
        "tags: # none",
        "tags:trl",
        "#tags: trl",
        "mytags: trl",
        "tags2: [trl]",
        "x:\n  tags: [trl]",
        "tags: [trl, sft",
        "tags: [\n" * 3,
        "tags: >-\n  trl",
        "tags: |\n  trl",
        "tags: &all [trl]",
        "tags: *all",
        "tags: !!set {trl}",
        "tags: {trl: sft}",
        "tags:\n  a: trl",
        "tags: 'trl",
        "x: |\n  tags: trl",
    ],
)
def test_a_value_in_another_form_is_not_seen(yaml: str) -> None:
    assert front(yaml) == ()


YAML = "tags:\n- trl\nbase_model: x\n"


@pytest.mark.parametrize(
    "content",
    [
        f"---\n{YAML}---\n",
        f"---\n{YAML}---",
        f"---\n{YAML}---\n# text\n---\ntags:\n- other\n---\n",
        f"\ufeff---\n{YAML}---\n",
        f"\n\n---\n{YAML}---\n",
        f"--- \n{YAML}--- \n",
        f"---\n{YAML}---\n".replace("\n", "\r\n"),
        f"---\n{YAML}---\n".replace("\n", "\r"),
        f"---\n{YAML}---\n".encode() + b"\xff\xfe",
        f"---\n{YAML}---\n" + "x" * 1_000_000,
    ],
)  # fmt: skip
def test_a_card_as_editors_and_tools_write_it(content: str | bytes) -> None:
    assert card(content) == ("trl",)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "---",
        "---\n---\n",
        "# A model\n",
        YAML,
        f"---\n{YAML}",
        f"---\n{YAML}----\n",
        f"# A model\n---\n{YAML}---\n",
        f"----\n{YAML}---\n",
        f"---\n{YAML}# {'x' * 100_000}\n---\n",
        b"\xff\xfe\x00",
        f"---\n{YAML}---\n".encode("utf-16"),
    ],
)
def test_no_front_matter_and_one_without_an_end(content: str | bytes) -> None:
    assert card(content) == ()


def test_a_folder_without_a_card() -> None:
    assert front_matter_list(MemoryFolder({"readme.md": b"---\ntags: trl\n---\n"}), "tags") == ()


@pytest.mark.parametrize(
    "yaml",
    [
        "tags: " + "[" * 60_000,
        "tags:\n" + "- a\n" * 15_000,
        "tags:\n" + "- - " * 15_000,
        "tags: [" + "a,\n" * 20_000,
        "tags: [" + "#\n" * 30_000,
        "a: &a [x]\n" + "".join(f"b{n}: &b{n} [*a,*a,*a]\n" for n in range(2_000)) + "tags: *b9",
        "tags: " + " " * 60_000 + "x",
        "tags: " + " #" * 30_000,
        "\n" * 60_000,
        "tags: '" + "\\'" * 30_000,
    ],
)
def test_a_hostile_card_takes_no_more_work_than_its_length(yaml: str) -> None:
    for content in (f"---\n{yaml}\n---\n", f"---\n{yaml}", f"{' ' * 60_000}---{yaml}"):
        assert steps(partial(card, content)) < 200 * len(content)


WORDS = st.text(alphabet=string.ascii_letters + string.digits + "-_./", min_size=1, max_size=12).filter(
    lambda word: word[0] != "-" and word not in ("null", "Null", "NULL")
)


@settings(deadline=None)
@given(words=st.lists(WORDS, max_size=8), inline=st.booleans())
def test_what_is_written_is_read(words: list[str], inline: bool) -> None:  # noqa: FBT001 - drawn
    value = f" [{', '.join(words)}]" if inline else "".join(f"\n- {word}" for word in words)
    assert front(f"a: b\ntags:{value}\nc: d") == tuple(words)


@settings(deadline=None)
@given(
    text=st.text(alphabet="-:[]{}'\"#&*|>, \t\r\ntags\ufeff"),
    prefix=st.sampled_from(["", "---\n", "---\ntags:"]),
)
def test_no_text_is_too_odd(text: str, prefix: str) -> None:
    assert all(word.strip() for word in card(f"{prefix}{text}\n---\n"))
