"""What of a chat template is found in answers, and what is left in peace."""

import pytest

from genfix.json_types import JsonObject
from genfix.message import text
from genfix.model import Model
from genfix.probe.leakage import find_leaks
from genfix.probe.markers import Markers, markers_of
from genfix.probe.measuring import compare, measure, summarize
from genfix.probe.probe_values import (
    Answer,
    Failure,
    FailureKind,
    Leak,
    LeakKind,
    Measure,
    Prompt,
    ToolCall,
    ToolVerdict,
)
from genfix.probe.tool_calls import judge_tool_calls
from tests.support.folders import MemoryFolder, chatml_files, glm_files

ANY = markers_of(None)
GLM = markers_of(Model(MemoryFolder(glm_files())))
CHATML = markers_of(Model(MemoryFolder(chatml_files())))
WEATHER: JsonObject = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string"},
                "days": {"type": "integer"},
                "unit": {"enum": ["c", "f"]},
            },
            "required": ["city"],
        },
    },
}
PLAIN = Prompt("p", "short", "en", ({"role": "user", "content": "Hello"},))
TOOL = Prompt("t", "tool", "en", ({"role": "user", "content": "Weather?"},), (WEATHER,))


def leaks(text: str, markers: Markers = ANY) -> list[tuple[LeakKind, str]]:
    return [(leak.kind, leak.marker) for leak in find_leaks(text, markers)]


def test_a_folder_tells_its_own_markers() -> None:
    assert {"<|user|>", "<|observation|>"} <= set(GLM.ends)
    assert "<|im_end|>" in CHATML.ends
    assert set(ANY.tokens) <= set(GLM.tokens)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("The cat.<|user|>\nAnd the dog?", [(LeakKind.NEXT_TURN, "<|user|>")]),
        ("The cat.<|user|>", [(LeakKind.TOKEN, "<|user|>")]),
        ("Yes.<|im_end|>\n<|im_start|>user\nMore?",
            [(LeakKind.TOKEN, "<|im_end|>"), (LeakKind.NEXT_TURN, "<|im_start|>")]),
        ("Yes.<|im_end|>\n<|im_start|>assistant\nMore.",
            [(LeakKind.TOKEN, "<|im_end|>"), (LeakKind.TOKEN, "<|im_start|>")]),
        ("Yes.<end_of_turn>\n<start_of_turn>user\nWhy?",
            [(LeakKind.TOKEN, "<end_of_turn>"), (LeakKind.NEXT_TURN, "<start_of_turn>")]),
        ("Ja. [INST] Und du? [/INST]", [(LeakKind.NEXT_TURN, "[INST]"), (LeakKind.TOKEN, "[/INST]")]),
        ("好。<｜User｜>再来", [(LeakKind.NEXT_TURN, "<｜User｜>")]),
        ("Yes.\nuser\nAnd you?", [(LeakKind.NEXT_TURN, "user")]),
        ("Yes.\n\nassistant\n\nNo.", [(LeakKind.ROLE, "assistant")]),
        ("Yes.\nHuman: and you?", [(LeakKind.NEXT_TURN, "Human")]),
        ("好的。\n用户：再说一个", [(LeakKind.NEXT_TURN, "用户")]),
    ],
)  # fmt: skip
def test_leaks_are_named(text: str, found: list[tuple[LeakKind, str]]) -> None:
    assert leaks(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "", "A user writes a message, and the assistant answers.", "user",
        "A table has rows <tr> and cells <td>.", "Roles:\n- user\n- assistant\n- tool",
        "def user(name): return f'<{name}>'", "User: is what you are.", "用户可以这样做。",
        "<think>let me see</think>\nYes.", '<tool_call>{"name": "x"}</tool_call>', "a < b | c > d",
    ],
)  # fmt: skip
@pytest.mark.parametrize("markers", [ANY, GLM, CHATML], ids=["any", "glm", "chatml"])
def test_what_belongs_into_answers_is_no_leak(text: str, markers: Markers) -> None:
    assert leaks(text, markers) == []


def test_the_excerpt_shows_the_next_turn() -> None:
    (leak,) = find_leaks("The cat sat.<|user|>\nAnd where is the dog now?", GLM)
    assert leak == Leak(LeakKind.NEXT_TURN, "<|user|>", 12, "The cat sat.<|user|>\nAnd where is the dog now?")


@pytest.mark.parametrize(
    ("answer", "turn_end"),
    [
        (Answer("p", "Yes.", finish_reason="stop", stop_reason=151336), "<|user|>"),
        (Answer("p", "Yes.<|user|>", finish_reason="stop"), "<|user|>"),
        (Answer("p", "Yes.", finish_reason="stop", token_ids=(1, 2, 151336)), "<|user|>"),
        (Answer("p", "Yes.", finish_reason="stop", stop_reason=7), "token 7"),
        (Answer("p", "Yes.", finish_reason="stop"), None),
    ],
)
def test_the_turn_end_that_stops_an_answer_is_no_leak(answer: Answer, turn_end: str | None) -> None:
    seen = measure(PLAIN, answer, GLM)
    assert (seen.turn_end, seen.leaks, seen.stopped) == (turn_end, (), True)


def test_role_tokens_that_the_text_hides_are_told_by_their_ids() -> None:
    seen = measure(PLAIN, Answer("p", "Yes.\nYes.", finish_reason="length", token_ids=(1, 151336, 1, 2)), GLM)
    assert [leak.marker for leak in seen.leaks] == ["<|user|>"]


def test_at_the_limit_a_turn_end_is_a_leak_even_at_the_very_end() -> None:
    seen = measure(PLAIN, Answer("p", "Yes.<|user|>", finish_reason="length"), GLM)
    assert [leak.marker for leak in seen.leaks] == ["<|user|>"]
    assert seen.turn_end is None


@pytest.mark.parametrize(
    ("answer", "verdict", "detail"),
    [
        (Answer("t", tool_calls=(ToolCall("get_weather", '{"city": "Oslo", "days": 2}'),)),
            ToolVerdict.WELL_FORMED, ""),
        (Answer("t", tool_calls=(ToolCall("get_weather", '{"city": "Oslo"'),)), ToolVerdict.MALFORMED,
            "not JSON"),
        (Answer("t", tool_calls=(ToolCall("get_weather", "[]"),)), ToolVerdict.MALFORMED,
            "not a JSON object"),
        (Answer("t", tool_calls=(ToolCall("get_weather", "{}"),)), ToolVerdict.MALFORMED,
            "'city' is missing"),
        (Answer("t", tool_calls=(ToolCall("get_weather", '{"city": 3}'),)), ToolVerdict.MALFORMED,
            "'city' is no string"),
        (Answer("t", tool_calls=(ToolCall("get_weather", '{"city": "O", "days": true}'),)),
            ToolVerdict.MALFORMED, "'days' is no integer"),
        (Answer("t", tool_calls=(ToolCall("get_weather", '{"city": "O", "unit": "k"}'),)),
            ToolVerdict.MALFORMED, "'unit' is none"),
        (Answer("t", tool_calls=(ToolCall("get_time", "{}"),)), ToolVerdict.MALFORMED, "no tool 'get_time'"),
        (Answer("t", '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Oslo"}}\n</tool_call>'),
            ToolVerdict.AS_TEXT, "did not parse"),
        (Answer("t", '{"name": "get_weather", "arguments": {}}'), ToolVerdict.AS_TEXT, "did not parse"),
        (Answer("t", "It is sunny."), ToolVerdict.NONE, ""),
    ],
)  # fmt: skip
def test_tool_calls_are_judged(answer: Answer, verdict: ToolVerdict, detail: str) -> None:
    found, told = judge_tool_calls(TOOL, answer, answer.text)
    assert found is verdict
    assert detail in str(told or "")


def test_an_answer_without_end_is_looked_at_from_its_beginning() -> None:
    """More is looked through than the tokens of an answer can say in words; what comes after it is not."""
    assert leaks("The cat." + "<" * 200_000 + "<|user|>\nAnd the dog?")
    assert not leaks("The cat." + "<" * 400_000 + "<|user|>\nAnd the dog?")


def test_without_tools_there_is_no_verdict() -> None:
    assert judge_tool_calls(PLAIN, Answer("p", "Hello."), "Hello.") == (None, None)


def answered(number: int, *, stopped: bool, text: str = "Yes.", tokens: int = 4) -> Measure:
    prompt = Prompt(f"p{number}", "short", "en", PLAIN.messages)
    return measure(
        prompt,
        Answer(prompt.id, text, finish_reason="stop" if stopped else "length", tokens=tokens, seconds=2.0),
        GLM,
    )


def test_sums_are_over_what_was_answered() -> None:
    lost = measure(PLAIN, Answer("p", failure=Failure(FailureKind.TIMEOUT, text("late"))), GLM)
    skipped = measure(PLAIN, Answer("p", failure=Failure(FailureKind.UNSUPPORTED, text("no tools"))), GLM)
    some = [
        answered(1, stopped=True),
        answered(2, stopped=False, text="A<|user|>\nB", tokens=8),
        answered(3, stopped=True, text=""),
    ]
    summary = summarize([*some, lost, skipped])
    assert (summary.asked, summary.answered, summary.failed, summary.at_limit) == (5, 3, 1, 1)
    assert {name: rate.value for name, rate in summary.rates.items()} == pytest.approx(
        {"stopped": 2 / 3, "leaked": 1 / 3, "repeated": 0, "empty": 1 / 3}
    )
    assert summary.leaked_markers == {"<|user|>": 1}
    assert summary.tokens is not None
    assert (summary.tokens.median, summary.tokens.most) == (4, 8)
    assert summary.tokens_per_second is not None
    assert summary.tokens_per_second.median == 2
    assert summarize([]).stop_rate is None


def test_a_comparison_is_over_the_prompts_both_answered() -> None:
    before = [answered(place, stopped=False, tokens=100) for place in range(12)]
    after = [answered(place, stopped=True, tokens=40 - place) for place in range(10)]
    compared = compare(before, after)
    assert compared.pairs == 10
    stopped = compared.rates["stopped"]
    assert stopped.value == 1
    assert stopped.low > 0.5
    assert compared.tokens is not None
    assert (compared.tokens.low, compared.tokens.value, compared.tokens.high) == (-68, -64.5, -61)
