"""The prompts: what ships, and a file of one's own, refused by the line."""

import json
import os
from collections import Counter
from pathlib import Path

import pytest

from genfix.errors import InputError
from genfix.probe.prompts import built_in_prompts, read_prompts


def test_the_set_covers_what_it_promises() -> None:
    prompts = built_in_prompts()
    assert len(prompts) == len({prompt.id for prompt in prompts}) == 64
    counts = Counter((prompt.group, prompt.language) for prompt in prompts)
    assert {group for group, _ in counts} == {"short", "long", "multi-turn", "tool"}
    for group, language in counts:
        assert counts[group, "en"] >= 4
        assert counts[group, "zh"] >= 4
        assert language in {"en", "zh"}
    for prompt in prompts:
        assert prompt.messages[-1]["role"] == "user"
        assert bool(prompt.tools) == (prompt.group == "tool")
        assert len(prompt.messages) > 1 or prompt.group != "multi-turn"


def test_no_prompt_asks_for_what_is_taken_for_a_leak() -> None:
    text = json.dumps([[*prompt.messages] for prompt in built_in_prompts()], ensure_ascii=False)
    for marker in ("<|", "[INST]", "User:", "Human:", "用户："):
        assert marker not in text


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    file = tmp_path / "mine.jsonl"
    file.write_text(
        '\ufeff{"prompt": "Who are you?"}\n\n'
        '{"id": "b", "group": "g", "messages": [{"role": "user", "content": "Hi"}]}\r\n',
        "utf-8",
    )
    first, second = read_prompts(file)
    assert (first.id, first.group, first.messages) == (
        "prompt-001",
        "own",
        ({"role": "user", "content": "Who are you?"},),
    )
    assert (second.id, second.group) == ("b", "g")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "there are no prompts"),
        ("hello", "line 1 is not JSON"),
        ("[1]", "line 1 is not a JSON object"),
        ("[" * 100_000, "line 1 is not JSON"),
        ('{"prompt": "a"}\n{"promt": "b"}', "line 2 has the key 'promt'"),
        ('{"prompt": "a", "messages": []}', "either prompt or messages"),
        ("{}", "either prompt or messages"),
        ('{"prompt": ""}', "there is no text to ask"),
        ('{"prompt": null}', "there is no text to ask"),
        ('{"messages": []}', "there is no text to ask"),
        ('{"messages": [{"role": "robot", "content": "x"}]}', "no role that servers know"),
        ('{"messages": [{"role": ["user"], "content": "x"}]}', "no role that servers know"),
        ('{"messages": [{"role": "user"}]}', "no content"),
        ('{"prompt": "a", "tools": {}}', "tools is no list"),
        ('{"prompt": "a", "id": 7}', "id is no short text"),
        ('{"prompt": "a", "id": "x"}\n{"prompt": "b", "id": "x"}', "line 2 has the id x"),
        ('{"prompt": "a"}\n' * 2001, "2001 prompts"),
    ],
)
def test_a_wrong_line_is_one_sentence(tmp_path: Path, content: str, words: str) -> None:
    file = tmp_path / "mine.jsonl"
    file.write_text(content, "utf-8")
    with pytest.raises(InputError) as caught:
        read_prompts(file)
    assert words in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"x" * (4 * 1024 * 1024 + 1)])
def test_no_text_and_too_much_text(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "mine.jsonl"
    file.write_bytes(content)
    with pytest.raises(InputError):
        read_prompts(file)


def test_files_that_are_not_there(tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path, tmp_path / "\0"):
        with pytest.raises(InputError, match="cannot read the file of prompts"):
            read_prompts(path)


def test_a_pipe_is_read() -> None:
    ours, theirs = os.pipe()
    try:
        os.write(theirs, b'{"prompt": "Who are you?"}\n')
        os.close(theirs)
        (only,) = read_prompts(Path(f"/dev/fd/{ours}"))
    finally:
        os.close(ours)
    assert only.id == "prompt-001"
