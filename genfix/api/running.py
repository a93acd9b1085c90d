"""`run_command`: a merge command, and whether it left something to repair."""

import errno
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Final, NamedTuple, TypeAlias

from genfix.errors import InputError
from genfix.message import Arg, Message, text
from genfix.resolver.case import ModelLocation

_NOT_FOUND: Final = 127
_NOT_EXECUTABLE: Final = 126
_SIGNALLED: Final = 128
_RELAYED: Final = (
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGTERM,
    signal.SIGHUP,
    signal.SIGUSR1,
    signal.SIGUSR2,
)
_OF_TERMINALS: Final = frozenset({signal.SIGINT, signal.SIGQUIT})
"""What a terminal sends to all processes in its foreground, the command included."""

_HIDDEN: Final = "***"
_NAME_OF_ONE: Final = r"[\w-]*(?:token(?!i)|secret|passw|api[-_]?key)[\w-]*"
_SECRET_OPTION: Final = re.compile(rf"--?{_NAME_OF_ONE}", re.IGNORECASE)
_ASSIGNED_SECRET: Final = re.compile(rf"^((?:--?)?{_NAME_OF_ONE}=).*", re.IGNORECASE | re.DOTALL)
_TOKEN: Final = re.compile(r"\b(?:hf_|ms-|sk-)[\w-]{16,}|(?<=://)[^/\s@]+(?=@)")
"""An access token of the Hub, of ModelScope or of an API, or the user of an address, wherever it stands."""
_LONGEST: Final = 500
"""Of a command that is kept, in characters."""

_State: TypeAlias = Mapping[str, tuple[int, int, int]]
_Handler: TypeAlias = Callable[[int, FrameType | None], None]


class Ran(NamedTuple):
    """How a command ended."""

    code: int
    """As a shell has it: the exit code, 128 and the signal's number, 127 not found, 126 not executable."""
    why: Message | None
    """Why it failed; `None` where it did not."""
    changed: bool
    """Whether anything in the output folder is not what it was before."""


def run_command(command: Sequence[str], output: ModelLocation) -> Ran:
    """Run a merge command without a shell, on our own standard streams, and pass signals on to it.

    ``output`` is the folder it is to write; this function only looks at it. Raises `InputError` where the
    command succeeds and the folder is not there.
    """
    if not command:
        raise InputError(
            "there is no command to run", "put it last: genfix run --output OUT --base BASE -- COMMAND"
        )
    before = _state(Path(output))
    try:
        code = _run(command)
    except OSError as error:
        return _not_started(command[0], error)
    if code < 0:
        return Ran(
            _SIGNALLED - code,
            text("the command was ended by {signal}", signal=_signal_name(-code)),
            _state(Path(output)) != before,
        )
    if code > 0:
        failed = text("the command failed with exit code {code}", code=code)
        return Ran(code, failed, _state(Path(output)) != before)
    if not Path(output).is_dir():
        raise InputError(
            "the command succeeded, and there is no folder {output}",
            "name with --output the folder that the command writes",
            output=os.fspath(output),
        )
    return Ran(0, None, _state(Path(output)) != before)


def shown_command(command: Sequence[str]) -> str:
    """A command as a shell takes it, with ``***`` for what looks like a secret: others may read it."""
    words: list[str] = []
    is_value = False
    for word in command:
        hidden = _HIDDEN if is_value else _ASSIGNED_SECRET.sub(rf"\1{_HIDDEN}", word)
        words.append(_TOKEN.sub(_HIDDEN, hidden))
        is_value = bool(_SECRET_OPTION.fullmatch(word))
    shown = shlex.join(words)
    return shown if len(shown) <= _LONGEST else f"{shown[: _LONGEST - 1]}…"


def _not_started(program: str, error: OSError) -> Ran:
    if error.errno in {errno.ENOENT, errno.ENOTDIR}:
        return Ran(_NOT_FOUND, text("there is no command {program}", program=program), changed=False)
    why = text("the command {program} cannot be run: {why}", program=program, why=error.strerror)
    return Ran(_NOT_EXECUTABLE, why, changed=False)


def _signal_name(number: int) -> Arg:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return text("signal {number}", number=number)


def _run(command: Sequence[str]) -> int:
    """The return code as `subprocess` gives it: negative for a signal."""
    child: subprocess.Popen[bytes] | None = None
    early: list[int] = []

    def relay(number: int, frame: FrameType | None) -> None:
        del frame
        if child is None:
            early.append(number)
        elif number not in _OF_TERMINALS or not _in_foreground():
            child.send_signal(number)

    with _handled(relay):
        child = subprocess.Popen(command)  # noqa: S603 - running it is what the user asked for
        for number in early:
            child.send_signal(number)
        return child.wait()


@contextmanager
def _handled(handler: _Handler) -> Iterator[None]:
    """Handle the signals that are passed on; those that are ignored, as under ``nohup``, stay so."""
    kept = {number: signal.getsignal(number) for number in _RELAYED}
    try:
        for number, was in kept.items():
            if was is not signal.SIG_IGN:
                signal.signal(number, handler)
        yield
    finally:
        for number, was in kept.items():
            signal.signal(number, was)


def _in_foreground() -> bool:
    try:
        return os.tcgetpgrp(sys.__stderr__.fileno() if sys.__stderr__ else 2) == os.getpgrp()
    except (OSError, ValueError):
        return False


def _state(folder: Path) -> _State:
    """Size, time of change and inode of every file of a folder; empty where there is none."""
    found: dict[str, tuple[int, int, int]] = {}
    for directory, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name != ".cache"]
        for name in names:
            path = os.path.join(directory, name)  # noqa: PTH118 - os.walk gives text
            try:
                status = os.lstat(path)
            except OSError:
                continue
            found[path] = (status.st_size, status.st_mtime_ns, status.st_ino)
    return found
