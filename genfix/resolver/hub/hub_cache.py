"""What this machine knows about a Hub repo: huggingface_hub's cache, walked by hand, and kept listings.

The cache is laid out as ``<cache>/models--org--name/{refs,snapshots,blobs,trees}`` (huggingface_hub,
file_download.py, 0.34 to 2.4; ``trees`` and the shared ``<cache>/blobs`` since 2.x). Walking it costs
milliseconds; importing huggingface_hub's own readers costs 0.3 s.

A snapshot holds only the files that someone downloaded, so it cannot say what the repo does *not* have. That
is why the listing of every commit read online is kept in genfix's own cache: a commit never changes, so a
listing never gets stale.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from genfix import cache
from genfix.folder.file_names import is_safe_name
from genfix.folder.folder import FileProblem, FileStat, FolderFileError
from genfix.folder.regular_file import failing_disk, is_of_the_file
from genfix.json_types import JsonValue
from genfix.resolver.naming.digests import SHA1, SHA256, matching, size_of
from genfix.resolver.naming.spec import is_commit

_MAX_DEPTH: Final = 3
_MAX_LISTING: Final = 16 * 1024 * 1024
_KIND: Final = "hub-listing"
_NOTES: Final = "hub-ref"
_HEADS: Final = "hub-head"


@dataclass(frozen=True, slots=True)
class CachedListing:
    """The files of one commit, as far as this machine knows them."""

    files: Mapping[str, FileStat]
    repo_id: str | None = None
    """The repo's name on the Hub when it was listed; `None` where nobody wrote it down."""
    complete: bool = True
    """Whether these are all files of the commit, not only the ones that were downloaded."""


class HubCache:
    """What is cached of one model repo. Nothing here asks the network."""

    def __init__(self, root: Path, repo_id: str) -> None:
        self._root = root
        self._repo = root / f"models--{repo_id.replace('/', '--')}"
        self._key = hashlib.sha256(repo_id.encode()).hexdigest()[:16]

    def snapshot(self, commit: str) -> Path:
        """Where the files of ``commit`` are that were downloaded."""
        return self._repo / "snapshots" / commit

    def commit_of(self, revision: str) -> str | None:
        """The commit that ``revision`` (a branch, tag or commit) had when it was last asked for."""
        if is_commit(revision):
            return revision
        theirs = self.ref(revision)
        match _json(cache.load(_NOTES, self._note_key(revision)) or b""):
            # Where huggingface_hub's own note is another one than it was then, it is the newer one.
            case {"commit": str(commit), "ref": ref} if is_commit(commit) and theirs in {ref, None}:
                return commit
            case _:
                return theirs

    def ref(self, revision: str) -> str | None:
        """The commit that huggingface_hub noted for ``revision`` when it last downloaded a file of it."""
        try:
            commit = (self._repo / "refs" / revision).read_text(encoding="utf-8").strip()
        except (OSError, ValueError):
            return None
        return commit if is_commit(commit) else None

    def note(self, revision: str, commit: str) -> None:
        """Write down what ``revision`` is now: a run that downloads nothing leaves no other trace of it."""
        note = json.dumps({"commit": commit, "ref": self.ref(revision)})
        cache.store(_NOTES, self._note_key(revision), note.encode())

    def _note_key(self, revision: str) -> str:
        return f"{self._key}-{hashlib.sha256(revision.encode()).hexdigest()[:16]}"

    def listing(self, commit: str) -> CachedListing | None:
        """The files of ``commit``: a kept listing, huggingface_hub's, or else what the snapshot holds."""
        kept = cache.load(_KIND, f"{self._key}-{commit}")
        if kept is not None and (known := _parse_kept(_json(kept))):
            return known
        tree = _content(self._repo / "trees" / f"{commit}.json")
        if tree is not None and (known := _parse_tree(_json(tree))):
            return known
        files = dict(_walk(str(self.snapshot(commit)), "", 0))
        return CachedListing(files, complete=False) if files else None

    def path(self, commit: str, name: str) -> Path | None:
        """Where the cached copy of ``name`` is, or `None`.

        Raises `FolderFileError` where the snapshot links out of the cache: whoever planted such a link would
        have a file of this machine copied into the model folder, and published with it.
        """
        snapshot = self.snapshot(commit)
        real = Path(os.path.realpath(snapshot / name))
        if not real.exists():
            return None
        homes = (self._repo / "blobs", self._root / "blobs", snapshot)
        if not any(real.is_relative_to(os.path.realpath(home)) for home in homes):
            raise FolderFileError(
                name,
                FileProblem.LINK_OUTSIDE,
                "{path} is a link to a file outside the Hub cache",
                "delete that link and try again",
                path=snapshot / name,
            )
        return real

    def blob(self, listed: FileStat) -> Path | None:
        """A copy of the listed content that came with another commit, or `None`."""
        digest = listed.sha256 or listed.git_sha1
        path = self._repo / "blobs" / digest if digest else None
        return path if path is not None and path.is_file() and not path.is_symlink() else None

    def head(self, listed: FileStat) -> bytes | None:
        """The first bytes of a file with this digest, where they were kept."""
        return cache.load(_HEADS, listed.sha256) if listed.sha256 else None

    def keep_head(self, listed: FileStat, content: bytes) -> None:
        """Keep the header of a weights file: one digest, one header."""
        if listed.sha256:
            cache.store(_HEADS, listed.sha256, content)

    def read_range(self, commit: str, name: str, start: int, length: int) -> bytes | None:
        """A part of the cached copy of ``name``, or `None` where there is no copy. Raises as `path`."""
        path = self.path(commit, name)
        if path is None:
            return None
        try:
            with path.open("rb") as file:
                file.seek(start)
                return file.read(length)
        except OSError as error:
            if not is_of_the_file(error):
                raise failing_disk(path, error) from error
            raise FolderFileError(
                name,
                FileProblem.UNREADABLE,
                "cannot read {path}: {why}",
                "check its permissions",
                path=path,
                why=error.strerror or str(error),
            ) from error

    def keep(self, commit: str, repo_id: str, files: Mapping[str, FileStat]) -> None:
        """Write down the complete listing of ``commit`` for the next run."""
        rows = {name: [files[name].size, files[name].git_sha1, files[name].sha256] for name in sorted(files)}
        listing = json.dumps({"format": 1, "repo": repo_id, "files": rows})
        cache.store(_KIND, f"{self._key}-{commit}", listing.encode())


def _content(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_LISTING + 1)
    except OSError:
        return None
    return content if len(content) <= _MAX_LISTING else None


def _json(content: bytes) -> JsonValue:
    try:
        data: JsonValue = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return data


def _parse_kept(data: JsonValue) -> CachedListing | None:
    match data:
        case {"format": 1, "repo": str(repo_id), "files": dict(rows)}:
            files: dict[str, FileStat] = {}
            for name, row in rows.items():
                stat = _listed(*row) if isinstance(row, list) and len(row) == 3 else None
                if stat is None:
                    return None
                files[name] = stat
            return CachedListing(files, repo_id)
        case _:
            return None


def _parse_tree(data: JsonValue) -> CachedListing | None:
    """``trees/<commit>.json``: huggingface_hub, _tree_cache.py, format_version 1."""
    match data:
        case {"format_version": 1, "files": dict(entries)}:
            files: dict[str, FileStat] = {}
            for name, entry in entries.items():
                match entry:
                    # Here blob_id is the pointer's digest, not the content's.
                    case {"lfs_sha256": str(sha256), "lfs_size": size}:
                        stat = _listed(size, None, sha256)
                    case {"size": size, "blob_id": str(blob_id)}:
                        stat = _listed(size, blob_id, None)
                    case _:
                        return None
                if stat is None:
                    return None
                files[name] = stat
            return CachedListing(files)
        case _:
            return None


def _listed(size: JsonValue, git_sha1: JsonValue, sha256: JsonValue) -> FileStat | None:
    """What a kept listing says of one file; `None` where it says no size, or no digest."""
    known, sha1, sha2 = size_of(size), matching(SHA1, git_sha1), matching(SHA256, sha256)
    return FileStat(known, sha1, sha2) if known is not None and (sha1 or sha2) else None


def _walk(directory: str, prefix: str, depth: int) -> Iterator[tuple[str, FileStat]]:
    """The files of a snapshot: a link's target is named by its digest (git SHA-1, or SHA-256 for LFS)."""
    try:
        with os.scandir(directory) as scan:
            entries = list(scan)
    except OSError:
        return
    for entry in entries:
        name = prefix + entry.name
        if entry.is_dir(follow_symlinks=False):
            if depth < _MAX_DEPTH and not entry.name.startswith("."):
                yield from _walk(entry.path, name + "/", depth + 1)
        elif is_safe_name(name) and (listed := _stat(Path(entry.path))):
            yield name, listed


def _stat(path: Path) -> FileStat | None:
    try:
        etag = path.readlink().name if path.is_symlink() else None
        return FileStat(path.stat().st_size, matching(SHA1, etag), matching(SHA256, etag))
    except OSError:  # a link whose blob is missing
        return None
