"""From the commit point on: the journal is written, and every op is done, by this run or by a later one."""

import errno
from collections.abc import Sequence
from contextlib import suppress
from enum import Enum, auto
from typing import Final

from genfix.applier.fs import Dir, FileSystem, is_errno
from genfix.applier.journal import Journal, Op, encode
from genfix.applier.ledger import remember
from genfix.applier.records import kind_name
from genfix.applier.staging import done_name, moved_name, remove_dirs, remove_stage, staged_name
from genfix.applier.state import JOURNAL, JOURNAL_DRAFT, State
from genfix.applier.storage_errors import DriftError, storage_errors
from genfix.applier.tree import digest, is_present, make_dirs, opened, parents_of, walk, write_new
from genfix.errors import RefusedError, StorageError
from genfix.message import text

_NO_EXCHANGE: Final = (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP)
_TURNS: Final = 100


class Place(Enum):
    """Where a file stands in a transaction."""

    BEFORE = auto()
    AFTER = auto()
    ELSEWHERE = auto()
    """Neither: something else wrote to it."""


def place_of(state: State, op: Op) -> Place:
    """Where the file of ``op`` stands."""
    try:
        found = digest(state.fs, state.root, op.name)
    except RefusedError:
        return Place.ELSEWHERE
    if found == op.after:
        return Place.AFTER
    return Place.BEFORE if found == op.before else Place.ELSEWHERE


def find_drift(state: State, journal: Journal, places: Sequence[Place]) -> DriftError | None:
    """The error for the first file that something else wrote to, if there is one."""
    for op, place in zip(journal.ops, places, strict=True):
        if place is Place.ELSEWHERE:
            return _drift(state, journal, op)
    return None


def is_staged(state: State, journal: Journal, places: Sequence[Place]) -> bool:
    """Whether the new bytes of all ops that are not done yet lie ready, whole."""
    with walk(state.fs, state.root, state.stage_parts(journal.id)) as staging:
        if staging is None:
            return Place.BEFORE not in places
        for index, (op, place) in enumerate(zip(journal.ops, places, strict=True)):
            if place is Place.BEFORE and op.after is not None:
                try:
                    found = digest(state.fs, staging, staged_name(index, len(journal.ops)))
                except RefusedError:
                    return False
                if found != op.after:
                    return False
        return True


def _damaged_stage(state: State, journal: Journal) -> StorageError:
    """The error for new bytes that are missing or are not those of the journal, when files were replaced
    already.
    """
    return StorageError(
        "the new bytes of the {kind} {id} are damaged",
        "take the old files from {backup}, then remove {path}",
        kind=kind_name(journal.kind),
        id=journal.id,
        backup=state.backup(journal.id),
        path=state.home.path / JOURNAL,
    )


def commit(state: State, journal: Journal) -> None:
    """Write the journal durably. Once its final name is there the transaction will be finished."""
    remember(state, journal)
    with storage_errors(text("cannot write the journal")):
        write_new(state.fs, state.home, JOURNAL_DRAFT, encode(journal))
        state.fs.rename(state.home, JOURNAL_DRAFT, state.home, JOURNAL)
        state.fs.sync_dir(state.home)


def roll_forward(state: State, journal: Journal) -> None:
    """Do the ops that are not done yet, and file the journal as the receipt.

    Raises `DriftError` where a file is neither what it was nor what it shall be, `StorageError` or `OSError`
    where the disk fails or the new bytes are damaged. The journal stays then, and so does everything that is
    needed to go on, or to take back what was done.
    """
    fs = state.fs
    places = [place_of(state, op) for op in journal.ops]
    if (drift := find_drift(state, journal, places)) is not None:
        raise drift
    _give_back(state, journal, places)
    if not is_staged(state, journal, places):
        raise _damaged_stage(state, journal)
    if Place.BEFORE in places:
        with opened(fs, state.root, state.stage_parts(journal.id)) as staging:
            for index, (op, place) in enumerate(zip(journal.ops, places, strict=True)):
                if place is Place.BEFORE:
                    with storage_errors(text("cannot replace {name}", name=op.name)):
                        _do(state, journal, index, staging)
    # The staging directory is not synced here: were it durable first, a power cut could leave a file in
    # neither place.
    for parents in dict.fromkeys(parents_of(op.name)[0] for op in journal.ops):
        with walk(fs, state.root, parents) as directory:
            if directory is not None:
                fs.sync_dir(directory)
    for op in journal.ops:
        if place_of(state, op) is not Place.AFTER:
            raise _drift(state, journal, op)
    for op in journal.ops:
        with storage_errors(text("cannot remove the folder of {name}", name=op.name)):
            remove_dirs(fs, state.root, op.old_dirs)
    with storage_errors(text("cannot finish the transaction")):
        _finish(state, journal)


def _give_back(state: State, journal: Journal, places: Sequence[Place]) -> None:
    """A run that died may have replaced a file, and not yet seen that somebody else had written to it."""
    with walk(state.fs, state.root, state.stage_parts(journal.id)) as staging:
        for index, (op, place) in enumerate(zip(journal.ops, places, strict=True)):
            replaced = place is Place.AFTER and op.before is not None and op.after is not None
            if staging is not None and replaced:
                with opened(state.fs, state.root, parents_of(op.name)[0]) as directory:
                    _look_at_what_came_out(state, journal, index, (directory, staging))


def _do(state: State, journal: Journal, index: int, staging: Dir) -> None:
    fs, op = state.fs, journal.ops[index]
    parents, leaf = parents_of(op.name)
    if op.after is not None:
        make_dirs(fs, state.root, parents)
    with opened(fs, state.root, parents) as directory:
        # Once more, now that only the rename is left to do: what is replaced is what was backed up.
        place = place_of(state, op)
        if place is Place.ELSEWHERE:
            raise _drift(state, journal, op)
        if place is Place.AFTER:
            return
        try:
            if op.after is None:
                _move_away(state, journal, index, (directory, staging))
            elif op.before is None:
                fs.rename_new(staging, staged_name(index, len(journal.ops)), directory, leaf)
            else:
                replace(fs, (staging, staged_name(index, len(journal.ops))), (directory, leaf))
        except FileExistsError as error:
            raise _drift(state, journal, op) from error
        except OSError:
            # A network filesystem may do the rename and report a failure: the answer was lost, and asked for
            # again.
            if place_of(state, op) is not Place.AFTER:
                raise
        if op.before is not None and op.after is not None:
            _look_at_what_came_out(state, journal, index, (directory, staging))


def replace(fs: FileSystem, ready: tuple[Dir, str], place: tuple[Dir, str]) -> None:
    """Put a file that lies ready in the place of another one, which comes out where it lay, if the mount can
    do that.
    """
    try:
        fs.exchange(*ready, *place)
    except OSError as error:
        if not is_errno(error, *_NO_EXCHANGE):
            raise
        fs.rename(*ready, *place)


def _look_at_what_came_out(state: State, journal: Journal, index: int, way: tuple[Dir, Dir]) -> None:
    """Whoever wrote to the file in the last moment gets it back, and the transaction stops."""
    fs, op = state.fs, journal.ops[index]
    directory, staging = way
    staged, leaf = staged_name(index, len(journal.ops)), parents_of(op.name)[1]
    out = _came_out(fs, staging, staged)
    if out == op.before:
        fs.rename(staging, staged, staging, done_name(index))
    if out in {None, op.before, op.after}:
        return
    placed = op.after
    for _ in range(_TURNS):
        fs.exchange(staging, staged, directory, leaf)
        came = _came_out(fs, staging, staged)
        if came == placed:
            break
        # It was written to again meanwhile: the newest bytes came out, and change places once more.
        placed, out = out, came
    raise _drift(state, journal, op)


def _came_out(fs: FileSystem, staging: Dir, staged: str) -> str | None:
    """SHA-256 (hex) of what lies where new bytes lay; empty for a link or whatever else is no file."""
    try:
        return digest(fs, staging, staged)
    except RefusedError:
        return ""


def _move_away(state: State, journal: Journal, index: int, way: tuple[Dir, Dir]) -> None:
    fs, op = state.fs, journal.ops[index]
    directory, staging = way
    leaf = parents_of(op.name)[1]
    fs.rename(directory, leaf, staging, moved_name(index))
    if digest(fs, staging, moved_name(index)) != op.before:
        # Written to in the last moment: it goes back, unless its writer has already put another one there.
        fs.rename_new(staging, moved_name(index), directory, leaf)
        raise _drift(state, journal, op)


def _finish(state: State, journal: Journal) -> None:
    """Clear the staging directory, then let the journal become the receipt: a crash between repeats the
    clearing.
    """
    fs = state.fs
    with walk(fs, state.root, state.stage_parts(journal.id)) as staging:
        if staging is not None:
            for index, op in enumerate(journal.ops):
                if op.after is None and is_present(fs, staging, moved_name(index)):
                    _keep_moved(state, journal, index, staging)
    remove_stage(state, journal.id)
    make_dirs(fs, state.home, ("log",), 0o700)
    with opened(fs, state.home, ("log",)) as receipts:
        fs.rename(state.home, JOURNAL, receipts, f"{journal.id}.json")
        fs.sync_dir(receipts)
    fs.sync_dir(state.home)
    state.tidy()


def _keep_moved(state: State, journal: Journal, index: int, staging: Dir) -> None:
    """Put a file that went into the backup, over its copy there."""
    fs, op = state.fs, journal.ops[index]
    parents, leaf = parents_of(op.name)
    make_dirs(fs, state.home, ("backup", journal.id, *parents), 0o700)
    with opened(fs, state.home, ("backup", journal.id, *parents)) as backup:
        try:
            fs.rename(staging, moved_name(index), backup, leaf)
            fs.sync_dir(backup)
        except OSError as error:
            if not is_errno(error, errno.EXDEV):
                raise
            # The state folder is on another disk: the copy there does, where it is one.
            with suppress(RefusedError):
                if digest(fs, staging, moved_name(index)) == digest(fs, backup, leaf):
                    fs.unlink(staging, moved_name(index))


def _drift(state: State, journal: Journal, op: Op) -> DriftError:
    return DriftError(
        op.name,
        "{name} was changed by something else during the {kind} {id}",
        "put the old file back (a copy is in {backup}) and run the command again, or remove "
        "{path} to keep all files as they are now",
        kind=kind_name(journal.kind),
        id=journal.id,
        backup=state.backup(journal.id),
        path=state.home.path / JOURNAL,
    )
