"""Proves the loading law: no folder that loaded before a repair fails after it, or says something else.

python -m dev.loading_law --reader v5=PYTHON [--reader v4=PYTHON] [--types all|sample|NAME,NAME|none]
    [--configs DIR] [--merges DIR ...] [--jobs N] [--results FILE] [--record]

The first reader builds the model types; every reader loads every folder. ``--record`` writes
docs/loading-law.md. Ends with 1 where a law is broken.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from pathlib import Path
from typing import Final
from zlib import crc32

from dev.loading_law.damages import DAMAGES
from dev.loading_law.page import PAGE, Run, page
from dev.loading_law.proving import Outcome, prove
from dev.loading_law.reader import Reader
from dev.loading_law.results import append, read
from dev.loading_law.subjects import Kind, Subject

SAMPLE: Final = ("bert", "gemma3", "glm4", "llama", "phi3", "qwen2_vl", "t5")
"""An encoder, a decoder of each RoPE spelling, a composite model, and one that reads and writes."""

_readers: list[Reader] = []
"""Those of this process."""


def _prove(readers: dict[str, str], work: Path, subject: Subject) -> Outcome:
    own = work / f"{os.getpid()}"
    if not _readers:
        _readers.extend(Reader(name, python, own / "loaded") for name, python in readers.items())
    return prove(subject, _readers, own / "subject")


def _subjects(arguments: argparse.Namespace, types: Sequence[str]) -> Iterator[Subject]:
    for folder in sorted(arguments.configs.iterdir()) if arguments.configs else ():
        if folder.is_dir():
            yield Subject(Kind.PUBLISHED, folder.name, folder, arguments.damages)
    for corpus in arguments.merges:
        for merged in sorted(corpus.glob("*@*/*/merged")):
            name = merged.parent.relative_to(corpus).as_posix()
            yield Subject(Kind.MERGE, name, merged.parent, arguments.damages)
    for kind in sorted(types, key=lambda kind: crc32(kind.encode())):  # so that a part says something of all
        yield Subject(Kind.TYPE, kind, damages=arguments.damages)


def _types(wanted: str, reader: Reader) -> Sequence[str]:
    if wanted == "all":
        found = reader.ask("types")
        return [str(kind) for kind in found] if isinstance(found, list) else []
    return {"sample": SAMPLE, "none": ()}.get(wanted, wanted.split(","))


def _outcomes(
    readers: dict[str, str], subjects: Sequence[Subject], work: Path, jobs: int
) -> Iterator[Outcome]:
    started = time.monotonic()
    with ProcessPoolExecutor(jobs) as pool:
        asked = [pool.submit(partial(_prove, readers, work), subject) for subject in subjects]
        for number, future in enumerate(as_completed(asked), 1):
            outcome = future.result()
            said = outcome.excluded or f"{outcome.folders['judged']} judged, {len(outcome.breaches)} breaches"
            print(
                f"{time.monotonic() - started:5.0f} s {number}/{len(asked)} {outcome.subject.name}: {said}",
                flush=True,
            )
            for sentence in outcome.breaches:
                print(f"    {sentence}", flush=True)
            yield outcome


def _run(arguments: argparse.Namespace, readers: dict[str, str], work: Path) -> Run:
    versions: dict[str, str] = {}
    types: Sequence[str] = ()
    for name, python in readers.items():
        asked = Reader(name, python, work / "asked")
        about = asked.ask("about")
        versions[name] = (
            ", ".join(f"{key} {value}" for key, value in about.items()) if isinstance(about, dict) else ""
        )
        types = types or _types(arguments.types, asked)
        asked.close()
    known = {outcome.subject[:2]: outcome for outcome in read(arguments.results, versions)}
    wanted = list(_subjects(arguments, types))
    new = [subject for subject in wanted if subject[:2] not in known]
    if arguments.only_record:
        known |= {subject[:2]: Outcome(subject, "not reached", {}, {}, (), (), ()) for subject in new}
        new = []
    for outcome in _outcomes(readers, new, work, arguments.jobs):
        known[outcome.subject[:2]] = outcome
        if arguments.results:
            append(arguments.results, versions, outcome)
    return Run(versions, list(known.values()), arguments.damages)


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m dev.loading_law", description=(__doc__ or "").split("\n", 1)[0]
    )
    parser.add_argument("--reader", action="append", required=True, metavar="NAME=PYTHON")
    parser.add_argument("--types", default="sample", help="all, sample, none, or names")
    parser.add_argument("--configs", type=Path, help="a folder of published config sets")
    parser.add_argument(
        "--merges", type=Path, nargs="*", default=[], help="corpora of TOOL/MODEL/{base,merged}"
    )
    parser.add_argument(
        "--damages", type=int, default=len(DAMAGES), help="how many of the usual damages each gets, in turn"
    )
    parser.add_argument("--jobs", type=int, default=1, help="how many subjects at a time")
    parser.add_argument(
        "--results", type=Path, help="add each outcome to this file; what stands there is not proven again"
    )
    parser.add_argument(
        "--only-record", action="store_true", help="prove nothing more; what is not in --results is left out"
    )
    parser.add_argument("--record", action="store_true", help="write docs/loading-law.md")
    arguments = parser.parse_args()
    readers = dict(reader.split("=", 1) for reader in arguments.reader)
    with tempfile.TemporaryDirectory(
        prefix="0"
    ) as work:  # a path without words: loaders look for names in it
        run = _run(arguments, readers, Path(work))
    text = page(run)
    if arguments.record or arguments.only_record:
        PAGE.write_text(text, encoding="utf-8")
    broken = sum(len(outcome.breaches) for outcome in run.outcomes)
    print(text.partition("## What is left out")[0])
    print(f"{broken} breaches")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
