"""The help texts, in the reader's language."""

import inspect
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from typer.core import TyperArgument

from genfix.cli.command import Entry
from genfix.cli.declared import Declared, declared
from genfix.language import Language, say_in
from genfix.message import Message, text
from genfix.report.layout import columns, wrap

if TYPE_CHECKING:
    from typer._click.core import Command, Context, Parameter
    from typer._click.formatting import HelpFormatter

__all__ = ["write_help"]

_WIDEST: Final = 30
"""Columns of names, at most: what is explained by a longer one begins on the next line."""


class _Page(NamedTuple):
    """The lines of a help text."""

    language: Language
    width: int
    lines: list[str]

    def say(self, said: Message | str) -> str:
        """A message, or a literal of the command's declaration, in words."""
        return say_in(self.language, Message("", said, {}) if isinstance(said, str) else said)

    def paragraphs(self, words: str) -> None:
        """A text with its blank lines."""
        for paragraph in filter(None, inspect.cleandoc(words).split("\n\n")):
            said = self.say(" ".join(paragraph.split()))
            self.lines.extend(["", *wrap(said, self.width, "  ")])

    def rows(self, title: Message | str, rows: Sequence[tuple[str, str]]) -> None:
        """A section of names and what they are."""
        if not rows:
            return
        self.lines.extend(["", f"{self.say(title)}{self.say(':')}"])
        left = min(max(columns(name) for name, _ in rows), _WIDEST) + 2
        for name, words in rows:
            parts = wrap(words, max(self.width - left - 2, 10))
            first = name + " " * (left - columns(name))
            if columns(name) > left - 2:
                self.lines.append(f"  {name}")
                first = " " * left
            self.lines.extend(
                f"  {first if not number else ' ' * left}{part}" for number, part in enumerate(parts)
            )


def write_help(
    command: "Command", ctx: "Context", formatter: "HelpFormatter", entries: Mapping[str, Entry] | None = None
) -> None:
    """Write the help of ``command``, and of the commands in it."""
    page = _Page(ctx.obj if isinstance(ctx.obj, Language) else Language.ENGLISH, formatter.width, [])
    usage = " ".join([ctx.command_path, *_pieces(command, page, is_group=entries is not None)])
    page.lines.extend(wrap(page.say(text("Usage: {usage}", usage=usage)), page.width, "", "       "))
    page.paragraphs(command.help or "")
    own = declared(command.callback)
    arguments: list[tuple[str, str]] = []
    options: dict[str, list[tuple[str, str]]] = {"Options": []}
    for parameter in command.get_params(ctx):
        given = own.get(parameter.name or "")
        if isinstance(parameter, TyperArgument):
            arguments.append((_argument(parameter, page), _words(parameter, given, page)))
        else:
            panel = given.info.rich_help_panel if given is not None else None
            rows = options.setdefault(panel or "Options", [])
            rows.append((_option(parameter, given, page), _words(parameter, given, page)))
    page.rows(text("Arguments"), arguments)
    for title, rows in options.items():
        page.rows(title, rows)
    page.rows(text("Commands"), [(name, page.say(entry.help)) for name, entry in (entries or {}).items()])
    if entries is not None:
        page.paragraphs(command.epilog or "")
    elif command.epilog:
        page.lines.extend(["", page.say(text("Example: {command}", command=command.epilog))])
    formatter.write("".join(f"{line}\n" for line in page.lines))


def _pieces(command: "Command", page: _Page, *, is_group: bool) -> list[str]:
    pieces = [page.say("[OPTIONS]")]
    for parameter in command.params:
        if isinstance(parameter, TyperArgument):
            name = _argument(parameter, page) + ("..." if parameter.nargs < 0 else "")
            pieces.append(name if parameter.required else f"[{name}]")
    return [*pieces, page.say("COMMAND [ARGS]...")] if is_group else pieces


def _argument(parameter: TyperArgument, page: _Page) -> str:
    return page.say(parameter.metavar or parameter.name or "")


def _option(parameter: "Parameter", own: Declared | None, page: _Page) -> str:
    """How an option is written."""
    names = ", ".join(sorted(parameter.opts, key=lambda name: name.startswith("--")))
    if parameter.secondary_opts:
        names += f" / {', '.join(parameter.secondary_opts)}"
    if own is None or own.type is bool:
        return names
    return f"{names} {page.say(own.info.metavar) if own.info.metavar else '<' + '|'.join(own.choices) + '>'}"


def _words(parameter: "Parameter", own: Declared | None, page: _Page) -> str:
    """What a parameter is for, and what it is if it is not given."""
    words = page.say(getattr(parameter, "help", None) or "")
    notes: list[Message] = []
    if own is not None and own.info.envvar:
        notes.append(text("env var: {name}", name=str(own.info.envvar)))
    if own is not None and own.shown_default:
        notes.append(text("default: {value}", value=own.shown_default))
    if own is not None and own.range:
        notes.append(text("{range}", range=own.range))
    if parameter.required:
        notes.append(text("required"))
    return f"{words}  [{page.say('; ').join(map(page.say, notes))}]" if notes else words
