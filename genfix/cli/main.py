"""From arguments to an exit code: every error becomes one sentence, and no traceback reaches the user."""

import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import pairwise, takewhile
from types import FrameType
from typing import TYPE_CHECKING, Final, NoReturn

import typer

from genfix.cli.app import COMMANDS, app
from genfix.cli.choices import FORMAT_VARIABLE
from genfix.cli.command import Commands
from genfix.cli.failing import ReportedError, report_error
from genfix.cli.streams import forget, prepare_streams, write_error
from genfix.errors import GenfixError, as_genfix_error
from genfix.language import Language, language_of
from genfix.message import Message, text
from genfix.web.waiting import watched

if TYPE_CHECKING:
    from typer._click.core import Command, Context

_INTERRUPTED: Final = 130
_TERMINATED: Final = 143
_BROKEN_PIPE: Final = 141
_WRITING: Final = frozenset({"repair", "fix", "apply", "undo", "restore", "run"})
"""Commands that change a folder."""
_COMPLETION: Final = "_GENFIX_COMPLETE"
"""What shells set to ask which words come next."""


def main(args: Sequence[str]) -> int:
    """Run one command and return its exit code (the table is in ``genfix --help``)."""
    signal.signal(signal.SIGTERM, _terminated)
    prepare_streams()
    language = _language(args)
    try:
        return _run([*args], language)
    except ReportedError as behind:
        return _say(behind.error.said, behind.error.advice, behind.error.exit_code, language)
    except GenfixError as error:
        return _say(error.said, error.advice, error.exit_code, language)
    except (KeyboardInterrupt, typer.Abort):
        return _say(text("interrupted; nothing is half done"), _after(args), _INTERRUPTED, language)
    except BrokenPipeError:
        # The reader of our help went away (`genfix --help | head`); Python must not flush into it again.
        forget(sys.stdout)
        return _BROKEN_PIPE
    except SystemExit as leave:
        return leave.code if isinstance(leave.code, int) else 0
    except Exception as error:  # noqa: BLE001 - the last line of defence
        return _unforeseen(error, language)


def _run(args: list[str], language: Language) -> int:
    command = typer.main.get_command(app)
    if os.environ.get(_COMPLETION):
        command.main(args, prog_name="genfix", standalone_mode=False)
        return 0
    given: Mapping[str, object] = {
        "output_format": _last_given(args, "--output-format") or os.environ.get(FORMAT_VARIABLE)
    }
    try:
        # Not main(), which takes Ctrl-C for an exit.
        with _context(command, args, language) as context, _watching(context.params, language):
            given = {**given, **context.params}
            code: object = context.command.invoke(context)
    except typer.Exit as leave:  # --help, --version
        return leave.exit_code
    except (ReportedError, BrokenPipeError, typer.Abort):
        raise
    except Exception as error:
        report_error(as_genfix_error(error), args[0] if args and args[0] in COMMANDS else "", given)
        raise
    return code if isinstance(code, int) else 0


def _watching(given: Mapping[str, object], language: Language) -> AbstractContextManager[None]:
    """Has a word said where a server is silent."""
    if given.get("quiet"):
        return nullcontext()
    from genfix.cli.waiting_line import WaitingLine  # noqa: PLC0415 - not for wrong words and help texts

    return watched(WaitingLine(language))


def _context(root: "Command", args: list[str], language: Language) -> "Context":
    """The parsed words. Those of a command need not be parsed as the group's first."""
    if isinstance(root, Commands) and args and args[0] in root.entries:
        above = typer.Context(root, info_name="genfix", obj=language)
        command = root.get_command(above, args[0])
        if command is not None:
            return command.make_context(args[0], args[1:], parent=above)
    return root.make_context("genfix", args, obj=language)


def _after(args: Sequence[str]) -> Message | None:
    """Where one sees what an interrupted command had done by then."""
    if args[:1] == ["sweep"]:
        return text("what was judged is kept: the same command goes on from there")
    if {*args[:1]} & _WRITING:
        return text("`genfix log DIR` says whether the folder was changed by then")
    return None


def _unforeseen(error: Exception, language: Language) -> int:
    if os.environ.get("GENFIX_DEBUG"):
        import traceback  # noqa: PLC0415 - only for bugs

        traceback.print_exception(error)
    known = as_genfix_error(error)
    return _say(known.said, known.advice, known.exit_code, language)


def _say(said: Message, advice: Message | None, code: int, language: Language) -> int:
    write_error(said, advice, language)
    return code


def _language(args: Sequence[str]) -> Language:
    """The language of help and errors, which arise outside of the commands that know their options."""
    return language_of(_last_given(args, "--lang"), os.environ)


def _last_given(args: Sequence[str], option: str) -> str | None:
    """What ``option`` is given, as far as words tell that are not parsed."""
    own = [*takewhile(lambda word: word != "--", args)]
    asked = [after for word, after in pairwise([*own, ""]) if word == option]
    asked += [word.partition("=")[2] for word in own if word.startswith(f"{option}=")]
    return asked[-1] if asked else None


def _terminated(number: int, frame: FrameType | None) -> NoReturn:
    del number, frame
    raise SystemExit(_TERMINATED)
