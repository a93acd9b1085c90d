"""Write a report, a plan or a baseline where the user wants it: whole or not at all, never over what belongs
to a model.
"""

import errno
import os
from contextlib import suppress
from pathlib import Path

from genfix.applier.drafts import draft_file, remove_stale
from genfix.applier.fs import DISK, Dir, FileSystem
from genfix.applier.state import INSIDE
from genfix.applier.storage_errors import storage_errors
from genfix.applier.tree import is_present, write_all
from genfix.errors import InputError, RefusedError
from genfix.folder import FileKind, kind_of
from genfix.message import text

_PERMISSIONS = 0o777


def check_report_place(
    path: Path, *, state_dir: Path | None = None, outside: Path | None = None, fs: FileSystem = DISK
) -> None:
    """Raise where a report cannot or shall not be written to ``path``, so that a command finds out before its
    work. A file is made there, and removed at once: access(2) does not know all that makes it fail.

    A link to a file is followed, since the user named it. What is made to be kept, such as a plan, does
    not belong into the model folder ``outside``.
    """
    parent = Path(os.path.realpath(path)).parent
    if outside is not None and parent.is_relative_to(os.path.realpath(outside)):
        raise InputError(
            "{path} would be inside the model folder {outside}",
            "name a place outside: what lies in a model folder is uploaded with it (../{name})",
            path=path,
            outside=outside,
            name=path.name,
        )
    with storage_errors(text("cannot write {path}", path=path)):
        if not path.parent.is_dir():
            raise InputError("there is no folder {parent}", "create it first", parent=path.parent)
        if os.path.lexists(path) and not path.is_file():
            raise InputError("{path} is not a file", "name a file to write to", path=path)
    if kind_of(path.name) is not FileKind.OTHER:
        raise RefusedError(
            "{name} is what a model's file is called", "name the report otherwise", name=path.name
        )
    if _is_state(parent, state_dir):
        raise RefusedError(
            "{parent} is where genfix keeps its backups", "write the report elsewhere", parent=parent
        )
    with storage_errors(text("cannot write {path}", path=path)):
        _try_place(fs, path)


def _try_place(fs: FileSystem, path: Path) -> None:
    """Raise `OSError` where a file cannot be made there, or not be put in place of the one that is there."""
    real = Path(os.path.realpath(path))
    remove_stale(real, fs=fs)
    parent = fs.open_root(real.parent)
    try:
        draft, fd = draft_file(fs, parent, 0o600)
        try:
            fs.close(fd)
            fs.unlink(parent, draft)
        except BaseException:
            with suppress(OSError):
                fs.unlink(parent, draft)
            raise
        if is_present(fs, parent, real.name) and fs.mount_id(parent, real.name) != fs.mount_id(parent):
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), str(path))
    finally:
        fs.close_dir(parent)


def write_report(
    path: Path,
    content: bytes,
    *,
    state_dir: Path | None = None,
    outside: Path | None = None,
    fs: FileSystem = DISK,
) -> None:
    """Put ``content`` at ``path`` atomically, in place of an earlier report, whose permissions it keeps.

    Raises as `check_report_place` does, and `StorageError` where the disk fails; what was there stays then.
    """
    check_report_place(path, state_dir=state_dir, outside=outside, fs=fs)
    with storage_errors(text("cannot write {path}", path=path)):
        real = Path(os.path.realpath(path))
        parent = fs.open_root(real.parent)
        try:
            try:
                _put(fs, parent, real.name, content)
            except FileNotFoundError:  # another run removed it: closed and without its name it looked dead
                _put(fs, parent, real.name, content)
        finally:
            fs.close_dir(parent)


def _put(fs: FileSystem, parent: Dir, leaf: str, content: bytes) -> None:
    mode = fs.lstat(parent, leaf).st_mode & _PERMISSIONS if is_present(fs, parent, leaf) else None
    draft, fd = draft_file(fs, parent, 0o666 if mode is None else mode)
    try:
        try:
            write_all(fs, fd, content)
            if mode is not None:
                fs.set_mode(fd, mode)
            fs.sync(fd)
        finally:
            fs.close(fd)
        fs.rename(parent, draft, parent, leaf)
    except BaseException:
        with suppress(OSError):
            fs.unlink(parent, draft)
        raise
    fs.sync_dir(parent)


def _is_state(folder: Path, state_dir: Path | None) -> bool:
    if state_dir is not None and folder.is_relative_to(os.path.realpath(state_dir)):
        return True
    parts = folder.parts
    return any(parts[at : at + len(INSIDE)] == INSIDE for at in range(len(parts)))
