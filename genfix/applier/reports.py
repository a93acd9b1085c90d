"""Write a report where the user wants it: whole or not at all, and never over what belongs to a model."""

import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path

from genfix.applier.errors import storage_errors
from genfix.applier.fs import DISK, Dir, FileSystem
from genfix.applier.state import INSIDE
from genfix.applier.tree import write_all
from genfix.errors import InputError, RefusedError
from genfix.folder import FileKind, kind_of

__all__ = ["check_report_place", "write_report"]

_PERMISSIONS = 0o777


def check_report_place(path: Path, *, state_dir: Path | None = None) -> None:
    """Raise where a report may not be written to ``path``, so that a command finds out before its work."""
    parent = Path(os.path.realpath(path.parent))
    if not parent.is_dir():
        raise InputError(f"there is no folder {path.parent}", "create it first")
    try:
        status = path.lstat()
    except FileNotFoundError:
        pass
    else:
        if stat.S_ISDIR(status.st_mode):
            raise InputError(f"{path} is a folder", "name a file for the report")
        if not stat.S_ISREG(status.st_mode):
            raise RefusedError(f"{path} is a link or not a regular file", "name a new file for the report")
    if kind_of(path.name) is not FileKind.OTHER:
        raise RefusedError(f"{path.name} is what a model's file is called", "name the report otherwise")
    if _is_state(parent, state_dir):
        raise RefusedError(f"{parent} is where genfix keeps its backups", "write the report elsewhere")


def write_report(path: Path, content: bytes, *, state_dir: Path | None = None, fs: FileSystem = DISK) -> None:
    """Put ``content`` at ``path`` atomically, in place of an earlier report, whose permissions it keeps.

    Raises as `check_report_place` does, and `StorageError` where the disk fails; what was there stays then.
    """
    check_report_place(path, state_dir=state_dir)
    with storage_errors(f"cannot write {path}"):
        parent = fs.open_root(Path(os.path.realpath(path.parent)))
        draft = f".{secrets.token_hex(6)}.genfix"
        try:
            _put(fs, parent, (draft, path.name), content)
        except BaseException:
            with suppress(OSError):
                fs.unlink(parent, draft)
            raise
        finally:
            fs.close_dir(parent)


def _put(fs: FileSystem, parent: Dir, names: tuple[str, str], content: bytes) -> None:
    draft, leaf = names
    fd = fs.create(parent, draft, 0o666)
    try:
        write_all(fs, fd, content)
        with suppress(FileNotFoundError):
            fs.set_mode(fd, fs.lstat(parent, leaf).st_mode & _PERMISSIONS)
        fs.sync(fd)
    finally:
        fs.close(fd)
    fs.rename(parent, draft, parent, leaf)
    fs.sync_dir(parent)


def _is_state(folder: Path, state_dir: Path | None) -> bool:
    if state_dir is not None and folder.is_relative_to(os.path.realpath(state_dir)):
        return True
    parts = folder.parts
    return any(parts[at : at + len(INSIDE)] == INSIDE for at in range(len(parts)))
