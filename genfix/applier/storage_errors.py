"""How what goes wrong becomes one sentence and a way out."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from genfix.errors import ChangedError, StorageError
from genfix.message import Arg, Message, text


class DriftError(ChangedError):
    """A file is neither what it was before a committed transaction nor what it shall be after it.

    Its name fills the blank ``name``.
    """

    def __init__(self, name: str, said: str, advice: str, /, **args: Arg) -> None:
        super().__init__(said, advice, **{"name": name, **args})
        self.name = name


def changed_meanwhile(name: str) -> ChangedError:
    """The error for a file that something else wrote to during a transaction that could still be given up."""
    return ChangedError(
        "{name} changed while genfix was at work",
        "run the command again when nothing else writes there",
        name=name,
    )


@contextmanager
def storage_errors(doing: Message) -> Iterator[None]:
    """Turn an `OSError` of the block into a `StorageError` that starts with ``doing``."""
    try:
        yield
    except OSError as error:
        raise StorageError(
            "{doing}: {why}", _hint(error), doing=doing, why=error.strerror or str(error)
        ) from error


def _hint(error: OSError) -> Message:
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return text("free some space on that disk, then run the command again")
        case errno.EROFS | errno.EACCES | errno.EPERM:
            return text("make the folder writable, or make a repaired copy elsewhere with --output")
        case errno.EXDEV:
            return text("make a repaired copy on one disk with --output")
        case errno.EBUSY:
            return text("end what holds the file, or make a repaired copy elsewhere with --output")
        case _:
            return text("check the disk, then run the command again")
