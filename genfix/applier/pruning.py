"""Prune: the backups of old transactions go.

What a transaction did stays in the log; only its undo is given up.
"""

from collections.abc import Sequence
from pathlib import Path

from genfix.applier.fs import DISK, FileSystem
from genfix.applier.history import read_history
from genfix.applier.lock import locked
from genfix.applier.recovery import recover_locked
from genfix.applier.staging import remove_pruned
from genfix.applier.state import PRUNED, Location, State, existing, open_folder
from genfix.applier.storage_errors import storage_errors
from genfix.applier.tree import opened, walk
from genfix.message import text


def _prunable(state: State, *, keep: int, snapshots: bool) -> tuple[str, ...]:
    """Ids of the transactions, oldest first, whose backup may go: all but the newest ``keep``.

    A backup that holds a file which was moved out of the folder is the only place where that file is, and
    stays. So do snapshots, which somebody took on purpose, where ``snapshots`` does not count them as the
    others.
    """
    counted = [journal for journal in read_history(state).journals if snapshots or journal.kind != "snapshot"]
    old = counted[: max(len(counted) - keep, 0)]
    with walk(state.fs, state.home, ("backup",)) as backups:
        there = frozenset(() if backups is None else state.fs.names(backups))
    return tuple(
        journal.id
        for journal in old
        if journal.id in there and not any(op.after is None for op in journal.ops)
    )


def _prune(state: State, transactions: Sequence[str]) -> None:
    """Remove the backups of ``transactions``, each in one step: from the rename on, no undo finds a part of
    it.
    """
    with opened(state.fs, state.home, ("backup",)) as backups:
        for transaction in transactions:
            state.fs.rename(backups, transaction, backups, f"{PRUNED}{transaction}")
        state.fs.sync_dir(backups)
    remove_pruned(state)
    state.tidy()


def prune(
    root: Path,
    *,
    keep: int,
    snapshots: bool = False,
    dry_run: bool = False,
    state_dir: Path | None = None,
    fs: FileSystem = DISK,
) -> tuple[str, ...]:
    """Remove the backups of all transactions but the newest ``keep``, and return the ids of those that went.

    The log keeps what they did. Files that were moved out of the folder are never removed, nor are snapshots
    where ``snapshots`` is not set. With ``dry_run`` nothing is removed. Raises `RefusedError` where the
    folder is in use, `StorageError` where the disk fails.
    """
    location = Location.of(root, state_dir)
    with (
        storage_errors(text("cannot prune the backups of {root}", root=root)),
        open_folder(fs, root) as folder,
    ):
        with existing(fs, folder, location, trusting=dry_run) as state:
            if state is None:
                return ()
            if dry_run:
                return _prunable(state, keep=keep, snapshots=snapshots)
        with locked(fs, folder, location):
            recover_locked(fs, folder, location)
            with existing(fs, folder, location, trusting=False) as state:
                found = () if state is None else _prunable(state, keep=keep, snapshots=snapshots)
                if state is not None and found:
                    _prune(state, found)
                return found
