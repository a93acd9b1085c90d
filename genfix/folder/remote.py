"""A model folder elsewhere: a listing with digests, and files fetched when they are read."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple, Protocol, TypeAlias

from genfix.errors import BaseModelError, GenfixError
from genfix.folder.compare import blob_sha1
from genfix.folder.file_names import is_safe_name
from genfix.folder.folder import FileProblem, FileStat, Folder, FolderFileError, Origin
from genfix.folder.kinds import FileKind, kind_of, read_cap
from genfix.folder.progress import Fetching, Progress
from genfix.folder.regular_file import failing_disk, is_of_the_file, read_regular
from genfix.message import Message, text

FetchFile: TypeAlias = Callable[[str], Path]
"""Brings one listed file to this machine and says where it is."""
FetchRange: TypeAlias = Callable[[str, int, int], bytes]
"""At most so many bytes of one listed file from an offset: ``(name, start, length)``."""

OnFile: TypeAlias = Callable[[int, int, str], object]
"""Is told how many files are here, of how many, and the one that came last."""


class State(NamedTuple):
    """A folder elsewhere as one commit left it."""

    folder: "RemoteFolder"
    commit: str
    date: str
    """``2024-07-15``; empty where nobody says."""
    title: str


class Together(Protocol):
    """Does the same with several files at once."""

    def __call__(
        self, work: Callable[[str], object], names: Sequence[str], progress: OnFile | None = None
    ) -> None:
        """Do ``work`` for each of ``names``; the first error, by the order of names, is raised."""


_MAX_DEPTH: Final = 3
"""As deep as a local folder is walked, so that both sides of a comparison see the same names."""
_WEIGHTS: Final = frozenset({FileKind.WEIGHTS, FileKind.GGUF})


class RemoteFolder:
    """Files known from a listing; each is fetched when it is read and must have the digest it is listed with.

    The listing comes from a stranger's repo: names that could leave a folder are dropped, as are dot-folders.
    A weights file is never fetched whole, nor is a file that a borrowed folder has with the same digest.
    ``refetch`` is asked once for another copy where the first one is not the listed file (a damaged cache).
    """

    def __init__(
        self,
        origin: Origin,
        listing: Mapping[str, FileStat],
        fetch: FetchFile,
        *,
        refetch: FetchFile | None = None,
        fetch_range: FetchRange | None = None,
        together: Together | None = None,
        history: Callable[[], Iterable[State]] | None = None,
    ) -> None:
        self.origin = origin
        self._files = {name: listing[name] for name in listing if _is_shown(name)}
        self._names = frozenset(self._files)
        self._fetch = fetch
        self._refetch = refetch
        self._fetch_range = fetch_range
        self._together = together
        self.history = history
        """Its states, this one first and then the newest; `None` where they are not to be asked for."""
        self._near: Folder | None = None

    def borrow(self, near: Folder) -> None:
        """From now on read what ``near`` has with the listed digest from there: it costs no request."""
        self._near = near

    def names(self) -> frozenset[str]:
        """All file names, without dot-folders."""
        return self._names

    def stat(self, name: str) -> FileStat:
        """Size and digests as listed. Raises `KeyError` for an unknown name."""
        return self._files[name]

    def read(self, name: str) -> bytes:
        """The whole file, with the digest it is listed with.

        Raises `KeyError` for an unknown name; `FolderFileError` for weights, a file over its kind's cap and a
        copy that is no regular file; `BaseModelError` where it cannot be fetched or is not the listed file.
        """
        listed = self.stat(name)
        if _is_weights(name):
            raise _no_weights(name)
        cap = read_cap(name)
        if listed.size > cap:
            raise FolderFileError(
                name,
                FileProblem.TOO_LARGE,
                "{name} of {origin} has {size:,} bytes, more than the {cap:.3g} MiB that such a file can "
                "have",
                "look whether another file was saved under this name",
                origin=str(self.origin),
                size=listed.size,
                cap=cap / 2**20,
            )
        if (equal := self._borrowed(name, listed)) is not None:
            return equal
        path = self._fetch(name)
        content = _read_regular(path, name, cap)
        wrong = difference(content, listed)
        if wrong and self._refetch is not None:
            path = self._refetch(name)
            content = _read_regular(path, name, cap)
            wrong = difference(content, listed)
        if wrong:
            raise BaseModelError(
                "{name} of {origin} is not the file that was listed: {wrong}",
                "delete the copy {path} and try again, or pass a local copy of the model: --base ./folder",
                name=name,
                origin=str(self.origin),
                wrong=wrong,
                path=path,
            )
        return content

    def read_range(self, name: str, start: int, length: int) -> bytes:
        """At most ``length`` bytes from offset ``start``.

        A small file is read whole and verified; a part of a weights file cannot be, so only its headers
        should be asked for. Raises as `read`, and `FolderFileError` where no part of weights can be had.
        """
        listed = self.stat(name)
        if not _is_weights(name) and listed.size <= read_cap(name):
            return self.read(name)[start : start + length]
        if self._fetch_range is None:
            raise _no_weights(name)
        return self._fetch_range(name, start, length)

    def read_ranges(self, parts: Sequence[tuple[str, int, int]]) -> list[bytes]:
        """Several parts (``(name, start, length)``) as `read_range` gives each, asked for at once."""
        found: dict[str, bytes] = {}

        def read(number: str) -> None:
            found[number] = self.read_range(*parts[int(number)])

        numbers = [str(number) for number in range(len(parts))]
        if self._together is not None:
            self._together(read, numbers)
        else:
            for number in numbers:
                read(number)
        return [found[number] for number in numbers]

    def fetch_ahead(self, names: Iterable[str], progress: Progress | None = None) -> None:
        """Fetch those of the files ``names`` that are not here yet, several at once: of weights, the header.

        What cannot be read at all is left for `read` to say. Raises as `read` does where a file cannot be
        fetched.
        """
        wanted = [name for name in sorted(self._names.intersection(names)) if self._is_to_fetch(name)]
        if self._together is not None:
            sizes = {name: 8 if _is_weights(name) else self._files[name].size for name in wanted}
            told = _with_sizes(progress, sizes) if progress is not None else None
            self._together(self._fetch_one, wanted, told)
        else:
            for name in wanted:
                self._fetch_one(name)

    def _is_to_fetch(self, name: str) -> bool:
        listed = self._files[name]
        if _is_weights(name):
            return True
        return listed.size <= read_cap(name) and self._borrowed(name, listed) is None

    def _fetch_one(self, name: str) -> None:
        if not _is_weights(name):
            self._fetch(name)
        elif self._fetch_range is not None:
            self._fetch_range(name, 0, 8)

    def _borrowed(self, name: str, listed: FileStat) -> bytes | None:
        """The equal file of the folder beside this one, by the listed digest; `None` without one."""
        there = self._near
        if there is None or name not in there.names() or not (listed.sha256 or listed.git_sha1):
            return None
        try:
            stat = there.stat(name)
            known = stat.sha256 or stat.git_sha1
            if stat.size != listed.size or known not in {None, listed.sha256 or listed.git_sha1}:
                return None
            content = there.read(name)
        except GenfixError:  # its own rule says why it cannot be read
            return None
        return None if difference(content, listed) else content


def _with_sizes(progress: Progress, sizes: Mapping[str, int]) -> OnFile:
    come, whole = 0, sum(sizes.values())

    def tell(done: int, total: int, name: str) -> None:
        nonlocal come
        come += sizes.get(name, 0)
        progress(Fetching(done, total, name, come, whole))

    return tell


def _is_weights(name: str) -> bool:
    kind = kind_of(name)
    return kind in _WEIGHTS or (kind is FileKind.ADAPTER and not name.endswith(".json"))


def _is_shown(name: str) -> bool:
    folders = name.split("/")[:-1]
    return (
        is_safe_name(name)
        and len(folders) <= _MAX_DEPTH
        and not any(part.startswith(".") for part in folders)
    )


def _no_weights(name: str) -> FolderFileError:
    return FolderFileError(
        name,
        FileProblem.UNREADABLE,
        "{name} is a weights file, and genfix does not download weights",
        "what is asked of them needs a local copy of the model: --base ./folder",
    )


def _read_regular(path: Path, name: str, cap: int) -> bytes:
    try:
        content = read_regular(path, cap + 1)
    except OSError as error:
        if not is_of_the_file(error):
            raise failing_disk(path, error) from error
        raise FolderFileError(
            name,
            FileProblem.UNREADABLE,
            "cannot read {path}, the copy of {name}: {why}",
            "check its permissions",
            path=path,
            why=error.strerror or str(error),
        ) from error
    if content is None:
        raise FolderFileError(
            name,
            FileProblem.NOT_REGULAR,
            "{path} is not a regular file",
            "delete it and try again",
            path=path,
        )
    return content


def difference(content: bytes, listed: FileStat) -> Message | None:
    """What tells ``content`` from the listed file, in words; `None` where it is that file."""
    if len(content) != listed.size:
        return text("it has {size:,} bytes, should have {listed:,}", size=len(content), listed=listed.size)
    if listed.sha256 is not None:
        return _digests("sha256", hashlib.sha256(content).hexdigest(), listed.sha256)
    if listed.git_sha1 is not None:
        return _digests("git sha1", blob_sha1(content), listed.git_sha1)
    return None


def _digests(kind: str, found: str, listed: str) -> Message | None:
    if found == listed:
        return None
    return text("its {kind} is {found}, should be {listed}", kind=kind, found=found[:12], listed=listed[:12])
