"""Log probabilities of a text from a server: ``/v1/completions`` with ``echo`` and ``logprobs``.

What servers do with that, read in their code:

- vLLM (entrypoints/openai/completion/protocol.py, serving.py): ``echo`` with ``logprobs`` asks the engine for
  ``prompt_logprobs`` as well, and the reply has the prompt's tokens before the new ones, a BOS included; the
  first has none. Minus infinity is sent as -9999.
- SGLang (entrypoints/openai/serving_completions.py): the same.
- llama-cpp-python 0.3.36 (llama_cpp/llama.py `_create_completion`): a BOS is taken off, and tokens are then
  paired with the rows of logits from the first on. So where the model adds no BOS, each token gets the
  probability of the place behind it; the new token has none then, and by that it is noticed. It goes on
  where the new token ends inside a character, shows no new token that is an end or a BOS, and has special
  tokens as empty texts.
- llama.cpp's own server (tools/server/server-common.cpp `oaicompat_completion_params_parse`): refuses
  ``echo``. MLX-LM (server.py `validate_model_parameters`) takes ``logprobs`` as true or false only, and
  Ollama (openai/openai.go) knows no ``echo``: both have log probabilities of what they write.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from genfix.json_types import JsonObject, JsonValue
from genfix.message import text
from genfix.probe.endpoint import ExchangeError
from genfix.probe.likelihood.scored_texts import Text
from genfix.probe.likelihood.token_scores import (
    ScoredText,
    Token,
    bits_of,
    broken,
    is_number,
    refused,
    scored,
    top_of,
)
from genfix.probe.probe_values import FailureKind
from genfix.probe.server import Server
from genfix.probe.watch import Watch

TOP: Final = 5
"""Most likely tokens that are asked for: all servers give as many."""
_BYTES_PER_TOKEN: Final = 1024
_NOT_TAKEN: Final = frozenset({400, 404, 405, 413, 415, 422, 501})
_NONE: Final = text("it gives no log probabilities of a prompt (echo and logprobs in /v1/completions)")
_HIDDEN: Final = text("it hides the special tokens of a chat template")
_CHARACTER: Final = 4
"""Tokens of one character at most: its bytes."""
_NOT_ITS: Final = text(
    "its log probabilities belong to other tokens, as in llama-cpp-python where a model adds no BOS"
)


def score_on_server(server: Server, one: Text, watch: Watch) -> ScoredText:
    """The text with its log probabilities. Raises `ExchangeError`, of kind ``unsupported`` where the server
    gives none.
    """
    body: JsonObject = {
        "prompt": one.text,
        "max_tokens": 1,
        "temperature": 0,
        "echo": True,
        "logprobs": TOP,
        "seed": 0,
    }
    size = len(one.text.encode())
    try:
        reply = server.complete(body, watch, 2**20 + size * _BYTES_PER_TOKEN)
    except ExchangeError as error:
        if error.failure.kind is FailureKind.NO_MODEL and not server.lists_model:
            raise  # of one that it lists, this says that the model has no such requests
        said = str(error.failure.detail).casefold()
        about_it = error.status == 500 and ("echo" in said or "logprob" in said)
        if error.status in _NOT_TAKEN or about_it:
            raise refused(error.failure.detail) from error
        raise
    return _read(one, reply, size)


class _Lists(NamedTuple):
    """What a reply has for each token."""

    tokens: list[JsonValue]
    numbers: list[JsonValue]
    top: list[JsonValue]
    offsets: list[JsonValue]


def _read(one: Text, reply: JsonObject, most: int) -> ScoredText:
    match reply:
        case {"choices": [{"text": str(said), "logprobs": found}, *_]}:
            pass
        case _:
            raise broken(text("what the server sends is not the completions API"))
    lists = _lists(found)
    if lists is None or not said.startswith(one.text):
        raise refused(_NONE)
    if len(lists.tokens) > most + 16:
        raise broken(text("there are more tokens than bytes in {text}", text=one.id))
    lists = _without_blank(one.text, lists)
    given, written = _counts(reply)
    kept = _of_prompt(one, lists, given, written)
    tokens = _tokens(lists, kept)
    first = _first(one.text, tokens)
    return scored(one, _placed(tokens[first:], one.text), bos=True if first else _bos(given, len(tokens)))


def _lists(found: JsonValue) -> _Lists | None:
    """`None` where there are none at all."""
    match found:
        case None | {"tokens": None} | {"tokens": []} | {"token_logprobs": None}:
            return None
        case {"content": list()}:  # of the chat API: of what was written only
            return None
        case {"tokens": list(tokens), "token_logprobs": list(numbers), **rest}:
            count = len(tokens)
            top, offsets = rest.get("top_logprobs"), rest.get("text_offset")
            if len(numbers) != count:
                raise broken(
                    text(
                        "there are {tokens} tokens and {numbers} log probabilities",
                        tokens=count,
                        numbers=len(numbers),
                    )
                )
            is_whole = isinstance(offsets, list) and len(offsets) == count
            return _Lists(
                tokens,
                numbers,
                top if isinstance(top, list) and len(top) == count else [None] * count,
                offsets if is_whole and isinstance(offsets, list) else [None] * count,
            )
        case _:
            raise broken(text("the log probabilities are not those of the completions API"))


def _counts(reply: JsonObject) -> tuple[int | None, int | None]:
    """How many tokens the server says the prompt has, and it wrote."""
    usage = reply.get("usage")
    if not isinstance(usage, dict):
        return None, None
    given, written = usage.get("prompt_tokens"), usage.get("completion_tokens")
    return given if type(given) is int else None, written if type(written) is int else None


def _of_prompt(one: Text, lists: _Lists, given: int | None, written: int | None) -> int:
    """How many of the tokens are the prompt's. Raises `ExchangeError` where that cannot be told, or they are
    of other places.
    """
    count, new = len(lists.tokens), 1 if written is None else written
    if not 0 <= new <= _CHARACTER:
        raise broken(text("the server wrote {count} tokens where one was asked for", count=new))
    if count <= new + 1:
        raise refused(_NONE)
    if given is not None and count == given + new and (new or _is_bos(one.text, lists.tokens[0])):
        return count - new
    kept = count - new if given is None else given - 1
    if one.messages and not _is_behind(one.text, lists, count - 1):
        raise refused(_HIDDEN)
    if given is not None and count == kept:
        return kept
    if 0 < kept < count and _is_behind(one.text, lists, kept):
        return kept
    raise refused(_NOT_ITS)


def _is_behind(said: str, lists: _Lists, place: int) -> bool:
    """Whether the token in ``place`` stands behind the text, as the first new one does."""
    offset = lists.offsets[place]
    return type(offset) is int and offset >= len(said)


def _without_blank(said: str, lists: _Lists) -> _Lists:
    """Offsets into the text: tokens of SentencePiece may begin with a blank that it has not."""
    for token, start in zip(lists.tokens, lists.offsets, strict=True):
        word = token.strip() if isinstance(token, str) else ""
        if isinstance(token, str) and word in said and word and type(start) is int:
            if start + token.index(word) == said.index(word) + 1:
                moved = [max(0, one - 1) if type(one) is int else one for one in lists.offsets]
                return lists._replace(offsets=moved)
            break
    return lists


def _is_bos(said: str, token: JsonValue) -> bool:
    return isinstance(token, str) and bool(token) and not said.startswith(token.lstrip())


def _tokens(lists: _Lists, kept: int) -> list[Token]:
    found: list[Token] = []
    rows = zip(lists.tokens, lists.numbers, lists.top, lists.offsets, strict=True)
    for place, (token, number, top, offset) in enumerate(rows):
        if place == kept:
            break
        if not isinstance(token, str):
            raise broken(text("a token is no text"))
        if number is not None and not is_number(number):
            raise broken(text("a log probability is no number"))
        start = offset if type(offset) is int and offset >= 0 else -1
        found.append(Token(token, start, None if number is None else bits_of(number), top_of(top)))
    return found


def _first(said: str, tokens: Sequence[Token]) -> int:
    """The place of the text's first token: behind a BOS, which is in no text."""
    token = tokens[0]
    is_bos = _is_bos(said, token.text) or not token.text
    return int(is_bos and token.bits is None and "\ufffd" not in token.text)


def _placed(tokens: Sequence[Token], said: str) -> list[Token]:
    """The tokens with where they begin: as the server says, else by their lengths, made to fit the text."""
    starts = [token.start - tokens[0].start for token in tokens]
    if tokens[0].start < 0 or starts != sorted(starts) or starts[-1] >= len(said):
        starts, place = [], 0
        for token in tokens:
            starts.append(place)
            place += len(token.text)
        starts = [start * len(said) // max(place, 1) for start in starts]
    return [token._replace(start=start) for token, start in zip(tokens, starts, strict=True)]


def _bos(given: int | None, count: int) -> bool | None:
    """Whether a BOS that is not shown was counted."""
    return None if given is None else given > count
