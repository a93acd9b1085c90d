"""A folder as it would be after some files are written: what a plan is judged on before it exists."""

import hashlib
from collections.abc import Mapping

from genfix.folder.folder import FileStat, Folder, Origin


class OverlayFolder:
    """``folder`` with some files replaced, added, or (where the content is `None`) removed."""

    def __init__(self, folder: Folder, files: Mapping[str, bytes | None]) -> None:
        self._folder = folder
        self._files = dict(files)

    @property
    def origin(self) -> Origin:
        """Where the folder underneath comes from."""
        return self._folder.origin

    def names(self) -> frozenset[str]:
        """The names underneath, with the overlay's added and its removed ones taken away."""
        removed = {name for name, content in self._files.items() if content is None}
        return (self._folder.names() | self._files.keys()) - removed

    def stat(self, name: str) -> FileStat:
        """Size and digests; those of an overlaid file are exact."""
        if name not in self._files:
            return self._folder.stat(name)
        content = self._content(name)
        return FileStat(len(content), sha256=hashlib.sha256(content).hexdigest())

    def read(self, name: str) -> bytes:
        """The planned content where there is one, else the folder's own."""
        return self._content(name) if name in self._files else self._folder.read(name)

    def read_range(self, name: str, start: int, length: int) -> bytes:
        """A part of the planned content where there is one, else of the folder's own."""
        if name in self._files:
            return self._content(name)[start : start + length]
        return self._folder.read_range(name, start, length)

    def _content(self, name: str) -> bytes:
        content = self._files[name]
        if content is None:
            raise KeyError(name)
        return content
