"""Turn ends in the shapes that hundreds of public templates take, and against what other tools stop at.

The templates here are written for these tests: one for each way in which a correct end was once missed, or a
wrong one found.
"""

import csv
from pathlib import Path

import pytest

from genfix.folder import LocalFolder
from genfix.model import Model
from genfix.model.end_judge import EndSource
from genfix.model.template_render import RenderErrorKind
from genfix.model.turn_ends import TemplateFailure, TurnEnds, find_turn_ends
from tests.support.places import SHARED

ALWAYS = ("<s>", "</s>", "<think>", "</think>", "<tool_call>", "</tool_call>", "[INST]", "[/INST]", "<|pad|>")
"""What tokenizers have besides, whatever their template writes."""
CHATML_TOKENS = ("<|im_start|>", "<|im_end|>")
PROMPT, END = "{%- if add_generation_prompt -%}", "{%- endif -%}"


def loop(body: str, after: str = "", before: str = "") -> str:
    return before + "{%- for m in messages -%}" + body + "{%- endfor -%}" + after


TURN = "<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n"
ASSISTANT = PROMPT + "<|im_start|>assistant\n" + END

# Every answer is wrapped, every turn is closed, and the prompt is written whether asked for or not.
WRAPPED = loop(
    "<|turn|><|{{ m.role }}|>"
    "{%- if m.tool_calls -%}<|act|>{{ m.tool_calls[0].function.arguments | tojson }}<|acted|>"
    "{%- elif m.role == 'assistant' -%}<|say|>{{ m.content }}<|said|>"
    "{%- else -%}{{ m.content }}{%- endif -%}<|over|>",
    "<|turn|><|assistant|>",
    "<|turn|><|system|>Answers stand in <|say|> and end in <|over|>.<|over|>",
)
WRAPPED_TOKENS = (
    "<|turn|>", "<|over|>", "<|say|>", "<|said|>", "<|act|>", "<|acted|>", "<|system|>", "<|user|>",
    "<|assistant|>",
)  # fmt: skip
MARKED = loop(
    "<|open|>{{ m.role }}<|mark|>"
    "{%- if m.role == 'assistant' -%}<|open|>think<|mark|>{{ m.reasoning_content }}<|close|>think<|mark|>"
    "<|open|>answer<|mark|>{{ m.content }}<|close|>answer<|mark|>"
    "{%- else -%}{{ m.content }}{%- endif -%}<|close|>{{ m.role }}<|mark|><|over|>",
    PROMPT + "<|open|>assistant<|mark|><|open|>think<|mark|>" + END,
)
MARKED_TOKENS = ("<|open|>", "<|close|>", "<|mark|>", "<|over|>")
LEFT_OPEN = loop(
    "<|im_start|>{{ m.role }}\n{{ m.content }}"
    "{%- if add_generation_prompt or not loop.last -%}<|im_end|>\n{% endif %}",
    ASSISTANT,
)
STEPS = loop(
    "<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>{{ '<|endofturn|>' if m.role == 'assistant' }}\n",
    ASSISTANT,
)
JUDGE = (
    "{%- if messages | length > 2 -%}{{ raise_exception('one answer only') }}{%- endif -%}"
    "<|im_start|>user\nIs this harmful?\n<quote>\n{{ messages[0].content }}"
    "{%- if messages | length > 1 -%}\n{{ messages[1].content }}{%- endif -%}\n<unquote>\n"
    "Yes or no?<|im_end|>\n"
    "<|im_start|>assistant\n"
)
BY_NUMBER = loop(
    "{%- set names = additional_special_tokens -%}{{ m.role + names[0] + m.content + names[1] }}",
    PROMPT + "{{ 'assistant' + additional_special_tokens[0] }}" + END,
)
QUESTION_LAST = "{%- if messages[-1].role != 'user' -%}{{ raise_exception('ask something') }}{%- endif -%}"
PARTS_ASKED = loop(
    "<|im_start|>{{ m.role }}\n"
    "{%- if m.role == 'user' -%}{%- for part in m.content -%}{{ part.text + '' }}{%- endfor -%}"
    "{%- else -%}{{ m.content + '' }}{%- endif -%}<|im_end|>\n",
    ASSISTANT,
)

SHAPES = {
    "answer in a wrapping, prompt always written": (WRAPPED, WRAPPED_TOKENS, ("<|over|>",), EndSource.COMMON),
    "answer in a wrapping, prompt on demand": (
        WRAPPED.replace("<|turn|><|assistant|>", PROMPT + "<|turn|><|assistant|>" + END),
        WRAPPED_TOKENS, ("<|over|>",), EndSource.COMMON,
    ),
    "prompt always written, more of it on demand": (
        WRAPPED + PROMPT + "<|say|>" + END, WRAPPED_TOKENS, ("<|over|>",), EndSource.COMMON,
    ),
    "words between the tokens that close a turn": (MARKED, MARKED_TOKENS, ("<|over|>",), EndSource.COMMON),
    "words before the token that closes a turn": (
        loop("<|im_start|>{{ m.role }}\n{{ m.content }}\n[done]\n<|im_end|>\n", ASSISTANT),
        CHATML_TOKENS, ("<|im_end|>",), EndSource.COMMON,
    ),
    "the last turn left open": (LEFT_OPEN, CHATML_TOKENS, ("<|im_end|>",), EndSource.BETWEEN),
    "the last turn left open, default system message": (
        "<|im_start|>system\nYou help.<|im_end|>\n" + LEFT_OPEN, CHATML_TOKENS, ("<|im_end|>",),
        EndSource.BETWEEN,
    ),
    "an opener in two tokens, no end": (
        loop("<|turn|><|{{ m.role }}|>{{ m.content }}", PROMPT + "<|turn|><|assistant|>" + END,
            "<|bos|>A chat."),
        (*WRAPPED_TOKENS, "<|bos|>"), (), None,
    ),
    "messages closed alike, answers once more": (
        STEPS, (*CHATML_TOKENS, "<|endofturn|>"), ("<|im_end|>", "<|endofturn|>"), EndSource.COMMON,
    ),
    "the next chat's first token after an end": (
        loop("{{ m.content + '</s><s>' if m.role == 'assistant' else '[INST]' + m.content + '[/INST]' }}", "",
            "<s>"),
        (), ("</s>",), EndSource.COMMON,
    ),
    "eos_token at the start as well": (
        loop("{{ '[INST]' + m.content + '[/INST]' if m.role == 'user' else m.content + eos_token }}", "",
            "{{ eos_token }}"),
        (), (), EndSource.COMMON,
    ),
    "a chat that is only quoted": (JUDGE, (*CHATML_TOKENS, "<quote>", "<unquote>"), (), None),
    "no chat without tools": (
        loop(TURN, ASSISTANT, "{%- for tool in tools -%}{{ tool | tojson(ensure_ascii=False) }}"
                              "{%- endfor -%}"),
        CHATML_TOKENS, ("<|im_end|>",), EndSource.COMMON,
    ),
    "names that only its own program gives": (
        loop(TURN, ASSISTANT, "{{ 'Functions: ' + functions }}{{ now_text | trim + '' + place }}"),
        CHATML_TOKENS, ("<|im_end|>",), EndSource.COMMON,
    ),
    "a question must be last": (QUESTION_LAST + loop(TURN, ASSISTANT), CHATML_TOKENS, ("<|im_end|>",),
        EndSource.BETWEEN),
    "parts from the user, text from the assistant": (
        PARTS_ASKED, CHATML_TOKENS, ("<|im_end|>",), EndSource.COMMON,
    ),
    "a macro, a namespace, a date and an early end": (
        "{%- macro turn(role, text) -%}{{ '<|im_start|>' ~ role ~ '\n' ~ text ~ '<|im_end|>\n' }}"
        "{%- endmacro -%}"
        "{%- set seen = namespace(count=0) -%}{{ turn('system', strftime_now('%Y')) }}"
        + loop("{%- if seen.count > 9 -%}{%- break -%}{%- endif -%}{%- set seen.count = seen.count + 1 -%}"
               "{{ turn(m.role, m.content) }}", ASSISTANT),
        CHATML_TOKENS, ("<|im_end|>",), EndSource.COMMON,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("template", "added", "tokens", "source"), SHAPES.values(), ids=SHAPES)
def test_a_shape(
    template: str, added: tuple[str, ...], tokens: tuple[str, ...], source: EndSource | None
) -> None:
    found = find_turn_ends(template, (*added, *ALWAYS))
    assert isinstance(found, TurnEnds), found
    assert (found.tokens, found.source) == (tokens, source)


def test_tokens_that_a_template_takes_by_number() -> None:
    found = find_turn_ends(BY_NUMBER, ("<|role|>", "<|over|>", *ALWAYS), ("<|role|>", "<|over|>"))
    assert isinstance(found, TurnEnds), found
    assert found.tokens == ("<|over|>",)
    unknown = find_turn_ends(BY_NUMBER, ("<|role|>", "<|over|>"))
    assert isinstance(unknown, TurnEnds)
    assert (unknown.tokens, unknown.source) == ((), None)


@pytest.mark.parametrize(
    ("bomb", "kind"),
    [
        ("{{ lipsum.__globals__['os'].popen('id').read() }}", RenderErrorKind.SECURITY),
        ("{%- for i in range(99999) -%}" * 3 + "{%- endfor -%}" * 3, RenderErrorKind.TIMEOUT),
        ("{{ ('a' * 10 ** 10) | length }}", RenderErrorKind.MEMORY),
    ],
)
def test_limits_hold_behind_a_name_that_is_missing(bomb: str, kind: RenderErrorKind) -> None:
    found = find_turn_ends("{{ 'x' + missing }}" + bomb, CHATML_TOKENS)
    assert isinstance(found, TemplateFailure)
    assert found.kind is kind


# -- against what other tools stop at ------------------------------------------------------------------------

SAFETY_NET = "ends a text of the pretrained model; listed beside the turn's end, and no template writes it"
EXPLAINED = {
    ("Qwen/Qwen2.5-7B-Instruct", "<|endoftext|>"): SAFETY_NET,
    ("Qwen/Qwen3-4B", "<|endoftext|>"): SAFETY_NET,
    ("zai-org/GLM-4.5", "<|endoftext|>"): SAFETY_NET,
    ("google/gemma-3-4b-it", "<eos>"): SAFETY_NET,
    ("meta-llama/Meta-Llama-3-8B-Instruct", "<|end_of_text|>"): SAFETY_NET,
    ("meta-llama/Meta-Llama-3.1-8B-Instruct", "<|end_of_text|>"): SAFETY_NET,
    ("meta-llama/Meta-Llama-3.1-8B-Instruct", "<|eom_id|>"):
        "after calls to tools that are built in; only a base tells",
    ("meta-llama/Llama-3.2-3B-Instruct", "<|eom_id|>"):
        "after calls to tools that are built in; only a base tells",
    ("microsoft/Phi-3-mini-4k-instruct", "<|endoftext|>"):
        "written at the very end only, where <|end|> stands before it",
    ("THUDM/chatglm3-6b", "</s>"): "its turn tokens are in code of its own, and the template writes no other",
}  # fmt: skip
"""Tokens of most sources that are not found (or found in no source), and why that is right."""
SAME_FAMILY = {
    "Qwen/Qwen2-VL-2B-Instruct": "Qwen/Qwen2-VL-7B-Instruct",
    "microsoft/Phi-3-mini-128k-instruct": "microsoft/Phi-3-mini-4k-instruct",
    "NousResearch/Meta-Llama-3-8B": "meta-llama/Meta-Llama-3-8B-Instruct",
    "meta-llama/Llama-3.2-11B-Vision-Instruct": "meta-llama/Llama-3.2-3B-Instruct",
}


def stops_of_tools() -> dict[str, list[frozenset[str]]]:
    """The tokens at which each source stops, by model."""
    file = SHARED / "stop_tokens.csv"
    if not file.is_file():
        pytest.skip("the table of stop tokens is not on this machine")
    with file.open(encoding="utf-8", newline="") as rows:
        stops: dict[str, list[frozenset[str]]] = {}
        for row in csv.DictReader(rows):
            texts = frozenset(row["end_of_turn_texts"].split())
            if texts:
                stops.setdefault(row["model_id"], []).append(texts)
    return stops


def ends_of(folder: Path) -> set[str] | None:
    model = Model(LocalFolder(folder))
    found = model.turn_ends
    if found is None:
        return None
    assert isinstance(found, TurnEnds), found
    assert set(model.end_ids) == set(found.tokens)
    eos = model.tokenizer.eos_token if found.eos_variable else None
    return {*found.tokens, *([eos] if eos is not None else [])}


def test_real_folders_end_where_other_tools_stop(real_configs: Path) -> None:
    stops = stops_of_tools()
    different: set[tuple[str, str]] = set()
    judged: set[str] = set()
    for folder in sorted(real_configs.iterdir()):
        name = "/".join(folder.name.split("__")[:2])
        family = SAME_FAMILY.get(name, name)
        ends = ends_of(folder) if folder.is_dir() and family in stops else None
        if ends is None:
            continue
        sources = stops[family]
        most = {
            text for text in set().union(*sources) if sum(text in one for one in sources) * 2 > len(sources)
        }
        explained = {token for model, token in EXPLAINED if model == family}
        different |= {(family, token) for token in (most - ends) | (ends - set().union(*sources))}
        assert ends or explained, name
        judged.add(name)
    assert different == set(EXPLAINED)
    assert len(judged) >= 12, sorted(judged)
