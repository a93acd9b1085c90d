"""A server that gives log probabilities of a prompt in the shapes real ones have, well or badly.

with Stub(scores(lambda text: 1.0)) as stub:      # every character takes one bit
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any

from tests.support.probe_stub import Exchange, Handler, Reply, Said

Bits = Callable[[str, int], float]
"""Bits of one token: its text, and where it begins."""


def pieces(text: str, size: int = 4) -> list[str]:
    """A text as tokens of so many characters."""
    return [text[place : place + size] for place in range(0, len(text), size)]


def one_bit(token: str, start: int) -> float:
    """Every character takes one bit."""
    return len(token)


def logprobs(text: str, bits: Bits, size: int = 4, *, bos: bool = True, written: str = "!") -> dict[str, Any]:
    """What vLLM and SGLang send: with a BOS first, the new token last."""
    tokens, starts = pieces(text, size), [*range(0, len(text), size)]
    numbers: list[float | None] = [
        -bits(token, start) * math.log(2) for token, start in zip(tokens, starts, strict=True)
    ]
    if bos:
        tokens, starts = ["<s>", *tokens], [0, *(start + 3 for start in starts)]
        numbers = [None, *numbers]
    numbers[0] = None
    tokens, numbers = [*tokens, written], [*numbers, -0.5]
    starts = [*starts, len(text) + 3 * bos]
    top = [
        None if number is None else {token: number, "the": -3.0}
        for token, number in zip(tokens, numbers, strict=True)
    ]
    return {"tokens": tokens, "token_logprobs": numbers, "top_logprobs": top, "text_offset": starts}


def reply(text: str, found: Mapping[str, Any] | None, written: str = "!", new: int = 1) -> dict[str, Any]:
    """A whole reply."""
    count = len(found["tokens"]) - new if found else 0
    usage = {"prompt_tokens": count, "completion_tokens": new}
    return {"choices": [{"index": 0, "text": text + written, "logprobs": found}], "usage": usage}


def sends(value: object) -> Handler:
    """What answers with one JSON value."""
    return lambda exchange: exchange.send_json(value)


def scores(bits: Bits, **shape: Any) -> Callable[[dict[str, Any]], Reply]:
    """Answers to completions with log probabilities, and to chats with a word."""

    def answer(body: dict[str, Any]) -> Reply:
        if "messages" in body:
            return Said()
        assert body["echo"] is True
        assert body["max_tokens"] == 1
        return sends(reply(body["prompt"], logprobs(body["prompt"], bits, **shape)))

    return answer


def spoiled(change: Callable[[dict[str, Any]], object]) -> Callable[[dict[str, Any]], Reply]:
    """As `scores`, and what it sends is changed in place, or replaced by what ``change`` gives back."""

    def answer(body: dict[str, Any]) -> Reply:
        sound = reply(body["prompt"], logprobs(body["prompt"], lambda token, start: 1.0))
        other = change(sound)
        return sends(sound if other is None else other)

    return answer


def as_llama_cpp_python(
    text: str,
    bits: Bits,
    *,
    bos: bool,
    written: Sequence[str] = ("!",),
    new: int = 0,
    blank: bool = False,
    size: int = 4,
) -> dict[str, Any]:
    """What llama-cpp-python sends: a BOS is counted and not shown, and without one the last token is missing,
    since numbers and tokens are one place apart.

    It has written ``new`` tokens, of which some may not be shown. With ``blank`` the first token is a
    SentencePiece one, which begins with a blank.
    """
    given = pieces(text, size)
    found = logprobs(text, bits, size, bos=False)
    found["tokens"] = [*given, *written]
    if blank:
        found["tokens"][0] = " " + given[0]
    found["text_offset"] = [0, *accumulate(map(len, found["tokens"]))][:-1]
    for name in ("token_logprobs", "top_logprobs"):
        found[name] = [*found[name][: len(given)], *[found[name][-1]] * len(written)]
    if not bos:
        found = {name: values[:-1] for name, values in found.items()}
    whole = reply(text, found, "".join(written))
    whole["usage"] = {"prompt_tokens": len(given) + bos, "completion_tokens": new or len(written)}
    return whole


def endless(exchange: Exchange) -> None:
    """A body without an end."""
    exchange.begin("application/json")
    for block in _blocks():
        if exchange.stub.over.is_set():
            return
        exchange.wfile.write(block)


def _blocks() -> Iterator[bytes]:
    yield b'{"choices": ['
    while True:
        yield b"0," * 32768
