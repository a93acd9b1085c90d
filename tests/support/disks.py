"""A model folder to repair, a picture of its whole tree, and a disk that fails at its Nth call."""

import hashlib
import os
import stat
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from genfix.applier import Receipt, Write, apply
from genfix.applier.fs import DISK, Dir, FileSystem
from genfix.folder import LocalFolder, input_digest

OLD: Mapping[str, bytes] = {
    "config.json": b'{"eos_token_id": 1}',
    "generation_config.json": b'{"max_length": 20}\n',
    "tokenizer_config.json": b'{"padding_side": "left"}',
    "model.safetensors": b"weights",
}
NEW: Mapping[str, bytes] = {
    "config.json": b'{"eos_token_id": [1, 2]}',
    "tokenizer_config.json": b'{"padding_side": "right"}' * 5_000,
    "chat_template.jinja": b"{{ messages }}",
    "additional_chat_templates/deep/tool.jinja": b"{{ tools }}",
}
STATE = Path(".cache/huggingface/genfix")

Entry = tuple[str, bytes | None, int, int | None]
"""Type, bytes, mode and, for a file, modification time."""


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def make_folder(path: Path) -> Path:
    path.mkdir(parents=True)
    for number, (name, content) in enumerate(OLD.items()):
        file = path / name
        file.write_bytes(content)
        file.chmod((0o644, 0o640, 0o600, 0o664)[number])
        os.utime(file, ns=(1, 1_500_000_000_123_456_789 + number))
    return path


def writes(folder: Path, new: Mapping[str, bytes] = NEW) -> list[Write]:
    return [
        Write(name, sha((folder / name).read_bytes()) if (folder / name).exists() else None, content)
        for name, content in new.items()
    ]


def inputs(folder: Path) -> dict[str, str | None]:
    files = LocalFolder(folder)
    found: dict[str, str | None] = {
        name: input_digest(files, name) for name in OLD if (folder / name).exists()
    }
    return found | {name: None for name in NEW if not (folder / name).exists()}


def repair(folder: Path, fs: FileSystem = DISK, **options: Any) -> Receipt:
    return apply(folder, writes(folder), inputs=inputs(folder), note={"base": "org/base@1"}, fs=fs, **options)


def picture(folder: Path, *, mtimes: bool = True) -> dict[str, Entry]:
    """Everything of the user's below ``folder``: the state folder left out, an empty ``.cache`` too."""
    result: dict[str, Entry] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        status = path.lstat()
        if name.parts[0] == ".cache" and (len(name.parts) <= 3 and stat.S_ISDIR(status.st_mode)):
            continue
        if name.parts[:3] == STATE.parts:
            continue
        mode = stat.S_IMODE(status.st_mode)
        if stat.S_ISREG(status.st_mode):
            mtime = status.st_mtime_ns if mtimes else None
            result[str(name)] = ("file", path.read_bytes(), mode, mtime)
        elif stat.S_ISLNK(status.st_mode):
            result[str(name)] = ("link", os.fsencode(path.readlink()), mode, None)
        else:
            result[str(name)] = (str(stat.S_IFMT(status.st_mode)), None, mode, None)
    return result


def leftovers(folder: Path, home: Path | None = None) -> list[str]:
    """What a finished transaction may not leave: staged files, a journal, or an empty state folder."""
    found = [str(path) for path in folder.rglob("stage-*")]
    home = home or folder / STATE
    found += [
        str(path)
        for name in ("journal.json", "journal.tmp", "taking-back.json")
        if (path := home / name).exists()
    ]
    if home.exists():
        receipts = {path.stem for path in (home / "log").glob("*.json")}
        backups = {path.name for path in (home / "backup").iterdir()} if (home / "backup").exists() else set()
        found += sorted(f"backup of nothing: {name}" for name in backups - receipts)
        # A lock file stays: see `genfix.applier.lock`.
        if not receipts and not (home / "lock").exists():
            found.append("an empty state folder")
    return found


class SimulatedCrash(BaseException):
    """The process died."""


CALLS = tuple(
    name
    for name, value in vars(FileSystem).items()
    if callable(value) and not name.startswith("_") and name not in {"rename_new", "close", "close_dir"}
)
"""What can fail. Descriptors are closed in any case: the kernel does it for a process that dies."""


class QuickDisk(FileSystem):
    """The real disk without its waits: whether bytes survive a power cut is not asked here."""

    def _full_sync(self, fd: int) -> None:
        pass


QUICK = QuickDisk()


class FaultyDisk(QuickDisk):
    """A disk until call ``at`` (from 1): then ``fault`` is raised, once or for each call from then on."""

    def __init__(
        self, at: int, fault: Callable[[], BaseException], *, forever: bool, after: bool = False
    ) -> None:
        super().__init__()
        self.at = at
        self.fault = fault
        self.forever = forever
        self.after = after
        self.count = 0

    @property
    def has_failed(self) -> bool:
        return self.count >= self.at

    def due(self) -> bool:
        self.count += 1
        return self.count == self.at or (self.forever and self.count > self.at)


def _failing(name: str) -> Callable[..., Any]:
    real = getattr(FileSystem, name)

    def call(self: FaultyDisk, *args: Any) -> Any:
        if self.due():
            if self.after and self.count == self.at:
                with suppress(OSError):
                    _close(real(self, *args))
            raise self.fault()
        return real(self, *args)

    return call


def _close(result: object) -> None:
    if isinstance(result, Dir) and result.fd is not None:
        os.close(result.fd)


for _name in CALLS:
    setattr(FaultyDisk, _name, _failing(_name))


class TornDisk(FaultyDisk):
    """A disk that dies in the middle of a write."""

    def write(self, fd: int, content: bytes | memoryview) -> int:
        if self.due():
            os.write(fd, content[: len(content) // 2])
            raise self.fault()
        return os.write(fd, content)


def crash_disk(at: int) -> FaultyDisk:
    return FaultyDisk(at, SimulatedCrash, forever=True)


class DiesAtRename(FileSystem):
    """Dies when it comes to give ``name`` its new bytes."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.leaf = name
        self.is_dead = False

    def rename(self, *args: Any) -> None:
        self._live_on(args[3])
        super().rename(*args)

    def exchange(self, *args: Any) -> None:
        self._live_on(args[3])
        super().exchange(*args)

    def unlink(self, *args: Any) -> None:
        self._live_on("")
        super().unlink(*args)

    def _live_on(self, name: str) -> None:
        self.is_dead = self.is_dead or name == self.leaf
        if self.is_dead:
            raise SimulatedCrash


def interrupt(folder: Path, at: str = "config.json") -> Path:
    """A repair that died before it replaced the file ``at``; returns its journal."""
    with suppress(SimulatedCrash):
        repair(folder, DiesAtRename(at))
    journal = folder / STATE / "journal.json"
    assert journal.exists()
    return journal
