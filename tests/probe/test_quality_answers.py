"""The checkers, against answers that were written by hand: right ones in all clothes, and near misses."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from genfix.probe.markers import markers_of
from genfix.probe.measuring import measure
from genfix.probe.probe_values import Answer, Prompt, ToolCall
from genfix.probe.prompts import quality_prompts
from genfix.probe.quality.answer_verdict import ON_A_SERVER, Setting, Verdict, judge_measure

PROMPTS = {prompt.id: prompt for prompt in quality_prompts()}
MARKERS = markers_of(None)


class Crafted(NamedTuple):
    prompt: str
    text: str
    right: bool


def crafted(name: str) -> list[Crafted]:
    return list(_read((Path(__file__).parent / "data" / name).read_text("utf-8")))


def _read(content: str) -> Iterator[Crafted]:
    prompt = ""
    for line in content.splitlines():
        if line.startswith(("+", "-")):
            yield Crafted(prompt, line[2:].replace("⏎", "\n"), line[0] == "+")
        elif line and not line.startswith("#"):
            prompt = line


def answer_of(text: str, **more: object) -> Answer:
    """An answer as the data file writes it."""
    if text.startswith("call "):
        calls = (re.fullmatch(r"call (\w+) (.*)", call) for call in text.split(" && "))
        found = tuple(ToolCall(call[1], call[2]) for call in calls if call)
        return Answer("", tool_calls=found, finish_reason="tool_calls")
    if text.startswith("think "):
        thought, _, text = text.removeprefix("think ").partition("||")
        return Answer("", text=text, reasoning=thought, finish_reason="stop")
    return Answer("", text=text, finish_reason="stop")


def judged(prompt: Prompt, answer: Answer, setting: Setting = ON_A_SERVER) -> Verdict | None:
    return judge_measure(measure(prompt, answer, MARKERS), answer.text, setting)


SETS = ("quality_answers.txt", "model_answers.txt")
ANSWERS = [one for name in SETS for one in crafted(name)]


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
