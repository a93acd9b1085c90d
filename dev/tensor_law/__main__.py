"""Holds genfix's word about tensors against transformers', on every model type.

    python -m dev.tensor_law --reader PYTHON [--older PYTHON] --work DIR [--types all|NAME,...] [--damages N]
        [--record]

The reader, an interpreter with the release that genfix's table was read from, builds each type with tiny
sizes and saves it; so does the older one, in its own spelling. Each folder is then judged and loaded by the
reader: as it is, and with some damages, in turn by its name. What the reader makes up or refuses must be
called so, and nothing else may be. ``--work`` keeps the folders, which the next run takes.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from dev.loading_law.reader import Reader, ReaderError
from dev.tensor_law.damages import DAMAGES
from dev.tensor_law.page import write_page
from dev.tensor_law.trials import Trial, headers_of, tried, write_damaged
from genfix.json_types import JsonValue

__all__ = ["main"]


def main() -> int:
    """The exit code: 1 where genfix is wrong about a folder."""
    asked = _arguments()
    work: Path = asked.work
    readers = [Reader("newest", asked.reader, work / "tmp")]
    readers += [Reader("older", asked.older, work / "tmp")] if asked.older else []
    trials: list[Trial] = []
    for place, builder in enumerate(readers):
        for folder in _folders(builder, work / builder.name, asked.types):
            for trial in _trials(folder, readers[0], work / f"case{place}", asked.damages):
                trials.append(trial)
                if trial.verdict.startswith("wrong"):
                    print(json.dumps(trial._asdict()), flush=True)
    if asked.record:
        write_page(trials, str(readers[0].ask("about")))
    for reader in readers:
        reader.close()
    wrong = sum(trial.verdict.startswith("wrong") for trial in trials)
    print(f"{len(trials)} folders, {wrong} wrong")
    return 1 if wrong else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m dev.tensor_law")
    parser.add_argument("--reader", required=True)
    parser.add_argument("--older")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--types", default="all")
    parser.add_argument("--damages", type=int, default=3)
    parser.add_argument("--record", action="store_true")
    return parser.parse_args()


def _folders(builder: Reader, place: Path, types: str) -> Iterator[Path]:
    """A folder for each type that can be built."""
    place.mkdir(parents=True, exist_ok=True)
    known: JsonValue = builder.ask("types")
    wanted = known if types == "all" and isinstance(known, list) else types.split(",")
    for kind in map(str, wanted):
        folder, failed = place / kind, place / f"{kind}.err"
        if not folder.exists() and not failed.exists():
            raw = place / f".{kind}"
            raw.mkdir(exist_ok=True)
            try:
                builder.ask("build", kind=kind, raw=raw)
                builder.ask("headers", folder=raw)
                raw.rename(folder)
            except ReaderError as error:
                failed.write_text(str(error), "utf-8")
        if folder.exists():
            yield folder


def _trials(folder: Path, reader: Reader, case: Path, most: int) -> Iterator[Trial]:
    header = headers_of(folder)
    yield tried(folder, "none", folder, reader)
    names = [name for name in DAMAGES if DAMAGES[name](header) is not None]
    start = sum(map(ord, folder.name)) % max(len(names), 1)
    for name in (names[start:] + names[:start])[:most]:
        damaged = DAMAGES[name](header)
        if damaged is not None:
            write_damaged(folder, damaged, case)
            yield tried(folder, name, case, reader)


if __name__ == "__main__":
    sys.exit(main())
