"""Real merges, each without its traces, against a Hub cache that has their bases and decoys.

``python -m dev.finder CORPUS...`` prints, for each ``base``/``merged`` pair found below, whether the right
base was taken, asked for, or (never) a wrong one; and what the search costs beside a check.
"""

import argparse
import json
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

from dev.corpora import writable_copy
from genfix.api.judging import check
from genfix.errors import GenfixError
from genfix.resolver.finder.run_folders import TRACES
from genfix.weights.number_formats import decode
from tests.support.hub_caches import COMMIT
from tests.support.merges import encoded

_TRACES = (*TRACES, "README.md", "trainer_state.json")


class Case(NamedTuple):
    """One real merge."""

    name: str
    base: Path
    merged: Path


class Tried(NamedTuple):
    """What the search said of one."""

    outcome: str
    """``right``, ``asked`` with the right one among the candidates, ``wrong``, or ``none``."""
    said: str
    searching: float
    """CPU seconds of search and check; of a check alone in ``checking``."""
    checking: float


def pairs(corpora: list[Path]) -> Iterator[Case]:
    """All cases."""
    for corpus in corpora:
        for base in sorted(corpus.rglob("base")):
            if (base.parent / "merged" / "config.json").exists():
                yield Case(str(base.parent.relative_to(corpus)), base, base.parent / "merged")


def cache(root: Path, bases: dict[str, Path], decoys: int, merges: list[Path]) -> None:
    """A Hub cache with these repos, a sibling of each with other weights, other people's ``merges`` of the
    same models without a word of where they come from, and more decoys: of each base in turn its config files
    alone, a sibling that is very near, and a stranger of the same sizes.
    """
    for number, merged in enumerate(merges):
        forget(place(root, f"somebody/sft-v{number}", merged))
    for repo, base in bases.items():
        place(root, repo, base)
        sibling = place(
            root, f"{repo}-Instruct" if "Instruct" not in repo else repo.replace("-Instruct", ""), base
        )
        moved(sibling, seed=crc32(repo.encode()), share=0.05)
    rest = sorted(bases.items())
    for number in range(max(decoys - 2 * len(bases), 0)):
        repo, base = rest[number % len(rest)]
        decoy = place(root, f"decoys/{repo.rpartition('/')[2]}-{number}", base)
        if number % 3 == 0:
            moved(decoy, seed=number, share=1.0)
        elif number % 3 == 1:
            moved(decoy, seed=number, share=0.005)
        else:
            for weights in decoy.glob("*.safetensors"):
                weights.unlink()


def forget(folder: Path) -> None:
    """Take out what says where a folder comes from."""
    for trace in _TRACES:
        (folder / trace).unlink(missing_ok=True)
    config = json.loads((folder / "config.json").read_text())
    config.pop("_name_or_path", None)
    (folder / "config.json").write_text(json.dumps(config, indent=2))


def place(root: Path, repo: str, base: Path) -> Path:
    """A snapshot of ``base`` in the cache."""
    folder = root / f"models--{repo.replace('/', '--')}"
    snapshot = folder / "snapshots" / COMMIT
    if not snapshot.exists():
        writable_copy(base, snapshot)
        (folder / "refs").mkdir(parents=True, exist_ok=True)
        (folder / "refs" / "main").write_text(COMMIT)
    return snapshot


def moved(folder: Path, *, seed: int, share: float) -> None:
    """Change the weights: all numbers by noise of ``share`` of their own size, as a training does."""
    chance = random.Random(seed)
    for path in folder.glob("*.safetensors"):
        content = bytearray(path.read_bytes())
        length = int.from_bytes(content[:8], "little")
        header = json.loads(content[8 : 8 + length])
        for name, entry in header.items():
            if name == "__metadata__" or entry["dtype"] not in {"BF16", "F32", "F16"}:
                continue
            start, end = (8 + length + at for at in entry["data_offsets"])
            numbers = decode(bytes(content[start:end]), entry["dtype"])
            noisy = [number * (1 - share) + share * chance.gauss(0, abs(number) + 1e-3) for number in numbers]
            content[start:end] = encoded(noisy, entry["dtype"])
        path.write_bytes(content)


def tried(
    number: int, case: Case, others: dict[str, Path], rivals: list[Path], work: Path, args: argparse.Namespace
) -> Tried:
    """Search for the base of one case, in a cache that has it beside some of the ``others``."""
    hub = work / f"hub{number}"
    os.environ["HF_HUB_CACHE"] = str(hub)
    true = f"true/{case.base.parent.name}"
    picked = dict(random.Random(number).sample(sorted(others.items()), min(12, len(others))))
    cache(hub, {true: case.base} | picked, args.decoys, rivals[:3])
    folder = writable_copy(case.merged, work / f"case{number}" / "out")
    if not args.keep_traces:
        forget(folder)
    start = time.process_time()
    try:
        took = check(folder, "auto").base or ""
        said = took
    except GenfixError as error:
        took, said = "", str(error.message)
    middle = time.process_time()
    check(folder, place(hub, true, case.base), allow_base_mismatch=True)
    end = time.process_time()
    right = {repo for repo, path in others.items() if same_weights(path, case.base)} | {true}
    if took:
        outcome = "right" if took.partition("@")[0] in right else "wrong"
    else:
        outcome = "asked" if any(repo in said for repo in right) else "none"
    shutil.rmtree(hub)
    return Tried(outcome, said, middle - start, end - middle)


def same_weights(one: Path, other: Path) -> bool:
    """Whether two bases are one model."""
    files = [folder / "model.safetensors" for folder in (one, other)]
    return all(file.exists() for file in files) and len({file.read_bytes() for file in files}) == 1


def main() -> int:
    """Run all cases; 1 where a wrong base was taken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpora", nargs="+", type=Path)
    parser.add_argument("--decoys", type=int, default=30)
    parser.add_argument("--keep-traces", action="store_true")
    parser.add_argument("--rivals", action="store_true", help="with other merges of the same base beside")
    args = parser.parse_args()
    found = list(pairs(args.corpora))
    bases = {f"other/{case.name.replace('/', '-').replace('@', '-')}": case.base for case in found}
    counts = {"right": 0, "asked": 0, "wrong": 0, "none": 0}
    searching = checking = 0.0
    with tempfile.TemporaryDirectory() as made:
        work = Path(made)
        os.environ |= {
            "XDG_CACHE_HOME": str(work / "xdg"),
            "HF_HUB_OFFLINE": "1",
            "MODELSCOPE_CACHE": str(work / "ms"),
        }
        for number, case in enumerate(found):
            others = {repo: base for repo, base in bases.items() if base != case.base}
            rivals = [
                one.merged for one in found if one.name != case.name and same_weights(one.base, case.base)
            ]
            result = tried(number, case, others, rivals if args.rivals else [], work, args)
            counts[result.outcome] += 1
            searching, checking = searching + result.searching, checking + result.checking
            print(f"{result.outcome:6} {case.name}: {result.said[:300]}", flush=True)
    print(counts, f"search and check / check alone: {searching / checking:.2f}")
    return 1 if counts["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
