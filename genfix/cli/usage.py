"""What is wrong on the command line, in our words: from what the parser found, not from how it says it."""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from genfix.cli.declared import declared
from genfix.errors import InputError
from genfix.message import Message, text
from genfix.spelling import near

if TYPE_CHECKING:
    from typer._click.core import Context, Parameter


def not_parsed(error: Exception, ctx: "Context") -> InputError:
    """The error for options that the parser cannot read."""
    option = str(getattr(error, "option_name", ""))
    if not hasattr(error, "possibilities"):
        return _usage_error(_bad_option(option, ctx), ctx)
    possible = ", ".join(sorted(getattr(error, "possibilities") or ()))  # noqa: B009 - of NoSuchOption only
    if possible:
        return _usage_error(
            text("No such option: {option} (Possible options: {near})", option=option, near=possible), ctx
        )
    return _usage_error(text("No such option: {option}", option=option), ctx)


def _bad_option(option: str, ctx: "Context") -> Message:
    own = declared(ctx.command.callback)
    for parameter in ctx.command.params:
        if option in parameter.opts and parameter.name in own and own[parameter.name].type is not bool:
            return text("Option '{option}' requires an argument", option=option)
    return text("Option '{option}' does not take a value", option=option)


def missing(parameter: "Parameter", ctx: "Context") -> InputError:
    """The error for a parameter that must be given."""
    if parameter.param_type_name == "argument":
        return _usage_error(text("Missing argument '{name}'", name=parameter.metavar or parameter.name), ctx)
    return _usage_error(text("Missing option '{option}'", option=parameter.opts[0]), ctx)


def not_a_value(option: str, problem: Message, ctx: "Context") -> InputError:
    """The error for a word that is no value of ``option``, or of its variable of the environment."""
    return _usage_error(text("Invalid value for '{option}': {problem}", option=option, problem=problem), ctx)


def too_many(words: Sequence[str], ctx: "Context") -> InputError:
    """The error for words that no parameter takes."""
    said = text(
        "Got unexpected extra argument ({words})",
        "Got unexpected extra arguments ({words})",
        words=" ".join(words),
        count=len(words),
    )
    return _usage_error(said, ctx)


def no_command(name: str, known: Collection[str], ctx: "Context") -> InputError:
    """The error for a command that there is not."""
    found = ", ".join(f"'{match}'" for match in near(name, known))
    if found:
        return _usage_error(
            text("No such command '{name}'. Did you mean {near}?", name=name, near=found), ctx
        )
    return _usage_error(text("No such command '{name}'", name=name), ctx)


def _usage_error(said: Message, ctx: "Context") -> InputError:
    return InputError(said, "see `{command}`", command=f"{ctx.command_path} --help")
