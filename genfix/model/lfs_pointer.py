"""Git LFS pointers: three lines of text that stand in a file's place until ``git lfs pull`` brings
the file.
"""

import re
from typing import Final, NamedTuple

from genfix.folder.folder import Folder, FolderFileError

_MOST: Final = 1024
"""A pointer is shorter than this (git-lfs, docs/spec.md)."""
_VERSIONS: Final = (
    b"version https://git-lfs.github.com/spec/v1",
    b"version https://hawser.github.com/spec/v1",
)
_OID: Final = rb"(?m)^oid sha256:([0-9a-f]{64})\r?$"
_SIZE: Final = rb"(?m)^size ([0-9]{1,15})\r?$"


class LfsPointer(NamedTuple):
    """What a pointer says about the file it stands for; `None` where it does not say it."""

    sha256: str | None
    size: int | None


def read_lfs_pointer(folder: Folder, name: str) -> LfsPointer | None:
    """The pointer that stands in the place of ``name``; `None` where the file is itself, or cannot
    be read.
    """
    try:
        if folder.stat(name).size >= _MOST:
            return None
        text = folder.read_range(name, 0, _MOST)
    except FolderFileError:
        return None
    if not text.startswith(_VERSIONS):
        return None
    oid, size = re.search(_OID, text), re.search(_SIZE, text)
    return LfsPointer(oid[1].decode() if oid else None, int(size[1]) if size else None)
