"""A server that knows the right answers to the quality prompts, and gives wrong ones where it is told to."""

import re
from collections.abc import Callable, Container, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from genfix.probe.prompts import quality_prompts
from tests.support.probe_stub import Said

_DATA = Path(__file__).parents[1] / "probe" / "data"
SETS = ("quality_answers.txt", "model_answers.txt")


class Crafted(NamedTuple):
    """An answer written by hand."""

    prompt: str
    text: str
    right: bool


def crafted() -> list[Crafted]:
    """All answers of the data files."""
    found = []
    for name in SETS:
        prompt = ""
        for line in (_DATA / name).read_text("utf-8").splitlines():
            if line.startswith(("+", "-")):
                found.append(Crafted(prompt, line[2:].replace("⏎", "\n"), line[0] == "+"))
            elif line and not line.startswith("#"):
                prompt = line
    return found


def calls_of(text: str) -> list[tuple[str, str]]:
    """The tool calls of an answer in the data files."""
    if not text.startswith("call "):
        return []
    found = (re.fullmatch(r"call (\w+) (.*)", call) for call in text.split(" && "))
    return [(call[1], call[2]) for call in found if call]


def oracle(wrong: Container[str] = (), other: Said | None = None) -> Callable[[dict[str, Any]], Said]:
    """Answers for a `Stub`: the first right one, or for the ids in ``wrong`` the first wrong one; ``other``
    to all that is no quality prompt.
    """
    known = {repr([*map(dict, prompt.messages)]): prompt.id for prompt in quality_prompts()}
    answers: dict[tuple[str, bool], str] = {}
    for one in crafted():
        answers.setdefault((one.prompt, one.right), one.text)

    def answer(body: Mapping[str, Any]) -> Said:
        prompt = known.get(repr(body["messages"]))
        if prompt is None:
            return other or Said("Fine.")
        return said(answers[prompt, prompt not in wrong])

    return answer


def said(text: str) -> Said:
    """An answer of the data files as a server says it."""
    calls = [
        {"index": place, "function": {"name": name, "arguments": arguments}}
        for place, (name, arguments) in enumerate(calls_of(text))
    ]
    if calls:
        return Said("", "tool_calls", delta={"tool_calls": calls})
    if text.startswith("think "):
        thought, _, rest = text.removeprefix("think ").partition("||")
        return Said(rest, delta={"reasoning_content": thought})
    return Said(text)
