"""Write a file that the user asked for beside the model folder: a plan, a baseline, a report."""

import secrets
from contextlib import suppress
from pathlib import Path

from genfix.applier.errors import storage_errors
from genfix.applier.fs import DISK, FileSystem
from genfix.applier.tree import write_all
from genfix.errors import InputError

__all__ = ["write_report"]

_PERMISSIONS = 0o777


def write_report(path: Path, content: bytes, *, outside: Path | None = None, fs: FileSystem = DISK) -> None:
    """Write ``content`` to ``path``, whole or not at all; a file that was there keeps its mode.

    Raises `InputError` where ``path`` is no place for a file, or is inside the folder ``outside``; `StorageError`
    where the disk refuses. A link is followed, since the user named it.
    """
    real = path.resolve()
    if outside is not None and real.is_relative_to(outside.resolve()):
        raise InputError(
            f"{path} would be inside the model folder {outside}",
            f"name a place outside: what lies in a model folder is uploaded with it (../{path.name})",
        )
    if real.exists() and not real.is_file():
        raise InputError(f"{path} is not a file", "name a file to write to")
    if not real.parent.is_dir():
        raise InputError(f"there is no folder {path.parent}", "create it first")
    with storage_errors(f"cannot write {path}"):
        directory = fs.open_root(real.parent)
        try:
            draft = f".{real.name[:200]}.{secrets.token_hex(4)}.tmp"
            fd = fs.create(directory, draft, 0o666)
            try:
                try:
                    with suppress(FileNotFoundError):
                        fs.set_mode(fd, fs.lstat(directory, real.name).st_mode & _PERMISSIONS)
                    write_all(fs, fd, content)
                    fs.sync(fd)
                finally:
                    fs.close(fd)
                fs.rename(directory, draft, directory, real.name)
            except BaseException:
                with suppress(OSError):
                    fs.unlink(directory, draft)
                raise
        finally:
            fs.close_dir(directory)
