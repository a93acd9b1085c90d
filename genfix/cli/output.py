"""Where words go: the report on stdout, everything else on stderr."""

import contextlib
import io
import os
import shutil  # noqa: TID251 - asks for the terminal's width, writes nothing
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple, TextIO

from genfix.cli.options import Case, ColourMode, Format
from genfix.errors import StorageError
from genfix.folder import Progress
from genfix.report.show import show
from genfix.report.style import Style

__all__ = [
    "ALONE",
    "RESTART",
    "Output",
    "apply_line",
    "command_line",
    "forget",
    "prepare_streams",
    "quoted",
    "undo_line",
    "write",
]


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

    @property
    def progress(self) -> Progress | None:
        """What shows on a terminal how far fetching is; the line is gone when it is done."""
        stream = sys.stderr
        if self.quiet or stream is None or not stream.isatty() or os.environ.get("TERM") == "dumb":
            return None

        def tell(done: int, total: int, name: str) -> None:
            line = f"fetching {done} of {total} {show(name)}"[: self.aside.width - 1]
            write(stream, "\r\x1b[K" + (line if done < total else ""))

        return tell

    def report(self, text: str) -> None:
        """Write a part of the report."""
        if text:
            write(sys.stdout, text + "\n")

    def say(self, *lines: str) -> None:
        """Write hints or a summary, unless told to be quiet."""
        if not self.quiet:
            write(sys.stderr, "".join(f"{line}\n" for line in lines))

    def notes(self, notes: Iterable[str]) -> None:
        """Write what the user should know about how the answer came about."""
        self.say(*(f"note: {show(note)}" for note in notes))


def prepare_streams() -> None:
    """Let a terminal that cannot write a character show it as an escape, instead of ending the command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def write(stream: TextIO | None, text: str) -> None:
    """Write to a stream that may be closed or gone: a command's work does not end with its reader.

    Raises `StorageError` where the disk behind the stream is full.
    """
    if stream is None:
        return
    try:
        stream.write(text)
        stream.flush()
    except BrokenPipeError:
        forget(stream)
    except OSError as error:
        forget(stream)
        raise StorageError(
            f"cannot write the report: {error.strerror}", "make room, or send it elsewhere"
        ) from error


def forget(stream: TextIO | None) -> None:
    """Send all that is still written to ``stream`` to nowhere, what is buffered included."""
    if stream is not None:
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


ALONE: Final = "judged without a base: what was lost from it cannot be seen; name it with --base"
RESTART: Final = "restart the server: engines read these files only when they start"


def quoted(text: str) -> str:
    """``text`` as a shell takes it for one word."""
    import shlex  # noqa: PLC0415 - only to print a command

    return shlex.quote(text)


def command_line(command: str, case: Case, *, unsafe_fixes: bool = False) -> str:
    """The command to type next, with the options that decide what it sees."""
    words = ["genfix", command, quoted(case.target)]
    words += ["--base", quoted(case.base)] if case.base is not None else []
    words += ["--adapter", quoted(case.adapter)] if case.adapter is not None else []
    for option, codes in (("--select", case.select), ("--ignore", case.ignore)):
        words += [word for code in codes for word in (option, quoted(code))]
    words += ["--offline"] if case.offline else []
    words += ["--baseline", quoted(str(case.baseline))] if case.baseline is not None else []
    words += ["--allow-base-mismatch"] if case.allow_base_mismatch else []
    words += ["--state-dir", quoted(str(case.state_dir))] if case.state_dir is not None else []
    words += ["--unsafe-fixes"] if unsafe_fixes else []
    return show(" ".join(words))


def apply_line(path: str, target: str | None, state_dir: Path | None) -> str:
    """The command that makes the changes of a plan file."""
    words = ["genfix", "apply", quoted(path)]
    words += ["--target", quoted(target)] if target is not None else []
    words += ["--state-dir", quoted(str(state_dir))] if state_dir is not None else []
    return show(" ".join(words))


def undo_line(target: str, state_dir: Path | None, transaction: str = "") -> str:
    """The command that takes a transaction back."""
    words = ["genfix", "undo", quoted(target), *([transaction] if transaction else [])]
    words += ["--state-dir", quoted(str(state_dir))] if state_dir is not None else []
    return show(" ".join(words))


def _style(stream: TextIO | None, mode: ColourMode) -> Style:
    width = min(shutil.get_terminal_size((80, 24)).columns, 100)
    return Style(_wants_colour(stream, mode), width)


def _wants_colour(stream: TextIO | None, mode: ColourMode) -> bool:
    """``--color`` wins over NO_COLOR (https://no-color.org), that over FORCE_COLOR, that over the stream's kind."""
    if mode is not ColourMode.AUTO:
        return mode is ColourMode.ALWAYS
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (stream is not None and stream.isatty())
