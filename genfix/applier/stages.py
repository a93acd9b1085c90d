"""A folder as it was at one stage: what a snapshot holds, or what stood there before a repair.

A repair keeps what it replaces, so each is a stage of its own; nothing more is stored.
"""

from pathlib import Path

from genfix.applier.fs import DISK
from genfix.applier.history import read_history
from genfix.applier.journal import Journal
from genfix.applier.snapshots import snapshot_folder
from genfix.applier.state import Location, existing, open_folder
from genfix.applier.storage_errors import storage_errors
from genfix.applier.undoing import kept_bytes
from genfix.errors import InputError
from genfix.folder import Folder, LocalFolder
from genfix.folder.overlay import OverlayFolder
from genfix.message import text


def stage_folder(root: Path, transaction: str, *, state_dir: Path | None = None) -> Folder:
    """The files of the snapshot ``transaction``; of any other, the folder as it was before it.

    Files that no transaction has written since are as they are now. Raises `InputError` where there is no
    such transaction, `StorageError` where its backup, or a later one's, was removed.
    """
    location = Location.of(root, state_dir)
    with (
        storage_errors(text("cannot read the log of {root}", root=root)),
        open_folder(DISK, root) as folder,
        existing(DISK, folder, location, trusting=True) as state,
    ):
        journals = () if state is None else read_history(state).journals
        since = _since(journals, transaction, root)
        if since[0].kind != "snapshot" and state is not None:
            before: dict[str, bytes | None] = {}
            for journal in reversed(since):
                for op in journal.ops:
                    old = op.before
                    before[op.name] = None if old is None else kept_bytes(state, journal.id, op.name, old)
            return OverlayFolder(LocalFolder(root, f"{root}@{transaction}"), before)
    return snapshot_folder(root, transaction, state_dir=state_dir)


def _since(journals: tuple[Journal, ...], transaction: str, root: Path) -> tuple[Journal, ...]:
    """The transaction and all later ones, oldest first."""
    ids = [journal.id for journal in journals]
    if transaction not in ids:
        raise InputError(
            "there is no transaction '{transaction}' of {root}",
            "`genfix log {root}` lists what was done there",
            transaction=transaction,
            root=root,
        )
    return journals[ids.index(transaction) :]
