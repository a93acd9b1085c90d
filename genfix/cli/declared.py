"""What a command declares of its parameters, whichever version of typer made options of them."""

import inspect
from collections.abc import Callable, Mapping
from enum import Enum
from typing import NamedTuple, TypeAlias, get_args

from typer.models import ArgumentInfo, OptionInfo

__all__ = ["Declared", "declared"]

_Info: TypeAlias = ArgumentInfo | OptionInfo


class Declared(NamedTuple):
    """A parameter as the command's function declares it."""

    info: _Info
    type: type
    """`bool` for a flag, an enum for a choice."""
    default: object

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
        if not self.info.show_default or self.default is None or self.type is bool:
            return ""
        return str(self.default.value if isinstance(self.default, Enum) else self.default)


def declared(function: Callable[[], object] | None) -> Mapping[str, Declared]:
    """The parameters of ``function`` by name."""
    if function is None:
        return {}
    parameters = inspect.signature(function).parameters.values()
    return {parameter.name: _declared(parameter) for parameter in parameters}


def _declared(parameter: inspect.Parameter) -> Declared:
    annotated, info = get_args(parameter.annotation)
    kinds = [kind for kind in get_args(annotated) or (annotated,) if kind is not type(None)]
    kind = next((kind for kind in kinds if isinstance(kind, type)), str)
    return Declared(info, kind, None if parameter.default is parameter.empty else parameter.default)
