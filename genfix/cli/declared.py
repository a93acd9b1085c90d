"""What a command declares of its parameters, and the values that words make of them."""

import inspect
import os
from collections.abc import Callable, Mapping
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Final, NamedTuple, TypeAlias, get_args

from typer.models import ArgumentInfo, OptionInfo

from genfix.cli.choices import FORMAT_VARIABLE, Format
from genfix.message import Message, text

_YES: Final = frozenset({"1", "true", "yes", "on"})
_NO: Final = frozenset({"0", "false", "no", "off"})
_Info: TypeAlias = ArgumentInfo | OptionInfo


class ValueProblem(Exception):  # noqa: N818 - what is wrong with a word, for the sentence that names the option
    """A word that is no value of its parameter."""

    def __init__(self, said: Message) -> None:
        super().__init__(said)
        self.said = said


class Declared(NamedTuple):
    """A parameter as the command's function declares it."""

    info: _Info
    type: type
    """`bool` for a flag, an enum for a choice, `list` for several texts."""
    default: object
    required: bool

    @property
    def choices(self) -> tuple[str, ...]:
        """The values it may have; empty where it is no choice."""
        return tuple(str(member.value) for member in self.type) if issubclass(self.type, Enum) else ()

    @property
    def range(self) -> str:
        """Between which numbers it must lie; empty where it need not."""
        low, high = self.info.min, self.info.max
        if low is None and high is None:
            return ""
        return f"x>={low}" if high is None else f"x<={high}" if low is None else f"{low}<=x<={high}"

    @property
    def shown_default(self) -> str:
        """The value that it has where none is given, for the help text."""
        if not self.info.show_default or self.default is None or self.type in {bool, list}:
            return ""
        return str(self.default.value if isinstance(self.default, Enum) else self.default)

    @property
    def from_environment(self) -> str | None:
        """What stands in its variable of the environment."""
        word = os.environ.get(self.variable) or None if self.variable else None
        if self.variable == FORMAT_VARIABLE and word not in self.choices and word in {*Format}:
            return None  # a format of other commands, for which it is meant
        return word

    @property
    def variable(self) -> str:
        """Its variable of the environment; empty where it has none."""
        return self.info.envvar if isinstance(self.info.envvar, str) else ""

    def value(self, given: object) -> object:
        """The value that the parser's ``given`` stands for. Raises `ValueProblem`."""
        if isinstance(given, bool):
            return given
        if isinstance(given, list | tuple):
            return [*given]
        word = str(given)
        if self.type is list:
            return [word]
        if self.type is bool:
            return _flag(word)
        if self.choices:
            return self._choice(word)
        if self.type in {int, float}:
            return self._number(word)
        return Path(word) if self.type is Path else word

    def _choice(self, word: str) -> object:
        if word not in self.choices:
            choices = ", ".join(f"'{choice}'" for choice in self.choices)
            raise ValueProblem(text("'{value}' is not one of {choices}", value=word, choices=choices))
        return self.type(word)

    def _number(self, word: str) -> int | float:
        try:
            number = int(word) if self.type is int else float(word)
        except ValueError:
            raise ValueProblem(
                text("'{value}' is not a whole number", value=word)
                if self.type is int
                else text("'{value}' is not a number", value=word)
            ) from None
        low, high = self.info.min, self.info.max
        if not (low is None or low <= number) or not (high is None or number <= high):
            raise ValueProblem(text("{value} is not in the range {range}", value=word, range=self.range))
        return number


def _flag(word: str) -> bool:
    """What a variable of the environment says of a flag."""
    if word.lower() in _YES | _NO:
        return word.lower() in _YES
    raise ValueProblem(text("'{value}' is not one of {choices}", value=word, choices="'1', '0'"))


def declared(function: Callable[[], object] | None) -> Mapping[str, Declared]:
    """The parameters of ``function`` by name."""
    if function is None:
        return {}
    parameters = inspect.signature(function).parameters.values()
    return {parameter.name: _declared(parameter) for parameter in parameters}


def _declared(parameter: inspect.Parameter) -> Declared:
    annotated, info = get_args(parameter.annotation)
    kinds = get_args(annotated) if isinstance(annotated, UnionType) else (annotated,)
    # list[str] is no class of its own.
    kind = next((kind for kind in kinds if isinstance(kind, type) and kind is not NoneType), list)
    required = parameter.default is parameter.empty
    # A list that nobody gave is empty for typer, which makes it None again.
    default = None if required else [] if kind is list else parameter.default
    return Declared(info, kind, default, required)
