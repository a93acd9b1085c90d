"""Back to the old files, where a committed transaction cannot be finished: by this run, or by a later one.

The journal gets another name first. From then on the transaction will be taken back, whoever dies on the way.
"""

import hashlib

from genfix.applier.commit import Place, place_of, replace
from genfix.applier.fs import Dir, FileSystem
from genfix.applier.journal import Journal, Op
from genfix.applier.staging import Step, copy_name, discard, done_name, lay_ready, moved_name, staged_name
from genfix.applier.state import JOURNAL, TAKING_BACK, State
from genfix.applier.storage_errors import storage_errors
from genfix.applier.tree import digest, is_present, open_file, opened, parents_of, read_all, walk
from genfix.errors import RefusedError, StorageError
from genfix.folder import read_cap
from genfix.message import text


def take_back(state: State, journal: Journal) -> None:
    """Put back what was replaced, and remove all that was staged.

    A file that something else wrote to since stays as that left it. Raises `StorageError`, `RefusedError` or
    `OSError` where the disk fails; what is needed to go on stays then.
    """
    fs = state.fs
    if is_present(fs, state.home, JOURNAL):
        fs.rename(state.home, JOURNAL, state.home, TAKING_BACK)
        fs.sync_dir(state.home)
    state.make_stage(journal.id)
    with opened(fs, state.root, state.stage_parts(journal.id)) as staging:
        for index in reversed(range(len(journal.ops))):
            with storage_errors(text("cannot put {name} back", name=journal.ops[index].name)):
                _put_back(state, journal, index, staging)
    for parents in dict.fromkeys(parents_of(op.name)[0] for op in journal.ops):
        with walk(fs, state.root, parents) as directory:
            if directory is not None:
                fs.sync_dir(directory)
    discard(state, journal.id, journal)


def is_half_done(state: State, journal: Journal) -> bool:
    """Whether some of its files are the new ones and others are not."""
    done = [place_of(state, op) is Place.AFTER for op in journal.ops]
    return any(done) and not all(done)


def _put_back(state: State, journal: Journal, index: int, staging: Dir) -> None:
    fs, op = state.fs, journal.ops[index]
    parents, leaf = parents_of(op.name)
    place = place_of(state, op)
    with walk(fs, state.root, parents) as directory:
        if directory is None or place is Place.ELSEWHERE:
            return
        if place is Place.AFTER and op.before is None:
            fs.rename(directory, leaf, staging, done_name(index))
        elif place is Place.AFTER:
            _find_old(state, journal, index, staging)
            if op.after is None:
                fs.rename_new(staging, done_name(index), directory, leaf)
            else:
                replace(fs, (staging, done_name(index)), (directory, leaf))
        _give_back(fs, op, (directory, leaf), (staging, done_name(index)))


def _find_old(state: State, journal: Journal, index: int, staging: Dir) -> None:
    """Let what was in the file's place have the name `done_name`: itself, or a copy of its backup.

    Itself, whatever is in it by now: who had it open may have written to it since.
    """
    op, fs = journal.ops[index], state.fs
    done = done_name(index)
    for name in (done, moved_name(index), staged_name(index, len(journal.ops))):
        if is_present(fs, staging, name) and _digest(fs, staging, name) != op.after:
            if name != done:
                fs.rename(staging, name, staging, done)
            return
    content = read_all(fs, state.home, f"backup/{journal.id}/{op.name}", read_cap(op.name))
    if content is None or hashlib.sha256(content).hexdigest() != op.before:
        raise StorageError(
            "the backup of {name} in {place} is damaged",
            "restore that file from elsewhere",
            name=op.name,
            place=state.backup(journal.id),
        )
    copy = copy_name(index)
    if is_present(fs, staging, copy):
        fs.unlink(staging, copy)
    with open_file(fs, state.root, op.name) as now:
        lay_ready(state, staging, copy, Step(op.name, op.after, content, op.mode, op.mtime_ns), now)
    fs.rename(staging, copy, staging, done)
    fs.sync_dir(staging)


def _give_back(fs: FileSystem, op: Op, way: tuple[Dir, str], out: tuple[Dir, str]) -> None:
    """Whoever wrote to the file in the last moment gets it back: by this run, or by the next one."""
    if _digest(fs, *out) in {None, op.before, op.after}:
        return
    try:
        fs.rename_new(*out, *way)
    except FileExistsError:
        fs.exchange(*out, *way)


def _digest(fs: FileSystem, staging: Dir, name: str) -> str | None:
    """SHA-256 (hex) of what has the name; empty for a link or whatever else is no file."""
    try:
        return digest(fs, staging, name)
    except RefusedError:
        return ""
