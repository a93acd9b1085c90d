"""The built-in quality prompts and the checks of one's own."""

import json
from collections import Counter
from pathlib import Path

import pytest

from genfix.errors import InputError
from genfix.probe.prompts import built_in_prompts, quality_prompts, read_prompts


def test_the_set_has_both_languages_of_every_kind() -> None:
    prompts = quality_prompts()
    counts = Counter((prompt.group, prompt.language) for prompt in prompts)
    assert len(prompts) == len({prompt.id for prompt in prompts}) >= 120
    assert {language for _, language in counts} == {"en", "zh"}
    for group, _ in counts:
        assert counts[group, "en"] == counts[group, "zh"] >= 2
    assert all(prompt.check is not None for prompt in prompts)
    assert {prompt.id for prompt in prompts}.isdisjoint(prompt.id for prompt in built_in_prompts())
    text = json.dumps([[*prompt.messages] for prompt in prompts], ensure_ascii=False)
    assert not any(marker in text for marker in ("<|", "[INST]", "User:", "Human:", "用户："))


def test_some_kinds() -> None:
    assert {prompt.group for prompt in quality_prompts(["json", "copy"])} == {"json", "copy"}
    with pytest.raises(InputError, match="no kind 'jsonn'") as caught:
        quality_prompts(["jsonn"])
    assert "number" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("check", "words"),
    [
        ({"kind": "number", "value": "7"}, "value: Input should be a valid number"),
        ({"kind": "nombre"}, "does not match any of the expected tags"),
        ({"kind": "list"}, "items: Field required"),
        ({"kind": "list", "items": 3, "itmes": 3}, "itmes: Unexpected keyword argument"),
        ({"kind": "json", "keys": {"a": "int"}}, "int is no type of JSON"),
        ("number", "Input should be an object"),
    ],
)
def test_a_wrong_check_is_one_sentence(tmp_path: Path, check: object, words: str) -> None:
    file = tmp_path / "mine.jsonl"
    file.write_text(json.dumps({"prompt": "7?", "check": check}), "utf-8")
    with pytest.raises(InputError) as caught:
        read_prompts(file)
    assert f"{file}: line 1: check is none that genfix knows" in caught.value.message
    assert words in caught.value.message
