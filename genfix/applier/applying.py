"""Apply a plan's writes to a model folder."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from genfix.applier.fs import DISK, Dir, FileSystem
from genfix.applier.guard import check_names, check_targets
from genfix.applier.lock import locked
from genfix.applier.records import Receipt, Write
from genfix.applier.recovery import recover_locked
from genfix.applier.staging import Step
from genfix.applier.state import Location, existing, open_folder
from genfix.applier.storage_errors import storage_errors
from genfix.applier.transaction import nothing, run
from genfix.applier.tree import digest
from genfix.errors import stale
from genfix.folder import FileProblem, FolderFileError, LocalFolder, content_digest, input_digest
from genfix.message import text


def apply(
    root: Path,
    writes: Sequence[Write],
    *,
    inputs: Mapping[str, str | None],
    note: Mapping[str, str],
    state_dir: Path | None = None,
    fs: FileSystem = DISK,
) -> Receipt:
    """Write all of ``writes`` or none of them, durably, and keep the old bytes for `undo`.

    ``inputs`` are the digests (`genfix.folder.input_digest`; `None`: absent) of every file the plan was made
    from; ``note`` is kept in the receipt. A write of the bytes a file already has is left out; where none is
    left nothing is written at all, and the receipt has no changes. An interrupted transaction is rolled
    forward first.

    Raises `ChangedError` where a file is not what it was when the plan was made, `RefusedError` where a file
    shall not be written or the folder is in use, `StorageError` where the disk fails, `InputError` for a name
    that genfix never writes. In all of these nothing was changed, unless the message says that the run was
    interrupted.
    """
    location = Location.of(root, state_dir)
    check_names([write.name for write in writes])
    steps = [
        Step(write.name, write.before, write.content)
        for write in writes
        if content_digest(write.content) != write.before
    ]
    with storage_errors(text("cannot write in {root}", root=root)), open_folder(fs, root) as folder:
        if not steps and _is_quiet(fs, folder, location):
            _check_fresh(fs, folder, inputs, writes)
            return nothing(location, note, "repair")
        check_targets(fs, folder, [step.name for step in steps], location)
        with locked(fs, folder, location):
            recover_locked(fs, folder, location)
            _check_fresh(fs, folder, inputs, writes)
            if not steps:
                return nothing(location, note, "repair")
            return run(fs, folder, location, steps, kind="repair", note=note)


def preflight(
    root: Path, names: Iterable[str], *, state_dir: Path | None = None, fs: FileSystem = DISK
) -> None:
    """Raise what `apply` would raise for writes to ``names``, by looking only.

    `RefusedError`: a Hub cache snapshot, a link or anything else that is no regular file, a read-only file,
    two names that are one on some disks. `StorageError`: a read-only folder, or one spread over two disks.
    """
    wanted = list(names)
    location = Location.of(root, state_dir)
    check_names(wanted)
    with storage_errors(text("cannot look at {root}", root=root)), open_folder(fs, root) as folder:
        check_targets(fs, folder, wanted, location)


def _is_quiet(fs: FileSystem, folder: Dir, location: Location) -> bool:
    with existing(fs, folder, location, trusting=True) as state:
        return state is None or state.is_quiet()


def _check_fresh(
    fs: FileSystem, folder: Dir, inputs: Mapping[str, str | None], writes: Iterable[Write]
) -> None:
    files = LocalFolder(folder.path)
    for name, wanted in inputs.items():
        if _input_digest(files, name) != wanted:
            raise stale(name)
    for write in writes:
        if digest(fs, folder, write.name) != write.before:
            raise stale(write.name)


def _input_digest(files: LocalFolder, name: str) -> str | None:
    if name not in files.names():
        return None
    try:
        return input_digest(files, name)
    except FolderFileError as error:
        if error.problem is FileProblem.UNREADABLE:
            raise
        return ""
