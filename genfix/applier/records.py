"""The values that cross the applier's border: what to write, and what was written."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias

from genfix.message import Message, text

Kind: TypeAlias = Literal["repair", "undo", "snapshot", "restore"]

_NAMES: Final = {
    "repair": text("repair"),
    "undo": text("undo"),
    "snapshot": text("snapshot"),
    "restore": text("restore"),
}


@dataclass(frozen=True, slots=True)
class Write:
    """The new state of one file."""

    name: str
    """Relative path with ``/``."""
    before: str | None
    """SHA-256 (hex) of the bytes it has now; `None`: the file must not exist."""
    content: bytes | None
    """The bytes it shall have; `None`: it goes, into the backup."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a transaction did to one file, as SHA-256 (hex); `None` where there is no file."""

    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Kept:
    """One file as a snapshot has it."""

    name: str
    sha256: str
    mode: int
    """Permission bits."""
    mtime_ns: int
    """Modification time in nanoseconds since 1970."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a transaction did; enough to undo it byte for byte."""

    id: str
    """Sortable and unique, such as ``20261123T101500Z-1a2b3c``: later transactions sort later."""
    kind: Kind
    changes: tuple[Change, ...]
    """In the order they were made. Empty: nothing had to be written, and no transaction was recorded."""
    when: str
    """ISO 8601, UTC."""
    note: Mapping[str, str]
    """Who, why and from which base, as the caller gave it."""
    undoes: str | None
    """The transaction an undo reverts."""
    undone_by: str | None
    """The undo that reverted it, unless that undo was itself undone."""
    backup: Path
    """The folder that holds the old bytes (or a snapshot's), each file under its own name."""
    broken_links: tuple[str, ...]
    """Files that shared their bytes with another name (hard link) and no longer do."""
    files: tuple[Kept, ...] = ()
    """What a snapshot holds; empty for all else."""
    ours: bool = True
    """Whether an undo may choose it by itself; `False` where nothing remembers that it was made here."""

    def __repr__(self) -> str:
        """Short: a snapshot names every file."""
        return f"<Receipt {self.id}: {self.kind}, {len(self.changes) or len(self.files)} files>"


def kind_name(kind: Kind) -> Message:
    """The word for a kind of transaction."""
    return _NAMES[kind]
