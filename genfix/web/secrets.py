"""What must not be shown of a server's words: the key or token that it was sent, and may send back."""

from collections.abc import Mapping
from typing import Final, NamedTuple
from urllib.parse import quote

from genfix.json_types import JsonValue
from genfix.message import Arg, Message

_HIDDEN: Final = "***"
_SHORTEST: Final = 4
"""What is shorter is no secret but a stand-in, and would be found in any text."""


class Secrets(NamedTuple):
    """The secrets that one server was sent."""

    spellings: tuple[str, ...] = ()

    @classmethod
    def of(cls, *values: str | None) -> "Secrets":
        """As they are, and as they stand in an address. The longest goes first: one may be in another."""
        known = {value for value in values if value is not None and len(value) >= _SHORTEST}
        spelled = known | {quote(value, safe="") for value in known}
        return cls(tuple(sorted(spelled, key=len, reverse=True)))

    def are_in(self, content: bytes) -> bool:
        """Whether ``content`` has one of them."""
        return any(secret.encode() in content for secret in self.spellings)

    def text(self, text: str) -> str:
        """``text`` without them."""
        for secret in self.spellings:
            text = text.replace(secret, _HIDDEN)
        return text

    def message(self, said: Message) -> Message:
        """The sentence without them in its blanks."""
        return said._replace(args={key: self._arg(value) for key, value in said.args.items()})

    def _arg(self, value: Arg) -> Arg:
        if isinstance(value, Message):
            return self.message(value)
        if isinstance(value, tuple):
            return tuple(self.message(part) for part in value)
        if isinstance(value, str | list | dict):
            return self.value(value)
        return value

    def value(self, value: JsonValue) -> JsonValue:
        """A JSON value without them. Raises `RecursionError`."""
        if not self.spellings:
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self.value(part) for part in value]
        if isinstance(value, Mapping):
            return {self.text(key): self.value(part) for key, part in value.items()}
        return value
