"""From arguments to an exit code: every error becomes one sentence, and no traceback reaches the user."""

import os
import signal
import sys
import traceback
from collections.abc import Sequence
from itertools import pairwise
from operator import methodcaller
from types import FrameType
from typing import Final, NoReturn

import typer

from genfix.cli.app import app
from genfix.cli.output import forget, prepare_streams, write, write_error
from genfix.errors import GenfixError
from genfix.language import Language, language_of
from genfix.message import Message, text

_BUG: Final = 2
_INTERRUPTED: Final = 130
_TERMINATED: Final = 143
_BROKEN_PIPE: Final = 141
_USAGE: Final = 2
_UsageError: Final[type[Exception]] = next(
    root
    for root in typer.BadParameter.__mro__
    if issubclass(root, Exception) and root.__name__ == "ClickException"
)
"""Click's root of usage errors: typer 0.26 and later carry click inside, earlier ones import it."""


def main(args: Sequence[str]) -> int:
    """Run one command and return its exit code (the table is in ``genfix --help``)."""
    signal.signal(signal.SIGTERM, _terminated)
    prepare_streams()
    try:
        code: object = app(list(args), prog_name="genfix", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except GenfixError as error:
        return _say(error.said, error.advice, error.exit_code, _language(args))
    except (KeyboardInterrupt, typer.Abort):
        return _say(text("interrupted; nothing is half done"), None, _INTERRUPTED, _language(args))
    except _UsageError as error:
        return _usage(error, list(args))
    except BrokenPipeError:
        # The reader of our help went away (`genfix --help | head`); Python must not flush into it again.
        forget(sys.stdout)
        return _BROKEN_PIPE
    except SystemExit as leave:
        if isinstance(leave.__context__, BrokenPipeError):  # click's own answer to that is 1: findings remain
            forget(sys.stdout)
            return _BROKEN_PIPE
        return leave.code if isinstance(leave.code, int) else 0
    except Exception as error:  # noqa: BLE001 - the last line of defence
        return _unforeseen(error, _language(args))


def _unforeseen(error: Exception, language: Language) -> int:
    if os.environ.get("GENFIX_DEBUG"):
        traceback.print_exception(error)
    if isinstance(error, ImportError):
        # Parts are loaded when they are needed: an installation that is damaged, or a disk that fails just then.
        said = text("a part of genfix or Python cannot be loaded: {error}", error=str(error))
        return _say(said, text("install genfix again"), _BUG, language)
    return _say(
        text("this is a bug in genfix: {kind}: {error}", kind=type(error).__name__, error=str(error)),
        text("run again with GENFIX_DEBUG=1 and report what it prints"),
        _BUG,
        language,
    )


def _usage(error: Exception, args: list[str]) -> int:
    """What is wrong on the command line, in our own words' shape: the arguments are not safe to print as they are."""
    message = str(methodcaller("format_message")(error))
    if type(error).__name__ == "NoArgsIsHelpError":
        write(sys.stderr, message + "\n")
        return _USAGE
    commands = {callback.__name__ for entry in app.registered_commands if (callback := entry.callback)}
    command = args[0] if args and args[0] in commands else ""
    return _say(
        text("{usage}", usage=message.rstrip(".")),
        text("see `genfix {command} --help`", command=command) if command else text("see `genfix --help`"),
        _USAGE,
        _language(args),
    )


def _say(said: Message, advice: Message | None, code: int, language: Language) -> int:
    write_error(said, advice, language)
    return code


def _language(args: Sequence[str]) -> Language:
    """The language of errors, which arise outside of the commands that know their options."""
    asked = [after for word, after in pairwise([*args, ""]) if word == "--lang"]
    asked += [word.partition("=")[2] for word in args if word.startswith("--lang=")]
    return language_of(asked[-1] if asked else None, os.environ)


def _terminated(number: int, frame: FrameType | None) -> NoReturn:
    del number, frame
    raise SystemExit(_TERMINATED)
