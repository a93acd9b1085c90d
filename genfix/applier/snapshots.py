"""Snapshots: the config files of a folder at one stage of its life, kept in the same store as the backups.

A snapshot is a transaction without writes, and restoring one is a transaction like a repair: it can be
undone. Weights are never looked at.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeAlias

from genfix.applier.fs import DISK, Dir, FileSystem
from genfix.applier.guard import check_names, check_targets
from genfix.applier.history import read_history
from genfix.applier.journal import MAX_FILES, Journal, encode, is_writable_name
from genfix.applier.ledger import remember
from genfix.applier.lock import locked
from genfix.applier.records import Kept, Receipt
from genfix.applier.recovery import recover_locked
from genfix.applier.signals import deferred_signals
from genfix.applier.staging import Step, back_up, discard, remove_stage
from genfix.applier.state import JOURNAL_DRAFT, Location, State, created, existing, open_folder
from genfix.applier.storage_errors import changed_meanwhile, storage_errors
from genfix.applier.transaction import next_id, nothing, run
from genfix.applier.tree import digest, make_dirs, open_file, opened, parents_of, write_new
from genfix.applier.undoing import kept_bytes
from genfix.errors import InputError, RefusedError, StorageError
from genfix.folder import FileKind, LocalFolder, kind_of, read_cap
from genfix.message import text

_TEXT_SUFFIXES: Final = (".json", ".jinja", ".txt", ".md", ".yaml", ".yml", ".toml", ".model", ".tiktoken")
"""Of files of no kind that genfix knows, those that tell how a model was made or is read."""
_PERMISSIONS: Final = 0o777
_WITH_ARTICLE: Final = {"undo": text("an undo"), "restore": text("a restore"), "repair": text("a repair")}
_Earlier: TypeAlias = Mapping[str, Mapping[str, str]]


def kept_names(folder: LocalFolder) -> tuple[str, ...]:
    """The config files of a folder, sorted: what a snapshot holds.

    All that genfix could write and that is not larger than such files are; no weights, no logs of a training.
    """
    return tuple(sorted(name for name in folder.names() if _is_kept(folder, name)))


def _is_kept(folder: LocalFolder, name: str) -> bool:
    if not is_writable_name(name):
        return False
    if kind_of(name) is FileKind.OTHER and not name.lower().endswith(_TEXT_SUFFIXES):
        return False
    path = folder.root / name
    return path.is_file() and not path.is_symlink() and path.stat().st_size <= read_cap(name)


def snapshot(
    root: Path, *, note: Mapping[str, str], state_dir: Path | None = None, fs: FileSystem = DISK
) -> Receipt:
    """Keep the bytes, permission bits and modification times of the folder's config files, durably.

    A file that the newest snapshot with it has in the same bytes is not stored twice. Raises `RefusedError`
    for a Hub cache snapshot or a folder that is in use, `InputError` where there is nothing to keep,
    `StorageError` where the disk fails; nothing is left then.
    """
    location = Location.of(root, state_dir)
    with storage_errors(text("cannot take a snapshot of {root}", root=root)), open_folder(fs, root) as folder:
        check_targets(fs, folder, (), location)
        with locked(fs, folder, location):
            recover_locked(fs, folder, location)
            names = kept_names(LocalFolder(root))
            check_names(names)
            if not 0 < len(names) <= MAX_FILES:
                raise InputError(
                    text("{root} has {count} config files", root=root, count=len(names))
                    if names
                    else text("{root} has no config files", root=root),
                    "a snapshot holds from 1 to {max_files}: check the path",
                    max_files=MAX_FILES,
                )
            return _take(fs, folder, location, names, note)


def _take(
    fs: FileSystem, root: Dir, location: Location, names: tuple[str, ...], note: Mapping[str, str]
) -> Receipt:
    with deferred_signals() as signals, created(fs, root, location) as state:
        now = datetime.now(UTC)
        transaction = next_id(state, now)
        earlier = _earlier(state)
        try:
            # Nothing is staged: the empty directory tells a later run whose backup this is, should this one
            # die.
            state.make_stage(transaction)
            make_dirs(fs, state.home, ("backup", transaction), 0o700)
            files: list[Kept] = []
            with opened(fs, state.home, ("backup", transaction)) as backup:
                for name in names:
                    signals.stop_if_asked()
                    files.append(_keep(state, backup, name, earlier))
            signals.stop_if_asked()
            when = now.isoformat(timespec="seconds")
            journal = Journal(transaction, "snapshot", when, dict(note), None, (), (), tuple(files))
            remember(state, journal)
            write_new(fs, state.home, JOURNAL_DRAFT, encode(journal))
            make_dirs(fs, state.home, ("log",), 0o700)
            with opened(fs, state.home, ("log",)) as receipts:
                fs.rename(state.home, JOURNAL_DRAFT, receipts, f"{transaction}.json")
                fs.sync_dir(receipts)
        except BaseException:
            discard(state, transaction)
            raise
        remove_stage(state, transaction)
        state.tidy()
        return journal.receipt(state.home.path)


def _earlier(state: State) -> _Earlier:
    """By file and digest, the newest snapshot that has it."""
    found: dict[str, dict[str, str]] = {}
    for journal in read_history(state).journals:
        for kept in journal.files:
            found.setdefault(kept.name, {})[kept.sha256] = journal.id
    return found


def _keep(state: State, backup: Dir, name: str, earlier: _Earlier) -> Kept:
    fs = state.fs
    with open_file(fs, state.root, name) as fd:
        if fd is None:
            raise changed_meanwhile(name)
        status = fs.fstat(fd)
        known = earlier.get(name, {})
        found = digest(fs, state.root, name) if known else None
        if found is None or found not in known or not _share(state, backup, name, (known[found], found)):
            found = back_up(fs, backup, name, fd)
    return Kept(name, found, status.st_mode & _PERMISSIONS, status.st_mtime_ns)


def _share(state: State, backup: Dir, name: str, kept: tuple[str, str]) -> bool:
    """Give the bytes an earlier snapshot has a second name; whether that was possible."""
    fs = state.fs
    transaction, wanted = kept
    parents, leaf = parents_of(name)
    try:
        with opened(fs, state.home, ("backup", transaction)) as there:
            if digest(fs, there, name) != wanted:
                return False
            make_dirs(fs, backup, parents, 0o700)
            with opened(fs, there, parents) as source, opened(fs, backup, parents) as target:
                fs.link(source, leaf, target, leaf)
                fs.sync_dir(target)
    except (OSError, RefusedError):
        return False
    return True


def snapshot_folder(root: Path, transaction: str, *, state_dir: Path | None = None) -> LocalFolder:
    """The files of a snapshot as a folder to read. Raises `InputError` where there is no such snapshot."""
    location = Location.of(root, state_dir)
    with (
        storage_errors(text("cannot read the snapshots of {root}", root=root)),
        open_folder(DISK, root) as folder,
        existing(DISK, folder, location, trusting=True) as state,
    ):
        journal = _chosen(state, location, transaction)
        place = location.path / "backup" / journal.id
        if not place.is_dir():
            raise StorageError(
                "the files of the snapshot {transaction} were removed",
                "take a newer one",
                transaction=transaction,
            )
    return LocalFolder(place, f"{root}@{transaction}")


def restore(
    root: Path,
    transaction: str,
    *,
    note: Mapping[str, str],
    state_dir: Path | None = None,
    fs: FileSystem = DISK,
) -> Receipt:
    """Bring the config files back to what the snapshot ``transaction`` holds: all or none, and `undo` takes
    it back.

    Config files that came since go into the backup. Raises `InputError` where there is no such snapshot,
    `StorageError` where it is damaged, `RefusedError` and `ChangedError` as `apply` does.
    """
    location = Location.of(root, state_dir)
    with storage_errors(text("cannot restore {root}", root=root)), open_folder(fs, root) as folder:
        with existing(fs, folder, location, trusting=False) as state:
            _chosen(state, location, transaction)
        with locked(fs, folder, location):
            recover_locked(fs, folder, location)
            with existing(fs, folder, location, trusting=False) as state:
                journal = _chosen(state, location, transaction)
                if state is None:
                    raise _no_snapshot(location, transaction)
                steps = _steps(state, journal, kept_names(LocalFolder(root)))
            check_names([step.name for step in steps])
            check_targets(fs, folder, [step.name for step in steps], location)
            noted = {**note, "snapshot": transaction}
            if not steps:
                return nothing(location, noted, "restore")
            return run(fs, folder, location, steps, kind="restore", note=noted)


def _steps(state: State, journal: Journal, present: tuple[str, ...]) -> list[Step]:
    steps: list[Step] = []
    for kept in journal.files:
        now = digest(state.fs, state.root, kept.name)
        if now != kept.sha256:
            content = kept_bytes(state, journal.id, kept.name, kept.sha256)
            steps.append(Step(kept.name, now, content, mode=kept.mode, mtime_ns=kept.mtime_ns))
    since = sorted(set(present) - {kept.name for kept in journal.files})
    steps += [Step(name, digest(state.fs, state.root, name), None) for name in since]
    return steps


def _chosen(state: State | None, location: Location, transaction: str) -> Journal:
    for journal in () if state is None else read_history(state).journals:
        if journal.id == transaction:
            if journal.kind == "snapshot":
                return journal
            raise InputError(
                "{transaction} is no snapshot but {kind}",
                "`{command}` takes it back",
                transaction=transaction,
                kind=_WITH_ARTICLE[journal.kind],
                command=location.command("undo", transaction),
            )
    raise _no_snapshot(location, transaction)


def _no_snapshot(location: Location, transaction: str) -> InputError:
    return InputError(
        "there is no snapshot '{transaction}' of {root}",
        "`{command}` lists what there is",
        transaction=transaction,
        root=location.root,
        command=location.command("log"),
    )
