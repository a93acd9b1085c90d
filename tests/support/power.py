"""A disk that forgets at a power cut whatever was not synced: the worst that a filesystem may do.

The real calls are made, and beside them is kept what would survive: a file's bytes as of its last sync, a
directory's entries as of its own. A file whose name is durable and whose bytes are not is empty then, as on
ext4.
"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from genfix.applier.fs import Dir
from tests.support.disks import FaultyDisk, SimulatedCrash


class PowerDisk(FaultyDisk):
    """The real disk until call ``at``; `survivors` is what a power cut at any moment leaves of ``root``."""

    def __init__(self, root: Path, at: int) -> None:
        super().__init__(at, SimulatedCrash, forever=True)
        self.root = root
        self.contents: dict[int, bytes] = {}
        self.entries: dict[int, dict[str, int]] = {}
        self.held: list[int] = []
        """Open descriptors: no number of a removed file is given to a new one."""
        self._learn(root)

    def close_all(self) -> None:
        for fd in self.held:
            os.close(fd)
        self.held.clear()

    def create(self, directory: Dir, name: str, mode: int) -> int:
        fd = super().create(directory, name, mode)
        self.held.append(os.dup(fd))
        return fd

    def mkdir(self, parent: Dir, name: str, mode: int = 0o777) -> None:
        super().mkdir(parent, name, mode)
        fd = os.open(name, os.O_RDONLY | os.O_DIRECTORY, dir_fd=parent.fd)
        self.held.append(fd)
        self.entries.setdefault(os.fstat(fd).st_ino, {})

    def _full_sync(self, fd: int) -> None:
        status = os.fstat(fd)
        if stat.S_ISDIR(status.st_mode):
            self.entries[status.st_ino] = {
                name: os.stat(name, dir_fd=fd, follow_symlinks=False).st_ino for name in os.listdir(fd)
            }
        else:
            self.contents[status.st_ino] = Path(f"/proc/self/fd/{fd}").read_bytes()

    def survivors(self) -> dict[str, bytes]:
        """The files a power cut would leave, by their path in ``root``."""
        return dict(self._below(self.root.stat().st_ino, ""))

    def _below(self, directory: int, prefix: str) -> Iterator[tuple[str, bytes]]:
        for name, number in self.entries[directory].items():
            if number in self.entries:
                yield from self._below(number, f"{prefix}{name}/")
            else:
                yield prefix + name, self.contents.get(number, b"")

    def _learn(self, directory: Path) -> None:
        self.held.append(os.open(directory, os.O_RDONLY))
        self.entries[directory.stat().st_ino] = {
            path.name: path.stat().st_ino for path in directory.iterdir()
        }
        for path in directory.iterdir():
            if path.is_dir():
                self._learn(path)
            else:
                self.held.append(os.open(path, os.O_RDONLY))
                self.contents[path.stat().st_ino] = path.read_bytes()


def rebuild(place: Path, survivors: dict[str, bytes]) -> Path:
    """A folder with the files that survived."""
    place.mkdir(parents=True)
    for name, content in survivors.items():
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return place
