"""The two streams of a command, which may be closed, full or gone."""

import contextlib
import io
import os
import shutil  # noqa: TID251 - asks for the terminal's width, writes nothing
import sys
from typing import Final, TextIO

from genfix.errors import StorageError
from genfix.language import Language, say_in
from genfix.message import Message, text
from genfix.show import show

_WIDEST: Final = 120
"""Columns that are filled at most: longer lines are hard to read."""
_COPIED: Final = frozenset({"command", "path", "spec"})
"""The blanks of sentences whose value is for copying."""


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
    labelled = [(said, text("error: {error}", error=said))]
    labelled += [(advice, text("hint: {hint}", hint=advice))] if advice is not None else []
    lines: list[str] = []
    for inner, line in labelled:
        words = say_in(language, line)
        if sys.stderr is None or not sys.stderr.isatty():
            lines.append(words)  # one line for those who search a log
            continue
        from genfix.report.layout import wrap_around  # noqa: PLC0415 - only for people

        lines += wrap_around(words, to_copy(inner), terminal_width(), "", "  ")
    write(sys.stderr, "".join(f"{line}\n" for line in lines))


def terminal_width() -> int:
    """Columns to fill, on a terminal of any width."""
    return max(40, min(shutil.get_terminal_size((80, 24)).columns, _WIDEST))


def to_copy(said: Message) -> list[str]:
    """What of a sentence is for copying, and must not be broken: commands, paths, specs."""
    named = [show(str(value)) for name, value in said.args.items() if name in _COPIED]
    inner = [value for value in said.args.values() if isinstance(value, Message)]
    quoted = [f"`{word}`" for word in said.template.split("`")[1::2] if "{" not in word]
    return [*named, *quoted, *(word for each in inner for word in to_copy(each))]


def forget(stream: TextIO | None) -> None:
    """Send all that is still written to ``stream`` to nowhere, what is buffered included."""
    if stream is not None:
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
