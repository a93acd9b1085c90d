"""One genfix at a time in a model folder.

The lock is the folder directory's own: it leaves no file, and it ends with the process that holds it. A
mount, or a system, that has no lock for a directory gets a lock file in the state folder, which stays there
(removing it would let two processes hold two files of one name). Without either, nothing is written: two
repairs at once could each pass their checks and then mix.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from genfix.applier.fs import Dir, FileSystem
from genfix.applier.state import Location, created
from genfix.errors import RefusedError

if TYPE_CHECKING:
    from filelock import BaseFileLock


@contextmanager
def locked(fs: FileSystem, root: Dir, location: Location) -> Iterator[None]:
    """Hold the lock of the model folder.

    Raises `RefusedError` where another process holds it, or none can be had.
    """
    try:
        free = fs.try_lock(root)
    except OSError:
        with created(fs, root, location) as state:
            path = state.home.path / "lock"
        with _file_lock(path, root.path):
            yield
        return
    if not free:
        raise _busy(root.path)
    yield


@contextmanager
def _file_lock(path: Path, root: Path) -> Iterator[None]:
    # Imported here: few mounts come to this, and it takes longer than a whole `genfix log`.
    from filelock import SoftFileLock, Timeout  # noqa: PLC0415

    lock = _new_lock(path)
    try:
        lock.acquire()
    except Timeout as error:
        raise _busy(root) from error
    except (OSError, NotImplementedError) as error:
        raise _no_lock(root) from error
    try:
        if isinstance(lock, SoftFileLock):
            # A file that outlives a killed holder: whether it is stale can only be guessed.
            raise _no_lock(root)
        yield
    finally:
        lock.release()


def _new_lock(path: Path) -> "BaseFileLock":
    from filelock import FileLock  # noqa: PLC0415

    try:
        return FileLock(path, timeout=0, fallback_to_soft=False)
    except TypeError:
        # An older filelock: it has no fallback, or it turns into a soft lock, which the caller refuses.
        return FileLock(path, timeout=0)


def _busy(root: Path) -> RefusedError:
    return RefusedError(
        "another genfix is working on {root}",
        "wait until it has finished, then run the command again",
        root=root,
    )


def _no_lock(root: Path) -> RefusedError:
    return RefusedError(
        "the disk that holds {root} has no working file locks",
        "copy the folder to a local disk, or give a place on one with --state-dir",
        root=root,
    )
