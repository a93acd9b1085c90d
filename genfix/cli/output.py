"""Where words go: the report on stdout, everything else on stderr."""

import os
import shutil  # noqa: TID251 - asks for the terminal's width, writes nothing
import sys
from collections.abc import Iterable
from typing import NamedTuple, TextIO

from genfix.cli.options import Case, ColourMode, Format
from genfix.report.show import show
from genfix.report.style import Style

__all__ = ["Output", "command_line", "quoted"]


class Output(NamedTuple):
    """The two streams of a command."""

    colour: ColourMode = ColourMode.AUTO
    quiet: bool = False
    verbose: bool = False
    output_format: Format = Format.TEXT

    @property
    def wants_json(self) -> bool:
        """Whether the report is for a machine."""
        return self.output_format is Format.JSON

    @property
    def style(self) -> Style:
        """How the report is marked."""
        return _style(sys.stdout, self.colour)

    @property
    def aside(self) -> Style:
        """How hints and summaries are marked."""
        return _style(sys.stderr, self.colour)

    def report(self, text: str) -> None:
        """Write a part of the report."""
        if text:
            sys.stdout.write(text + "\n")
            sys.stdout.flush()

    def say(self, *lines: str) -> None:
        """Write hints or a summary, unless told to be quiet."""
        if not self.quiet:
            sys.stderr.write("".join(f"{line}\n" for line in lines))

    def notes(self, notes: Iterable[str]) -> None:
        """Write what the user should know about how the answer came about."""
        self.say(*(f"note: {show(note)}" for note in notes))


def quoted(text: str) -> str:
    """``text`` as a shell takes it for one word."""
    import shlex  # noqa: PLC0415 - only to print a command

    return shlex.quote(text)


def command_line(command: str, case: Case, *, unsafe_fixes: bool = False) -> str:
    """The command to type next, with the options that decide what it sees."""
    words = ["genfix", command, quoted(str(case.target))]
    words += ["--base", quoted(case.base)] if case.base is not None else []
    for option, codes in (("--select", case.select), ("--ignore", case.ignore)):
        words += [word for code in codes for word in (option, quoted(code))]
    words += ["--offline"] if case.offline else []
    words += ["--allow-base-mismatch"] if case.allow_base_mismatch else []
    words += ["--state-dir", quoted(str(case.state_dir))] if case.state_dir is not None else []
    words += ["--unsafe-fixes"] if unsafe_fixes else []
    return show(" ".join(words))


def _style(stream: TextIO, mode: ColourMode) -> Style:
    width = min(shutil.get_terminal_size((80, 24)).columns, 100)
    return Style(_wants_colour(stream, mode), width)


def _wants_colour(stream: TextIO, mode: ColourMode) -> bool:
    """``--color`` wins over NO_COLOR (https://no-color.org), that over FORCE_COLOR, that over the stream's kind."""
    if mode is not ColourMode.AUTO:
        return mode is ColourMode.ALWAYS
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return bool(os.environ.get("FORCE_COLOR")) or stream.isatty()
