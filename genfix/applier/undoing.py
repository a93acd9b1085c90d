"""Undo: a transaction whose new bytes are the old ones of another transaction."""

from collections.abc import Mapping
from pathlib import Path

from genfix.applier.fs import DISK, FileSystem
from genfix.applier.guard import check_names, check_targets
from genfix.applier.history import History, read_history, undone_by
from genfix.applier.journal import Journal, Op
from genfix.applier.ledger import listed
from genfix.applier.lock import locked
from genfix.applier.records import Receipt, kind_name
from genfix.applier.recovery import recover_locked
from genfix.applier.staging import Step
from genfix.applier.state import TAKING_BACK, Location, State, existing, open_folder
from genfix.applier.storage_errors import storage_errors
from genfix.applier.transaction import run
from genfix.applier.tree import digest, is_present, read_all, walk
from genfix.errors import ChangedError, InputError, RefusedError, StorageError
from genfix.folder import content_digest, read_cap
from genfix.message import text


def undo(
    root: Path,
    transaction: str | None = None,
    *,
    note: Mapping[str, str] | None = None,
    state_dir: Path | None = None,
    fs: FileSystem = DISK,
) -> Receipt:
    """Put back the bytes, permission bits and modification times that a transaction replaced.

    Without ``transaction`` it is the newest repair or restore that is not undone: undo after undo goes back
    step by step. One that nothing shows to be made here is chosen by its id alone. To redo, undo the undo by
    its id. A file the transaction created goes into the backup, with the directories created for it where
    they are empty then. Files are put back only where they are as the transaction left them.

    Raises `ChangedError` where one is not, `InputError` where there is no such transaction, `StorageError`
    where the backup is damaged or the disk fails, `RefusedError` as `apply` does.
    """
    location = Location.of(root, state_dir)
    with storage_errors(text("cannot undo in {root}", root=root)), open_folder(fs, root) as folder:
        with existing(fs, folder, location, trusting=False) as state:
            if state is None:
                raise _no_transaction(location, transaction)
        with locked(fs, folder, location):
            with existing(fs, folder, location, trusting=False) as state:
                going_back = state is not None and is_present(fs, state.home, TAKING_BACK)
            recover_locked(fs, folder, location)
            if going_back and transaction is None:
                raise _taken_back(root)
            with existing(fs, folder, location, trusting=False) as state:
                if state is None:
                    raise _no_transaction(location, transaction)
                journal = _chosen(read_history(state), location, transaction)
                names = [op.name for op in journal.ops]
                check_names(names)
                for op in journal.ops:
                    _check_unchanged(state, journal, op)
                check_targets(fs, folder, names, location)
                steps = [_reversed(state, journal, op) for op in journal.ops]
            return run(
                fs,
                folder,
                location,
                steps,
                kind="undo",
                note={**journal.note, **(note or {})},
                undoes=journal.id,
            )


def _chosen(history: History, location: Location, transaction: str | None) -> Journal:
    if transaction is not None:
        for journal in history.journals:
            if journal.id == transaction:
                if journal.kind == "snapshot":
                    raise InputError(
                        "{transaction} is a snapshot, which changed nothing",
                        "`{command}` brings its files back",
                        transaction=transaction,
                        command=location.command("restore", transaction),
                    )
                return journal
        raise _no_transaction(location, transaction)
    undone = undone_by(history.journals)
    for journal in reversed(history.journals):
        if journal.kind in {"repair", "restore"} and journal.id not in undone:
            if journal.id not in history.ours:
                raise _foreign(location, journal)
            return journal
    raise _no_transaction(location, None)


def _foreign(location: Location, journal: Journal) -> RefusedError:
    return RefusedError(
        "nothing shows that the {kind} {id} was made here, as the newest of {root}; its undo would change "
        "{names}",
        "where that is right, name it: `{command}`",
        kind=kind_name(journal.kind),
        id=journal.id,
        root=location.root,
        command=location.command("undo", journal.id),
        names=listed([op.name for op in journal.ops]),
    )


def _taken_back(root: Path) -> ChangedError:
    return ChangedError(
        "an interrupted repair of {root} was taken back just now, and nothing else was undone",
        "run the command again to undo what came before it",
        root=root,
    )


def _check_unchanged(state: State, journal: Journal, op: Op) -> None:
    if digest(state.fs, state.root, op.name) != op.after:
        raise ChangedError(
            "{name} changed since the {kind} {id}",
            "undo what came after it first, or copy the old file from {backup}",
            name=op.name,
            kind=kind_name(journal.kind),
            id=journal.id,
            backup=state.backup(journal.id),
        )


def _reversed(state: State, journal: Journal, op: Op) -> Step:
    if op.before is None:
        return Step(op.name, op.after, None, old_dirs=tuple(reversed(op.new_dirs)))
    content = kept_bytes(state, journal.id, op.name, op.before)
    return Step(op.name, op.after, content, mode=op.mode, mtime_ns=op.mtime_ns)


def kept_bytes(state: State, transaction: str, name: str, digest: str) -> bytes:
    """The bytes that a transaction keeps of the file ``name``.

    Raises `StorageError` where they are not there.
    """
    content = read_all(state.fs, state.home, f"backup/{transaction}/{name}", read_cap(name))
    if content is not None and content_digest(content) == digest:
        return content
    with walk(state.fs, state.home, ("backup", transaction)) as backup:
        how = text("was removed") if backup is None else text("is damaged")
    raise StorageError(
        "the backup of {name} in {place} {how}",
        "restore that file from elsewhere: nothing was changed",
        name=name,
        place=state.backup(transaction),
        how=how,
    )


def _no_transaction(location: Location, transaction: str | None) -> InputError:
    if transaction is None:
        said = text("there is no repair of {root} to undo", root=location.root)
    else:
        said = text(
            "there is no transaction '{transaction}' of {root}", transaction=transaction, root=location.root
        )
    return InputError(said, "`{command}` lists what was done there", command=location.command("log"))
