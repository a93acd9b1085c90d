"""Chat completions as they come: server-sent events put together to an answer."""

import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, TypeGuard

from genfix.json_types import JsonObject, JsonValue
from genfix.message import text
from genfix.probe.endpoint import ExchangeError, Reply
from genfix.probe.probe_values import Answer, FailureKind, ToolCall
from genfix.probe.watch import Watch
from genfix.web.secrets import Secrets

_DONE: Final = b"[DONE]"
_MOST_NUMBER: Final = 2**53
_MOST_JSON: Final = 4 * 1024 * 1024
"""Bytes of one JSON document, which nothing can interrupt while it is parsed. An answer of 131,072 tokens
that comes as one has less than 3 MiB, with all letters escaped and all token ids."""
_PER_PIECE: Final = 16
"""What the id of a token, or a piece of a call, counts in characters: it is kept though it be empty."""
_NOT_THE_API: Final = text("what the server streams is not the chat completions API")


@dataclass(slots=True)
class _Parts:
    """An answer as it grows."""

    text: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    calls: dict[int, list[str]] = field(default_factory=dict)
    """Name and pieces of the arguments, by index."""
    ids: list[int] = field(default_factory=list)
    finish_reason: str | None = None
    stop_reason: int | str | None = None
    tokens: int | None = None
    first: float | None = None
    size: int = 0
    """Of all pieces, in characters."""


def read_answer(reply: Reply, prompt_id: str, started: float, most: int, watch: Watch) -> Answer:
    """The answer in a reply, streamed or whole, without the secrets that the server was sent.

    Raises `ExchangeError` for one that is none, or has more than ``most`` characters.
    """
    parts, secrets = _Parts(), reply.secrets
    is_whole = reply.content_type == "application/json"
    for event in [_joined(reply.blocks)] if is_whole else _events(reply.blocks):
        with watch.turn:
            if watch.over:
                raise ExchangeError(FailureKind.NOT_ASKED, text("the time for the whole run was up"))
            _take(parts, _json(event, secrets), most)
            if not is_whole and parts.first is None and (parts.text or parts.reasoning or parts.calls):
                parts.first = time.monotonic() - started
    if parts.finish_reason is None:
        raise ExchangeError(
            FailureKind.BROKEN_STREAM, text("the server's stream ended before the answer did")
        )
    return Answer(
        prompt=prompt_id,
        # Once more when they are put together: a secret may come in pieces.
        text=secrets.text("".join(parts.text)),
        reasoning=secrets.text("".join(parts.reasoning)),
        tool_calls=tuple(ToolCall(name, secrets.text("".join(rest))) for name, *rest in parts.calls.values()),
        finish_reason=parts.finish_reason,
        stop_reason=parts.stop_reason,
        token_ids=tuple(parts.ids) if parts.ids else None,
        tokens=parts.tokens if parts.tokens is not None else len(parts.ids) or None,
        seconds=time.monotonic() - started,
        first_seconds=parts.first,
    )


def _events(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """The data of each server-sent event; APIs of this kind put one on one line."""
    for line in _lines(blocks):
        if line.startswith(b"data:"):
            data = line[5:].strip()
            if data == _DONE:
                return
            if data:
                yield data
        elif line and not line.startswith((b":", b"event:", b"id:", b"retry:")):
            raise ExchangeError(FailureKind.GARBAGE, _NOT_THE_API)


def _lines(blocks: Iterable[bytes]) -> Iterator[bytes]:
    rest = bytearray()
    for block in blocks:
        first, *others = block.split(b"\n")
        _add(rest, first)
        if others:
            yield bytes(rest).rstrip(b"\r")
            yield from (line.rstrip(b"\r") for line in others[:-1])
            rest = bytearray(others[-1])
    if last := bytes(rest).rstrip(b"\r"):
        yield last


def _joined(blocks: Iterable[bytes]) -> bytes:
    content = bytearray()
    for block in blocks:
        _add(content, block)
    return bytes(content)


def _add(content: bytearray, piece: bytes) -> None:
    """Add to what becomes one JSON document. Raises `ExchangeError` where that is too large to be parsed."""
    content += piece
    if len(content) > _MOST_JSON:
        raise ExchangeError(
            FailureKind.TOO_LARGE,
            text("the server sent more than {most:.3g} MiB for one answer", most=_MOST_JSON / 2**20),
        )


def _json(data: bytes, secrets: Secrets) -> JsonObject:
    try:
        value = secrets.value(json.loads(data))
    except (ValueError, RecursionError) as error:
        raise ExchangeError(FailureKind.GARBAGE, _NOT_THE_API) from error
    if not isinstance(value, dict):
        raise ExchangeError(FailureKind.GARBAGE, _NOT_THE_API)
    return value


def _take(parts: _Parts, event: JsonObject, most: int) -> None:
    """Add one event to the answer; `null` stands for a value that is not there."""
    error = event.get("error")
    if error:
        said = str(error.get("message") if isinstance(error, dict) else error)[:300]
        raise ExchangeError(FailureKind.STATUS, text("the server fails while it answers: {why}", why=said))
    usage, choices = event.get("usage"), event.get("choices")
    tokens = usage.get("completion_tokens") if isinstance(usage, dict) else None
    if _is_number(tokens):
        parts.tokens = tokens
    choice = choices[0] if isinstance(choices, list) and choices else None
    if isinstance(choice, dict):
        _take_choice(parts, choice)
    if parts.size > most:
        raise ExchangeError(
            FailureKind.TOO_LARGE,
            text("the server sent more than {most:,} characters for one answer", most=most),
        )


def _is_number(value: JsonValue) -> TypeGuard[int]:
    """Whether it can be a count or the id of a token: numbers of hundreds of digits fit no statistics."""
    return type(value) is int and 0 <= value < _MOST_NUMBER


def _take_choice(parts: _Parts, choice: JsonObject) -> None:
    piece = choice.get("delta") or choice.get("message")
    if isinstance(piece, dict):
        _take_piece(parts, piece)
    ids = choice.get("token_ids")
    if isinstance(ids, list):
        parts.ids += [token for token in ids if _is_number(token)]
        parts.size += _PER_PIECE * len(ids)
    reason = choice.get("finish_reason")
    if isinstance(reason, str) and reason:
        parts.finish_reason = reason
    for key in ("stop_reason", "matched_stop"):  # vLLM, SGLang
        stopped = choice.get(key)
        if isinstance(stopped, str) or _is_number(stopped):
            parts.stop_reason = stopped


def _take_piece(parts: _Parts, piece: JsonObject) -> None:
    content = piece.get("content")
    if isinstance(content, str) and content:
        parts.text.append(content)
        parts.size += len(content)
    for key in ("reasoning_content", "reasoning"):
        thought = piece.get(key)
        if isinstance(thought, str) and thought:
            parts.reasoning.append(thought)
            parts.size += len(thought)
            break
    calls = piece.get("tool_calls")
    for place, call in enumerate(calls if isinstance(calls, list) else ()):
        if not isinstance(call, dict):
            continue
        function, index = call.get("function"), call.get("index")
        if isinstance(function, dict):
            _take_call(parts, index if isinstance(index, int) else place, function)


def _take_call(parts: _Parts, index: int, function: JsonObject) -> None:
    pieces = parts.calls.setdefault(index, [""])
    name, arguments = function.get("name"), function.get("arguments")
    if isinstance(name, str) and not pieces[0]:
        pieces[0] = name
    if isinstance(arguments, dict):  # Ollama's own spelling
        pieces.append(json.dumps(arguments))
    elif isinstance(arguments, str):
        pieces.append(arguments)
    parts.size += _PER_PIECE + len(pieces[-1])
