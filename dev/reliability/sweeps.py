"""A sweep with repairs, killed at random moments; and one hostile folder among three hundred."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from tests.support.zoos import make_zoo, newest, rows, state_of_files

__all__ = ["run"]

_ROOT: Final = Path(__file__).resolve().parents[2]
_FOLDERS: Final = 400
_HOSTILE: Final = 300


def run(kills: int) -> int:
    """So many kills, then the hostile folders; 1 where anything is wrong."""
    with TemporaryDirectory(prefix="sweep-") as place:
        wrong = _killed(Path(place), kills)
    with TemporaryDirectory(prefix="sweep-") as place:
        wrong += _hostile(Path(place))
    return 1 if wrong else 0


def _start(place: Path, *options: str) -> "subprocess.Popen[bytes]":
    words = ["-m", "genfix", "sweep", "zoo", "--base", "base", "--store", "z.sqlite", "--jobs", "2", *options]
    env = {**os.environ, "PYTHONPATH": str(_ROOT), "XDG_CACHE_HOME": str(place / "cache")}
    with (place / "told").open("ab") as told:
        return subprocess.Popen(
            [sys.executable, *words], cwd=place, env=env, stdout=told, stderr=told, start_new_session=True
        )


def _killed(place: Path, kills: int) -> int:
    """Sweeps that are killed until each has ended, over new zoos until there were enough kills."""
    chance = random.Random(0)
    wrong = done = number = 0
    while done < kills:
        number += 1
        here = place / str(number)
        zoo, _ = make_zoo(here, _FOLDERS)
        folders = sorted(zoo.glob("*/*"))
        ends = {"killed": 0, "torn": 0}
        while (process := _start(here, "--repair")).poll() is None:
            time.sleep(0.4 + chance.random() * 1.5)
            if process.poll() is not None or done == kills:
                process.wait()
                break
            # The driver alone, or its workers with it.
            (os.kill if chance.random() < 0.5 else os.killpg)(process.pid, signal.SIGKILL)
            process.wait()
            done += 1
            ends["killed"] += 1
            ends["torn"] += sum(state_of_files(folder) == "torn" for folder in folders)
        _check(here, folders, ends)
        print(f"kill -9 of a sweep over {_FOLDERS} folders: {json.dumps(ends)}", flush=True)
        wrong += sum(count for end, count in ends.items() if end not in {"killed", "refused"})
    return wrong


def _check(place: Path, folders: list[Path], ends: dict[str, int]) -> None:
    # A worker of a killed driver may still hold the lock of its folder: that one is refused, and tried again.
    ends["refused"] = len(rows(place / "z.sqlite", "SELECT path FROM results WHERE state = 'refused'"))
    query = "SELECT path, count(*) FROM results WHERE state != 'refused' GROUP BY path"
    counted = rows(place / "z.sqlite", query)
    ends["not judged"] = len(folders) - len(counted)
    ends["judged twice"] = sum(number != 1 for _, number in counted)
    ends["not repaired"] = sum(state_of_files(folder) != "new" for folder in folders)


def _hostile(place: Path) -> int:
    """A FIFO, a header of 10^6 tensors and an endless template in one folder."""
    zoo, _ = make_zoo(place, _HOSTILE)
    bad = sorted(zoo.glob("*/*"))[150]
    os.mkfifo(bad / "added_tokens.json")
    (bad / "chat_template.jinja").write_text("{% for _ in range(10**12) %}{% endfor %}")
    tensors = {
        f"model.layers.{number}.weight": {"dtype": "BF16", "shape": [1, 1], "data_offsets": [0, 2]}
        for number in range(10**6)
    }
    header = json.dumps(tensors).encode()
    with (bad / "model.safetensors").open("wb") as file:
        file.write(len(header).to_bytes(8, "little") + header + b"\0\0")
    started = time.monotonic()
    code = _start(place, "--seconds", "60").wait()
    seconds = time.monotonic() - started
    found = newest(place / "z.sqlite")
    others = sum(state == "judged" for name, state in found.items() if name != bad.name)
    [told] = rows(
        place / "z.sqlite", f"SELECT state, message, seconds FROM latest WHERE path LIKE '%{bad.name}'"
    )
    print(f"{_HOSTILE} folders, one hostile: {others} others judged in {seconds:.1f} s, exit {code}; {told}")
    return 0 if others == _HOSTILE - 1 else 1
