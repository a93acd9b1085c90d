"""What must not be shown of a server's words: the key or token that it was sent, and may send back."""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple
from urllib.parse import quote

from genfix.json_types import JsonValue
from genfix.message import Arg, Message

_HIDDEN: Final = "***"
_SHORTEST: Final = 4
"""What is shorter is no secret but a stand-in, and would be found in any text."""
_NESTED: Final = 4
"""How often escapes are taken away: JSON holds Jinja, and Jinja strings."""
_ESCAPE: Final = re.compile(
    rb"\\(?:u\{?00([2-7][0-9a-f])\}?|x([2-7][0-9a-f])|U000000([2-7][0-9a-f])|([01][0-7]{2})|\r?\n|([\\/]))",
    re.IGNORECASE,
)
"""Those of the letters that a secret has; nearly all others of a vocabulary are none of these."""


def _unescaped(found: re.Match[bytes]) -> bytes:
    *hexadecimal, octal, other = found.groups()
    for digits in hexadecimal:
        if digits is not None:
            return bytes([int(digits, 16)])
    return bytes([int(octal, 8)]) if octal is not None else other or b""


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
        """Whether ``content`` has one of them: as it is, in UTF-16, or behind the escapes of JSON, YAML,
        Python and Jinja, which whoever reads the file takes away.
        """
        if not self.spellings:
            return False
        plain = content.replace(b"\0", b"")
        for _ in range(_NESTED + 1):
            if any(secret.encode() in plain for secret in self.spellings):
                return True
            plain, count = _ESCAPE.subn(_unescaped, plain)
            if not count:
                break
        return False

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
