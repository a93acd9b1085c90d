"""A folder as it was at one stage: what a snapshot holds, or what stood there before or after a repair.

A repair keeps what it replaces, and all that comes later does too: so its two stages can be told from the
folder as it is and the backups, and nothing more is stored.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from genfix.applier.fs import DISK
from genfix.applier.history import read_history
from genfix.applier.journal import Journal
from genfix.applier.snapshots import snapshot_folder
from genfix.applier.state import Location, State, existing, open_folder
from genfix.applier.storage_errors import storage_errors
from genfix.applier.undoing import kept_bytes
from genfix.errors import InputError
from genfix.folder import Folder, LocalFolder, content_digest
from genfix.folder.overlay import OverlayFolder
from genfix.message import text

AFTER: Final = ":after"
"""Behind an id: the folder after that transaction, where the id alone means before it."""


def stage_folder(root: Path, stage: str, *, state_dir: Path | None = None) -> Folder:
    """The files of the snapshot ``stage``; of any other transaction, the folder as it was before it, or, with
    ``:after`` behind the id, after it.

    Files that no transaction has written since are as they are now. Raises `InputError` where there is no
    such transaction, or what it wrote was changed since by something else; `StorageError` where its backup,
    or a later one's, was removed.
    """
    transaction = stage.removesuffix(AFTER)
    location = Location.of(root, state_dir)
    with (
        storage_errors(text("cannot read the log of {root}", root=root)),
        open_folder(DISK, root) as folder,
        existing(DISK, folder, location, trusting=True) as state,
    ):
        journals = () if state is None else read_history(state).journals
        since = _since(journals, transaction, root)
        if since[0].kind != "snapshot" and state is not None:
            is_after = stage.endswith(AFTER)
            before = _replaced(state, since[1:] if is_after else since)
            found = OverlayFolder(LocalFolder(root, f"{root}@{stage}"), before)
            if is_after:
                _check_after(found, since[0])
            return found
    return snapshot_folder(root, transaction, state_dir=state_dir)


def _replaced(state: State, journals: tuple[Journal, ...]) -> Mapping[str, bytes | None]:
    """What the files that ``journals`` wrote were before; `None`: there was none."""
    before: dict[str, bytes | None] = {}
    for journal in reversed(journals):
        for op in journal.ops:
            old = op.before
            before[op.name] = None if old is None else kept_bytes(state, journal.id, op.name, old)
    return before


def _check_after(found: Folder, journal: Journal) -> None:
    """Raise where a file is not what the transaction made of it."""
    names = found.names()
    for op in journal.ops:
        now = found.read(op.name) if op.name in names else None
        if content_digest(now) != op.after:
            raise InputError(
                "{file} was changed after {transaction} by something else: that stage is not kept",
                "`genfix snapshot` keeps a stage whatever comes later",
                file=op.name,
                transaction=journal.id,
            )


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
