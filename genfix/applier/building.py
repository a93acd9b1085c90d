"""Build a repaired copy of a folder beside it: for folders that shall not, or cannot, be written to.

The copy is complete before it has its name. Weights are not copied where the disk can share them: they share
blocks, or are the same file under a second name.
"""

import hashlib
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from genfix.applier.drafts import drafted, new_file, open_parent, publish, remove_stale, sync_dirs
from genfix.applier.fs import DISK, Dir, FileSystem
from genfix.applier.guard import check_names
from genfix.applier.signals import deferred_signals
from genfix.applier.storage_errors import changed_meanwhile, storage_errors
from genfix.applier.tree import CHUNK, opened, parents_of, write_all
from genfix.errors import InputError
from genfix.folder import FileKind, LocalFolder, kind_of, read_cap
from genfix.message import text

_PERMISSIONS: Final = 0o777
CONFIG_KINDS: Final = frozenset(
    {
        *(FileKind.CONFIG, FileKind.GENERATION_CONFIG, FileKind.TOKENIZER),
        *(FileKind.CHAT_TEMPLATE, FileKind.PROCESSOR, FileKind.CODE),
    }
)
"""What a copy without weights has."""
_WEIGHTS: Final = frozenset({FileKind.WEIGHTS, FileKind.GGUF})


class Built(NamedTuple):
    """A repaired copy."""

    path: Path
    files: int
    """How many files it has."""
    linked: tuple[str, ...]
    """Those that are one file with the original's: writing into one in place changes both."""


def build(
    root: Path,
    output: Path,
    changes: Mapping[str, bytes | None],
    *,
    inputs: Mapping[str, str | None],
    config_only: bool = False,
    fs: FileSystem = DISK,
) -> Built:
    """Make ``output``, which must not exist, from ``root`` with the files of ``changes`` (`None`: left out).

    With ``config_only`` nothing comes along but what `CONFIG_KINDS` are, and ``changes``.

    ``inputs`` are the SHA-256 (hex; `None`: absent) of the files the changes were made from. Dot-folders do
    not come along. ``root`` is only read. Raises `InputError` where ``output`` cannot be made, `ChangedError`
    where a file is not what it was, `StorageError` where the disk fails; nothing is left of ``output`` then.
    """
    check_names(list(changes))
    place = check_output_place(root, output)
    remove_stale(place, fs=fs)
    source = LocalFolder(root)
    with (
        storage_errors(text("cannot build {output}", output=output)),
        deferred_signals() as signals,
        open_parent(fs, place, output) as parent,
        drafted(fs, parent, place.name) as draft,
    ):
        for name in changes:
            if (source.sha256(name) if name in source.names() else None) != inputs.get(name):
                raise changed_meanwhile(name)
        linked: list[str] = []
        names = sorted((source.names() | changes.keys()) - {n for n, new in changes.items() if new is None})
        if config_only:
            names = [name for name in names if name in changes or kind_of(name) in CONFIG_KINDS]
        for name in names:
            signals.stop_if_asked()
            content = changes.get(name)
            if content is not None:
                _write(fs, draft, source, name, content)
            elif _bring(fs, draft, source, name, inputs):
                linked.append(name)
        sync_dirs(fs, draft, {parents_of(name)[0] for name in names})
        publish(fs, parent, draft, place.name)
    return Built(output, len(names), tuple(linked))


def check_output_place(root: Path, output: Path) -> Path:
    """The real place of a copy of ``root``.

    Raises `InputError` where none can be made there, `StorageError` where the disk does not say.
    """
    place = Path(os.path.realpath(output.parent)) / output.name
    with storage_errors(text("cannot build {output}", output=output)):
        if place.exists() or place.is_symlink():
            raise InputError(
                "{output} exists already", "name a folder that does not exist yet", output=output
            )
        if place.is_relative_to(os.path.realpath(root)):
            raise InputError(
                "{output} is inside the folder it would be made from", "name a folder outside", output=output
            )
        if not place.parent.is_dir():
            raise InputError("there is no folder {parent}", "create it first", parent=output.parent)
    return place


def _write(fs: FileSystem, draft: Dir, source: LocalFolder, name: str, content: bytes) -> None:
    mode = None
    if name in source.names():
        fd = source.open(name)
        mode = fs.fstat(fd).st_mode & _PERMISSIONS
        fs.close(fd)
    with new_file(fs, draft, name, mode) as fd:
        write_all(fs, fd, content)


def _bring(
    fs: FileSystem, draft: Dir, source: LocalFolder, name: str, inputs: Mapping[str, str | None]
) -> bool:
    """Bring a file along as it is; whether it is now one file with the original's."""
    old = source.open(name)
    try:
        status = fs.fstat(old)
        if kind_of(name) in _WEIGHTS or status.st_size > read_cap(name):
            return _share(fs, draft, source, name, old)
        sha = hashlib.sha256()
        with new_file(fs, draft, name, status.st_mode & _PERMISSIONS, status.st_mtime_ns) as fd:
            while piece := fs.read(old, CHUNK):
                sha.update(piece)
                write_all(fs, fd, piece)
        if name in inputs and inputs[name] != sha.hexdigest():
            raise changed_meanwhile(name)
        return False
    finally:
        fs.close(old)


def _share(fs: FileSystem, draft: Dir, source: LocalFolder, name: str, old: int) -> bool:
    """Weights: shared blocks, else a second name, else a copy."""
    status = fs.fstat(old)
    metadata = status.st_mode & _PERMISSIONS, status.st_mtime_ns
    with suppress(OSError):
        with new_file(fs, draft, name, *metadata) as fd:
            fs.clone(old, fd)
        return False
    parents, leaf = parents_of(name)
    with opened(fs, draft, parents) as directory:
        with suppress(OSError):
            fs.unlink(directory, leaf)
        try:
            fs.link_path(Path(os.path.realpath(source.root / name)), directory, leaf)
        except OSError:
            pass
        else:
            there = fs.lstat(directory, leaf)
            if (there.st_dev, there.st_ino) != (status.st_dev, status.st_ino):
                raise changed_meanwhile(name)
            return True
    with new_file(fs, draft, name, *metadata) as fd:
        while piece := fs.read(old, CHUNK):
            write_all(fs, fd, piece)
    return False
