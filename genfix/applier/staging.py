"""Before the commit point: old bytes copied to the backup, new bytes lying ready, nothing of the user's
touched.
"""

import errno
import hashlib
import re
import stat
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from genfix.applier.fs import Dir, FileSystem, is_errno
from genfix.applier.journal import Journal, Op
from genfix.applier.signals import Deferred
from genfix.applier.state import JOURNAL, JOURNAL_DRAFT, TAKING_BACK, State
from genfix.applier.storage_errors import changed_meanwhile, storage_errors
from genfix.applier.tree import (
    CHUNK,
    is_present,
    make_dirs,
    missing_parents,
    open_file,
    opened,
    parents_of,
    walk,
    write_all,
    write_new,
)
from genfix.errors import RefusedError, StorageError
from genfix.folder import FileKind, content_digest, kind_of
from genfix.message import text

_PERMISSIONS: Final = 0o777
"""What of a mode is kept: a set-user-id bit on a config file has no use."""
_MAX_DEPTH: Final = 64
_TRIAL: Final = "trial"
"""A directory that is held against the files: see `FileSystem.try_replace`."""
_STAGED: Final = re.compile(r"(?:new|none)-(\d{1,4})-of-(\d{1,4})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Step:
    """The change of one file, as it is asked for."""

    name: str
    before: str | None
    """SHA-256 (hex) of the bytes it has; `None`: it must not exist."""
    content: bytes | None
    """The bytes it shall have; `None`: it goes."""
    mode: int | None = None
    """The permission bits it shall have; `None`: those it has, or those of any new file."""
    mtime_ns: int | None = None
    """The modification time it shall have, in nanoseconds since 1970; `None`: now."""
    old_dirs: tuple[str, ...] = ()
    """Directories that go with it where they are empty then, innermost first."""


def in_order(steps: Iterable[Step]) -> tuple[Step, ...]:
    """The order in which a half-done transaction harms a reader least.

    New files first, since nothing names them yet; files that go last, when nothing names them any more;
    between them what the tokenizer reads, then ``generation_config.json``, and ``config.json``, which names
    the others, last.
    """

    def rank(step: Step) -> tuple[int, str]:
        match kind_of(step.name):
            case _ if step.content is None:
                return 5, step.name
            case FileKind.CONFIG:
                return 4, step.name
            case FileKind.GENERATION_CONFIG:
                return 3, step.name
            case _ if step.before is None:
                return 0, step.name
            case FileKind.TOKENIZER | FileKind.CHAT_TEMPLATE:
                return 1, step.name
            case _:
                return 2, step.name

    return tuple(sorted(steps, key=rank))


def staged_name(index: int, count: int) -> str:
    """The name under which the new bytes of op ``index`` lie ready.

    It says how many there are, so that a damaged journal still leaves to see whether one is used up.
    """
    return f"new-{index}-of-{count}"


def kept_name(index: int, count: int) -> str:
    """An empty file in place of new bytes, for an op that has none."""
    return f"none-{index}-of-{count}"


def done_name(index: int) -> str:
    """Where the old bytes lie that came out of a file's place: a backup has them already."""
    return f"done-{index}"


def copy_name(index: int) -> str:
    """Where old bytes are copied out of the backup, until they are whole."""
    return f"copy-{index}"


def moved_name(index: int) -> str:
    """Where a file that goes is moved to, until the transaction is done."""
    return f"gone-{index}"


def stage(
    state: State, transaction: str, steps: tuple[Step, ...], signals: Deferred
) -> tuple[tuple[Op, ...], tuple[str, ...]]:
    """Copy old bytes to the backup and write new ones to the staging directory, durably.

    Returns the ops for the journal, and the names whose hard link the transaction will break. Raises
    `ChangedError` where a file is not what its step says, `RefusedError` where it is no regular file.
    """
    fs = state.fs
    state.make_stage(transaction)
    make_dirs(fs, state.home, ("backup", transaction), 0o700)
    ops: list[Op] = []
    links: list[str] = []
    with (
        opened(fs, state.root, state.stage_parts(transaction)) as staging,
        opened(fs, state.home, ("backup", transaction)) as backup,
    ):
        _try_all(fs, state.root, staging, steps)
        for index, step in enumerate(steps):
            signals.stop_if_asked()
            with (
                storage_errors(text("cannot prepare the new {name}", name=step.name)),
                open_file(fs, state.root, step.name) as old,
            ):
                status = None if old is None else fs.fstat(old)
                if (None if old is None else back_up(fs, backup, step.name, old)) != step.before:
                    raise changed_meanwhile(step.name)
                if step.content is None:
                    write_new(fs, staging, kept_name(index, len(steps)), b"")
                else:
                    lay_ready(state, staging, staged_name(index, len(steps)), step, old)
            if status is not None and status.st_nlink > 1:
                links.append(step.name)
            ops.append(
                Op(
                    name=step.name,
                    before=step.before,
                    after=content_digest(step.content),
                    mode=None if status is None else status.st_mode & _PERMISSIONS,
                    mtime_ns=None if status is None else status.st_mtime_ns,
                    new_dirs=() if step.content is None else missing_parents(fs, state.root, step.name),
                    old_dirs=step.old_dirs,
                )
            )
        fs.sync_dir(staging)
    return tuple(ops), tuple(links)


def _try_all(fs: FileSystem, root: Dir, staging: Dir, steps: tuple[Step, ...]) -> None:
    """Find out on the real names what the kernel will not replace, before anything is."""
    fs.mkdir(staging, _TRIAL)
    for step in steps:
        parents, leaf = parents_of(step.name)
        if step.before is not None:
            with (
                storage_errors(text("cannot replace {name}", name=step.name)),
                opened(fs, root, parents) as directory,
            ):
                fs.try_replace(staging, _TRIAL, directory, leaf)
    fs.rmdir(staging, _TRIAL)


def back_up(fs: FileSystem, backup: Dir, name: str, old: int) -> str:
    """Copy an open file into the backup, durably; returns the SHA-256 (hex) of what was copied."""
    parents, leaf = parents_of(name)
    make_dirs(fs, backup, parents, 0o700)
    sha = hashlib.sha256()
    with opened(fs, backup, parents) as directory:
        fd = fs.create(directory, leaf, 0o600)
        try:
            while piece := fs.read(old, CHUNK):
                sha.update(piece)
                write_all(fs, fd, piece)
            fs.sync(fd)
        finally:
            fs.close(fd)
        fs.sync_dir(directory)
    return sha.hexdigest()


def lay_ready(state: State, staging: Dir, name: str, step: Step, old: int | None) -> None:
    """Write the new bytes with the metadata the file shall have: the rename that follows changes nothing
    else.

    Raises `StorageError` where the mount keeps neither the permission bits that are wanted nor those it shows
    of the file now.
    """
    fs = state.fs
    now = None if old is None else fs.fstat(old).st_mode & _PERMISSIONS
    wanted = now if step.mode is None else step.mode
    # 0o666 and the umask: what any program's new file gets. Others have their mode from the beginning, since
    # some mounts take none later.
    fd = fs.create(staging, name, 0o666 if wanted is None else wanted)
    try:
        write_all(fs, fd, step.content or b"")
        if old is not None:
            fs.copy_owner(old, fd)
        else:
            _inherit_group(state, step.name, fd)
        if wanted is not None:
            fs.set_mode(fd, wanted)
            if now is not None and fs.fstat(fd).st_mode & _PERMISSIONS not in {wanted, now}:
                raise _modes_lost(step.name, wanted)
        if step.mtime_ns is not None:
            fs.set_mtime(fd, step.mtime_ns)
        fs.sync(fd)
    finally:
        fs.close(fd)


def _modes_lost(name: str, mode: int) -> StorageError:
    return StorageError(
        "the disk refuses to give the new {name} the permission bits {mode}",
        "run the command after `umask 0`, or make a repaired copy elsewhere with --output",
        name=name,
        mode=f"{mode:04o}",
    )


def _inherit_group(state: State, name: str, fd: int) -> None:
    """In a set-group-id directory (a team's folder) a new file gets the directory's group."""
    parents, _ = parents_of(name)
    with walk(state.fs, state.root, parents) as directory:
        status = None if directory is None else state.fs.stat_dir(directory)
    if status is not None and status.st_mode & stat.S_ISGID:
        state.fs.set_group(fd, status.st_gid)


def discard(state: State, transaction: str, journal: Journal | None = None) -> None:
    """Remove all that was staged for a transaction of which nothing was done, and its commitment first.

    Raises `OSError` where that commitment cannot be taken back durably; nothing else is removed then, so the
    next run can finish the transaction. What else cannot be removed is left for the next run.
    """
    fs = state.fs
    for op in () if journal is None else journal.ops:
        remove_dirs(fs, state.root, tuple(reversed(op.new_dirs)))
    for name in (JOURNAL, TAKING_BACK):
        if is_present(fs, state.home, name):
            fs.unlink(state.home, name)
            fs.sync_dir(state.home)
    with suppress(OSError):
        fs.unlink(state.home, JOURNAL_DRAFT)
    try:
        _remove_backup(state, transaction)
    except OSError:
        return  # what is staged stays too: by it the next run sees that there is something to remove
    remove_stage(state, transaction)
    state.tidy()


def _remove_backup(state: State, transaction: str) -> None:
    fs = state.fs
    with suppress(FileNotFoundError, RefusedError):
        # A planted staging directory may bear the id of a finished transaction, whose backup is wanted.
        with opened(fs, state.home, ("log",)) as receipts:
            is_logged = is_present(fs, receipts, f"{transaction}.json")
        if not is_logged:
            with opened(fs, state.home, ("backup",)) as backups:
                remove_tree(fs, backups, transaction)


def is_whole(state: State, transaction: str) -> bool:
    """Whether everything that was staged for a transaction still lies there, so none of it has been used."""
    with walk(state.fs, state.root, state.stage_parts(transaction)) as staging:
        found = [] if staging is None else [_STAGED.fullmatch(name) for name in state.fs.names(staging)]
    places = sorted((int(match[1]), int(match[2])) for match in found if match)
    return len(places) == len(found) > 0 and places == [(index, len(found)) for index in range(len(found))]


def remove_stage(state: State, transaction: str) -> None:
    """Remove the staging directory with the files that genfix put there, best effort."""
    fs = state.fs
    *parents, leaf = state.stage_parts(transaction)
    with suppress(OSError, RefusedError), opened(fs, state.root, parents) as directory:
        with opened(fs, directory, (leaf,)) as staging:
            for name in fs.names(staging):
                if name.startswith(("new-", "none-", "done-", "copy-")):
                    fs.unlink(staging, name)
                elif name == _TRIAL:
                    fs.rmdir(staging, name)
        fs.rmdir(directory, leaf)


def remove_dirs(fs: FileSystem, root: Dir, names: tuple[str, ...]) -> None:
    """Remove directories, innermost first; those that somebody put something into stay."""
    for name in names:
        parents, leaf = parents_of(name)
        with walk(fs, root, parents) as directory:
            if directory is None:
                continue
            try:
                fs.rmdir(directory, leaf)
            except OSError as error:
                if not is_errno(error, errno.ENOENT, errno.ENOTDIR, errno.ENOTEMPTY, errno.EEXIST):
                    raise
            else:
                fs.sync_dir(directory)


def remove_tree(fs: FileSystem, parent: Dir, name: str, depth: int = 0) -> None:
    """Remove a directory of the applier's own, with all that is in it."""
    with opened(fs, parent, (name,)) as directory:
        for entry in fs.names(directory):
            if stat.S_ISDIR(fs.lstat(directory, entry).st_mode) and depth < _MAX_DEPTH:
                remove_tree(fs, directory, entry, depth + 1)
            else:
                fs.unlink(directory, entry)
    fs.rmdir(parent, name)


def remove_pruned(state: State) -> None:
    """Finish removals that were begun."""
    if names := state.pruned():
        with opened(state.fs, state.home, ("backup",)) as backups:
            for name in names:
                remove_tree(state.fs, backups, name)
