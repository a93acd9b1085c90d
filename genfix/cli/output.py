"""Where words go: the report on stdout, everything else on stderr."""

import os
import sys
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple, TextIO

from genfix.cli.choices import ColorMode, Format
from genfix.cli.options import Look
from genfix.cli.streams import terminal_width, to_copy, write
from genfix.folder import Progress
from genfix.language import Language, language_of
from genfix.message import Message
from genfix.report.layout import wrap_around
from genfix.report.style import Style


class ReportFile:
    """The parts of a report, and the file they are for."""

    def __init__(self, path: Path, state_dir: Path | None) -> None:
        self.path = path
        self._state_dir = state_dir
        self._parts: list[str] = []

    def add(self, text: str) -> None:
        """Add to the end of the report."""
        self._parts.append(text)

    def write(self) -> None:
        """Write all of it, in place of an earlier report."""
        from genfix.applier.reports import write_report  # noqa: PLC0415 - only where there is a file to write

        write_report(
            self.path, "".join(self._parts).encode("utf-8", "backslashreplace"), state_dir=self._state_dir
        )


class Output(NamedTuple):
    """The two streams of a command."""

    look: Look = Look()
    quiet: bool = False
    verbose: bool = False
    output_format: StrEnum = Format.TEXT
    file: ReportFile | None = None
    """Where the report goes instead of stdout."""

    @property
    def wants_json(self) -> bool:
        """Whether the report is JSON of our own schema."""
        return self.output_format == Format.JSON

    @property
    def wants_html(self) -> bool:
        """Whether the report is a page for a browser."""
        return self.output_format == Format.HTML

    @property
    def verdict(self) -> Format | None:
        """The format of a report for a machine that is not JSON of our own; `None` for all others."""
        others = {Format.TEXT, Format.JSON, Format.HTML}
        return None if self.output_format in others else Format(self.output_format)

    @property
    def style(self) -> Style:
        """How the report is marked."""
        if self.file is not None and self.look.color is ColorMode.AUTO:
            return _style(None, ColorMode.NEVER, self.look.lang)
        return _style(sys.stdout, self.look.color, self.look.lang)

    @property
    def aside(self) -> Style:
        """How hints and summaries are marked."""
        return _style(sys.stderr, self.look.color, self.look.lang)

    @property
    def progress(self) -> Progress | None:
        """What shows on a terminal how far fetching is; it is gone when it is done."""
        stream = sys.stderr
        if self.quiet or stream is None or not stream.isatty() or os.environ.get("TERM") == "dumb":
            return None
        from genfix.api.fetch_bar import FetchBar  # noqa: PLC0415 - for people only

        return FetchBar(self.aside.text("fetching"), file=stream)

    def report(self, text: str) -> None:
        """Write a part of the report."""
        if text and self.file is not None:
            self.file.add(text + "\n")
        elif text:
            write(sys.stdout, text + "\n")

    def done(self, code: int) -> int:
        """End the report, and return the command's exit code ``code``."""
        if self.file is not None:
            self.file.write()
            self.say(self.aside.text("wrote {path}", path=self.file.path))
        return code

    def say(self, *lines: str) -> None:
        """Write hints or a summary, unless told to be quiet."""
        if not self.quiet:
            write(sys.stderr, "".join(f"{line}\n" for line in lines))

    def tell(self, said: Message, *marks: str) -> None:
        """Write a hint, in the named colors."""
        style = self.aside
        lines = _laid_out(style.words(said), said, style)
        self.say(*(style.mark(line, *marks) for line in lines))

    def judged(self, target: str, base: str | None, outcome: str) -> None:
        """Write which folder was judged against what, and the outcome, which is marked already."""
        from genfix.report.text import judged_line  # noqa: PLC0415 - not of a report for machines

        self.say(judged_line(target, base, outcome, self.aside))

    def notes(self, notes: Iterable[Message]) -> None:
        """Write what the user should know about how the answer came about."""
        style = self.aside
        for note in notes:
            line = style.text("note: {note}", note=note)
            self.say(*_laid_out(line, note, style, " " * 6))


def _laid_out(line: str, said: Message, style: Style, rest: str = "") -> list[str]:
    """The lines of a sentence; where nobody looks, one with something to copy is a line, for who searches."""
    wholes = to_copy(said)
    if wholes and (sys.stderr is None or not sys.stderr.isatty()):
        return [line]
    return wrap_around(line, wholes, style.room, "", rest)


def report_file(path: Path | None, state_dir: Path | None) -> ReportFile | None:
    """Where ``--output-file`` wants the report; `None`: stdout. Raises at once where it must not be."""
    if path is None or str(path) == "-":
        return None
    from genfix.applier.reports import check_report_place  # noqa: PLC0415 - see above

    check_report_place(path, state_dir=state_dir)
    return ReportFile(path, state_dir)


def _style(stream: TextIO | None, mode: ColorMode, lang: Language | None) -> Style:
    return Style(_wants_color(stream, mode), terminal_width(), language_of(lang, os.environ))


def _wants_color(stream: TextIO | None, mode: ColorMode) -> bool:
    """``--color`` wins over NO_COLOR (https://no-color.org), that over FORCE_COLOR, that over what the
    stream is.
    """
    if mode is not ColorMode.AUTO:
        return mode is ColorMode.ALWAYS
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (stream is not None and stream.isatty())
