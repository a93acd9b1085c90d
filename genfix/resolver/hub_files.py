"""The files of one commit of a Hub repo: from the cache, or downloaded into it."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from genfix.errors import BaseModelError, GenfixError
from genfix.folder.folder import FileProblem, FileStat, FolderFileError, Origin
from genfix.folder.remote import RemoteFolder
from genfix.resolver.hub_cache import HubCache

__all__ = ["Download", "HubFiles"]


class Download(Protocol):
    """Brings a file of a branch, tag or commit into huggingface_hub's cache."""

    def __call__(self, name: str, revision: str, *, force: bool) -> None:
        """Download ``name``, even where it is cached with ``force``. Raises `GenfixError` where that fails."""


class HubFiles:
    """The files of one commit. Without ``download`` only the cached ones; ``stopped`` says why.

    A moved repo is asked for by the name the user gave, which the Hub redirects: its files are then cached
    under that name, where the same command finds them offline.
    """

    def __init__(
        self,
        cache: HubCache,
        repo_id: str,
        revision: str,
        commit: str,
        download: Download | None,
        stopped: str,
    ) -> None:
        self._cache = cache
        self._repo = f"{repo_id}@{commit[:7]}"
        self._commit = commit
        self._download = download
        self._stopped = stopped
        # A download by commit leaves no trace of the branch it was found by. So the first one of a run asks for
        # the branch (no request more): huggingface_hub notes its commit, and the next run can be an offline one.
        self._unnoted = None if cache.commit_of(revision) == commit else revision

    def folder(self, origin: Origin, listing: Mapping[str, FileStat]) -> RemoteFolder:
        """The commit as a folder."""
        refetch = None if self._download is None else self.fetch_again
        return RemoteFolder(origin, listing, self.fetch, refetch=refetch, fetch_range=self.fetch_range)

    def fetch(self, name: str) -> Path:
        """Where the cached copy of ``name`` is, downloaded if need be.

        Raises `BaseModelError` where it is not cached and cannot be downloaded, `FolderFileError` where the
        cache links out of itself.
        """
        cached = self._cache.path(self._commit, name)
        if self._download is None:
            if cached is None:
                raise BaseModelError(
                    f"{name} of {self._repo} is not cached and {self._stopped}",
                    "go online once, or pass a local copy of the model: --base ./folder",
                )
            return cached
        if self._unnoted is not None:
            revision, self._unnoted = self._unnoted, None
            # A file that is there is not lost because the note could not be taken (a read-only cache).
            with suppress(*((GenfixError,) if cached else ())):
                self._download(name, revision, force=False)
            # Another commit's file where the branch moved on since it was listed.
            cached = self._cache.path(self._commit, name)
        return cached or self._downloaded(self._download, name, force=False)

    def fetch_again(self, name: str) -> Path:
        """Replace a damaged copy. Raises as `fetch`."""
        if self._download is None:
            return self.fetch(name)
        return self._downloaded(self._download, name, force=True)

    def fetch_range(self, name: str, start: int, length: int) -> bytes:
        """A part of a file that is cached whole, as the weights of a base often are; else `FolderFileError`."""
        part = self._cache.read_range(self._commit, name, start, length)
        if part is None:
            raise FolderFileError(
                name,
                FileProblem.UNREADABLE,
                f"{name} of {self._repo} is not cached, and genfix downloads no weights",
                "what is asked of it needs a local copy of the model: --base ./folder",
            )
        return part

    def _downloaded(self, download: Download, name: str, *, force: bool) -> Path:
        download(name, self._commit, force=force)
        path = self._cache.path(self._commit, name)
        if path is None:
            raise BaseModelError(
                f"{name} of {self._repo} was downloaded but is not in the Hub cache",
                "set HF_HOME to another directory, or pass a local copy of the model: --base ./folder",
            )
        return path
