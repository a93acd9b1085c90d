"""From arguments to an exit code: every error becomes one sentence, and no traceback reaches the user."""

import os
import signal
import sys
import traceback
from collections.abc import Sequence
from types import FrameType
from typing import Final, NoReturn

from genfix.cli.app import app
from genfix.errors import GenfixError
from genfix.report.show import show

__all__ = ["main"]

_BUG: Final = 2
_INTERRUPTED: Final = 130
_TERMINATED: Final = 143


def main(args: Sequence[str]) -> int:
    """Run one command and return its exit code (the table is in ``genfix --help``)."""
    signal.signal(signal.SIGTERM, _terminated)
    try:
        app(list(args), prog_name="genfix")
    except GenfixError as error:
        return _say(error.message, error.hint, error.exit_code)
    except KeyboardInterrupt:
        return _say("interrupted; nothing is half done", "", _INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output went away (`genfix check ... | head`); Python must not flush into it again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except SystemExit as leave:
        return leave.code if isinstance(leave.code, int) else 0
    except Exception as error:  # noqa: BLE001 - the last line of defence
        if os.environ.get("GENFIX_DEBUG"):
            traceback.print_exc()
        return _say(
            f"this is a bug in genfix: {type(error).__name__}: {error}",
            "run again with GENFIX_DEBUG=1 and report what it prints",
            _BUG,
        )
    return 0


def _say(message: str, hint: str, code: int) -> int:
    sys.stderr.write(f"error: {show(message)}\n")
    if hint:
        sys.stderr.write(f"hint: {show(hint)}\n")
    return code


def _terminated(number: int, frame: FrameType | None) -> NoReturn:
    del number, frame
    raise SystemExit(_TERMINATED)
