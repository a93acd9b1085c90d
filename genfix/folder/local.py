"""A model folder on this machine."""

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import Final

from genfix.errors import StorageError
from genfix.folder.file_names import is_safe_name
from genfix.folder.folder import FileProblem, FileStat, Folder, FolderFileError, Origin
from genfix.folder.kinds import read_cap, too_large
from genfix.folder.regular_file import READ_FLAGS, failing_disk, is_of_the_file

_MAX_DEPTH: Final = 3
"""Config files live at the top or in a named sub-directory; checkpoints below are folders of their own."""
_CHUNK: Final = 1024 * 1024
_FLAGS: Final = READ_FLAGS | getattr(os, "O_NOFOLLOW", 0)


class LocalFolder:
    """The files of a directory, read-only.

    A symbolic link is followed only to a regular file inside the folder itself, or inside the ``blobs``
    of the Hub cache that the folder (a snapshot) or the link belongs to; weights may be linked from
    anywhere, since only their headers are read.
    """

    def __init__(
        self,
        root: Path,
        label: str | None = None,
        *,
        revision: str | None = None,
        names: frozenset[str] | None = None,
    ) -> None:
        """``names`` are the files that count, where the directory is not one model's."""
        self.root = root
        self.origin = Origin("hub" if revision else "local", label or str(root), revision)
        self._real_root = Path(os.path.realpath(root))
        self._place = f"{self._real_root}{os.sep}"
        self._names = names

    def names(self) -> frozenset[str]:
        """All file names, without dot-folders. Raises `StorageError` where the directory cannot be listed."""
        if self._names is None:
            try:
                self._names = frozenset(_walk(str(self.root), "", 0))
            except OSError as error:
                raise StorageError(
                    "cannot list the folder {origin}: {why}",
                    "check the path and its permissions",
                    origin=self.origin.label,
                    why=error.strerror or str(error),
                ) from error
        return self._names

    def stat(self, name: str) -> FileStat:
        """Size in bytes; a local file has no digest until it is read."""
        if name not in self.names():
            raise KeyError(name)
        try:
            return FileStat(os.stat(self._place + name).st_size)  # noqa: PTH116 - a Path each costs
        except OSError as error:
            raise self._unreadable(name, error) from error

    def read(self, name: str) -> bytes:
        """The whole file, where it is within its kind's cap."""
        cap = read_cap(name)
        with self._reading(name) as file:
            size = os.fstat(file.fileno()).st_size
            if size > cap:
                raise too_large(name, size)
            return _bytes(file, cap + 1)

    def read_range(self, name: str, start: int, length: int) -> bytes:
        """At most ``length`` bytes from offset ``start``."""
        with self._reading(name) as file:
            if start:
                file.seek(start)
            return _bytes(file, length)

    def identity(self, name: str) -> tuple[int, ...]:
        """What is the same for one file under two names, and changes with its content: device, inode, size
        and times.
        """
        with self._reading(name) as file:
            status = os.fstat(file.fileno())
        return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)

    def is_linked(self, name: str) -> bool:
        """Whether the file has other names, as far as one look at this one tells."""
        try:
            status = os.lstat(self._place + name)
        except OSError:
            return False
        return stat.S_ISLNK(status.st_mode) or status.st_nlink > 1

    def is_one_file(self, other: "LocalFolder", name: str) -> bool:
        """Whether both folders have one file under two names."""
        return self.identity(name) == other.identity(name)

    def sha256(self, name: str) -> str:
        """SHA-256 of the file's content as hex digits, read in pieces."""
        with self._reading(name) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def git_sha1(self, name: str) -> str:
        """SHA-1 of the git blob the file would be, as hex digits: what the Hub lists for a small file."""
        digest = hashlib.sha1(usedforsecurity=False)
        with self._reading(name) as file:
            digest.update(b"blob %d\0" % os.fstat(file.fileno()).st_size)
            while part := file.read(_CHUNK):
                digest.update(part)
        return digest.hexdigest()

    @contextmanager
    def _reading(self, name: str) -> Iterator[FileIO]:
        """The open file. Raises `StorageError` where reading it fails."""
        with FileIO(self._opened(name)) as file:
            try:
                yield file
            except OSError as error:
                raise failing_disk(self._place + name, error) from error

    def open(self, name: str) -> int:
        """A descriptor for reading the file, which the caller closes; links are followed as said above.

        Raises `FolderFileError` where the file is to blame, `StorageError` where its disk is.
        """
        return self._opened(name)

    def _opened(self, name: str) -> int:
        if name not in self.names():
            raise KeyError(name)
        path = self._place + name
        try:
            fd = self._open_path(name, path)
        except OSError as error:
            raise self._unreadable(name, error) from error
        try:
            mode = os.fstat(fd).st_mode
        except OSError as error:
            os.close(fd)
            raise failing_disk(path, error) from error
        if not stat.S_ISREG(mode):
            os.close(fd)
            raise FolderFileError(
                name,
                FileProblem.NOT_REGULAR,
                "{name} is not a regular file",
                "remove it or replace it by the file it should be",
            )
        return fd

    def _open_path(self, name: str, path: str) -> int:
        """Open what is no link at once, as nearly every file is; else what the link may lead to."""
        if hasattr(os, "O_NOFOLLOW"):
            try:
                return os.open(path, _FLAGS)
            except OSError as error:
                if error.errno not in (errno.ELOOP, errno.EMLINK):
                    raise
        return os.open(self._followed(name, path), _FLAGS)

    def _followed(self, name: str, path: str) -> str:
        real = os.path.realpath(path)
        if not self._may_follow(name, Path(real)):
            raise FolderFileError(
                name,
                FileProblem.LINK_OUTSIDE,
                "{name} is a link to a file outside the folder",
                "replace the link by a copy of the file it should have",
            )
        return real

    def _may_follow(self, name: str, real: Path) -> bool:
        if real.is_relative_to(self._real_root):
            return True
        if name.endswith((".safetensors", ".bin", ".pt", ".gguf")):
            return True
        return any(real.is_relative_to(blobs) for blobs in _cache_blobs(self.root, self._real_root))

    def _unreadable(self, name: str, error: OSError) -> FolderFileError | StorageError:
        if not is_of_the_file(error):
            return failing_disk(self._place + name, error)
        return FolderFileError(
            name,
            FileProblem.UNREADABLE,
            "cannot read {name}: {why}",
            "check its permissions",
            why=error.strerror or str(error),
        )


def is_far(folder: Folder) -> bool:
    """Whether the folder's weights are elsewhere, so that each piece of them costs a request."""
    return folder.origin.kind != "local" and not isinstance(folder, LocalFolder)


def _bytes(file: FileIO, most: int) -> bytes:
    """At most so many bytes from where the file stands."""
    parts: list[bytes] = []
    while most > 0 and (part := file.read(min(most, _CHUNK))):
        parts.append(part)
        most -= len(part)
    return b"".join(parts)


def _cache_blobs(*roots: Path) -> Iterator[Path]:
    """The ``blobs`` directories of the Hub cache that holds one of ``roots`` (a snapshot), if it is one.

    Layout of the cache: ``<cache>/models--org--name/snapshots/<commit>/`` with links into the repo's own
    ``blobs`` or the shared ``<cache>/blobs`` (huggingface_hub 2.x, file_download.py).
    """
    for root in roots:
        snapshots = root.parent
        if snapshots.name == "snapshots" and snapshots.parent.name.startswith("models--"):
            repo = Path(os.path.realpath(snapshots.parent))
            yield repo / "blobs"
            yield repo.parent / "blobs"


def _walk(directory: str, prefix: str, depth: int) -> Iterator[str]:
    with os.scandir(directory) as entries:
        for entry in entries:
            name = prefix + entry.name
            if entry.is_dir(follow_symlinks=False):
                if depth < _MAX_DEPTH and not entry.name.startswith("."):
                    yield from _walk(entry.path, name + "/", depth + 1)
            elif is_safe_name(name):
                yield name
