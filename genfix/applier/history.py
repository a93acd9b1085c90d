"""The receipts of a folder, read only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from genfix.applier.fs import DISK, FileSystem
from genfix.applier.journal import MAX_BYTES, Journal, JournalError, decode
from genfix.applier.records import Receipt
from genfix.applier.state import Location, State, existing, open_folder
from genfix.applier.storage_errors import storage_errors
from genfix.applier.tree import read_all, walk
from genfix.errors import RefusedError, StorageError
from genfix.message import text


@dataclass(frozen=True, slots=True)
class History:
    """The finished transactions of a folder."""

    journals: tuple[Journal, ...]
    """Oldest first."""
    damaged: tuple[str, ...]
    """Files of the log that are no receipt."""


def log(root: Path, *, state_dir: Path | None = None, fs: FileSystem = DISK) -> tuple[Receipt, ...]:
    """The receipts of all finished transactions, oldest first; damaged ones are in `damaged_receipts`.

    A transaction that was interrupted is not among them before it is rolled forward: `pending` tells of it.
    """
    location, history = _read(root, state_dir, fs)
    undone = undone_by(history.journals)
    return tuple(journal.receipt(location.path, undone.get(journal.id)) for journal in history.journals)


def damaged_receipts(root: Path, *, state_dir: Path | None = None, fs: FileSystem = DISK) -> tuple[Path, ...]:
    """The files of the log that are no receipt: what they recorded can be undone only by hand, from the
    backup.
    """
    location, history = _read(root, state_dir, fs)
    return tuple(location.path / "log" / name for name in history.damaged)


def read_history(state: State) -> History:
    """All receipts in the state folder."""
    journals: list[Journal] = []
    damaged: list[str] = []
    with walk(state.fs, state.home, ("log",)) as receipts:
        for name in [] if receipts is None else state.fs.names(receipts):
            try:
                journal = decode(read_all(state.fs, state.home, f"log/{name}", MAX_BYTES) or b"")
            except (JournalError, RefusedError, StorageError):
                damaged.append(name)
                continue
            if name == f"{journal.id}.json":
                journals.append(journal)
            else:
                damaged.append(name)
    return History(tuple(journals), tuple(damaged))


def undone_by(journals: Sequence[Journal]) -> Mapping[str, str]:
    """Which undo reverted which transaction, leaving out an undo that was itself undone."""
    result: dict[str, str] = {}
    for journal in reversed(journals):
        # A later one has been looked at before: whether this one still holds is known.
        if journal.undoes is not None and journal.id not in result:
            result.setdefault(journal.undoes, journal.id)
    return result


def _read(root: Path, state_dir: Path | None, fs: FileSystem) -> tuple[Location, History]:
    location = Location.of(root, state_dir)
    with (
        storage_errors(text("cannot read the log of {root}", root=root)),
        open_folder(fs, root) as folder,
        existing(fs, folder, location, trusting=True) as state,
    ):
        return location, History((), ()) if state is None else read_history(state)
