"""The transactions that are interrupted: a folder to start from, and what is done to it.

`worker` runs one of them in a process of its own: ``python -m dev.reliability.scenes SCENE FOLDER``.
"""

import errno
import json
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple, TypeAlias

from genfix.applier import Write, apply, log, recover, restore, snapshot, undo
from genfix.applier.fs import DISK, Dir, FileSystem
from genfix.errors import GenfixError, StorageError
from tests.support.disks import QUICK, STATE, SimulatedCrash, crash_disk, inputs, make_folder, sha, writes

__all__ = ["MARK", "SCENES", "Scene", "play", "start"]

MARK: Final = "/__BEGIN__"
"""A path that is not there; asked for when the imports are done and the work begins."""


Work: TypeAlias = Callable[[FileSystem], object]


class Scene(NamedTuple):
    """One transaction."""

    prepare: Callable[[Path], object]
    """What happened to the folder before."""
    ready: Callable[[Path], Work]
    """Looks at the folder as a caller does before the transaction, and returns that."""
    also: str = ""
    """The scene whose end is right as well: what died may be finished where nothing refuses any more."""


def _repair(folder: Path) -> Work:
    """Two rewrites, two new files of which one is in new sub-directories, one file moved into the backup."""
    adapter = sha((folder / "adapter_config.json").read_bytes())
    asked = [*writes(folder), Write("adapter_config.json", adapter, None)]
    seen = {**inputs(folder), "adapter_config.json": adapter}
    return lambda fs: apply(folder, asked, inputs=seen, note={}, fs=fs)


def _undo(folder: Path) -> Work:
    return lambda fs: undo(folder, fs=fs)


def _recovery(folder: Path) -> Work:
    return lambda fs: recover(folder, fs=fs)


def _restore(folder: Path) -> Work:
    taken = log(folder)[0].id
    return lambda fs: restore(folder, taken, note={}, fs=fs)


class _Refusing(FileSystem):
    """A mount that refuses to replace config.json, the last file, though it did not say so before."""

    def exchange(self, source: Dir, name: str, target: Dir, new_name: str) -> None:
        if new_name == "config.json":
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
        super().exchange(source, name, target, new_name)


def _taken_back(folder: Path) -> Work:
    """A repair that cannot be finished: half of it is done, and taken back."""
    repairing = _repair(folder)

    def work(_: FileSystem) -> None:
        try:
            repairing(_Refusing())
        except StorageError as error:
            # As it shall be; any other error is told.
            if not error.message.startswith("cannot replace config.json"):
                raise

    return work


def _repaired(folder: Path) -> None:
    _repair(folder)(QUICK)


def _committed(folder: Path) -> None:
    """A repair that died in the first rename after its commit point."""
    with suppress(SimulatedCrash):
        _repair(folder)(crash_disk(_first_rename()))


@cache
def _first_rename() -> int:
    """The number of that call: it is looked for once in each process."""
    with TemporaryDirectory() as place:
        folder = start("repair", Path(place))
        for at in range(1, 10_000):
            with suppress(SimulatedCrash):
                _repair(folder)(crash_disk(at))
            if (folder / STATE / "journal.json").exists():
                return at
            recover(folder, fs=QUICK)
    raise ValueError("a repair has no commit point")


def _repaired_after_snapshot(folder: Path) -> None:
    snapshot(folder, note={}, fs=QUICK)
    _repaired(folder)


SCENES: Final[Mapping[str, Scene]] = {
    "repair": Scene(lambda _: None, _repair),
    "undo": Scene(_repaired, _undo),
    "recovery": Scene(_committed, _recovery),
    "taken-back": Scene(lambda _: None, _taken_back, also="repair"),
    "restore": Scene(_repaired_after_snapshot, _restore),
}


def start(scene: str, place: Path) -> Path:
    """A folder on which the scene can be played."""
    folder = make_folder(place / "merged")
    (folder / "adapter_config.json").write_bytes(b'{"r": 8}')
    SCENES[scene].prepare(folder)
    return folder


def play(scene: str, place: Path) -> Path:
    """A folder on which the scene was played."""
    folder = start(scene, place)
    SCENES[scene].ready(folder)(QUICK)
    return folder


def worker(scene: str, folder: Path) -> int:
    """Play the scene; one line of JSON tells an error as the command line would."""
    work = SCENES[scene].ready(folder)
    with suppress(OSError):
        Path(MARK).stat()
    try:
        work(DISK)
    except GenfixError as error:
        sys.stdout.write(json.dumps({"message": error.message, "hint": error.hint, "code": error.exit_code}))
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(worker(sys.argv[1], Path(sys.argv[2])))
