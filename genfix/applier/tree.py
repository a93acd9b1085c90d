"""Files of a folder by name, opened one component at a time so that a swapped parent cannot redirect us."""

import errno
import hashlib
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from genfix.applier.fs import Dir, FileSystem, is_errno
from genfix.errors import RefusedError, StorageError

CHUNK: Final = 1024 * 1024
"""Bytes read or written at once."""


def parents_of(name: str) -> tuple[tuple[str, ...], str]:
    """The directories on the way to ``name``, outermost first, and its last component."""
    *parents, leaf = name.split("/")
    return tuple(parents), leaf


@contextmanager
def walk(fs: FileSystem, start: Dir, parts: Sequence[str]) -> Iterator[Dir | None]:
    """The directory ``parts`` below ``start``; `None` where there is none.

    `RefusedError` where one is a link.
    """
    with ExitStack() as stack:
        current = start
        for depth, part in enumerate(parts, 1):
            try:
                current = fs.open_dir(current, part)
            except FileNotFoundError:
                yield None
                return
            except OSError as error:
                if not is_errno(error, errno.ENOTDIR, errno.ELOOP):
                    raise
                raise RefusedError(
                    "{parts} in {path} is a link or not a directory",
                    "replace it by a real directory, then run the command again",
                    parts="/".join(parts[:depth]),
                    path=start.path,
                ) from error
            stack.callback(fs.close_dir, current)
        yield current


@contextmanager
def opened(fs: FileSystem, start: Dir, parts: Sequence[str]) -> Iterator[Dir]:
    """The directory ``parts`` below ``start``, which must be there: `FileNotFoundError` otherwise."""
    with walk(fs, start, parts) as directory:
        if directory is None:
            raise FileNotFoundError(errno.ENOENT, "no such directory", str(start.path.joinpath(*parts)))
        yield directory


def make_dirs(
    fs: FileSystem,
    start: Dir,
    parts: Sequence[str],
    mode: int = 0o777,
    *,
    made: Callable[[Path], object] = lambda _: None,
) -> None:
    """Create the missing ones of ``parts`` below ``start``, durably, and tell ``made`` of each at once."""
    with ExitStack() as stack:
        current = start
        for part in parts:
            try:
                fs.mkdir(current, part, mode)
            except FileExistsError:
                pass
            else:
                made(current.path / part)
                fs.sync_dir(current)
            current = stack.enter_context(opened(fs, current, (part,)))


def missing_parents(fs: FileSystem, root: Dir, name: str) -> tuple[str, ...]:
    """The directories that must be created before ``name`` can be, outermost first."""
    parents, _ = parents_of(name)
    for depth in range(1, len(parents) + 1):
        with walk(fs, root, parents[:depth]) as directory:
            if directory is None:
                return tuple("/".join(parents[:end]) for end in range(depth, len(parents) + 1))
    return ()


def is_present(fs: FileSystem, directory: Dir, leaf: str) -> bool:
    """Whether anything has that name."""
    try:
        fs.lstat(directory, leaf)
    except FileNotFoundError:
        return False
    return True


def not_regular(name: str) -> RefusedError:
    """The refusal for a link, FIFO, device or directory under a file's name."""
    return RefusedError(
        "{name} is a link or not a regular file",
        "replace it by a regular file (a copy of what it should hold), then run the command again",
        name=name,
    )


@contextmanager
def open_file(fs: FileSystem, root: Dir, name: str) -> Iterator[int | None]:
    """The file ``name`` below ``root``, open for reading; `None` where it is absent, `RefusedError` where it
    is no file.
    """
    parents, leaf = parents_of(name)
    with walk(fs, root, parents) as directory:
        if directory is None:
            yield None
            return
        try:
            fd = fs.open_read(directory, leaf)
        except FileNotFoundError:
            yield None
            return
        except OSError as error:
            # ELOOP for a link, ENXIO for a socket; other systems have other numbers for these.
            if stat.S_ISREG(fs.lstat(directory, leaf).st_mode):
                raise
            raise not_regular(name) from error
        try:
            if not stat.S_ISREG(fs.fstat(fd).st_mode):
                raise not_regular(name)
            yield fd
        finally:
            fs.close(fd)


def digest(fs: FileSystem, root: Dir, name: str) -> str | None:
    """SHA-256 (hex) of the file ``name`` below ``root``; `None` where it is absent."""
    with open_file(fs, root, name) as fd:
        if fd is None:
            return None
        sha = hashlib.sha256()
        while piece := fs.read(fd, CHUNK):
            sha.update(piece)
        return sha.hexdigest()


def read_all(fs: FileSystem, root: Dir, name: str, cap: int) -> bytes | None:
    """The bytes of the file ``name`` below ``root``; `StorageError` where it has more than ``cap``."""
    with open_file(fs, root, name) as fd:
        if fd is None:
            return None
        pieces: list[bytes] = []
        size = 0
        while piece := fs.read(fd, CHUNK):
            size += len(piece)
            if size > cap:
                raise StorageError(
                    "{path} has more than the {cap:.3g} MiB that such a file can have",
                    "look at that file: it was not written by genfix",
                    path=root.path / name,
                    cap=cap / 2**20,
                )
            pieces.append(piece)
        return b"".join(pieces)


def write_all(fs: FileSystem, fd: int, content: bytes) -> None:
    """Write all of ``content``: a short write is followed by another one, which reports the full disk."""
    rest = memoryview(content)
    while rest:
        rest = rest[fs.write(fd, rest[:CHUNK]) :]


def write_new(fs: FileSystem, directory: Dir, leaf: str, content: bytes, mode: int = 0o600) -> None:
    """Create a file of the applier's own, durably: its name is durable with the next
    `FileSystem.sync_dir`.
    """
    fd = fs.create(directory, leaf, mode)
    try:
        write_all(fs, fd, content)
        fs.sync(fd)
    finally:
        fs.close(fd)
