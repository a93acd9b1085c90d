"""What a run that died has left: rolled forward where it was committed, discarded where it was not."""

from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from genfix.applier.commit import Place, damaged_stage, find_drift, is_staged, place_of, roll_forward
from genfix.applier.fs import DISK, Dir, FileSystem
from genfix.applier.journal import Journal, JournalError
from genfix.applier.lock import locked
from genfix.applier.records import Receipt
from genfix.applier.signals import deferred_signals
from genfix.applier.staging import discard, is_whole, remove_pruned, staged_name
from genfix.applier.state import JOURNAL, JOURNAL_DRAFT, Location, State, existing, open_folder
from genfix.applier.storage_errors import storage_errors
from genfix.applier.tree import read_all
from genfix.errors import ChangedError, RefusedError
from genfix.folder import content_digest, read_cap
from genfix.message import text

_ATTEMPTS: Final = 3


def recover(root: Path, *, state_dir: Path | None = None, fs: FileSystem = DISK) -> Receipt | None:
    """Finish the transaction that a run which died had committed, or remove what it had only begun.

    Returns the receipt of the transaction that was finished. Raises `ChangedError` where a file was changed
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
        journal = _committed(state)
        if journal is not None:
            places = [place_of(state, op) for op in journal.ops]
            if set(places) == {Place.BEFORE} and not is_staged(state, journal, places):
                # Taken back by a run whose removal of the journal was lost, or damaged: nothing was done.
                discard(state, journal.id, journal)
                journal = None
            else:
                roll_forward(state, journal)
        for transaction in state.stages():
            discard(state, transaction)
        remove_pruned(state)
        with suppress(FileNotFoundError):
            fs.unlink(state.home, JOURNAL_DRAFT)
        state.tidy()
        return None if journal is None else journal.receipt(state.home.path)


def pending(
    root: Path, *, state_dir: Path | None = None, fs: FileSystem = DISK
) -> Mapping[str, bytes | None]:
    """The files an interrupted transaction will have changed once it is rolled forward; `None`: the file is
    removed.

    Reads only. Empty where nothing is pending, and where the state folder may not be read: then this user
    cannot roll it forward either. Raises `ChangedError` where a file was changed since, as `recover` would.
    """
    location = Location.of(root, state_dir)
    with storage_errors(text("cannot read the state of {root}", root=root)), open_folder(fs, root) as folder:
        with suppress(PermissionError), existing(fs, folder, location, trusting=True) as state:
            if state is not None:
                return _overlay(state)
        return {}


def _committed(state: State) -> Journal | None:
    try:
        return state.journal()
    except JournalError as error:
        stages = state.stages()
        if not _nothing_done(state, stages):
            raise _damaged(state, error) from error
        for transaction in stages:
            discard(state, transaction)
        return None


def _nothing_done(state: State, stages: Collection[str]) -> bool:
    """Whether all that was staged still lies there: then no file was replaced, whatever the journal said."""
    return bool(stages) and all(is_whole(state, transaction) for transaction in stages)


def _overlay(state: State) -> Mapping[str, bytes | None]:
    # No lock is taken, so a run that is alive may move on between two looks: look again then.
    for _ in range(_ATTEMPTS - 1):
        with suppress(ChangedError, RefusedError):
            return _look(state)
    return _look(state)


def _look(state: State) -> Mapping[str, bytes | None]:
    try:
        journal = state.journal()
    except JournalError as error:
        if _nothing_done(state, state.stages()):
            return {}
        raise _damaged(state, error) from error
    if journal is None:
        return {}
    places = [place_of(state, op) for op in journal.ops]
    if (drift := find_drift(state, journal, places)) is not None:
        raise drift
    if not is_staged(state, journal, places):
        if Place.AFTER not in places:
            return {}
        raise damaged_stage(state, journal)
    return {
        op.name: _content(state, journal, index, place)
        for index, (op, place) in enumerate(zip(journal.ops, places, strict=True))
    }


def _content(state: State, journal: Journal, index: int, place: Place) -> bytes | None:
    op = journal.ops[index]
    if op.after is None:
        return None
    if place is Place.AFTER:
        content = read_all(state.fs, state.root, op.name, read_cap(op.name))
    else:
        way = "/".join((*state.stage_parts(journal.id), staged_name(index, len(journal.ops))))
        content = read_all(state.fs, state.root, way, read_cap(op.name))
    if content is None or content_digest(content) != op.after:
        raise damaged_stage(state, journal)
    return content


def _damaged(state: State, error: JournalError) -> RefusedError:
    return RefusedError(
        "the journal {path} is damaged ({error}), and files may have been replaced already",
        "compare the files with the old ones in {backup}, then remove {path}",
        path=state.home.path / JOURNAL,
        error=error.said,
        backup=state.home.path / "backup",
    )
