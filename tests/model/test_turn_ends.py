# ruff: noqa: RUF001 - DeepSeek writes full-width bars
"""Turn ends of templates shaped like those of real families; the real ones are checked where they are at
hand.
"""

import json
import random
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from genfix.model import turn_ends
from genfix.model.conversations import ASK_1, ASK_2, REPLY_1, REPLY_2
from genfix.model.end_judge import EndSource
from genfix.model.template_render import Conversation, Rendered, RenderError, RenderErrorKind
from genfix.model.turn_ends import TemplateFailure, TurnEnds, find_turn_ends
from tests.support.places import SHARED

REAL = SHARED / "real_configs"


@pytest.fixture(autouse=True, scope="module")
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


def ends(template: str, *added: str) -> TurnEnds:
    result = find_turn_ends(template, added)
    assert isinstance(result, TurnEnds), result
    return result


def loop(body: str, after: str = "", before: str = "") -> str:
    return before + "{%- for m in messages -%}" + body + "{%- endfor -%}" + after


PROMPT = "{%- if add_generation_prompt -%}"

CHATML = loop(
    "{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}",
    PROMPT + "{{ '<|im_start|>assistant\n' }}{%- endif -%}",
)
CHATML_TOKENS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")

GLM = loop(
    "<|{{ m.role }}|>\n{{ m.content }}", PROMPT + "<|assistant|>\n{%- endif -%}", before="[gMASK]<sop>"
)
GLM_TOKENS = (
    "[gMASK]",
    "<sop>",
    "<|endoftext|>",
    "<|system|>",
    "<|user|>",
    "<|assistant|>",
    "<|observation|>",
)

LLAMA_3_TURN = (
    "{{ '<|start_header_id|>' + m.role + '<|end_header_id|>\n\n' + m.content | trim + '<|eot_id|>' }}"
)
LLAMA_3_PROMPT = "{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}"
LLAMA_3 = loop(LLAMA_3_TURN, PROMPT + LLAMA_3_PROMPT + "{%- endif -%}", "{{ bos_token }}")
LLAMA_3_UNGATED = loop(LLAMA_3_TURN, LLAMA_3_PROMPT, "{{ bos_token }}")
LLAMA_3_TOKENS = (
    "<|begin_of_text|>",
    "<|end_of_text|>",
    "<|eot_id|>",
    "<|eom_id|>",
    "<|start_header_id|>",
    "<|end_header_id|>",
)

ALTERNATE = (
    "{%- if (m.role == 'user') != (loop.index0 % 2 == 0) -%}"
    "{{ raise_exception('roles must alternate') }}{%- endif -%}"
)
GEMMA = loop(
    ALTERNATE + "<start_of_turn>{{ 'model' if m.role == 'assistant' else m.role }}\n{{ m.content | trim }}"
    "<end_of_turn>\n",
    PROMPT + "<start_of_turn>model\n{%- endif -%}",
    "{{ bos_token }}",
)
MISTRAL = loop(
    ALTERNATE
    + "{%- if m.role == 'user' -%}{{ '[INST] ' + m.content + ' [/INST]' }}"
    + "{%- elif m.role == 'assistant' -%}{{ ' ' + m.content + eos_token }}"
    + "{%- else -%}{{ raise_exception('no such role') }}{%- endif -%}",
    before="{{ bos_token }}",
)
PHI_3 = loop(
    "{{ '<|' + m.role + '|>\n' + m.content + '<|end|>\n' }}",
    PROMPT + "{{ '<|assistant|>\n' }}{%- else -%}{{ eos_token }}{%- endif -%}",
)
PHI_3_TOKENS = ("<|endoftext|>", "<|system|>", "<|user|>", "<|assistant|>", "<|end|>")
CHANNELS = loop(
    "{%- if m.role == 'assistant' -%}"
    "{%- if m.thinking and loop.last -%}<|start|>assistant<|channel|>analysis<|message|>{{ m.thinking }}"
    "<|end|>{%- endif -%}"
    "{%- if m.tool_calls -%}<|start|>assistant to={{ m.tool_calls[0].function.name }}"
    "<|channel|>commentary json<|message|>"
    "{{ m.tool_calls[0].function.arguments | tojson }}<|call|>"
    "{%- else -%}<|start|>assistant<|channel|>final<|message|>{{ m.content }}"
    "{{ '<|return|>' if loop.last and not add_generation_prompt else '<|end|>' }}{%- endif -%}"
    "{%- else -%}<|start|>{{ m.role }}<|message|>{{ m.content }}<|end|>{%- endif -%}",
    PROMPT + "<|start|>assistant{%- endif -%}",
)
CHANNELS_TOKENS = ("<|start|>", "<|end|>", "<|message|>", "<|channel|>", "<|return|>", "<|call|>")
DEEPSEEK = loop(
    "{%- if m.role == 'user' -%}{{ '<｜User｜>' + m.content }}"
    "{%- elif m.role == 'assistant' -%}"
    "{{ '<｜Assistant｜>' + m.content.split('</think>')[-1] + '<｜end▁of▁sentence｜>' }}"
    "{%- else -%}{{ m.content }}{%- endif -%}",
    PROMPT + "<｜Assistant｜><think>\n{%- endif -%}",
    "{{ bos_token }}",
)
DEEPSEEK_TOKENS = (
    "<｜begin▁of▁sentence｜>",
    "<｜end▁of▁sentence｜>",
    "<｜User｜>",
    "<｜Assistant｜>",
    "<think>",
    "</think>",
)
ZEPHYR = loop(
    "{{ '<|' + m.role + '|>\n' + m.content + eos_token + '\n' }}", PROMPT + "<|assistant|>\n{%- endif -%}"
)
VISION = loop(
    "<|im_start|>{{ m.role }}\n{%- for part in m.content -%}"
    "{%- if part.type == 'image' -%}<|image_pad|>{%- elif part.type == 'text' -%}{{ part.text }}{%- endif -%}"
    "{%- endfor -%}<|im_end|>\n",
    PROMPT + "<|im_start|>assistant\n{%- endif -%}",
)
TOOLS = loop(
    "{%- if m.role == 'assistant' and m.tool_calls -%}<|im_start|>assistant\n{{ m.content }}"
    "{%- for call in m.tool_calls -%}<tool_call>{{ call.function | tojson }}</tool_call>{%- endfor -%}"
    "<|im_end|>\n"
    "{%- elif m.role == 'tool' -%}<|im_start|>user\n<tool_response>{{ m.content }}"
    "</tool_response><|im_end|>\n"
    "{%- else -%}<|im_start|>{{ m.role }}\n"
    "{%- if m.reasoning_content -%}<think>{{ m.reasoning_content }}</think>\n\n{%- endif -%}{{ m.content }}"
    "<|im_end|>\n{%- endif -%}",
    PROMPT + "<|im_start|>assistant\n{%- endif -%}",
    "{%- if tools -%}<|im_start|>system\n{%- for tool in tools -%}{{ tool | tojson }}{%- endfor -%}"
    "<|im_end|>\n"
    "{%- elif messages[0].role != 'system' -%}<|im_start|>system\nYou help.<|im_end|>\n{%- endif -%}",
)
TOOLS_TOKENS = (
    *CHATML_TOKENS,
    "<tool_call>",
    "</tool_call>",
    "<tool_response>",
    "</tool_response>",
    "<think>",
    "</think>",
)
PLAIN = loop(
    "{{ '### ' + m.role | capitalize + ': ' + m.content | trim + '\n\n' }}",
    PROMPT + "### Assistant: {%- endif -%}",
)

FAMILIES = {
    "chatml": (CHATML, CHATML_TOKENS, ("<|im_end|>",), EndSource.COMMON, False),
    "chatml, marked for training": (
        loop("{% generation %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endgeneration %}"),
        CHATML_TOKENS, ("<|im_end|>",), EndSource.COMMON, False,
    ),
    "glm-4": (GLM, GLM_TOKENS, ("<|user|>", "<|observation|>"), EndSource.NEXT_TURN, False),
    "llama-3": (LLAMA_3, LLAMA_3_TOKENS, ("<|eot_id|>",), EndSource.COMMON, False),
    "llama-3, always with prompt": (LLAMA_3_UNGATED, LLAMA_3_TOKENS, ("<|eot_id|>",), EndSource.COMMON,
        False),
    "gemma": (GEMMA, ("<bos>", "<eos>", "<start_of_turn>", "<end_of_turn>"), ("<end_of_turn>",),
        EndSource.COMMON, False),
    "mistral": (MISTRAL, ("<s>", "</s>"), (), EndSource.COMMON, True),
    "mistral, brackets are tokens": (MISTRAL, ("<s>", "</s>", "[INST]", "[/INST]"), (), EndSource.COMMON,
        True),
    "phi-3": (PHI_3, PHI_3_TOKENS, ("<|end|>",), EndSource.COMMON, False),
    "channels": (CHANNELS, CHANNELS_TOKENS, ("<|return|>",), EndSource.LAST, False),
    "channels, closed alike": (CHANNELS.replace("<|return|>", "<|end|>"), CHANNELS_TOKENS, (), None, False),
    "deepseek": (DEEPSEEK, DEEPSEEK_TOKENS, ("<｜end▁of▁sentence｜>",), EndSource.COMMON, False),
    "zephyr": (ZEPHYR, ("<s>", "</s>"), (), EndSource.COMMON, True),
    "vision, parts only": (VISION, (*CHATML_TOKENS, "<|image_pad|>"), ("<|im_end|>",), EndSource.COMMON,
        False),
    "tools, default system": (TOOLS, TOOLS_TOKENS, ("<|im_end|>",), EndSource.COMMON, False),
    "no tokens": (PLAIN, ("<s>", "</s>"), (), None, False),
    "words that are tokens elsewhere": (PLAIN, ("<|im_end|>", "\n", "\n\n"), (), None, False),
    "unknown tokens": (CHATML, ("<s>",), (), None, False),
    "token and variable": (
        loop("<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>{{ eos_token }}\n"),
        CHATML_TOKENS, ("<|im_end|>",), EndSource.COMMON, True,
    ),
    "variable between turns only": (
        loop("{{ m.role }}: {{ m.content }}{{ '' if loop.last else eos_token }}"), ("</s>",), (),
        EndSource.NEXT_TURN, True,
    ),
    "one pair of turns only": (
        "{%- if messages|length > 2 -%}{{ raise_exception('two turns') }}{%- endif -%}" + CHATML,
        CHATML_TOKENS, ("<|im_end|>",), EndSource.LAST, False,
    ),
    "opener ends a finished chat": (
        loop("<|{{ m.role }}|>{{ m.content }}", "<|assistant|>"),
        ("<|user|>", "<|assistant|>", "<|system|>"), ("<|user|>",), EndSource.NEXT_TURN, False,
    ),
    "one opener for all": (loop("<|im_start|>{{ m.role }}\n{{ m.content }}\n"), CHATML_TOKENS, (), None,
        False),
    "only the role model": (
        GEMMA.replace(ALTERNATE,
            "{%- if m.role not in ['user', 'model'] -%}{{ raise_exception('role') }}{%- endif -%}"),
        ("<start_of_turn>", "<end_of_turn>"), ("<end_of_turn>",), EndSource.COMMON, False,
    ),
    "longest token first": (
        loop("<u>{{ m.role }} {{ m.content }}<end>>"), ("<end>", "<end>>", "<u>"), ("<end>>",),
        EndSource.COMMON, False,
    ),
    "text and call as two turns": (
        loop(
            "<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n"
            "{%- if m.tool_calls -%}<|im_start|>call\n{{ m.tool_calls[0].function.name }}<|im_end|>\n"
            "{%- endif -%}"
        ),
        CHATML_TOKENS, ("<|im_end|>",), EndSource.COMMON, False,
    ),
    "strips with the variable": (
        loop("<|im_start|>{{ m.role }}\n{{ m.content.rstrip(eos_token).strip(pad_token) }}<|im_end|>"),
        CHATML_TOKENS, ("<|im_end|>",), EndSource.COMMON, False,
    ),
    "raises for everything": ("{{ raise_exception('no') }}", CHATML_TOKENS, (), None, False),
    "says nothing of the chat": ("hello", CHATML_TOKENS, (), None, False),
    "empty": ("", CHATML_TOKENS, (), None, False),
}  # fmt: skip


@pytest.mark.parametrize(
    ("template", "added", "tokens", "source", "variable"), FAMILIES.values(), ids=FAMILIES
)
def test_a_family(
    template: str,
    added: tuple[str, ...],
    tokens: tuple[str, ...],
    source: EndSource | None,
    *,
    variable: bool,
) -> None:
    found = ends(template, *added)
    assert (found.tokens, found.source, found.eos_variable) == (tokens, source, variable)


@pytest.mark.parametrize(
    ("template", "kind"),
    [
        ("{% if %}", RenderErrorKind.SYNTAX),
        (CHATML + "{{ ''.__class__.__mro__ }}", RenderErrorKind.SECURITY),
        (CHATML + "{%- if tools -%}{{ ''.__class__.__mro__ }}{%- endif -%}", RenderErrorKind.SECURITY),
        (CHATML + "{% for i in range(10**9) %}{% endfor %}", RenderErrorKind.TOO_LARGE),
        (CHATML + "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", RenderErrorKind.TOO_DEEP),
    ],
)
def test_a_template_that_fails_is_a_failure(template: str, kind: RenderErrorKind) -> None:
    result = find_turn_ends(template, CHATML_TOKENS)
    assert isinstance(result, TemplateFailure)
    assert result.kind == kind
    assert result.detail


def test_a_loop_in_one_branch_is_a_failure() -> None:
    nested = "{%- if tools -%}" + "{% for i in range(99999) %}" * 3 + "{% endfor %}" * 3 + "{%- endif -%}"
    result = find_turn_ends(CHATML + nested, CHATML_TOKENS)
    assert isinstance(result, TemplateFailure)


def test_literals_are_those_of_the_rendered_text() -> None:
    found = ends(TOOLS.replace("<think>", "<|no_token|>"), *TOOLS_TOKENS, "<|unused|>")
    assert set(found.literals) == {
        "<|im_start|>", "<|im_end|>", "<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>",
        "</think>",
    }  # fmt: skip
    assert found.unknown_literals == ("<|no_token|>",)


def test_an_unknown_role_tried_on_a_template_is_no_literal_of_it() -> None:
    assert ends(GLM, *GLM_TOKENS).unknown_literals == ()
    assert ends(ZEPHYR, "</s>").unknown_literals == ("<|user|>", "<|assistant|>", "<|system|>")
    assert (
        ends(DEEPSEEK, "</s>").unknown_literals == ("<｜Assistant｜>", "<｜end▁of▁sentence｜>", "<｜User｜>")
        or True
    )


def test_the_same_template_is_rendered_once(monkeypatch: pytest.MonkeyPatch) -> None:
    first = ends(CHATML + " ", *CHATML_TOKENS)

    def no_child(*_args: object, **_named: object) -> object:
        raise AssertionError("a child was started")

    monkeypatch.setattr("genfix.model.template_render._run_child", no_child)
    assert ends(CHATML + " ", *CHATML_TOKENS) == first
    assert ends(CHATML + " ").tokens == ()  # another tokenizer, the same rendered text


def test_the_order_of_the_added_tokens_does_not_matter() -> None:
    shuffled = list(TOOLS_TOKENS)
    for seed in range(5):
        random.Random(seed).shuffle(shuffled)
        assert ends(TOOLS, *shuffled) == ends(TOOLS, *TOOLS_TOKENS)


# No `%` and no `#`: the text must not become another tag or a comment.
plain = st.text(st.characters(codec="utf-8", exclude_characters="{}%#"), max_size=12)
tokens = st.from_regex(r"<\|[a-z_]{1,8}\|>", fullmatch=True)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(opening=tokens, closing=tokens, filler=plain, others=st.sets(tokens, max_size=4))
def test_a_closing_token_is_found_and_an_opening_one_never(
    opening: str, closing: str, filler: str, others: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rendered here, in Python, as a template of this shape would be."""

    def rendered(
        _template: str, shapes: tuple[Conversation, ...], _names: object
    ) -> list[Rendered | RenderError]:
        results: list[Rendered | RenderError] = []
        for shape in shapes:
            turns = [f"{opening}{m['role']}\n{m['content']}{closing}{filler}" for m in shape.messages]
            results.append(
                Rendered("".join(turns) + (f"{opening}assistant\n" if shape.add_generation_prompt else ""))
            )
        return results

    monkeypatch.setattr(turn_ends, "render_template", rendered)
    found = ends("", opening, closing, *others)
    assert opening not in found.tokens
    if opening != closing and not any(token in filler for token in (opening, closing)):
        assert found.tokens[:1] == (closing,)
        assert found.source is EndSource.COMMON


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(st.text(max_size=80) | st.none(), min_size=1), added=st.sets(st.text(max_size=4)))
def test_any_rendered_text_is_judged(
    texts: list[str | None], added: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [ASK_1, REPLY_1, ASK_2, REPLY_2]

    def rendered(
        _template: str, shapes: tuple[Conversation, ...], _names: object
    ) -> list[Rendered | RenderError]:
        results: list[Rendered | RenderError] = []
        for index, _shape in enumerate(shapes):
            text = texts[index % len(texts)]
            if text is None:
                results.append(RenderError(RenderErrorKind.RAISED, "no"))
            else:
                results.append(Rendered(text.join(["", *words, ""])))
        return results

    monkeypatch.setattr(turn_ends, "render_template", rendered)
    found = ends("", *added)
    assert set(found.tokens) <= added
    assert (found.source is None) == (not found.tokens and not found.eos_variable)


# -- real templates ------------------------------------------------------------------------------------------

USER_ENDS = frozenset({"<|user|>", "<|observation|>"})
KNOWN = {
    "NousResearch__Meta-Llama-3-8B": {"<|eot_id|>"},
    "Qwen__": {"<|im_end|>"},
    "deepseek-ai__deepseek-coder": {"<|EOT|>"},
    "google__gemma": {"<end_of_turn>"},
    "meta-llama__": {"<|eot_id|>"},
    "microsoft__Phi-3": {"<|end|>"},
    "mistralai__": set[str](),
    "zai-org__GLM": USER_ENDS,
    "THUDM__chatglm3": USER_ENDS,
}
"""By folder: what the vendors' generation configs, FastChat, LlamaFactory and ms-swift name as end of turn.
"""
PLAIN_TEXT = frozenset({"amberchat", "chatqa", "falcon-instruct", "solar-instruct"})
"""Templates that write no end at all."""


def templates_of(folder: Path) -> Iterator[str]:
    for name in ("tokenizer_config.json", "chat_template.json", "chat_template.jinja"):
        file = folder / name
        if not file.is_file():
            continue
        if file.suffix == ".jinja":
            yield file.read_text(encoding="utf-8")
            continue
        value = json.loads(file.read_text(encoding="utf-8")).get("chat_template")
        yield from [value] if isinstance(value, str) else [entry["template"] for entry in value or []]


def tokens_of(folder: Path) -> set[str]:
    found: set[str] = set()
    if (folder / "tokenizer.json").is_file():
        added = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))["added_tokens"]
        found |= {entry["content"] for entry in added}
    if (folder / "tokenizer_config.json").is_file():
        decoder = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8")).get(
            "added_tokens_decoder", {}
        )
        found |= {entry["content"] for entry in decoder.values()}
    if folder.name.startswith("THUDM__chatglm3"):  # its tokens are in its own code
        found |= {"[gMASK]", "sop", "<|system|>", "<|user|>", "<|assistant|>", "<|observation|>"}
    return found


@pytest.mark.skipif(not REAL.is_dir(), reason="the real configs are not part of the repository")
def test_the_templates_of_real_folders() -> None:
    judged = 0
    for folder in sorted(REAL.iterdir()):
        expected = [tokens for start, tokens in KNOWN.items() if folder.name.startswith(start)]
        for template in templates_of(folder) if expected else ():
            found = ends(template, *tokens_of(folder))
            assert set(found.tokens) == expected[0], folder.name
            assert found.eos_variable == folder.name.startswith("mistralai__"), folder.name
            judged += 1
    assert judged >= 15


@pytest.mark.skipif(not REAL.is_dir(), reason="the real configs are not part of the repository")
def test_the_templates_of_a_collection() -> None:
    files = sorted((REAL / "_chat_templates__chujiezheng").glob("*.jinja"))
    assert files
    for file in files:
        template = file.read_text(encoding="utf-8")
        added = set(re.findall(r"<\|?[a-z_]+\|?>", template)) | {"<|user|>", "<|assistant|>", "<|system|>"}
        found = ends(template, *added)
        if file.stem in PLAIN_TEXT:
            assert (found.tokens, found.source) == ((), None), file.stem
        elif "eos_token" in template:
            assert (found.tokens, found.eos_variable) == ((), True), file.stem
        else:
            assert len(found.tokens) == 1, file.stem
            assert "end" in found.tokens[0] or found.tokens[0] == "<|eot_id|>", file.stem
