"""A file of genfix's own that the user names: a plan, a baseline, a configuration file."""

import os
import stat
from pathlib import Path

from genfix.errors import InputError
from genfix.message import Message


def read_user_file(path: Path, what: Message, cap: int) -> bytes:
    """The bytes of ``path``, which is ``what``.

    Raises `InputError` where it is no regular file of at most ``cap`` bytes.
    """
    try:
        # O_NONBLOCK: a FIFO must not hang us.
        fd = os.open(path, os.O_RDONLY | _flags("O_NONBLOCK", "O_CLOEXEC", "O_BINARY"))
        with os.fdopen(fd, "rb") as file:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                raise InputError(
                    "{what} {path} is not a regular file",
                    "name a file that genfix wrote",
                    what=what,
                    path=path,
                )
            content = file.read(cap + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InputError(
            "cannot read {what} {path}: {reason}", "check the path", what=what, path=path, reason=reason
        ) from error
    if len(content) > cap:
        raise InputError(
            "{what} {path} has more than the {cap:,} bytes that one can have",
            "name another file",
            what=what,
            path=path,
            cap=cap,
        )
    return content


def _flags(*names: str) -> int:
    """The ``os.O_*`` flags of these names that this system has."""
    value = 0
    for name in names:
        value |= getattr(os, name, 0)
    return value
