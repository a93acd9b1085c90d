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

    Files count by inode, size and times, as git's index has them: nothing is read. Empty for an address,
    whose commit nobody knows before it is asked.
    """
    if is_address(path):
        return ""
    places = [path]
    if setup.base is not None and os.path.isdir(setup.base):  # noqa: PTH112 - a Path each costs
        places.append(setup.base)
    options = setup._replace(seconds=0.0)
    parts = [__version__, repr(options), *(repr(stamp(LocalFolder(Path(place)))) for place in places)]
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
