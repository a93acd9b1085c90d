"""What another user of this machine may do: a call in a child process."""

import os
from collections.abc import Callable

import pytest

from genfix.errors import GenfixError

__all__ = ["AS_ROOT", "GROUP", "USER", "as_user"]

USER, GROUP = 12345, 23456
AS_ROOT = pytest.mark.skipif(
    not hasattr(os, "fork") or os.geteuid() != 0, reason="only root can become another user"
)


def as_user(do: Callable[[], object]) -> int:
    """The exit code of a call made by `USER`, who has no cache: genfix's own, 1 for another error."""
    child = os.fork()
    if not child:
        code = 1
        try:
            os.setgid(GROUP)
            os.setuid(USER)
            os.environ["XDG_CACHE_HOME"] = "/dev/null"
            do()
            code = 0
        except GenfixError as error:
            code = error.exit_code
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
