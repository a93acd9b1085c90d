"""The files of one commit of a Hub repo: from a cache, or downloaded into genfix's own."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final

from genfix.errors import BaseModelError
from genfix.folder.folder import FileProblem, FileStat, FolderFileError, Origin
from genfix.folder.remote import RemoteFolder, State, difference
from genfix.message import Message
from genfix.resolver.hub.hub_cache import HubCache
from genfix.resolver.hub.hub_client import HubClient
from genfix.resolver.hub.hub_errors import NO_NETWORK
from genfix.resolver.kept_files import Allowance, find_kept, keep
from genfix.resolver.naming.spec import HubSpec

_HEAD: Final = 128 * 1024
"""What is asked for of a weights file at first: the whole header of most shards."""


class HubFiles:
    """The files of one commit. Without ``client`` only the cached ones; ``stopped`` says why.

    A copy in huggingface_hub's cache is read and never written: what is downloaded is kept in genfix's own.
    A moved repo is asked for by the name the user gave, which the Hub redirects.
    """

    def __init__(
        self,
        cache: HubCache,
        spec: HubSpec,
        commit: str,
        files: Mapping[str, FileStat],
        client: HubClient | None,
        stopped: Message | None,
    ) -> None:
        self._cache = cache
        self._repo = f"{spec.repo_id}@{commit[:7]}"
        self._commit = commit
        self._files = files
        self._client = client
        self._stopped = stopped
        self._heads: dict[str, bytes] = {}
        self._whole_only: FolderFileError | None = None
        self._allowance = Allowance(spec.repo_id)

    def folder(self, origin: Origin, history: Callable[[], Iterable[State]] | None = None) -> RemoteFolder:
        """The commit as a folder."""
        return RemoteFolder(
            origin,
            self._files,
            self.fetch,
            refetch=None if self._client is None else self.fetch_again,
            fetch_range=self.fetch_range,
            together=None if self._client is None else self._client.together,
            history=history,
        )

    def fetch(self, name: str) -> Path:
        """Where a copy of ``name`` is, downloaded if need be.

        Raises `BaseModelError` where there is none and none can be downloaded, `FolderFileError` where the
        Hub's cache links out of itself, `StorageError` where none can be kept.
        """
        listed = self._files[name]
        known = find_kept(listed) or self._cache.path(self._commit, name) or self._cache.blob(listed)
        return known or self.fetch_again(name)

    def fetch_again(self, name: str) -> Path:
        """Download a file, whatever copies there are. Raises as `fetch`."""
        if self._client is None:
            raise BaseModelError(
                "{name} of {repo} is not cached and {stopped}",
                NO_NETWORK,
                name=name,
                repo=self._repo,
                stopped=self._stopped,
            )
        listed = self._files[name]
        self._allowance.take(listed.size)
        return keep(listed, self._client.content(name, self._commit, listed))

    def fetch_range(self, name: str, start: int, length: int) -> bytes:
        """A part of a file: of its cached copy, of its kept header, or from the Hub.

        Raises `FolderFileError` where no part can be had, `GenfixError` where the Hub gives no answer.
        """
        part = self._cache.read_range(self._commit, name, start, length)
        if part is not None:
            return part
        listed = self._files[name]
        end = min(start + length, listed.size)
        head = self._heads.get(name) or self._cache.head(listed) or b""
        if start > max(len(head), _HEAD):  # a few rows of a tensor
            return self._part(name, start, end)
        if not head:
            head = self._first(name, listed)
        head += self._part(name, len(head), end)
        self._heads[name] = head
        if start == 8:  # the whole header, after its length
            if self._client is not None:
                self._client.refuse_secrets(name, self._commit, head[8:end])
            self._cache.keep_head(listed, head[:end])
        return head[start:end]

    def _first(self, name: str, listed: FileStat) -> bytes:
        """The first bytes.

        Raises `BaseModelError` where they are not those of the listed file, as far as one can tell.
        """
        for _ in range(2):
            head = self._part(name, 0, min(listed.size, _HEAD))
            if _is_plausible(name, head, listed):
                return head
        raise BaseModelError(
            "what came of {name} of {repo} is not the beginning of that file",
            "try again; if it stays so, the file on the Hub is damaged",
            name=name,
            repo=self._repo,
        )

    def _part(self, name: str, start: int, end: int) -> bytes:
        if start >= end:
            return b""
        if self._client is None:
            raise FolderFileError(
                name,
                FileProblem.UNREADABLE,
                "the header of {name} of {repo} is not cached and {stopped}",
                NO_NETWORK,
                repo=self._repo,
                stopped=self._stopped,
            )
        if self._whole_only is not None:
            raise self._whole_only
        self._allowance.take(end - start)
        try:
            return self._client.part(name, self._commit, start, end - start, self._files[name].size)
        except FolderFileError as error:  # of one file as of all: it is not asked for each shard
            self._whole_only = error
            raise


def _is_plausible(name: str, head: bytes, listed: FileStat) -> bool:
    """A whole file has a digest; a part of one has none, but a safetensors header has a form."""
    if len(head) == listed.size:
        return not difference(head, listed)
    length = int.from_bytes(head[:8], "little")
    return not name.endswith(".safetensors") or (length <= listed.size - 8 and head[8:9] == b"{")
