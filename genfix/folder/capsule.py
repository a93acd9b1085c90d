"""A capsule: a folder with a base's config files, a manifest of all its files, a little of its weights."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from genfix.folder.folder import FileProblem, FileStat, FolderFileError, Origin
from genfix.folder.local import LocalFolder

MANIFEST: Final = "genfix-capsule.json"
PARTS: Final = "genfix-capsule.parts"
"""Parts of weights files, one after the other: their headers, and the first bytes of some tensors."""


class Contents(NamedTuple):
    """What the manifest says."""

    origin: Origin
    """Where the base was when the capsule was made; never a path."""
    files: Mapping[str, FileStat]
    """All files of the base."""
    stored: frozenset[str]
    """Those that are in the capsule."""
    parts: Mapping[str, Sequence[tuple[int, int]]]
    """Of which weights file which parts (offset, length) are in `PARTS`, in the order in which they stand
    there."""
    parts_sha256: str | None = None


class CapsuleFolder:
    """The base as its capsule knows it: every file is listed, what is stored can be read."""

    def __init__(self, folder: LocalFolder, contents: Contents) -> None:
        self.contents = contents
        there = contents.origin
        # A base that was a folder is known by where its capsule is.
        self.origin = there if there.kind != "local" else folder.origin
        self._folder = folder
        self._names = frozenset(contents.files)

    def names(self) -> frozenset[str]:
        """All file names of the base."""
        return self._names

    def stat(self, name: str) -> FileStat:
        """Size and digests as in the manifest. Raises `KeyError` for an unknown name."""
        return self.contents.files[name]

    def read(self, name: str) -> bytes:
        """The whole file.

        Raises `KeyError` for an unknown name, `FolderFileError` where it is not in the capsule.
        """
        self.stat(name)
        if name not in self.contents.stored:
            raise self._left_out(name)
        return self._folder.read(name)

    def read_range(self, name: str, start: int, length: int) -> bytes:
        """At most ``length`` bytes from ``start``: of a stored file, or of a kept part of weights."""
        size = self.stat(name).size
        if name in self.contents.stored:
            return self._folder.read_range(name, start, length)
        end, place = min(start + length, size), 0
        for file, ranges in self.contents.parts.items():
            for first, count in ranges:
                if file == name and first <= start <= end <= first + count:
                    return self._folder.read_range(PARTS, place + start - first, end - start)
                place += count
        raise self._left_out(name)

    def _left_out(self, name: str) -> FolderFileError:
        return FolderFileError(
            name,
            FileProblem.UNREADABLE,
            "{name} is not in the capsule of {base}",
            "what is asked of it needs the model itself: --base ./folder or --base org/name",
            base=str(self.contents.origin),
        )
