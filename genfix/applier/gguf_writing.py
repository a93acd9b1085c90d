"""A GGUF with another header, beside the first one: its tensors' data is copied as it is, or shared.

The file is complete and durable before it has its name, and never takes the place of another one.
"""

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

from genfix.applier.drafts import draft_file, open_parent, remove_stale
from genfix.applier.fs import DISK, FileSystem
from genfix.applier.signals import Deferred, deferred_signals
from genfix.applier.storage_errors import changed_meanwhile, storage_errors
from genfix.applier.tree import write_all
from genfix.errors import InputError
from genfix.folder import LocalFolder
from genfix.message import text

_PIECE: Final = 256 * 1024 * 1024
"""Bytes copied between two looks at the signals."""
_BLOCK: Final = 4096
_PERMISSIONS: Final = 0o777


def check_gguf_place(output: Path) -> Path:
    """The real place of a new GGUF.

    Raises `InputError` where none can be made there, `StorageError` where the disk does not say.
    """
    place = Path(os.path.realpath(output.parent)) / output.name
    if not output.name.endswith(".gguf"):
        raise InputError("{output} is not called .gguf", "engines go by the name: end it so", output=output)
    with storage_errors(text("cannot write {path}", path=output)):
        if os.path.lexists(place):
            raise InputError("{output} exists already", "name a file that does not exist yet", output=output)
        if not place.parent.is_dir():
            raise InputError("there is no folder {parent}", "create it first", parent=output.parent)
    return place


def write_gguf(
    folder: LocalFolder,
    name: str,
    output: Path,
    *,
    was: bytes,
    data_start: int,
    head: bytes,
    fs: FileSystem = DISK,
) -> None:
    """Make ``output``, which must not exist, of the file ``name`` with ``head`` in place of all that comes
    before ``data_start``.

    ``was`` are the first bytes of the file when it was judged. Raises `InputError` where ``output`` cannot be
    made, `ChangedError` where the file is not what it was, `StorageError` where the disk fails; nothing is
    left of ``output`` then.
    """
    place = check_gguf_place(output)
    remove_stale(place, fs=fs)
    with (
        storage_errors(text("cannot write {path}", path=output)),
        deferred_signals() as signals,
        open_parent(fs, place, output) as parent,
    ):
        source = folder.open(name)
        try:
            status = fs.fstat(source)
            if folder.read_range(name, 0, len(was)) != was:
                raise changed_meanwhile(name)
            draft, fd = draft_file(fs, parent, stat.S_IMODE(status.st_mode) & _PERMISSIONS)
            try:
                write_all(fs, fd, head)
                _copy(fs, source, data_start, fd, signals)
                if _mark(fs.fstat(source)) != _mark(status):
                    raise changed_meanwhile(name)
                fs.set_mode(fd, stat.S_IMODE(status.st_mode) & _PERMISSIONS)
                fs.sync(fd)
                fs.rename_new(parent, draft, parent, place.name)
            except FileExistsError:
                raise InputError(
                    "{output} exists already", "name a file that does not exist yet", output=output
                ) from None
            finally:
                with suppress(OSError):
                    fs.unlink(parent, draft)
                fs.close(fd)
            fs.sync_dir(parent)
        finally:
            fs.close(source)


def _copy(fs: FileSystem, source: int, start: int, fd: int, signals: Deferred) -> None:
    """All from ``start`` on: first to the end of a block, since only whole blocks can be shared."""
    end = fs.fstat(source).st_size
    while start < end:
        signals.stop_if_asked()
        copied = fs.copy_range(source, start, fd, min(end - start, -start % _BLOCK or _PIECE))
        if not copied:
            return  # it is shorter now, which its status tells
        start += copied


def _mark(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_ino, status.st_size, status.st_mtime_ns
