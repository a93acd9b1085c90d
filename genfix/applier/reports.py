"""Write a file that the user asked for beside the model folder: a plan, a baseline, a report."""

import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Final

from genfix.applier.errors import storage_errors
from genfix.applier.fs import DISK, Dir, FileSystem
from genfix.applier.tree import write_all
from genfix.errors import InputError

__all__ = ["write_report"]

_PERMISSIONS: Final = 0o777


def write_report(path: Path, content: bytes, *, outside: Path | None = None, fs: FileSystem = DISK) -> None:
    """Write ``content`` to ``path``, whole or not at all; a file that was there keeps its mode.

    Raises `InputError` where ``path`` is no place for a file, or is inside the folder ``outside``; `StorageError`
    where the disk refuses. A link is followed, since the user named it.
    """
    real = Path(os.path.realpath(path))
    if outside is not None and real.is_relative_to(os.path.realpath(outside)):
        raise InputError(
            f"{path} would be inside the model folder {outside}",
            f"name a place outside: what lies in a model folder is uploaded with it (../{path.name})",
        )
    with storage_errors(f"cannot write {path}"):
        if os.path.lexists(real) and not real.is_file():
            raise InputError(f"{path} is not a file", "name a file to write to")
        if not real.parent.is_dir():
            raise InputError(f"there is no folder {path.parent}", "create it first")
        directory = fs.open_root(real.parent)
        try:
            _replace(fs, directory, real.name, content)
        finally:
            fs.close_dir(directory)


def _replace(fs: FileSystem, directory: Dir, name: str, content: bytes) -> None:
    draft = f".genfix-{secrets.token_hex(8)}.tmp"
    fd = fs.create(directory, draft, 0o666)
    try:
        try:
            with suppress(FileNotFoundError):
                fs.set_mode(fd, fs.lstat(directory, name).st_mode & _PERMISSIONS)
            write_all(fs, fd, content)
            fs.sync(fd)
        finally:
            fs.close(fd)
        fs.rename(directory, draft, directory, name)
    except BaseException:
        with suppress(OSError):
            fs.unlink(directory, draft)
        raise
    fs.sync_dir(directory)
