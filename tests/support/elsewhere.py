"""Repos elsewhere that give weights by range only, and count what was asked of them."""

import hashlib
from pathlib import Path
from typing import NamedTuple

from genfix.folder import FileStat, Origin
from genfix.folder.remote import RemoteFolder
from genfix.model import Model
from tests.support.folders import Files

__all__ = ["Counted", "elsewhere"]


class Counted(NamedTuple):
    """A repo elsewhere, and the ranges that were asked of it."""

    folder: RemoteFolder
    asked: list[tuple[str, int, int]]

    @property
    def data(self) -> list[tuple[str, int, int]]:
        """Those beyond the headers."""
        return [part for part in self.asked if part[1] > 8]

    @property
    def model(self) -> Model:
        return Model(self.folder)


def elsewhere(files: Files, place: Path, *, has_digests: bool = False) -> Counted:
    """The files in a repo that gives weights by range only, and lists them with or without digests."""
    asked: list[tuple[str, int, int]] = []
    place.mkdir()

    def fetch(name: str) -> Path:
        (place / name).write_bytes(files[name])
        return place / name

    def fetch_range(name: str, start: int, length: int) -> bytes:
        asked.append((name, start, length))
        return files[name][start : start + length]

    listing = {
        name: FileStat(len(content), sha256=hashlib.sha256(content).hexdigest() if has_digests else None)
        for name, content in files.items()
    }
    folder = RemoteFolder(Origin("hub", "org/name", "0" * 40), listing, fetch, fetch_range=fetch_range)
    return Counted(folder, asked)
