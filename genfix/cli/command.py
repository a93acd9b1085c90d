"""Commands that are imported when they are called, with groups of options, help and errors of our own."""

import inspect
import sys
from collections.abc import Callable, Mapping
from functools import update_wrapper
from importlib import import_module
from types import FunctionType
from typing import TYPE_CHECKING, ClassVar, NamedTuple, TypeGuard

import typer
from typer.core import TyperCommand, TyperGroup

from genfix.cli.declared import Declared, ValueProblem, declared
from genfix.cli.entry import Entry
from genfix.cli.streams import write
from genfix.cli.usage import missing, no_command, not_a_value, not_parsed, too_many
from genfix.errors import InputError

if TYPE_CHECKING:
    from typer._click.core import Command as AnyCommand
    from typer._click.core import Context, Parameter
    from typer._click.formatting import HelpFormatter


def flat(function: FunctionType) -> Callable[[], int]:
    """``function`` with the fields of each group of options (a `NamedTuple`) as parameters of their own."""
    signature = inspect.signature(function)
    groups: dict[str, type[NamedTuple]] = {}
    parameters: list[inspect.Parameter] = []
    for name, parameter in signature.parameters.items():
        annotation: object = parameter.annotation
        if _is_group(annotation):
            groups[name] = annotation
            parameters += inspect.signature(annotation).parameters.values()
        else:
            parameters.append(parameter)

    def flattened(**given: object) -> int:
        for name, group in groups.items():
            given[name] = group._make([given.pop(field) for field in group._fields])
        code: int = function(**given)
        return code

    named = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in parameters]
    update_wrapper(flattened, function)
    flattened.__annotations__ = {parameter.name: parameter.annotation for parameter in named}
    setattr(flattened, "__signature__", signature.replace(parameters=named))  # noqa: B010 - unknown to mypy
    return flattened


def _is_group(annotation: object) -> TypeGuard[type[NamedTuple]]:
    return isinstance(annotation, type) and issubclass(annotation, tuple)


class Command(TyperCommand):
    """A command."""

    entry: Entry | None = None
    """What the overview says of it."""

    def parse_args(self, ctx: "Context", args: list[str]) -> list[str]:
        """The values of the words, made here: typer asks pydantic, which costs more than a small check."""
        if ctx.resilient_parsing:  # a shell asks what may come next: of an option at the end, its value
            return super().parse_args(ctx, args[:-1] if args and args[-1].startswith("-") else args)
        own = declared(self.callback)
        try:
            given, extra, _ = self.make_parser(ctx).parse_args([*args])
        except USAGE_ERROR as error:
            raise not_parsed(error, ctx) from error
        for parameter in self.get_params(ctx):
            if parameter.name in given and parameter.name not in own:
                parameter.handle_parse_result(ctx, given, extra)  # --help, which leaves here
        for parameter in self.params:
            ctx.params[parameter.name] = _value(parameter, own[parameter.name], given, ctx)
        if extra:
            raise too_many(extra, ctx)
        return extra

    def format_help(self, ctx: "Context", formatter: "HelpFormatter") -> None:
        """Write the help text."""
        from genfix.cli.help import Further, write_help  # noqa: PLC0415 - only where it is asked for

        entry = self.entry
        further = Further() if entry is None else Further(entry.examples, entry.page)
        write_help(self, ctx, formatter, further)


def _value(parameter: "Parameter", own: Declared, given: Mapping[str, object], ctx: "Context") -> object:
    """The value of a parameter: what was given, what the environment has, or the default."""
    word, variable = given.get(parameter.name), ""
    if word is None or (own.type is list and not word):
        word, variable = own.from_environment, own.variable
    if word is None and own.required:
        raise missing(parameter, ctx)
    try:
        return own.default if word is None else own.value(word)
    except ValueProblem as problem:
        raise not_a_value(variable or "' / '".join(parameter.opts), problem.said, ctx) from problem


class Commands(TyperGroup):
    """A group of commands, each imported when it is called."""

    entries: ClassVar[Mapping[str, Entry]] = {}
    examples: ClassVar[tuple[str, ...]] = ()
    """Of the group itself; none: those of its commands."""
    unnamed: ClassVar[str] = ""
    """The command that is meant where none is named; empty: one has to be."""

    def list_commands(self, ctx: "Context") -> list[str]:
        """The names, in the order in which they are shown."""
        del ctx
        return [*self.entries]

    def get_command(self, ctx: "Context", cmd_name: str) -> "AnyCommand | None":
        """The command of this name, imported and made."""
        del ctx
        entry = self.entries.get(cmd_name)
        if entry is None:
            return None
        found = getattr(import_module(entry.module), cmd_name)
        if isinstance(found, typer.Typer):
            return typer.main.get_group(found)
        alone = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
        settings = {"help_option_names": ["-h", "--help"], "allow_interspersed_args": not entry.is_last}
        alone.command(cmd_name, cls=Command, context_settings=settings)(flat(found))
        made = typer.main.get_command(alone)
        if isinstance(made, Command):
            made.entry = entry
        return made

    def parse_args(self, ctx: "Context", args: list[str]) -> list[str]:
        """As of a command; without any words the help is shown."""
        if self.unnamed and not {*args[:1]} & {*self.entries, *ctx.help_option_names}:
            args = [self.unnamed, *args]
        if not [word for word in args if word != "--"] and not ctx.resilient_parsing:
            write(sys.stderr, f"{ctx.get_help()}\n")
            ctx.exit(InputError.exit_code)
        try:
            return super().parse_args(ctx, args)
        except USAGE_ERROR as error:
            raise not_parsed(error, ctx) from error

    def resolve_command(
        self, ctx: "Context", args: list[str]
    ) -> "tuple[str | None, AnyCommand | None, list[str]]":
        """The command that is called. Raises `InputError` where there is none of that name."""
        name = args[0]
        if name in self.entries:
            return name, self.get_command(ctx, name), args[1:]
        raise no_command(name, self.entries, ctx)

    def format_help(self, ctx: "Context", formatter: "HelpFormatter") -> None:
        """Write the help text."""
        from genfix.cli.help import Further, write_help  # noqa: PLC0415 - only where it is asked for

        examples = self.examples or tuple(one for entry in self.entries.values() for one in entry.examples)
        pages = {entry.page for entry in self.entries.values()}
        further = Further(examples, pages.pop() if len(pages) == 1 else "README")
        write_help(self, ctx, formatter, further, self.entries)


def _usage_error() -> type[Exception]:
    """Click's root of usage errors: typer 0.26 and later carry click inside, earlier ones import it."""
    roots = (kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "UsageError")
    return next(kind for kind in roots if issubclass(kind, Exception))


USAGE_ERROR = _usage_error()
