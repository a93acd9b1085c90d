"""What else rendered templates tell: ends that are no tokens, images, and the token at the start."""

import json
from pathlib import Path

import pytest

from genfix.model import Model
from genfix.model.turn_ends import TurnEnds, find_turn_ends
from tests.support.folders import CHATML, MemoryFolder, chatml_files, with_json

LLAMA_3_TOKENS = (
    "<|begin_of_text|>",
    "<|end_of_text|>",
    "<|start_header_id|>",
    "<|end_header_id|>",
    "<|eot_id|>",
)
PROMPT = "{%- if add_generation_prompt -%}"
LOOP, END = "{%- for m in messages -%}", "{%- endfor -%}"


def facts(template: str, *added: str) -> TurnEnds:
    result = find_turn_ends(template, added)
    assert isinstance(result, TurnEnds), result
    return result


def turns(opening: str, closing: str) -> str:
    turn = "{{ '" + opening + "' + m.role + '\n' + m.content + '" + closing + "\n' }}"
    return LOOP + turn + END + PROMPT + "{{ '" + opening + "assistant\n' }}{%- endif -%}"


@pytest.mark.parametrize(
    ("opening", "closing"),
    [
        ("<|im_start|>", "<|im_end|>"),
        ("<｜User｜>", "<｜end▁of▁sentence｜>"),  # noqa: RUF001
        ("<start_of_turn>", "<end_of_turn>"),
        ("<|turn>", "<turn|>"),
        ("[|user|]", "[|endofturn|]"),
        ("[INST]", "[/INST]"),
    ],
)
def test_an_end_that_the_tokenizer_does_not_know(opening: str, closing: str) -> None:
    template = turns(opening, closing)
    found = facts(template, *LLAMA_3_TOKENS)
    assert (found.tokens, found.source, found.unknown_ends) == ((), None, (closing,))
    known = facts(template, opening, closing)
    assert (known.tokens, known.unknown_ends) == ((closing,), ())
    assert facts(template, closing).unknown_ends == ()  # that the opener is text is no matter of ends


@pytest.mark.parametrize(
    "template",
    [
        # The next turn's opener, in plain text: it says nothing of an end.
        LOOP + "<|{{ m.role }}|>\n{{ m.content }}\n" + END,
        LOOP + "<|{{ m.role }}|>\n{{ m.content }}\n" + END + "<|assistant|>\n",
        # An end that is one token or variable, at least after the last answer.
        LOOP + "<|{{ m.role }}|>\n{{ m.content }}{{ eos_token }}\n" + END,
        LOOP + "<|{{ m.role }}|>\n{{ m.content }}<|end|>\n" + END + "{{ eos_token }}",
        LOOP + "<|{{ m.role }}|>\n{{ m.content }}<|end|>{{ eos_token }}\n" + END,
        # Text, markup and headings.
        LOOP + "### {{ m.role }}:\n{{ m.content }}\n\n" + END,
        LOOP + "{{ m.role | upper }}: {{ m.content }}</s>\n" + END,
        LOOP + "<{{ m.role }}>{{ m.content }}</{{ m.role }}>\n" + END,
        LOOP + "{{ m.role }}: {{ m.content }}<br>\n" + END,
        # Between two steps of one turn.
        LOOP + "{%- if m.reasoning_content -%}{{ m.reasoning_content }}<|step|>{%- endif -%}{{ m.content }}"
        "<|step|>" + END,
    ],
)
def test_no_unknown_end_is_invented(template: str) -> None:
    found = facts(template, "<s>", "</s>", "<|endoftext|>")
    assert found.unknown_ends == ()


PART = "{%- if p.type == 'text' -%}{{ p.text }}{%- IMAGE endif -%}"
PARTS = LOOP + "{{ m.role }}: {%- for p in m.content -%}" + PART + "{%- endfor -%}<|end|>" + END


@pytest.mark.parametrize(
    ("template", "images"),
    [
        (PARTS.replace("IMAGE", "else -%}<|image|>{%- "), True),
        (PARTS.replace("IMAGE", "elif p.type == 'image' -%}<image>{%- "), True),
        (PARTS.replace("IMAGE", ""), False),
        (PARTS.replace("IMAGE", "else -%}{{ raise_exception('text only') }}{%- "), None),
        (LOOP + "{{ m.role }}: {{ m.content[0].text }}<|end|>" + END, False),
        (LOOP + "{{ m.role + ': ' + m.content }}<|end|>" + END, None),
        # A list written out as text holds the image as well, but no placeholder for it.
        (LOOP + "{{ m.role }}: {{ m.content }}<|end|>" + END, None),
        (LOOP + "{{ m.role }}: {{ m.content | tojson }}<|end|>" + END, None),
        ("no words of the chat", None),
    ],
)
def test_whether_images_are_written(template: str, *, images: bool | None) -> None:
    assert facts(template, "<|end|>", "<|image|>").images is images


@pytest.mark.parametrize(
    ("start", "writes", "first"),
    [
        ("{{ bos_token }}", True, None),
        ("<|begin_of_text|>", False, "<|begin_of_text|>"),
        ("{{ bos_token }}<|begin_of_text|>", True, None),
        ("[gMASK]", False, None),
        (" <|begin_of_text|>", False, None),
        ("", False, None),
        ("{%- if messages[0].role == 'system' -%}<|begin_of_text|>{%- endif -%}", False, None),
    ],
)
def test_the_token_at_the_start(start: str, first: str | None, *, writes: bool) -> None:
    found = facts(start + turns("<|start_header_id|>", "<|eot_id|>"), "<|begin_of_text|>", "<|eot_id|>")
    assert (found.writes_bos, found.first_literal) == (writes, first)


@pytest.mark.parametrize(
    "name",
    ["Qwen__Qwen2-VL-2B-Instruct", "google__gemma-3-4b-it", "meta-llama__Llama-3.2-11B-Vision-Instruct"],
)
def test_real_vision_templates_write_images(real_configs: Path, name: str) -> None:
    file = real_configs / name / "chat_template.json"
    assert facts(json.loads(file.read_text(encoding="utf-8"))["chat_template"]).images is True


def test_a_real_text_template_writes_none(real_configs: Path) -> None:
    file = real_configs / "zai-org__GLM-4.5" / "chat_template.jinja"
    assert facts(file.read_text(encoding="utf-8")).images is False


def test_a_template_is_rendered_again_only_where_it_or_its_tokens_changed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    files = chatml_files()
    before = Model(MemoryFolder(files))
    known = before.turn_ends
    rendered: list[str] = []

    def counted(template: str, *tokens: object) -> None:
        rendered.append(template)

    monkeypatch.setattr("genfix.model.remembered.find_turn_ends", counted)
    elsewhere = with_json(files, "generation_config.json", eos_token_id=1000)
    assert Model(MemoryFolder(elsewhere), before=before).turn_ends is known
    assert not rendered
    for changed in (
        with_json(files, "tokenizer_config.json", chat_template=CHATML + "{# mine #}"),
        with_json(files, "tokenizer_config.json", additional_special_tokens=["<|im_end|>"]),
        {**files, "added_tokens.json": b'{"<new>": 1003}'},
    ):
        Model(MemoryFolder(changed), before=before).turn_ends  # noqa: B018 - asked for
    assert len(rendered) == 3
