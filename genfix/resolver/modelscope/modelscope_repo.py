"""A base on ModelScope, listed once with digests; its files are fetched when they are read.

No SDK is needed.
"""

import os
from pathlib import Path
from typing import Final, NamedTuple

from genfix.errors import BaseModelError, UnknownModelError
from genfix.folder.folder import FileProblem, Folder, FolderFileError, Origin
from genfix.folder.local import LocalFolder
from genfix.folder.remote import RemoteFolder
from genfix.message import Arg, Message, text
from genfix.resolver.kept_files import Allowance, keep
from genfix.resolver.modelscope.modelscope_api import MOST_ENTRIES, ModelScope
from genfix.resolver.modelscope.modelscope_cache import MASTER, Entry, ModelScopeCache, ModelScopeListing
from genfix.resolver.modelscope.modelscope_site import Site
from genfix.resolver.naming.spec import LOCAL_COPY, ModelScopeSpec, is_commit
from genfix.web.failures import OutageError

_HEAD: Final = 128 * 1024
"""What is asked for of a weights file at first: the whole header of most shards."""
_TRUE: Final = frozenset({"1", "ON", "YES", "TRUE"})


class ModelScopeBase(NamedTuple):
    """A model on ModelScope at one commit."""

    folder: Folder
    notes: tuple[Message, ...] = ()
    """What the user should know about how it was found, a sentence each."""


def open_modelscope(spec: ModelScopeSpec, *, offline: bool = False) -> ModelScopeBase:
    """List the files of ``spec`` with one request; each is fetched when it is read, of weights only parts.

    A full commit id whose listing is known costs no request. ``offline`` (or ``HF_HUB_OFFLINE``) takes what
    is cached and sends nothing; so does, with a note, a ModelScope that cannot be reached.

    Raises `BaseModelError` with what went wrong: no such model or revision, no access, no network and no
    cache.
    """
    site = Site.from_environment()
    api = ModelScope(site, spec)
    cached = ModelScopeCache(site.endpoint, spec.repo_id, spec.revision or MASTER)
    kept = cached.listing()
    stopped = text("genfix is offline") if offline else None
    if stopped is None and _is_offline():
        stopped = text("HF_HUB_OFFLINE is set")
    if stopped is not None:
        if (known := _known(spec, cached, kept, stopped)) is not None:
            return known
        raise UnknownModelError(
            "{spec} is not cached and {stopped}",
            "go online once, or {local_copy}",
            spec=str(spec),
            stopped=stopped,
            local_copy=LOCAL_COPY,
        )
    if kept is not None and is_commit(spec.revision or MASTER):
        return _listed(spec, cached, kept, api)
    try:
        listing = api.listing()
    except OutageError as error:
        stopped = text("ModelScope could not be reached ({why})", why=error.said)
        if (known := _known(spec, cached, kept, stopped)) is None:
            raise api.unreachable(error) from error
        return known
    cached.keep(listing)
    return _listed(spec, cached, listing, api)


def _is_offline() -> bool:
    """Whether the environment says so, as huggingface_hub reads it (constants.py)."""
    value = os.environ.get("HF_HUB_OFFLINE") or os.environ.get("TRANSFORMERS_OFFLINE") or ""
    return value.upper() in _TRUE


def _listed(
    spec: ModelScopeSpec,
    cached: ModelScopeCache,
    listing: ModelScopeListing,
    api: ModelScope | None,
    stopped: Message | None = None,
) -> ModelScopeBase:
    """The base by its listing; without ``api`` only cached files are read, and ``stopped`` says why."""
    files = _Files(spec, cached, listing, api, stopped)
    folder = RemoteFolder(
        Origin("modelscope", f"ms://{spec.repo_id}", listing.commit or spec.revision),
        {name: entry.stat for name, entry in listing.files.items()},
        files.fetch,
        refetch=None if api is None else files.download,
        fetch_range=files.fetch_range,
    )
    notes: list[Message] = []
    commit = listing.commit
    args: dict[str, Arg] = {"stopped": stopped, "repo": str(spec), "commit": commit and commit[:7]}
    if stopped is not None and commit != spec.revision:
        notes.append(
            text("{stopped}; using the list of files of {repo} at commit {commit} that was read last", **args)
            if commit
            else text("{stopped}; using the list of files of {repo} that was read last", **args)
        )
    if commit is None:
        notes.append(
            text(
                "ModelScope does not tell the commit of {repo}; "
                "the digests of its list of files stand for it",
                **args,
            )
        )
    if not listing.complete:
        notes.append(
            text(
                "ModelScope lists no more than {most} files of {repo}; some in its folders may be missing",
                most=MOST_ENTRIES,
                **args,
            )
        )
    return ModelScopeBase(folder, tuple(notes))


def _known(
    spec: ModelScopeSpec, cached: ModelScopeCache, kept: ModelScopeListing | None, stopped: Message
) -> ModelScopeBase | None:
    """The base as this machine knows it."""
    if kept is not None:
        return _listed(spec, cached, kept, None, stopped)
    path = cached.downloaded()
    if path is None:
        return None
    folder = LocalFolder(path)
    folder.origin = Origin("modelscope", f"ms://{spec.repo_id}", spec.revision)
    note = text(
        "{stopped}; the list of files of {repo} is not cached, "
        "only the {known} that ModelScope's client downloaded to {path} are known",
        stopped=stopped,
        repo=str(spec),
        known=len(folder.names()),
        path=path,
    )
    return ModelScopeBase(folder, (note,))


class _Files:
    """The files of one listing: from a cache, or downloaded into genfix's own."""

    def __init__(
        self,
        spec: ModelScopeSpec,
        cached: ModelScopeCache,
        listing: ModelScopeListing,
        api: ModelScope | None,
        stopped: Message | None,
    ) -> None:
        self._heads: dict[str, bytes] = {}
        self._spec = spec
        self._cached = cached
        self._listing = listing
        self._api = api
        self._stopped = stopped
        self._allowance = Allowance(str(spec))

    def fetch(self, name: str) -> Path:
        """Where a copy of ``name`` is, downloaded if need be. Raises `BaseModelError` where there is none."""
        path = self._cached.path(name, self._listing.files[name].stat)
        return self.download(name) if path is None else path

    def download(self, name: str) -> Path:
        """Download ``name``, whatever is cached.

        Raises `BaseModelError` or `StorageError` where that fails.
        """
        entry = self._listing.files[name]
        if entry.stat.sha256 is None:
            raise BaseModelError(
                "ModelScope lists {name} of {spec} without its SHA-256, so no copy can be trusted",
                LOCAL_COPY,
                name=name,
                spec=str(self._spec),
            )
        if self._api is None:
            raise BaseModelError(
                "{name} of {spec} is not cached and {stopped}",
                "go online once, or {local_copy}",
                name=name,
                spec=str(self._spec),
                stopped=self._stopped,
                local_copy=LOCAL_COPY,
            )
        self._allowance.take(entry.stat.size)
        return keep(entry.stat, self._api.file(name, entry, self._listing.commit))

    def fetch_range(self, name: str, start: int, length: int) -> bytes:
        """A part of weights that ModelScope's client has downloaded, or of their header; else
        `FolderFileError`. Raises `BaseModelError` where ModelScope gives none.
        """
        entry = self._listing.files[name]
        part = self._cached.read_range(name, entry.stat.size, start, length)
        if part is None and self._api is not None:
            return self._head(self._api, name, entry, start, min(start + length, entry.stat.size))
        if part is None:
            raise FolderFileError(
                name,
                FileProblem.UNREADABLE,
                "{name} of {spec} is not cached, and genfix downloads no weights",
                "what is asked of it needs a local copy of the model: --base ./folder",
                spec=str(self._spec),
            )
        return part

    def _head(self, api: ModelScope, name: str, entry: Entry, start: int, end: int) -> bytes:
        """The bytes from ``start`` to ``end``: of the header that is here, or asked for."""
        head = self._heads.get(name, b"")
        if start > max(len(head), _HEAD):  # a few rows of a tensor
            return self._part(api, name, entry, start, end)
        wanted = max(end, min(_HEAD, entry.stat.size))
        if wanted > len(head):
            head += self._part(api, name, entry, len(head), wanted)
            self._heads[name] = head
        return head[start:end]

    def _part(self, api: ModelScope, name: str, entry: Entry, start: int, end: int) -> bytes:
        if start >= end:
            return b""
        self._allowance.take(end - start)
        return api.part(name, entry, self._listing.commit, start, end)
