"""Whether a folder's files are still what they were, without reading them."""

import os

from genfix.errors import StorageError
from genfix.folder.kinds import FileKind, kind_of
from genfix.folder.local import LocalFolder


def stamp(folder: LocalFolder) -> tuple[object, ...]:
    """The files that genfix reads of a folder as they are now, each with inode, size and times, as git's
    index has them.

    The time of the last change of the inode counts where the file has one name only: another hard link
    changes it, and nothing else. What cannot be looked at stands as the error.
    """
    root = str(folder.root)
    found: list[object] = []
    try:
        names = sorted(LocalFolder(folder.root).names())
    except StorageError as error:
        return (error.message,)
    for name in names:
        if "/" in name and kind_of(name) is FileKind.OTHER:
            continue
        try:
            status = os.stat(f"{root}/{name}")  # noqa: PTH116 - a Path each costs
        except OSError as error:
            found += [name, error.errno]
            continue
        changed = status.st_ctime_ns if status.st_nlink == 1 else 0
        found += [name, status.st_ino, status.st_size, status.st_mtime_ns, changed]
    return tuple(found)
