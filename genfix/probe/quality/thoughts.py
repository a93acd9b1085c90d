"""Thinking blocks: what a model writes for itself before its answer.

The tags are those of published chat templates: ``<think>`` (DeepSeek-R1, Qwen3, GLM-4.5 and many others),
``<seed:think>`` (Seed-OSS), ``[THINK]`` (Magistral), ``<|START_THINKING|>`` (Command A), ``◁think▷``
(Kimi-VL), ``<|begin_of_thought|>``, the channels of gpt-oss and Gemma 4.
"""

import re
from typing import Final, NamedTuple

_PAIRS: Final = (
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<reasoning>", "</reasoning>"),
    ("<seed:think>", "</seed:think>"),
    ("[THINK]", "[/THINK]"),
    ("◁think▷", "◁/think▷"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("<|channel>thought", "<channel|>"),
    ("<|channel|>analysis", "<|channel|>final<|message|>"),
)
_WRAPPING: Final = re.compile(
    r"</?answer>|<\|(?:begin|end)_of_solution\|>|<\|(?:START|END)_(?:RESPONSE|TEXT)\|>|<response>|</response>"
    r"|<\|channel\|>final(?: <\|constrain\|>\w+)?<\|message\|>"
)
"""What some templates put around the answer behind a thinking block."""


class Thoughts(NamedTuple):
    """An answer without its thinking block, and what became of that."""

    answer: str
    seen: bool = False
    """Whether there is a thinking block, or was to be one."""
    closed: bool = True


NO_THOUGHTS: Final = Thoughts("")


def split_thoughts(text: str, *, opened: bool = False) -> Thoughts:
    """Take the thinking block off an answer.

    ``opened`` says that the prompt itself ends in an opened block, so that the answer shows its end alone.
    Without that knowledge an end without a beginning is taken as such a one.
    """
    rest, seen = text.lstrip(), False
    while True:
        pair = next((pair for pair in _PAIRS if rest.startswith(pair[0])), None)
        if pair is None:
            break
        seen = True
        end = rest.find(pair[1], len(pair[0]))
        if end < 0:
            return Thoughts("", seen=True, closed=False)
        rest = rest[end + len(pair[1]) :].lstrip()
    for start, closing in () if seen else _PAIRS:
        before, found, after = rest.partition(closing)
        if found and (opened or start not in before):
            rest, seen = after.lstrip(), True
            break
    if opened and not seen:
        return Thoughts("", seen=True, closed=False)
    return Thoughts(_WRAPPING.sub("", rest).strip() if seen else rest, seen)


def opens_thinking(prompt: str) -> bool:
    """Whether a rendered prompt ends inside a thinking block."""
    return any(prompt.rfind(start) > prompt.rfind(end) for start, end in _PAIRS)
