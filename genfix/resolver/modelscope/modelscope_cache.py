"""What this machine already knows about a model on ModelScope: its client's cache, kept listings and files.

ModelScope's client puts models into ``$MODELSCOPE_CACHE`` (``~/.cache/modelscope``), laid out as
``models/org--name/snapshots/<revision>`` (modelscope_hub 0.5.1, _download.py) or, by versions before it, as
``[hub/][models/]org/name`` with ``___`` in the place of a dot (modelscope 1.40.2, hub/utils/utils.py). Those
older folders say in pickles (``.msc``, ``.mdl``) which commit they hold; a pickle is a program, so none is
read, and a file there counts as the one of a listing only when it has the listed digest.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from genfix import cache
from genfix.errors import StorageError
from genfix.folder.folder import FileStat, FolderFileError
from genfix.folder.local import LocalFolder
from genfix.json_types import JsonValue
from genfix.resolver.kept_files import find_kept
from genfix.resolver.naming.digests import COMMIT_START, SHA256, matching, size_of

MASTER: Final = "master"
"""The branch that is meant where none is named."""

_LISTINGS: Final = "modelscope-listing"


class Entry(NamedTuple):
    """One file of a listing."""

    stat: FileStat
    revision: str | None = None
    """The commit that changed the file last: it holds the file as it is listed."""


class ModelScopeListing(NamedTuple):
    """The files of a model at one time."""

    files: Mapping[str, Entry]
    commit: str | None = None
    """The commit, or its first digits; `None` where ModelScope did not tell it."""
    complete: bool = True
    """Whether no file in a sub-folder can be missing."""


class ModelScopeCache:
    """What is cached of one model at one revision. Nothing here asks the network."""

    def __init__(self, endpoint: str, repo_id: str, revision: str) -> None:
        self._of = (endpoint, repo_id)
        self._revision = revision
        # Not Path.is_dir(): it raises for a folder nobody may enter.
        places = [path for path in _places(repo_id, revision) if os.path.isdir(path)]  # noqa: PTH112
        self._folders = tuple(LocalFolder(path, str(path)) for path in places)

    def listing(self) -> ModelScopeListing | None:
        """The complete listing that was kept when it was last read from ModelScope."""
        kept = cache.load(_LISTINGS, self._key(self._revision))
        try:
            return None if kept is None else _parse(json.loads(kept))
        except (ValueError, RecursionError):
            return None

    def keep(self, listing: ModelScopeListing) -> None:
        """Write down a complete listing for the next run, under its revision and its commit."""
        rows = {
            name: [entry.stat.size, entry.stat.sha256, entry.revision]
            for name, entry in sorted(listing.files.items())
        }
        listed = json.dumps(
            {"format": 1, "commit": listing.commit, "complete": listing.complete, "files": rows}
        )
        for revision in {self._revision, listing.commit or self._revision}:
            cache.store(_LISTINGS, self._key(revision), listed.encode())

    def downloaded(self) -> Path | None:
        """The folder into which ModelScope's client downloaded this revision, as far as its place tells."""
        for folder in self._folders:
            of_revision = folder.root.parent.name == "snapshots" or self._revision == MASTER
            if of_revision and _has_files(folder):
                return folder.root
        return None

    def path(self, name: str, listed: FileStat) -> Path | None:
        """A copy of a listed file: the client's where it has the listed digest, or genfix's own."""
        if listed.sha256 is None:
            return None
        for folder in self._folders:
            if _has(folder, name, listed.size) and _sha256(folder, name) == listed.sha256:
                return folder.root / name
        return find_kept(listed)

    def read_range(self, name: str, size: int, start: int, length: int) -> bytes | None:
        """A part of the client's copy of a file of the listed size, or `None` where it has none."""
        for folder in self._folders:
            if _has(folder, name, size):
                return folder.read_range(name, start, length)
        return None

    def _key(self, revision: str) -> str:
        return hashlib.sha256(json.dumps([*self._of, revision]).encode()).hexdigest()


def cache_root() -> Path | None:
    """Where ModelScope's client puts models; `None` where there is no home directory."""
    named = os.environ.get("MODELSCOPE_CACHE", "")
    try:
        return Path(named).expanduser() if named else Path.home() / ".cache" / "modelscope"
    except RuntimeError:
        return None


def _places(repo_id: str, revision: str) -> Iterator[Path]:
    root = cache_root()
    if root is None:
        return
    org, name = repo_id.split("/")
    yield root / "models" / f"{org}--{name}" / "snapshots" / revision
    for above in (root / "models", root / "hub" / "models", root / "hub", root):
        for spelled in dict.fromkeys((name.replace(".", "___"), name)):
            yield above / org / spelled


def _has_files(folder: LocalFolder) -> bool:
    try:
        return bool(folder.names())
    except StorageError:
        return False


def _has(folder: LocalFolder, name: str, size: int) -> bool:
    try:
        return name in folder.names() and folder.stat(name).size == size
    except (StorageError, FolderFileError):
        return False


def _sha256(folder: LocalFolder, name: str) -> str | None:
    try:
        return folder.sha256(name)
    except FolderFileError:
        return None


def _parse(data: JsonValue) -> ModelScopeListing | None:
    match data:
        case {"format": 1, "commit": commit, "complete": bool(complete), "files": dict(rows)}:
            files: dict[str, Entry] = {}
            for name, row in rows.items():
                match row:
                    case [given, sha256, revision] if (size := size_of(given)) is not None:
                        stat = FileStat(size, sha256=matching(SHA256, sha256))
                        files[name] = Entry(stat, matching(COMMIT_START, revision))
                    case _:
                        return None
            return ModelScopeListing(files, matching(COMMIT_START, commit), complete)
        case _:
            return None
