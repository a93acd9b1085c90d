"""The receipts of a folder, read only."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from genfix.applier.fs import DISK, FileSystem
from genfix.applier.journal import MAX_BYTES, Journal, JournalError, decode
from genfix.applier.ledger import is_from_the_future, is_ours
from genfix.applier.records import Receipt
from genfix.applier.state import Location, State, existing, not_ours, open_folder
from genfix.applier.storage_errors import storage_errors
from genfix.applier.tree import read_all, walk
from genfix.errors import RefusedError, StorageError
from genfix.message import text


class History(NamedTuple):
    """The finished transactions of a folder."""

    journals: tuple[Journal, ...]
    """Oldest first."""
    damaged: tuple[str, ...]
    """Files of the log that are no receipt."""
    ours: frozenset[str] = frozenset()
    """IDs of those that were written here."""

    @property
    def last(self) -> str | None:
        """The newest ID. A foreign receipt from the future has no say in what is newest."""
        return max((journal.id for journal in self.journals if not self.is_refused(journal)), default=None)

    def is_refused(self, journal: Journal) -> bool:
        """Whether only its ID chooses this receipt: it is foreign, and from the future."""
        return journal.id not in self.ours and is_from_the_future(journal)


def log(root: Path, *, state_dir: Path | None = None, fs: FileSystem = DISK) -> tuple[Receipt, ...]:
    """The receipts of all finished transactions, oldest first; damaged ones are in `damaged_receipts`.

    A transaction that was interrupted is not among them before it is rolled forward: `pending` tells of it.
    """
    location, history = _read(root, state_dir, fs)
    undone = undone_by(history.journals)
    return tuple(
        replace(journal.receipt(location.path, undone.get(journal.id)), ours=journal.id in history.ours)
        for journal in history.journals
    )


def damaged_receipts(root: Path, *, state_dir: Path | None = None, fs: FileSystem = DISK) -> tuple[Path, ...]:
    """The files of the log that are no receipt: what they recorded can be undone only by hand, from the
    backup.
    """
    location, history = _read(root, state_dir, fs)
    return tuple(location.path / "log" / name for name in history.damaged)


def read_history(state: State) -> History:
    """All receipts in the state folder; those that are refused count as the oldest."""
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
    ours = frozenset(journal.id for journal in journals if is_ours(state, journal))
    found = History(tuple(journals), tuple(damaged), ours)
    journals.sort(key=lambda journal: (not found.is_refused(journal), journal.id))
    return found._replace(journals=tuple(journals))


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
    with storage_errors(text("cannot read the log of {root}", root=root)), open_folder(fs, root) as folder:
        try:
            with existing(fs, folder, location, trusting=True) as state:
                return location, History((), ()) if state is None else read_history(state)
        except PermissionError as error:
            raise not_ours(location.path) from error
