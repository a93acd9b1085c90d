"""The proof of merges beside deltalint's, on the same folders: ``python -m dev.merge_proof.beside``.

``dev.merge_proof`` has made the merges (``--out``). ``--python`` names an environment with deltalint 0.1.0
and torch; else uv makes ``.venv-deltalint``. Each merge is judged by both, and what either gets wrong is
counted by what was done and by the kind of adapter. Then both commands judge one merge of 0.6 GB: their time
on the CPU and their most memory are measured. ``--record`` writes the tables into ``docs/merge-proof.md``.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from dev.merge_proof.__main__ import EXPECTED, PAGE, ROOT, SAID, Outcome, interpreter, judged
from genfix.weights.merge_proof import Verdict

_REAL: Final = Path(__file__).parent / "real"
_PACKAGES: Final = ("deltalint==0.1.0", "torch==2.13.0", "safetensors", "numpy")
_BEGIN, _END = "<!-- beside:begin -->\n", "<!-- beside:end -->\n"
_HEALTHY: Final = ("right", "dequantised")
_WORDS: Final = ("right", "cannot tell", "wrong", "fails with an error")


class Both(NamedTuple):
    """What both say of one merge."""

    outcome: Outcome
    kind: str
    """Of the adapter and the formats."""
    theirs: str
    """One of `_WORDS`."""
    seconds: float
    """deltalint's, on the CPU, with torch imported."""

    @property
    def ours(self) -> str:
        """One of `_WORDS`."""
        if self.outcome.is_named:
            return "right"
        return "wrong" if self.outcome.is_wrong else "cannot tell"


class Cost(NamedTuple):
    """What a command cost."""

    seconds: float
    """On the CPU."""
    memory: float
    """The most, in MiB."""


class _Deltalint:
    """deltalint in a process of its own, which imports torch once."""

    def __init__(self, python: Path) -> None:
        command = [str(python), str(_REAL / "ask_deltalint.py")]
        self.child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, folder: Path, merged: str) -> Mapping[str, object]:
        given = {"base": folder / "base", "adapter": folder / "adapter", "merged": folder / merged}
        assert self.child.stdin is not None
        assert self.child.stdout is not None
        print(json.dumps(given, default=str), file=self.child.stdin, flush=True)
        answer: Mapping[str, object] = json.loads(self.child.stdout.readline())
        return answer

    def close(self) -> None:
        self.child.kill()
        with self.child:
            pass


def both(out: Path, python: Path) -> Iterator[Both]:
    """Every merge, judged by both."""
    deltalint = _Deltalint(python)
    try:
        for outcome in judged(out):
            answer = deltalint.ask(out / outcome.name, outcome.outcome)
            is_healthy = outcome.outcome in _HEALTHY
            word = {
                "PASS": "right" if is_healthy else "wrong",
                "FAIL": "wrong" if is_healthy else "right",
                "raises": "fails with an error",
            }.get(str(answer["verdict"]), "cannot tell")
            seconds = answer["seconds"]
            assert isinstance(seconds, float)
            yield Both(outcome, _kind(outcome.name), word, seconds)
    finally:
        deltalint.close()


def _kind(name: str) -> str:
    """``llama-lora-bias-F32-0.02``: ``lora-bias``; formats on the way: ``lora, other formats``."""
    models = ("glm4-moe", "qwen3-moe", "llama", "qwen2", "gemma3", "glm4", "mixtral", "gpt2")
    rest = name.removeprefix(next(model for model in models if name.startswith(model)) + "-")
    parts = rest.split("-")
    formats = next(place for place, part in enumerate(parts) if part in ("F32", "BF16", "F16"))
    return "-".join(parts[:formats]) + (" in other formats" if "by" in parts else "")


def table(found: Sequence[Both], costs: Mapping[str, Cost] | None) -> Iterator[str]:
    """Who says what, deltalint's errors by their kind, and the costs."""
    yield (
        "| what was done | merges | genfix: right, cannot tell, wrong "
        "| deltalint: right, cannot tell, wrong, error |"
    )
    yield "|---|---|---|---|"
    for outcome in EXPECTED:
        own = [each for each in found if each.outcome.outcome == outcome]
        if own:
            ours = Counter(_ours_of(each) for each in own)
            theirs = Counter(each.theirs for each in own)
            said = ", ".join(str(ours[word]) for word in _WORDS[:3])
            beside = ", ".join(str(theirs[word]) for word in _WORDS)
            yield f"| {_SAID[outcome]} | {len(own)} | {said} | {beside} |"
    yield ""
    for word, verb in (
        ("wrong", "is wrong"),
        ("fails with an error", "fails"),
        ("cannot tell", "cannot tell"),
    ):
        wrong = [each for each in found if each.theirs == word]
        right = sum(_ours_of(each) == "right" for each in wrong)
        kinds = Counter(each.kind for each in wrong)
        named = ", ".join(f"{kind} {count}" for kind, count in kinds.most_common())
        yield f"deltalint {verb} on {len(wrong)}, of which genfix tells {right} rightly: {named or 'none'}."
        yield ""
    seconds = [sorted(each.seconds for each in found), sorted(each.outcome.seconds for each in found)]
    medians = [1000 * times[len(times) // 2] for times in seconds]
    yield (
        f"A median of {medians[0]:.0f} ms of CPU each by deltalint with torch imported, {medians[1]:.0f} by "
        "genfix."
    )
    if costs is not None:
        theirs_, ours_ = costs["deltalint"], costs["genfix"]
        yield (
            f"The commands on 0.6 GB with 168 matrices, start-up and all: deltalint {theirs_.seconds:.1f} s "
            f"of CPU and {theirs_.memory:.0f} MiB of memory, genfix {ours_.seconds:.1f} s and "
            f"{ours_.memory:.0f} MiB: a ratio of {ours_.seconds / theirs_.seconds:.3f} and "
            f"{ours_.memory / theirs_.memory:.3f}."
        )


_SAID: Final = {**SAID, "more": "another adapter on top"}


def _ours_of(each: Both) -> str:
    """An adapter on top is no merge of this one: genfix says that it cannot tell, and why."""
    return "cannot tell" if each.outcome.proof.verdict is Verdict.UNTOLD else each.ours


def costs(python: Path) -> Mapping[str, Cost]:
    """What both commands cost on a merge of 0.6 GB."""
    with tempfile.TemporaryDirectory() as root:
        place = Path(root)
        subprocess.run([str(python), str(_REAL / "large.py"), root], check=True)
        base, adapter, merged = (str(place / name) for name in ("base", "adapter", "merged"))
        options = ["--base", base, "--adapter", adapter]
        return {
            "deltalint": _cost([str(python.parent / "deltalint"), "check", *options, "--merged", merged]),
            "genfix": _cost([sys.executable, "-m", "genfix", "weights", merged, *options]),
        }


def _cost(command: Sequence[str]) -> Cost:
    one_thread = {**os.environ, "OMP_NUM_THREADS": "1"}
    child = subprocess.Popen(command, stdout=subprocess.PIPE, env=one_thread)
    assert child.stdout is not None
    child.stdout.read()
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise ValueError(f"a right merge, and {' '.join(command[:3])} answers {child.returncode}")
    return Cost(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def main() -> int:
    """Judge by both, and print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=ROOT / ".merge-proof", help="where the merges are")
    parser.add_argument("--python", type=Path, help="a Python with deltalint and torch")
    parser.add_argument("--no-costs", action="store_true", help="leave out the merge of 0.6 GB")
    parser.add_argument("--record", action="store_true", help="write the tables into docs/merge-proof.md")
    given = parser.parse_args()
    python = interpreter(given.python, ".venv-deltalint", _PACKAGES)
    found = [*both(given.out, python)]
    if not found:
        print("no merges: run python -m dev.merge_proof first")
        return 2
    lines = "\n".join(table(found, None if given.no_costs else costs(python)))
    print(lines)
    if given.record:
        before, _, rest = PAGE.read_text().partition(_BEGIN)
        PAGE.write_text(f"{before}{_BEGIN}\n{lines}\n{_END}{rest.partition(_END)[2]}")
    return 1 if any(each.outcome.is_wrong for each in found) else 0


if __name__ == "__main__":
    sys.exit(main())
