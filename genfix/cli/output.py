"""Where words go: the report on stdout, everything else on stderr."""

import contextlib
import io
import os
import shutil  # noqa: TID251 - asks for the terminal's width, writes nothing
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple, TextIO

from genfix.cli.options import Case, ColorMode, Format, Shape
from genfix.errors import StorageError
from genfix.folder import Progress
from genfix.language import Language, language_of
from genfix.message import Message, text
from genfix.report.layout import cut, wrap
from genfix.report.style import Style
from genfix.show import show


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

    color: ColorMode = ColorMode.AUTO
    quiet: bool = False
    verbose: bool = False
    output_format: Format | Shape = Format.TEXT
    lang: Language | None = None
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
        if self.file is not None and self.color is ColorMode.AUTO:
            return _style(None, ColorMode.NEVER, self.lang)
        return _style(sys.stdout, self.color, self.lang)

    @property
    def aside(self) -> Style:
        """How hints and summaries are marked."""
        return _style(sys.stderr, self.color, self.lang)

    @property
    def progress(self) -> Progress | None:
        """What shows on a terminal how far fetching is; the line is gone when it is done."""
        stream = sys.stderr
        if self.quiet or stream is None or not stream.isatty() or os.environ.get("TERM") == "dumb":
            return None

        def tell(done: int, total: int, name: str) -> None:
            line = self.aside.text("fetching {done} of {total} {name}", done=done, total=total, name=name)
            write(stream, "\r\x1b[K" + (cut(line, self.aside.width - 1) if done < total else ""))

        return tell

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
        line = style.words(said)
        # What is to be copied or searched for stays whole: the terminal breaks it.
        whole = said.args.keys() & {"command", "path", "note"}
        self.say(*(style.mark(part, *marks) for part in ([line] if whole else wrap(line, style.room))))

    def judged(self, target: str, base: str | None, outcome: str) -> None:
        """Write which folder was judged against what, and the outcome, which is marked already."""
        style = self.aside
        against = style.text("{target} against {base}", target=target, base=base)
        what = against if base else style.text("{target} alone", target=target)
        self.say(*wrap(f"{what}{style.text(': ')}{outcome}", style.room))

    def notes(self, notes: Iterable[Message]) -> None:
        """Write what the user should know about how the answer came about."""
        for note in notes:
            self.tell(text("note: {note}", note=note))


def report_file(path: Path | None, state_dir: Path | None) -> ReportFile | None:
    """Where ``--output-file`` wants the report, or `None` for stdout; raises at once where it may not be written."""
    if path is None or str(path) == "-":
        return None
    from genfix.applier.reports import check_report_place  # noqa: PLC0415 - see above

    check_report_place(path, state_dir=state_dir)
    return ReportFile(path, state_dir)


def prepare_streams() -> None:
    """Let a terminal that cannot write a character show it as an escape, instead of ending the command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def write(stream: TextIO | None, content: str) -> None:
    """Write to a stream that may be closed or gone: a command's work does not end with its reader.

    Raises `StorageError` where the disk behind the stream is full.
    """
    if stream is None:
        return
    try:
        stream.write(content)
        stream.flush()
    except BrokenPipeError:
        forget(stream)
    except OSError as error:
        forget(stream)
        raise StorageError(
            "cannot write the report: {why}", "make room, or send it elsewhere", why=error.strerror
        ) from error


def write_error(said: Message, advice: Message | None, language: Language) -> None:
    """Say on stderr what is wrong and what to do next."""
    style = Style(language=language)
    lines = [style.text("error: {error}", error=said)]
    lines += [style.text("hint: {hint}", hint=advice)] if advice is not None else []
    write(sys.stderr, "".join(f"{line}\n" for line in lines))


def forget(stream: TextIO | None) -> None:
    """Send all that is still written to ``stream`` to nowhere, what is buffered included."""
    if stream is not None:
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


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


def _style(stream: TextIO | None, mode: ColorMode, lang: Language | None) -> Style:
    width = min(shutil.get_terminal_size((80, 24)).columns, 100)
    return Style(_wants_color(stream, mode), width, language_of(lang, os.environ))


def _wants_color(stream: TextIO | None, mode: ColorMode) -> bool:
    """``--color`` wins over NO_COLOR (https://no-color.org), that over FORCE_COLOR, that over the stream's kind."""
    if mode is not ColorMode.AUTO:
        return mode is ColorMode.ALWAYS
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (stream is not None and stream.isatty())
