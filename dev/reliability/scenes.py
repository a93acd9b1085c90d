"""What is interrupted: a folder to start from, what is done to it, and what is there in the end.

``python -m dev.reliability.scenes`` plays them in forks (`dev.reliability.forks`).
"""

import errno
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple, TypeAlias

from dev.reliability.forks import Watch, serve
from genfix.applier import (
    Receipt,
    Write,
    apply,
    build,
    log,
    make_folder,
    prune,
    recover,
    remove_stale,
    restore,
    snapshot,
    undo,
    write_report,
)
from genfix.applier.fs import DISK, Dir, FileSystem
from genfix.applier.gguf_writing import write_gguf
from genfix.applier.state import Location
from genfix.errors import GenfixError, StorageError
from genfix.folder import LocalFolder
from tests.support import disks
from tests.support.disks import (
    NEW,
    QUICK,
    STATE,
    Entry,
    SimulatedCrash,
    crash_disk,
    inputs,
    leftovers,
    picture,
    sha,
    writes,
)

__all__ = ["SCENES", "End", "Scene", "play", "seen", "settle", "start", "strays"]

_BESIDE: Final = ("copy", "capsule", "report.json", "new.gguf")
"""What scenes make beside the folder."""
_REPORT: Final = (b'{"findings": []}\n', b'{"findings": [1]}\n' * 20_000)
"""An earlier report, and the one that is written."""
_DATA_START: Final = 6000
"""Where the data of the GGUF's tensors begin."""


Work: TypeAlias = Callable[[FileSystem], object]


class Scene(NamedTuple):
    """One transaction."""

    prepare: Callable[[Path], object]
    """What happened to the folder before."""
    ready: Callable[[Path], Work]
    """Looks at the folder as a caller does before the transaction, and returns that."""
    also: str = ""
    """The scene whose end is right as well: what died may be finished where nothing refuses any more."""
    state: str = ""
    """The state folder beside the model folder, where it is not inside."""


class End(NamedTuple):
    """What a scene leaves, in the folder, beside it and in the log."""

    files: Mapping[str, Entry]
    beside: Mapping[str, object]
    """The mode and the bytes of a file, and the picture of a folder."""
    receipts: tuple[str, ...]
    """Of each transaction its kind, and whether all that it keeps is there."""


def _repair(folder: Path, state_dir: Path | None = None) -> Work:
    """Two rewrites, two new files of which one is in new sub-directories, one file moved into the backup."""
    adapter = sha((folder / "adapter_config.json").read_bytes())
    asked = [*writes(folder), Write("adapter_config.json", adapter, None)]
    read = {**inputs(folder), "adapter_config.json": adapter}
    return lambda fs: apply(folder, asked, inputs=read, note={}, state_dir=state_dir, fs=fs)


def _repair_elsewhere(folder: Path) -> Work:
    return _repair(folder, folder.parent / "state")


def _undo(folder: Path) -> Work:
    return lambda fs: undo(folder, fs=fs)


def _recovery(folder: Path) -> Work:
    return lambda fs: recover(folder, fs=fs)


def _restore(folder: Path) -> Work:
    taken = log(folder)[0].id
    return lambda fs: restore(folder, taken, note={}, fs=fs)


def _snapshot(folder: Path) -> Work:
    return lambda fs: snapshot(folder, note={}, fs=fs)


def _prune(folder: Path) -> Work:
    return lambda fs: prune(folder, keep=0, fs=fs)


def _copy(folder: Path) -> Work:
    """`repair --output`: changed files, new ones, and the weights as one file with the original's."""
    read = inputs(folder)
    return lambda fs: build(folder, folder.parent / "copy", dict(NEW), inputs=read, fs=fs)


def _capsule(folder: Path) -> Work:
    return lambda fs: make_folder(folder.parent / "capsule", dict(NEW), fs=fs)


def _gguf(folder: Path) -> Work:
    """`repair model.gguf --output`: another header, and the tensors' data as they are."""
    files, name, output = LocalFolder(folder), "model.gguf", folder.parent / "new.gguf"
    was = files.read_range(name, 0, _DATA_START)
    return lambda fs: write_gguf(
        files, name, output, was=was, data_start=_DATA_START, head=b"GGUF" * 2048, fs=fs
    )


def _report(folder: Path) -> Work:
    return lambda fs: write_report(folder.parent / "report.json", _REPORT[1], fs=fs)


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


def _repaired_simply(folder: Path) -> None:
    """Without a file that is moved into the backup, which no prune would remove."""
    disks.repair(folder, QUICK)


def _with_gguf(folder: Path) -> None:
    (folder / "model.gguf").write_bytes(b"GGUF" * 10_000)


def _reported(folder: Path) -> None:
    (folder.parent / "report.json").write_bytes(_REPORT[0])


def _repaired_after_snapshot(folder: Path) -> None:
    snapshot(folder, note={}, fs=QUICK)
    _repaired(folder)


SCENES: Final[Mapping[str, Scene]] = {
    "repair": Scene(lambda _: None, _repair),
    "undo": Scene(_repaired, _undo),
    "recovery": Scene(_committed, _recovery),
    "taken-back": Scene(lambda _: None, _taken_back, also="repair"),
    "restore": Scene(_repaired_after_snapshot, _restore),
    "elsewhere": Scene(lambda _: None, _repair_elsewhere, state="state"),
    "snapshot": Scene(lambda _: None, _snapshot),
    "another": Scene(_repaired_after_snapshot, _snapshot),
    "prune": Scene(_repaired_simply, _prune),
    "copy": Scene(lambda _: None, _copy),
    "capsule": Scene(lambda _: None, _capsule),
    "gguf": Scene(_with_gguf, _gguf),
    "report": Scene(_reported, _report),
}
"""``elsewhere`` is a repair with ``--state-dir``, ``another`` a snapshot that shares files with the last."""


def start(scene: str, place: Path) -> Path:
    """A folder on which the scene can be played; what this process remembers lies beside it from now on."""
    _own_cache(place)
    folder = disks.make_folder(place / "merged")
    (folder / "adapter_config.json").write_bytes(b'{"r": 8}')
    SCENES[scene].prepare(folder)
    return folder


def play(scene: str, place: Path) -> Path:
    """A folder on which the scene was played."""
    folder = start(scene, place)
    SCENES[scene].ready(folder)(QUICK)
    return folder


def settle(scene: str, folder: Path) -> None:
    """What the next command that writes does first. Raises as `recover` does."""
    recover(folder, state_dir=_state_dir(scene, folder))
    remove_stale(folder)


def seen(scene: str, folder: Path) -> End:
    """What is there now."""
    made = [folder.parent / name for name in _BESIDE if (folder.parent / name).exists()]
    beside: dict[str, object] = {
        path.name: (path.stat().st_mode, path.read_bytes()) if path.is_file() else picture(path, mtimes=False)
        for path in made
    }
    receipts = log(folder, state_dir=_state_dir(scene, folder))
    return End(picture(folder, mtimes=False), beside, tuple(f"{one.kind}, {_kept(one)}" for one in receipts))


def strays(scene: str, folder: Path) -> list[str]:
    """What may not be left: staged files, a journal, what a snapshot or a copy that died had begun."""
    home = Location.of(folder, _state_dir(scene, folder)).path
    return leftovers(folder, home) + [path.name for path in folder.parent.iterdir() if ".genfix" in path.name]


def _own_cache(place: Path) -> None:
    """Let this process remember its receipts in ``place``, not in the user's own cache."""
    os.environ["XDG_CACHE_HOME"] = str(place / "cache")


def _state_dir(scene: str, folder: Path) -> Path | None:
    return folder.parent / SCENES[scene].state if SCENES[scene].state else None


def _kept(receipt: Receipt) -> str:
    """Whether the bytes that an undo or a restore brings back are there."""
    wanted = {change.name: change.before for change in receipt.changes if change.before is not None}
    wanted |= {kept.name: kept.sha256 for kept in receipt.files}
    if not receipt.backup.exists():
        return "nothing kept"
    whole = all(sha((receipt.backup / name).read_bytes()) == digest for name, digest in wanted.items())
    return "all kept" if whole else "OTHER BYTES KEPT"


def worker(words: Sequence[str], watch: Watch) -> int:
    """Play a scene in a folder; one line of JSON tells an error as the command line would."""
    scene, folder = words[0], Path(words[1])
    _own_cache(folder.parent)
    work = SCENES[scene].ready(folder)
    watch()
    try:
        work(DISK)
    except GenfixError as error:
        sys.stdout.write(json.dumps({"message": error.message, "hint": error.hint, "code": error.exit_code}))
        return error.exit_code
    return 0


if __name__ == "__main__":
    serve(worker)
