"""What a run that died has left: finished or taken back where it was committed, else discarded."""

import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Final

from genfix.applier.commit import Place, find_drift, is_staged, place_of, roll_forward
from genfix.applier.fs import DISK, Dir, FileSystem
from genfix.applier.journal import Journal, JournalError
from genfix.applier.ledger import refuse_foreign_code
from genfix.applier.lock import locked
from genfix.applier.records import Receipt, kind_name
from genfix.applier.signals import deferred_signals
from genfix.applier.staging import discard, is_whole, remove_pruned
from genfix.applier.state import JOURNAL, JOURNAL_DRAFT, TAKING_BACK, Location, State, existing, open_folder
from genfix.applier.storage_errors import storage_errors
from genfix.applier.taking_back import is_half_done, take_back
from genfix.applier.tree import is_present
from genfix.errors import GenfixError, RefusedError, StorageError
from genfix.message import text

_ATTEMPTS: Final = 5
_PAUSE: Final = 0.02
"""Seconds."""


def recover(root: Path, *, state_dir: Path | None = None, fs: FileSystem = DISK) -> Receipt | None:
    """Finish the transaction that a run which died had committed, or remove what it had only begun.

    Where it cannot be finished it is taken back, and a `StorageError` says so. Returns the receipt of the
    transaction that was finished. Raises `ChangedError` where a file was changed
    since, `RefusedError` where another process holds the lock, `StorageError` where the disk fails.
    """
    location = Location.of(root, state_dir)
    with storage_errors(text("cannot recover {root}", root=root)), open_folder(fs, root) as folder:
        # Without anything to do there is no lock to take, which on some mounts would leave a file.
        with existing(fs, folder, location, trusting=False) as state:
            if state is None or state.is_quiet():
                return None
        with locked(fs, folder, location):
            return recover_locked(fs, folder, location)


def recover_locked(fs: FileSystem, folder: Dir, location: Location) -> Receipt | None:
    """`recover`, for a caller that holds the lock."""
    with deferred_signals(), existing(fs, folder, location, trusting=False) as state:
        if state is None or state.is_quiet():
            return None
        journal = _end(state)
        for transaction in state.stages():
            discard(state, transaction)
        remove_pruned(state)
        with suppress(FileNotFoundError):
            fs.unlink(state.home, JOURNAL_DRAFT)
        state.tidy()
        return None if journal is None else journal.receipt(state.home.path)


def check_whole(root: Path, *, state_dir: Path | None = None, fs: FileSystem = DISK) -> None:
    """Raise `RefusedError` where some files of a transaction are the new ones and others are not.

    Reads only. Of a state folder that may not be read nothing is known but whether a journal is there, and
    where not even that may be seen, it is a `RefusedError` as well. Raises `ChangedError` where a file was
    changed since, as `recover` would.
    """
    location = Location.of(root, state_dir)
    with storage_errors(text("cannot read the state of {root}", root=root)), open_folder(fs, root) as folder:
        try:
            with existing(fs, folder, location, trusting=True) as state:
                if state is not None:
                    _check_patiently(state)
        except PermissionError:
            _check_unreadable(fs, folder, location)


def _end(state: State) -> Journal | None:
    """Bring what was committed to one of its ends; returns what was finished."""
    if (journal := _going_back(state)) is not None:
        refuse_foreign_code(state, journal)
        take_back(state, journal)
        return None
    if (journal := _committed(state)) is None:
        return None
    refuse_foreign_code(state, journal)
    places = [place_of(state, op) for op in journal.ops]
    if set(places) == {Place.BEFORE} and not is_staged(state, journal, places):
        # Taken back by a run whose removal of the journal was lost, or damaged: nothing was done.
        discard(state, journal.id, journal)
        return None
    try:
        roll_forward(state, journal)
    except (OSError, StorageError) as error:
        if _is_taken_back(state, journal):
            raise _not_finished(journal, error) from error
        raise
    return journal


def _is_taken_back(state: State, journal: Journal) -> bool:
    with suppress(OSError, GenfixError):
        if any(place_of(state, op) is not Place.AFTER for op in journal.ops):
            take_back(state, journal)
            return True
    return False


def _going_back(state: State) -> Journal | None:
    try:
        return state.journal(TAKING_BACK)
    except JournalError as error:
        raise _damaged(state, TAKING_BACK, error) from error


def _committed(state: State) -> Journal | None:
    try:
        return state.journal()
    except JournalError as error:
        stages = state.stages()
        if not _nothing_done(state, stages):
            raise _damaged(state, JOURNAL, error) from error
        for transaction in stages:
            discard(state, transaction)
        return None


def _nothing_done(state: State, stages: Collection[str]) -> bool:
    """Whether all that was staged still lies there: then no file was replaced, whatever the journal said."""
    return bool(stages) and all(is_whole(state, transaction) for transaction in stages)


def _check_patiently(state: State) -> None:
    """No lock is taken, so a run that is alive may move on between two looks: look again then."""
    for _ in range(_ATTEMPTS - 1):
        with suppress(RefusedError):
            return _check_whole(state)
        time.sleep(_PAUSE)
    return _check_whole(state)


def _check_whole(state: State) -> None:
    journal = _going_back(state)
    if journal is None:
        try:
            journal = state.journal()
        except JournalError as error:
            if _nothing_done(state, state.stages()):
                return
            raise _damaged(state, JOURNAL, error) from error
        if journal is None:
            return
        places = [place_of(state, op) for op in journal.ops]
        if (drift := find_drift(state, journal, places)) is not None:
            raise drift
    if is_half_done(state, journal):
        raise RefusedError(
            "{root} is half done: the {kind} {id} is at work there, or was interrupted",
            "wait for it, or run `genfix repair` or `genfix undo`, which first bring all files to one end",
            root=state.root.path,
            kind=kind_name(journal.kind),
            id=journal.id,
        )


def _check_unreadable(fs: FileSystem, folder: Dir, location: Location) -> None:
    """Look past a state folder of another user, whose names may be asked for and not listed."""
    for name in (TAKING_BACK, JOURNAL):
        try:
            there = is_present(fs, Dir(location.path, None), name)
        except PermissionError as error:
            raise RefusedError(
                "whether {root} is half done cannot be seen: {path} is closed to this user",
                "run the command as the user who repairs there, or open it (`chmod go+x {path}`)",
                root=folder.path,
                path=location.path,
            ) from error
        if there:
            raise RefusedError(
                "{root} is half done: another user's repair is at work there, or was interrupted",
                "wait for it, or let that user run `genfix repair` or `genfix undo`, which first bring all "
                "files to one end",
                root=folder.path,
            )


def _not_finished(journal: Journal, error: OSError | StorageError) -> StorageError:
    why = error.said if isinstance(error, StorageError) else error.strerror or str(error)
    return StorageError(
        "the interrupted {kind} {id} cannot be finished and was taken back: {why}",
        "run the command again",
        kind=kind_name(journal.kind),
        id=journal.id,
        why=why,
    )


def _damaged(state: State, name: str, error: JournalError) -> RefusedError:
    return RefusedError(
        "the journal {path} is damaged ({error}), and files may have been replaced already",
        "compare the files with the old ones in {backup}, then remove {path}",
        path=state.home.path / name,
        error=error.said,
        backup=state.home.path / "backup",
    )
