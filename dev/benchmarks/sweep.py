"""What ``genfix sweep`` costs for each folder, as ratios to one ``genfix check`` on the same machine.

    python -m dev.benchmarks.sweep [FOLDERS] [LARGE]

FOLDERS (1,000) real-shaped folders, whose ``tokenizer.json`` of 10 MB are links to 20 files, are swept, and
a few of them are checked by a process each, before and after, so that a machine that slows down slows both.
LARGE (off by default; 20,000) is a second zoo, for what grows. Nothing is asserted.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from dev.benchmarks.check import make_base

TOKENIZERS = 20
CHECKS = 10
SMALL = ("config.json", "tokenizer_config.json")


class Cost(NamedTuple):
    """Of one command: seconds on the wall and of CPU, and the largest of its processes in MiB."""

    wall: float
    cpu: float
    mib: float


def make_zoo(root: Path, number: int) -> Path:
    """So many folders; a third never stops."""
    bases = [root / f"base-{place}" for place in range(TOKENIZERS)]
    for place, base in enumerate(bases):
        if not base.exists():
            make_base(base)
            settings = json.loads((base / "config.json").read_bytes()) | {"rope_theta": 10_000.0 + place}
            (base / "config.json").write_text(json.dumps(settings, indent=2))
            with (base / "model.safetensors").open("rb+") as weights:
                weights.truncate(4096)
    zoo = root / f"zoo-{number}"
    for place in range(number):
        base, folder = bases[place % TOKENIZERS], zoo / f"{place // 500:04d}" / f"run-{place:06d}"
        folder.mkdir(parents=True)
        for name in SMALL:
            shutil.copyfile(base / name, folder / name)
        shutil.copyfile(base / "model.safetensors", folder / "model.safetensors")
        os.link(base / "tokenizer.json", folder / "tokenizer.json")
        settings = json.loads((base / "generation_config.json").read_bytes())
        settings["eos_token_id"] = settings["eos_token_id"][1 if place % 3 == 0 else 0 :]
        (folder / "generation_config.json").write_text(json.dumps(settings, indent=2))
    return zoo


def cost(words: list[str], environment: Mapping[str, str]) -> Cost:
    """Run genfix, and look at it and all its processes until it ends."""
    started = time.monotonic()
    command = [sys.executable, "-m", "genfix", *words]
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    seconds: dict[int, float] = {}
    largest = 0.0
    while process.poll() is None:
        for pid, ticks, mib in of_session(process.pid):
            seconds[pid] = ticks
            largest = max(largest, mib)
        time.sleep(0.05)
    return Cost(time.monotonic() - started, sum(seconds.values()), largest)


def of_session(session: int) -> list[tuple[int, float, float]]:
    """The processes of a session: id, CPU seconds and memory in MiB."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split() if entry.name.isdecimal() else []
        except OSError:
            continue
        if len(fields) > 21 and int(fields[3]) == session:
            ticks = sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
            found.append((int(entry.name), ticks, int(fields[21]) * os.sysconf("SC_PAGE_SIZE") / 2**20))
    return found


def measure(root: Path, number: int, environment: Mapping[str, str]) -> Cost:
    """A sweep over a new zoo, and checks of a few of its folders."""
    zoo = make_zoo(root, number)
    folders = sorted(zoo.glob("*/*"))[:: max(1, number // CHECKS)][:CHECKS]
    store = root / f"{number}.sqlite"
    alone = [cost(["check", str(folder)], environment) for folder in folders]
    swept = cost(["sweep", str(zoo), "--store", str(store)], environment)
    alone += [cost(["check", str(folder)], environment) for folder in folders]
    again = cost(["sweep", str(zoo), "--store", str(store)], environment)
    wall = statistics.median(one.wall for one in alone)
    cpu = statistics.median(one.cpu for one in alone)
    print(f"{number:,} folders, {os.cpu_count()} cores")
    _row("one check each", Cost(wall, cpu, 0))
    _row("sweep", Cost(swept.wall / number, swept.cpu / number, 0))
    _row("sweep, nothing new", Cost(again.wall / number, again.cpu / number, 0))
    ratio, speed = wall * number / swept.wall, number / swept.wall * 60
    print(f"  1/{ratio:.0f} of the wall time of one check each; {speed:,.0f} folders a minute")
    print(f"  largest process       {swept.mib:8.1f} MiB", flush=True)
    shutil.rmtree(zoo)
    return swept


def _row(name: str, one: Cost) -> None:
    print(f"  {name:<20}{one.wall * 1000:9.1f} ms wall {one.cpu * 1000:8.1f} ms CPU a folder")


def main(number: int, large: int) -> None:
    """Measure, and print."""
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        environment = {
            **os.environ,
            "XDG_CACHE_HOME": str(root / "cache"),
            "PYTHONPYCACHEPREFIX": str(root / "bytecode"),
            "PYTHONDONTWRITEBYTECODE": "",
        }
        first = measure(root, number, environment)
        if large:
            second = measure(root, large, environment)
            wall, cpu, mib = (after / before for before, after in zip(first, second, strict=True))
            print(
                f"{large / number:.0f} times as many folders: {wall:.1f} times the wall time, {cpu:.1f} times"
            )
            print(f"the CPU time, {mib:.2f} times the memory")


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:]]
    main(given[0] if given else 1000, given[1] if len(given) > 1 else 0)
