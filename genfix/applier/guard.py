"""What may not be written, found out by looking only: links, Hub caches, read-only files and folders."""

import os
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from genfix.applier.fs import Dir, FileSystem
from genfix.applier.journal import clash, fold, is_writable_name
from genfix.applier.state import INSIDE, Location, open_folder
from genfix.applier.tree import not_regular, parents_of, walk
from genfix.errors import InputError, RefusedError, StorageError


def check_names(names: Sequence[str]) -> None:
    """Raise where ``names`` are not files that one transaction may write."""
    for name in names:
        if not is_writable_name(name):
            raise InputError(
                "'{name}' is not a file that genfix writes",
                "make the plan again with this version of genfix",
                name=name,
            )
    if (twin := clash(names)) is not None:
        raise InputError(
            "{twin} is written twice", "make the plan again with this version of genfix", twin=twin
        )


def check_targets(fs: FileSystem, root: Dir, names: Iterable[str], location: Location) -> None:
    """Raise `RefusedError` or `StorageError` where one of ``names`` cannot or shall not be written.

    Writes nothing.
    """
    wanted = sorted(names)
    _refuse_cache(root.path, wanted)
    ground = _Ground.of(fs, root, bits_bind=not _is_copy_of_read_only_store(fs, root))
    for name in wanted:
        _check_target(fs, root, name, ground)
    if wanted:
        _check_state(fs, root, INSIDE, ground)
    if location.base is not None and location.base.exists():
        if not os.access(location.base, os.W_OK):
            raise StorageError(
                "cannot write in {base}",
                "give another place with --state-dir, or leave it out",
                base=location.base,
            )
        with open_folder(fs, location.base) as base:
            _check_state(fs, base, location.parts, _Ground.of(fs, base, bits_bind=False))


@dataclass(frozen=True, slots=True)
class _Ground:
    """What is the same for all targets of one folder."""

    device: int
    mount: int | None
    bits_bind: bool
    """Whether a missing write bit says that somebody closed a file or folder on purpose."""

    @classmethod
    def of(cls, fs: FileSystem, root: Dir, *, bits_bind: bool) -> "_Ground":
        """What is so of the directory ``root``."""
        return cls(fs.stat_dir(root).st_dev, fs.mount_id(root), bits_bind)

    def is_closed(self, status: os.stat_result) -> bool:
        """Whether the mode bits forbid writing."""
        return self.bits_bind and not status.st_mode & stat.S_IWUSR


def _is_copy_of_read_only_store(fs: FileSystem, root: Dir) -> bool:
    """Whether root works on a tree whose folder *and* files came without write bits.

    A copy out of a read-only store (a DVC or Nix tree, a mounted data set) keeps its modes: they say nothing
    about this folder. A closed folder with open files was closed by hand, and that counts for root as well.
    """
    if not hasattr(os, "geteuid") or os.geteuid() != 0 or fs.stat_dir(root).st_mode & stat.S_IWUSR:
        return False
    files = (fs.lstat(root, name) for name in fs.names(root))
    return any(stat.S_ISREG(status.st_mode) and not status.st_mode & stat.S_IWUSR for status in files)


def _check_target(fs: FileSystem, root: Dir, name: str, ground: _Ground) -> None:
    parents, leaf = parents_of(name)
    _check_nearest(fs, root, parents, ground)
    with walk(fs, root, parents) as directory:
        if directory is None:
            return
        for entry in fs.names(directory):
            if entry != leaf and fold(entry) == fold(leaf):
                raise RefusedError(
                    "{name} and {value} are one name on some disks",
                    "remove the one that is not needed, then run the command again",
                    name=name,
                    value="/".join((*parents, entry)),
                )
        try:
            status = fs.lstat(directory, leaf)
        except FileNotFoundError:
            return
        if not stat.S_ISREG(status.st_mode):
            raise not_regular(name)
        _check_replaceable(fs, directory, name, root.path / name)
        # Replacing a file needs no permission on the file itself: without this a rename would pass over the
        # bit.
        if ground.is_closed(status) or not fs.may_write(directory, leaf):
            raise RefusedError(
                "{name} is read-only",
                "if it may change, run `chmod u+w` on {path} first",
                name=name,
                path=root.path / name,
            )


def _check_replaceable(fs: FileSystem, directory: Dir, name: str, path: Path) -> None:
    """Refuse a file whose name the kernel gives to no other one, whoever asks and whatever the mode bits
    say.
    """
    leaf = parents_of(name)[1]
    if fs.mount_id(directory, leaf) != fs.mount_id(directory):
        raise RefusedError(
            "{name} is a mount of its own, which nothing can replace",
            "mount the whole folder instead of the file, or make a repaired copy elsewhere with --output",
            name=name,
        )
    if flag := _locked_by(fs, directory, leaf):
        raise RefusedError(
            "{name} is locked by the flag {flag} of its inode",
            "if it may change, run `chattr -{flag}` on {path} first, or make a repaired copy elsewhere with "
            "--output",
            name=name,
            flag=flag,
            path=path,
        )


def _locked_by(fs: FileSystem, directory: Dir, leaf: str) -> str:
    try:
        fd = fs.open_read(directory, leaf)
    except PermissionError:  # who may not read it does not get as far as replacing it
        return ""
    try:
        return fs.locked_by(fd)
    finally:
        fs.close(fd)


def _check_state(fs: FileSystem, anchor: Dir, way: tuple[str, ...], ground: _Ground) -> None:
    """Check the state folder: the journal is the last thing that is moved, out of it and into the log."""
    for name in ("", "log", "backup"):
        _check_nearest(fs, anchor, (*way, name) if name else way, ground)


def _check_nearest(fs: FileSystem, root: Dir, parents: Sequence[str], ground: _Ground) -> None:
    """Check the innermost directory of ``parents`` that exists: files or directories are created there."""
    for end in range(len(parents), -1, -1):
        with walk(fs, root, parents[:end]) as directory:
            if directory is None:
                continue
            status = fs.stat_dir(directory)
            if ground.is_closed(status) or not fs.may_write(directory):
                raise StorageError(
                    "the folder {path} is read-only",
                    "make it writable, or make a repaired copy elsewhere with --output",
                    path=directory.path,
                )
            if directory.fd is not None and (flag := fs.locked_by(directory.fd)):
                raise StorageError(
                    "the folder {path} is locked by the flag {flag} of its inode",
                    "run `chattr -{flag}` on it first, or make a repaired copy elsewhere with --output",
                    path=directory.path,
                    flag=flag,
                )
            if (status.st_dev, fs.mount_id(directory)) != (ground.device, ground.mount):
                raise StorageError(
                    "the folder {path} is on another disk or mount than {root}",
                    "make a repaired copy on one disk with --output",
                    path=directory.path,
                    root=root.path,
                )
            return


def _refuse_cache(root: Path, names: Iterable[str]) -> None:
    """Refuse a snapshot of the Hub cache: its files are shared by every model that has the same bytes.

    Layout: ``models--org--name/snapshots/<commit>/``, files linked into the repo's own ``blobs`` or the
    shared ``<cache>/blobs`` (huggingface_hub 2.x, file_download.py).
    """
    real = Path(os.path.realpath(root))
    if any(_is_snapshot(path) for path in (root.absolute(), real)) or any(
        _is_blob(real, real / name) for name in names
    ):
        raise RefusedError(
            "{root} is a snapshot in the Hub cache, whose files other folders share",
            "make a repaired copy with --output, or copy it out first: `hf download ... --local-dir`",
            root=root,
        )


def _is_snapshot(path: Path) -> bool:
    parts = path.parts
    return any(
        parts[at].startswith("models--") and parts[at + 1] == "snapshots" for at in range(len(parts) - 2)
    )


def _is_blob(root: Path, path: Path) -> bool:
    if not path.is_symlink():
        return False
    target = Path(os.path.realpath(path))
    # .../<repo>/snapshots/<commit>/<name> -> .../<repo>/blobs/<hash>, under whatever name the repo's folder
    # has.
    siblings = (root.parents[1] / "blobs", root.parents[2] / "blobs") if len(root.parents) > 2 else ()
    return target.parent.name == "blobs" and (
        any(target.is_relative_to(blobs) for blobs in siblings)
        or (target.parent.parent / "snapshots").is_dir()
    )
