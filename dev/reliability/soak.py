"""Many rounds of bad luck: kills at random moments, two repairs at once, a writer that races the repair."""

import json
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from dev.reliability.scenes import SCENES, start
from genfix.applier import recover
from genfix.applier.fs import DISK
from genfix.errors import GenfixError
from tests.support.disks import leftovers, picture

__all__ = ["run"]

_RACED = "config.json"


def run(rounds: int) -> int:
    """``rounds`` of each; 1 where anything was lost or mixed."""
    chance = random.Random(0)
    wrong = 0
    place = "/dev/shm" if Path("/dev/shm").is_dir() else None
    for name, play in (("kill", _kill), ("two at once", _two), ("a racing writer", _race)):
        counted: Counter[str] = Counter()
        with TemporaryDirectory(prefix="soak-", dir=place) as temporary:
            ends = {scene: _ends(scene, Path(temporary)) for scene in ("repair", "undo")}
            for number in range(rounds):
                scene = ("repair", "undo")[number % 2]
                folder = start(scene, Path(temporary, str(number)))
                counted[play(scene, folder, chance, ends[scene])] += 1
                _remove(folder.parent)
        print(f"{name}: {json.dumps(counted)}", flush=True)
        wrong += sum(count for end, count in counted.items() if end.startswith("WRONG"))
    return 1 if wrong else 0


def _ends(scene: str, place: Path) -> tuple[object, object]:
    folder = start(scene, place / f"ends of {scene}")
    before = picture(folder, mtimes=False)
    SCENES[scene].ready(folder)(DISK)
    return before, picture(folder, mtimes=False)


def _judge(folder: Path, ends: tuple[object, object]) -> str:
    recover(folder)
    if strays := leftovers(folder):
        return f"WRONG: left {strays}"
    found = picture(folder, mtimes=False)
    return {True: "old", False: "new" if found == ends[1] else "WRONG: mixed"}[found == ends[0]]


def _kill(scene: str, folder: Path, chance: random.Random, ends: tuple[object, object]) -> str:
    child = _fork(SCENES[scene].ready(folder))
    time.sleep(chance.random() * 0.012)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return _judge(folder, ends)


def _two(scene: str, folder: Path, chance: random.Random, ends: tuple[object, object]) -> str:
    first, second = SCENES[scene].ready(folder), SCENES[scene].ready(folder)
    children = [_fork(first)]
    time.sleep(chance.random() * 0.008)
    children.append(_fork(second))
    codes = sorted(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children)
    end = _judge(folder, ends)
    if end == "new" and codes[0] == 0 and codes[1] in {0, 2, 3}:
        return f"new, exit codes {codes}"
    return end if end.startswith("WRONG") else f"WRONG: {end} with exit codes {codes}"


def _race(scene: str, folder: Path, chance: random.Random, _: tuple[object, object]) -> str:
    """A trainer saves one of the files, whole, while genfix is at work: its bytes must not get lost."""
    work = SCENES[scene].ready(folder)
    content = f'{{"saved": {chance.random()}}}'.encode()
    child = _fork(work)
    time.sleep(chance.random() * 0.008)
    draft = folder.parent / "draft"
    draft.write_bytes(content)
    draft.replace(folder / _RACED)
    os.waitpid(child, 0)
    try:
        recover(folder)
    except GenfixError:
        # It stopped in the middle, and says so: everything is there, here or in the backup.
        told = "drift"
    else:
        told = "went on"
    if (folder / _RACED).read_bytes() != content and content not in _backups(folder):
        return "WRONG: the writer's bytes are lost"
    return told


def _backups(folder: Path) -> list[bytes]:
    home = folder / ".cache/huggingface/genfix"
    return [path.read_bytes() for path in home.rglob("*") if path.is_file()]


def _fork(work: Callable[..., object]) -> int:
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work(DISK)
            code = 0
        except GenfixError as error:
            code = error.exit_code
        finally:
            os._exit(code)
    return child


def _remove(place: Path) -> None:
    for path in sorted(place.rglob("*"), reverse=True):
        if path.is_dir():
            path.rmdir()
        else:
            path.unlink()
    place.rmdir()
