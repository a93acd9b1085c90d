"""Files that were downloaded, in genfix's own cache: each under its digest, and only when it has that.

How much is downloaded of one model has a limit: a listing can have any number of files.
"""

from pathlib import Path
from typing import Final

from genfix import cache
from genfix.errors import BaseModelError, StorageError
from genfix.folder.folder import FileStat
from genfix.message import text
from genfix.resolver.naming.spec import LOCAL_COPY

_KIND: Final = "files"
_MOST: Final = 512 * 1024 * 1024
"""Bytes of config files and headers together: the largest tokenizers have 50 MB, headers of 10^6 tensors 150.
"""
_LEAST: Final = 64 * 1024
"""What a request counts as, however little it asks for: 8,192 of them are enough as well."""


class Allowance:
    """What may be downloaded of one model in one run."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._left = _MOST

    def take(self, size: int) -> None:
        """Take ``size`` bytes of it. Raises `BaseModelError` where it is used up."""
        self._left -= max(size, _LEAST)
        if self._left < 0:
            raise BaseModelError(
                "the config files and headers of {model} have more than the {most:.3g} MiB that genfix "
                "downloads of a model",
                LOCAL_COPY,
                model=self._model,
                most=_MOST / 2**20,
            )


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
