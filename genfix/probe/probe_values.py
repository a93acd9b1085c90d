"""What a probe asks, hears and measures, as values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from genfix.json_types import JsonObject
from genfix.message import Message

if TYPE_CHECKING:
    from genfix.probe.quality.given import Check


@dataclass(frozen=True, slots=True)
class Prompt:
    """One conversation to be continued."""

    id: str
    group: str
    """``short``, ``long``, ``multi-turn``, ``tool`` or a name of the user's own."""
    language: str
    messages: tuple[JsonObject, ...]
    tools: tuple[JsonObject, ...] = ()
    check: "Check | None" = None
    """What a right answer is, where that can be said."""
    settings: JsonObject = field(default_factory=dict)
    """What a request has beside or instead of what the others have."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on a run, so that no server can make it endless."""

    max_tokens: int = 512
    """Per answer."""
    request_seconds: float = 120.0
    """Per request, from connecting to the last byte."""
    total_seconds: float = 1800.0
    """For the whole run; what is not answered by then is left out."""
    concurrency: int = 8
    retries: int = 3
    """Per request, on 429, 502, 503, 504 and a refused or dropped connection before the first byte."""
    retry_seconds: float = 0.5
    """Before the first retry; doubled each time."""
    early_failures: int = 3
    """So many failures without one answer end the run."""


class FailureKind(StrEnum):
    """Why a request has no answer."""

    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    STATUS = "status"
    REFUSED_KEY = "refused-key"
    NO_MODEL = "no-model"
    BROKEN_STREAM = "broken-stream"
    GARBAGE = "garbage"
    TOO_LARGE = "too-large"
    UNSUPPORTED = "unsupported"
    """The server does not take such a request, a tool call for example; that is no fault of the model."""
    NOT_ASKED = "not-asked"
    """The run ended before its turn came."""

    @property
    def counts(self) -> bool:
        """Whether it is a failure of the server, and not a prompt that was left out."""
        return self not in {FailureKind.UNSUPPORTED, FailureKind.NOT_ASKED}


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a request has no answer, in one sentence."""

    kind: FailureKind
    detail: Message


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool call as the server gives it: ``arguments`` is text that should be a JSON object."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back for one prompt."""

    prompt: str
    """The prompt's id."""
    text: str = ""
    reasoning: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: str | None = None
    stop_reason: int | str | None = None
    """The token id or text at which the engine says it stopped (vLLM, SGLang)."""
    token_ids: tuple[int, ...] | None = None
    """Every token the model wrote, where the engine tells."""
    tokens: int | None = None
    """How many they are."""
    seconds: float = 0.0
    first_seconds: float | None = None
    """Until the first piece of the answer came."""
    failure: Failure | None = None

    @property
    def stopped(self) -> bool:
        """Whether the model ended the answer by itself."""
        return self.finish_reason in {"stop", "tool_calls", "function_call", "eos", "end_turn"}

    @property
    def at_limit(self) -> bool:
        """Whether it ran to the limit."""
        return self.finish_reason in {"length", "max_tokens"}

    @property
    def tokens_per_second(self) -> float | None:
        """`None` where either is not known."""
        return self.tokens / self.seconds if self.tokens and self.seconds > 0 else None


class LeakKind(StrEnum):
    """What of the chat template is inside an answer."""

    TOKEN = "token"  # noqa: S105 - no password
    """A role token or turn end in the middle of the text."""
    ROLE = "role"
    """The role's name on a line of its own, as it is left where the server hides special tokens."""
    NEXT_TURN = "next-turn"
    """The user's next turn, written by the model."""


@dataclass(frozen=True, slots=True)
class Leak:
    """One piece of the chat template inside an answer."""

    kind: LeakKind
    marker: str
    """The token or role name."""
    at: int
    """Where in the text, in characters."""
    excerpt: str
    """The text around it."""


@dataclass(frozen=True, slots=True)
class Loop:
    """An answer that repeats itself."""

    unit: str
    """What is repeated at the end of the answer; empty where it is repeated with variations."""
    times: int
    """How often in a row."""
    rep_4: float
    """seq-rep-4: the share of 4-grams that occurred before."""


class ToolVerdict(StrEnum):
    """What became of a request for a tool call."""

    WELL_FORMED = "well-formed"
    MALFORMED = "malformed"
    AS_TEXT = "as-text"
    """Written into the answer, so that the client gets no call."""
    NONE = "none"
    """Answered in words."""


@dataclass(frozen=True, slots=True)
class Measure:
    """What is seen in one answer."""

    prompt: Prompt
    answer: Answer
    turn_end: str | None
    """The turn end the model wrote, where the engine shows it."""
    leaks: tuple[Leak, ...]
    loop: Loop | None
    empty: bool
    tool: ToolVerdict | None
    """`None` where no tool was offered."""
    tool_detail: Message | None = None
    """What is wrong with the call."""

    @property
    def answered(self) -> bool:
        """Whether there is an answer at all."""
        return self.answer.failure is None

    @property
    def stopped(self) -> bool:
        """Whether the answer ended by itself."""
        return self.answer.stopped

    def flags(self) -> Mapping[str, bool]:
        """The yes-or-no measures by name, as they are summed up."""
        return {
            "stopped": self.stopped,
            "leaked": bool(self.leaks),
            "repeated": self.loop is not None,
            "empty": self.empty,
        }
