"""An OpenAI-compatible server: which model it has, and one answer per prompt."""

import json
import os
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, TypeVar

from genfix.engines.every import EVERY_ENGINE
from genfix.errors import InputError, ProbeError
from genfix.json_types import JsonObject, JsonValue
from genfix.message import text
from genfix.probe.endpoint import Endpoint, ExchangeError, endpoint, exchange
from genfix.probe.probe_values import Answer, Failure, FailureKind, Limits, Prompt
from genfix.probe.stream import read_answer
from genfix.probe.watch import Watch

_T = TypeVar("_T")

_ENGINES: Final[Mapping[str, str]] = {
    **{engine.server: engine.id for engine in EVERY_ENGINE.values() if engine.server is not None},
    "library": "ollama",
}
"""``owned_by`` of a model in ``/v1/models``, and the engine that writes it."""
_SHOWS_TOKENS: Final = frozenset(engine.id for engine in EVERY_ENGINE.values() if engine.shows_tokens)
"""Engines that take ``skip_special_tokens``."""
_USAGE: Final[JsonObject] = {"seed": 0, "stream_options": {"include_usage": True}}
_EXTRAS: Final[tuple[JsonObject, ...]] = (
    # Without these a leaked role token is taken out of the text, and only what the model wrote after it is
    # left.
    {**_USAGE, "skip_special_tokens": False, "return_token_ids": True},
    _USAGE,
    {},
)
"""What is asked for beside the standard; a server that refuses gets less."""
_NO_API: Final = text("is this the address of an OpenAI-compatible API? it mostly ends in /v1")
_LOOK_THERE: Final = text("look at the server's own log")
_ADVICE: Final = {
    FailureKind.REFUSED_KEY: text("put the server's key into GENFIX_API_KEY in the environment"),
    FailureKind.NO_MODEL: text("name one with --model; the server lists its models at /v1/models"),
    FailureKind.UNREACHABLE: text("is the server up, and is this its address?"),
    FailureKind.TIMEOUT: text("raise --timeout, or lower --max-tokens or --concurrency"),
    FailureKind.GARBAGE: _NO_API,
    FailureKind.TOO_LARGE: _NO_API,
}
_REFUSALS: Final = frozenset({400, 422})
_MAX_LIST: Final = 4 * 1024 * 1024
_MIN_TEXT: Final = 64 * 1024
_TEXT_PER_TOKEN: Final = 512
"""Characters: the longest tokens there are, runs of blanks or dashes, have some hundred."""
_BYTES_PER_TOKEN: Final = 8192
"""An event with one token and all that engines add has some hundred bytes."""


def api_key(environment: Mapping[str, str] = os.environ) -> str:
    """The key of the environment; never an option, which others on the machine could read."""
    return environment.get("GENFIX_API_KEY") or environment.get("OPENAI_API_KEY") or ""


class Server:
    """A server to be asked, by many threads at once."""

    def __init__(
        self, url: str, model: str | None, limits: Limits, *, key: str = "", temperature: float | None = None
    ) -> None:
        """Raises `InputError` for a URL that is none. Nothing is sent yet."""
        self.place: Endpoint = endpoint(url, key)
        self.limits = limits
        self.model = model
        self.engine = ""
        """Its name, where the server gives itself away."""
        self.lists_model = False
        """Whether the model is one of those that the server lists."""
        self._temperature = temperature
        self._extras = 0

    @property
    def shows_tokens(self) -> bool:
        """Whether answers come with the special tokens in them."""
        return self.engine in _SHOWS_TOKENS and self._extras == 0

    @property
    def seed(self) -> int | None:
        """The seed of all requests; `None` where the server takes none."""
        seed = _EXTRAS[self._extras].get("seed")
        return seed if isinstance(seed, int) else None

    def find_model(self, watch: Watch) -> None:
        """Learn the model's name and the engine's.

        Raises `ProbeError` where the server cannot be asked, or has several.
        """
        try:
            found = self._retried(partial(self._list, watch), watch)
        except ExchangeError as error:
            if error.status in {404, 405, 501}:
                return  # no list: the model, or the server's only one, is asked for as it is
            raise self.explained(error.failure) from error
        owners = {str(entry.get("owned_by", "")) for entry in found}
        self.engine = next((_ENGINES[owner] for owner in sorted(owners) if owner in _ENGINES), "")
        names = [str(entry["id"]) for entry in found if isinstance(entry.get("id"), str)]
        if self.model is None and len(names) > 1:
            shown: list[JsonValue] = [*names[:8], *(["..."] if len(names) > 8 else [])]
            raise InputError(
                "{server} has {count} models: {names}",
                "choose one with --model",
                server=self.place.label,
                count=len(names),
                names=shown,
            )
        if self.model is None and names:
            self.model = names[0]
        self.lists_model = self.model in names

    def _list(self, watch: Watch, deadline: float) -> list[JsonObject]:
        with exchange(self.place, "/models", None, watch, deadline, _MAX_LIST) as reply:
            content = b"".join(reply.blocks)
        try:
            value = reply.secrets.value(json.loads(content))
        except (ValueError, RecursionError) as error:
            raise ExchangeError(
                FailureKind.GARBAGE, text("{server}/models is not JSON", server=self.place.label)
            ) from error
        match value:
            case {"data": list(entries)}:
                return [entry for entry in entries if isinstance(entry, dict)]
            case _:
                raise ExchangeError(
                    FailureKind.GARBAGE, text("{server}/models is no list of models", server=self.place.label)
                )

    def ask(self, prompt: Prompt, watch: Watch) -> Answer:
        """The answer to one prompt; a failure is part of it. Raises nothing of the server's making."""
        started = time.monotonic()
        try:
            return self._asked(prompt, watch)
        except ExchangeError as error:
            return Answer(prompt.id, seconds=time.monotonic() - started, failure=error.failure)

    def complete(self, body: JsonObject, watch: Watch, max_bytes: int) -> JsonObject:
        """The reply to a request to ``/completions``, which is not streamed.

        Raises `ExchangeError` where there is none, or it is no JSON object.
        """
        own: JsonObject = body if self.model is None else {**body, "model": self.model}
        return self._retried(partial(self._completed, own, watch, max_bytes), watch)

    def _completed(self, body: JsonObject, watch: Watch, max_bytes: int, deadline: float) -> JsonObject:
        with exchange(self.place, "/completions", body, watch, deadline, max_bytes) as reply:
            content = b"".join(reply.blocks)
        with watch.turn:
            try:
                value = reply.secrets.value(json.loads(content))
            except (ValueError, RecursionError):
                value = None
        if not isinstance(value, dict):
            raise ExchangeError(
                FailureKind.GARBAGE, text("{server}/completions is no JSON object", server=self.place.label)
            )
        return value

    def _asked(self, prompt: Prompt, watch: Watch) -> Answer:
        refused: ExchangeError | None = None
        for level in range(self._extras, len(_EXTRAS)):
            body = self._body(prompt, _EXTRAS[level])
            try:
                answer = self._retried(partial(self._once, prompt, body, watch), watch)
            except ExchangeError as error:
                if error.status not in _REFUSALS:
                    raise
                refused = error
                continue
            self._extras = max(self._extras, level)
            return answer
        if prompt.tools and refused is not None:
            why = text("the server takes no tools: {why}", why=refused.failure.detail)
            raise ExchangeError(FailureKind.UNSUPPORTED, why)
        raise refused or AssertionError("there is always a level to ask at")

    def _retried(self, once: Callable[[float], _T], watch: Watch) -> _T:
        """Try within the limits; ``once`` gets the time at which it has to be done."""
        wait = self.limits.retry_seconds
        for left in range(self.limits.retries, -1, -1):
            if watch.over:
                raise ExchangeError(FailureKind.NOT_ASKED, text("the run ended before its turn came"))
            try:
                return once(time.monotonic() + self.limits.request_seconds)
            except ExchangeError as error:
                if not error.again or left == 0:
                    raise
                watch.pause(min(max(wait, error.wait), self.limits.request_seconds))
                wait *= 2
        raise AssertionError("the last try returns or raises")

    def _once(self, prompt: Prompt, body: JsonObject, watch: Watch, deadline: float) -> Answer:
        started = time.monotonic()
        size = 2**20 + self.limits.max_tokens * _BYTES_PER_TOKEN
        with exchange(self.place, "/chat/completions", body, watch, deadline, size) as reply:
            most = _MIN_TEXT + self.limits.max_tokens * _TEXT_PER_TOKEN
            return read_answer(reply, prompt.id, started, most, watch)

    def _body(self, prompt: Prompt, extras: JsonObject) -> JsonObject:
        body: dict[str, JsonValue] = {
            "messages": [dict(message) for message in prompt.messages],
            "max_tokens": self.limits.max_tokens,
            "stream": True,
        }
        if self.model is not None:
            body["model"] = self.model
        if prompt.tools:
            body["tools"] = [dict(tool) for tool in prompt.tools]
        if self._temperature is not None:
            body["temperature"] = self._temperature
        return body | dict(extras) | dict(prompt.settings)

    def explained(self, failure: Failure) -> ProbeError:
        """The error to end with, and what to do about it."""
        return ProbeError(failure.detail, _ADVICE.get(failure.kind, _LOOK_THERE))
