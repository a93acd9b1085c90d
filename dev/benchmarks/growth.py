"""What ten times the input costs: CPU time and memory must grow with it, and no faster.

    python -m dev.benchmarks.growth [CASE...] [--size N]

Each case runs at N (by default its own size of `SIZES`) and at ten times N, each in a process of its own;
printed are CPU seconds and peak memory of the work, and the ratio of the times. A ratio above 12 is wrong,
and ends with exit 1.
"""

import argparse
import contextlib
import gc
import io
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, TypeAlias

from genfix.cli.main import main as genfix
from genfix.folder.folder import Origin
from genfix.folder.remote import RemoteFolder
from genfix.probe.leakage import find_leaks
from genfix.probe.markers import markers_of
from genfix.probe.repetition import find_loop
from genfix.resolver.hub.hub_errors import HubRequest
from genfix.resolver.hub.hub_listing import parse_listing
from genfix.web.secrets import Secrets
from tests.support.folders import Files, chatml_files, write_folder

BOUND: Final = 12.0
_SHARD: Final = 10_000
"""Tensors in one file."""
Work: TypeAlias = Callable[[], object]


def _check(place: Path, merged: Files, base: Files) -> Work:
    words = ["check", str(write_folder(place / "merged", merged))]
    words += ["--base", str(write_folder(place / "base", base)), "--allow-base-mismatch"]

    def work() -> None:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            code = genfix(words)
        if code not in {0, 1}:
            raise ValueError(f"{words} ended with {code}")

    return work


def tensors(place: Path, size: int) -> Work:
    """A model of so many tensors, in shards: one header has no more than 100 MB (the format's own limit)."""
    names = [f"h.{n // 10}.w{n % 10}.weight" for n in range(size)]
    shards = [names[at : at + _SHARD] for at in range(0, size, _SHARD)]
    entry = {"dtype": "BF16", "shape": [2, 2], "data_offsets": [0, 8]}
    weights: dict[str, bytes] = {}
    index: dict[str, str] = {}
    for number, shard in enumerate(shards, 1):
        text = json.dumps(dict.fromkeys(shard, entry)).encode()
        name = f"model-{number:05}-of-{len(shards):05}.safetensors"
        weights[name] = len(text).to_bytes(8, "little") + text + bytes(8)
        index |= dict.fromkeys(shard, name)
    weights["model.safetensors.index.json"] = json.dumps({"weight_map": index}).encode()
    return _check(place, chatml_files() | weights, chatml_files() | weights)


def added_tokens(place: Path, size: int) -> Work:
    """Tokenizers of so many added tokens, of which the last is another one."""
    files = chatml_files()
    head = json.loads(files["tokenizer.json"])
    known = head["added_tokens"]

    def changed(last: str) -> Files:
        texts = [*(f"<|extra_{n}|>" for n in range(size - 1)), last]
        added = [{"id": 5000 + n, "content": text, "special": True} for n, text in enumerate(texts)]
        return files | {"tokenizer.json": json.dumps(head | {"added_tokens": [*known, *added]}).encode()}

    return _check(place, changed("<|mine|>"), changed("<|theirs|>"))


def files(place: Path, size: int) -> Work:
    """A base of so many files, of which the merged folder has the half."""
    names = [f"note-{n}.txt" for n in range(size)]
    base = dict(chatml_files()) | dict.fromkeys(names, b"")
    return _check(place, chatml_files() | dict.fromkeys(names[::2], b""), base)


def siblings(place: Path, size: int) -> Work:
    """A base on a Hub that lists so many files."""
    del place
    rows = [{"rfilename": f"data/{n}.txt", "size": 0, "blobId": f"{n:040x}"} for n in range(size)]
    content = json.dumps({"id": "org/base", "sha": "a" * 40, "siblings": rows}).encode()

    def work() -> None:
        listing = parse_listing(content, HubRequest("", "org/base"), Secrets.of("hf_secret"))
        if len(RemoteFolder(Origin("hub", "org/base"), listing.files, Path).names()) != size:
            raise ValueError("files are missing")

    return work


def turn_ends(place: Path, size: int) -> Work:
    """An answer that consists of so many turn ends, roles and labels."""
    del place
    answer, markers = "<|user|>\nuser\nUser: x\n" * size, markers_of(None)
    return lambda: (find_leaks(answer, markers), find_loop(answer))


CASES: Final[Mapping[str, Callable[[Path, int], Work]]] = {
    "tensors": tensors,
    "added-tokens": added_tokens,
    "files": files,
    "siblings": siblings,
    "turn-ends": turn_ends,
}


SIZES: Final[Mapping[str, int]] = {
    "tensors": 100_000,
    "added-tokens": 100_000,
    "files": 10_000,
    "siblings": 20_000,
    "turn-ends": 20_000,
}
"""Ten times these are what genfix is asked to bear."""


def measure(case: str, size: int) -> tuple[float, float]:
    """CPU seconds and peak memory in MiB of one case, in a process of its own."""
    command = [sys.executable, "-m", "dev.benchmarks.growth", case, "--size", str(size), "--alone"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    seconds, peak = done.stdout.split()
    return float(seconds), float(peak)


def alone(case: str, size: int) -> None:
    """Do the work of a case here, and print what it cost."""
    with tempfile.TemporaryDirectory() as place:
        work = CASES[case](Path(place), size)
        gc.disable()  # as the command does
        started = time.process_time()
        work()
        seconds = time.process_time() - started
    print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def main() -> int:
    """Measure all cases that were asked for; 1 where one grows faster than its input."""
    parser = argparse.ArgumentParser(prog="python -m dev.benchmarks.growth")
    parser.add_argument("cases", nargs="*", choices=[*CASES, []], help="by default all")
    parser.add_argument("--size", type=int)
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    cases: list[str] = given.cases or [*CASES]
    if given.alone:
        alone(cases[0], given.size)
        return 0
    print(f"{'':<14}{'size':>10}{'CPU s':>8}{'MiB':>8}{'x 10':>8}{'MiB':>8}{'ratio':>8}")
    wrong = 0
    for case in cases:
        size: int = given.size or SIZES[case]
        (small, little), (large, much) = measure(case, size), measure(case, size * 10)
        ratio = large / small
        wrong += ratio > BOUND
        print(
            f"{case:<14}{size:>10,}{small:>8.2f}{little:>8.0f}{large:>8.2f}{much:>8.0f}{ratio:>8.1f}",
            flush=True,
        )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
