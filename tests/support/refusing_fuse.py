"""A FUSE filesystem that shows a folder, and refuses to sync.

``python -m tests.support.refusing_fuse FOLDER MOUNT WHAT ERRNO``: WHAT is ``file``, ``folder`` or ``both``.
Needs the package `fusepy`, which the project does not ask for.
"""

import importlib
import os
import sys
from pathlib import Path
from typing import Any

fuse: Any = importlib.import_module("fuse")


class Refusing(fuse.Operations):  # type: ignore[misc, no-any-unimported]
    """Every call goes to the folder below, but for those that sync."""

    def __init__(self, root: str, what: str, number: int) -> None:
        self.root = root
        self.refused = {"file": {"fsync"}, "folder": {"fsyncdir"}, "both": {"fsync", "fsyncdir"}}[what]
        self.number = number

    def _at(self, path: str) -> str:
        return self.root + path

    def _sync(self, call: str) -> int:
        if call in self.refused:
            raise fuse.FuseOSError(self.number)
        return 0

    def fsync(self, path: str, datasync: int, fh: int) -> int:
        return self._sync("fsync")

    def fsyncdir(self, path: str, datasync: int, fh: int) -> int:
        return self._sync("fsyncdir")

    def getattr(self, path: str, fh: int | None = None) -> dict[str, Any]:
        status = os.lstat(self._at(path))
        names = ("mode", "ino", "nlink", "uid", "gid", "size", "atime", "mtime", "ctime")
        return {f"st_{name}": getattr(status, f"st_{name}") for name in names}

    def readdir(self, path: str, fh: int) -> list[str]:
        return [".", "..", *(entry.name for entry in Path(self._at(path)).iterdir())]

    def open(self, path: str, flags: int) -> int:
        return os.open(self._at(path), flags)

    def create(self, path: str, mode: int, fi: object = None) -> int:
        return os.open(self._at(path), os.O_RDWR | os.O_CREAT | os.O_EXCL, mode)

    def release(self, path: str, fh: int) -> None:
        os.close(fh)

    def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
        return os.pread(fh, size, offset)

    def write(self, path: str, data: bytes, offset: int, fh: int) -> int:
        return os.pwrite(fh, data, offset)

    def truncate(self, path: str, length: int, fh: int | None = None) -> None:
        os.truncate(self._at(path), length)

    def chmod(self, path: str, mode: int) -> None:
        Path(self._at(path)).chmod(mode & 0o7777)

    def utimens(self, path: str, times: tuple[float, float] | None = None) -> None:
        os.utime(self._at(path), times)

    def rename(self, old: str, new: str) -> None:
        Path(self._at(old)).replace(self._at(new))

    def link(self, target: str, source: str) -> None:
        os.link(self._at(source), self._at(target))

    def unlink(self, path: str) -> None:
        Path(self._at(path)).unlink()

    def mkdir(self, path: str, mode: int) -> None:
        Path(self._at(path)).mkdir(mode)

    def rmdir(self, path: str) -> None:
        Path(self._at(path)).rmdir()


if __name__ == "__main__":
    _, folder, mount, what, number = sys.argv
    fuse.FUSE(Refusing(folder, what, int(number)), mount, nothreads=True, foreground=False)
