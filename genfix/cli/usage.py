"""What is wrong on the command line, in our words: from what typer found, not from how it says it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from genfix.cli.declared import Declared, declared
from genfix.errors import InputError
from genfix.message import Message, text

if TYPE_CHECKING:
    from typer._click.core import Context

__all__ = ["explained"]


class _Parameter(Protocol):
    name: str | None
    opts: list[str]
    param_type_name: str
    metavar: str | None


@runtime_checkable
class _NoSuchOption(Protocol):
    option_name: str
    possibilities: Sequence[str] | None


@runtime_checkable
class _BadOptionUsage(Protocol):
    option_name: str


@runtime_checkable
class _MissingParameter(Protocol):
    param: _Parameter
    param_type: str | None


@runtime_checkable
class _BadParameter(Protocol):
    param: _Parameter


def explained(error: Exception, ctx: "Context", words: list[str]) -> InputError:
    """The error for what is wrong with ``words``, those after the command's name."""
    return InputError(_said(error, ctx, words), text("see `{command}`", command=f"{ctx.command_path} --help"))


def _said(error: Exception, ctx: "Context", words: list[str]) -> Message:
    match error:
        case _NoSuchOption(option_name=name, possibilities=[*close]) if close:
            near = ", ".join(sorted(close))
            return text("No such option: {option} (Possible options: {near})", option=name, near=near)
        case _NoSuchOption(option_name=name):
            return text("No such option: {option}", option=name)
        case _BadOptionUsage(option_name=name):
            given = declared(ctx.command.callback)
            flags = {
                option
                for parameter in ctx.command.params
                if (own := given.get(parameter.name or "")) is None or own.type is bool
                for option in [*parameter.opts, *parameter.secondary_opts]
            }
            if name in flags or name in ctx.help_option_names:
                return text("Option '{option}' does not take a value", option=name)
            return text("Option '{option}' requires an argument", option=name)
        case _MissingParameter(param=parameter):
            if parameter.param_type_name == "argument":
                return text("Missing argument '{argument}'", argument=parameter.metavar or parameter.name)
            return text("Missing option '{option}'", option=_name(parameter))
        case _BadParameter(param=parameter):
            value = _value(parameter, ctx, words)
            problem = _wrong(value, declared(ctx.command.callback).get(parameter.name or ""))
            return text("Invalid value for '{option}': {problem}", option=_name(parameter), problem=problem)
        case _:
            extra = ctx.command.make_parser(ctx).parse_args([*words])[1]
            return text(
                "Got unexpected extra argument ({words})",
                "Got unexpected extra arguments ({words})",
                words=" ".join(extra),
                count=len(extra),
            )


def _name(parameter: _Parameter) -> str:
    return "' / '".join(parameter.opts)


def _value(parameter: _Parameter, ctx: "Context", words: list[str]) -> str:
    """What the user gave for ``parameter``."""
    given = ctx.command.make_parser(ctx).parse_args([*words])[0].get(parameter.name or "")
    return given if isinstance(given, str) else ""


def _wrong(value: str, own: Declared | None) -> Message:
    if own is not None and own.choices:
        choices = ", ".join(f"'{choice}'" for choice in own.choices)
        return text("'{value}' is not one of {choices}", value=value, choices=choices)
    if own is not None and own.range:
        try:
            own.type(value)
        except ValueError:
            pass
        else:
            return text("{value} is not in the range {range}", value=value, range=own.range)
    if own is not None and own.type is int:
        return text("'{value}' is not a whole number", value=value)
    return text("'{value}' is not a number", value=value)
