"""The help texts, in the reader's language."""

import inspect
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from typer.core import TyperArgument

from genfix.cli.declared import Declared, declared
from genfix.cli.entry import Entry
from genfix.language import Language, say_in
from genfix.message import Message, text
from genfix.report.layout import columns, wrap

if TYPE_CHECKING:
    from typer._click.core import Command, Context, Parameter
    from typer._click.formatting import HelpFormatter

_WIDEST: Final = 30
"""Columns of names, at most: what is explained by a longer one begins on the next line."""
_IN_CHINESE: Final = frozenset(
    [
        *("README", "base", "commands", "hooks", "probe", "probe-likelihood", "python", "quick-start"),
        *("safety", "stop-tokens", "symptoms", "witnesses", "workarounds"),
    ]
)
"""Pages of the documentation that are there in Chinese as well."""
_OPTIONS: Final = text("Options")
OF_TYPER: Final = (
    text("Show this message and exit."),
    text("Install completion for the current shell."),
    text("Show completion for the current shell, to copy it or customize the installation."),
)
"""What typer says of its own options."""


class _Page:
    """The lines of a help text."""

    def __init__(self, language: Language, width: int) -> None:
        self.language = language
        self.width = width
        self.lines: list[str] = []

    def say(self, said: Message) -> str:
        """A message in words."""
        return say_in(self.language, said)

    def literal(self, words: str) -> str:
        """What a command declares, in words."""
        return self.say(Message("", words, {}))

    def paragraphs(self, words: str) -> None:
        """A text with its blank lines."""
        for paragraph in filter(None, inspect.cleandoc(words).split("\n\n")):
            self.lines.extend(["", *wrap(self.literal(" ".join(paragraph.split())), self.width, "  ")])

    def rows(self, title: str, rows: Sequence[tuple[str, str]], widest: int = 0) -> None:
        """A section of names and what they are, which begins behind ``widest`` columns at least."""
        if not rows:
            return
        self.lines.extend(["", f"{title}{self.say(text(':'))}"])
        left = min(max(widest, *(columns(name) for name, _ in rows)), _WIDEST) + 2
        for name, words in rows:
            first = name + " " * (left - columns(name))
            if columns(name) > _WIDEST:
                self.lines.append(f"  {name}")
                first = " " * left
            self.lines.extend(wrap(words, self.width, f"  {first}", f"  {' ' * left}"))

    def commands(self, lines: Sequence[str]) -> None:
        """A section of commands to copy: each stays on its line."""
        if lines:
            self.lines.extend(["", self.say(text("Examples:")), *(f"  {line}" for line in lines)])


class Further(NamedTuple):
    """What stands below the options."""

    examples: Sequence[str] = ()
    page: str = "commands"
    """The page of the documentation that says more."""


def _address(name: str, language: Language) -> str:
    """Where a page of the documentation is; empty where the installed genfix does not say."""
    from importlib.metadata import PackageNotFoundError, metadata  # noqa: PLC0415 - only for help texts

    try:
        links = dict(line.split(", ", 1) for line in metadata("genfix").get_all("Project-URL") or ())
    except (PackageNotFoundError, ValueError):
        return ""
    home = links.get("Repository") or links.get("Homepage") or links.get("Source") or ""
    local = ".zh-CN" if language is Language.CHINESE and name in _IN_CHINESE else ""
    return f"{home.rstrip('/')}/blob/main/docs/{name}{local}.md" if home else ""


def write_help(
    command: "Command",
    ctx: "Context",
    formatter: "HelpFormatter",
    further: Further,
    entries: Mapping[str, Entry] | None = None,
) -> None:
    """Write the help of ``command``, and of the commands in it."""
    page = _Page(ctx.obj if isinstance(ctx.obj, Language) else Language.ENGLISH, formatter.width)
    usage = " ".join([ctx.command_path, *_pieces(command, page, is_group=entries is not None)])
    page.lines.extend(wrap(page.say(text("Usage: {usage}", usage=usage)), page.width, "", " " * 7))
    page.paragraphs(command.help or "")
    _write_parameters(command, ctx, page)
    if entries is not None:
        _write_commands(entries, page)
    page.commands(further.examples)
    page.paragraphs(command.epilog or "")
    if address := _address(further.page, page.language):
        page.lines.extend(["", page.say(text("More: {address}", address=address))])
    formatter.write("".join(f"{line}\n" for line in page.lines))


def _write_commands(entries: Mapping[str, Entry], page: _Page) -> None:
    panels: dict[str, list[tuple[str, str]]] = {}
    for name, entry in entries.items():
        panels.setdefault(entry.panel, []).append((name, page.literal(entry.help)))
    for panel, rows in panels.items():
        page.rows(page.literal(panel), rows, max(map(len, entries)))


def _pieces(command: "Command", page: _Page, *, is_group: bool) -> list[str]:
    pieces = [page.say(text("[OPTIONS]"))]
    for parameter in command.params:
        if isinstance(parameter, TyperArgument):
            name = f"{parameter.metavar}{'...' if parameter.nargs < 0 else ''}"
            pieces.append(name if parameter.required else f"[{name}]")
    return [*pieces, page.say(text("COMMAND [ARGS]..."))] if is_group else pieces


def _write_parameters(command: "Command", ctx: "Context", page: _Page) -> None:
    own = declared(command.callback)
    arguments: list[tuple[str, str]] = []
    sections: dict[str, list[tuple[str, str]]] = {_OPTIONS.template: []}
    for parameter in command.get_params(ctx):
        given = own.get(parameter.name or "")
        words = _explained(parameter, given, page)
        if isinstance(parameter, TyperArgument):
            arguments.append((parameter.metavar or "", words))
        else:
            panel = given.info.rich_help_panel if given is not None else None
            sections.setdefault(panel or _OPTIONS.template, []).append((_option(parameter, given), words))
    page.rows(page.say(text("Arguments")), arguments)
    for title, rows in sections.items():
        page.rows(page.literal(title), rows)


def _option(parameter: "Parameter", own: Declared | None) -> str:
    """How an option is written."""
    names = ", ".join(sorted(parameter.opts, key=lambda name: name.startswith("--")))
    if parameter.secondary_opts:
        names += f" / {', '.join(parameter.secondary_opts)}"
    if own is None or own.type is bool:
        return names
    return f"{names} {own.info.metavar or '<' + '|'.join(own.choices) + '>'}"


def _explained(parameter: "Parameter", own: Declared | None, page: _Page) -> str:
    """What a parameter is for, and what it is if it is not given."""
    words = page.literal(getattr(parameter, "help", None) or "")
    notes: list[str] = []
    if own is not None and own.info.envvar:
        notes.append(page.say(text("env var: {name}", name=str(own.info.envvar))))
    if own is not None and own.shown_default:
        notes.append(page.say(text("default: {value}", value=own.shown_default)))
    if own is not None and own.range:
        notes.append(own.range)
    if parameter.required:
        notes.append(page.say(text("required")))
    return f"{words} [{page.say(text('; ')).join(notes)}]" if notes else words
