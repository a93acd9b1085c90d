"""The state folder: where it is, how it is made, and how it goes again when it holds nothing.

Layout of the state folder (``.cache/huggingface/genfix/`` in the model folder: the Hub client never uploads
what is below ``.cache/huggingface``, and a rename from there stays on the folder's filesystem)::

    .gitignore         "*"
    journal.json       the transaction that is being written; journal.tmp before its commit point
    taking-back.json   the journal of one that could not be finished and is being taken back
    log/<id>.json      the journals of finished transactions: their receipts
    backup/<id>/...    the old bytes of each, by file name; of a snapshot, its files
    lock               only where the mount has no lock for a directory

``--state-dir`` moves all of it, below a name made from the model folder's path, since one directory serves
many folders. New bytes are staged in the model folder all the same, in ``stage-<id>``, which is removed
afterwards: only there is a rename sure to be atomic.
"""

import hashlib
import os
import re
import stat
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from genfix.applier.fs import Dir, FileSystem
from genfix.applier.journal import ID, MAX_BYTES, Journal, JournalError, decode
from genfix.applier.storage_errors import storage_errors
from genfix.applier.tree import is_present, make_dirs, opened, read_all, walk, write_new
from genfix.errors import InputError, RefusedError, StorageError
from genfix.folder import STATE_FOLDER, is_safe_name
from genfix.message import text

JOURNAL: Final = "journal.json"
JOURNAL_DRAFT: Final = "journal.tmp"
TAKING_BACK: Final = "taking-back.json"
PRUNED: Final = "pruned-"
"""What the name of a backup begins with from the moment on from which it goes."""
_MODE: Final = 0o711
"""Of the state folder: others read and list nothing, and yet see whether a journal is there. What is below is
the owner's alone.
"""

INSIDE: Final = tuple(STATE_FOLDER.split("/"))
"""The way from a model folder to its state folder."""
_GITIGNORE: Final = ".gitignore"
_OUTSIDE_TAG: Final = r"(?:-[0-9a-f]{8})?"
_STAGE: Final = re.compile(rf"stage-({ID.pattern})({_OUTSIDE_TAG})", re.ASCII)


def state_place(state_dir: Path) -> Path:
    """The folder that `--state-dir` names, which need not be there yet.

    Raises `InputError` where it is a file, or would be below one, `StorageError` where the disk does not say.
    """
    base = state_dir.absolute()
    there = next(place for place in (base, *base.parents) if os.path.lexists(place))
    with storage_errors(text("cannot look at {root}", root=there)):
        is_folder = there.is_dir()
    if not is_folder:
        raise InputError(
            "--state-dir {path} cannot be a folder: {file} is none",
            "name a folder, or a place where one can be made",
            path=base,
            file=there,
        )
    return base


@dataclass(frozen=True, slots=True)
class Location:
    """Where the state of one model folder is."""

    base: Path | None
    """The directory the user gave; `None`: inside the model folder."""
    parts: tuple[str, ...]
    """The way from there, or from the model folder, to the state folder."""
    path: Path
    tag: str
    """What tells the staging directories of this state folder from those of another one."""
    root: Path
    """The model folder as the user named it."""

    def command(self, verb: str, *words: str) -> str:
        """A command about the model folder, ready to copy."""
        import shlex  # noqa: PLC0415 - only to print a command

        state = [] if self.base is None else ["--state-dir", str(self.base)]
        return shlex.join(["genfix", verb, str(self.root), *words, *state])

    @classmethod
    def of(cls, root: Path, state_dir: Path | None) -> "Location":
        """The state folder of the model folder ``root``; ``state_dir`` as `--state-dir` gives it.

        Raises `InputError` as `state_place`.
        """
        if state_dir is None:
            return cls(None, INSIDE, root.joinpath(*INSIDE), "", root)
        real = os.path.realpath(root)
        key = hashlib.sha256(os.fsencode(real)).hexdigest()[:16]
        named = f"{Path(real).name}-{key}"
        key = named if is_safe_name(named) else key
        base = state_place(state_dir)
        tag = hashlib.sha256(os.fsencode(os.path.realpath(base / key))).hexdigest()[:8]
        return cls(base, (key,), base / key, f"-{tag}", root)


@dataclass(frozen=True, slots=True)
class State:
    """An open state folder and the open model folder it belongs to."""

    fs: FileSystem
    root: Dir
    home: Dir
    anchor: Dir
    """The directory from which `way` leads to the state folder."""
    way: tuple[str, ...]
    tag: str
    made: set[Path] | None
    """The directories this run created; `None`: not known, since a run that died may have created them."""

    def stage_parts(self, transaction: str) -> tuple[str, ...]:
        """The way from the model folder to the new bytes of a transaction."""
        return (*INSIDE, f"stage-{transaction}{self.tag}")

    def make_stage(self, transaction: str) -> None:
        """Create the directory for the new bytes."""
        _make(self.fs, self.root, INSIDE, self.made)
        make_dirs(self.fs, self.root, self.stage_parts(transaction), 0o700)

    def backup(self, transaction: str) -> Path:
        """Where the old bytes of a transaction are."""
        return self.home.path / "backup" / transaction

    def is_outside(self) -> bool:
        """Whether it lies outside of the model folder, where the user put it with `--state-dir`."""
        real = Path(os.path.realpath(self.home.path))
        return not real.is_relative_to(os.path.realpath(self.root.path))

    def stages(self) -> tuple[str, ...]:
        """Ids of the transactions that have new bytes lying ready, oldest first."""
        with walk(self.fs, self.root, INSIDE) as directory:
            names = [] if directory is None else self.fs.names(directory)
        found = (_STAGE.fullmatch(name) for name in names)
        return tuple(match[1] for match in found if match and match[2] == self.tag)

    def journal(self, name: str = JOURNAL) -> Journal | None:
        """The transaction that is committed and not finished. Raises `JournalError` where it is damaged."""
        try:
            content = read_all(self.fs, self.home, name, MAX_BYTES)
        except (RefusedError, StorageError) as error:
            raise JournalError(error.said) from error
        journal = None if content is None else decode(content)
        if journal is not None and journal.kind == "snapshot":
            raise JournalError("a snapshot has nothing that could be unfinished")
        return journal

    def pruned(self) -> tuple[str, ...]:
        """Names of the backups whose removal has begun."""
        with walk(self.fs, self.home, ("backup",)) as backups:
            names = [] if backups is None else self.fs.names(backups)
        return tuple(name for name in names if name.startswith(PRUNED))

    def is_quiet(self) -> bool:
        """Whether no run that died has left anything."""
        return not (
            is_present(self.fs, self.home, JOURNAL)
            or is_present(self.fs, self.home, JOURNAL_DRAFT)
            or is_present(self.fs, self.home, TAKING_BACK)
            or self.stages()
            or self.pruned()
            or self._is_hollow()
        )

    def tidy(self) -> None:
        """Remove what is empty: the state folder, and the directories above it that may be genfix's own.

        Best effort: an empty directory that stays does no harm.
        """
        for name in ("log", "backup"):
            with suppress(OSError):
                self.fs.rmdir(self.home, name)
        with suppress(OSError, RefusedError):
            if (self.made is None or self.home.path in self.made) and self._is_hollow():
                self.fs.unlink(self.home, _GITIGNORE)
        _prune(self.fs, self.anchor, self.way, self.made)
        _prune(self.fs, self.root, INSIDE, self.made)

    def _is_hollow(self) -> bool:
        for name in self.fs.names(self.home):
            if name in {"log", "backup"}:
                with walk(self.fs, self.home, (name,)) as directory:
                    if directory is not None and self.fs.names(directory):
                        return False
            elif name != _GITIGNORE:
                return False
        return True


@contextmanager
def open_folder(fs: FileSystem, root: Path) -> Iterator[Dir]:
    """The model folder, open. Raises `InputError` where it is no directory."""
    try:
        directory = fs.open_root(root)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise InputError("{root} is not a folder", "check the path", root=root) from error
    try:
        yield directory
    finally:
        fs.close_dir(directory)


@contextmanager
def existing(fs: FileSystem, root: Dir, location: Location, *, trusting: bool) -> Iterator[State | None]:
    """The state folder, where there is one.

    With ``trusting`` (to read only) its owner and mode do not matter, and one that is reached through a link
    is none of genfix's; without, both are a `RefusedError`.
    """
    with ExitStack() as stack:
        state = None
        try:
            anchor = root
            if location.base is not None:
                anchor = fs.open_root(location.base)
                stack.callback(fs.close_dir, anchor)
            home = stack.enter_context(walk(fs, anchor, location.parts))
        except (FileNotFoundError, NotADirectoryError):
            home = None
        except PermissionError as error:
            if trusting:
                raise
            raise not_ours(location.path) from error
        except RefusedError:
            if not trusting:
                raise
            home = None
        else:
            if home is not None:
                state = State(fs, root, home, anchor, location.parts, location.tag, made=None)
        if state is not None and not trusting:
            _make_private(state)
        yield state


@contextmanager
def created(fs: FileSystem, root: Dir, location: Location) -> Iterator[State]:
    """The state folder, created where there is none. The block that fails calls `State.tidy`."""
    with ExitStack() as stack:
        anchor, way = root, location.parts
        if location.base is not None:
            near = location.base
            while not near.exists():
                near = near.parent
            anchor = fs.open_root(near)
            stack.callback(fs.close_dir, anchor)
            way = (*location.base.relative_to(near).parts, *location.parts)
        made: set[Path] = set()
        state = None
        try:
            _make(fs, anchor, way, made)
            home = stack.enter_context(opened(fs, anchor, way))
            state = State(fs, root, home, anchor, way, location.tag, made)
            _make_private(state)
            for name in ("log", "backup"):
                make_dirs(fs, home, (name,), 0o700)
            if not is_present(fs, home, _GITIGNORE):
                write_new(fs, home, _GITIGNORE, b"*\n")
        except BaseException:
            if state is None:
                _prune(fs, anchor, way, made)
            else:
                state.tidy()
            raise
        yield state


def _make(fs: FileSystem, anchor: Dir, way: Sequence[str], made: set[Path] | None) -> None:
    """Create the directories of ``way``, the last one with its own mode, and remember in ``made`` which
    were missing.
    """
    remembered: set[Path] = set() if made is None else made
    for end in range(1, len(way) + 1):
        mode = _MODE if end == len(way) else 0o777
        make_dirs(fs, anchor, way[:end], mode, made=remembered.add)


def _prune(fs: FileSystem, anchor: Dir, way: Sequence[str], made: set[Path] | None) -> None:
    for end in range(len(way), 0, -1):
        if made is None or anchor.path.joinpath(*way[:end]) in made:
            with suppress(OSError, RefusedError), opened(fs, anchor, way[: end - 1]) as parent:
                fs.rmdir(parent, way[end - 1])


def _make_private(state: State) -> None:
    status = state.fs.stat_dir(state.home)
    if sys.platform != "win32":
        accepted = {os.geteuid()}
        if os.geteuid() == 0:
            # Root works for the folder's owner, and what root creates there is the owner's.
            accepted |= {state.fs.stat_dir(directory).st_uid for directory in (state.root, state.anchor)}
        if status.st_uid not in accepted:
            raise not_ours(state.home.path)
        if stat.S_IMODE(status.st_mode) != _MODE:
            # What others planted meanwhile is validated; from now on they cannot. A mount without modes stays
            # as it is.
            with suppress(OSError):
                state.fs.chmod_dir(state.home, _MODE)


def not_ours(path: Path) -> RefusedError:
    """The refusal for a state folder that another user alone may open."""
    return RefusedError(
        "the state folder {path} belongs to another user",
        "run the command as that user, hand it over (`chown -R`), or give another place with --state-dir",
        path=path,
    )
