"""Back to the old files, where a committed transaction cannot be finished: by this run, or by a later one.

The journal gets another name first. From then on the transaction will be taken back, whoever dies on the way.
"""

import hashlib
from collections.abc import Sequence
from contextlib import suppress

from genfix.applier.commit import Place, place_of, replace
from genfix.applier.fs import Dir
from genfix.applier.journal import Journal, Op
from genfix.applier.staging import Step, discard, done_name, lay_ready, moved_name, staged_name
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
    op = journal.ops[index]
    parents, leaf = parents_of(op.name)
    place = place_of(state, op)
    with walk(state.fs, state.root, parents) as directory:
        if directory is None:
            return
        if place is Place.AFTER and op.after is None:
            state.fs.rename_new(staging, _old(state, journal, index, staging), directory, leaf)
        elif place is Place.AFTER and op.before is None:
            state.fs.rename(directory, leaf, staging, done_name(index))
        elif place is Place.AFTER:
            replace(state.fs, (staging, _old(state, journal, index, staging)), (directory, leaf))
        if place is not Place.ELSEWHERE:
            # Where the new bytes lay, the old ones came out, if any.
            staged = [staged_name(index, len(journal.ops))] if place is Place.AFTER else []
            _give_back(state, op, (directory, leaf), (staging, [done_name(index), *staged]))


def _old(state: State, journal: Journal, index: int, staging: Dir) -> str:
    """The name in the staging directory of what was in the file's place: itself, or a copy of its backup."""
    op, fs = journal.ops[index], state.fs
    for name in (done_name(index), moved_name(index), staged_name(index, len(journal.ops))):
        with suppress(RefusedError):
            if digest(fs, staging, name) == op.before:
                return name
    content = read_all(fs, state.home, f"backup/{journal.id}/{op.name}", read_cap(op.name))
    if content is None or hashlib.sha256(content).hexdigest() != op.before:
        raise StorageError(
            "the backup of {name} in {place} is damaged",
            "restore that file from elsewhere",
            name=op.name,
            place=state.backup(journal.id),
        )
    with suppress(FileNotFoundError):
        fs.unlink(staging, done_name(index))
    with open_file(fs, state.root, op.name) as now:
        lay_ready(
            state, staging, done_name(index), Step(op.name, op.after, content, op.mode, op.mtime_ns), now
        )
    fs.sync_dir(staging)
    return done_name(index)


def _give_back(state: State, op: Op, way: tuple[Dir, str], out: tuple[Dir, Sequence[str]]) -> None:
    """Whoever wrote to the file in the last moment gets it back: by this run, or by the next one."""
    fs = state.fs
    directory, leaf = way
    staging, names = out
    for name in names:
        try:
            came = digest(fs, staging, name)
        except RefusedError:
            came = ""
        if came in {None, op.before, op.after}:
            continue
        try:
            fs.rename_new(staging, name, directory, leaf)
        except FileExistsError:
            fs.exchange(staging, name, directory, leaf)
