"""Pictures of a disk from before and after."""

import hashlib
import os
import stat
from pathlib import Path
from typing import NamedTuple, TypeAlias

__all__ = ["Entry", "Picture", "picture", "tree", "user_files"]


class Entry(NamedTuple):
    """One entry of a directory tree."""

    kind: str
    content: str
    mode: int
    mtime_ns: int


Picture: TypeAlias = dict[str, Entry]


def tree(root: Path) -> Picture:
    """Everything at and below ``root``, hidden or not: kind, SHA-256 or link target, mode, mtime."""
    paths = [root, *sorted(root.rglob("*"))]
    return {os.fspath(path.relative_to(root)): _entry(path) for path in paths}


def user_files(root: Path) -> Picture:
    """The files below ``root`` that are the user's: all but those in ``.cache``."""
    return {
        name: entry
        for name, entry in tree(root).items()
        if entry.kind != "directory" and name.partition("/")[0] != ".cache"
    }


def picture(*roots: Path) -> Picture:
    """Several trees in one."""
    return {f"{root}/{name}": entry for root in roots for name, entry in tree(root).items()}


def _entry(path: Path) -> Entry:
    status = path.lstat()
    mode, mtime = stat.S_IMODE(status.st_mode), status.st_mtime_ns
    if stat.S_ISLNK(status.st_mode):
        return Entry("link", os.fspath(path.readlink()), mode, mtime)
    if stat.S_ISDIR(status.st_mode):
        return Entry("directory", "", mode, mtime)
    if stat.S_ISREG(status.st_mode):
        return Entry("file", hashlib.sha256(path.read_bytes()).hexdigest(), mode, mtime)
    return Entry("other", "", mode, mtime)
