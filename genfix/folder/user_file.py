"""A file of genfix's own that the user names: a plan, a baseline, a configuration file."""

from pathlib import Path

from genfix.errors import InputError
from genfix.folder.regular_file import read_regular
from genfix.message import Message


def read_user_file(path: Path, what: Message, cap: int) -> bytes:
    """The bytes of ``path``, which is ``what``.

    Raises `InputError` where it is no regular file of at most ``cap`` bytes.
    """
    try:
        content = read_regular(path, cap + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InputError(
            "cannot read {what} {path}: {reason}", "check the path", what=what, path=path, reason=reason
        ) from error
    if content is None:
        raise InputError(
            "{what} {path} is not a regular file", "name a file that genfix wrote", what=what, path=path
        )
    if len(content) > cap:
        raise InputError(
            "{what} {path} has more than the {cap:.3g} MiB that one can have",
            "name another file",
            what=what,
            path=path,
            cap=cap / 2**20,
        )
    return content
