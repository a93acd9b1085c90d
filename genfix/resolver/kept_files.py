"""Files that were downloaded, in genfix's own cache: each under its digest, and only when it has that."""

from pathlib import Path
from typing import Final

from genfix import cache
from genfix.errors import StorageError
from genfix.folder.folder import FileStat
from genfix.message import text

_KIND: Final = "files"


def find_kept(listed: FileStat) -> Path | None:
    """Where the copy of a listed file is, or `None`. Whoever reads it compares it once more."""
    digest = listed.sha256 or listed.git_sha1
    return cache.find_file(_KIND, digest) if digest else None


def keep(listed: FileStat, content: bytes) -> Path:
    """Keep a file that was compared with ``listed``. Raises `StorageError` where that fails."""
    try:
        return cache.keep_file(_KIND, listed.sha256 or listed.git_sha1 or "", content)
    except OSError as error:
        why = error.strerror or str(error)
        raise StorageError(
            text("the cache of genfix cannot be used ({path}): {why}", path=error.filename, why=why)
            if isinstance(error.filename, str)
            else text("the cache of genfix cannot be used: {why}", why=why),
            "free the space or fix the permissions, or set XDG_CACHE_HOME to another directory",
        ) from error
