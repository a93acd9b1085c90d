"""What genfix says: an English sentence with named blanks, and what fills them.

Whoever has something to say writes the English sentence where it is said. The reader's language is bound
once, where the words are shown (`genfix.language`): the library hands out messages, and ``str(message)`` is
English.
"""

from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from typing import Final, NamedTuple, TypeAlias

from genfix.json_types import JsonValue
from genfix.show import show, show_value

Arg: TypeAlias = "JsonValue | PathLike[str] | Message | tuple[Message, ...]"
"""What fills a blank: a value or a path, quoted as it is, or something else to say."""
Choose: TypeAlias = "Callable[[Message], str]"
"""From a message to its sentence in one language, the blanks still empty."""

_COUNTS: Final = ("count", "value")
"""The blanks that choose between one and many."""


class Message(NamedTuple):
    """One thing to say.

    In ``template`` ``{x}`` takes a name as it is, and ``{x!r}`` a value as JSON has it.
    """

    id: str
    """What programs know a finding's sentence by; empty for all other sentences."""
    template: str
    args: Mapping[str, Arg]
    many: str = ""
    """The sentence for any other number than one."""

    @property
    def number(self) -> int:
        """How many things the sentence speaks of."""
        given = next((self.args[name] for name in _COUNTS if name in self.args), None)
        return given if isinstance(given, int) else 2

    def __str__(self) -> str:
        return render(self)

    def __repr__(self) -> str:
        """Short: the values may be a whole template."""
        return f"<Message {self.id or 'text'}: {render(self)}>"


def message(message_id: str, template: str, many: str = "", /, **args: Arg) -> Message:
    """A sentence that programs know by an id: what findings, traces and diagnoses say."""
    return Message(message_id, template, args, many)


def text(template: str, many: str = "", /, **args: Arg) -> Message:
    """Any other sentence or label."""
    return Message("", template, args, many)


def join(messages: Sequence[Message]) -> Message:
    """Several sentences as one."""
    return messages[0] if len(messages) == 1 else Message("", "{all}", {"all": tuple(messages)})


def english(said: Message) -> str:
    """The sentence as it is written in the code."""
    return said.many if said.many and said.number != 1 else said.template


def render(said: Message, choose: Choose = english) -> str:
    """The message in words, safe to print; one that this version has no words for as its id and values."""
    template = choose(said)
    try:
        if template:
            return template.format_map({key: _Blank(value, choose) for key, value in said.args.items()})
    except KeyError:
        pass  # values that another version of genfix kept in a plan file
    return f"{show(said.id)} {show_value(plain_args(said))}" if said.id else ""


def plain_args(said: Message) -> dict[str, JsonValue]:
    """What fills the blanks, for machines: what is itself a sentence in English."""
    return {key: _plain(value) for key, value in said.args.items()}


def _plain(value: Arg) -> JsonValue:
    if isinstance(value, Message):
        return render(value)
    if isinstance(value, tuple):
        return [render(part) for part in value]
    return str(value) if isinstance(value, PathLike) else value


class _Blank:
    """What fills a blank."""

    def __init__(self, value: Arg, choose: Choose) -> None:
        self._value = value
        self._choose = choose

    def __format__(self, spec: str) -> str:
        if spec and isinstance(self._value, int | float):
            return format(self._value, spec)
        return self._shown(show)

    def __repr__(self) -> str:
        return self._shown(show_value)

    def _shown(self, show_text: Callable[[str], str]) -> str:
        value = self._value
        if isinstance(value, str | PathLike):
            return show_text(str(value))
        if isinstance(value, Message):
            return render(value, self._choose)
        if value is None:
            return self._said("none")
        if not isinstance(value, list | tuple):
            return show_value(value)
        if not value:
            return self._said("nothing")
        if isinstance(value, tuple):
            return self._said("; ").join(render(part, self._choose) for part in value)
        items = (show_text(item) if isinstance(item, str) else show_value(item) for item in value)
        return self._said(", ").join(items)

    def _said(self, template: str) -> str:
        return self._choose(Message("", template, {}))
