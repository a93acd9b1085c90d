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
from zlib import crc32

from genfix.api.judging import check
from genfix.errors import GenfixError
from genfix.resolver.finder.run_folders import TRACES
from genfix.weights.number_formats import decode
from tests.support.hub_caches import COMMIT
from tests.support.merges import encoded

_TRACES = (*TRACES, "README.md", "trainer_state.json")


def pairs(corpora: list[Path]) -> Iterator[tuple[str, Path, Path]]:
    """The name, the base and the merged folder of each case."""
    for corpus in corpora:
        for base in sorted(corpus.rglob("base")):
            if (base.parent / "merged" / "config.json").exists():
                yield str(base.parent.relative_to(corpus)), base, base.parent / "merged"


def cache(root: Path, bases: dict[str, Path], decoys: int) -> None:
    """A Hub cache with these repos, a sibling of each with other weights, and more decoys."""
    for repo, base in bases.items():
        place(root, repo, base)
        sibling = place(
            root, f"{repo}-Instruct" if "Instruct" not in repo else repo.replace("-Instruct", ""), base
        )
        moved(sibling, seed=crc32(repo.encode()), share=0.05)
    rest = sorted(bases.items())
    for number in range(max(decoys - 2 * len(bases), 0)):
        repo, base = rest[number % len(rest)]
        moved(place(root, f"decoys/{repo.rpartition('/')[2]}-{number}", base), seed=number, share=1.0)


def place(root: Path, repo: str, base: Path) -> Path:
    """A snapshot of ``base`` in the cache."""
    folder = root / f"models--{repo.replace('/', '--')}"
    snapshot = folder / "snapshots" / COMMIT
    if not snapshot.exists():
        shutil.copytree(base, snapshot)
        (folder / "refs").mkdir(parents=True, exist_ok=True)
        (folder / "refs" / "main").write_text(COMMIT)
    for path in [snapshot, *snapshot.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
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


def main() -> int:
    """Run all cases; 1 where a wrong base was taken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpora", nargs="+", type=Path)
    parser.add_argument("--decoys", type=int, default=30)
    parser.add_argument("--keep-traces", action="store_true")
    args = parser.parse_args()
    found = list(pairs(args.corpora))
    counts = {"right": 0, "asked": 0, "wrong": 0, "none": 0}
    with tempfile.TemporaryDirectory() as made:
        work = Path(made)
        os.environ |= {
            "XDG_CACHE_HOME": str(work / "xdg"),
            "HF_HUB_OFFLINE": "1",
            "MODELSCOPE_CACHE": str(work / "ms"),
        }
        searching = checking = 0.0
        for number, (name, base, merged) in enumerate(found):
            hub = work / f"hub{number}"
            os.environ["HF_HUB_CACHE"] = str(hub)
            others = {f"other/{label.replace('/', '-').replace('@', '-')}": path for label, path, _ in found}
            true = f"true/{base.parent.name}"
            others = {repo: path for repo, path in others.items() if path != base}
            picked = dict(random.Random(number).sample(sorted(others.items()), min(12, len(others))))
            cache(hub, {true: base} | picked, args.decoys)
            place_of = work / f"case{number}" / "out"
            shutil.copytree(merged, place_of)
            for path in [place_of, *place_of.rglob("*")]:
                path.chmod(0o755 if path.is_dir() else 0o644)
            for trace in () if args.keep_traces else _TRACES:
                (place_of / trace).unlink(missing_ok=True)
            config = json.loads((place_of / "config.json").read_text())
            config.pop("_name_or_path", None)
            (place_of / "config.json").write_text(json.dumps(config, indent=2))
            start = time.process_time()
            try:
                took = check(place_of, "auto").base or ""
                said = took
            except GenfixError as error:
                took, said = "", str(error.message)
            middle = time.process_time()
            check(
                place_of,
                hub / f"models--{true.replace('/', '--')}" / "snapshots" / COMMIT,
                allow_base_mismatch=True,
            )
            searching, checking = searching + middle - start, checking + time.process_time() - middle
            same = {
                repo
                for repo, path in others.items()
                if (path / "model.safetensors").exists()
                and (base / "model.safetensors").exists()
                and (path / "model.safetensors").read_bytes() == (base / "model.safetensors").read_bytes()
            } | {true}
            outcome = (
                "right"
                if took.partition("@")[0] in same
                else "wrong"
                if took
                else "asked"
                if any(repo in said for repo in same)
                else "none"
            )
            counts[outcome] += 1
            print(f"{outcome:6} {name}: {said[:300]}", flush=True)
            shutil.rmtree(hub)
    print(counts, f"search and check / check alone: {searching / checking:.2f}")
    return 1 if counts["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
