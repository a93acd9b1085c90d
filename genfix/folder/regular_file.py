"""Opening what should be a regular file: a FIFO in its place must not hang us."""

import os
import stat
from pathlib import Path
from typing import Final

READ_FLAGS: Final = (
    os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
)


def read_regular(path: Path, most: int) -> bytes | None:
    """At most ``most`` bytes of a file; `None` where it is no regular one. Raises `OSError`, `ValueError`."""
    fd = os.open(path, READ_FLAGS)
    with os.fdopen(fd, "rb") as file:
        return file.read(most) if stat.S_ISREG(os.fstat(fd).st_mode) else None
