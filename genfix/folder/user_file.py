"""A file that the user names: one of genfix's own (a plan, a baseline, settings), or a text of his."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from genfix.errors import InputError
from genfix.folder.regular_file import read_regular
from genfix.message import Message


def read_user_file(path: Path, what: Message, cap: int) -> bytes:
    """The bytes of ``path``, which is ``what``.

    Raises `InputError` where it is no regular file of at most ``cap`` bytes.
    """
    with _named(path, what):
        content = read_regular(path, cap + 1)
    if content is None:
        raise InputError(
            "{what} {path} is not a regular file", "name a file that genfix wrote", what=what, path=path
        )
    return _bounded(content, path, what, cap)


def read_user_text(path: Path, what: Message, cap: int) -> str:
    """The text of ``path``, which is ``what`` and may be a pipe: ``<(jq ...)``, ``/dev/stdin``.

    Raises `InputError` where it cannot be read, has more than ``cap`` bytes, or is not UTF-8.
    """
    with _named(path, what), path.open("rb") as file:
        content = file.read(cap + 1)
    try:
        return _bounded(content, path, what, cap).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError("{file} is not UTF-8 text", "save it as UTF-8", file=str(path)) from error


@contextmanager
def _named(path: Path, what: Message) -> Iterator[None]:
    """Errors of the system say which file it is."""
    try:
        yield
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InputError(
            "cannot read {what} {path}: {reason}", "check the path", what=what, path=path, reason=reason
        ) from error


def _bounded(content: bytes, path: Path, what: Message, cap: int) -> bytes:
    if len(content) > cap:
        raise InputError(
            "{what} {path} has more than the {cap:.3g} MiB that one can have",
            "name another file",
            what=what,
            path=path,
            cap=cap / 2**20,
        )
    return content
