"""New folders and files that have their name only when they are complete."""

import os
import re
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from genfix.applier.fs import DISK, Dir, FileSystem
from genfix.applier.guard import check_names
from genfix.applier.signals import deferred_signals
from genfix.applier.staging import remove_tree
from genfix.applier.storage_errors import storage_errors
from genfix.applier.tree import is_present, make_dirs, open_file, opened, parents_of, write_all
from genfix.errors import InputError, RefusedError
from genfix.message import text

_DRAFT: Final = re.compile(r"\..+\.genfix-[0-9a-f]{8}", re.ASCII | re.DOTALL)
"""What `drafted` calls a folder that is not complete."""
_FILE_DRAFT: Final = re.compile(r"\.[0-9a-f]{12}\.genfix", re.ASCII)
"""What `draft_file` calls a file that is not complete."""
_TRIES: Final = 3


def make_folder(output: Path, files: Mapping[str, bytes], *, fs: FileSystem = DISK) -> None:
    """Make ``output``, which must not exist or be an empty folder, with ``files`` in it: all of them, or
    nothing.

    Raises `InputError` where it cannot be made, `StorageError` where the disk fails; nothing is left then.
    """
    check_names(list(files))
    place = Path(os.path.realpath(output.parent)) / output.name
    replaces = _is_empty_folder(place, output)
    remove_stale(place, fs=fs)
    with (
        storage_errors(text("cannot make {output}", output=output)),
        deferred_signals() as signals,
        open_parent(fs, place, output) as parent,
        drafted(fs, parent, place.name) as draft,
    ):
        for name in sorted(files):
            signals.stop_if_asked()
            with new_file(fs, draft, name, None) as fd:
                write_all(fs, fd, files[name])
        sync_dirs(fs, draft, {parents_of(name)[0] for name in files})
        publish(fs, parent, draft, place.name, replaces=replaces)


def check_new_folder(output: Path, *, outside: Iterable[Path] = ()) -> None:
    """Raise `InputError` where `make_folder` could not make ``output``, or it would lie inside one of
    ``outside``, and `StorageError` where the disk does not say.
    """
    place = Path(os.path.realpath(output.parent)) / output.name
    _is_empty_folder(place, output)
    with storage_errors(text("cannot make {output}", output=output)):
        if not place.parent.is_dir():
            raise InputError("there is no folder {parent}", "create it first", parent=output.parent)
    for folder in outside:
        if place.is_relative_to(os.path.realpath(folder)):
            raise InputError(
                "{output} is inside the model folder {folder}",
                "name a folder outside",
                output=output,
                folder=folder,
            )


def _is_empty_folder(place: Path, output: Path) -> bool:
    """Whether the place is an empty folder, or free. Raises `InputError` where something is there."""
    with storage_errors(text("cannot make {output}", output=output)):
        if not os.path.lexists(place):
            return False
        if place.is_symlink() or not place.is_dir() or any(place.iterdir()):
            raise InputError(
                "{output} exists already", "name a folder that does not exist yet, or is empty", output=output
            )
    return True


@contextmanager
def open_parent(fs: FileSystem, place: Path, output: Path) -> Iterator[Dir]:
    """The folder in which ``place`` shall be."""
    try:
        parent = fs.open_root(place.parent)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise InputError("there is no folder {parent}", "create it first", parent=output.parent) from error
    try:
        yield parent
    finally:
        fs.close_dir(parent)


@contextmanager
def drafted(fs: FileSystem, parent: Dir, name: str) -> Iterator[Dir]:
    """The directory that becomes ``name``. Its lock tells it from one that a run which died has left."""
    own = f".{name}.genfix-{secrets.token_hex(4)}"
    fs.mkdir(parent, own)
    try:
        with opened(fs, parent, (own,)) as draft:
            with suppress(OSError):
                fs.try_lock(draft)
            yield draft
    except BaseException:
        with suppress(OSError, RefusedError):
            remove_tree(fs, parent, own)
        raise


def draft_file(fs: FileSystem, parent: Dir, mode: int) -> tuple[str, int]:
    """A new file that gets its name later: what it is called until then, and it open for writing.

    Its lock tells it from one that a run which died has left.
    """
    for left in reversed(range(_TRIES)):
        own = f".{secrets.token_hex(6)}.genfix"
        fd = fs.create(parent, own, mode)
        try:
            with suppress(OSError):
                fs.try_lock_file(fd)
            # Before the lock was there another run may have removed it.
            if fs.fstat(fd).st_nlink or not left:
                return own, fd
        except BaseException:
            fs.close(fd)
            with suppress(OSError):
                fs.unlink(parent, own)
            raise
        fs.close(fd)
    raise AssertionError("unreachable")


def remove_stale(beside: Path, *, fs: FileSystem = DISK) -> None:
    """Remove what runs that died have left in the folder where ``beside`` is or shall be, best effort.

    Drafts of whatever name: who asks for the same copy again may give it another one.
    """

    def remove(parent: Dir, name: str) -> None:
        if _DRAFT.fullmatch(name):
            remove_tree(fs, parent, name)
        else:
            fs.unlink(parent, name)

    _with_stale(beside, fs, remove)


def find_stale(beside: Path, *, fs: FileSystem = DISK) -> tuple[Path, ...]:
    """What `remove_stale` would remove."""
    found: list[Path] = []
    _with_stale(beside, fs, lambda parent, name: found.append(parent.path / name))
    return tuple(found)


def _with_stale(beside: Path, fs: FileSystem, do: Callable[[Dir, str], None]) -> None:
    with suppress(OSError, RefusedError):
        parent = fs.open_root(Path(os.path.realpath(beside)).parent)
        try:
            for entry in fs.names(parent):
                with suppress(OSError, RefusedError):
                    if _DRAFT.fullmatch(entry):
                        with opened(fs, parent, (entry,)) as draft:
                            if fs.try_lock(draft):
                                do(parent, entry)
                    elif _FILE_DRAFT.fullmatch(entry):
                        with open_file(fs, parent, entry) as fd:
                            if fd is not None and fs.try_lock_file(fd):
                                do(parent, entry)
        finally:
            fs.close_dir(parent)


@contextmanager
def new_file(
    fs: FileSystem, draft: Dir, name: str, mode: int | None, mtime_ns: int | None = None
) -> Iterator[int]:
    """A new file of the draft; durable, with its metadata, when the block ends."""
    parents, leaf = parents_of(name)
    make_dirs(fs, draft, parents)
    with opened(fs, draft, parents) as directory:
        fd = fs.create(directory, leaf, 0o666 if mode is None else mode)
        try:
            yield fd
            if mode is not None:
                fs.set_mode(fd, mode)
            if mtime_ns is not None:
                fs.set_mtime(fd, mtime_ns)
            fs.sync(fd)
        finally:
            fs.close(fd)


def sync_dirs(fs: FileSystem, draft: Dir, parents: set[tuple[str, ...]]) -> None:
    """Make the entries of these directories, and of those above them, durable."""
    for parts in {whole[:end] for whole in parents for end in range(len(whole) + 1)}:
        with opened(fs, draft, parts) as directory:
            fs.sync_dir(directory)


def publish(fs: FileSystem, parent: Dir, draft: Dir, name: str, *, replaces: bool = False) -> None:
    """Give the draft its name; only an empty folder is replaced, and only where ``replaces`` says so."""
    if replaces:
        fs.rename(parent, draft.path.name, parent, name)
    else:
        try:
            fs.rename_exclusive(parent, draft.path.name, parent, name)
        except OSError:
            # Not on this system or mount. A directory never replaces one that has something in it.
            if is_present(fs, parent, name):
                raise
            fs.rename(parent, draft.path.name, parent, name)
    fs.sync_dir(parent)
