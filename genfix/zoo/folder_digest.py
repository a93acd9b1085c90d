"""The digest of all that a judgement rests on: equal digests, equal judgements."""

import hashlib
import os
from pathlib import Path

from genfix.folder import LocalFolder
from genfix.folder.file_stamp import stamp
from genfix.resolver import is_address
from genfix.version import __version__
from genfix.zoo.judgement import Setup


def folder_digest(path: str, setup: Setup) -> str:
    """SHA-256 over the files of a folder on this machine, and of its base there, with version and options.

    Files count by inode, size and times, as git's index has them: nothing is read. A repo counts by its
    commit, for which its site is asked; empty where that does not say.
    """
    commit, places = "", [path]
    if is_address(path):
        from genfix.resolver.commits import commit_of  # noqa: PLC0415 - few sweep repos

        commit, places = "" if setup.offline else commit_of(path), []
        if not commit:
            return ""
    if setup.base is not None and os.path.isdir(setup.base):  # noqa: PTH112 - a Path each costs
        places.append(setup.base)
    options = setup._replace(seconds=0.0)
    accepted = "" if setup.baseline is None else _file_stamp(setup.baseline)
    parts = [
        __version__,
        repr(options),
        commit,
        accepted,
        *(repr(stamp(LocalFolder(Path(place)))) for place in places),
    ]
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def _file_stamp(path: Path) -> str:
    try:
        status = path.stat()
    except OSError:
        return ""
    return repr((status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns))
