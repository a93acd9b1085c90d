"""The checkers, against answers that were written by hand: right ones in all clothes, and near misses."""

from dataclasses import replace
from typing import Any

import pytest

from genfix.message import text
from genfix.probe.markers import markers_of
from genfix.probe.measuring import measure
from genfix.probe.probe_values import Answer, Failure, FailureKind, Prompt, ToolCall
from genfix.probe.prompts import quality_prompts
from genfix.probe.quality.answer_verdict import ON_A_SERVER, Setting, Verdict, judge, judge_measure
from tests.support.oracle import calls_of, crafted

PROMPTS = {prompt.id: prompt for prompt in quality_prompts()}
MARKERS = markers_of(None)


def answer_of(text: str) -> Answer:
    """An answer of the data files, as it comes from a server."""
    calls = tuple(ToolCall(name, arguments) for name, arguments in calls_of(text))
    if calls:
        return Answer("", tool_calls=calls, finish_reason="tool_calls")
    if text.startswith("think "):
        thought, _, text = text.removeprefix("think ").partition("||")
        return Answer("", text=text, reasoning=thought, finish_reason="stop")
    return Answer("", text=text, finish_reason="stop")


def judged(prompt: Prompt, answer: Answer, setting: Setting = ON_A_SERVER) -> Verdict | None:
    return judge_measure(measure(prompt, answer, MARKERS), answer.text, setting)


ANSWERS = crafted()


def test_there_are_right_answers_and_near_misses_for_every_prompt() -> None:
    assert {(one.prompt, one.right) for one in ANSWERS} == {
        (prompt, right) for prompt in PROMPTS for right in (True, False)
    }
    assert len(ANSWERS) >= 500


@pytest.mark.parametrize("prompt", PROMPTS)
def test_a_checker_judges_as_a_person_would(prompt: str) -> None:
    wrong = []
    for one in ANSWERS:
        if one.prompt == prompt:
            verdict = judged(PROMPTS[prompt], answer_of(one.text))
            if verdict is None or verdict.passed != one.right:
                wrong.append((one.text, one.right, verdict and verdict.fault and str(verdict.fault.why)))
    assert wrong == []


def of(prompt: str, written: str, setting: Setting = ON_A_SERVER, **more: Any) -> str:
    """What is said of an answer: ``right``, ``not judged``, or what is wrong."""
    found = judged(PROMPTS[prompt], replace(answer_of(written), **more), setting)
    return "not judged" if found is None else "right" if found.fault is None else str(found.fault.why)


def test_an_answer_that_did_not_end_is_wrong() -> None:
    assert of("q-number-en-01", "102", finish_reason="length") == "it ran to the limit of tokens"
    assert of("q-number-en-01", "102 " + "x" * 9000) == "it is far too long"
    assert (
        of("q-thinking-en-01", "<think>8 hours", finish_reason="length") == "the thinking block is not closed"
    )


def test_a_leaked_template_is_wrong_whatever_it_says() -> None:
    told = "<|user|> is inside the answer"
    assert of("q-number-en-01", "102<|user|>\nWhat is 3 times 4?\n12") != "right"
    assert of("q-copy-en-01", "The quick brown fox jumps over the lazy dog.<|user|>") != told
    assert of("q-contains-zh-01", "月亮照着河。<|user|>\n再写一句<|assistant|>\n好") == told


def test_without_a_failure_or_a_check_nothing_is_judged() -> None:
    failure = Failure(FailureKind.TIMEOUT, text("late"))
    assert of("q-number-en-01", "", failure=failure) == "not judged"
    assert judged(replace(PROMPTS["q-number-en-01"], check=None), answer_of("102")) is None
    assert of("q-thinking-en-01", "It is open for 8 hours.") == "not judged"


def test_a_template_that_opens_the_thinking_block() -> None:
    opened = Setting(opens_thinking=True)
    assert of("q-number-en-01", "17 * 6 is 102.\n</think>\n\n102", opened) == "right"
    assert of("q-number-en-01", "17 * 6 is 102.", opened) == "the thinking block is not closed"
    assert of("q-thinking-en-01", "17 - 9 is 8.", opened) == "the thinking block is not closed"
    assert of("q-thinking-en-01", "17 - 9 is 8.</think>8", opened) == "right"


def test_calls_in_the_text_count_where_nothing_parses_them() -> None:
    call = '<tool_call>\n{"name": "set_timer", "arguments": {"minutes": 12}}\n</tool_call>'
    own = "<tool_call>set_timer<arg_key>minutes</arg_key><arg_value>12</arg_value></tool_call>"
    alone = Setting(calls_in_text=True)
    assert of("q-tool-en-02", call, alone) == "right"
    assert of("q-tool-en-02", call.replace("12", '"12"'), alone) == "the argument 'minutes' is no integer"
    assert of("q-tool-en-02", own, alone) == "not judged"
    assert (
        of("q-tool-en-02", call) == "the call stands in the text of the answer; the server did not parse it"
    )


def test_the_fault_says_where_it_is() -> None:
    found = judged(PROMPTS["q-list-en-01"], answer_of("- Apple\n- Banana\n- Cherry\n- Mango"))
    assert found is not None
    assert found.fault is not None
    assert found.fault.where == "Mango"


PIECES = (
    "1,",
    "one hundred and ",
    "一百",
    "**1** ",
    "(1)",
    "“",
    "{",
    "[",
    "```\n",
    "- a\n",
    "<think>",
    "x:\n",
)


def test_hostile_texts_are_judged() -> None:
    kinds = {type(prompt.check): prompt for prompt in PROMPTS.values()}
    for piece in PIECES:
        for prompt in kinds.values():
            for count in (4000, 400_000):
                written = piece * (count // len(piece))
                verdict = judge(prompt, Answer("", text=written, finish_reason="stop"), written)
                assert verdict is None or verdict.fault is None or verdict.fault.why


def test_a_loop_is_wrong() -> None:
    loop = "The sun rises in the east. " * 12
    assert of("q-language-zh-01", loop) == "it repeats itself"
    assert of("q-language-zh-01", loop[:27]) == "right"
