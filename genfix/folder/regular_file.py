"""Opening what should be a regular file: a FIFO in its place must not hang us."""

import errno
import os
import stat
from pathlib import Path
from typing import Final

from genfix.errors import StorageError

READ_FLAGS: Final = (
    os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
)
_OF_THE_FILE: Final = frozenset(
    [
        errno.EACCES,
        errno.EPERM,
        errno.ENOENT,
        errno.ENOTDIR,
        errno.EISDIR,
        errno.ELOOP,
        errno.EMLINK,
        errno.ENAMETOOLONG,
        errno.ENXIO,
        errno.EINVAL,
    ]
)
"""Why one file cannot be opened, as it will be tomorrow; all else is the disk's or the network's."""


def is_of_the_file(error: OSError) -> bool:
    """Whether a file that cannot be opened is itself to blame: then that can be said of the folder."""
    return error.errno in _OF_THE_FILE


def failing_disk(path: object, error: OSError) -> StorageError:
    """The error for a read that failed: what the file holds is not known, so nothing is judged by it."""
    return StorageError(
        "cannot read {path}: {why}",
        "the disk or the network that holds it fails: try again when it works",
        path=str(path),
        why=error.strerror or str(error),
    )


def read_regular(path: Path, most: int) -> bytes | None:
    """At most ``most`` bytes of a file; `None` where it is no regular one. Raises `OSError`, `ValueError`."""
    fd = os.open(path, READ_FLAGS)
    with os.fdopen(fd, "rb") as file:
        return file.read(most) if stat.S_ISREG(os.fstat(fd).st_mode) else None
