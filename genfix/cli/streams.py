"""The two streams of a command, which may be closed, full or gone."""

import contextlib
import io
import os
import sys
from typing import TextIO

from genfix.errors import StorageError
from genfix.language import Language, say_in
from genfix.message import Message, text


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
    lines = [say_in(language, text("error: {error}", error=said))]
    lines += [say_in(language, text("hint: {hint}", hint=advice))] if advice is not None else []
    write(sys.stderr, "".join(f"{line}\n" for line in lines))


def forget(stream: TextIO | None) -> None:
    """Send all that is still written to ``stream`` to nowhere, what is buffered included."""
    if stream is not None:
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
